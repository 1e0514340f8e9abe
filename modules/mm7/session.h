/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - a connection to an MMSC: session.c has the host's side of it,
 * request.c what is sent and answered, job.c the message.
 *
 * One message is open at a time; its recipients are sent one after another, a
 * request each, so that each has an answer of its own.
 */
#ifndef IMPEL_MM7_SESSION_H
#define IMPEL_MM7_SESSION_H

#include "authority.h"
#include "http1.h"
#include "mm7.h"
#include "push.h"
#include "submit.h"

enum { SESSION_HEAD = 6144 };
enum { TIMER_CONNECT, TIMER_ANSWER, TIMER_READ };

struct session {
    struct mm7 *module;
    const struct impel_host *host;
    struct impel_session *io;
    const struct impel_scope *scope;
    struct impel_str uri;      /* of requests */
    char name[AUTHORITY_MOST]; /* of the host, for Host */
    char place[DIGESTS_KEY];   /* host and port, for digests */
    struct http1 *http;
    bool up, used, leaving, over;

    /* the message */
    struct impel_batch *batch; /* NULL: none */
    const struct impel_envelope *envelope;
    struct push *push; /* while a container is read */
    struct text whole; /* or any other message */
    uint64_t at;
    struct submit_want want;
    struct submit_content content;
    size_t rcpt, rcpts; /* whose turn it is, of so many */

    /* its request */
    bool asking;     /* from the first octet to the answer */
    bool proven;     /* it has a login */
    bool challenged; /* and that answers what was asked for it */
    char head[SESSION_HEAD];
    struct impel_str left_head, left_body; /* not written yet */
    struct text body;
    char transaction[120];
};

/* --- job.c --- */

/* The message is read as far as it is there, and as far as a turn goes; if that
 * was all, the first request goes out. */
void job_goes_on(struct session *s);
/* The next recipient, or the end of the message. */
void job_next(struct session *s);
/* All that are left; the message is gone. */
void job_ends(struct session *s, const struct impel_result *r);
void job_fails(struct session *s, const char *text); /* as its code says */
void job_clear(struct session *s); /* all of them have been reported */

/* --- request.c --- */

/* For the recipient whose turn it is. */
void request_send(struct session *s);
void request_write(struct session *s); /* as far as there is room */
void request_input(struct session *s);
/* The connection has ended, which may be the end of an answer. */
void request_lost(struct session *s);
/* Has the MMSC perhaps all of it? */
bool request_is_out(const struct session *s);

/* --- session.c --- */

/* It ends; what is open is untried, or uncertain.  Nothing more may be called
 * for it. */
void session_over(struct session *s, const struct impel_result *why);
/* Behind an answer on a connection that is of no more use: the recipients that
 * are left are untried. */
void session_ends_here(struct session *s);
void session_fails(struct session *s, int blame, int stage, const char *text);

#endif
