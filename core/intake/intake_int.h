/* SPDX-License-Identifier: Apache-2.0
 *
 * intake_int.h - what the files of this folder share.
 */
#ifndef IMPEL_INTAKE_INT_H
#define IMPEL_INTAKE_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/budget.h"
#include "base/list.h"
#include "base/map.h"
#include "intake/intake.h"
#include "loop/timer.h"
#include "xport/session.h"

struct chain;
struct listener;
struct login;

/* One per I/O loop; touched by that loop only. */
struct intake_loop {
    struct intake *intake;
    struct loop *loop;
    const char *pool;     /* name */
    struct purse credits; /* bytes of messages in reception */
    struct list waiting;  /* incoming messages that wait for credits */
    struct timer retry;   /* credits that other loops gave back */
    struct impel_incoming *overdraft; /* the one that may pass the limit */
    struct list spares;               /* of incoming.h */
    unsigned spare_count;
    unsigned committing;  /* messages handed to the spool */
    unsigned checking;    /* passwords in the pool */
    struct list sessions; /* struct intake_session */
    struct timer stop_timer;
    struct mail stop_mail, stopped_mail;
};

struct intake {
    struct spool *spool;
    unsigned loop_count;
    struct intake_loop *loops;
    struct budget credits;
    struct list listeners; /* struct listener; scheduler only */
    pthread_mutex_t limits_lock;
    struct map limits; /* session budgets by stanza, struct session_limit */
    pthread_mutex_t throttles_lock;
    struct map throttles; /* of inbound_throttle.c */
    struct generation *generation;
    _Atomic(const char *) refuse;
    _Atomic uint64_t next_session;
    _Atomic uint64_t sessions, sessions_total, received, received_recipients,
        received_bytes, rejected;
    _Atomic uint64_t tls, tls_resumed, tls_verified, tls_failed;
    /* stopping */
    struct loop *stop_home;
    unsigned stop_left;
    _Atomic int64_t stop_deadline;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

enum { NAME_SHOWN_MAX = 255 };
/* An inbound session as this layer sees it; lives on its loop. */
struct intake_session {
    struct impel_session *session; /* NULL once it was released */
    struct intake_loop *il;
    struct generation *generation; /* pinned */
    const struct scope *scope;
    struct budget *limit[2];   /* listener_sessions, service_sessions */
    bool over_limit;           /* greeted with 421 and ended */
    struct listener *listener; /* counted */
    struct list node;          /* in il->sessions */
    struct list incoming;      /* open messages */
    struct chain *chain;       /* its filters; NULL: none */
    uint64_t id;
    bool can_relay; /* relay_hosts, open_relay, tls_verified_peer_can_relay */
    bool trusted;   /* trusted_peers (trust.h) */
    struct netaddr came_from; /* who has connected, whomever XCLIENT names */
    struct netaddr came_to;   /* where */
    bool named;               /* XCLIENT was said */
    bool may_name;            /* who has connected is trusted: XCLIENT */
    bool helo_said;  /* by XCLIENT: the next EHLO's name is not the client's */
    bool login_said; /* by XCLIENT */
    bool logged_in;  /* it has proven to be `login` */
    struct login *auth; /* or NULL (login.h) */
    char helo[NAME_SHOWN_MAX + 1];
    char login[NAME_SHOWN_MAX + 1];
    char mechanism[24]; /* if logged_in */
    char peer[64];      /* the address as text */
};

#endif
