/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - one message and some of its recipients, lent to a session.
 *
 * The scheduler makes it, a session's loop fills in the results, the scheduler
 * gets it back through session_events.done().  In between the scheduler only
 * may ask for it back (session_recall()).
 */
#ifndef IMPEL_BATCH_H
#define IMPEL_BATCH_H

#include "base/list.h"
#include "conf/scope.h"
#include "spool/message.h"
#include "xport/result.h"

struct session;
struct preparing;
struct batch {
    uint32_t magic;
    uint32_t rcpt_count;
    struct message *message;   /* a reference, content loaded */
    struct message *sent;      /* the same, or the ordinary one in it: another
                                * reference */
    const uint32_t *rcpt;      /* indexes into the message's recipients */
    struct result *result;     /* one each; verdict 0 until reported */
    const struct scope *scope; /* of the queue, pinned by `generation` */
    struct generation *generation;
    int32_t attempt; /* 0: the first */
    bool begun;      /* valid when it is back: an octet was sent, or a
                      * recipient was reported as anything but UNTRIED */
    char *prefix;    /* header fields to stand in front, or NULL; owned */
    void *arg;       /* the scheduler's: its parcel */
    int64_t begun_at, done_at; /* monotonic ms, valid when it is back; begun_at
                                * is 0 if the module never saw it */
    uint64_t bytes;            /* of content handed to the peer */

    /* session.h only */
    struct session *session;
    struct mail mail;             /* to the loop and back */
    struct mail recall;           /* session_recall(), and back */
    bool recalling, recall_again; /* scheduler: `recall` is under way */
    bool returned; /* scheduler: it is back, held by `recalling` */
    bool recall_now;
    struct list node;            /* in the session's list, on its loop */
    struct preparing *preparing; /* prepare.h: it may not be delivered yet */
    struct impel_batch *lent;    /* the loop's side, while the module has it */
};

/* Takes a reference on the message and on the scope's generation; copies
 * rcpt.  s may be NULL in tests. */
struct batch *batch_new(struct message *m, const uint32_t *rcpt, size_t count,
    const struct scope *s, int attempt);
void batch_free(struct batch **b);
/* The same result for each recipient that has none yet. */
void batch_fill(struct batch *b, int verdict, int blame, int stage, int code,
    const char *status, const char *text);

#endif
