/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_dns.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/list.h"
#include "base/xmem.h"
#include "loop/defer.h"

enum { ROWS = 400 };
static struct row {
    char name[128], value[128];
    enum dns_type type;
    enum dns_status status;
    uint32_t ttl;
    int pref;
    bool unsign;
} rows[ROWS];
static const char *zones[8];
static size_t zone_count;
static bool distrusted, aliases_fail;
static size_t row_count;
static struct {
    char name[128];
    enum dns_type type;
} asked[4000];
static size_t asked_count;
static bool held, muted;

struct dns_question {
    struct list node;
    struct dns *dns;
    char name[256];
    enum dns_type type;
    dns_answer_f *fn;
    void *arg;
};
struct dns {
    struct loop *loop;
    struct list questions;
    struct defer answer;
    uint64_t replies;
};
static struct dns *the_dns;

void
fake_dns_reset(void)
{
    row_count = asked_count = 0;
    held = muted = distrusted = false;
    zone_count = 0;
}

void
fake_dns_add(const char *name, enum dns_type t, uint32_t ttl, int pref,
    const char *value)
{
    struct row *r = &rows[row_count++];

    assert_true(strlen(value) < sizeof(r->value));

    if (row_count == ROWS)
        abort();
    memset(r, 0, sizeof(*r));
    str_copy(r->name, sizeof(r->name), str_of(name));
    str_copy(r->value, sizeof(r->value), str_of(value));
    r->type = t;
    r->ttl = ttl;
    r->pref = pref;
}

void
fake_dns_say(const char *name, enum dns_type t, enum dns_status status)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0 && rows[i].type == t)
            rows[i].name[0] = '!';
    fake_dns_add(name, t, 60, 0, "");
    rows[row_count - 1].status = status;
}

void
fake_dns_drop(const char *name)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0)
            rows[i].name[0] = '!';
}

void
fake_dns_sign(const char *zone)
{
    zones[zone_count++] = zone;
}

void
fake_dns_trust(bool on)
{
    distrusted = !on;
}

void
fake_dns_break_alias(bool on)
{
    aliases_fail = on;
}

bool
dns_is_trusted(const struct dns *d)
{
    (void)d;
    return !distrusted;
}

const char *
dns_status_name(enum dns_status s)
{
    return s == DNS_OK ? "ok" : "not ok";
}

void
fake_dns_unsign(const char *name, enum dns_type t)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0 && rows[i].type == t)
            rows[i].unsign = true;
}

static bool
is_signed(const char *name)
{
    for (size_t i = 0; i < zone_count; i++) {
        size_t n = strlen(name), z = strlen(zones[i]);

        if (n >= z && strcmp(name + n - z, zones[i]) == 0 &&
            (n == z || name[n - z - 1] == '.'))
            return true;
    }
    return false;
}

static void fake_answer(void *arg);

static void
fake_post(struct dns *d)
{
    if (!held && list_first(&d->questions))
        defer_post(d->loop, &d->answer, fake_answer, d, "fake dns");
}

void
fake_dns_hold(bool on)
{
    held = on;
    if (the_dns)
        fake_post(the_dns);
}

void
fake_dns_mute(bool on)
{
    muted = on;
}

int
fake_dns_asked(const char *name, enum dns_type t)
{
    int n = 0;

    for (size_t i = 0; i < asked_count; i++)
        n += asked[i].type == t && strcmp(asked[i].name, name) == 0;
    return n;
}

static struct str
octets(const char *hex)
{
    static unsigned char bytes[32][128];
    static unsigned at;
    unsigned char *to = bytes[at++ % 32];
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        to[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return str_make(to, n);
}

static void
fake_record(const struct row *row, struct dns_record *to)
{
    memset(to, 0, sizeof(*to));
    to->ttl = row->ttl;
    to->preference = (uint16_t)row->pref;
    if (row->type == DNS_A || row->type == DNS_AAAA)
        cidr_parse(str_of(row->value), 0, &to->ip, NULL);
    else if (row->type == DNS_TXT)
        to->bytes = str_of(row->value);
    else if (row->type == DNS_TLSA)
        to->bytes = octets(row->value);
    else
        to->name = str_of(row->value);
}

/* Where aliases lead. */
static const char *
follow(const char *name, bool *authenticated)
{
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].type != DNS_CNAME || strcmp(rows[i].name, name) != 0 ||
            rows[i].status != DNS_OK)
            continue;
        *authenticated &= is_signed(name) && !rows[i].unsign;
        name = rows[i].value;
        i = (size_t)-1;
    }
    return name;
}

static void
fake_answer_one(struct dns_question *q)
{
    struct dns_record records[256];
    struct dns_answer a = {
        .status = DNS_NXDOMAIN, .ttl = 60, .authenticated = true};
    const char *name =
        q->type == DNS_CNAME ? q->name : follow(q->name, &a.authenticated);

    a.record = records;
    a.authenticated &= is_signed(name) && !distrusted;
    if (name != q->name)
        a.canonical = str_of(name);
    for (size_t i = 0; i < row_count; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].type != q->type) {
            if (a.status == DNS_NXDOMAIN && rows[i].status != DNS_NXDOMAIN)
                a.status = DNS_NODATA;
            continue;
        }
        a.status = rows[i].status;
        a.authenticated &= !rows[i].unsign;
        if (a.status != DNS_OK)
            break;
        a.ttl = a.count ? MIN_OF(a.ttl, rows[i].ttl) : rows[i].ttl;
        fake_record(&rows[i], &records[a.count++]);
    }
    if (q->type == DNS_CNAME && aliases_fail)
        a = (struct dns_answer){.status = DNS_SERVFAIL, .ttl = 60};
    q->dns->replies += !muted;
    q->fn(q->arg, &a);
}

static void
fake_answer(void *arg)
{
    struct dns *d = arg;
    struct list round, *it;

    if (held)
        return;
    list_init(&round);
    while ((it = list_take(&d->questions)) != NULL)
        list_push(&round, it);
    while ((it = list_take(&round)) != NULL) {
        struct dns_question *q = LIST_ENTRY(it, struct dns_question, node);
        fake_answer_one(q);
        free(q);
    }
}

struct dns *
dns_new(struct loop *l, const struct dns_config *c, struct err *e)
{
    struct dns *d = xnew(struct dns);

    (void)c;
    (void)e;
    d->loop = l;
    list_init(&d->questions);
    the_dns = d;
    return d;
}

void
dns_free(struct dns **d)
{
    the_dns = NULL;
    defer_cancel(&(*d)->answer);
    xfree(d);
}

void
dns_reload(struct dns *d, const struct dns_config *c)
{
    (void)d;
    (void)c;
}

struct dns_question *
dns_ask(struct dns *d, struct str name, enum dns_type t, dns_answer_f *fn,
    void *arg)
{
    struct dns_question *q = xnew(struct dns_question);

    q->dns = d;
    for (size_t i = 0; i < name.n && i < sizeof(q->name) - 1; i++)
        q->name[i] = name.p[i] >= 'A' && name.p[i] <= 'Z'
            ? (char)(name.p[i] - 'A' + 'a')
            : name.p[i];
    q->type = t;
    q->fn = fn;
    q->arg = arg;
    if (asked_count < 4000) {
        str_copy(asked[asked_count].name, 128, str_of(q->name));
        asked[asked_count++].type = t;
    }
    list_push(&d->questions, &q->node);
    fake_post(d);
    return q;
}

void
dns_cancel(struct dns_question **q)
{
    if (!*q)
        return;
    list_remove(&(*q)->node);
    xfree(q);
}

void
dns_forget(struct dns *d, struct str name)
{
    (void)d;
    (void)name;
}

void
dns_get_stats(const struct dns *d, struct dns_stats *st)
{
    memset(st, 0, sizeof(*st));
    st->replies = d->replies;
}
