/* SPDX-License-Identifier: Apache-2.0
 *
 * spool.c - open, start, close; the way in for messages and results.
 */
#include "spool/spool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "spool/compact.h"
#include "spool/content_int.h"
#include "spool/envelope.h"
#include "spool/keeper.h"
#include "spool/large.h"
#include "spool/prepare.h"
#include "spool/recover.h"
#include "spool/spool_int.h"
#include "spool/state.h"
#include "spool/writer.h"

#include "base/banned.h"

enum {
    SEGMENT_DEFAULT = 64 << 20,
    SEGMENT_LEAST = 64 << 10,
    SEGMENT_MOST = 1 << 30,
    LARGE_DEFAULT = 128 << 10
};

void
spool_gate_unref(struct spool_gate *g)
{
    if (atomic_fetch_sub(&g->refs, 1) == 1)
        free(g);
}

static struct spool *
spool_new(void)
{
    struct spool *s = xnew(struct spool);

    s->magic = SPOOL_MAGIC;
    s->gate = xnew(struct spool_gate);
    atomic_store(&s->gate->refs, 1);
    liveness_init(&s->live);
    pthread_mutex_init(&s->trouble.lock, NULL);
    s->state = state_new();
    atomic_store(&s->next_segment, 1);
    atomic_store(&s->recovering, true);
    return s;
}

static void
spool_free(struct spool **to)
{
    struct spool *s = *to;
    *to = NULL;
    atomic_store(&s->gate->closed, true);
    spool_gate_unref(s->gate);
    keeper_stop(&s->keeper);
    state_free(&s->state);
    liveness_fini(&s->live);
    spooldir_close(&s->dir);
    pthread_mutex_destroy(&s->trouble.lock);
    s->magic = 0;
    free(s);
}

static int
spool_configure(struct spool *s, const struct spool_config *c, struct err *e)
{
    s->mode = c->mode ? c->mode : 0640;
    s->sync = c->sync;
    s->segment_bytes = c->segment_bytes ? c->segment_bytes : SEGMENT_DEFAULT;
    s->segment_bytes = segment_round(s->segment_bytes, SEGMENT_BLOCK);
    if (s->segment_bytes < SEGMENT_LEAST || s->segment_bytes > SEGMENT_MOST)
        return err_set(
            e, ERR_INVAL, "segments of %" PRIu64 " bytes", s->segment_bytes);
    s->large_threshold =
        c->large_threshold ? c->large_threshold : LARGE_DEFAULT;
    if (s->large_threshold > s->segment_bytes / 4)
        s->large_threshold = s->segment_bytes / 4;
    s->min_free_bytes = c->min_free_bytes;
    s->min_free_inodes = c->min_free_inodes;
    s->compact_rate = c->compact_rate;
    s->compact_at = c->compact_at ? c->compact_at : 50;
    s->reader_count = c->readers ? c->readers : 2;
    s->body_writer_count = c->body_writers ? c->body_writers : 2;
    return 0;
}

int
spool_open(const struct spool_config *c, struct spool **to, struct err *e)
{
    struct spool *s = spool_new();
    struct err own;
    int r;

    e = e ? e : &own;
    *to = NULL;
    r = spool_configure(s, c, e);
    if (!r)
        r = spooldir_open(c->dir, false, s->mode, &s->dir, e);
    if (!r)
        r = keeper_new(s, &s->keeper, e);
    if (!r)
        r = prepare_segments(s, e);
    if (r) {
        spool_free(&s);
        return r;
    }
    atomic_store(&s->next_id, (uint64_t)s->dir->start << 40 | 1);
    *to = s;
    return 0;
}

int
spool_open_source(const char *dir, struct spool **to, struct err *e)
{
    struct spool *s = spool_new();
    const struct spool_config c = {.dir = dir};
    int r = spool_configure(s, &c, e);

    s->read_only = true;
    if (!r)
        r = spooldir_open(dir, true, s->mode, &s->dir, e);
    if (!r)
        r = keeper_new(s, &s->keeper, e);
    if (!r)
        r = prepare_segments(s, e);
    if (r)
        spool_free(&s);
    *to = s;
    return r;
}

int
spool_start(struct spool *s, const struct spool_events *ev, struct err *e)
{
    int r;

    CHECK(s, SPOOL_MAGIC);
    s->events = *ev;
    s->started = true;
    s->bodies = pool_new("spool body", s->body_writer_count, e);
    s->readers = s->bodies ? pool_new("spool read", s->reader_count, e) : NULL;
    if (!s->readers)
        return e ? e->code : ERR_LIMIT;
    r = keeper_start(s->keeper, e);
    if (!r)
        r = writer_start(s, &s->writer, e);
    if (!r)
        r = recover_start(s, &s->recover, e);
    if (!r)
        r = compact_start(s, &s->compactor, e);
    return r;
}

void
spool_close(struct spool **to)
{
    struct spool *s = *to;
    *to = NULL;
    if (!s)
        return;
    CHECK(s, SPOOL_MAGIC);
    atomic_store(&s->stopping, true);
    compact_stop(&s->compactor);
    recover_stop(&s->recover);
    if (s->bodies)
        pool_free(&s->bodies);
    writer_stop(&s->writer);
    if (s->readers)
        pool_free(&s->readers);
    spool_free(&s);
}

uint64_t
spool_identity(const struct spool *s)
{
    return s->dir->id;
}

uint64_t
spool_next_ids(struct spool *s, uint64_t count)
{
    return atomic_fetch_add(&s->next_id, count);
}

int
spool_accepting(const struct spool *s, struct err *e)
{
    /* it locks, and changes nothing else */
    return trouble_refuses((struct spool *)(uintptr_t)s, SPOOL_REFUSES, e);
}

/* --- accept --- */

static void
accept_encode(struct spool_accept *a)
{
    struct content *c = a->message->content;
    XXH3_state_t *h;

    buf_cut(&c->head, 0);
    envelope_encode(a->message, &c->head);
    if (!c->prefix.n && !c->body.n) {
        c->record_sum = record_sum(c->head.p, c->head.n);
        return;
    }
    h = XXH3_createState();
    BUG_ON(!h);
    XXH3_64bits_reset(h);
    XXH3_64bits_update(h, c->head.p, c->head.n);
    XXH3_64bits_update(h, buf_get(&c->prefix).p, c->prefix.n);
    XXH3_64bits_update(h, buf_get(&c->body).p, c->body.n);
    c->record_sum = XXH3_64bits_digest(h);
    XXH3_freeState(h);
}

struct accept_large { /* an accept whose body is synced first */
    struct spool *spool;
    struct spool_accept *accept;
};

static void
accept_send(struct spool *s, struct spool_accept *a)
{
    struct content *c = a->message->content;
    struct err e;

    accept_encode(a);
    if (c->head.n + c->prefix.n + c->body.n + a->value.n >
        s->segment_bytes / 2) {
        err_set(&e, ERR_LIMIT, "the envelope is too large for the spool");
        writer_answer(a, ERR_LIMIT, &e);
        return;
    }
    writer_accept(s->writer, a);
}

static void
accept_large_synced(void *arg, int result, const struct err *e)
{
    struct accept_large *l = arg;
    if (result)
        writer_answer(l->accept, result, e);
    else
        accept_send(l->spool, l->accept);
    free(l);
}

void
spool_accept(struct spool *s, struct spool_accept *a)
{
    struct content *c = a->message->content;
    struct accept_large *l;
    struct err e;
    int r = spool_accepting(s, &e);

    BUG_ON(!c || !a->message->env.sender.p);
    if (!r && a->message->env.rcpt_count > RECORD_RCPT_MAX)
        r = err_set(&e, ERR_LIMIT, "too many recipients");
    a->value = (struct buf)BUF_INIT;
    if (!r && a->with)
        r = state_encode(s, a->with, &a->value, &e);
    if (r) {
        writer_answer(a, r, &e);
        return;
    }
    if (!c->large) {
        accept_send(s, a);
        return;
    }
    l = xnew(struct accept_large);
    l->spool = s;
    l->accept = a;
    large_commit(c->large, accept_large_synced, l);
}

/* --- results --- */

/* A record has to fit into a segment: without the texts of the peer there are
 * fewer bytes for each recipient than in the message's own envelope, which had
 * to be less than half of one. */
static void
attempt_encode(struct spool *s, const struct attempt *a, struct buf *to)
{
    struct attempt less = *a;
    struct rcpt_state *state;

    record_put_attempt(to, a);
    if (to->n <= s->segment_bytes / 4)
        return;
    state = xcalloc(a->rcpt_count, sizeof(*state));
    for (size_t i = 0; i < a->rcpt_count; i++) {
        state[i] = a->rcpt[i];
        state[i].text = STR("");
    }
    less.rcpt = state;
    buf_cut(to, 0);
    record_put_attempt(to, &less);
    free(state);
}

void
spool_attempt(struct spool *s, const struct attempt *a, spool_placed_f *placed,
    void *arg, uint64_t token)
{
    struct writer_result *r = writer_result_new(s, RECORD_ATTEMPT);
    r->id = a->id;
    r->accept = a->accept;
    r->before = a->before;
    r->placed = placed;
    r->arg = arg;
    r->token = token;
    attempt_encode(s, a, &r->payload);
    atomic_fetch_add(&s->unwritten, 1);
    writer_put(s->writer, r);
}

void
spool_finish(struct spool *s, const struct finish *f,
    void (*durable)(void *arg), void *arg)
{
    struct writer_result *r = writer_result_new(s, RECORD_DONE);
    r->id = f->id;
    r->accept = f->accept;
    r->before = f->attempt;
    r->all = f->rcpt_count == 0;
    r->durable = durable;
    r->arg = arg;
    record_put_done(&r->payload, f);
    atomic_fetch_add(&s->unwritten, 1);
    writer_put(s->writer, r);
}

uint64_t
spool_unwritten(const struct spool *s)
{
    return atomic_load_explicit(&s->unwritten, memory_order_relaxed);
}

/* --- counters --- */

static void
stats_segments(struct spool *s, struct spool_stats *st)
{
    liveness_lock(&s->live);
    st->segments = s->live.count;
    for (size_t i = 0; i < s->live.count; i++) {
        const struct live_segment *seg = s->live.list[i];
        st->disk_bytes += seg->bytes;
        if (seg->accepts)
            st->live_bytes += seg->accept_bytes / seg->accepts *
                (seg->live - seg->live_states);
    }
    liveness_unlock(&s->live);
    st->spare_segments = keeper_spares(s->keeper);
    st->disk_bytes += st->spare_segments * s->segment_bytes;
}

void
spool_get_stats(const struct spool *from, struct spool_stats *st)
{
    struct spool *s = (struct spool *)(uintptr_t)from; /* for its locks */
    int64_t begun = atomic_load(&s->commit_begun);
    struct err e;

    memset(st, 0, sizeof(*st));
    st->accepted = atomic_load(&s->accepted);
    st->finished = atomic_load(&s->finished);
    st->attempts = atomic_load(&s->attempts);
    st->commits = atomic_load(&s->commits);
    st->commit_us = atomic_load(&s->commit_us);
    st->bytes_written = atomic_load(&s->bytes_written);
    st->damaged = atomic_load(&s->damaged);
    st->failed_commits = atomic_load(&s->failed_commits);
    st->resident_loads = atomic_load(&s->loads);
    st->recovered = atomic_load(&s->recovered);
    st->recovering = atomic_load(&s->recovering);
    st->unwritten = atomic_load(&s->unwritten);
    if (begun)
        st->stuck_ms = MAX_OF(clock_mono_true() - begun, 0);
    stats_segments(s, st);
    trouble_get(s, st->alarms);
    if (spool_accepting(s, &e))
        (void)str_copy(st->alarm, sizeof(st->alarm), str_of(e.text));
}
