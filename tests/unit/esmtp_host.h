/* SPDX-License-Identifier: Apache-2.0
 *
 * esmtp_host.h - the smallest host that runs the esmtp module: one session,
 * memory in the place of a socket, a clock that moves when told.
 *
 * For unit tests, fuzz targets and timing; the conformance kit is the host for
 * everything else.
 */
#ifndef IMPEL_TEST_ESMTP_HOST_H
#define IMPEL_TEST_ESMTP_HOST_H

#include <stdbool.h>

#include "dialogue.h"
#include "host_text.h"
#include "options.h"

struct impel_session {
    struct text in, out; /* of the module, by the module */
    size_t in_at;
    bool closed, dialled, down; /* down: no connection, or not yet */
    unsigned dials;
    uint32_t ready;
    int64_t due; /* of timer 0; 0: none */
};
struct impel_batch {
    struct impel_envelope envelope;
    const char *body;
    int reported[8]; /* how often, for each recipient */
    int verdict[8];
    uint32_t flags[8];
    bool ended;
    bool rigid;  /* it cannot be had in 7 bits */
    int form;    /* in which it was sent last; -1: it was not */
    bool no_dsn; /* a delivery said "dsn=no", or "by=no" */
    bool no_by;
};
struct impel_incoming {
    uint64_t tag;
    size_t rcpts;
    uint32_t needs, by;
    int64_t hold_until, deadline; /* of the sender, wall ms */
    bool open;
    struct text text; /* sender, recipients, body */
};

struct esmtp_host {
    struct impel_host host;
    struct dialogue module;
    struct impel_session session;
    struct impel_incoming incoming;
    void *s;
    int64_t now, option[OPT_ROWS];
    /* the verdict that is due */
    bool asked;
    uint64_t asked_tag;
    int asked_stage;
    size_t asked_rcpt;
    bool refuse; /* answer it with no */
    bool body_due;
    unsigned again_every, body_calls; /* body() says AGAIN each nth time */
    bool credit_due;
    unsigned drained;            /* how often draining() was called */
    unsigned full_every, writes; /* write() refuses each nth time; never 1 */
    bool drained_due;
    bool tls_due, tls_fails; /* EV_TLS, and what it says */
    const char *tls;         /* INFO_TLS_VERSION, or NULL */
    bool tls_may;            /* a listener has a certificate */
    bool connect_due;        /* of a second connection */
    bool logins;             /* offered to peers, and wanted at hosts */
    bool login_open;         /* an exchange is under way */
    bool login_due;          /* EV_LOGIN */
    struct text taken;       /* committed messages, one behind the other */
    size_t committed;
    uint64_t log_count;
};

/* Broken promises of the module end the process by abort(). */
struct esmtp_host *esmtp_host_new(void);
void esmtp_host_free(struct esmtp_host *h);
void esmtp_host_listen(struct esmtp_host *h);
void esmtp_host_connect(struct esmtp_host *h, const char *method);
/* Bytes of the peer; an event, and all that follows from it. */
void esmtp_host_feed(struct esmtp_host *h, const void *p, size_t n);
/* Verdicts, credit, EV_BODY: until nothing is due. */
void esmtp_host_settle(struct esmtp_host *h);
void esmtp_host_lend(struct esmtp_host *h, struct impel_batch *b);
/* Lose the connection, if there still is one, and release. */
void esmtp_host_end(struct esmtp_host *h);

#endif
