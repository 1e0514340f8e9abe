/* SPDX-License-Identifier: Apache-2.0
 *
 * line.h - those that wait for something many share, in order; and limits,
 * which have such a line.
 *
 * One who waits stands in one line at most.  One that is woken knows from which
 * line (`from`) until line_done(), so that the next can be woken if it has no
 * use for its turn; a line must stay until then (line_is_used()).  One thread.
 */
#ifndef IMPEL_LINE_H
#define IMPEL_LINE_H

#include <stdint.h>

#include "base/list.h"

struct line;
struct waiter { /* zeroed at first */
    struct list node;
    struct line *in, *from; /* or NULL */
};
typedef void line_wake_f(struct waiter *w);
struct line {
    struct list first, rest;
    uint64_t count, woken;
    line_wake_f *wake; /* runs it soon, not now */
};

void line_init(struct line *l, line_wake_f *wake);
/* At the end, or in front of those that joined without `first`; where it stands
 * already it keeps its place. */
void line_join(struct line *l, struct waiter *w, bool first);
void line_leave(struct waiter *w);               /* whichever it stands in */
struct waiter *line_first(const struct line *l); /* or NULL */
/* The first is woken, and stands there no more; NULL: there is none. */
struct waiter *line_wake(struct line *l);
void line_wake_all(struct line *l);
void line_done(struct waiter *w); /* from is NULL then */
bool line_is_used(const struct line *l);

struct limit {
    struct line line;
    int64_t max; /* -1: none */
    uint64_t used;
};

void limit_init(struct limit *l, int64_t max, line_wake_f *wake);
bool limit_is_full(const struct limit *l);
/* Less is used: whoever is the first may have it. */
void limit_give(struct limit *l, uint64_t n);

#endif
