/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h - the local socket of the console: request and reply.
 *
 * Unix stream sockets of control_listener stanzas (default:
 * CONTROL_DEFAULT_PATH).  The file's mode says who may connect, the peer's
 * credentials say who did; each change is logged with them.  One JSON object
 * per line:
 *   ask:      {"words": ["flush", "domain", "x.test"], "json": false}
 *   progress: {"done": 120, "total": 4000}            any number of times
 *   part:     {"part": "..."}      a long text comes in parts, in this order
 *   answer:   {"ok": true, "status": 0, "text": "..."}  or
 *             {"ok": false, "error": "..."}
 * status is what `impel` exits with (health: 0, 1, 2).  With json: true a text
 * is itself one JSON document.  The text of an answer is what follows the
 * parts that came before it.  One request runs at a time per session; the next
 * may be sent before the answer is there.
 *
 * Everything runs on the scheduler's thread; a request is at most 64 KiB, there
 * are at most CONTROL_SESSIONS_MAX sessions, and one that says nothing, or does
 * not read its answer, for `timeout` seconds is closed.  A client that goes
 * away does not stop what it began: see `jobs` and `cancel job`.
 */
#ifndef IMPEL_CONTROL_H
#define IMPEL_CONTROL_H

#include "conf/generation.h"
#include "intake/intake.h"
#include "queue/scheduler.h"

/* Needs the build's IMPEL_RUN_DIR where it is used. */
#define CONTROL_DEFAULT_PATH IMPEL_RUN_DIR "/control"

enum { CONTROL_SESSIONS_MAX = 64, CONTROL_REQUEST_MAX = 65536 };

/* What the process itself does; prog fills it in. */
struct control_process {
    void *arg;
    void (*shutdown)(void *arg);
    /* Load path (absent: the same file) and take it into force. done: text to
     * print and whether it worked; called once, later. */
    void (*reload)(void *arg, struct str path,
        void (*done)(void *done_arg, bool ok, struct str text), void *done_arg);
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
    struct sts *sts;
    struct fetcher *fetcher;
    struct generation *generation;
    const struct control_process *process; /* stays */
};
struct control;
/* Bind the sockets; main thread, privileged.  ERR_IO, ERR_BUSY (another daemon
 * answers there). */
int control_open(
    const struct control_config *c, struct control **to, struct err *e);
/* Begin to accept; the loop may run already, if this is its thread. */
void control_start(struct control *c);
/* Commands ask this generation from now on.  Sockets stay as they were opened:
 * others, and another file mode, take a start. */
void control_adopt(struct control *c, struct generation *g);
/* Close the sockets and remove their files; running answers get up to a
 * second.  The loop does not run any more: it is turned here. */
void control_close(struct control **c);

#endif
