/* SPDX-License-Identifier: Apache-2.0
 *
 * signals.h - SIGTERM, SIGINT, SIGHUP, SIGUSR1 as events of the scheduler.
 */
#ifndef IMPEL_SIGNALS_H
#define IMPEL_SIGNALS_H

#include "loop/loop.h"

/* Block them in the calling thread; before any thread is started, so that all
 * inherit it and only signals_start()'s descriptor receives them. */
void signals_block(void);

typedef void signals_f(void *arg, int signo);
struct signals;
struct signals *signals_start(
    struct loop *l, signals_f *fn, void *arg, struct err *e);
void signals_stop(struct signals **s);

#endif
