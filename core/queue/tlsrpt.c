/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/tlsrpt_int.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/xmem.h"
#include "queue/tlsrpt_options.h"
#include "base/banned.h"

static void subject_answer(void *arg, const struct dns_answer *a);

static int64_t
day_of(int64_t wall)
{
    return wall / TLSRPT_DAY_MS;
}

void
tlsrpt_wake(struct tlsrpt *t, int64_t ms)
{
    int64_t at = loop_now(t->c.loop) + ms;

    if (!t->stopped && (!timer_armed(&t->timer) || t->timer.node.when > at))
        timer_start_at(&t->timer, at);
}

/* --- domains --- */

struct subject *
tlsrpt_subject(struct tlsrpt *t, struct str domain)
{
    return map_find(&t->subjects, domain);
}

struct subject *
tlsrpt_make_subject(struct tlsrpt *t, struct str domain)
{
    struct subject *d;

    if (t->subjects.count >= TLSRPT_MOST_DOMAINS)
        return NULL;
    d = xnew(struct subject);
    d->t = t;
    d->name = xdupn(domain.p, domain.n);
    list_push(&t->all, &d->node);
    (void)map_put(&t->subjects, str_of(d->name), d);
    return d;
}

static void
drop_tally(struct subject *d)
{
    if (!d->tally)
        return;
    d->t->bytes -= d->tally->bytes;
    tlstally_free(&d->tally);
}

void
tlsrpt_drop_subject(struct subject *d)
{
    struct tlsrpt *t = d->t;

    if (d->question) {
        dns_cancel(&d->question);
        t->questions--;
    }
    drop_tally(d);
    (void)map_remove(&t->subjects, str_of(d->name));
    list_remove(&d->node);
    list_remove(&d->dirty_node);
    list_remove(&d->ask_node);
    free(d->name);
    free(d);
}

void
tlsrpt_dirty(struct subject *d)
{
    struct tlsrpt *t = d->t;

    if (!list_linked(&d->dirty_node))
        list_push(&t->dirty, &d->dirty_node);
    if (!t->save_at) {
        t->save_at = loop_now(t->c.loop) + TLSRPT_SAVE_MS;
        tlsrpt_wake(t, TLSRPT_SAVE_MS);
    }
}

/* --- does it want reports? --- */

struct dns_question *
tlsrpt_ask(struct tlsrpt *t, struct str domain, dns_answer_f *fn, void *arg)
{
    struct buf name = BUF_INIT;
    struct dns_question *q;

    buf_cstr(&name, "_smtp._tls.");
    buf_str(&name, domain);
    q = dns_ask(t->c.dns, buf_get(&name), DNS_TXT, fn, arg);
    buf_fini(&name);
    return q;
}

int
tlsrpt_read(const struct dns_answer *a, struct tlsrua *to, struct err *e)
{
    struct str few[16];
    size_t n = 0;

    to->count = 0;
    if (a->status == DNS_SERVFAIL || a->status == DNS_TIMEOUT)
        return err_set(
            e, ERR_AGAIN, "DNS failed: %s", dns_status_name(a->status));
    if (a->count > ARRAY_SIZE(few))
        return err_set(e, ERR_NOTFOUND, "too many records");
    for (size_t i = 0; a->status == DNS_OK && i < a->count; i++)
        few[n++] = a->record[i].bytes;
    return tlsrua_parse(few, n, to, e);
}

static void
subject_ask(struct subject *d)
{
    struct tlsrpt *t = d->t;

    if (d->question || list_linked(&d->ask_node) || t->stopped)
        return;
    if (t->questions >= TLSRPT_AT_ONCE) {
        list_push(&t->asks, &d->ask_node);
        return;
    }
    t->questions++;
    d->question = tlsrpt_ask(t, str_of(d->name), subject_answer, d);
}

static void
subject_answer(void *arg, const struct dns_answer *a)
{
    struct subject *d = arg;
    struct tlsrpt *t = d->t;
    int64_t now = clock_wall();
    struct tlsrua rua;
    struct err e = {0};
    struct list *next;
    int rc = tlsrpt_read(a, &rua, &e);

    d->question = NULL;
    t->questions--;
    d->wants = rc == 0    ? SUBJECT_YES
        : rc == ERR_AGAIN ? SUBJECT_UNKNOWN
                          : SUBJECT_NO;
    d->known_until = rc == ERR_AGAIN ? now + TLSRPT_AGAIN_MS
                                     : (day_of(now) + 1) * TLSRPT_DAY_MS;
    if (rc == ERR_PROTO)
        log_info(LOG_QUEUE, "tls-report-record-bad", "domain=%s reason=\"%s\"",
            d->name, e.text);
    tlsrua_fini(&rua);
    if (d->wants == SUBJECT_NO && d->tally) {
        drop_tally(d);
        tlsrpt_dirty(d); /* what the spool has of it goes, too */
    }
    if ((next = list_take(&t->asks)) != NULL)
        subject_ask(LIST_ENTRY(next, struct subject, ask_node));
}

/* --- counting --- */

/* Once a day. */
static void
say_full(struct tlsrpt *t)
{
    t->stats.uncounted++;
    if (t->full_day == t->day)
        return;
    t->full_day = t->day;
    log_warn(LOG_QUEUE, "tls-report-full", "domains=%zu bytes=%zu reports=%zu",
        t->subjects.count, t->bytes, t->errand_count);
}

static struct subject *
subject_for(struct tlsrpt *t, struct str domain, int64_t now)
{
    struct buf name = BUF_INIT;
    struct subject *d;

    /* an address, or no name: it has no records */
    if (!idna_fold(domain, &name) || !name.n || name.p[0] == '[') {
        buf_fini(&name);
        return NULL;
    }
    d = tlsrpt_subject(t, buf_get(&name));
    if (!d)
        d = tlsrpt_make_subject(t, buf_get(&name));
    if (!d)
        say_full(t);
    buf_fini(&name);
    if (d && d->known_until <= now) {
        d->wants = SUBJECT_UNKNOWN;
        subject_ask(d);
    }
    return d;
}

static void day_ends(struct tlsrpt *t, int64_t today);

void
tlsrpt_count(struct tlsrpt *t, const struct tlsrpt_session *is)
{
    struct tlstally_policy p = is->policy;
    int64_t now = clock_wall();
    struct buf name = BUF_INIT;
    struct subject *d;

    if (t->stopped ||
        scope_int(is->scope, OPT(tlsrpt_options, TLSRPT_REPORTS)) <= 0)
        return;
    if (day_of(now) != t->day)
        day_ends(t, day_of(now));
    d = subject_for(t, is->domain, now);
    if (!d || d->wants == SUBJECT_NO)
        return;
    if (d->tally && day_of(d->tally->from) != t->day)
        (void)tlsrpt_close(d, 0, 0);
    if (t->bytes >= TLSRPT_MOST_BYTES) {
        say_full(t);
        return;
    }
    if (!d->tally) {
        d->tally = tlstally_new(
            str_of(d->name), MAX_OF(d->since, t->day * TLSRPT_DAY_MS));
        t->bytes += d->tally->bytes;
    }
    (void)idna_fold(is->policy.domain, &name); /* no name: as it is */
    p.domain = buf_get(&name);
    t->bytes -= d->tally->bytes;
    tlstally_add(d->tally, &p, is->failure);
    buf_fini(&name);
    t->bytes += d->tally->bytes;
    d->tally->until = now;
    t->stats.sessions++;
    t->stats.failures += !!is->failure;
    tlsrpt_dirty(d);
}

/* --- the end of a day --- */

/* Reports of one night do not all go at once: each at a time of its own within
 * the window. */
static int64_t
due_of(const struct tlsrpt *t, const struct subject *d, int64_t midnight)
{
    int64_t window = scope_int(
        generation_global(t->c.generation), OPT(tlsrpt_options, TLSRPT_WINDOW));
    uint64_t mixed = str_hash(str_of(d->name)) ^ (uint64_t)midnight;

    if (window <= 0)
        return midnight;
    return midnight +
        (int64_t)((mixed * 0x9e3779b97f4a7c15u >> 20) % (uint64_t)window);
}

struct errand *
tlsrpt_close(struct subject *d, int64_t until, int64_t due)
{
    struct tlsrpt *t = d->t;
    int64_t midnight = (day_of(d->tally->from) + 1) * TLSRPT_DAY_MS;
    struct tlstally *tally = d->tally;
    struct errand *x;

    if (t->errand_count >= TLSRPT_MOST_REPORTS) {
        say_full(t);
        drop_tally(d);
        tlsrpt_dirty(d);
        return NULL;
    }
    d->tally = NULL;
    t->bytes -= tally->bytes;
    d->since = until;
    tally->until = until ? until : midnight;
    x = tlssend_new(t, tally, spool_next_ids(t->c.spool, 1),
        until ? due : due_of(t, d, midnight));
    tlsstore_put_errand(x); /* before the other goes: rather twice than never */
    tlsstore_put(d);
    list_remove(&d->dirty_node);
    return x;
}

static void
day_ends(struct tlsrpt *t, int64_t today)
{
    t->day = today;
    t->close_at = list_first(&t->all);
    tlsrpt_wake(t, 0);
}

/* A part of the domains; true: there are more. */
static bool
close_some(struct tlsrpt *t)
{
    for (int i = 0; i < TLSRPT_A_TURN && t->close_at; i++) {
        struct subject *d = LIST_ENTRY(t->close_at, struct subject, node);

        t->close_at = t->close_at->next == &t->all ? NULL : t->close_at->next;
        if (d->tally && day_of(d->tally->from) != t->day)
            (void)tlsrpt_close(d, 0, 0);
        if (!d->tally && d->known_until <= clock_wall() && !d->question &&
            !list_linked(&d->ask_node) && !list_linked(&d->dirty_node))
            tlsrpt_drop_subject(d);
    }
    return t->close_at;
}

/* --- writing --- */

/* true: there are more. */
static bool
save_some(struct tlsrpt *t, int most)
{
    struct list *n;

    for (int i = 0; i < most && (n = list_take(&t->dirty)) != NULL; i++)
        tlsstore_put(LIST_ENTRY(n, struct subject, dirty_node));
    return !list_empty(&t->dirty);
}

static void
tlsrpt_tick(void *arg)
{
    struct tlsrpt *t = arg;
    int64_t now = loop_now(t->c.loop), wall = clock_wall();
    int64_t next = (t->day + 1) * TLSRPT_DAY_MS, wait;
    bool more = false;

    if (day_of(wall) != t->day)
        day_ends(t, day_of(wall));
    if (t->close_at)
        more = close_some(t);
    if (t->save_at && t->save_at <= now) {
        t->save_at = save_some(t, TLSRPT_A_TURN) ? now + 10 : 0;
        more |= t->save_at != 0;
    }
    tlssend_run(t);
    next = MIN_OF(next, tlssend_next(t));
    wait = more ? 10 : MAX_OF(next - wall, (int64_t)TLSRPT_TICK_MS);
    if (t->save_at)
        wait = MIN_OF(wait, MAX_OF(t->save_at - now, (int64_t)0));
    tlsrpt_wake(t, MIN_OF(wait, (int64_t)TLSRPT_DAY_MS));
}

/* --- life --- */

struct tlsrpt *
tlsrpt_new(const struct tlsrpt_config *c)
{
    struct tlsrpt *t = xnew(struct tlsrpt);

    t->c = *c;
    t->c.generation = generation_ref(c->generation);
    t->day = day_of(clock_wall());
    t->full_day = -1;
    list_init(&t->all);
    list_init(&t->dirty);
    list_init(&t->asks);
    list_init(&t->all_errands);
    heap_init(&t->errands, NULL);
    timer_init(&t->timer, c->loop, tlsrpt_tick, t, "reports of TLS");
    return t;
}

void
tlsrpt_recover(struct tlsrpt *t)
{
    tlsstore_load(t);
    day_ends(t, day_of(clock_wall()));
}

void
tlsrpt_adopt(struct tlsrpt *t, struct generation *g)
{
    struct generation *was = t->c.generation;

    t->c.generation = generation_ref(g);
    generation_unref(&was);
}

void
tlsrpt_stop(struct tlsrpt *t)
{
    struct list *n;

    if (t->stopped)
        return;
    t->stopped = true;
    timer_stop(&t->timer);
    LIST_FOREACH (n, &t->all) {
        struct subject *d = LIST_ENTRY(n, struct subject, node);

        if (d->question)
            dns_cancel(&d->question);
        list_remove(&d->ask_node);
    }
    t->questions = 0;
    tlssend_stop(t);
    (void)save_some(t, INT32_MAX);
}

void
tlsrpt_free(struct tlsrpt **tp)
{
    struct tlsrpt *t = *tp;
    struct list *n;

    *tp = NULL;
    if (!t)
        return;
    tlsrpt_stop(t);
    while ((n = list_first(&t->all)) != NULL)
        tlsrpt_drop_subject(LIST_ENTRY(n, struct subject, node));
    while ((n = list_first(&t->all_errands)) != NULL)
        tlssend_free(LIST_ENTRY(n, struct errand, node));
    map_fini(&t->subjects);
    heap_fini(&t->errands);
    generation_unref(&t->c.generation);
    free(t);
}

bool
tlsrpt_is_busy(const struct tlsrpt *t)
{
    return t->accepting;
}

void
tlsrpt_get_stats(const struct tlsrpt *t, struct tlsrpt_stats *st)
{
    *st = t->stats;
    st->domains = t->subjects.count;
    st->waiting = t->errand_count;
}
