/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream_host.h - the smallest host that runs the module ecstream: one
 * session, memory in the place of a socket, values in the place of a disk.
 *
 * For unit tests and fuzz targets; the conformance kit is the host for
 * everything else.
 */
#ifndef IMPEL_TEST_ECSTREAM_HOST_H
#define IMPEL_TEST_ECSTREAM_HOST_H

#include <stdbool.h>

#include "ecstream.h"
#include "host_text.h"

enum { HOST_RCPTS = 16 };

struct impel_session {
    struct text in, out; /* of the module, by the module */
    size_t in_at;
    bool closed, dialled;
    struct impel_dial dial;
    uint32_t ready;
    bool draining;
    int64_t due; /* of timer 0; 0: none */
    struct impel_result why;
    bool has_why;
};
struct impel_batch {
    struct impel_envelope envelope;
    const char *body;
    void *mine; /* the module's */
    int reported[HOST_RCPTS];
    int verdict[HOST_RCPTS];
    uint16_t code[HOST_RCPTS];
    uint32_t flags[HOST_RCPTS];
    bool ended;
};
struct impel_incoming {
    struct impel_incoming *next;
    uint64_t tag;
    size_t rcpts;
    bool open, committing;
    struct text text; /* sender, recipients, body */
    struct text keep, key;
};
struct asked {
    struct impel_incoming *of; /* NULL: greet() */
    uint64_t tag;
    int stage;
    size_t rcpt;
    uint16_t code; /* what is answered: 250, 451 or 550 */
    bool gone;
};
struct kept {
    struct text key, value;
};

struct ecstream_host {
    struct impel_host host;
    struct ecstream module;
    struct impel_session session;
    void *s;
    int64_t now, option[OPT_ROWS];
    bool may_relay, refuse_greet, tls;
    const char *context; /* the name of a value that goes along, or NULL */
    bool hold;           /* commits are answered when this is cleared */
    bool overfull;       /* commits are answered with 451 */
    struct impel_incoming *incoming;
    struct asked *asked; /* verdicts that are due, in order */
    size_t asked_first, asked_count, asked_size;
    struct kept *kept; /* state_put() and keep(); an empty key: none */
    size_t kept_count, kept_size;
    unsigned again_every, body_calls; /* body() says AGAIN each nth time */
    bool credit_due;
    unsigned full_every, writes; /* write() refuses each nth time; never 1 */
    bool drained_due;
    unsigned unread_every, reads; /* read_body() says AGAIN each nth time */
    struct impel_batch *body_due;
    bool unreadable;     /* read_body() fails */
    bool keep_unsettled; /* settle() is not answered */
    int64_t *settles;    /* EV_WAKE, in order */
    size_t settle_count, settle_size;
    struct text taken; /* committed messages, one behind the other */
    size_t committed;
    int64_t counts[COUNT_MAX];
};

/* Broken promises of the module end the process by abort(). */
struct ecstream_host *ecstream_host_new(void);
void ecstream_host_free(struct ecstream_host *h);
void ecstream_host_listen(struct ecstream_host *h);
void ecstream_host_connect(struct ecstream_host *h);
/* Octets of the peer; an event, and all that follows from it. */
void ecstream_host_feed(struct ecstream_host *h, const void *p, size_t n);
/* Verdicts, credit, EV_DRAINED, EV_BODY, EV_WAKE: until nothing is due. */
void ecstream_host_settle(struct ecstream_host *h);
void ecstream_host_lend(struct ecstream_host *h, struct impel_batch *b);
/* The timer of the module runs out, if it has one. */
void ecstream_host_time(struct ecstream_host *h);
/* Lose the connection, if there still is one; release. */
void ecstream_host_end(struct ecstream_host *h);
/* The value of a key as state_get() has it; NULL: there is none. */
struct kept *ecstream_host_kept(struct ecstream_host *h, struct impel_str key);
/* How many octets from p on are a frame, whole or begun. */
size_t ecstream_host_frame(const void *p, size_t n);

#endif
