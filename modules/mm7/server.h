/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - a connection on which an MMSC asks us: server.c has its HTTP and
 * its life, admit.c who may ask for what, report.c what became of messages that
 * were sent, incoming.c messages that it brings.
 *
 * One request is worked on at a time; what comes behind it waits in the host.
 */
#ifndef IMPEL_MM7_SERVER_H
#define IMPEL_MM7_SERVER_H

#include "call.h"
#include "http1.h"
#include "letter.h"
#include "mm7.h"

enum server_state {
    SERVER_GREET, /* the host thinks about the client */
    SERVER_READ,
    SERVER_WORK, /* a request is whole, and not answered */
    SERVER_PART, /* the last answer is out; what still comes is dropped */
    SERVER_LOST, /* a commit under way is waited for */
    SERVER_DEAD
};
enum { TIMER_SERVER, TIMER_WORK }; /* its connection, its request */

struct incoming {              /* a message on its way into the intake */
    struct impel_incoming *in; /* NULL: none, or it is gone */
    uint64_t tag;
    struct text letter;
    size_t sent;                     /* octets of it */
    size_t rcpt_count, judged, kept; /* recipients */
    bool later;                      /* one may be taken later */
    bool committing, taking;
    struct taking_key key;
};
struct server {
    struct mm7 *module;
    const struct impel_host *host;
    struct impel_session *session;
    const struct impel_scope *scope;
    enum server_state state;
    bool no_credit; /* body(): EV_CREDIT follows */
    bool full;      /* output: EV_DRAINED follows */
    bool leaving;   /* no request more than the one that has begun */
    bool ended;     /* the peer says no more */
    struct http1 *http;
    bool headed; /* the head was judged */
    int refusal; /* of the head: a status of HTTP, or 0 */
    bool stale;  /* the login was right once */
    bool wrong;  /* it was not: nobody shall try many */
    struct text out;
    size_t out_at;
    /* the request */
    struct call call;
    struct soap_body body;
    int64_t ask;  /* what is waited for: late()'s arg */
    bool waited;  /* for a report of what is not known here (yet) */
    bool looking; /* and is, now */
    struct incoming incoming;
};

/* --- server.c --- */

/* The answer to the call. */
void server_answer(struct server *s, int status, const char *details);
/* Nobody may be there to be answered, and it would take longer. */
void server_give_up(struct server *s);
/* Of HTTP alone: no SOAP, and perhaps the end of the connection. */
void server_refuse(struct server *s, int status, bool keep);

/* --- admit.c --- */

/* What the head asks for, by whom: 0, or the status of HTTP to refuse it
 * with; s->stale and s->wrong say more. */
int admit_head(struct server *s, const struct http1_message *m);
/* WWW-Authenticate of a refusal. */
void admit_challenge(struct server *s, struct http1_out *o);

/* --- report.c --- */

void report_bring(struct server *s);
void report_woken(struct server *s, int64_t arg);
void report_late(struct server *s); /* TIMER_WORK */

/* --- incoming.c --- */

void incoming_begin(struct server *s);
void incoming_verdict(
    struct server *s, uint64_t tag, size_t rcpt, const struct impel_result *r);
void incoming_goes_on(struct server *s); /* EV_CREDIT */
/* Unless it is being committed: it never was. */
void incoming_drop(struct server *s);

#endif
