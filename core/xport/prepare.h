/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.h - what a batch needs before its module sees it, and takes time.
 *
 * Whoever works for it on another thread has a struct preparing as
 * b->preparing; a batch that goes back before that was over is forgotten there.
 * Batch's loop.
 */
#ifndef IMPEL_PREPARE_H
#define IMPEL_PREPARE_H

#include "xport/batch.h"

/* The batch may be delivered now; why: it may not, and is put off with these
 * words and 451 4.7.5. */
typedef void batch_prepared_f(struct batch *b, const char *why);
struct batch_preparer {
    /* false: it needs nothing.  Else b->preparing is set until done(). */
    bool (*begin)(
        struct batch *b, struct mailbox *home, batch_prepared_f *done);
    /* The prefix for a SEVENBIT form; the caller frees it.  NULL: none. */
    char *(*prefix)(struct batch *b, int form);
};
/* Set once, before the first session.  NULL: nothing. */
extern const struct batch_preparer *batch_preparer;

struct preparing {
    struct batch *batch; /* NULL: it went back */
};
static inline void
preparing_set(struct preparing *p, struct batch *b)
{
    p->batch = b;
    b->preparing = p;
}
/* The batch, which is prepared by that, or NULL. */
static inline struct batch *
preparing_end(struct preparing *p)
{
    if (p->batch)
        p->batch->preparing = NULL;
    return p->batch;
}
static inline void
preparing_forget(struct batch *b)
{
    if (b->preparing)
        b->preparing->batch = NULL;
    b->preparing = NULL;
}

#endif
