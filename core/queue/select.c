/* SPDX-License-Identifier: Apache-2.0
 *
 * select.c - fail, flush, delay or move the mail that a filter means: a job
 * that first notes what may be meant, so that it is counted before anything is
 * done, and then works through it.
 *
 * What is noted is a message's id and a recipient's index: parcels come and go
 * meanwhile.  One that has moved within its queue's heap may be noted twice, so
 * work that is done already is not done, and not counted, again.
 */
#include "queue/print.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/xmem.h"
#include "conf/override.h"
#include "loop/job.h"
#include "queue/active.h"
#include "queue/choose.h"
#include "queue/doom.h"
#include "queue/filter.h"
#include "queue/move.h"
#include "queue/notice.h"
#include "queue/outlet.h"
#include "queue/pause.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "queue/settle.h"
#include "queue/walk.h"
#include "spool/render.h"
#include "base/banned.h"

enum {
    SELECT_STEP = 2048, /* delayed parcels noted in one step */
    SELECT_PASSES = 3,  /* over a heap that changes meanwhile */
    SELECT_READS = 16,  /* under way at once */
    SELECT_TELLS = 64,  /* messages between words of progress */
    SELECT_LENT = 300,  /* steps to wait for what sessions have */
    SELECT_STUCK = 1000 /* and for a disk that stands still */
};

struct selected {
    uint64_t id;
    uint32_t rcpt; /* the first of the parcel then */
};
struct select {
    struct scheduler *s;
    struct scheduler_ask ask;
    struct filter *filter;
    struct scheduler_order order; /* its texts are in `doom` and `move` */
    struct doom *doom;
    struct move *move;
    uint64_t under_way; /* of it, when it was last looked at */
    int64_t now;        /* wall; of the beginning */

    /* noting */
    size_t index, heap_count; /* in the queue that is looked at */
    int pass, patience;
    struct selected *list;
    size_t count, size;

    /* working */
    size_t next, told;
    int reading;
    struct selected *again; /* to be put off once their ATTEMPT has a place */
    size_t again_count, again_size;
    bool over, cancelled; /* the job has ended */
    struct settle settle;
    uint64_t done, busy; /* busy: with a session, so left alone */
    json_t *rows;        /* of a dry run */
    struct buf text;
};

/* --- noting --- */

static void
select_note(struct select *sel, const struct parcel *p)
{
    if (!filter_parcel(sel->filter, p, sel->now))
        return;
    if (sel->count == sel->size) {
        sel->size = sel->size ? sel->size + sel->size / 2 : 64;
        sel->list = xgrow(sel->list, sel->size, sizeof(*sel->list));
    }
    sel->list[sel->count++] =
        (struct selected){.id = p->id, .rcpt = parcel_rcpt(p)[0]};
}

/* Those in memory are bounded, and in lists that change: all at once. */
static void
select_note_active(struct select *sel, const struct queue *q)
{
    struct parcel *p = NULL;
    struct list *n, *on;

    while ((p = active_next_loading(q, p)) != NULL)
        select_note(sel, p);

    LIST_FOREACH (on, &q->busy->outlets)
        LIST_FOREACH (n, &LIST_ENTRY(on, struct outlet, node)->lent)
            select_note(sel, LIST_ENTRY(n, struct active, node)->parcel);
    LIST_FOREACH (n, &q->busy->ready)
        select_note(sel, LIST_ENTRY(n, struct active, node)->parcel);
    for (n = rollup_away(q); n; n = rollup_next_away(q, n)) {
        p = LIST_ENTRY(n, struct active, away_node)->parcel;
        if (!filter_queue(sel->filter, p->queue)) /* else it is noted there */
            select_note(sel, p);
    }
}

static enum job_step
select_note_delayed(struct select *sel, const struct queue *q)
{
    size_t end = MIN_OF(sel->index + SELECT_STEP, q->delayed.count);

    if (!sel->index)
        sel->heap_count = q->delayed.count;
    for (; sel->index < end; sel->index++)
        select_note(sel,
            CONTAINER_OF(q->delayed.nodes[sel->index], struct parcel, in.due));
    if (sel->index < q->delayed.count)
        return JOB_MORE;
    if (sel->heap_count != q->delayed.count && ++sel->pass < SELECT_PASSES) {
        sel->index = 0;
        return JOB_MORE;
    }
    if (sel->index > SELECT_STEP || sel->pass) /* what left it meanwhile */
        select_note_active(sel, q);
    return JOB_DONE;
}

static enum job_step
select_queue(void *arg, struct list *n, bool fresh)
{
    struct queue *q = LIST_ENTRY(n, struct queue, node);
    struct select *sel = arg;

    if (!filter_queue(sel->filter, q))
        return JOB_DONE;
    if (fresh) {
        sel->index = 0;
        sel->pass = 0;
    }
    if (!sel->index && !sel->pass)
        select_note_active(sel, q);
    return select_note_delayed(sel, q);
}

/* --- working --- */

static struct parcel *
select_parcel(const struct select *sel, const struct selected *one)
{
    struct parcel *p = parcel_find(&sel->s->parcels, one->id);

    for (; p; p = parcel_next(p))
        for (uint32_t i = 0; i < p->rcpt_count; i++)
            if (parcel_rcpt(p)[i] == one->rcpt)
                return p;
    return NULL;
}

static void
select_row(struct select *sel, const struct parcel *p, struct str sender,
    struct str where)
{
    const char *state = p->state == PARCEL_DELAYED ? "delayed" : "active";
    const struct queue *q = rollup_home(p);
    char id[MESSAGE_ID_SIZE];

    if (sel->done > SCHEDULER_DRY_ROWS)
        return;
    message_id_print(p->id + parcel_rcpt(p)[0], id);
    if (sel->rows)
        json_array_append_new(sel->rows,
            json_pack("{s:s,s:s,s:o,s:o,s:I,s:o,s:o}", "id", id, "queue", state,
                "binding", print_str(str_of(q->binding->name)), "domain",
                print_str(str_of(q->zone->name)), "created",
                (json_int_t)p->received, "sender",
                sender.p ? print_str(sender) : json_null(), "to",
                where.n ? print_str(where) : json_null()));
    else
        buf_printf(&sel->text, "[%s/%s] %s Created: %u To: %s%s%.*s%s%s%.*s\n",
            state, q->binding->name, id, p->received, q->zone->name,
            sender.p ? " From: <" : "", STR_ARG(sender), sender.p ? ">" : "",
            where.n ? " -> " : "", STR_ARG(where));
}

static void
select_flush(struct select *sel, struct parcel *p)
{
    if (p->state != PARCEL_DELAYED || p->in.due.when <= sel->now ||
        parcel_is_held(p, sel->now))
        return;
    p->flags |= PARCEL_LAST_TRY;
    queue_reschedule(p, sel->now);
    sel->done++;
}

static void
select_delay(struct select *sel, struct parcel *p)
{
    int64_t due = MIN_OF(sel->doom->until, queue_expiry(p->queue, p));

    if (p->state == PARCEL_DELAYED && !(p->flags & PARCEL_DUE) &&
        p->in.due.when == due)
        return;
    if (doom_parcel(p, sel->doom))
        sel->done++;
    else if (p->state == PARCEL_BEGUN)
        sel->busy++;
}

/* An ATTEMPT of it is on its way and would stay the last one on disk. */
static void
select_later(struct select *sel, const struct selected *one)
{
    if (sel->again_count == sel->again_size) {
        sel->again_size = sel->again_size ? sel->again_size * 2 : 16;
        sel->again = xgrow(sel->again, sel->again_size, sizeof(*sel->again));
    }
    sel->again[sel->again_count++] = *one;
}

static void
select_rest(struct select *sel)
{
    size_t count = sel->again_count;

    sel->again_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct selected one = sel->again[i];
        struct parcel *p = select_parcel(sel, &one);

        if (p && p->writing)
            select_later(sel, &one);
        else if (p)
            select_delay(sel, p);
    }
}

static bool
select_moves(const struct select *sel)
{
    return sel->order.work == SCHEDULER_REBIND ||
        sel->order.work == SCHEDULER_REROUTE;
}

static void
select_dry(struct select *sel, struct parcel *p, const struct message *m)
{
    struct buf where = BUF_INIT;

    if (!sel->move || move_would(p, m, sel->move, &where)) {
        sel->done++;
        select_row(sel, p, m ? m->env.sender : STR_NONE, buf_get(&where));
    }
    buf_fini(&where);
}

static void
select_work(
    struct select *sel, const struct selected *one, const struct message *m)
{
    struct parcel *p = select_parcel(sel, one);

    if (!p ||
        !(filter_queue(sel->filter, p->queue) ||
            filter_queue(sel->filter, rollup_home(p))))
        return; /* it has left meanwhile */
    if (sel->order.dry_run) {
        select_dry(sel, p, m);
        return;
    }
    switch (sel->order.work) {
    case SCHEDULER_FAIL:
        sel->done += doom_parcel(p, sel->doom);
        break;
    case SCHEDULER_FLUSH:
        select_flush(sel, p);
        break;
    case SCHEDULER_DELAY:
        if (p->writing)
            select_later(sel, one);
        else
            select_delay(sel, p);
        break;
    case SCHEDULER_REBIND:
    case SCHEDULER_REROUTE:
        (void)move_parcel(p, sel->move);
        break;
    }
}

/* --- the answer --- */

static void
select_print_count(struct select *sel)
{
    static const char *const verbs[] = {
        "failed", "requeued for delivery", "delayed"};
    unsigned long long n = sel->done;

    if (sel->order.dry_run) {
        buf_printf(
            &sel->text, "%llu messages are meant; nothing was done.\n", n);
    } else if (sel->order.work == SCHEDULER_REBIND) {
        buf_printf(&sel->text, "Rebound %llu messages.\n", n);
    } else if (sel->order.work == SCHEDULER_REROUTE) {
        buf_printf(&sel->text, "Moved %llu messages", n);
        buf_printf(&sel->text, " from '%s'",
            filter_domain(sel->filter) ? filter_domain(sel->filter) : "all");
        if (sel->move->to)
            buf_printf(&sel->text, " to '%s'", sel->move->to);
        buf_cstr(&sel->text, ".\n");
    } else {
        buf_printf(
            &sel->text, "%llu messages %s.\n", n, verbs[sel->order.work]);
    }
}

static void
select_print(struct select *sel)
{
    static const char *const verbs[] = {
        "fail", "flush", "delay", "rebind", "reroute queue"};

    if (sel->ask.json) {
        json_t *j = json_pack("{s:s,s:I,s:I,s:I,s:b,s:b,s:b}", "verb",
            verbs[sel->order.work], "messages", (json_int_t)sel->done, "busy",
            (json_int_t)sel->busy, "open", (json_int_t)sel->settle.open,
            "stored", (int)sel->settle.stored, "dry_run",
            (int)sel->order.dry_run, "cancelled", (int)sel->cancelled);
        if (sel->rows)
            json_object_set(j, "rows", sel->rows);
        print_json(j, &sel->text);
        return;
    }
    if (sel->order.dry_run && sel->done > SCHEDULER_DRY_ROWS)
        buf_cstr(&sel->text, "...\n");
    select_print_count(sel);
    if (sel->busy)
        buf_printf(&sel->text, "%llu are being sent and %s.\n",
            (unsigned long long)sel->busy,
            sel->move ? "move if that fails for now" : "were left alone");
    if (sel->move && sel->move->unread)
        buf_printf(&sel->text, "%llu could not be read and were left alone.\n",
            (unsigned long long)sel->move->unread);
    settle_print(&sel->settle, &sel->text);
    if (sel->cancelled)
        buf_cstr(&sel->text, "Cancelled before the end.\n");
}

/* What is under way goes on by itself; what was not begun stays, if the job was
 * cancelled. */
static void
select_end_moves(struct select *sel)
{
    struct move *mv = sel->move;

    if (!mv)
        return;
    mv->stopped = sel->cancelled;
    if (sel->order.dry_run)
        return;
    sel->done = mv->moved;
    sel->busy = mv->lent;
}

static void
select_reply(struct select *sel)
{
    struct scheduler *s = sel->s;
    const struct err ok = {0};

    select_print(sel);
    sel->ask.reply(sel->ask.arg, buf_get(&sel->text), &ok);
    json_decref(sel->rows);
    buf_fini(&sel->text);
    filter_free(&sel->filter);
    doom_unref(&sel->doom);
    move_unref(&sel->move);
    free(sel->list);
    free(sel->again);
    free(sel);
    s->jobs--;
    scheduler_check_drained(s);
}

static void
select_settled(struct settle *w)
{
    select_reply(CONTAINER_OF(w, struct select, settle));
}

static void
select_finish(struct select *sel)
{
    if (!sel->over || sel->reading)
        return;
    select_end_moves(sel);
    sel->settle = (struct settle){
        .s = sel->s, .doom = sel->doom, .done = select_settled, .stored = true};
    if (sel->done && sel->order.work != SCHEDULER_FLUSH && !sel->order.dry_run)
        settle_start(&sel->settle);
    else
        select_reply(sel);
}

/* --- reading --- */

struct select_read {
    struct spool_load load;
    struct select *sel;
    struct selected one;
    struct render *render;
    struct buf header;
};

static bool select_next(struct select *sel);

/* The next takes its place at once: the job looks in now and then only. */
static void
select_read_end(struct select_read *r, bool meant)
{
    struct select *sel = r->sel;

    if (meant && !sel->over)
        select_work(sel, &r->one, r->load.message);
    render_free(&r->render);
    message_unref(&r->load.message);
    free(r->load.rcpt);
    buf_fini(&r->header);
    free(r);
    sel->reading--;
    if (sel->over)
        select_finish(sel);
    else
        (void)select_next(sel);
}

static bool
select_header_is_whole(const struct buf *header)
{
    return header->n >= FILTER_HEADER_MOST ||
        memmem(header->p, header->n, "\r\n\r\n", 4);
}

static void
select_header(void *arg, int result)
{
    struct select_read *r = arg;
    int64_t n = result;
    char chunk[4096];

    while (n >= 0 && !(r->header.n && select_header_is_whole(&r->header))) {
        n = render_read(r->render, r->header.n, chunk, sizeof(chunk),
            loop_mailbox(r->sel->s->loop), select_header, r);
        if (n == ERR_AGAIN)
            return;
        if (n <= 0)
            break;
        buf_add(&r->header, chunk, (size_t)n);
    }
    select_read_end(
        r, n >= 0 && filter_header(r->sel->filter, buf_get(&r->header)));
}

static void
select_loaded(struct spool_load *l, int result, const struct err *e)
{
    struct select_read *r = CONTAINER_OF(l, struct select_read, load);
    const struct filter *f = r->sel->filter;

    (void)e; /* one that cannot be read is not meant */
    if (result < 0 || !filter_envelope(f, &l->message->env)) {
        select_read_end(r, false);
        return;
    }
    if (!filter_reads_header(f)) {
        select_read_end(r, true);
        return;
    }
    if (l->message->content)
        r->render = render_new(l->message, IMPEL_BODY_RAW, STR_NONE, NULL);
    if (r->render)
        select_header(r, 0);
    else
        select_read_end(r, false);
}

static void
select_read(struct select *sel, const struct selected *one)
{
    const struct parcel *p = select_parcel(sel, one);
    struct select_read *r;

    if (!p)
        return;
    r = xnew(struct select_read);
    r->sel = sel;
    r->one = *one;
    r->load = (struct spool_load){.accept = p->accept,
        .id = p->id,
        .want_content = filter_reads_header(sel->filter),
        .home = loop_mailbox(sel->s->loop),
        .done = select_loaded};
    sel->reading++;
    spool_load(sel->s->spool, &r->load);
}

/* --- the job --- */

/* What it makes has room: bounces, and results on their way to the disk, of
 * which so many would hold up deliveries. */
static bool
select_has_room(const struct select *sel)
{
    if (sel->order.dry_run)
        return true;
    if (sel->move && sel->move->under_way >= MOVE_UNDER_WAY)
        return false;
    if (sel->order.work == SCHEDULER_DELAY || sel->move)
        return spool_unwritten(sel->s->spool) < PAUSE_UNWRITTEN / 4;
    return sel->order.work != SCHEDULER_FAIL || notice_has_room(sel->s);
}

/* false: none is left, or there is no room. */
static bool
select_next(struct select *sel)
{
    const struct selected *one;

    if (sel->next == sel->count || sel->reading >= SELECT_READS ||
        !select_has_room(sel))
        return false;
    one = &sel->list[sel->next++];
    if (filter_reads_envelope(sel->filter) || (sel->move && sel->order.dry_run))
        select_read(sel, one);
    else
        select_work(sel, one, NULL);
    return true;
}

/* Is anything that has moved not on disk yet, or with a session that will soon
 * give it back? */
static bool
select_waits(struct select *sel)
{
    const struct move *mv = sel->move;

    if (!mv || sel->order.dry_run)
        return false;
    if (mv->under_way != sel->under_way)
        sel->patience = 0;
    sel->under_way = mv->under_way;
    return (mv->under_way || mv->lent) &&
        ++sel->patience < (mv->under_way ? SELECT_STUCK : SELECT_LENT);
}

static enum job_step
select_step(struct job *j, void *arg)
{
    struct select *sel = arg;
    bool more;

    if (sel->s->draining) {
        sel->cancelled = true;
        return JOB_DONE;
    }
    more = select_next(sel);
    if (sel->next - sel->told >= SELECT_TELLS ||
        (sel->next == sel->count && sel->told != sel->next)) {
        sel->told = sel->next;
        job_progress(j, sel->next, sel->count);
        if (sel->ask.progress)
            sel->ask.progress(sel->ask.arg, sel->next, sel->count);
    }
    if (more)
        return JOB_MORE;
    if (sel->next < sel->count || sel->reading || select_waits(sel))
        return JOB_PAUSE;
    select_rest(sel);
    return sel->again_count ? JOB_PAUSE : JOB_DONE;
}

static void
select_end(struct job *j, void *arg, bool cancelled)
{
    struct select *sel = arg;

    (void)j;
    sel->over = true;
    sel->cancelled |= cancelled;
    select_finish(sel);
}

static void
select_noted(void *arg, bool cancelled)
{
    static const char *const names[] = {
        "fail all", "flush all", "delay", "rebind", "reroute queue"};
    struct select *sel = arg;

    if (cancelled) {
        sel->cancelled = sel->over = true;
        select_finish(sel);
        return;
    }
    if (sel->ask.progress)
        sel->ask.progress(sel->ask.arg, 0, sel->count);
    sel->patience = 0;
    (void)job_start(
        sel->s->loop, names[sel->order.work], select_step, select_end, sel);
}

/* A domain is made as those of queues are. */
static int
select_make_move(
    struct select *sel, const struct scheduler_order *o, struct err *e)
{
    struct override_place place = {.domain = o->to};
    struct buf name = BUF_INIT;
    int rc = 0;

    if (o->work == SCHEDULER_REBIND) {
        if (o->to.p && !choose_is_name(sel->s->generation, o->to))
            return err_set(e, ERR_NOTFOUND,
                "there is no binding or group \"%.*s\"", STR_ARG(o->to));
        sel->move = move_new(sel->s, MOVE_BINDING, o->to);
    } else {
        rc = override_place_check(&place, &name, &place, e);
        if (!rc)
            sel->move = move_new(sel->s, MOVE_ROUTE, place.domain);
        buf_fini(&name);
    }
    return rc;
}

static int
select_make(struct select *sel, const struct scheduler_filter *f,
    const struct scheduler_order *o, struct err *e)
{
    int rc = select_moves(sel) ? select_make_move(sel, o, e) : 0;

    if (!rc)
        rc = filter_new(f, &sel->filter, e);
    if (rc)
        move_unref(&sel->move);
    else if (o->work == SCHEDULER_DELAY)
        sel->doom = doom_delay(sel->now + o->delay);
    else
        sel->doom =
            doom_new(o->text, "[internal] Message manually purged", o->quiet);
    return rc;
}

void
scheduler_select(struct scheduler *s, const struct scheduler_filter *f,
    const struct scheduler_order *o, const struct scheduler_ask *ask)
{
    struct select *sel = xnew(struct select);
    struct err e;

    sel->s = s;
    sel->ask = *ask;
    sel->order = *o;
    sel->order.text = sel->order.to = STR_NONE;
    sel->now = clock_wall();
    if (select_make(sel, f, o, &e) < 0) {
        ask->reply(ask->arg, STR(""), &e);
        free(sel);
        return;
    }
    sel->rows = o->dry_run && ask->json ? json_array() : NULL;
    s->jobs++;
    walk_start(s,
        &(struct walk_request){.name = "count",
            .head = &s->all_queues,
            .total = s->stats.queues,
            .visit = select_queue,
            .end = select_noted,
            .arg = sel});
}
