/* SPDX-License-Identifier: Apache-2.0
 *
 * filtering.h - a filter's session: one filter of a module, told of one client
 * after the other.
 *
 * The intake layer opens it for a client, tells it steps, hears answers and
 * changes, and gives it back; what speaks with a filter is the module's own
 * session (struct impel_session) with its own connection.  One that is given
 * back and ready waits a while for the next client of the same scope.  All of
 * it on one loop; events come from the module's calls, so whoever hears them
 * must not close the session or end what is lent: post that.
 */
#ifndef IMPEL_FILTERING_H
#define IMPEL_FILTERING_H

#include "loop/loop.h"
#include "xport/registry.h"

struct filtering;
struct filtering_change { /* of a message, see struct impel_filtering */
    enum filtering_kind {
        FILTERING_ADD_FIELD,
        FILTERING_CHANGE_FIELD,
        FILTERING_BODY,
        FILTERING_SENDER,
        FILTERING_ADD_RCPT,
        FILTERING_REMOVE_RCPT
    } kind;
    int64_t at;             /* ADD_FIELD; CHANGE_FIELD: the nth */
    struct str name, value; /* fields; BODY: value; REMOVE_RCPT: name */
    const struct impel_sender *sender;
    const struct impel_rcpt *rcpt;
};
struct filtering_events {
    /* To the step told last; answer is one of IMPEL_GO_ON ... and r is there
     * for REFUSE and HANG_UP, lent. */
    void (*answer)(void *arg, int answer, const struct impel_result *r);
    /* 0 or IMPEL_E_*; what it points at is lent. */
    int (*change)(void *arg, const struct filtering_change *c);
    /* The module has ended the session: a step that was not answered is not
     * going to be.  It must not be used any more. */
    void (*gone)(void *arg);
};

/* One that is ready already, or a new one.  name: what the module's
 * INFO_EHLO_NAME gives.  Pins the scope's generation. */
struct filtering *filtering_open(struct loop *l, const struct module *m,
    const struct scope *scope, uint32_t index, const char *name,
    const struct filtering_events *ev, void *arg);
/* Told later in this turn.  What the step points at is lent until the answer,
 * the step itself is copied. */
void filtering_step(struct filtering *f, const struct impel_step *step);
/* EV_CREDIT: replace_body() may go on. */
void filtering_credit(struct filtering *f);
/* No event comes any more.  Polite: it may be kept for another client; else,
 * or with a step unanswered, its connection is dropped.  *f becomes NULL. */
void filtering_close(struct filtering **f, bool polite);

/* What a scope calls the index'th filter of a module; absent: no more. */
struct str filtering_name(
    const struct module *m, const struct scope *scope, uint32_t index);
/* How many are on this loop, idle ones included. */
unsigned filtering_count(struct loop *l);
/* End of the process: idle ones go, and none is kept from now on. */
void filtering_stop(struct loop *l, bool now);

/* What modules see as host->filtering. */
extern const struct impel_filtering filtering_table;

#endif
