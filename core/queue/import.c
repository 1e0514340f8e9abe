/* SPDX-License-Identifier: Apache-2.0
 *
 * import.c - `spool import` from its question to its answer.
 *
 * A job that looks in now and then: a thread reads the other spool, batch by
 * batch; each is built and stored here, then the mark is written, and when that
 * is on disk the batch goes to its queues while the next ones are under way.
 */
#include "queue/import.h"

#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "loop/job.h"
#include "loop/pool.h"
#include "queue/importbatch.h"
#include "queue/importmark.h"
#include "queue/print.h"
#include "queue/settle.h"
#include "base/banned.h"

enum {
    IMPORT_AHEAD = 4, /* batches whose marks are being written */
    IMPORT_SHOWN = 25 /* of those that are left */
};

enum import_state {
    IMPORT_OPENING,
    IMPORT_READING,
    IMPORT_BUILDING,
    IMPORT_LONG, /* the only one of a batch is read in parts */
    IMPORT_STORING,
    IMPORT_BACK,   /* a batch is taken out of the spool again */
    IMPORT_ENDING, /* marks are being written */
    IMPORT_CLOSING
};

struct import {
    struct scheduler *s;
    struct scheduler_ask ask;
    char *dir;
    bool dry_run, cancelled, answered;
    enum import_state state;

    /* the thread's while `busy` */
    struct pool *pool;
    struct pool_job work;
    bool busy;
    _Atomic bool stop;
    struct source *source;
    struct import_batch *batch;
    size_t *todo; /* indexes in the source */
    size_t todo_count, next;

    struct importmark mark;
    uint64_t first_id, next_id, end_id; /* the range */
    bool reserved;                      /* it is on disk */
    size_t at;                          /* in the batch */
    struct list writing; /* batches whose mark is being written, in order */
    unsigned marks;      /* that are being written */
    bool closed;         /* the last of them */
    uint64_t barrier;    /* of IMPORT_BACK: 0 none, 1 asked, 2 passed */

    uint64_t messages, recipients, before, damaged, unread;
    struct buf rows; /* text */
    json_t *json_rows, *json_unread;
    struct err error; /* code 0: none */
};

/* --- what is nobody's --- */

bool
import_is_void(const struct scheduler *s, uint64_t id)
{
    const struct importing *im = &s->importing;

    for (size_t i = 0; i < im->range_count; i++)
        if (id >= im->range[i].from && id < im->range[i].to)
            return true;
    return im->running && id >= im->running->first_id &&
        id < im->running->end_id;
}

void
import_drop(struct scheduler *s, const struct found *f)
{
    spool_finish(s->spool, &(struct finish){.id = f->id, .accept = f->accept},
        NULL, NULL);
    s->importing.dropped++;
}

static void
range_met(void *arg, const struct importmark *m)
{
    struct importing *im = arg;

    if (m->from == m->to)
        return;
    im->range = xgrow(im->range, im->range_count + 1, sizeof(*im->range));
    im->range[im->range_count++] =
        (struct import_range){m->source, m->from, m->to};
}

void
import_init(struct scheduler *s)
{
    importmark_each(s->spool, range_met, &s->importing);
}

/* Nothing of the ranges is left, on disk too. */
static void
ranges_empty(void *arg)
{
    struct scheduler *s = arg;
    struct importing *im = &s->importing;
    struct importmark m;

    if (s->draining) /* the spool may be closed; the next start does it */
        return;
    for (size_t i = 0; i < im->range_count; i++) {
        if (importmark_get(s->spool, im->range[i].source, &m) == 0) {
            m.from = m.to = 0;
            (void)importmark_put(s->spool, &m, NULL, NULL, NULL);
        }
        importmark_fini(&m);
    }
    xfree(&im->range);
    im->range_count = 0;
    if (im->dropped)
        log_notice(LOG_QUEUE, "import-undone", "messages=%llu",
            (unsigned long long)im->dropped);
}

void
import_recovered(struct scheduler *s)
{
    if (s->importing.range_count)
        spool_barrier(s->spool, ranges_empty, s);
}

/* --- the answer --- */

static void
import_answer_json(struct import *im, struct buf *to)
{
    json_t *j = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:b}", "verb", "import",
        "messages", (json_int_t)im->messages, "recipients",
        (json_int_t)im->recipients, "before", (json_int_t)im->before,
        "unreadable", (json_int_t)im->unread, "damaged",
        (json_int_t)im->damaged, "dry_run", (int)im->dry_run, "cancelled",
        (int)im->cancelled);

    json_object_set(j, "left", im->json_unread);
    if (im->dry_run)
        json_object_set(j, "rows", im->json_rows);
    print_json(j, to);
}

static void
import_answer_text(struct import *im, struct buf *to)
{
    buf_str(to, buf_get(&im->rows));
    if (im->dry_run && im->messages > SCHEDULER_DRY_ROWS)
        buf_cstr(to, "...\n");
    buf_printf(to, "%llu messages to %llu recipients %s.\n",
        (unsigned long long)im->messages, (unsigned long long)im->recipients,
        im->dry_run ? "are meant; nothing was done" : "imported");
    if (im->before)
        buf_printf(
            to, "%llu were imported before.\n", (unsigned long long)im->before);
    if (im->unread)
        buf_printf(to, "%llu cannot be imported and were left.\n",
            (unsigned long long)im->unread);
    if (im->damaged)
        buf_printf(to,
            "%llu things in that spool are damaged: see \"impel spool check "
            "%s\".\n",
            (unsigned long long)im->damaged, im->dir);
    if (im->cancelled)
        buf_cstr(to, "Cancelled before the end.\n");
}

static void
import_answer(struct import *im)
{
    struct buf text = BUF_INIT;

    if (im->answered)
        return;
    im->answered = true;
    log_notice(LOG_QUEUE, "import-ended",
        "dir=\"%s\" messages=%llu recipients=%llu before=%llu unreadable=%llu",
        im->dir, (unsigned long long)im->messages,
        (unsigned long long)im->recipients, (unsigned long long)im->before,
        (unsigned long long)im->unread);
    if (im->error.code && im->messages)
        (void)err_set(&im->error, im->error.code,
            "%llu messages were imported, then: %s",
            (unsigned long long)im->messages, im->error.text);
    if (im->ask.json)
        import_answer_json(im, &text);
    else
        import_answer_text(im, &text);
    im->ask.reply(im->ask.arg, buf_get(&text), &im->error);
    buf_fini(&text);
}

static void
import_free(struct import *im)
{
    struct list *n;

    im->s->importing.running = NULL;
    while ((n = list_take(&im->writing)) != NULL) {
        struct import_batch *b = LIST_ENTRY(n, struct import_batch, node);

        importbatch_free(&b);
    }
    importbatch_free(&im->batch);
    if (im->pool)
        pool_free(&im->pool);
    source_close(&im->source);
    importmark_fini(&im->mark);
    json_decref(im->json_rows);
    json_decref(im->json_unread);
    buf_fini(&im->rows);
    free(im->todo);
    free(im->dir);
    free(im);
}

/* It is stopped; what is stored and has no mark yet is void. */
void
import_fini(struct scheduler *s)
{
    if (s->importing.running)
        import_free(s->importing.running);
    xfree(&s->importing.range);
    s->importing.range_count = 0;
}

/* --- the thread --- */

static void
work_done(struct pool_job *j)
{
    CONTAINER_OF(j, struct import, work)->busy = false;
}

static void
import_work(struct import *im, void (*work)(struct pool_job *))
{
    im->busy = true;
    pool_submit(
        im->pool, &im->work, loop_mailbox(im->s->loop), work, work_done);
}

static void
work_open(struct pool_job *j)
{
    struct import *im = CONTAINER_OF(j, struct import, work);

    if (source_open(im->dir, &im->stop, &im->source, &im->error) == 0)
        im->error.code = 0; /* some of it was for lack of an index */
}

static void
work_read(struct pool_job *j)
{
    struct import *im = CONTAINER_OF(j, struct import, work);

    importbatch_read(im->batch, im->source, im->todo,
        im->dry_run ? MIN_OF(im->todo_count, (size_t)SCHEDULER_DRY_ROWS)
                    : im->todo_count,
        &im->next, &im->stop);
}

static void
work_more(struct pool_job *j)
{
    struct import *im = CONTAINER_OF(j, struct import, work);

    importbatch_read_more(&im->batch->item[im->at]);
}

static void
work_close(struct pool_job *j)
{
    struct import *im = CONTAINER_OF(j, struct import, work);

    source_close(&im->source);
}

/* --- marks --- */

static void
mark_written(void *arg)
{
    struct import *im = arg;
    struct list *n;

    im->marks--;
    if (!im->reserved) {
        im->reserved = true;
        return;
    }
    if ((n = list_take(&im->writing)) != NULL) {
        struct import_batch *b = LIST_ENTRY(n, struct import_batch, node);

        for (size_t i = 0; i < b->count; i++) {
            if (!b->item[i].stored)
                continue;
            im->messages++;
            im->recipients += b->item[i].rcpt_count;
            importbatch_release(&b->item[i]);
        }
        importbatch_free(&b);
    }
}

static int
import_mark(struct import *im)
{
    int r =
        importmark_put(im->s->spool, &im->mark, mark_written, im, &im->error);

    if (!r)
        im->marks++;
    return r;
}

/* --- the beginning --- */

static int
import_plan(struct import *im)
{
    uint64_t id = source_identity(im->source), rcpts = 0;
    size_t count = source_count(im->source);

    if (id == spool_identity(im->s->spool))
        return err_set(&im->error, ERR_INVAL,
            "%s is a copy of the spool in use, or was one", im->dir);
    if (importmark_get(im->s->spool, id, &im->mark) < 0)
        return err_set(&im->error, ERR_DAMAGED,
            "what is known of earlier imports of %s is damaged", im->dir);
    im->todo = xcalloc(count + 1, sizeof(*im->todo));
    for (size_t i = 0; i < count; i++) {
        const struct source_message *m = source_get(im->source, i);

        if (!importmark_wants(&im->mark, m->id)) {
            im->before++;
            continue;
        }
        im->todo[im->todo_count++] = i;
        rcpts += m->rcpt_count;
    }
    if (im->dry_run) {
        im->messages = im->todo_count;
        im->recipients = rcpts;
    } else if (im->todo_count) {
        im->first_id = spool_next_ids(im->s->spool, rcpts);
        im->next_id = im->mark.from = im->first_id;
        im->end_id = im->mark.to = im->first_id + rcpts;
        return import_mark(im);
    }
    return 0;
}

static void
import_tell(struct import *im, struct job *j)
{
    job_progress(j, im->next, im->todo_count);
    if (im->ask.progress)
        im->ask.progress(im->ask.arg, im->next, im->todo_count);
}

static void
import_note_left(struct import *im, const struct import_item *it)
{
    char id[MESSAGE_ID_SIZE];

    if (im->unread++ >= IMPORT_SHOWN)
        return;
    message_id_print(it->old, id);
    if (im->json_unread)
        json_array_append_new(im->json_unread,
            json_pack(
                "{s:s,s:o}", "id", id, "reason", print_str(str_of(it->why))));
    else
        buf_printf(&im->rows, "%s: %s\n", id, it->why);
    if (!im->dry_run)
        log_warn(LOG_QUEUE, "import-left", "message=%016llx reason=\"%s\"",
            (unsigned long long)it->old, it->why);
}

/* Of a batch of a dry run. */
static void
import_show(struct import *im, const struct import_item *it)
{
    const struct envelope *env;
    struct str to;
    char id[MESSAGE_ID_SIZE];

    if (it->result < 0) {
        import_note_left(im, it);
        return;
    }
    env = &it->loaded.message->env;
    to = env->rcpt[it->loaded.of->parcel[0].rcpt[0]].address;
    message_id_print(it->old, id);
    if (im->json_rows)
        json_array_append_new(im->json_rows,
            json_pack("{s:s,s:I,s:o,s:o,s:I,s:I}", "id", id, "created",
                (json_int_t)(env->received / 1000), "sender",
                print_str(env->sender), "recipient", print_str(to),
                "recipients", (json_int_t)it->rcpt_count, "size",
                (json_int_t)it->loaded.size));
    else
        buf_printf(&im->rows,
            "%s Created: %lld From: <%.*s> To: <%.*s>%s Size: %llu\n", id,
            (long long)(env->received / 1000), STR_ARG(env->sender),
            STR_ARG(to), it->rcpt_count > 1 ? " and others" : "",
            (unsigned long long)it->loaded.size);
}

/* --- a batch --- */

static enum job_step
import_go(struct import *im, enum import_state to)
{
    im->state = to;
    return JOB_MORE;
}

static enum job_step
import_read_next(struct import *im)
{
    struct err e;

    if (im->next == im->todo_count || atomic_load(&im->stop))
        return import_go(im, IMPORT_ENDING);
    if (im->marks > IMPORT_AHEAD || im->s->tight)
        return JOB_PAUSE;
    if (!im->dry_run && spool_accepting(im->s->spool, &e) < 0) {
        im->error = e;
        return import_go(im, IMPORT_ENDING);
    }
    im->batch = importbatch_new(im->s);
    import_work(im, work_read);
    return JOB_PAUSE;
}

static enum job_step
import_reading(struct import *im, struct job *j)
{
    if (!im->batch)
        return import_read_next(im);
    import_tell(im, j);
    im->at = 0;
    if (!im->dry_run)
        return import_go(im, IMPORT_BUILDING);
    for (size_t i = 0; i < im->batch->count; i++)
        import_show(im, &im->batch->item[i]);
    importbatch_free(&im->batch);
    return import_go(
        im, im->next < SCHEDULER_DRY_ROWS ? IMPORT_READING : IMPORT_ENDING);
}

/* The rest of the batch is not begun. */
static void
import_cut(struct import *im)
{
    for (size_t i = im->at; i < im->batch->count; i++) {
        struct import_item *it = &im->batch->item[i];

        source_loaded_fini(&it->loaded);
        buf_fini(&it->bytes);
        if (it->builder)
            content_builder_abandon(&it->builder);
        if (it->message)
            message_unref(&it->message);
    }
    im->batch->count = im->at;
}

static enum job_step
import_building(struct import *im)
{
    struct import_item *it;

    if (atomic_load(&im->stop))
        import_cut(im);
    if (im->at == im->batch->count)
        return import_go(im, IMPORT_STORING);
    if (!im->reserved)
        return JOB_PAUSE;
    it = &im->batch->item[im->at];
    if (it->result == 0 && importbatch_build(it, im->next_id) == 0) {
        im->next_id += it->rcpt_count;
        if (!it->whole || !im->batch->room)
            return import_go(im, IMPORT_LONG);
        importbatch_store(it);
    }
    im->at++;
    return JOB_MORE;
}

static enum job_step
import_long(struct import *im)
{
    struct import_item *it = &im->batch->item[im->at];

    if (!im->batch->room)
        return JOB_PAUSE;
    if (atomic_load(&im->stop) || it->result < 0)
        return import_go(im, IMPORT_BUILDING);
    if (it->bytes.n) {
        (void)importbatch_add(it); /* its result is looked at above */
        return JOB_MORE;
    }
    if (!it->whole) {
        import_work(im, work_more);
        return JOB_PAUSE;
    }
    importbatch_store(it);
    im->at++;
    return import_go(im, IMPORT_BUILDING);
}

/* All of it is stored, or could not be read: the mark moves on. */
static int
import_pass(struct import *im)
{
    struct import_batch *b = im->batch;
    struct importmark was;
    int r = 0;

    importmark_copy(&im->mark, &was);
    for (size_t i = 0; i < b->count && !r; i++)
        r = importmark_pass(&im->mark, b->item[i].old, b->item[i].stored);
    im->mark.from = im->next_id;
    if (r) { /* it has not moved */
        importmark_fini(&im->mark);
        im->mark = was;
        return err_set(&im->error, r,
            "more than %d messages of %s cannot be imported",
            (int)IMPORTMARK_LEFT_MOST, im->dir);
    }
    importmark_fini(&was);
    for (size_t i = 0; i < b->count; i++) {
        if (b->item[i].stored)
            importbatch_attempts(&b->item[i]);
        else
            import_note_left(im, &b->item[i]);
    }
    return 0;
}

static enum job_step
import_storing(struct import *im)
{
    struct import_batch *b = im->batch;

    if (b->accepting)
        return JOB_PAUSE;
    if (im->s->draining)
        return import_go(im, IMPORT_ENDING); /* it is void */
    if (b->result)
        im->error = b->error;
    if (b->result || import_pass(im) < 0)
        return import_go(im, IMPORT_BACK);
    list_push(&im->writing, &b->node);
    im->batch = NULL;
    if (import_mark(im) < 0) /* too long for the disk: what is stored is void */
        return import_go(im, IMPORT_ENDING);
    return import_go(im, IMPORT_READING);
}

static void
back_passed(void *arg)
{
    ((struct import *)arg)->barrier = 2;
}

/* The range is closed when nothing is left in it. */
static enum job_step
import_back(struct import *im)
{
    if (!im->barrier) {
        for (size_t i = 0; i < im->batch->count; i++)
            importbatch_take_back(&im->batch->item[i]);
        spool_barrier(im->s->spool, back_passed, im);
        im->barrier = 1;
    }
    if (im->barrier == 1 && !im->s->draining)
        return JOB_PAUSE;
    return import_go(im, IMPORT_ENDING);
}

static enum job_step
import_ending(struct import *im)
{
    bool marked = im->reserved || im->marks;

    if (!im->s->draining && marked && !im->closed) {
        im->mark.from = im->mark.to = 0;
        im->closed = true;
        (void)import_mark(im); /* at the next start, else */
    }
    if (im->marks && !im->s->draining)
        return JOB_PAUSE;
    im->state = IMPORT_CLOSING;
    if (im->source) {
        im->damaged = source_damaged(im->source);
        importbatch_free(&im->batch);
        import_work(im, work_close);
    }
    return JOB_PAUSE;
}

static enum job_step
import_opening(struct import *im, struct job *j)
{
    bool stop = atomic_load(&im->stop);

    if (!stop && (im->s->stats.recovering || im->s->importing.range_count))
        return JOB_PAUSE; /* an earlier one may have to be undone */
    if (im->error.code || stop || import_plan(im) < 0)
        return import_go(im, IMPORT_ENDING);
    import_tell(im, j);
    return import_go(im, IMPORT_READING);
}

static enum job_step
import_step(struct job *j, void *arg)
{
    struct import *im = arg;

    if (im->s->draining)
        atomic_store(&im->stop, true);
    if (im->busy)
        return JOB_PAUSE;
    switch (im->state) {
    case IMPORT_OPENING:
        return import_opening(im, j);
    case IMPORT_READING:
        return import_reading(im, j);
    case IMPORT_BUILDING:
        return import_building(im);
    case IMPORT_LONG:
        return import_long(im);
    case IMPORT_STORING:
        return import_storing(im);
    case IMPORT_BACK:
        return import_back(im);
    case IMPORT_ENDING:
        return import_ending(im);
    case IMPORT_CLOSING:
        break;
    }
    return JOB_DONE;
}

static void
import_end(struct job *j, void *arg, bool cancelled)
{
    struct import *im = arg;
    struct scheduler *s = im->s;

    (void)j;
    if (cancelled) { /* what is begun is ended */
        im->cancelled = true;
        atomic_store(&im->stop, true);
        (void)job_start(
            s->loop, "spool import, ending", import_step, import_end, im);
        return;
    }
    if (im->error.code == ERR_CLOSED && im->cancelled)
        im->error.code = 0;
    import_answer(im);
    /* Marks that are still written speak to it: it goes with the scheduler. */
    if (!im->marks && im->barrier != 1)
        import_free(im);
    s->jobs--;
    scheduler_check_drained(s);
}

/* --- asked for --- */

static int
import_check(const struct scheduler *s, struct str dir, struct err *e)
{
    if (!dir.n || dir.p[0] != '/' || dir.n >= PATH_MAX / 2 ||
        memchr(dir.p, '\0', dir.n))
        return err_set(e, ERR_INVAL,
            "say the whole path of a spool's directory, from / on");
    if (s->importing.running)
        return err_set(e, ERR_BUSY, "an import runs: see \"jobs\"");
    return 0;
}

void
scheduler_import(struct scheduler *s, struct str dir, bool dry_run,
    const struct scheduler_ask *ask)
{
    struct import *im;
    struct pool *pool;
    struct err e;

    if (import_check(s, dir, &e) < 0 ||
        !(pool = pool_new("spool import", 1, &e))) {
        ask->reply(ask->arg, STR(""), &e);
        return;
    }
    im = xnew(struct import);
    im->s = s;
    im->ask = *ask;
    im->dir = xdupn(dir.p, dir.n);
    im->dry_run = dry_run;
    im->pool = pool;
    im->json_rows = ask->json ? json_array() : NULL;
    im->json_unread = ask->json ? json_array() : NULL;
    list_init(&im->writing);
    s->importing.running = im;
    s->jobs++;
    import_work(im, work_open);
    (void)job_start(s->loop, "spool import", import_step, import_end, im);
}
