/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.h - what a batch needs before its module sees it, and takes time.
 *
 * Set once, before the first session.  On the batch's loop: begin() when it has
 * arrived there, forget() when it goes back before that was over.
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
    void (*forget)(struct batch *b);
    /* The prefix for a SEVENBIT form; the caller frees it.  NULL: none. */
    char *(*prefix)(struct batch *b, int form);
};
extern const struct batch_preparer *batch_preparer; /* NULL: nothing */

#endif
