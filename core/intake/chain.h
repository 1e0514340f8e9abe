/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.h - the filters that a client's scope asks for, in their order.
 *
 * One chain has a session (struct filtering) with each of them and tells them
 * one step at a time, the next filter when the one before has said yes.  A
 * session of a listener has one; a message that is open beside another has one
 * of its own, whose filters are told of the client first.  A filter whose
 * session is lost is tried again with the next message; for the one under way
 * what the filter's module last said holds, or it is refused.
 */
#ifndef IMPEL_CHAIN_H
#define IMPEL_CHAIN_H

#include "intake/intake_int.h"
#include "spool/message.h"
#include "xport/filtering.h"

struct chain;
struct chain_answer {
    /* GO_ON, DISCARD, REFUSE or HANG_UP with a result; of one filter also
     * ENOUGH, PASS and ABSENT */
    int answer;
    const struct impel_result *result; /* lent; NULL: none */
    const char *filter;                /* who said so; NULL: all said yes */
};
typedef void chain_done_f(void *arg, const struct chain_answer *a);
struct chain_request { /* the caller's, zeroed; while it is under way */
    struct list node;
    struct impel_step step;
    struct impel_sender sender; /* the caller sets its declared_size */
    struct impel_rcpt rcpt;
    char id[MESSAGE_ID_SIZE];
    size_t only; /* SIZE_MAX: all */
    chain_done_f *done;
    void *arg;
    bool under_way;
};

/* A session has begun, or speaks for another client: its filters hear of it;
 * is->chain, or NULL if there are none. */
void chain_connect(struct intake_session *is);
/* It has greeted as is->helo: session_verdict(), when the filters agree.
 * false: there are none. */
bool chain_greet(struct intake_session *is);
/* The session is over; no message of it is open any more. */
void chain_leave(struct intake_session *is);

/* For a message that begins; NULL: nobody is to be asked. */
struct chain *chain_of_message(struct intake_session *is);
/* done() follows, in a later callback. */
void chain_sender(struct chain *c, struct chain_request *q,
    const struct message *m, chain_done_f *done, void *arg);
void chain_rcpt(struct chain *c, struct chain_request *q,
    const struct message *m, const struct rcpt *to, chain_done_f *done,
    void *arg);
/* The same for one filter: q->step has all but the client. */
void chain_one(struct chain *c, struct chain_request *q,
    const struct message *m, size_t which, chain_done_f *done, void *arg);
/* The message is over: done() does not follow any more, those that were told
 * of it and have not seen its end are told.  *c becomes NULL. */
void chain_message_over(struct chain **c, struct chain_request *q);

size_t chain_count(const struct chain *c);
const char *chain_name(const struct chain *c, size_t which);
/* It wants nothing more of this message. */
bool chain_has_passed(const struct chain *c, size_t which);
/* Who takes the changes of the message from now on. */
typedef int chain_change_f(void *arg, const struct filtering_change *ch);
void chain_on_change(struct chain *c, chain_change_f *fn, void *arg);
/* The one that was asked last may go on with a body. */
void chain_credit(struct chain *c, size_t which);

/* The names of the filters of a scope, for those who list listeners. */
void chain_print(
    const struct generation *g, const struct scope *scope, struct buf *to);

#endif
