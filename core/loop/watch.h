/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - readiness of a descriptor.  Loop thread only.
 */
#ifndef IMPEL_WATCH_H
#define IMPEL_WATCH_H

#include "loop/loop.h"

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch;
/* events: which are ready.  May free the watch's owner, watch included. */
typedef void watch_f(void *arg, int events);

/* Nothing is watched until watch_set().  what: a literal for slow.h. */
struct watch *watch_new(
    struct loop *l, int fd, watch_f *fn, void *arg, const char *what);
void watch_set(struct watch *w, int events); /* 0: pause */
/* Stops it; the descriptor stays open.  *w becomes NULL; may be NULL. */
void watch_free(struct watch **w);

#endif
