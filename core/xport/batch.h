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

struct batch {
    uint32_t magic;
    uint32_t rcpt_count;
    struct message *message; /* a reference, content loaded */
    const uint32_t *rcpt;    /* indexes into the message's recipients */
    struct result *result;   /* one each; verdict 0 until reported */
    const struct scope *scope; /* of the queue, pinned by `generation` */
    struct generation *generation;
    int32_t attempt;         /* 0: the first */
    bool begun;              /* valid when it is back: an octet was sent */
    char *prefix;            /* header fields to stand in front, or NULL */
    void *arg;               /* the scheduler's: its parcel */
    int64_t begun_at, done_at; /* monotonic ms, valid when it is back */
    uint64_t bytes;          /* of content handed to the peer */
    struct mail mail;
    struct list node;        /* in the session's list, on its loop */
    struct lent *lent;       /* the loop's side, while it is begun */
};

/* Takes a reference on the message; copies rcpt. */
struct batch *batch_new(struct message *m, const uint32_t *rcpt, size_t count,
    const struct scope *s, int attempt);
void batch_free(struct batch **b);

#endif
