/* SPDX-License-Identifier: Apache-2.0
 *
 * late.h - a word about a message that was delivered before, on its way from a
 * module to the scheduler and back.
 *
 * What it is about is an awaited value (awaited.h).  The scheduler tells whom
 * it concerns (queue/latedsn.h); once that is on disk, the session that has
 * brought the word is woken.
 */
#ifndef IMPEL_LATE_H
#define IMPEL_LATE_H

#include <impel/module.h>

#include "base/list.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "xport/awaited.h"
#include "xport/result.h"

struct late {
    struct list node; /* the scheduler's */
    struct mail mail;
    const char *module;   /* its name, which stays */
    struct buf key;       /* of the awaited value */
    struct result result; /* DELIVERED, FAILED; RETRY: it takes longer;
                           * UNTRIED: for the log alone */
    uint64_t token;       /* of the session to wake; 0: none */
    int64_t arg;
    /* The taker's last call.  told: it is on disk, or there was nothing to
     * store; else nobody hears of it. */
    void (*done)(struct late *l, bool told);
    void *work; /* the taker's */
};

/* host->await(): see module.h.  The batch's loop. */
int late_await(struct impel_batch *b, size_t rcpt, struct impel_str key,
    int64_t within, uint32_t flags, struct spool *spool);
/* host->late() and host->report(); s NULL: nobody is woken.  Any thread if it
 * is.  IMPEL_E_INVAL: nobody waits for that, or it is no result; UNSUP: there
 * is no spool, or nobody to take it. */
int late_bring(struct impel_instance *i, struct impel_session *s,
    struct impel_str key, const struct impel_result *r, int64_t arg,
    struct spool *spool);

/* --- for who takes them, on the loop `on` --- */
typedef void late_taker_f(void *arg, struct late *l);
/* The main thread, before there are sessions; taker NULL: nobody does. */
void late_set_taker(struct loop *on, late_taker_f *taker, void *arg);

#endif
