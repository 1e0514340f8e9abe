/* SPDX-License-Identifier: Apache-2.0
 *
 * liveness.c - counts per segment and per pair of segments.
 */
#include "spool/liveness.h"

#include <stdlib.h>
#include "base/bits.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "spool/sysio.h"

#include "base/banned.h"

enum { DEAD_UNIT = 64 }; /* no ACCEPT, COPY or ATTEMPT is shorter */

void
liveness_init(struct liveness *l)
{
    memset(l, 0, sizeof(*l));
    pthread_mutex_init(&l->lock, NULL);
}

void
liveness_fini(struct liveness *l)
{
    for (size_t i = 0; i < l->count; i++)
        liveness_segment_free(&l->list[i]);
    for (size_t i = 0; i < l->forward_count; i++)
        free(l->forwards[i].moved);
    free(l->list);
    free(l->forwards);
    free(l->watch);
    pthread_mutex_destroy(&l->lock);
    memset(l, 0, sizeof(*l));
}

void
liveness_lock(struct liveness *l)
{
    pthread_mutex_lock(&l->lock);
}

void
liveness_unlock(struct liveness *l)
{
    pthread_mutex_unlock(&l->lock);
}

struct live_segment *
liveness_segment_new(const struct segment_head *h, int fd)
{
    struct live_segment *s = xnew(struct live_segment);
    s->magic = SEGMENT_MAGIC;
    s->number = h->number;
    s->kind = h->kind;
    s->id = h->id;
    s->bytes = h->bytes;
    s->fd = fd;
    s->end = SEGMENT_BLOCK;
    return s;
}

void
liveness_segment_free(struct live_segment **to)
{
    struct live_segment *s = *to;
    *to = NULL;
    if (!s)
        return;
    CHECK(s, SEGMENT_MAGIC);
    if (s->fd >= 0)
        (void)sysio_get()->close(s->fd); /* what counts was synced */
    index_fini(&s->index);
    free(s->pairs);
    free(s->dead);
    s->magic = 0;
    free(s);
}

/* The first at or above number. */
static size_t
table_place(const struct liveness *l, uint32_t number)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l->list[mid]->number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void
liveness_add(struct liveness *l, struct live_segment *s)
{
    size_t at = table_place(l, s->number);
    if (l->count == l->size) {
        l->size = l->size ? 2 * l->size : 64;
        l->list = xgrow(l->list, l->size, sizeof(struct live_segment *));
    }
    memmove(l->list + at + 1, l->list + at,
        (l->count - at) * sizeof(struct live_segment *));
    l->list[at] = s;
    l->count++;
}

struct live_segment *
liveness_find(const struct liveness *l, uint32_t number)
{
    size_t at = table_place(l, number);
    if (at == l->count || l->list[at]->number != number)
        return NULL;
    return l->list[at];
}

/* --- forwards --- */

static const struct live_moved *
forward_find(const struct live_forward *f, uint32_t offset)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (f->moved[mid].from < offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low < f->count && f->moved[low].from == offset ? &f->moved[low]
                                                          : NULL;
}

struct spool_place
liveness_resolve(const struct liveness *l, struct spool_place at)
{
    for (size_t i = 0; at.segment && i < l->forward_count; i++) {
        const struct live_moved *m;
        if (l->forwards[i].segment != at.segment)
            continue;
        m = forward_find(&l->forwards[i], at.offset);
        if (m)
            return m->to; /* forwards point at the end of the way */
        /* it may have been copied in several goes */
    }
    return at;
}

static int
moved_cmp(const void *a, const void *b)
{
    const struct live_moved *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

void
liveness_forward(struct liveness *l, uint32_t segment, struct live_moved *moved,
    size_t count)
{
    struct live_forward *f;
    if (count)
        qsort(moved, count, sizeof(*moved), moved_cmp);
    l->forwards =
        xgrow(l->forwards, l->forward_count + 1, sizeof(*l->forwards));
    f = &l->forwards[l->forward_count++];
    f->segment = segment;
    f->moved = moved;
    f->count = count;
    for (size_t i = 0; i + 1 < l->forward_count; i++) {
        struct live_forward *old = &l->forwards[i];
        for (size_t k = 0; k < old->count; k++) {
            const struct live_moved *m = old->moved[k].to.segment == segment
                ? forward_find(f, old->moved[k].to.offset)
                : NULL;
            if (m)
                old->moved[k].to = m->to;
        }
    }
}

/* Forwards that lead nowhere any more. */
static void
forwards_prune(struct liveness *l)
{
    for (size_t i = 0; i < l->forward_count;) {
        struct live_forward *f = &l->forwards[i];
        size_t k = 0;
        while (k < f->count && !liveness_find(l, f->moved[k].to.segment))
            k++;
        if (k < f->count) {
            i++;
            continue;
        }
        free(f->moved);
        *f = l->forwards[--l->forward_count];
    }
}

/* --- pairs --- */

void
liveness_pair(struct liveness *l, uint32_t holder, uint32_t referred, int by)
{
    struct live_segment *h = liveness_find(l, holder);
    size_t i;

    if (!h || holder == referred || !liveness_find(l, referred))
        return; /* what went away, or goes with it, needs no holding */
    for (i = 0; i < h->pair_count; i++) {
        if (h->pairs[i].referred == referred)
            break;
    }
    if (by < 0 && (i == h->pair_count || !h->pairs[i].count))
        return;
    if (i == h->pair_count) {
        h->pairs = xgrow(h->pairs, i + 1, sizeof(*h->pairs));
        h->pairs[h->pair_count++] = (struct live_pair){referred, 0};
    }
    h->pairs[i].count += (uint32_t)by;
    h->out += (uint64_t)(int64_t)by;
}

static void
pairs_drop(struct live_segment *h, uint32_t referred)
{
    for (size_t i = 0; i < h->pair_count; i++) {
        if (h->pairs[i].referred != referred)
            continue;
        h->out -= h->pairs[i].count;
        h->pairs[i] = h->pairs[--h->pair_count];
        return;
    }
}

bool
liveness_is_dead(const struct liveness *l, struct spool_place at)
{
    const struct live_segment *s = liveness_find(l, at.segment);
    if (!s)
        return true;
    return s->dead && at.offset < s->bytes &&
        bits_has(s->dead, at.offset / DEAD_UNIT);
}

bool
liveness_kill(struct liveness *l, struct spool_place at)
{
    struct live_segment *s = liveness_find(l, at.segment);
    if (!s || at.offset >= s->bytes)
        return false;
    if (!s->dead)
        s->dead = xcalloc(
            BITS_WORDS((size_t)(s->bytes / DEAD_UNIT) + 1), sizeof(*s->dead));
    if (bits_has(s->dead, at.offset / DEAD_UNIT))
        return false;
    bits_set(s->dead, at.offset / DEAD_UNIT);
    return true;
}

/* --- events --- */

void
liveness_accepted(struct liveness *l, struct spool_place at, uint32_t length)
{
    struct live_segment *s = liveness_find(l, at.segment);
    if (!s)
        return;
    s->live++;
    s->accepts++;
    s->accept_bytes += length;
}

static void
watch_result(struct liveness *l, struct spool_place accept, uint32_t holder,
    bool finished)
{
    if (accept.segment != l->watched || !l->watched)
        return;
    if (l->watch_count % 256 == 0)
        l->watch = xgrow(l->watch, l->watch_count + 256, sizeof(*l->watch));
    l->watch[l->watch_count++] =
        (struct live_watched){accept, holder, finished};
}

/* A former ATTEMPT is superseded. */
static void
attempt_ended(
    struct liveness *l, struct spool_place attempt, struct spool_place accept)
{
    struct spool_place at = liveness_resolve(l, attempt);
    if (!at.segment ||
        (at.segment == accept.segment && at.offset == accept.offset))
        return; /* none, or it stands inside the COPY of its message */
    if (liveness_kill(l, at))
        liveness_pair(l, at.segment, accept.segment, -1);
}

void
liveness_attempted(struct liveness *l, uint32_t holder,
    struct spool_place accept, struct spool_place before)
{
    struct spool_place at = liveness_resolve(l, accept);
    liveness_pair(l, holder, at.segment, 1);
    attempt_ended(l, before, at);
    watch_result(l, at, holder, false);
}

void
liveness_finished(struct liveness *l, uint32_t holder,
    struct spool_place accept, struct spool_place attempt, bool all)
{
    struct spool_place at = liveness_resolve(l, accept);
    struct live_segment *s = liveness_find(l, at.segment);

    liveness_pair(l, holder, at.segment, 1);
    attempt_ended(l, attempt, at);
    watch_result(l, at, holder, all);
    if (!all || !s || !liveness_kill(l, at))
        return;
    if (s->live)
        s->live--;
    else
        log_error(LOG_SPOOL, "spool-count-wrong", "segment=%08x", s->number);
}

bool
liveness_is_free(const struct live_segment *s)
{
    return s->state == LIVE_SEALED && !s->live && !s->refs && !s->compacting &&
        !s->going && (s->copied || !s->out);
}

struct live_segment *
liveness_take_free(struct liveness *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct live_segment *s = l->list[i];

        if (!liveness_is_free(s))
            continue;
        s->going = true;
        return s;
    }
    return NULL;
}

struct live_segment *
liveness_hold(struct liveness *l, uint32_t number)
{
    struct live_segment *s = liveness_find(l, number);

    if (!s || s->going)
        return NULL;
    s->refs++;
    return s;
}

void
liveness_published(struct liveness *l, const struct live_segment *source,
    const struct live_segment *open)
{
    for (size_t i = 0; i < l->count; i++) {
        struct live_segment *s = l->list[i];

        if (s->kind == SEGMENT_COLD && s != source && s != open &&
            s->state != LIVE_OPEN)
            s->compacting = false;
    }
}

void
liveness_forget(struct liveness *l, struct live_segment *s)
{
    size_t at = table_place(l, s->number);
    uint32_t number = s->number;

    BUG_ON(at == l->count || l->list[at] != s);
    memmove(l->list + at, l->list + at + 1,
        (l->count - at - 1) * sizeof(struct live_segment *));
    l->count--;
    for (size_t i = 0; i < l->count; i++)
        pairs_drop(l->list[i], number);
    forwards_prune(l);
    liveness_segment_free(&s);
}
