/* SPDX-License-Identifier: Apache-2.0
 *
 * outcome.h - what becomes of a parcel: delivered, tried again, failed.
 *
 * Verdict and blame decide (architecture 1.4):
 *
 *   DELIVERED   done
 *   FAILED      bounces
 *   RETRY       RCPT, MESSAGE: delayed
 *               SESSION: delayed if its transaction was begun, else elsewhere
 *               HOST: the address is marked, the next one is tried at once
 *               ROUTE: the queue is held; what was begun is delayed
 *   UNTRIED     elsewhere, without an attempt
 *
 * Three returns in a row without a delay end in one; what a session that has
 * answered others never began is not counted.  An uncertain result is always
 * delayed: trying elsewhere at once would double it.
 */
#ifndef IMPEL_OUTCOME_H
#define IMPEL_OUTCOME_H

#include "queue/scheduler_int.h"

enum outcome {
    OUTCOME_DONE,
    OUTCOME_FAIL,
    OUTCOME_DELAY,  /* an attempt, then wait */
    OUTCOME_NEXT,   /* an attempt, then at once on another host */
    OUTCOME_RETURN, /* no attempt: at once elsewhere */
    OUTCOME_COUNT
};
/* begun: something of the message was sent. */
enum outcome outcome_of(const struct result *r, bool begun);

/* A batch is back: to logs, spool, queue. Frees it. */
void outcome_batch(struct outlet *o, struct batch *b);
/* A parcel of the active or delayed queue gets that result for all its
 * recipients: RETRY delays it, FAILED fails it.  spread: it is one of many that
 * are delayed at once (delayed_binding_domain_fuzz). */
void outcome_whole(struct parcel *p, const struct result *r, bool spread);
/* It has failed for good: code, "5.4.7", text.  quiet: without a bounce. */
void outcome_fail(struct parcel *p, int code, const char *status,
    const char *text, bool quiet);
/* Records and counts of recipients that failed; one result each. */
void outcome_log_failed(const struct parcel *p, const struct message *m,
    const struct outlet *o, const struct result *result);
void outcome_free_results(struct result *r, size_t count);
/* The same as an operator says it; doom is held until all of it is handed to
 * the spool. */
void outcome_doom(struct parcel *p, struct doom *doom);
/* A parcel that no session has, and of which no ATTEMPT is being written, waits
 * until doom->until, a restart included; it is no retry.  doom: as above. */
void outcome_put_off(struct parcel *p, struct doom *doom);
/* It is too old. */
void outcome_expire(struct parcel *p);
/* All of it is finished: out of the spool and out of memory. */
void outcome_finish(struct parcel *p);

#endif
