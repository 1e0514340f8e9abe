/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/walk.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "base/banned.h"

enum { WALK_TELLS = 1024 }; /* elements from one word of progress to the next */

struct walk {
    struct scheduler *s;
    struct walk_request r;
    struct cursor cursor;
    uint64_t done;
};

static void
walk_tell(struct job *j, const struct walk *w)
{
    uint64_t total = MAX_OF(w->r.total, w->done);

    job_progress(j, w->done, total);
    if (w->r.progress)
        w->r.progress(w->r.arg, w->done, total);
}

static enum job_step
walk_step(struct job *j, void *arg)
{
    struct walk *w = arg;
    struct list *n = w->cursor.at;
    enum job_step step;

    if (!n)
        return JOB_DONE;
    step = w->r.visit(w->r.arg, n, cursor_seen(&w->cursor));
    if (step != JOB_DONE)
        return step;
    if (w->cursor.at == n) /* else it has left, and the cursor has moved */
        cursor_next(&w->cursor);
    if (++w->done % WALK_TELLS == 0 || !w->cursor.at)
        walk_tell(j, w);
    return w->cursor.at ? JOB_MORE : JOB_DONE;
}

static void
walk_end(struct job *j, void *arg, bool cancelled)
{
    struct walk *w = arg;
    struct scheduler *s = w->s;

    (void)j;
    cursor_end(&w->cursor);
    if (w->r.end)
        w->r.end(w->r.arg, cancelled);
    free(w);
    s->jobs--;
    scheduler_check_drained(s);
}

void
walk_start(struct scheduler *s, const struct walk_request *r)
{
    struct walk *w = xnew(struct walk);

    w->s = s;
    w->r = *r;
    if (r->head)
        cursor_begin(&w->cursor, &s->cursors, r->head);
    s->jobs++;
    (void)job_start(s->loop, r->name, walk_step, walk_end, w);
}
