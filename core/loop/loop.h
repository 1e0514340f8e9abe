/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - an event loop: libev behind our names.
 *
 * One thread runs a loop and owns all that is on it.  A turn is: wait for
 * readiness, deliver mail (mailbox.h), run watches and timers, then what was
 * deferred (defer.h), then flush what was posted to other mailboxes.  No
 * callback runs inside another.  Every callback is timed (slow.h).  A loop does
 * not survive fork(): make loops after the process has become a daemon.
 */
#ifndef IMPEL_LOOP_H
#define IMPEL_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct loop;
struct mailbox;

/* name: for logs and thread names, copied, at most 15 bytes are shown. */
struct loop *loop_new(const char *name, struct err *e);
/* Only when it does not run; everything on it must be gone. */
void loop_free(struct loop **l);

/* Run until loop_stop().  The calling thread becomes the loop's. */
void loop_run(struct loop *l);
/* One turn: wait at most wait_ms (0: poll; < 0: no limit).  For tests and for
 * `drain`.  Under a fake clock timers fire in the turn after clock_advance(),
 * waits are real. */
void loop_turn(struct loop *l, int64_t wait_ms);
/* From any thread: loop_run() returns at the end of the current turn.  If it
 * does not run, the next loop_run() returns at once. */
void loop_stop(struct loop *l);

/* Start a thread that runs the loop; join it (after loop_stop()). */
int loop_start_thread(struct loop *l, struct err *e);
void loop_join_thread(struct loop *l);

/* The loop that the calling thread turned last, or NULL. */
struct loop *loop_current(void);
bool loop_is_current(const struct loop *l);
const char *loop_name(const struct loop *l);
struct mailbox *loop_mailbox(struct loop *l); /* the way in from elsewhere */
/* Monotonic milliseconds at the start of this turn (cheap); between turns, of
 * now. */
int64_t loop_now(const struct loop *l);

#endif
