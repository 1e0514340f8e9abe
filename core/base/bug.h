/* SPDX-License-Identifier: Apache-2.0
 *
 * bug.h - our own mistakes end the process, in production too.
 *
 * CHECK() is for objects: each struct with a life of its own begins with
 * uint32_t magic, and CHECK(p, MAGIC) says whether p is one.  BUG_ON() is for
 * impossibilities.  Neither is ever reached by input.  A panic prints where,
 * what, and every note that bug_note_add() registered (session, module,
 * state), then aborts.
 */
#ifndef IMPEL_BUG_H
#define IMPEL_BUG_H

#include <stdint.h>
#include "base/macros.h"

#define BUG_ON(x) \
    do { \
        if (__builtin_expect(!!(x), 0)) \
            bug_panic(__FILE__, __LINE__, __func__, #x); \
    } while (0)

#define CHECK(p, m) \
    do { \
        if (__builtin_expect(!(p) || (p)->magic != (m), 0)) \
            bug_panic(__FILE__, __LINE__, __func__, "not a " #m); \
    } while (0)

/* End the process with a report.  Any thread; no lock is taken. */
void bug_panic(const char *file, int line, const char *func,
    const char *what) ATTR_NORETURN ATTR_COLD;

/* A function that writes what it knows to fd (async-signal-safe calls only:
 * dprintf of plain values is tolerated).  At most 16; at start, main thread. */
typedef void bug_note_f(int fd, void *arg);
void bug_note_add(bug_note_f *fn, void *arg);

/* What this thread is doing now ("esmtp deliver"), shown in the report and by
 * SIGSEGV and SIGABRT handlers.  The text must stay valid; NULL: nothing. */
void bug_doing(const char *text, uint64_t id);

/* Catch SIGSEGV, SIGBUS, SIGILL, SIGFPE with the same report.  Once, at start.
 * fd receives the report besides stderr; -1: none. */
void bug_catch_signals(int fd);

/* Give the calling thread the stack that those handlers run on, so that an
 * overflow is reported too.  Each thread, once, at its start. */
void bug_thread_stack(void);

#endif
