/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h - the local socket of the console: request and reply.
 *
 * Unix stream sockets of control_listener stanzas (default: see
 * CONTROL_DEFAULT_PATH).  The file's mode and the peer's credentials are
 * checked; who did what is logged.  One JSON object per line:
 *   ask:      {"words": ["flush", "domain", "x.test"], "json": false}
 *   progress: {"done": 120, "total": 4000}            any number of times
 *   answer:   {"ok": true, "text": "..."}  or  {"ok": false, "error": "..."}
 * Everything runs on the scheduler's thread; a request is at most 64 KiB and
 * a session that says nothing for `timeout` seconds is closed.
 */
#ifndef IMPEL_CONTROL_H
#define IMPEL_CONTROL_H

#include "conf/generation.h"
#include "intake/intake.h"
#include "queue/scheduler.h"

/* What the process itself does; prog fills it in. */
struct control_process {
    void *arg;
    void (*shutdown)(void *arg);
    /* Load path (absent: the same file) and take it into force. done: text to
     * print and whether it worked; called once, later. */
    void (*reload)(void *arg, struct str path,
        void (*done)(void *done_arg, bool ok, struct str text),
        void *done_arg);
    /* Take a generation into force that `config set|unset` made. */
    void (*adopt)(void *arg, struct generation *g);
    void (*reopen_logs)(void *arg);
};
struct control_config {
    struct loop *loop; /* the scheduler's */
    struct loop *const *io;
    unsigned io_count;
    struct scheduler *scheduler;
    struct intake *intake;
    struct spool *spool;
    struct dns *dns;
    struct generation *generation;
    const struct control_process *process; /* stays */
};
struct control;
/* Bind the sockets; main thread, privileged.  ERR_IO, ERR_BUSY (another daemon
 * answers there). */
int control_open(
    const struct control_config *c, struct control **to, struct err *e);
void control_start(struct control *c);
void control_adopt(struct control *c, struct generation *g);
/* Close the sockets; running answers get up to a second. */
void control_close(struct control **c);

#endif
