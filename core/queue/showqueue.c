/* SPDX-License-Identifier: Apache-2.0
 *
 * showqueue.c - `showqueue`: the mail of a domain, one row a recipient.
 *
 * What the rows say is noted first, without a pause but for what an offset
 * leaves out of a long queue; then the envelopes that are not in memory are
 * read, a few at a time, and all is printed when the last is there.
 */
#include "queue/print.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "queue/explain.h"
#include "queue/outlet.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "queue/walk.h"
#include "base/banned.h"

enum {
    SHOW_READS = 16, /* under way at once */
    SHOW_STEP = 512  /* delayed parcels in one step of the job */
};

struct shown { /* a parcel as it was */
    struct spool_load load;
    struct show *show;
    struct message *message; /* NULL: to be read, or it cannot be */
    struct bindstate *binding;
    struct explanation why;
    uint32_t received, retries, rcpt_count;
    uint32_t *rcpt; /* those to be shown */
    bool active;
    char trouble[160]; /* why it was not read */
};
struct show {
    struct scheduler *s;
    struct scheduler_ask ask;
    char *binding;              /* "all" */
    uint64_t end, offset, seen; /* recipients */
    size_t heap_at;             /* in the queue that is looked at */
    struct shown **list;
    size_t count, size;
    size_t next; /* to be read */
    size_t reading;
};

/* --- what is there --- */

static struct shown *
show_new(struct show *to, const struct parcel *p, uint32_t first, uint32_t n)
{
    struct shown *row = xnew(struct shown);

    row->show = to;
    row->binding = p->queue->binding;
    row->received = p->received;
    row->retries = p->retries;
    row->active = p->state != PARCEL_DELAYED || (p->flags & PARCEL_DUE);
    explain_parcel(p, &row->why);
    row->rcpt_count = n;
    row->rcpt = (uint32_t *)(void *)xdupn(
        parcel_rcpt(p) + first, (size_t)n * sizeof(*row->rcpt));
    row->load.id = p->id;
    row->load.accept = p->accept;
    row->load.home = loop_mailbox(to->s->loop);
    if (p->state != PARCEL_DELAYED && p->in.active && p->in.active->message)
        row->message = message_ref(p->in.active->message);
    return row;
}

/* false: enough. */
static bool
show_parcel(struct show *to, const struct parcel *p)
{
    uint32_t first, n;

    if (to->seen >= to->end)
        return false;
    first = (uint32_t)MIN_OF(
        to->offset > to->seen ? to->offset - to->seen : 0, p->rcpt_count);
    n = (uint32_t)MIN_OF(p->rcpt_count - first, to->end - to->seen - first);
    to->seen += p->rcpt_count;
    if (!n)
        return true;
    if (to->count == to->size) {
        to->size = to->size ? 2 * to->size : 64;
        to->list = xgrow(to->list, to->size, sizeof(struct shown *));
    }
    to->list[to->count++] = show_new(to, p, first, n);
    return true;
}

/* Those in memory are bounded, and in lists that change: all at once. */
static void
show_active(struct show *to, const struct queue *q)
{
    struct list *n, *on;

    LIST_FOREACH (on, &q->busy->outlets) {
        const struct outlet *o = LIST_ENTRY(on, struct outlet, node);

        LIST_FOREACH (n, &o->lent)
            if (!show_parcel(to, LIST_ENTRY(n, struct active, node)->parcel))
                return;
    }
    LIST_FOREACH (n, &q->busy->ready)
        if (!show_parcel(to, LIST_ENTRY(n, struct active, node)->parcel))
            return;
    for (n = rollup_away(q); n; n = rollup_next_away(q, n))
        if (!show_parcel(to, LIST_ENTRY(n, struct active, away_node)->parcel))
            return;
}

static enum job_step
show_queue(void *arg, struct list *n, bool fresh)
{
    struct queue *q = LIST_ENTRY(n, struct queue, zone_node);
    struct show *show = arg;
    size_t end;

    if (!print_is_of(q, str_of(show->binding)))
        return JOB_DONE;
    if (fresh) {
        show->heap_at = 0;
        show_active(show, q);
    }
    end = MIN_OF(show->heap_at + SHOW_STEP, q->delayed.count);
    for (; show->heap_at < end; show->heap_at++)
        if (!show_parcel(show,
                CONTAINER_OF(
                    q->delayed.nodes[show->heap_at], struct parcel, in.due)))
            return JOB_DONE;
    return show->heap_at < q->delayed.count ? JOB_MORE : JOB_DONE;
}

/* --- printing --- */

static void
show_json(const struct shown *row, uint32_t rcpt, json_t *rows)
{
    const struct message *m = row->message;
    json_t *j = json_pack("{s:o,s:s,s:o,s:I,s:I,s:s,s:I}", "id",
        print_id(row->load.id + rcpt), "queue",
        row->active ? "active" : "delayed", "binding",
        print_str(str_of(row->binding->name)), "created",
        (json_int_t)row->received, "retries", (json_int_t)row->retries, "waits",
        wait_key(row->why.reason), "next", (json_int_t)(row->why.until / 1000));

    if (m) {
        json_object_set_new(j, "from", print_str(m->env.sender));
        json_object_set_new(j, "to", print_str(m->env.rcpt[rcpt].address));
    } else {
        json_object_set_new(j, "trouble", print_str(str_of(row->trouble)));
    }
    json_array_append_new(rows, j);
}

static void
show_text(const struct shown *row, uint32_t rcpt, struct buf *out)
{
    const struct message *m = row->message;
    char id[MESSAGE_ID_SIZE];

    message_id_print(row->load.id + rcpt, id);
    buf_printf(out, "[%s/%s] %s Created: %u Retries: %u Waits: %s",
        row->active ? "active" : "delayed", row->binding->name, id,
        row->received, row->retries, wait_key(row->why.reason));
    if (row->why.until)
        buf_printf(out, " Next: %lld", (long long)(row->why.until / 1000));
    if (m)
        buf_printf(out, "\n    From: <%.*s> To: <%.*s>\n",
            STR_ARG(m->env.sender), STR_ARG(m->env.rcpt[rcpt].address));
    else
        buf_printf(out, "\n    (%s)\n", row->trouble);
}

static void
show_free(struct show *show)
{
    for (size_t i = 0; i < show->count; i++) {
        struct shown *row = show->list[i];

        message_unref(&row->message);
        free(row->rcpt);
        free(row);
    }
    free(show->list);
    free(show->binding);
    free(show);
}

static void
show_end(struct show *show)
{
    json_t *rows = show->ask.json ? json_array() : NULL;
    struct scheduler *s = show->s;
    const struct err ok = {0};
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < show->count; i++) {
        const struct shown *row = show->list[i];

        for (uint32_t k = 0; k < row->rcpt_count; k++) {
            if (rows)
                show_json(row, row->rcpt[k], rows);
            else
                show_text(row, row->rcpt[k], &out);
        }
    }
    if (rows)
        print_json(json_pack("{s:o}", "messages", rows), &out);
    show->ask.reply(show->ask.arg, out.n ? buf_get(&out) : STR(""), &ok);
    buf_fini(&out);
    show_free(show);
    s->jobs--;
    scheduler_check_drained(s);
}

/* --- reading --- */

static void show_loaded(struct spool_load *l, int result, const struct err *e);

/* Ends it, and frees it, when nothing is left. */
static void
show_go(struct show *show)
{
    while (show->next < show->count && show->reading < SHOW_READS) {
        struct shown *row = show->list[show->next++];

        if (row->message)
            continue;
        row->load.done = show_loaded;
        show->reading++;
        spool_load(show->s->spool, &row->load);
    }
    if (!show->reading)
        show_end(show);
}

static void
show_loaded(struct spool_load *l, int result, const struct err *e)
{
    struct shown *row = CONTAINER_OF(l, struct shown, load);
    struct show *show = row->show;

    if (result == 0 && l->message &&
        row->rcpt[row->rcpt_count - 1] < l->message->env.rcpt_count) {
        row->message = l->message;
        l->message = NULL;
    } else if (result == ERR_NOTFOUND) {
        (void)str_copy(row->trouble, sizeof(row->trouble),
            STR("it has left the queue meanwhile"));
    } else {
        struct buf b = BUF_INIT;

        buf_printf(&b, "its envelope cannot be read: %s",
            result < 0 && e ? e->text : "it is another");
        (void)str_copy(row->trouble, sizeof(row->trouble), buf_get(&b));
        buf_fini(&b);
    }
    message_unref(&l->message);
    xfree(&l->rcpt);
    show->reading--;
    if (show->ask.progress)
        show->ask.progress(show->ask.arg, show->next, show->count);
    show_go(show);
}

static void
show_noted(void *arg, bool cancelled)
{
    struct show *show = arg;

    if (cancelled)
        show->next = show->count; /* those in memory are shown */
    show_go(show);
}

static void
show_refuse(const struct scheduler_ask *ask, int code, struct str domain)
{
    struct err e;

    if (code == ERR_LIMIT)
        (void)err_set(&e, code,
            "at most %d recipients are shown at once; "
            "name an offset: LIMIT,OFFSET",
            SCHEDULER_SHOW_MOST);
    else
        (void)err_set(&e, code, "no mail for %.*s is queued", STR_ARG(domain));
    ask->reply(ask->arg, STR(""), &e);
}

void
scheduler_show_queue(struct scheduler *s, struct str binding, struct str domain,
    uint64_t limit, uint64_t offset, const struct scheduler_ask *ask)
{
    struct zone *z = print_zone(s, domain);
    struct show *show;

    if (!z || limit > SCHEDULER_SHOW_MOST) {
        show_refuse(ask, z ? ERR_LIMIT : ERR_NOTFOUND, domain);
        return;
    }
    show = xnew(struct show);
    show->s = s;
    show->ask = *ask;
    show->offset = MIN_OF(offset, UINT64_MAX / 2);
    show->end = show->offset + limit;
    show->binding =
        print_is_all(binding) ? xdup("all") : xdupn(binding.p, binding.n);
    s->jobs++;
    walk_start(s,
        &(struct walk_request){.name = "showqueue",
            .head = &z->queues,
            .total = 1,
            .visit = show_queue,
            .end = show_noted,
            .arg = show});
}
