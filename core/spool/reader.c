/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.c - cold loads.
 */
#include "spool/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/xmem.h"
#include "loop/pool.h"
#include "spool/content_int.h"
#include "spool/envelope.h"
#include "spool/large.h"
#include "spool/packer.h"
#include "spool/spool_int.h"
#include "spool/sysio.h"

#include "base/banned.h"

enum { FIRST_READ = 8191 /* with a NUL behind it */ };

void
reader_record_fini(struct reader_record *r)
{
    buf_fini(&r->bytes);
}

static struct live_segment *
segment_hold(struct spool *s, struct spool_place *at)
{
    struct live_segment *seg;
    liveness_lock(&s->live);
    *at = liveness_resolve(&s->live, *at);
    seg = liveness_hold(&s->live, at->segment);
    liveness_unlock(&s->live);
    return seg;
}

static void
segment_let_go(struct spool *s, struct live_segment *seg)
{
    liveness_lock(&s->live);
    seg->refs--;
    liveness_unlock(&s->live);
}

/* Behind the head, as it was before it was packed. */
static int
unpack_record(struct reader_record *r)
{
    struct buf b = BUF_INIT;

    buf_add(&b, r->bytes.p, RECORD_HEAD);
    if (packer_unpack(&b, r->bytes.p + RECORD_HEAD, r->bytes.n - RECORD_HEAD)) {
        buf_fini(&b);
        return ERR_DAMAGED;
    }
    buf_fini(&r->bytes);
    r->bytes = b;
    r->head.flags &= (uint8_t)~RECORD_PACKED;
    return 0;
}

static int
read_record(struct live_segment *seg, struct reader_record *to, struct err *e)
{
    uint32_t at = to->at.offset;
    uint64_t sum;
    struct buf *b = &to->bytes;
    uint32_t length;
    ssize_t n;

    buf_fit(b, FIRST_READ);
    n = sysio_read_all(seg->fd, b->p, FIRST_READ, (off_t)at);
    if (n < 0)
        return err_errno(
            e, ERR_IO, errno, "reading segment %08" PRIx32, seg->number);
    b->n = (size_t)n;
    length = n >= RECORD_HEAD ? wire_load32(b->p) : 0;
    if (length > seg->bytes - at || length < RECORD_HEAD)
        return ERR_DAMAGED;
    if (length > b->n) {
        size_t have = b->n;
        buf_reserve(b, length - have);
        n = sysio_read_all(
            seg->fd, b->p + have, length - have, (off_t)(at + have));
        if (n < 0)
            return err_errno(
                e, ERR_IO, errno, "reading segment %08" PRIx32, seg->number);
        b->n += (size_t)n;
    }
    buf_cut(b, length < b->n ? length : b->n);
    if (!record_head_decode((uint8_t *)b->p, b->n, seg->id, &to->head, &sum) ||
        record_sum(b->p + RECORD_HEAD, length - RECORD_HEAD) !=
            to->head.payload_sum)
        return ERR_DAMAGED;
    return to->head.flags & RECORD_PACKED ? unpack_record(to) : 0;
}

static void
reader_damaged(struct spool *s, const struct reader_record *r, struct err *e)
{
    atomic_fetch_add(&s->damaged, 1);
    if (s->read_only)
        return;
    log_error(LOG_SPOOL, "spool-damaged", "segment=%08" PRIx32 " offset=%u",
        r->at.segment, r->at.offset);
    if (spooldir_quarantine(
            s->dir, r->at.segment, r->at.offset, r->bytes.p, r->bytes.n, e))
        trouble_set(s, SPOOL_TROUBLE_QUARANTINE, e);
}

int
reader_get(struct spool *s, struct spool_place at, uint64_t id,
    struct reader_record *to, struct err *e)
{
    struct live_segment *seg;
    int r;

    memset(to, 0, sizeof(*to));
    to->at = at;
    seg = segment_hold(s, &to->at);
    if (!seg || to->at.offset >= seg->bytes) {
        if (seg)
            segment_let_go(s, seg);
        return err_set(e, ERR_NOTFOUND, "no such record in the spool");
    }
    r = read_record(seg, to, e);
    if (r == ERR_DAMAGED) {
        reader_damaged(s, to, e);
        err_set(e, ERR_DAMAGED,
            "record in segment %08" PRIx32 " at %u is damaged", to->at.segment,
            to->at.offset);
    } else if (!r && id && to->head.id != id) {
        r = err_set(e, ERR_NOTFOUND, "another message is in its place");
    } else if (!r) {
        to->payload = str_from(buf_get(&to->bytes), RECORD_HEAD);
    }
    segment_let_go(s, seg);
    if (r)
        reader_record_fini(to);
    return r;
}

/* --- spool_load() --- */

struct load_job {
    struct pool_job job;
    struct spool *spool;
    struct spool_load *load;
};

static int
load_content(struct spool *s, struct message *m, const struct record_accept *h,
    const uint8_t *p, size_t n)
{
    struct content *c;
    struct wire w = wire_of(p, n);
    const uint8_t *prefix, *body;

    (void)wire_take(&w, h->head_size); /* it was decoded */
    prefix = wire_take(&w, h->prefix_size);
    body = h->body_size > w.n ? NULL : wire_take(&w, (size_t)h->body_size);
    if (w.bad || !body)
        return ERR_DAMAGED;
    c = content_new();
    content_set_head(c, h);
    if (h->prefix_size) {
        buf_fit(&c->prefix, h->prefix_size);
        buf_add(&c->prefix, prefix, h->prefix_size);
    }
    if (h->body_size) {
        buf_fit(&c->body, (size_t)h->body_size);
        buf_add(&c->body, body, (size_t)h->body_size);
    }
    if (h->large_size)
        c->large = large_of_file(s, m->id, h->large_size, h->large_sum);
    m->content = c;
    return 0;
}

/* States of an ATTEMPT's recipients, and their texts, in one block. */
static void
load_states(
    struct spool_load *l, const struct record_attempt *from, size_t parts)
{
    struct record_attempt a;
    struct record_group g;
    size_t count = 0, text = 0, k = 0;
    char *t;

    for (size_t i = 0; i < parts; i++) {
        a = from[i];
        while (record_next_group(&a, &g)) {
            count += g.run.count;
            text += g.state.text.n;
        }
    }
    if (count > RECORD_RCPT_MAX)
        return;
    l->rcpt = xcalloc(1, count * sizeof(*l->rcpt) + text + 1);
    t = (char *)(l->rcpt + count);
    for (size_t i = 0; i < parts; i++) {
        a = from[i];
        while (record_next_group(&a, &g)) {
            struct str s = g.state.text;
            if (s.n)
                memcpy(t, s.p, s.n);
            if (s.p)
                s.p = t;
            t += s.n;
            for (uint32_t r = 0; r < g.run.count; r++) {
                l->rcpt[k] = g.state;
                l->rcpt[k].rcpt = g.run.first + r;
                l->rcpt[k++].text = s;
            }
        }
    }
    l->rcpt_count = k;
}

/* A large body has to be there in full before a session is told of it: what is
 * missing does not come back by trying again. */
static int
load_large(struct spool *s, const struct message *m, struct err *e)
{
    char *path;
    struct stat st;
    uint64_t want;
    int fd, r = 0;

    if (!m->content || !m->content->large)
        return 0;
    want = large_size(m->content->large);
    path = spooldir_large_path(s->dir, m->id);
    fd = sysio_get()->open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && errno != ENOENT)
        r = err_errno(e, ERR_IO, errno, "%s", path);
    else if (fd < 0)
        r = err_set(e, ERR_DAMAGED, "%s is missing", path);
    else if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != want)
        r = err_set(
            e, ERR_DAMAGED, "%s has not its %" PRIu64 " bytes", path, want);
    if (fd >= 0)
        (void)sysio_get()->close(fd); /* was only looked at */
    if (r == ERR_DAMAGED) {
        log_error(LOG_SPOOL, "spool-damaged", "reason=\"%s\"", e->text);
        atomic_fetch_add(&s->damaged, 1);
    }
    free(path);
    return r;
}

/* The attempts that stand in a COPY. */
static void
load_copied(struct spool_load *l, struct record_copy c)
{
    struct record_attempt *list = xcalloc(c.attempt_count + 1, sizeof(*list));
    uint64_t lsn;
    const uint8_t *p;
    size_t n, count = 0;

    while (record_next_copied(&c, &lsn, &p, &n)) {
        if (!record_get_attempt(p, n, &list[count]))
            count++;
    }
    load_states(l, list, count);
    free(list);
}

/* The ATTEMPT asked for; one that compaction put into the COPY is taken from
 * there.  That it cannot be read any more costs the last results, not mail. */
static void
load_attempt(struct spool *s, struct spool_load *l, const struct record_copy *c)
{
    struct reader_record r;
    struct record_attempt a;
    struct err e;

    if (!l->attempt.segment)
        return;
    if (reader_get(s, l->attempt, l->id, &r, &e) == 0) {
        if (r.head.type == RECORD_ATTEMPT && (!c || r.head.lsn > c->as_of) &&
            !record_get_attempt(
                (const uint8_t *)r.payload.p, r.payload.n, &a)) {
            l->attempt = r.at;
            load_states(l, &a, 1);
            reader_record_fini(&r);
            return;
        }
        reader_record_fini(&r);
    }
    l->attempt = (struct spool_place){0, 0};
    if (c) {
        l->attempt = l->accept;
        load_copied(l, *c);
    }
}

static int
load_record(struct spool *s, struct spool_load *l, struct reader_record *r)
{
    const uint8_t *p = (const uint8_t *)r->payload.p;
    size_t n = r->payload.n;
    bool copied = r->head.type == RECORD_COPY;
    struct record_copy c;
    struct record_accept head;

    if (copied) {
        if (record_get_copy(p, n, &c))
            return ERR_DAMAGED;
        p = c.accept;
        n = c.accept_n;
    } else if (r->head.type != RECORD_ACCEPT) {
        return ERR_NOTFOUND;
    }
    l->accept = r->at;
    l->message = message_new(l->id);
    l->message->place = r->at;
    l->message->record_size = r->head.length;
    if (envelope_decode(p, n, &head, l->message) ||
        (l->want_content && load_content(s, l->message, &head, p, n)))
        return ERR_DAMAGED;
    load_attempt(s, l, copied ? &c : NULL);
    return 0;
}

int
reader_load(struct spool *s, struct spool_load *l)
{
    struct reader_record r;

    l->message = NULL;
    l->rcpt = NULL;
    l->rcpt_count = 0;
    l->result = reader_get(s, l->accept, l->id, &r, &l->error);
    if (l->result)
        return l->result;
    l->result = load_record(s, l, &r);
    if (l->result) {
        err_set(&l->error, l->result,
            "record in segment %08" PRIx32 " at %u cannot be decoded",
            r.at.segment, r.at.offset);
    } else {
        l->result = load_large(s, l->message, &l->error);
    }
    if (l->result) {
        message_unref(&l->message);
        xfree(&l->rcpt);
    } else if (l->want_content) {
        atomic_fetch_add(&s->loads, 1);
    }
    reader_record_fini(&r);
    return l->result;
}

static void
load_work(struct pool_job *job)
{
    struct load_job *j = CONTAINER_OF(job, struct load_job, job);

    (void)reader_load(j->spool, j->load); /* its result is there */
}

static void
load_done(struct pool_job *job)
{
    struct load_job *j = CONTAINER_OF(job, struct load_job, job);
    struct spool_load *l = j->load;
    free(j);
    l->done(l, l->result, l->result ? &l->error : NULL);
}

void
spool_load(struct spool *s, struct spool_load *l)
{
    struct load_job *j = xnew(struct load_job);
    j->spool = s;
    j->load = l;
    pool_submit(s->readers, &j->job, l->home, load_work, load_done);
}
