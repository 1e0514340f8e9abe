/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - a connection to APNs and the batches it has: session.c has what
 * both protocols share, http.c and binary.c speak.
 *
 * A batch is a job: its message is read, made into a notification, and sent as
 * one request for each device.  A request ends once, and then its recipients
 * are reported; the batch is over with its last request.
 */
#ifndef IMPEL_APN_SESSION_H
#define IMPEL_APN_SESSION_H

#include "apn.h"
#include "notice.h"
#include "reason.h"

struct session;
struct job;

struct request {
    struct job *job;
    struct request *next,
        **prev; /* in a line of the session's; NULL: in none */
    int64_t since;
    uint32_t id; /* of the stream, or of the binary frame */
    uint64_t provider_token;
    size_t rcpt, rcpts; /* from one on, so many */
    bool over, again;
    char token[NOTICE_TOKEN_MOST + 1];
};
struct job {
    struct job *next, **prev;
    struct session *session;
    struct impel_batch *batch;
    const struct impel_envelope *envelope;
    struct push *push; /* while it is read */
    bool more;         /* it goes on in another turn */
    uint64_t at;
    struct notice notice;
    struct request *request; /* NULL: not yet */
    size_t count, left;
};

/* One of the two protocols. */
struct speech {
    size_t size; /* of what begins with a struct session */
    const char *const *alpn;
    bool binary;
    void (*connected)(struct session *s);
    void (*input)(struct session *s);
    void (*drained)(struct session *s);
    void (*timer)(struct session *s, int64_t number);
    /* Send it.  It may end at once. */
    void (*send)(struct session *s, struct request *r);
    void (*flush)(struct session *s); /* after one or several send() */
    /* It is not waited for any more.  true: Apple may have it. */
    bool (*forget)(struct session *s, struct request *r);
    void (*probe)(struct session *s);
    /* Say goodbye; session_over() follows, at once or later. */
    void (*close)(struct session *s);
    /* The connection is gone: end all requests that were sent. */
    void (*lost)(struct session *s);
    void (*fini)(struct session *s);
};
extern const struct speech http_speech, binary_speech;

enum { TIMER_CONNECT, TIMER_ANSWER, TIMER_PING, TIMER_READ };
struct session {
    const struct speech *speech;
    struct apn *module;
    const struct impel_host *host;
    struct impel_session *io;
    const struct impel_scope *scope;
    struct impel_str name; /* of the host, lent by the peer */
    uint16_t port;
    bool up;    /* behind TLS */
    bool ready; /* it was once */
    bool over, leaving, closing;
    int64_t wait; /* delivery_response_timeout */
    struct job *jobs;
    struct request *first, **last;     /* sent, the oldest first */
    struct request *todo, **todo_last; /* not sent yet: there is no room */
};

/* It ends; what is open is told as r says, or as lost.  Nothing more may be
 * called for it. */
void session_over(struct session *s, const struct impel_result *why);
void session_fails(struct session *s, int blame, int stage, const char *text);
/* Not now: it goes when request_next() takes it. */
void request_puts_off(struct request *r);
struct request *request_next(struct session *s); /* NULL: none */
/* false: it was put off, and is not any more. */
bool request_was_sent(struct request *r);
/* In the line of those that wait for an answer, from now on. */
void request_waits(struct request *r);
/* As r says, for all its recipients; its job may be gone with it. */
void request_ends(struct request *r, const struct impel_result *result);
/* The same of a reason: events and counters too.  id: what Apple calls it. */
void request_answered(
    struct request *r, struct reason *reason, struct impel_str id);
/* When the oldest of those that wait is due: TIMER_ANSWER. */
void session_watch(struct session *s);
int64_t session_wall(void);

#endif
