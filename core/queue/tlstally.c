/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/tlstally.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "base/banned.h"

/* In this order in a report. */
enum { RESULT, SENDING_IP, MX, HELO, RECEIVING_IP, INFO, CODE, TEXTS };
static const char *const names[TEXTS] = {"result-type", "sending-mta-ip",
    "receiving-mx-hostname", "receiving-mx-helo", "receiving-ip",
    "additional-information", "failure-reason-code"};

struct failure {
    struct list node;
    char *text[TEXTS]; /* or NULL */
    uint64_t count;
};
struct policy {
    struct list node;
    char *type, *domain, *strings, *mx; /* the last two may be NULL */
    uint64_t good, bad;
    struct list failures;
    size_t failure_count;
};

/* --- text --- */

/* Printable ASCII, so many octets at most; NULL: nothing is left. */
static char *
plain_most(struct str s, size_t most)
{
    struct buf b = BUF_INIT;

    for (size_t i = 0; i < s.n && b.n < most; i++)
        buf_char(&b, s.p[i] < ' ' || s.p[i] > '~' ? '?' : s.p[i]);
    return b.n ? buf_detach(&b, NULL) : NULL;
}

static char *
plain(struct str s)
{
    return plain_most(s, TLSTALLY_TEXT_MAX);
}

static char *
plain_list(struct str s)
{
    struct buf b = BUF_INIT;
    int left = TLSTALLY_STRINGS;

    while (s.n && left && b.n < TLSTALLY_BYTES / 4) {
        struct str line = str_cut(&s, '\n');
        char *one;

        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        one = plain_most(line, TLSTALLY_STRING_MAX);
        if (!one)
            continue;
        if (b.n)
            buf_char(&b, '\n');
        buf_cstr(&b, one);
        free(one);
        left--;
    }
    return b.n ? buf_detach(&b, NULL) : NULL;
}

static bool
same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static size_t
length(const char *a)
{
    return a ? strlen(a) + 1 : 0;
}

/* --- life --- */

struct tlstally *
tlstally_new(struct str domain, int64_t from)
{
    struct tlstally *t = xnew(struct tlstally);

    t->domain = plain(domain);
    if (!t->domain)
        t->domain = xdup("?");
    t->from = t->until = from;
    t->bytes = sizeof(*t) + length(t->domain);
    list_init(&t->policies);
    return t;
}

static void
failure_free(struct failure *f)
{
    for (int i = 0; i < TEXTS; i++)
        free(f->text[i]);
    free(f);
}

static void
policy_free(struct policy *p)
{
    struct list *n;

    while ((n = list_take(&p->failures)) != NULL)
        failure_free(LIST_ENTRY(n, struct failure, node));
    free(p->type);
    free(p->domain);
    free(p->strings);
    free(p->mx);
    free(p);
}

void
tlstally_free(struct tlstally **t)
{
    struct list *n;

    if (!*t)
        return;
    while ((n = list_take(&(*t)->policies)) != NULL)
        policy_free(LIST_ENTRY(n, struct policy, node));
    free((*t)->domain);
    xfree(t);
}

/* --- counting --- */

static struct policy *
policy_new(const struct tlstally_policy *is)
{
    struct policy *p = xnew(struct policy);

    p->type = plain(is->type);
    p->domain = plain(is->domain);
    p->strings = plain_list(is->strings);
    p->mx = plain_list(is->mx);
    list_init(&p->failures);
    return p;
}

/* A policy that changes with every session is counted under the last that had
 * room: the sums stay right. */
static struct policy *
policy_get(struct tlstally *t, const struct tlstally_policy *is)
{
    struct policy *p = policy_new(is);
    struct list *n;

    LIST_FOREACH (n, &t->policies) {
        struct policy *had = LIST_ENTRY(n, struct policy, node);

        if (same(had->type, p->type) && same(had->domain, p->domain) &&
            same(had->strings, p->strings) && same(had->mx, p->mx)) {
            policy_free(p);
            return had;
        }
    }
    if (t->policy_count &&
        (t->policy_count == TLSTALLY_POLICIES || t->bytes > TLSTALLY_BYTES)) {
        policy_free(p);
        return LIST_ENTRY(t->policies.prev, struct policy, node);
    }
    list_push(&t->policies, &p->node);
    t->policy_count++;
    t->bytes += sizeof(*p) + length(p->type) + length(p->domain) +
        length(p->strings) + length(p->mx);
    return p;
}

static struct failure *
failure_new(const struct tlstally_failure *is)
{
    struct failure *f = xnew(struct failure);

    f->text[RESULT] = plain(is->result);
    f->text[SENDING_IP] = plain(is->sending_ip);
    f->text[MX] = plain(is->mx);
    f->text[HELO] = plain(is->helo);
    f->text[RECEIVING_IP] = plain(is->receiving_ip);
    f->text[INFO] = plain(is->info);
    f->text[CODE] = plain(is->code);
    return f;
}

static bool
failures_are_same(const struct failure *a, const struct failure *b)
{
    for (int i = 0; i < TEXTS; i++)
        if (!same(a->text[i], b->text[i]))
            return false;
    return true;
}

static void
failure_add(struct tlstally *t, struct policy *p,
    const struct tlstally_failure *is, uint64_t count)
{
    struct failure *f = failure_new(is);
    struct list *n;

    LIST_FOREACH (n, &p->failures) {
        struct failure *had = LIST_ENTRY(n, struct failure, node);

        if (failures_are_same(had, f)) {
            had->count += count;
            failure_free(f);
            return;
        }
    }
    if (p->failure_count == TLSTALLY_FAILURES || t->bytes > TLSTALLY_BYTES) {
        failure_free(f);
        return;
    }
    f->count = count;
    list_push(&p->failures, &f->node);
    p->failure_count++;
    t->bytes += sizeof(*f);
    for (int i = 0; i < TEXTS; i++)
        t->bytes += length(f->text[i]);
}

void
tlstally_add(struct tlstally *t, const struct tlstally_policy *is,
    const struct tlstally_failure *f)
{
    struct policy *p = policy_get(t, is);

    if (!f) {
        p->good++;
        t->good++;
        return;
    }
    p->bad++;
    t->bad++;
    failure_add(t, p, f, 1);
}

/* --- as JSON --- */

static void
set_text(json_t *to, const char *key, const char *text)
{
    if (text)
        (void)json_object_set_new(to, key, json_string(text));
}

static void
set_list(json_t *to, const char *key, const char *lines)
{
    struct str rest = str_of(lines);
    json_t *list;

    if (!lines)
        return;
    list = json_array();
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');

        (void)json_array_append_new(list, json_stringn(line.p, line.n));
    }
    (void)json_object_set_new(to, key, list);
}

static void
set_count(json_t *to, const char *key, uint64_t n)
{
    (void)json_object_set_new(
        to, key, json_integer((json_int_t)MIN_OF(n, (uint64_t)INT64_MAX)));
}

static json_t *
print_failures(const struct policy *p)
{
    json_t *list = json_array();
    const struct list *n;

    LIST_FOREACH (n, &p->failures) {
        const struct failure *f = LIST_ENTRY(n, struct failure, node);
        json_t *to = json_object();

        for (int i = 0; i < TEXTS; i++)
            set_text(to, names[i], f->text[i]);
        set_count(to, "failed-session-count", f->count);
        (void)json_array_append_new(list, to);
    }
    return list;
}

static json_t *
print_policy(const struct policy *p)
{
    json_t *to = json_object(), *is = json_object(), *sum = json_object();

    set_text(is, "policy-type", p->type);
    set_list(is, "policy-string", p->strings);
    set_text(is, "policy-domain", p->domain);
    set_list(is, "mx-host", p->mx);
    set_count(sum, "total-successful-session-count", p->good);
    set_count(sum, "total-failure-session-count", p->bad);
    (void)json_object_set_new(to, "policy", is);
    (void)json_object_set_new(to, "summary", sum);
    if (p->failure_count)
        (void)json_object_set_new(to, "failure-details", print_failures(p));
    return to;
}

json_t *
tlstally_print(const struct tlstally *t)
{
    json_t *list = json_array();
    const struct list *n;

    LIST_FOREACH (n, &t->policies)
        (void)json_array_append_new(
            list, print_policy(LIST_ENTRY(n, const struct policy, node)));
    return list;
}

/* --- and back --- */

static struct str
get_text(const json_t *from, const char *key)
{
    const json_t *v = json_object_get(from, key);

    return v ? str_make(json_string_value(v), json_string_length(v)) : STR_NONE;
}

static struct str
get_list(const json_t *from, const char *key, struct buf *b)
{
    const json_t *list = json_object_get(from, key);
    size_t i;
    json_t *v;

    json_array_foreach(list, i, v)
    {
        if (b->n)
            buf_char(b, '\n');
        buf_str(b, str_make(json_string_value(v), json_string_length(v)));
    }
    return b->n ? buf_get(b) : STR_NONE;
}

static uint64_t
get_count(const json_t *from, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(from, key));

    return n > 0 ? (uint64_t)n : 0;
}

static void
read_failures(struct tlstally *t, struct policy *p, const json_t *list)
{
    json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        struct tlstally_failure f = {.result = get_text(v, names[RESULT]),
            .sending_ip = get_text(v, names[SENDING_IP]),
            .mx = get_text(v, names[MX]),
            .helo = get_text(v, names[HELO]),
            .receiving_ip = get_text(v, names[RECEIVING_IP]),
            .info = get_text(v, names[INFO]),
            .code = get_text(v, names[CODE])};

        failure_add(t, p, &f, get_count(v, "failed-session-count"));
    }
}

void
tlstally_read(struct tlstally *t, const json_t *policies)
{
    json_t *v;
    size_t i;

    json_array_foreach(policies, i, v)
    {
        const json_t *is = json_object_get(v, "policy");
        const json_t *sum = json_object_get(v, "summary");
        struct buf strings = BUF_INIT, mx = BUF_INIT;
        struct policy *p = policy_get(t,
            &(struct tlstally_policy){.type = get_text(is, "policy-type"),
                .domain = get_text(is, "policy-domain"),
                .strings = get_list(is, "policy-string", &strings),
                .mx = get_list(is, "mx-host", &mx)});
        uint64_t good = get_count(sum, "total-successful-session-count");
        uint64_t bad = get_count(sum, "total-failure-session-count");

        p->good += good;
        p->bad += bad;
        t->good += good;
        t->bad += bad;
        read_failures(t, p, json_object_get(v, "failure-details"));
        buf_fini(&strings);
        buf_fini(&mx);
    }
}
