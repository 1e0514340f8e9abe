/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c - gather, write, sync, complete.
 */
#include "spool/writer.h"

#include <stdlib.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/thread.h"
#include "spool/append.h"
#include "spool/content_int.h"
#include "spool/keeper.h"
#include "spool/large.h"
#include "spool/spool_int.h"
#include "spool/state.h"

#include "base/banned.h"

struct item { /* one record of the open commit; all NULL: an ABORT */
    struct append_record record;
    struct spool_accept *accept;
    struct writer_result *result;
    const struct buf *joined; /* a STATE that goes with the accept before it */
};
struct writer {
    uint32_t magic;
    struct spool *spool;
    struct mailbox *mailbox;
    pthread_t thread;
    _Atomic bool stop;
    struct appender out;
    struct mail *head, *tail; /* waits to be written */
    struct item *items;       /* of the open commit */
    size_t item_count, item_size, accepts;
    struct append_record **frame;
    int64_t lazy_until; /* monotonic ms; 0: nothing waits for a sync */
    bool starved;       /* there is no segment to write to */
    unsigned failures;  /* in a row */
    int64_t retry_at;   /* not before; 0: all is well */
    struct err why;     /* the newest failure */
    struct record_abort *aborts;
    struct buf *abort_text;
    size_t abort_count;
    uint64_t *orphans; /* large bodies of aborted commits */
    size_t orphan_count, orphan_size;
};

/* What a mail is, is told by the function it was posted with; it is never
 * called. */
static void
mail_is_accept(struct mail *m)
{
    (void)m;
    BUG_ON("accepts are taken by the writer alone");
}
static void
mail_is_result(struct mail *m)
{
    (void)m;
    BUG_ON("results are taken by the writer alone");
}

static struct spool_accept *
mail_accept(struct mail *m)
{
    return m->deliver == mail_is_accept
        ? CONTAINER_OF(m, struct spool_accept, mail)
        : NULL;
}

/* --- answers --- */

static void
accept_done(struct mail *m)
{
    struct spool_accept *a = CONTAINER_OF(m, struct spool_accept, mail);

    buf_fini(&a->value); /* by the thread whose memory it is */
    a->done(a, a->result, a->result ? &a->error : NULL);
}

void
writer_answer(struct spool_accept *a, int result, const struct err *e)
{
    a->result = result;
    if (result && e)
        a->error = *e;
    mailbox_post(a->home, &a->mail, accept_done);
}

static void
result_done(struct mail *m)
{
    struct writer_result *r = CONTAINER_OF(m, struct writer_result, mail);
    if (r->placed)
        r->placed(r->arg, r->token, r->place);
    if (r->durable)
        r->durable(r->arg);
    buf_fini(&r->payload);
    free(r);
}

static void
answer_result(struct writer *w, struct writer_result *r)
{
    struct mailbox *scheduler = w->spool->events.scheduler;
    if (scheduler && (r->placed || r->durable)) {
        mailbox_post(scheduler, &r->mail, result_done);
        return;
    }
    buf_fini(&r->payload);
    free(r);
}

struct accepted_batch { /* messages of one commit, for the scheduler */
    struct mail mail;
    void (*accepted)(void *arg, struct message *m);
    void *arg;
    struct mail *first;
};

static void
accepted_deliver(struct mail *m)
{
    struct accepted_batch *b = CONTAINER_OF(m, struct accepted_batch, mail);
    struct mail *next;

    for (struct mail *at = b->first; at; at = next) {
        next = at->next;
        b->accepted(b->arg, CONTAINER_OF(at, struct message, mail));
    }
    free(b);
}

/* --- the list of what waits --- */

static void
todo_push(struct writer *w, struct mail *m)
{
    m->next = NULL;
    if (w->tail)
        w->tail->next = m;
    else
        w->head = m;
    w->tail = m;
}

static void
todo_push_front(struct writer *w, struct mail *m)
{
    m->next = w->head;
    w->head = m;
    if (!w->tail)
        w->tail = m;
}

static struct mail *
todo_pop(struct writer *w)
{
    struct mail *m = w->head;
    w->head = m->next;
    if (!w->head)
        w->tail = NULL;
    m->next = NULL;
    return m;
}

/* Answer every accept that waits; results stay. */
static void
todo_refuse(struct writer *w, const struct err *why)
{
    struct mail *m = w->head, *next;
    w->head = w->tail = NULL;
    for (; m; m = next) {
        struct spool_accept *a = mail_accept(m);
        next = m->next;
        if (a)
            writer_answer(a, why->code, why);
        else
            todo_push(w, m);
    }
}

/* --- gather --- */

static struct item *
item_push(struct writer *w)
{
    struct item *i;
    if (w->item_count == w->item_size) {
        w->item_size = w->item_size ? 2 * w->item_size : 256;
        w->items = xgrow(w->items, w->item_size, sizeof(*w->items));
    }
    i = &w->items[w->item_count++];
    memset(i, 0, sizeof(*i));
    return i;
}

static void
item_part(struct append_record *r, const struct buf *b)
{
    if (!b->n)
        return;
    r->part[r->parts++] = (struct iovec){b->p, b->n};
    r->payload_n += b->n;
}

/* What it takes of a frame: its records are never torn apart. */
static uint64_t
mail_bytes(struct mail *m)
{
    struct spool_accept *a = mail_accept(m);
    uint64_t n;

    if (a) {
        const struct content *c = a->message->content;

        n = appender_record_size(c->head.n + c->prefix.n + c->body.n);
        return a->value.n ? n + appender_record_size(a->value.n) : n;
    }
    return appender_record_size(
        CONTAINER_OF(m, struct writer_result, mail)->payload.n);
}

static uint8_t
accept_flags(const struct message *m)
{
    static const uint8_t flags[] = {
        [MESSAGE_TLS_REQUIRED] = RECORD_TLS_REQUIRED,
        [MESSAGE_TLS_ANY] = RECORD_TLS_ANY};

    return (uint8_t)(flags[message_tls(m)] |
        (m->content->large ? RECORD_LARGE : 0));
}

static void
item_take_joined(struct writer *w, const struct buf *value)
{
    struct item *i = item_push(w);

    i->joined = value;
    i->record.type = RECORD_STATE;
    item_part(&i->record, value);
    i->record.payload_sum = record_sum(value->p, value->n);
}

static void
item_take(struct writer *w, struct mail *m)
{
    struct item *i = item_push(w);
    struct append_record *r = &i->record;

    i->accept = mail_accept(m);
    if (i->accept) {
        struct content *c = i->accept->message->content;
        r->type = RECORD_ACCEPT;
        r->flags = accept_flags(i->accept->message);
        if (c->large) /* what is refused before takes its file along */
            large_hand_over(c->large);
        r->id = i->accept->message->id;
        item_part(r, &c->head);
        item_part(r, &c->prefix);
        item_part(r, &c->body);
        r->payload_sum = c->record_sum;
        w->accepts++;
        if (i->accept->value.n)
            item_take_joined(w, &i->accept->value); /* moves i */
        return;
    }
    i->result = CONTAINER_OF(m, struct writer_result, mail);
    r->type = i->result->type;
    r->id = i->result->id;
    item_part(r, &i->result->payload);
    r->payload_sum = record_sum(i->result->payload.p, i->result->payload.n);
}

static uint64_t
gather_aborts(struct writer *w)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < w->abort_count; i++) {
        struct item *it = item_push(w);
        struct buf *b = &w->abort_text[i];
        buf_cut(b, 0);
        record_put_abort(b, &w->aborts[i]);
        it->record.type = RECORD_ABORT;
        item_part(&it->record, b);
        it->record.payload_sum = record_sum(b->p, b->n);
        bytes += appender_record_size(b->n);
    }
    return bytes;
}

/* The records of the next frame, from `first` in items on. */
static void
writer_gather(struct writer *w, size_t first, uint64_t bytes)
{
    while (w->head && w->item_count + 2 <= first + APPEND_RECORDS) {
        uint64_t one = mail_bytes(w->head);
        if (!appender_fits(&w->out, bytes + one) ||
            (bytes && bytes + one > APPEND_FRAME_MAX))
            return;
        bytes += one;
        item_take(w, todo_pop(w));
    }
}

/* --- completion --- */

static void
complete_accept(struct writer *w, struct item *i)
{
    struct message *m = i->accept->message;
    m->place = i->record.place;
    m->record_size = i->record.length;
    liveness_accepted(&w->spool->live, m->place, i->record.length);
    if (m->content->large)
        keeper_large_stored(w->spool->keeper, m->id);
}

static void
complete_result(struct writer *w, struct item *i)
{
    struct writer_result *r = i->result;
    struct spool *s = w->spool;
    uint32_t holder = i->record.place.segment;

    r->place = i->record.place;
    if (r->type == RECORD_ATTEMPT) {
        liveness_attempted(&s->live, holder, r->accept, r->before);
        atomic_fetch_add(&s->attempts, 1);
    } else if (r->type == RECORD_DONE) {
        liveness_finished(&s->live, holder, r->accept, r->before, r->all);
        if (r->all) {
            atomic_fetch_add(&s->finished, 1);
            keeper_large_finished(s->keeper, r->id);
        }
    } else if (r->type == RECORD_ABORT) {
        /* of a commit of the compactor, whose source was held till now */
        struct live_segment *source =
            liveness_find(&s->live, r->before.segment);
        liveness_pair(&s->live, holder, r->accept.segment, 1);
        if (source)
            source->compacting = false;
    } else {
        state_placed(s, str_make(r->payload.p, r->payload.n), i->record.lsn,
            i->record.place);
    }
}

static void
complete_tables(struct writer *w)
{
    struct live_segment *seg = w->out.segment;
    liveness_lock(&w->spool->live);
    for (size_t k = 0; k < w->item_count; k++) {
        struct item *i = &w->items[k];
        const struct iovec *p = i->record.part;
        struct record_head h = {.length = i->record.length,
            .type = i->record.type,
            .flags = i->record.flags,
            .lsn = i->record.lsn,
            .id = i->record.id};
        int bad = index_add(
            &seg->index, &h, i->record.place.offset, p->iov_base, p->iov_len);
        BUG_ON(bad);
        w->spool->live.applied_lsn = i->record.lsn;
        if (i->accept)
            complete_accept(w, i);
        else if (i->result)
            complete_result(w, i);
        else if (i->joined)
            state_joined(
                w->spool, buf_get(i->joined), i->record.lsn, i->record.place);
        else
            liveness_pair(
                &w->spool->live, seg->number, wire_load32(p->iov_base), 1);
    }
    liveness_unlock(&w->spool->live);
}

static void
complete_answers(struct writer *w)
{
    struct spool *s = w->spool;
    struct accepted_batch *batch = NULL;
    struct mail **last = NULL;

    if (w->accepts && s->events.scheduler && s->events.accepted) {
        batch = xnew(struct accepted_batch);
        batch->accepted = s->events.accepted;
        batch->arg = s->events.arg;
        last = &batch->first;
    }
    for (size_t k = 0; k < w->item_count; k++) {
        struct item *i = &w->items[k];
        if (i->result) {
            if (i->record.type != RECORD_STATE &&
                i->record.type != RECORD_ABORT)
                atomic_fetch_sub(&s->unwritten, 1);
            answer_result(w, i->result);
        }
        if (!i->accept)
            continue;
        if (batch) {
            struct message *m = message_ref(i->accept->message);
            m->mail.next = NULL;
            *last = &m->mail;
            last = &m->mail.next;
        }
        writer_answer(i->accept, 0, NULL);
    }
    if (batch)
        mailbox_post(s->events.scheduler, &batch->mail, accepted_deliver);
}

static void
writer_completed(struct writer *w)
{
    struct spool *s = w->spool;

    complete_tables(w);
    complete_answers(w);
    atomic_fetch_add(&s->accepted, w->accepts);
    w->item_count = w->accepts = 0;
    w->lazy_until = 0;
    if (w->abort_count) {
        log_notice(
            LOG_SPOOL, "spool-write-works", "aborted=%zu", w->abort_count);
        for (size_t i = 0; i < w->abort_count; i++)
            buf_fini(&w->abort_text[i]);
        w->abort_count = 0;
        for (size_t i = 0; i < w->orphan_count; i++) {
            keeper_large_stored(s->keeper, w->orphans[i]);
            keeper_large_finished(s->keeper, w->orphans[i]);
        }
        w->orphan_count = 0;
        trouble_set(s, SPOOL_TROUBLE_WRITE, NULL);
    }
    w->failures = 0;
    w->retry_at = 0;
    mailbox_flush();
    keeper_wake(s->keeper);
}

/* --- failure --- */

/* Not again at once: each trial takes a fresh segment. */
static void
writer_later(struct writer *w, const struct err *e)
{
    unsigned step = MIN_OF(w->failures, 3u);

    w->why = *e;
    w->retry_at = clock_mono() +
        (step ? WRITER_RETRY_MS << (step - 1) : WRITER_RETRY_SOON_MS);
    w->failures++;
}

/* The commits of a segment that is gone need no ABORT.  The newest one stays
 * whatever it is of: that it could be written is how we know that the disk
 * is well. */
static void
abort_prune(struct writer *w)
{
    struct spool *s = w->spool;
    size_t kept = 0;

    liveness_lock(&s->live);
    for (size_t i = 0; i < w->abort_count; i++) {
        bool last = i + 1 == w->abort_count;
        struct buf text = w->abort_text[i];
        if (!last && !liveness_find(&s->live, w->aborts[i].segment)) {
            buf_fini(&text);
            continue;
        }
        w->aborts[kept] = w->aborts[i];
        w->abort_text[kept++] = text;
    }
    liveness_unlock(&s->live);
    w->abort_count = kept;
}

/* Its record may be on disk, so the body stays until the ABORT is, too. */
static void
orphan_push(struct writer *w, const struct message *m)
{
    if (!m->content->large)
        return;
    if (w->orphan_count == w->orphan_size) {
        w->orphan_size = w->orphan_size ? 2 * w->orphan_size : 16;
        w->orphans = xgrow(w->orphans, w->orphan_size, sizeof(*w->orphans));
    }
    w->orphans[w->orphan_count++] = m->id;
}

static void
abort_push(struct writer *w)
{
    size_t n = w->abort_count + 1;
    struct live_segment *s = w->out.segment;

    w->aborts = xgrow(w->aborts, n, sizeof(*w->aborts));
    w->abort_text = xgrow(w->abort_text, n, sizeof(*w->abort_text));
    memset(&w->abort_text[n - 1], 0, sizeof(*w->abort_text));
    w->aborts[n - 1] =
        (struct record_abort){s->number, w->out.start, s->id, w->out.commit};
    w->abort_count = n;
}

/* Nothing of the open commit counts: refuse its messages, keep its results.
 */
static void
writer_failed(struct writer *w, const struct err *e)
{
    struct spool *s = w->spool;

    log_error(LOG_SPOOL, "spool-write-failed", "segment=%08x reason=\"%s\"",
        w->out.segment->number, e->text);
    atomic_fetch_add(&s->failed_commits, 1);
    trouble_set(s, SPOOL_TROUBLE_WRITE, e);
    writer_later(w, e);
    for (size_t k = w->item_count; k-- > 0;) {
        struct item *i = &w->items[k];
        if (i->accept) {
            orphan_push(w, i->accept->message);
            writer_answer(i->accept, e->code, e);
        } else if (i->result) {
            todo_push_front(w, &i->result->mail);
        }
    }
    w->item_count = w->accepts = 0;
    w->lazy_until = 0;
    abort_push(w);
    w->out.before = w->out.synced;
    w->out.segment->failed = true;
    keeper_seal(s->keeper, w->out.segment);
    w->out.segment = NULL;
}

static void
writer_sync(struct writer *w)
{
    struct spool *s = w->spool;
    struct err e;
    int64_t begun = clock_mono_us(), took;

    atomic_store(&s->commit_begun, clock_mono());
    if (appender_sync(&w->out, &e)) {
        atomic_store(&s->commit_begun, 0);
        writer_failed(w, &e);
        return;
    }
    atomic_store(&s->commit_begun, 0);
    took = clock_mono_us() - begun;
    atomic_fetch_add(&s->commits, 1);
    atomic_fetch_add(&s->commit_us, (uint64_t)took);
    atomic_store(&s->slow_commit_us, (uint64_t)took);
    writer_completed(w);
}

/* --- the thread --- */

/* A segment to write to: 0, or the error that stands in the way. */
static int
writer_roll(struct writer *w, struct err *e)
{
    struct live_segment *next;
    int r;

    if (w->out.dirty)
        writer_sync(w);
    if (w->out.segment) {
        keeper_seal(w->spool->keeper, w->out.segment);
        w->out.segment = NULL;
    }
    r = keeper_take(w->spool->keeper, &next, e);
    w->starved = r != 0;
    trouble_set(w->spool, SPOOL_TROUBLE_SEGMENT, r ? e : NULL);
    if (r)
        writer_later(w, e);
    else
        appender_use(&w->out, next);
    return r;
}

static void
writer_frame(struct writer *w)
{
    size_t first = w->item_count, count;
    uint64_t bytes = gather_aborts(w), before;
    struct err e;

    writer_gather(w, first, bytes);
    count = w->item_count - first;
    if (!count)
        return;
    w->frame = xgrow(w->frame, count, sizeof(struct append_record *));
    for (size_t i = 0; i < count; i++)
        w->frame[i] = &w->items[first + i].record;
    before = w->out.at;
    if (appender_write(&w->out, w->frame, count, &w->spool->lsn, &e)) {
        writer_failed(w, &e);
        return;
    }
    atomic_fetch_add(&w->spool->bytes_written, w->out.at - before);
    if (!w->lazy_until)
        w->lazy_until = clock_mono() + WRITER_LAZY_MS;
    if (w->accepts || w->abort_count)
        writer_sync(w);
}

/* All that waits, frame by frame; false: it cannot be written now. */
static bool
writer_work(struct writer *w)
{
    struct err e;
    while (w->head || w->abort_count || w->starved) {
        uint64_t one = w->head ? mail_bytes(w->head) : 0;
        if (w->abort_count) {
            todo_refuse(w, &w->why);
            abort_prune(w);
            one = 64 * w->abort_count;
        }
        if (!appender_fits(&w->out, one)) {
            if (writer_roll(w, &e)) {
                todo_refuse(w, &e);
                return false;
            }
            if (!appender_fits(&w->out, one))
                return false; /* spool_accept() lets nothing so large in */
        }
        if (w->head || w->abort_count)
            writer_frame(w);
        if (w->abort_count)
            return false; /* failed: not again and again without a pause */
    }
    return true;
}

static int64_t
writer_wait_ms(const struct writer *w)
{
    int64_t at = w->lazy_until;

    if (w->retry_at && (!at || w->retry_at < at))
        at = w->retry_at;
    return at ? MAX_OF(at - clock_mono(), 0) : -1;
}

static void
writer_came(struct writer *w, struct mail *m)
{
    struct writer_result *r =
        mail_accept(m) ? NULL : CONTAINER_OF(m, struct writer_result, mail);

    if (r && r->type == RECORD_STATE)
        state_refresh(w->spool, &r->payload);
    todo_push(w, m);
}

/* All of it, unless it failed a moment ago: then it is as good as refused. */
static void
writer_try(struct writer *w, bool stop)
{
    if (!stop && w->retry_at && clock_mono() < w->retry_at)
        todo_refuse(w, &w->why);
    else if (writer_work(w))
        w->retry_at = 0;
    if (w->out.dirty && (stop || clock_mono() >= w->lazy_until))
        writer_sync(w);
}

/* At the end results that cannot be written are given up: they stay undone on
 * disk, so what they finished is tried again after the restart. */
static void
writer_give_up(struct writer *w)
{
    struct err e = {ERR_CLOSED, "the spool is closed"};
    todo_refuse(w, &e);
    while (w->head) {
        struct writer_result *r =
            CONTAINER_OF(todo_pop(w), struct writer_result, mail);
        buf_fini(&r->payload);
        free(r);
    }
}

static void *
writer_main(void *arg)
{
    struct writer *w = arg;

    bug_doing("spool writer", 0);
    (void)mailbox_gather(true); /* it was off: the thread is new */
    for (;;) {
        bool stop = atomic_load(&w->stop);
        struct mail *m = mailbox_take(w->mailbox, stop ? 0 : writer_wait_ms(w));
        struct mail *next;
        for (; m; m = next) {
            next = m->next;
            writer_came(w, m);
        }
        writer_try(w, stop);
        mailbox_flush();
        if (stop && (w->retry_at || (!w->head && !w->out.dirty)))
            break;
    }
    writer_give_up(w);
    if (w->out.segment)
        keeper_seal(w->spool->keeper, w->out.segment);
    mailbox_flush();
    return NULL;
}

int
writer_start(struct spool *s, struct writer **to, struct err *e)
{
    struct writer *w = xnew(struct writer);
    int r;

    w->magic = WRITER_MAGIC;
    w->spool = s;
    w->mailbox = mailbox_new();
    w->out.no_sync = s->sync == SPOOL_SYNC_NONE;
    w->out.urgent = true;
    w->out.before = w->out.synced = s->last_hot;
    w->out.commit = atomic_load(&s->last_commit);
    *to = w;
    r = thread_start(&w->thread, "spool writer", writer_main, w);
    if (!r)
        return 0;
    mailbox_free(&w->mailbox);
    xfree(to);
    return err_errno(e, ERR_LIMIT, r, "starting the spool's writer");
}

void
writer_stop(struct writer **to)
{
    struct writer *w = *to;
    *to = NULL;
    if (!w)
        return;
    CHECK(w, WRITER_MAGIC);
    atomic_store(&w->stop, true);
    mailbox_wake(w->mailbox);
    pthread_join(w->thread, NULL);
    mailbox_free(&w->mailbox);
    appender_fini(&w->out);
    for (size_t i = 0; i < w->abort_count; i++)
        buf_fini(&w->abort_text[i]);
    free(w->abort_text);
    free(w->aborts);
    free(w->orphans);
    free(w->items);
    free(w->frame);
    free(w);
}

void
writer_accept(struct writer *w, struct spool_accept *a)
{
    mailbox_post(w->mailbox, &a->mail, mail_is_accept);
}

struct writer_result *
writer_result_new(struct spool *s, int type)
{
    struct writer_result *r = xnew(struct writer_result);
    r->spool = s;
    r->type = (uint8_t)type;
    return r;
}

void
writer_put(struct writer *w, struct writer_result *r)
{
    mailbox_post(w->mailbox, &r->mail, mail_is_result);
}
