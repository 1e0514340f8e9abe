/* SPDX-License-Identifier: Apache-2.0
 *
 * pushh2.h - the half of a pushconn_speech that speaks HTTP/2 (h2.h): a request
 * for each notification, as many at once as the server's settings allow.
 *
 * An answer that does not come in time costs its message an attempt, and makes
 * us ask whether the connection is still alive; nothing more is taken until it
 * says so.
 *
 * The other half is the module's: a struct that begins with a struct pushh2, a
 * pushconn_speech made by PUSHH2_SPEECH, and the two functions it names.
 */
#ifndef IMPEL_LIB_PUSHH2_H
#define IMPEL_LIB_PUSHH2_H

#include "h2.h"
#include "pushconn.h"

struct pushh2 {
    struct pushconn base;
    struct h2 *h2;
    uint32_t room;
    bool asked;    /* a PING is out, and nothing is taken meanwhile */
    bool held;     /* pushh2_hold() */
    bool draining; /* GOAWAY */
    bool full;     /* more requests than streams */
};
struct pushh2_half {
    /* One of pushh2_request(), pushconn_cannot(), or pushconn_puts_off() with
     * pushh2_hold(). */
    void (*send)(struct pushconn *c, struct pushconn_request *r);
    /* One of pushconn_answered(), send() once more if pushh2_may_again(), or
     * pushconn_puts_off(). */
    void (*answered)(struct pushconn *c, struct pushconn_request *r,
        const struct h2_answer *a);
};

/* q: authority and scheme are put in here. */
void pushh2_request(
    struct pushconn *c, struct pushconn_request *r, struct h2_request *q);
/* Can one more be sent on this connection? */
bool pushh2_may_again(const struct pushconn *c);
/* What is open is waited for, the rest goes elsewhere: for credentials that
 * were refused, as a connection keeps the options of its beginning. */
void pushh2_leave(struct pushconn *c);
/* Nothing is taken and nothing sent until it is let go. */
void pushh2_hold(struct pushconn *c, bool hold);

struct pushh2_speech { /* what c->speech points to */
    struct pushconn_speech speech;
    struct pushh2_half half;
};
void pushh2_connected(struct pushconn *c);
void pushh2_input(struct pushconn *c);
void pushh2_flush(struct pushconn *c);
void pushh2_timer(struct pushconn *c, int64_t number);
void pushh2_send(struct pushconn *c, struct pushconn_request *r);
bool pushh2_forget(struct pushconn *c, struct pushconn_request *r);
void pushh2_probe(struct pushconn *c);
void pushh2_lost(struct pushconn *c);
void pushh2_fini(struct pushconn *c);
/* All of it but woken(); on_connected is or calls pushh2_connected(). */
#define PUSHH2_SPEECH(type, on_connected) \
    .size = sizeof(type), .alpn = h2_alpn, .connected = on_connected, \
    .input = pushh2_input, .drained = pushh2_flush, .timer = pushh2_timer, \
    .send = pushh2_send, .flush = pushh2_flush, .forget = pushh2_forget, \
    .probe = pushh2_probe, .close = pushh2_flush, .lost = pushh2_lost, \
    .fini = pushh2_fini

#endif
