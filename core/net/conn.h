/* SPDX-License-Identifier: Apache-2.0
 *
 * conn.h - a buffered stream connection on a loop.
 *
 * Reads into one contiguous buffer, writes from one; both bounded.  Events are
 * posted: none is delivered from inside a conn_*() call.  Loop thread only.
 * TCP_NODELAY is set: callers write whole flights.
 */
#ifndef IMPEL_CONN_H
#define IMPEL_CONN_H

#include "loop/loop.h"
#include "net/netaddr.h"
#include "net/tls.h"

enum conn_event {
    CONN_CONNECTED = 1, /* a dialled one is up */
    CONN_INPUT,         /* conn_input() holds more than before */
    CONN_DRAINED,       /* output fell below low water after CONN_FULL */
    CONN_LOST,          /* gone: error is -errno, or 0 for an orderly end;
                           what was read before stays in conn_input().
                           After 0 (the peer will send no more, but may still
                           read) writing goes on; should that fail, CONN_LOST
                           comes once more, with the error */
    CONN_SECURED        /* conn_secure() is done: error is 0, or -errno and the
                           connection is gone (no CONN_LOST follows).  If what
                           was written in clear before could not be sent,
                           CONN_LOST comes in its place */
};
struct conn;
/* May call conn_free(). */
typedef void conn_event_f(
    void *arg, struct conn *c, enum conn_event event, int error);

enum {
    CONN_INPUT_MAX = 65536,   /* reading pauses when that much is unread */
    CONN_HIGH_WATER = 262144, /* conn_write() refuses above this */
    CONN_LOW_WATER = 65536
};

/* An accepted descriptor (non-blocking); the conn owns it from now on. */
struct conn *conn_accepted(struct loop *l, int fd, const struct netaddr *peer,
    const struct netaddr *local, conn_event_f *fn, void *arg);
/* Used by dial.c: one that will be connected. */
struct conn *conn_dialling(struct loop *l, conn_event_f *fn, void *arg);
void conn_connected(struct conn *c, int fd, const struct netaddr *peer);
void conn_failed(struct conn *c, int error);
/* Called when the conn is freed before one of the two: stop dialling. */
typedef void conn_cancel_f(void *dial);
void conn_set_dial(struct conn *c, conn_cancel_f *cancel, void *dial);

struct str conn_input(const struct conn *c); /* keeps still in a callback */
void conn_consume(struct conn *c, size_t n);
/* All of it or nothing: 0, ERR_FULL (CONN_DRAINED follows), ERR_CLOSED.
 * An empty buffer takes any size up to 16 MiB (ERR_LIMIT above).  What is
 * written in a turn goes out at its end, in one send if the OS takes it. */
int conn_write(struct conn *c, const void *p, size_t n);
/* TLS from here on: what was written goes out in clear, then the handshake
 * begins, which may take so long; CONN_SECURED tells.  Nothing is read
 * meanwhile, and conn_write() says ERR_AGAIN.  ERR_PROTO: there is unread
 * input, which came in clear; ERR_CLOSED; ERR_CONF: as of tls_new(). */
int conn_secure(
    struct conn *c, const struct tls_params *p, int64_t ms, struct err *e);
const struct tls_facts *conn_tls(const struct conn *c); /* NULL: none */
const char *conn_tls_error(const struct conn *c);   /* why it failed; or "" */
enum tls_reason conn_tls_why(const struct conn *c); /* as tls_why() */
/* Room below high water right now. */
size_t conn_room(const struct conn *c);
size_t conn_pending(const struct conn *c); /* octets not yet taken by the OS */
uint64_t conn_sent(const struct conn *c);  /* octets the OS took, in all */
uint64_t conn_received(const struct conn *c);
/* Stop or go on reading (back-pressure); on is the state at start. */
void conn_read_enable(struct conn *c, bool on);
/* Send what is pending, then our end, and wait a little for the peer's, so that
 * a reset does not overtake our last words; at the deadline close at once.
 * No more events; the conn frees itself.  *c becomes NULL. */
void conn_finish(struct conn **c, int64_t deadline_ms);
void conn_free(struct conn **c); /* at once */
/* The loop has stopped for good: what still finishes on it goes at once. */
void conn_drop_finishing(const struct loop *l);
const struct netaddr *conn_peer(const struct conn *c);
const struct netaddr *conn_local(const struct conn *c);

#endif
