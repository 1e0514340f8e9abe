/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_int.h - a connection, as conn.c and conn_tls.c share it.
 */
#ifndef IMPEL_CONN_INT_H
#define IMPEL_CONN_INT_H

#include "base/buf.h"
#include "loop/defer.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "net/conn.h"

enum {
    TELL_CONNECTED = 1,
    TELL_INPUT = 2,
    TELL_DRAINED = 4,
    TELL_LOST = 8,
    TELL_SECURED = 16
}; /* bits of events that wait */

struct conn {
    uint32_t magic;
    struct loop *loop;
    int fd; /* -1: not connected yet, or never */
    struct watch *watch;
    conn_event_f *fn;
    void *arg;
    struct netaddr peer, local;

    char *in; /* unread input is in[in_at .. in_end) */
    size_t in_at, in_end, in_size;
    struct buf out; /* pending output is out.p[out_at .. out.n) */
    size_t out_at;
    uint64_t sent, received;

    int tell;     /* TELL_* */
    int error;    /* with TELL_LOST */
    bool read_on; /* the user wants input */
    bool eof;     /* the peer will send no more */
    bool broken;  /* no more reading or writing */
    bool drain;   /* writing failed: read what is there, then say LOST */
    bool blocked; /* the OS takes no more: waiting for WATCH_WRITE */
    bool full;    /* conn_write() refused: CONN_DRAINED is owed */
    bool lost_told;
    struct tls *tls;
    bool shaking; /* the handshake is to come, or under way */
    char *tls_error;
    struct defer again;    /* to read what tls holds, or begin to shake */
    struct timer patience; /* of the handshake */
    bool finishing; /* conn_finish() was called: nobody listens any more */
    bool shut;      /* our end was sent */
    size_t discarded;

    conn_cancel_f *dial_cancel;
    void *dial;
    struct defer telling, flushing;
    struct timer deadline;
    struct list finishing_node; /* among all that finish */
    bool held;  /* one of our functions is above: conn_free() leaves ... */
    bool freed; /* ... the struct itself to conn_release() */
};

static inline size_t
conn_unread(const struct conn *c)
{
    return c->in_end - c->in_at;
}

static inline size_t
conn_unsent(const struct conn *c)
{
    return c->out.n - c->out_at;
}

/* --- conn.c --- */
void conn_post(struct conn *c, int tell); /* TELL_* */
void conn_watch(struct conn *c); /* what is waited for may have changed */
/* One read: a peer that sends without end gets its share of a turn only.
 * True: something came. */
bool conn_read(struct conn *c);
void conn_flush(struct conn *c);

/* --- conn_tls.c --- */
void conn_shake(struct conn *c); /* a step of the handshake */
void conn_again(void *conn);
void conn_lost_patience(void *conn);

#endif
