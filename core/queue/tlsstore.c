/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsstore.c - counts and reports as small values of the spool: JSON, read back
 * with as little trust as any file.
 */
#include "queue/tlsrpt_int.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

/* Keys: "day DOMAIN", and "report NUMBER". */
#define STATE_NS STR("core.tlsrpt")
enum { KEPT_DAYS = 4 };

static void
set_str(json_t *to, const char *key, struct str s)
{
    (void)json_object_set_new(to, key, json_stringn(s.p, s.n));
}

static void
put(struct tlsrpt *t, struct str key, json_t *j, int64_t expiry)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    struct err e = {0};

    if (spool_state_put(t->c.spool, STATE_NS, key, str_of(text), expiry, &e) <
        0)
        log_warn(LOG_QUEUE, "tls-report-not-stored",
            "key=\"%.*s\" reason=\"%s\"", STR_ARG(key), e.text);
    free(text);
    if (j)
        json_decref(j);
}

static json_t *
print_tally(const struct tlstally *t)
{
    json_t *j = json_object();

    set_str(j, "domain", str_of(t->domain));
    (void)json_object_set_new(j, "from", json_integer(t->from));
    (void)json_object_set_new(j, "until", json_integer(t->until));
    (void)json_object_set_new(j, "policies", tlstally_print(t));
    return j;
}

void
tlsstore_put(struct subject *d)
{
    struct buf key = BUF_INIT;

    buf_printf(&key, "day %s", d->name);
    if (d->tally)
        put(d->t, buf_get(&key), print_tally(d->tally),
            d->tally->from + KEPT_DAYS * (int64_t)TLSRPT_DAY_MS);
    else
        put(d->t, buf_get(&key), NULL, 0);
    buf_fini(&key);
}

static void
errand_key(const struct errand *x, struct buf *to)
{
    buf_printf(to, "report %llx", (unsigned long long)x->id);
}

void
tlsstore_put_errand(const struct errand *x)
{
    json_t *j = print_tally(x->tally), *sent = json_array();
    struct buf key = BUF_INIT;

    errand_key(x, &key);
    (void)json_object_set_new(j, "due", json_integer(x->due.when));
    (void)json_object_set_new(j, "first", json_integer(x->first));
    (void)json_object_set_new(j, "tries", json_integer(x->tries));
    for (size_t i = 0; i < x->sent_count; i++)
        (void)json_array_append_new(
            sent, json_stringn(x->sent[i].p, x->sent[i].n));
    (void)json_object_set_new(j, "sent", sent);
    put(x->t, buf_get(&key), j,
        x->tally->until + KEPT_DAYS * (int64_t)TLSRPT_DAY_MS);
    buf_fini(&key);
}

void
tlsstore_drop_errand(const struct errand *x)
{
    struct buf key = BUF_INIT;

    errand_key(x, &key);
    put(x->t, buf_get(&key), NULL, 0);
    buf_fini(&key);
}

/* --- reading --- */

static int64_t
get_time(const json_t *j, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(j, key));

    /* from 1970 to 9999 */
    return n > 0 && n < (json_int_t)253402300800000 ? (int64_t)n : 0;
}

/* NULL: it is none. */
static struct tlstally *
read_tally(const json_t *j)
{
    const json_t *name = json_object_get(j, "domain");
    int64_t from = get_time(j, "from"), until = get_time(j, "until");
    struct tlstally *t;

    if (!json_string_length(name) || !from || until < from)
        return NULL;
    t = tlstally_new(
        str_make(json_string_value(name), json_string_length(name)), from);
    t->until = until;
    tlstally_read(t, json_object_get(j, "policies"));
    return t;
}

static void
load_day(struct tlsrpt *t, struct tlstally *tally)
{
    struct subject *d = tlsrpt_make_subject(t, str_of(tally->domain));

    if (!d) {
        tlstally_free(&tally);
        return;
    }
    d->tally = tally;
    t->bytes += tally->bytes;
}

static void
load_errand(
    struct tlsrpt *t, uint64_t id, const json_t *j, struct tlstally *tally)
{
    struct errand *x = tlssend_new(t, tally, id, get_time(j, "due"));
    const json_t *sent = json_object_get(j, "sent");
    json_int_t tries = json_integer_value(json_object_get(j, "tries"));
    size_t i;
    json_t *v;

    x->first = get_time(j, "first");
    x->tries = (uint32_t)MIN_OF(MAX_OF(tries, (json_int_t)0), (json_int_t)100);
    json_array_foreach(
        sent, i, v) if (json_string_length(v) && x->sent_count < TLSRUA_MOST)
        tlssend_note(x, str_make(json_string_value(v), json_string_length(v)));
}

static void
load_one(void *arg, struct str key, struct str value)
{
    struct tlsrpt *t = arg;
    json_t *j = json_loadb(value.p, value.n, 0, NULL);
    struct tlstally *tally = read_tally(j);
    struct str rest = key, word = str_cut(&rest, ' ');
    uint64_t id;

    if (!tally)
        log_warn(
            LOG_QUEUE, "tls-report-not-read", "key=\"%.*s\"", STR_ARG(key));
    else if (str_eq(word, STR("day")) &&
        !tlsrpt_subject(t, str_of(tally->domain)))
        load_day(t, tally);
    else if (str_eq(word, STR("report")) && num_hex(rest, &id) == 0 &&
        t->errand_count < TLSRPT_MOST_REPORTS)
        load_errand(t, id, j, tally);
    else
        tlstally_free(&tally);
    if (j)
        json_decref(j);
}

void
tlsstore_load(struct tlsrpt *t)
{
    spool_state_each(t->c.spool, STATE_NS, load_one, t);
}
