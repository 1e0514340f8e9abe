/* SPDX-License-Identifier: Apache-2.0
 *
 * outlet.h - the scheduler's view of sessions: opening, reuse, idling, closing.
 *
 * An idle outlet belongs to the queue that used it last, and is found by the
 * queue of a sibling domain that is about to connect to the same address with
 * the same binding, method, port, host name and options: it moves over.
 */
#ifndef IMPEL_OUTLET_H
#define IMPEL_OUTLET_H

#include "queue/scheduler_int.h"

/* Connect to hop (counted already), or take over an idle session there. */
void outlet_open(struct queue *q, struct hop *hop, const struct module *m);
/* Only the latter: for when no more may be opened.  False: there is none, and
 * the hop is still the caller's to give back. */
bool outlet_take_idle(struct queue *q, const struct hop *hop);
/* How many more batches it may be lent now. */
uint32_t outlet_room(const struct outlet *o);
/* Lend the parcel's recipients; it is READY with content. */
void outlet_lend(struct outlet *o, struct parcel *p);
/* Nothing for it in its queue. */
void outlet_rest(struct outlet *o);
/* Use it again: true if it takes work now, false if it is asked first. */
bool outlet_resume(struct outlet *o);
/* In or out of its queue's roomy list. */
void outlet_update(struct outlet *o);
/* No more for it: it ends once it has done what it holds. */
void outlet_finish(struct outlet *o);
void outlet_close(struct outlet *o, bool now);
/* No more for it: what is not begun comes back, and it ends.  One that is being
 * opened ends as soon as it is: a connection that is given up before would
 * count against its host. */
void outlet_withdraw(struct outlet *o);
/* Ask for what is lent back; now: what is begun, too. */
void outlet_recall(struct outlet *o, bool now);
/* Close an idle one somewhere, so that q may open another below the limit why;
 * false: none. */
bool outlet_make_room(struct queue *q, enum wait_reason why);
/* The same for a host that is full, by the line of its limit.  An idle session
 * that q can take over gives up its place there, and is returned: take it with
 * outlet_open(), or close it.  Else NULL. */
struct outlet *outlet_vacate(struct queue *q, const struct line *full);
/* What its queue asks of TLS is still what it was opened with. */
bool outlet_has_its_tls(const struct outlet *o);
const char *outlet_state_name(int state);

#endif
