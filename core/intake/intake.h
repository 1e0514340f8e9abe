/* SPDX-License-Identifier: Apache-2.0
 *
 * intake.h - mail on its way in: what prog and ctl call.
 *
 * Listener modules parse; this layer answers.  Policy, limits, trace fields
 * and the one rule that a 250 means on disk live here.  Each I/O loop has a
 * struct intake_loop of its own; what loops share is counted in budgets.
 */
#ifndef IMPEL_INTAKE_H
#define IMPEL_INTAKE_H

#include "conf/generation.h"
#include "loop/loop.h"
#include "net/netaddr.h"
#include "spool/spool.h"

struct intake;
struct intake_config {
    struct loop *const *io;
    const char *const *pool; /* name of each loop's pool (event_loop) */
    unsigned io_count;
    struct spool *spool;
    struct generation *generation;
};
/* Main thread, before the loops run.  Hands the table of intake functions to
 * the transports layer. */
struct intake *intake_new(const struct intake_config *c);
/* After the loops stopped. */
void intake_free(struct intake **in);

/* Open every enabled listen of the generation while the process is privileged.
 * ERR_IO names the address; nothing stays open then. */
int intake_open(struct intake *in, struct err *e);
/* Begin to accept, on every loop.  Before or while the loops run. */
void intake_start(struct intake *in);
/* Scheduler: follow a new generation.  Listens that appear are opened, those
 * that went are closed after their backlog is empty; running sessions end with
 * reconfig_message between messages only if their module says so.  Problems
 * are logged and reported in e; the rest is done all the same. */
int intake_adopt(struct intake *in, struct generation *g, struct err *e);
/* Scheduler: close the listeners, end the sessions (politely until
 * deadline_ms, then at once); stopped() runs on the scheduler's loop, once.
 * Called again it only brings the deadline forward. */
void intake_stop(struct intake *in, struct loop *scheduler, int64_t deadline_ms,
    void (*stopped)(void *arg), void *arg);
/* Refuse new messages with 452 while set (memory, drain); any thread.  why: a
 * literal, or NULL to accept again. */
void intake_refuse(struct intake *in, const char *why);

/* The addresses of the open listens; free() them.  Scheduler. */
size_t intake_addresses(const struct intake *in, struct netaddr **to);

struct intake_stats {  /* of the process; any thread */
    uint64_t sessions; /* open now */
    uint64_t sessions_total;
    uint64_t received; /* messages on disk */
    uint64_t received_recipients;
    uint64_t received_bytes;
    uint64_t rejected; /* commands and messages refused */
    uint64_t logins, login_failures, logins_refused; /* not looked at */
    /* handshakes of clients */
    uint64_t tls, tls_resumed, tls_verified, tls_failed;
    int64_t credits_used, credits_limit; /* bytes in reception */
    const char *refuses; /* why no mail is taken (intake_refuse), or NULL */
};
void intake_get_stats(struct intake *in, struct intake_stats *st);
/* The open listens, one per line: name, address, sessions. */
void intake_print_listeners(struct intake *in, bool json, struct buf *to);

#endif
