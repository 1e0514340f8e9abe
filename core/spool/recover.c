/* SPDX-License-Identifier: Apache-2.0
 *
 * recover.c - enumerate what lives, newest first.
 */
#include "spool/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "base/bits.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/map.h"
#include "base/xmem.h"
#include "loop/thread.h"
#include "spool/idset.h"
#include "spool/keeper.h"
#include "spool/pending.h"
#include "spool/prepare.h"
#include "spool/spool_int.h"
#include "spool/sysio.h"

#include "base/banned.h"

enum {
    FOUND_BATCH = 128,
    FOUND_AHEAD = 4,
    FOUND_PAUSE_US = 200 /* the scheduler needs about as long for a batch */
};

/* How many batches the scheduler has not met yet; outlives the thread. */
struct credit {
    _Atomic int refs, out;
};
struct found_batch {
    struct mail mail;
    struct credit *credit;
    struct spool_events events;
    struct arena *arena;
    size_t count;
    struct found found[FOUND_BATCH];
    bool last;
    uint64_t messages, damaged;
};
struct recover {
    struct spool *spool;
    pthread_t thread;
    _Atomic bool stop;
    struct credit *credit;
    struct pending_table pending;
    struct idset superseded; /* sources of COPYs: hash of place and id */
    struct found_batch *batch;
    uint64_t messages;
    bool tell;
    recover_found_f *fn; /* or NULL: of recover_list() */
    void *fn_arg;
    uint64_t *done; /* bits of one message */
    size_t done_words;
    uint64_t *claim; /* the same of one ATTEMPT; none is set between them */
    size_t claim_words;
    uint32_t *rest; /* of a parcel that is split */
    size_t rest_size;
};

static void
credit_unref(struct credit *c)
{
    if (atomic_fetch_sub(&c->refs, 1) == 1)
        free(c);
}

/* --- telling the scheduler --- */

static void
found_deliver(struct mail *m)
{
    struct found_batch *b = CONTAINER_OF(m, struct found_batch, mail);
    for (size_t i = 0; i < b->count; i++)
        b->events.found(b->events.arg, &b->found[i]);
    if (b->last && b->events.recovered)
        b->events.recovered(b->events.arg, b->messages, b->damaged);
    atomic_fetch_sub(&b->credit->out, 1);
    credit_unref(b->credit);
    arena_free(&b->arena);
    free(b);
}

static struct found_batch *
batch_get(struct recover *r)
{
    if (!r->batch) {
        r->batch = xnew(struct found_batch);
        r->batch->credit = r->credit;
        r->batch->events = r->spool->events;
        r->batch->arena = arena_new(32 * 1024);
    }
    return r->batch;
}

static void
batch_send(struct recover *r)
{
    const struct timespec pause = {0, 1000 * FOUND_PAUSE_US};
    struct found_batch *b = r->batch;

    if (!b)
        return;
    while (
        atomic_load(&r->credit->out) >= FOUND_AHEAD && !atomic_load(&r->stop))
        nanosleep(&pause, NULL); /* the scheduler has other work, too */
    atomic_fetch_add(&r->credit->out, 1);
    atomic_fetch_add(&r->credit->refs, 1);
    r->batch = NULL;
    mailbox_post(b->events.scheduler, &b->mail, found_deliver);
}

/* --- one message --- */

static void
done_set(struct recover *r, struct record_run run, uint32_t count)
{
    for (uint32_t i = run.first; i < run.first + run.count && i < count; i++)
        bits_set(r->done, i);
}

static void
done_clear(struct recover *r, uint32_t count)
{
    size_t words = BITS_WORDS((size_t)count) + 1;
    if (words > r->done_words) {
        r->done = xgrow(r->done, words, sizeof(*r->done));
        r->done_words = words;
    }
    if (words > r->claim_words) {
        r->claim = xgrow(r->claim, words, sizeof(*r->claim));
        r->claim_words = words;
        memset(r->claim, 0, words * sizeof(*r->claim));
    }
    memset(r->done, 0, words * sizeof(*r->done));
}

/* Finished recipients, from the COPY and all newer DONEs; true: all are. */
static bool
merge_done(struct recover *r, struct index_entry *e, const struct pending *p)
{
    struct record_runs runs = e->runs;
    struct record_run run;
    bool all = false;

    done_clear(r, e->rcpt_count);
    while (e->type == RECORD_COPY && record_next_run(&runs, &run))
        done_set(r, run, e->rcpt_count);
    for (; p; p = p->next) {
        if (p->type != RECORD_DONE || p->lsn <= e->as_of)
            continue;
        all = all || p->all;
        for (uint32_t i = 0; i < p->run_count; i++)
            done_set(r, pending_runs(p)[i], e->rcpt_count);
    }
    return all ||
        bits_count(r->done, BITS_WORDS((size_t)e->rcpt_count)) >= e->rcpt_count;
}

/* Parcels of one message: one for each domain, then what ATTEMPTs of a part of
 * its recipients split off. */
struct merge {
    struct recover *r;
    struct arena *arena;
    struct found_parcel *parcels;
    size_t count, size;
    size_t splits, split_size;
    struct map by_domain;
    uint32_t *open; /* next free place for recipients */
};

static struct found_parcel *
merge_parcel(struct merge *m, struct str domain, bool make)
{
    struct found_parcel *p;
    uintptr_t at;

    if (m->count == 1 && str_eq(m->parcels[0].domain, domain))
        return &m->parcels[0];
    at = m->count < 2 ? 0 : (uintptr_t)map_find(&m->by_domain, domain);
    if (at)
        return &m->parcels[at - 1];
    if (!make || m->count == m->size)
        return NULL;
    p = &m->parcels[m->count++];
    p->domain = arena_str(m->arena, domain);
    if (m->count == 2)
        map_put(&m->by_domain, m->parcels[0].domain, (void *)1);
    if (m->count >= 2)
        map_put(&m->by_domain, p->domain, (void *)(uintptr_t)m->count);
    return p;
}

/* Two passes over the runs of domains: count, then fill. */
static void
merge_rcpts(struct merge *m, const struct index *ix, struct index_entry *e)
{
    struct index_entry look = *e;
    struct str domain;
    uint32_t n, at = 0, *list;

    while (index_next_domain(ix, &look, &domain, &n)) {
        for (uint32_t i = 0; i < n && at < e->rcpt_count; i++, at++) {
            if (!bits_has(m->r->done, at))
                merge_parcel(m, domain, true)->rcpt_count++;
        }
    }
    list = arena_alloc(m->arena, (size_t)e->rcpt_count * sizeof(*list));
    for (size_t i = 0; i < m->count; i++) {
        m->parcels[i].rcpt = list;
        list += m->parcels[i].rcpt_count;
        m->parcels[i].rcpt_count = 0;
    }
    look = *e;
    at = 0;
    while (index_next_domain(ix, &look, &domain, &n)) {
        for (uint32_t i = 0; i < n && at < e->rcpt_count; i++, at++) {
            struct found_parcel *p;
            if (bits_has(m->r->done, at))
                continue;
            p = merge_parcel(m, domain, false);
            ((uint32_t *)(uintptr_t)p->rcpt)[p->rcpt_count++] = at;
        }
    }
}

static void
claim_put(struct recover *r, struct record_run run, uint32_t count, bool on)
{
    for (uint32_t i = run.first; i < count && i - run.first < run.count; i++) {
        if (on)
            bits_set(r->claim, i);
        else
            bits_clear(r->claim, i);
    }
}

/* Those that are claimed, n of them, become a parcel of their own; both keep
 * the order. */
static struct found_parcel *
merge_split(struct merge *m, struct found_parcel *p, size_t n)
{
    struct found_parcel *part = &m->parcels[m->size + m->splits++];
    struct recover *r = m->r;
    uint32_t *list = (uint32_t *)(uintptr_t)p->rcpt;
    size_t at = 0, rest = 0;

    if (p->rcpt_count > r->rest_size) {
        r->rest_size = p->rcpt_count;
        r->rest = xgrow(r->rest, r->rest_size, sizeof(*r->rest));
    }
    for (size_t i = 0; i < p->rcpt_count; i++) {
        if (bits_has(r->claim, list[i]))
            list[at++] = list[i];
        else
            r->rest[rest++] = list[i];
    }
    memcpy(list + at, r->rest, rest * sizeof(*list));
    *part = *p;
    part->rcpt_count = n;
    p->rcpt = list + n;
    p->rcpt_count = rest;
    return part;
}

/* An ATTEMPT, newest first, is that of the claimed recipients which none has
 * claimed before; false: there are none. */
static bool
merge_attempt(
    struct merge *m, struct spool_place at, const struct index_attempt *a)
{
    struct found_parcel *p = merge_parcel(m, a->domain, false);
    size_t n = 0;

    if (!p || p->attempt.segment)
        return false;
    for (size_t i = 0; i < p->rcpt_count; i++)
        n += bits_has(m->r->claim, p->rcpt[i]);
    if (!n)
        return false;
    if (n < p->rcpt_count && m->splits < m->split_size)
        p = merge_split(m, p, n);
    p->attempt = at;
    p->next_attempt = a->next_attempt;
    p->retries = a->retries;
    p->moved = arena_str(m->arena, a->moved);
    return true;
}

static bool
merge_pending(struct merge *m, const struct pending *p, uint32_t count)
{
    const struct record_run *run = pending_runs(p);
    struct index_attempt a = {.domain = p->domain,
        .moved = pending_moved(p),
        .next_attempt = p->next_attempt,
        .retries = p->retries};
    bool some;

    for (uint32_t i = 0; i < p->run_count; i++)
        claim_put(m->r, run[i], count, true);
    some = merge_attempt(m, p->at, &a);
    for (uint32_t i = 0; i < p->run_count; i++)
        claim_put(m->r, run[i], count, false);
    return some;
}

static void
merge_copied(struct merge *m, const struct index_attempt *a,
    struct spool_place at, uint32_t count)
{
    struct record_runs runs = a->runs;
    struct record_run run;

    while (record_next_run(&runs, &run))
        claim_put(m->r, run, count, true);
    (void)merge_attempt(m, at, a);
    for (runs = a->runs; record_next_run(&runs, &run);)
        claim_put(m->r, run, count, false);
}

/* The newest ATTEMPT of each parcel; what it replaces is dead.  Called with
 * the table locked. */
static void
merge_attempts(struct merge *m, const struct index *ix, struct index_entry *e,
    const struct pending *list, struct spool_place at)
{
    struct liveness *l = &m->r->spool->live;
    struct index_attempt a;

    for (const struct pending *p = list; p; p = p->next) {
        if (p->type != RECORD_ATTEMPT)
            continue;
        if (p->lsn > e->as_of && merge_pending(m, p, e->rcpt_count))
            liveness_pair(l, p->at.segment, at.segment, 1);
        else
            (void)liveness_kill(l, p->at); /* whether it lived or not */
    }
    while (index_next_attempt(ix, e, &a))
        merge_copied(m, &a, at, e->rcpt_count);
}

static void
merge_pairs(struct recover *r, const struct index_entry *e,
    const struct pending *p, struct spool_place at)
{
    for (; p; p = p->next) {
        if (p->type == RECORD_DONE && p->lsn > e->as_of)
            liveness_pair(&r->spool->live, p->at.segment, at.segment, 1);
    }
}

static void
found_fill(struct found *f, const struct index_entry *e, struct spool_place at,
    struct arena *arena)
{
    f->id = e->id;
    f->accept = at;
    f->received = e->received;
    f->deadline = e->deadline;
    f->only_told = e->only_told;
    f->hold_until = e->hold_until;
    f->size = e->size;
    f->binding = arena_str(arena, e->binding);
    f->rcpt_total = e->rcpt_count;
    f->tls = e->flags & RECORD_TLS_REQUIRED ? MESSAGE_TLS_REQUIRED
        : e->flags & RECORD_TLS_ANY         ? MESSAGE_TLS_ANY
                                            : MESSAGE_TLS_USUAL;
}

/* Into how many more parcels may its ATTEMPTs split it? */
static size_t
split_size(const struct index_entry *e, const struct pending *p)
{
    size_t n = e->attempt_count;

    for (; p; p = p->next)
        n += p->type == RECORD_ATTEMPT;
    return MIN_OF(n, (size_t)e->rcpt_count - 1);
}

/* An ACCEPT or a COPY that nothing supersedes. */
static void
recover_message(struct recover *r, struct live_segment *seg,
    const struct index *ix, struct index_entry *e)
{
    struct spool *s = r->spool;
    struct spool_place at = {seg->number, e->offset};
    struct pending *list = pending_take(&r->pending, e->id);
    bool finished = merge_done(r, e, list);
    struct merge m = {.r = r};
    struct found_batch *b = NULL;
    struct found one;

    m.arena = r->tell ? batch_get(r)->arena : arena_new(1024);
    m.size = finished ? 0 : (size_t)e->domain_runs;
    m.split_size = finished ? 0 : split_size(e, list);
    m.parcels = arena_alloc(
        m.arena, (m.size + m.split_size + 1) * sizeof(struct found_parcel));
    if (!finished)
        merge_rcpts(&m, ix, e);
    m.size = m.count; /* no more domains: what is split off comes next */
    liveness_lock(&s->live);
    merge_pairs(r, e, list, at);
    merge_attempts(&m, ix, e, list, at);
    if (finished)
        (void)liveness_kill(&s->live, at); /* nothing was counted yet */
    else
        seg->live++;
    seg->accepts++;
    seg->accept_bytes += e->length;
    liveness_unlock(&s->live);
    map_fini(&m.by_domain);
    if (!finished) {
        r->messages++;
        atomic_fetch_add(&s->recovered, 1);
        if (e->flags & RECORD_LARGE)
            keeper_large_stored(s->keeper, e->id);
        b = r->tell ? batch_get(r) : NULL;
    }
    if (b) {
        struct found *f = &b->found[b->count++];
        found_fill(f, e, at, b->arena);
        f->parcel = m.parcels;
        f->parcel_count = m.count + m.splits;
        if (b->count == FOUND_BATCH)
            batch_send(r);
    }
    if (!finished && r->fn) {
        memset(&one, 0, sizeof(one));
        found_fill(&one, e, at, m.arena);
        one.parcel = m.parcels;
        one.parcel_count = m.count + m.splits;
        if (!r->fn(r->fn_arg, &one))
            atomic_store(&r->stop, true);
    }
    if (!r->tell)
        arena_free(&m.arena);
}

/* --- passes --- */

static uint64_t
source_key(struct spool_place at, uint64_t id)
{
    uint64_t k = ((uint64_t)at.segment << 32 | at.offset) ^
        id * UINT64_C(0xff51afd7ed558ccd);
    return k ? k : 1;
}

enum pass { PASS_COLD_RESULTS, PASS_HOT, PASS_COLD_COPIES };

static void
collect_results(struct recover *r, struct live_segment *seg,
    const struct index *ix, bool copies)
{
    struct index_entry e;
    for (size_t at = 0; index_next(ix, &at, &e);) {
        if (e.type == RECORD_DONE || e.type == RECORD_ATTEMPT)
            pending_add(&r->pending, seg->number, &e);
        if (!copies || e.type != RECORD_COPY)
            continue;
        liveness_lock(&r->spool->live);
        if (liveness_find(&r->spool->live, e.ref.segment)) {
            idset_add(&r->superseded, source_key(e.ref, e.id));
            liveness_pair(&r->spool->live, seg->number, e.ref.segment, 1);
        }
        liveness_unlock(&r->spool->live);
    }
}

static void
recover_accepts(
    struct recover *r, struct live_segment *seg, const struct index *ix)
{
    struct index_entry e;
    for (size_t at = 0; index_next(ix, &at, &e) && !atomic_load(&r->stop);) {
        struct spool_place here = {seg->number, e.offset};
        if (e.type != RECORD_ACCEPT && e.type != RECORD_COPY)
            continue;
        if (idset_has(&r->superseded, source_key(here, e.id))) {
            liveness_lock(&r->spool->live);
            (void)liveness_kill(&r->spool->live, here);
            liveness_unlock(&r->spool->live);
            continue;
        }
        recover_message(r, seg, ix, &e);
    }
}

static void
recover_segment(struct recover *r, struct live_segment *seg, enum pass pass)
{
    struct index ix;
    struct err e;

    if (prepare_index(r->spool, seg, &ix, &e)) {
        log_error(LOG_SPOOL, "spool-segment-unreadable",
            "segment=%08x reason=\"%s\"", seg->number, e.text);
        atomic_fetch_add(&r->spool->damaged, 1);
        return;
    }
    if (pass != PASS_COLD_COPIES)
        collect_results(r, seg, &ix, pass == PASS_COLD_RESULTS);
    if (pass != PASS_COLD_RESULTS)
        recover_accepts(r, seg, &ix);
    index_fini(&ix);
}

static int
orphan_check(void *arg, uint64_t id, const char *path)
{
    struct recover *r = arg;
    if (id >> 40 < r->spool->dir->start &&
        !keeper_large_known(r->spool->keeper, id)) {
        log_info(LOG_SPOOL, "spool-orphan-removed", "file=%s", path);
        if (sysio_get()->unlink(path) < 0 && errno != ENOENT)
            keeper_large_left(r->spool->keeper, id);
    }
    return atomic_load(&r->stop);
}

static void
recover_all(struct recover *r)
{
    struct spool *s = r->spool;
    struct live_segment **list;
    size_t count;

    /* What is there now is all there was: new ones are not of interest. */
    liveness_lock(&s->live);
    list = xgrow(NULL, s->live.count + 1, sizeof(struct live_segment *));
    count = 0;
    for (size_t i = 0; i < s->live.count; i++) {
        if (s->live.list[i]->number < s->first_new_segment)
            list[count++] = s->live.list[i];
    }
    liveness_unlock(&s->live);
    for (int pass = PASS_COLD_RESULTS; pass <= PASS_COLD_COPIES; pass++) {
        for (size_t i = count; i-- > 0 && !atomic_load(&r->stop);) {
            bool cold = list[i]->kind == SEGMENT_COLD;
            if (cold == (pass != PASS_HOT))
                recover_segment(r, list[i], (enum pass)pass);
        }
    }
    free(list);
    if (!atomic_load(&r->stop) && !s->read_only)
        (void)spooldir_each_large(s->dir, orphan_check, r, NULL);
}

static void
recover_end(struct recover *r)
{
    struct spool *s = r->spool;

    pending_fini(&r->pending);
    idset_fini(&r->superseded);
    xfree(&r->done);
    xfree(&r->claim);
    xfree(&r->rest);
    if (atomic_load(&r->stop)) {
        if (r->batch) {
            arena_free(&r->batch->arena);
            xfree(&r->batch);
        }
        return;
    }
    atomic_store(&s->recovering, false);
    if (s->read_only)
        return;
    log_notice(LOG_SPOOL, "spool-recovered", "messages=%llu damaged=%llu",
        (unsigned long long)r->messages,
        (unsigned long long)atomic_load(&s->damaged));
    if (r->tell) {
        struct found_batch *b = batch_get(r);
        b->last = true;
        b->messages = r->messages;
        b->damaged = atomic_load(&s->damaged);
        batch_send(r);
    }
    keeper_wake(s->keeper);
}

static void *
recover_main(void *arg)
{
    struct recover *r = arg;
    bug_doing("spool recovery", 0);
    recover_all(r);
    recover_end(r);
    return NULL;
}

void
recover_run(struct spool *s)
{
    struct recover r = {.spool = s};
    recover_all(&r);
    recover_end(&r);
}

void
recover_list(struct spool *s, recover_found_f *fn, void *arg)
{
    struct recover r = {.spool = s, .fn = fn, .fn_arg = arg};
    recover_all(&r);
    recover_end(&r);
}

int
recover_start(struct spool *s, struct recover **to, struct err *e)
{
    struct recover *r = xnew(struct recover);
    int n;

    r->spool = s;
    r->tell = s->events.scheduler && s->events.found;
    r->credit = xnew(struct credit);
    atomic_store(&r->credit->refs, 1);
    *to = r;
    n = thread_start(&r->thread, "spool recover", recover_main, r);
    if (!n)
        return 0;
    free(r->credit);
    xfree(to);
    return err_errno(e, ERR_LIMIT, n, "starting the spool's recovery");
}

void
recover_stop(struct recover **to)
{
    struct recover *r = *to;
    if (!r)
        return;
    atomic_store(&r->stop, true);
    pthread_join(r->thread, NULL);
    credit_unref(r->credit);
    xfree(to);
}
