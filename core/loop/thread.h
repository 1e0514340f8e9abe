/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.h - start a thread the way all of this process are started.
 */
#ifndef IMPEL_THREAD_H
#define IMPEL_THREAD_H

#include <pthread.h>

/* A joinable thread, named (15 bytes are shown), with all signals blocked so
 * that the main thread gets them, and able to report a fault (bug.h).  0, or
 * an errno. */
int thread_start(
    pthread_t *to, const char *name, void *(*fn)(void *), void *arg);

#endif
