/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.c - copy what lives in one segment, and publish where it went.
 *
 * What is merged into a COPY is the state up to the LSN that was applied when
 * the copying began.  Results that come later are watched by the table, so
 * that publishing can count them for the new place.  Copies that were written
 * when something failed are published too: each message moves by itself.
 */
#include "spool/compact_int.h"

#include <stdlib.h>
#include "base/bits.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "spool/idset.h"
#include "spool/keeper.h"
#include "spool/pending.h"
#include "spool/reader.h"
#include "spool/spool_int.h"
#include "spool/state.h"
#include "spool/writer.h"

#include "base/banned.h"

enum {
    FLUSH_BYTES = 1 << 20,
    FLUSH_RECORDS = 512,
    AGAIN_MS = 10000, /* after a compaction that failed */
    BUSY_MS = 500
};

struct known { /* a message of another segment that results here speak of */
    uint64_t id, lsn, as_of;
    struct spool_place at;
};
struct copied {
    struct append_record record;
    struct buf payload;        /* freed once it is synced and indexed */
    struct buf packed;         /* what is written, unless it is empty */
    uint32_t from;             /* offset in the source */
    struct spool_place accept; /* of a result: its message */
};
struct copying {
    struct compact_out *c;
    struct spool *s;
    struct live_segment *seg;
    uint64_t as_of;
    struct index index;
    struct pending_table results; /* of this segment's messages */
    struct known *known;
    size_t known_count, known_size;
    struct copied **list; /* all that was copied */
    size_t count, size;
    size_t written, synced; /* of them */
    uint64_t waiting;       /* bytes not written yet */
    struct merged {         /* ATTEMPTs that are inside COPYs now */
        struct spool_place at;
        size_t copy; /* its number in list */
    } * merged;
    size_t merged_count;
    bool skipped; /* something could not be read */
    /* A segment that is wanted here is being removed: it cannot be read, and
     * what speaks of it is wanted until it is gone. */
    bool busy;
};

/* --- output --- */

static int
out_roll(struct compact_out *c, struct err *e)
{
    struct live_segment *next;
    int r;

    if (c->out.segment) {
        keeper_seal(c->spool->keeper, c->out.segment);
        c->out.segment = NULL;
    }
    c->out.no_sync = c->spool->sync == SPOOL_SYNC_NONE;
    r = keeper_make(c->spool->keeper, SEGMENT_COLD, &next, e);
    if (r)
        return r;
    next->compacting = true; /* until what is in it is published */
    appender_use(&c->out, next);
    return 0;
}

/* What was written of the open commit is void, on disk too. */
static void
out_failed(struct copying *k)
{
    struct live_segment *s = k->c->out.segment;
    struct record_abort a = {
        s->number, k->c->out.start, s->id, k->c->out.commit};
    struct writer_result *r;

    s->failed = true;
    keeper_seal(k->s->keeper, s);
    k->c->out.segment = NULL;
    if (!k->s->writer)
        return; /* offline: the source stays, and so does the truth */
    r = writer_result_new(k->s, RECORD_ABORT);
    record_put_abort(&r->payload, &a);
    r->accept.segment = s->number;
    r->before.segment = k->seg->number;
    writer_put(k->s->writer, r);
}

static int
out_sync(struct copying *k, struct err *e)
{
    struct live_segment *s = k->c->out.segment;
    size_t first = k->synced;
    int r = appender_sync(&k->c->out, e);

    if (r) {
        out_failed(k);
        return r;
    }
    liveness_lock(&k->s->live);
    for (; k->synced < k->written; k->synced++) {
        struct copied *one = k->list[k->synced];
        struct record_head h = {.length = one->record.length,
            .type = one->record.type,
            .flags = one->record.flags & (uint8_t)~RECORD_PACKED,
            .lsn = one->record.lsn,
            .id = one->record.id};
        r = index_add(&s->index, &h, one->record.place.offset,
            (uint8_t *)one->payload.p, one->payload.n);
        BUG_ON(r);
    }
    liveness_unlock(&k->s->live);
    for (size_t i = first; i < k->synced; i++) {
        if (k->list[i]->record.type != RECORD_STATE)
            buf_fini(&k->list[i]->payload);
        buf_fini(&k->list[i]->packed);
    }
    return 0;
}

/* Write and sync what was gathered. */
static int
out_flush(struct copying *k, struct err *e)
{
    while (k->written < k->count) {
        struct append_record *frame[FLUSH_RECORDS];
        uint64_t bytes = 0;
        size_t n = 0;
        uint32_t before;
        int r;
        while (n < FLUSH_RECORDS && k->written + n < k->count) {
            struct append_record *one = &k->list[k->written + n]->record;
            uint64_t more = appender_record_size(one->payload_n);
            if (!appender_fits(&k->c->out, bytes + more))
                break;
            bytes += more;
            frame[n++] = one;
        }
        if (!n) {
            r = out_roll(k->c, e);
            if (r)
                return r;
            continue;
        }
        before = k->c->out.at;
        r = appender_write(&k->c->out, frame, n, &k->s->lsn, e);
        if (r) {
            out_failed(k);
            return r;
        }
        k->written += n;
        r = out_sync(k, e);
        if (r)
            return r;
        k->c->bytes += k->c->out.at - before;
        if (k->c->pause)
            k->c->pause(k->c->pause_arg, k->c->out.at - before);
    }
    k->waiting = 0;
    return 0;
}

/* Messages are most of what there is; results are too short to gain. */
static void
out_pack(struct compact_out *c, struct copied *one)
{
    const struct buf *from = &one->payload;

    if (one->record.type != RECORD_COPY)
        return;
    if (!c->packer)
        c->packer = packer_new();
    packer_add(c->packer, &one->packed, from->p, from->n);
    if (one->packed.n >= from->n) {
        buf_fini(&one->packed);
        return;
    }
    buf_shrink(&one->packed);
    one->record.flags |= RECORD_PACKED;
}

/* Takes the payload over. */
static int
out_add(struct copying *k, const struct record_head *h, struct buf *payload,
    uint32_t from, struct spool_place accept, struct err *e)
{
    struct copied *one = xnew(struct copied);
    const struct buf *as;

    one->payload = *payload;
    memset(payload, 0, sizeof(*payload));
    one->from = from;
    one->accept = accept;
    one->record.type = h->type;
    one->record.flags = h->flags;
    one->record.id = h->id;
    one->record.lsn = h->lsn;
    out_pack(k->c, one);
    as = one->packed.n ? &one->packed : &one->payload;
    one->record.part[0] = (struct iovec){as->p, as->n};
    one->record.parts = 1;
    one->record.payload_n = as->n;
    one->record.payload_sum = record_sum(as->p, as->n);
    if (k->count == k->size) {
        k->size = k->size ? 2 * k->size : 256;
        k->list = xgrow(k->list, k->size, sizeof(struct copied *));
    }
    k->list[k->count++] = one;
    k->waiting += as->n;
    return k->waiting >= FLUSH_BYTES ? out_flush(k, e) : 0;
}

/* --- what is known --- */

static int
known_cmp(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->lsn > y->lsn ? -1 : x->lsn < y->lsn; /* newest first */
}

static void
known_add(struct copying *k, uint32_t segment, const struct index_entry *e)
{
    if (k->known_count == k->known_size) {
        k->known_size = k->known_size ? 2 * k->known_size : 1024;
        k->known = xgrow(k->known, k->known_size, sizeof(*k->known));
    }
    k->known[k->known_count++] = (struct known){.id = e->id,
        .lsn = e->lsn,
        .as_of = e->as_of,
        .at = {segment, e->offset}};
}

/* Messages of the segments that this one must outlive. */
static int
gather_known(struct copying *k, struct err *e)
{
    struct live_pair *pairs;
    size_t count = 0;
    int r = 0;

    liveness_lock(&k->s->live);
    pairs = xgrow(NULL, k->seg->pair_count + 1, sizeof(*pairs));
    for (size_t i = 0; i < k->seg->pair_count; i++) {
        if (k->seg->pairs[i].count)
            pairs[count++] = k->seg->pairs[i];
    }
    liveness_unlock(&k->s->live);
    for (size_t i = 0; i < count && !r; i++) {
        struct live_segment *other;
        struct index ix;
        struct index_entry entry;
        liveness_lock(&k->s->live);
        other = liveness_hold(&k->s->live, pairs[i].referred);
        if (!other && liveness_find(&k->s->live, pairs[i].referred))
            k->busy = true;
        liveness_unlock(&k->s->live);
        if (!other)
            continue;
        r = prepare_index(k->s, other, &ix, e);
        for (size_t at = 0; !r && index_next(&ix, &at, &entry);) {
            if (entry.type == RECORD_ACCEPT || entry.type == RECORD_COPY)
                known_add(k, other->number, &entry);
        }
        if (!r)
            index_fini(&ix);
        liveness_lock(&k->s->live);
        other->refs--;
        liveness_unlock(&k->s->live);
    }
    free(pairs);
    if (k->known_count)
        qsort(k->known, k->known_count, sizeof(*k->known), known_cmp);
    return r;
}

/* The newest place of a message: a COPY before what it was made from. */
static const struct known *
known_find(const struct copying *k, uint64_t id)
{
    size_t low = 0, high = k->known_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (k->known[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < k->known_count && k->known[low].id == id ? &k->known[low]
                                                          : NULL;
}

/* Results of this segment's messages, wherever they are. */
static int
gather_results(struct copying *k, struct err *e)
{
    struct live_segment **holders;
    size_t count = 0;
    struct idset ids = {0};
    struct index_entry entry;
    int r = 0;

    for (size_t at = 0; index_next(&k->index, &at, &entry);) {
        if (entry.type == RECORD_ACCEPT || entry.type == RECORD_COPY)
            idset_add(&ids, entry.id);
    }
    liveness_lock(&k->s->live);
    holders = xgrow(NULL, k->s->live.count + 1, sizeof(*holders));
    for (size_t i = 0; i < k->s->live.count; i++) {
        struct live_segment *h = k->s->live.list[i];
        bool holds = h == k->seg;
        for (size_t p = 0; p < h->pair_count && !holds; p++)
            holds = h->pairs[p].referred == k->seg->number && h->pairs[p].count;
        if (holds && h->going) {
            k->busy = true;
        } else if (holds) {
            h->refs++;
            holders[count++] = h;
        }
    }
    liveness_unlock(&k->s->live);
    for (size_t i = 0; i < count; i++) {
        struct index ix;
        if (!r)
            r = prepare_index(k->s, holders[i], &ix, e);
        for (size_t at = 0; !r && index_next(&ix, &at, &entry);) {
            if ((entry.type == RECORD_DONE || entry.type == RECORD_ATTEMPT) &&
                entry.lsn <= k->as_of && idset_has(&ids, entry.id))
                pending_add(&k->results, holders[i]->number, &entry);
        }
        if (!r)
            index_fini(&ix);
        liveness_lock(&k->s->live);
        holders[i]->refs--;
        liveness_unlock(&k->s->live);
    }
    idset_fini(&ids);
    free(holders);
    return r;
}

/* --- copying --- */

static bool
is_dead(struct copying *k, uint32_t offset)
{
    bool dead;
    liveness_lock(&k->s->live);
    dead = liveness_is_dead(
        &k->s->live, (struct spool_place){k->seg->number, offset});
    liveness_unlock(&k->s->live);
    return dead;
}

static void
done_add(uint64_t *bits, uint32_t count, struct record_run run)
{
    for (uint32_t i = run.first; i < count && i - run.first < run.count; i++)
        bits_set(bits, i);
}

/* Recipients that need nothing more, as bits and as a list; its length. */
static size_t
merge_done(const struct index_entry *e, const struct pending *p, uint64_t *bits,
    uint32_t **to)
{
    struct record_runs runs = e->runs;
    struct record_run run;
    size_t n = 0;

    while (e->type == RECORD_COPY && record_next_run(&runs, &run))
        done_add(bits, e->rcpt_count, run);
    for (; p; p = p->next) {
        for (uint32_t i = 0; p->type == RECORD_DONE && i < p->run_count; i++)
            done_add(bits, e->rcpt_count, pending_runs(p)[i]);
    }
    *to = xcalloc((size_t)e->rcpt_count + 1, sizeof(**to));
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        if (bits_has(bits, i))
            (*to)[n++] = i;
    }
    return n;
}

static void
merged_add(struct copying *k, struct spool_place at)
{
    if (k->merged_count % 256 == 0)
        k->merged = xgrow(k->merged, k->merged_count + 256, sizeof(*k->merged));
    k->merged[k->merged_count++] = (struct merged){at, k->count};
}

/* Is it the newest one of a recipient whose bit is not set?  Then it has to
 * be kept, and its recipients' bits are set. */
static bool
merge_wants(uint64_t *bits, uint32_t count, struct record_attempt a)
{
    struct record_group g;
    bool wanted = false;

    while (record_next_group(&a, &g)) {
        for (uint32_t i = 0; i < g.run.count; i++) {
            uint32_t at = g.run.first + i;
            if (at >= count || bits_has(bits, at))
                continue;
            bits_set(bits, at);
            wanted = true;
        }
    }
    return wanted;
}

/* The newest ATTEMPT of each recipient whose bit is not set, those of results
 * before those that stand in the old COPY; how many. */
static uint32_t
merge_attempts(struct copying *k, struct pending *p, struct record_copy *old,
    uint64_t *bits, uint32_t rcpts, struct buf *to)
{
    struct record_attempt a;
    uint32_t count = 0;
    uint64_t lsn;
    const uint8_t *one;
    size_t n;

    for (; p; p = p->next) {
        struct reader_record r;
        if (p->type != RECORD_ATTEMPT)
            continue;
        merged_add(k, p->at);
        if (old && p->lsn <= old->as_of)
            continue; /* the COPY has it, or a newer one */
        if (reader_get(k->s, p->at, p->id, &r, NULL))
            continue; /* unreadable: the last result is lost, not mail */
        if (!record_get_attempt(
                (const uint8_t *)r.payload.p, r.payload.n, &a) &&
            merge_wants(bits, rcpts, a)) {
            record_put_copy_attempt(to, p->lsn, r.payload.p, r.payload.n);
            count++;
        }
        reader_record_fini(&r);
    }
    while (old && record_next_copied(old, &lsn, &one, &n)) {
        if (record_get_attempt(one, n, &a) || !merge_wants(bits, rcpts, a))
            continue;
        record_put_copy_attempt(to, lsn, one, n);
        count++;
    }
    return count;
}

static int
copy_message(struct copying *k, const struct index_entry *entry, struct err *e)
{
    const struct spool_place from = {k->seg->number, entry->offset};
    struct pending *results = pending_take(&k->results, entry->id);
    struct record_head h = {
        .type = RECORD_COPY, .flags = entry->flags, .id = entry->id};
    struct reader_record r;
    struct record_copy old;
    struct buf b = BUF_INIT;
    uint64_t *bits;
    uint32_t *done, attempts;
    size_t done_count, at;
    bool was_copy;

    if (is_dead(k, entry->offset))
        return 0;
    if (reader_get(k->s, from, entry->id, &r, e)) {
        k->skipped = true;
        return 0; /* it stays, and the segment with it */
    }
    was_copy = r.head.type == RECORD_COPY;
    if (was_copy &&
        record_get_copy((const uint8_t *)r.payload.p, r.payload.n, &old)) {
        k->skipped = true;
        reader_record_fini(&r);
        return 0;
    }
    bits = xcalloc(BITS_WORDS((size_t)entry->rcpt_count) + 1, sizeof(*bits));
    done_count = merge_done(entry, results, bits, &done);
    at = record_put_copy(&b, from, k->as_of, done, done_count);
    attempts = merge_attempts(
        k, results, was_copy ? &old : NULL, bits, entry->rcpt_count, &b);
    record_end_copy(&b, at, attempts);
    if (was_copy)
        buf_add(&b, old.accept, old.accept_n);
    else
        buf_add(&b, r.payload.p, r.payload.n);
    free(bits);
    free(done);
    reader_record_fini(&r);
    return out_add(k, &h, &b, entry->offset, from, e);
}

/* A DONE or ATTEMPT about a message elsewhere. */
static int
copy_result(struct copying *k, const struct index_entry *entry, struct err *e)
{
    const struct spool_place from = {k->seg->number, entry->offset};
    const struct known *message = known_find(k, entry->id);
    struct reader_record r;

    if (!message || entry->lsn <= message->as_of ||
        (entry->type == RECORD_ATTEMPT && is_dead(k, entry->offset)))
        return 0;
    if (reader_get(k->s, from, entry->id, &r, e)) {
        k->skipped = true;
        return 0;
    }
    buf_consume(&r.bytes, RECORD_HEAD); /* which it gets anew */
    return out_add(k, &r.head, &r.bytes, entry->offset, message->at, e);
}

/* A value that is the newest of its key, an ABORT of what is still there. */
static int
copy_mark(struct copying *k, const struct index_mark *m, struct err *e)
{
    const struct spool_place from = {k->seg->number, m->offset};
    struct record_head h = {.type = m->type, .lsn = m->lsn};
    struct record_abort a;
    struct spool_place about = {0, 0};
    struct buf b = BUF_INIT;
    bool wanted = false;

    liveness_lock(&k->s->live);
    if (m->type == RECORD_STATE) {
        wanted =
            state_is_newest(k->s, str_make(m->payload, m->n), m->lsn, from);
    } else if (!record_get_abort(m->payload, m->n, &a)) {
        const struct live_segment *s = liveness_find(&k->s->live, a.segment);
        wanted = s && s->id == a.segment_id && s != k->seg;
        about.segment = a.segment;
    }
    liveness_unlock(&k->s->live);
    if (!wanted)
        return 0;
    buf_add(&b, m->payload, m->n);
    return out_add(k, &h, &b, m->offset, about, e);
}

static int
copy_all(struct copying *k, struct err *e)
{
    struct index_entry entry;
    struct index_mark mark;
    int r = 0;

    for (size_t at = 0; !r && index_next(&k->index, &at, &entry);) {
        if (entry.type == RECORD_ACCEPT || entry.type == RECORD_COPY)
            r = copy_message(k, &entry, e);
        else if (entry.type == RECORD_DONE || entry.type == RECORD_ATTEMPT)
            r = copy_result(k, &entry, e);
    }
    for (size_t at = 0; !r && index_next_mark(&k->index, &at, &mark);)
        r = copy_mark(k, &mark, e);
    return r ? r : out_flush(k, e);
}

/* --- publishing, with the table locked --- */

static void
publish_message(struct copying *k, const struct copied *one)
{
    struct liveness *l = &k->s->live;
    struct live_segment *to = liveness_find(l, one->record.place.segment);

    liveness_pair(l, to->number, k->seg->number, 1);
    to->accepts++;
    to->accept_bytes += one->record.length;
    if (liveness_kill(l, one->accept)) {
        to->live++;
        k->seg->live--;
    } else {
        (void)liveness_kill(l, one->record.place); /* finished meanwhile */
    }
}

static void
publish_result(struct copying *k, const struct copied *one)
{
    struct liveness *l = &k->s->live;
    struct spool_place from = {k->seg->number, one->from};
    bool attempt = one->record.type == RECORD_ATTEMPT;

    if (attempt && !liveness_kill(l, from)) {
        (void)liveness_kill(l, one->record.place); /* superseded meanwhile */
        return;
    }
    liveness_pair(l, one->record.place.segment,
        liveness_resolve(l, one->accept).segment, 1);
}

static void
publish_one(struct copying *k, const struct copied *one)
{
    switch (one->record.type) {
    case RECORD_COPY:
        publish_message(k, one);
        break;
    case RECORD_STATE:
        state_moved(
            k->s, buf_get(&one->payload), one->record.lsn, one->record.place);
        break;
    case RECORD_ABORT:
        liveness_pair(
            &k->s->live, one->record.place.segment, one->accept.segment, 1);
        break;
    default:
        publish_result(k, one);
    }
}

static void
publish_forwards(struct copying *k)
{
    struct live_moved *moved = xcalloc(k->synced + 1, sizeof(*moved));
    size_t n = 0;

    for (size_t i = 0; i < k->synced; i++) {
        const struct append_record *r = &k->list[i]->record;
        if (r->type == RECORD_COPY || r->type == RECORD_ATTEMPT)
            moved[n++] = (struct live_moved){k->list[i]->from, r->place};
    }
    if (n)
        liveness_forward(&k->s->live, k->seg->number, moved, n);
    else
        free(moved);
}

/* Results that came while the copying went on count for the new place. */
static void
publish_watched(struct copying *k)
{
    struct liveness *l = &k->s->live;
    for (size_t i = 0; i < l->watch_count; i++) {
        struct spool_place to = liveness_resolve(l, l->watch[i].accept);
        if (to.segment != k->seg->number)
            liveness_pair(l, l->watch[i].holder, to.segment, 1);
    }
    l->watched = 0;
    l->watch_count = 0;
}

static void
publish(struct copying *k, bool whole)
{
    struct liveness *l = &k->s->live;

    liveness_lock(l);
    for (size_t i = 0; i < k->merged_count; i++) {
        struct spool_place at = k->merged[i].at;
        if (k->merged[i].copy < k->synced && liveness_kill(l, at))
            liveness_pair(l, at.segment, k->seg->number, -1);
    }
    for (size_t i = 0; i < k->synced; i++)
        publish_one(k, k->list[i]);
    publish_forwards(k);
    publish_watched(k);
    k->seg->copied = whole;
    k->seg->compact_at =
        whole ? 0 : clock_mono() + (k->busy ? BUSY_MS : AGAIN_MS);
    k->seg->unreadable = k->skipped ? k->seg->live : 0;
    liveness_published(l, k->seg, k->c->out.segment);
    liveness_unlock(l);
}

/* A COPY here whose source is still there must not go before it. */
static bool
holds_sources(struct copying *k)
{
    struct index_entry e;
    bool holds = false;
    for (size_t at = 0; !holds && index_next(&k->index, &at, &e);) {
        if (e.type != RECORD_COPY)
            continue;
        liveness_lock(&k->s->live);
        holds = liveness_find(&k->s->live, e.ref.segment) != NULL;
        liveness_unlock(&k->s->live);
    }
    return holds;
}

static void
copying_fini(struct copying *k)
{
    for (size_t i = 0; i < k->count; i++) {
        buf_fini(&k->list[i]->payload);
        buf_fini(&k->list[i]->packed);
        free(k->list[i]);
    }
    free(k->list);
    free(k->known);
    free(k->merged);
    pending_fini(&k->results);
    index_fini(&k->index);
}

int
compact_segment(struct compact_out *c, struct live_segment *seg, struct err *e)
{
    struct copying k = {.c = c, .s = c->spool, .seg = seg};
    struct liveness *l = &c->spool->live;
    int r;

    liveness_lock(l);
    l->watched = seg->number;
    l->watch_count = 0;
    k.as_of = l->applied_lsn;
    liveness_unlock(l);
    r = prepare_index(c->spool, seg, &k.index, e);
    if (!r && holds_sources(&k))
        r = err_set(e, ERR_BUSY, "a former source is still there");
    if (!r)
        r = gather_known(&k, e);
    if (!r)
        r = gather_results(&k, e);
    if (!r && k.busy)
        r = err_set(e, ERR_BUSY, "a segment that it speaks of is removed");
    if (!r)
        r = copy_all(&k, e);
    publish(&k, !r && !k.skipped);
    liveness_lock(l);
    /* An ABORT that is on its way must find the source still there. */
    seg->compacting = r && k.written > k.synced && c->spool->writer;
    liveness_unlock(l);
    copying_fini(&k);
    return r == ERR_BUSY ? 0 : r;
}

void
compact_out_fini(struct compact_out *c)
{
    struct live_segment *s = c->out.segment;

    if (s) {
        keeper_seal(c->spool->keeper, s);
        liveness_lock(&c->spool->live);
        s->compacting = false;
        liveness_unlock(&c->spool->live);
        if (!c->spool->writer)
            keeper_trim(c->spool, s);
    }
    if (!c->spool->writer)
        keeper_seal_all(c->spool->keeper);
    appender_fini(&c->out);
    packer_free(&c->packer);
}
