/* SPDX-License-Identifier: Apache-2.0
 *
 * defer.h - run after the current callbacks, in this turn; so that no callback
 * runs inside another.  Loop thread only.
 */
#ifndef IMPEL_DEFER_H
#define IMPEL_DEFER_H

#include "base/list.h"
#include "loop/loop.h"

typedef void defer_f(void *arg);
struct defer { /* zeroed memory is idle */
    struct list node;
    defer_f *fn;
    void *arg;
    const char *what;
};

/* Once per posting: one that waits already keeps its place, and fn and arg
 * are replaced.  What is posted while deferred work runs is run in the same
 * turn, in the order of posting, for 1 ms at most (but one at least); what is
 * left has the next turn, behind the sockets. */
void defer_post(
    struct loop *l, struct defer *d, defer_f *fn, void *arg, const char *what);
void defer_cancel(struct defer *d);
bool defer_pending(const struct defer *d);

#endif
