/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.c - segments of a spool that is being opened.
 */
#include "spool/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/xmem.h"
#include "spool/keeper.h"
#include "spool/spool_int.h"
#include "spool/state.h"
#include "spool/sysio.h"

#include "base/banned.h"

#define SEGMENT_MAX ((size_t)1 << 31)

struct prepare {
    struct spool *spool;
    struct record_abort *aborts;
    uint32_t *abort_holders;
    size_t abort_count;
    bool newer_frame;          /* a newer hot segment has a frame ... */
    struct spool_place before; /* ... and its first one follows this one */
};
struct making { /* of one segment's index */
    struct spool *spool;
    struct live_segment *seg;
    struct segment_scan *scan;
    struct index *index;
};

static void
damaged(struct spool *s, uint32_t segment, uint32_t offset, uint32_t n)
{
    if (!s->read_only)
        log_error(LOG_SPOOL, "spool-damaged",
            "segment=%08" PRIx32 " offset=%u bytes=%u", segment, offset, n);
    atomic_fetch_add(&s->damaged, 1);
}

static void
scan_record(void *arg, const struct segment_record *r)
{
    struct making *m = arg;
    if (!index_add(m->index, &r->head, r->offset, r->payload, r->payload_n))
        return;
    m->seg->damaged++;
    damaged(m->spool, m->seg->number, r->offset, r->head.length);
}

static void
scan_bad(void *arg, uint32_t offset, uint32_t n, bool torn)
{
    struct making *m = arg;
    struct err e;
    if (torn && m->spool->read_only)
        return;
    if (torn) {
        log_notice(LOG_SPOOL, "spool-torn",
            "segment=%08" PRIx32 " offset=%u bytes=%u", m->seg->number, offset,
            n);
        return;
    }
    m->seg->damaged++;
    damaged(m->spool, m->seg->number, offset, n);
    if (!m->spool->read_only &&
        spooldir_quarantine(m->spool->dir, m->seg->number, offset,
            m->scan->image + offset, MIN_OF(n, m->scan->n - offset), &e))
        trouble_set(m->spool, SPOOL_TROUBLE_QUARANTINE, &e);
}

static uint32_t
abort_offset(const struct prepare *p, const struct live_segment *seg)
{
    for (size_t i = 0; p && i < p->abort_count; i++) {
        if (p->aborts[i].segment == seg->number &&
            p->aborts[i].segment_id == seg->id)
            return p->aborts[i].offset;
    }
    return 0;
}

/* Read it from end to end. */
static int
read_segment(struct spool *s, const struct prepare *p, struct live_segment *seg,
    struct index *to, struct err *e)
{
    char *path = spooldir_segment_path(s->dir, seg->number);
    struct segment_scan scan = {0};
    struct making m = {s, seg, &scan, to};
    int r = segment_load(path, SEGMENT_MAX, &scan.image, &scan.n, e);

    memset(to, 0, sizeof(*to));
    scan.arg = &m;
    scan.record = scan_record;
    scan.bad = scan_bad;
    scan.stop = p ? abort_offset(p, seg) : seg->end;
    if (p && seg->kind == SEGMENT_HOT && p->newer_frame &&
        p->before.segment == seg->number)
        scan.known = p->before.offset + 1;
    if (!p)
        scan.known = seg->end; /* it was sealed: no torn tail is left */
    if (!r)
        r = segment_scan(&scan, e);
    if (!r && p && !s->read_only)
        r = segment_repair(&scan, seg->fd, path, e);
    if (!r && p) {
        seg->end = scan.end;
        seg->last = scan.last;
        seg->commit = scan.commit;
        seg->max_lsn = scan.max_lsn;
    }
    if (r)
        index_fini(to);
    segment_scan_fini(&scan);
    free(scan.image);
    free(path);
    return r;
}

/* A copy of the one in memory: the appender may add to it meanwhile. */
static bool
copy_index(struct spool *s, struct live_segment *seg, struct index *to)
{
    bool here;
    memset(to, 0, sizeof(*to));
    liveness_lock(&s->live);
    here = seg->state != LIVE_SEALED;
    if (here) {
        buf_add(&to->entries, seg->index.entries.p, seg->index.entries.n);
        buf_add(&to->strings, seg->index.strings.p, seg->index.strings.n);
        buf_add(&to->marks, seg->index.marks.p, seg->index.marks.n);
        to->entry_count = seg->index.entry_count;
    }
    liveness_unlock(&s->live);
    return here;
}

static int
load_index(struct spool *s, struct live_segment *seg, bool marks_only,
    struct index_head *h, struct index *to, struct err *e)
{
    char *path = spooldir_index_path(s->dir, seg->number);
    int r;

    memset(h, 0, sizeof(*h));
    h->number = seg->number;
    h->segment_id = seg->id;
    r = index_load(to, h, path, marks_only, e);
    free(path);
    return r;
}

static void
say_remade(const struct spool *s, const struct live_segment *seg,
    const struct err *why)
{
    if (!s->read_only)
        log_warn(LOG_SPOOL, "spool-index-remade",
            "segment=%08" PRIx32 " reason=\"%s\"", seg->number, why->text);
}

int
prepare_index(
    struct spool *s, struct live_segment *seg, struct index *to, struct err *e)
{
    struct index_head h;
    int r;

    if (copy_index(s, seg, to))
        return 0;
    if (s->read_only) /* its records are looked at, whatever an index says */
        return read_segment(s, NULL, seg, to, e);
    r = load_index(s, seg, false, &h, to, e);
    if (!r)
        return 0;
    say_remade(s, seg, e);
    r = read_segment(s, NULL, seg, to, e);
    if (!r && !s->read_only)
        keeper_save_index(s, seg, to);
    return r;
}

/* --- opening --- */

static void
take_marks(struct prepare *p, struct live_segment *seg, struct index *ix)
{
    struct index_mark m;
    for (size_t at = 0; index_next_mark(ix, &at, &m);) {
        struct spool_place here = {seg->number, m.offset};
        struct record_abort a;
        if (m.type == RECORD_STATE) {
            state_recover(p->spool, str_make(m.payload, m.n), m.lsn, here);
        } else if (!record_get_abort(m.payload, m.n, &a)) {
            size_t n = p->abort_count + 1;
            p->aborts = xgrow(p->aborts, n, sizeof(*p->aborts));
            p->abort_holders =
                xgrow(p->abort_holders, n, sizeof(*p->abort_holders));
            p->aborts[n - 1] = a;
            p->abort_holders[n - 1] = seg->number;
            p->abort_count = n;
        }
    }
}

static int
prepare_one(struct prepare *p, struct live_segment *seg, struct err *e)
{
    struct spool *s = p->spool;
    struct index_head h;
    struct index ix;
    struct frame_head f;
    uint8_t first[SEGMENT_FRAME];
    int r = load_index(s, seg, true, &h, &ix, e);

    if (!r) {
        seg->end = h.end;
        seg->last = h.last;
        seg->commit = h.commit;
        seg->max_lsn = h.max_lsn;
        seg->damaged = h.damaged;
        seg->state = LIVE_SEALED;
        if (seg->end > seg->bytes) { /* what is missing is told when read */
            damaged(s, seg->number, (uint32_t)seg->bytes,
                seg->end - (uint32_t)seg->bytes);
            seg->bytes = seg->end;
        }
        atomic_fetch_add(&s->damaged, h.damaged);
    } else {
        if (r != ERR_NOTFOUND) /* one that was not sealed has none */
            say_remade(s, seg, e);
        r = read_segment(s, p, seg, &ix, e);
        if (r)
            return r;
    }
    seg->records = ix.entry_count;
    take_marks(p, seg, &ix);
    if (seg->state != LIVE_SEALED) {
        seg->index = ix;
        if (!s->read_only)
            keeper_write_index(s, seg);
    } else {
        index_fini(&ix);
    }
    if (seg->kind == SEGMENT_HOT &&
        sysio_read_all(seg->fd, first, sizeof(first), SEGMENT_BLOCK) ==
            sizeof(first) &&
        frame_decode(first, (size_t)UINT32_MAX, 0, seg->id, &f)) {
        if (!p->newer_frame) {
            s->last_hot = (struct spool_place){seg->number, seg->last};
            atomic_store(&s->last_commit, seg->commit);
        }
        p->newer_frame = true;
        p->before = f.before;
    }
    return 0;
}

/* Only offline compaction makes a segment shorter, and that is a cold one;
 * whether its index says more than there is, is seen when that is read. */
static void
look_at_short(struct spool *s, struct live_segment *seg, uint64_t size)
{
    if (seg->kind == SEGMENT_COLD) {
        seg->bytes = size;
        return;
    }
    seg->failed = true; /* nothing else is to be written there */
    damaged(s, seg->number, (uint32_t)size, (uint32_t)(seg->bytes - size));
}

/* A head that cannot be read is damage, but the index of a sealed segment says
 * what has to be known: then only the head is lost. */
static bool
head_of_index(struct spool *s, uint32_t number, struct segment_head *to)
{
    char *path = spooldir_index_path(s->dir, number);
    struct index_head h = {.number = number};
    struct index ix;
    bool good = index_find_id(path, &h.segment_id) == 0 &&
        index_load(&ix, &h, path, true, NULL) == 0;

    free(path);
    if (!good)
        return false;
    index_fini(&ix);
    *to = (struct segment_head){.number = number,
        .kind = h.kind,
        .id = h.segment_id,
        .bytes = MAX_OF((uint64_t)h.end, s->segment_bytes)};
    return true;
}

/* The table's row for a file; NULL: its head is damaged, which is told. */
static struct live_segment *
open_segment(struct spool *s, uint32_t number, struct err *e)
{
    char *path = spooldir_segment_path(s->dir, number);
    struct live_segment *seg = NULL;
    struct segment_head h;
    uint8_t head[SEGMENT_BLOCK];
    struct err why;
    struct stat st;
    ssize_t n = -1;
    int flags = s->read_only ? O_RDONLY | O_NONBLOCK : O_RDWR;
    int r = 0, fd = sysio_get()->open(path, flags, 0);

    if (fd >= 0)
        n = sysio_read_all(fd, head, sizeof(head), 0);
    if (n < 0)
        err_errno(e, ERR_IO, errno, "reading %s", path);
    else if ((r = segment_head_decode(head, (size_t)n, &h, &why)) ==
        ERR_VERSION)
        err_set(e, r, "%s: %s, this program has version %d", path, why.text,
            SEGMENT_FORMAT);
    else if (r || h.number != number || h.bytes > SEGMENT_MAX) {
        damaged(s, number, 0, SEGMENT_BLOCK);
        if (head_of_index(s, number, &h))
            seg = liveness_segment_new(&h, fd);
    } else
        seg = liveness_segment_new(&h, fd);
    if (seg && fstat(fd, &st) == 0 && (uint64_t)st.st_size < seg->bytes)
        look_at_short(s, seg, (uint64_t)st.st_size);
    if (!seg && fd >= 0)
        (void)sysio_get()->close(fd); /* only read */
    free(path);
    return seg;
}

static int
open_all(struct spool *s, struct err *e)
{
    uint32_t *list;
    size_t count;
    int r = spooldir_list(s->dir, SPOOLDIR_SEGMENT, &list, &count, e);

    e->code = 0;
    for (size_t i = 0; i < count && !r; i++) {
        struct live_segment *seg = open_segment(s, list[i], e);
        if (seg)
            liveness_add(&s->live, seg);
        r = seg ? 0 : e->code;
        atomic_store(&s->next_segment, list[i] + 1);
    }
    free(list);
    return r;
}

static void
prepare_numbers(struct prepare *p)
{
    struct spool *s = p->spool;
    uint64_t lsn = 0;

    for (size_t i = 0; i < s->live.count; i++) {
        if (s->live.list[i]->max_lsn > lsn)
            lsn = s->live.list[i]->max_lsn;
    }
    atomic_store(&s->lsn, lsn);
    s->live.applied_lsn = lsn;
    s->first_new_segment = atomic_load(&s->next_segment);
    for (size_t i = 0; i < p->abort_count; i++) {
        struct live_segment *f = liveness_find(&s->live, p->aborts[i].segment);
        if (f && f->id == p->aborts[i].segment_id)
            liveness_pair(
                &s->live, p->abort_holders[i], p->aborts[i].segment, 1);
    }
    state_settle(s);
}

int
prepare_segments(struct spool *s, struct err *e)
{
    struct prepare p = {.spool = s};
    int r = open_all(s, e);

    /* An ABORT of a commit of either kind stands in a hot segment, newer
     * than what it speaks of if that is hot. */
    for (int kind = SEGMENT_HOT; kind <= SEGMENT_COLD; kind++) {
        for (size_t i = s->live.count; i-- > 0 && !r;) {
            if (s->live.list[i]->kind == (uint32_t)kind)
                r = prepare_one(&p, s->live.list[i], e);
        }
    }
    if (!r)
        prepare_numbers(&p);
    free(p.aborts);
    free(p.abort_holders);
    return r;
}
