/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - one conversation with one peer, run by a module on an I/O loop.
 *
 * Outbound: the scheduler opens sessions, lends them batches and hears of them
 * through events; this file hides the hop between scheduler and loop.  All
 * session_*() calls and all events are on the scheduler's thread.  Order of
 * events: ready*, done*, (draining), closed; nothing after closed.
 *
 * A session may hold more batches than the module has announced room for: they
 * wait on its loop, so that none waits for a mailbox round trip.  How many the
 * scheduler lends is its own business (limits, throttles).
 */
#ifndef IMPEL_SESSION_H
#define IMPEL_SESSION_H

#include "loop/loop.h"
#include "net/netaddr.h"
#include "net/proxyproto.h"
#include "net/tlsreason.h"
#include "net/tls.h"
#include "xport/batch.h"
#include "xport/registry.h"

struct session;
/* How TLS with the host came out, of one connection. */
struct session_tls {
    enum tls_reason why;  /* FINE, or why it is not as it should be */
    const char *text;     /* "protocol=TLS1.3 ...", or why not; for the call */
    struct netaddr local; /* where the connection came from */
};
struct session_events {
    /* The module takes batches: `open` at once from now on. */
    void (*ready)(void *arg, struct session *s, uint32_t open);
    /* A batch is back with a result for each recipient.  Recalled before it
     * was begun: all UNTRIED and b->begun false.  Its owner is the caller. */
    void (*done)(void *arg, struct session *s, struct batch *b);
    /* Lend no more; finish what is open (GOAWAY). */
    void (*draining)(void *arg, struct session *s);
    /* Gone; every batch came back before.  established: it was ready once.
     * why: code, stage and blame of the failure; verdict DELIVERED: an orderly
     * end.  The session must not be used any more. */
    void (*closed)(void *arg, struct session *s, const struct result *why,
        bool established);
    /* TLS came about, or failed, or was missing although the route or the
     * options want it; may be NULL.  Once for each connection, a session may
     * make two. */
    void (*tls)(void *arg, struct session *s, const struct session_tls *t);
};
struct tlsdemand;
struct session_request {
    struct loop *loop; /* the I/O loop to live on */
    const struct module *module;
    const char *method; /* "ESMTP" */
    struct netaddr to;
    struct cidr from; /* family 0: the kernel's choice */
    /* Reached through that PROXY server, if it is one, which is told to use the
     * address seen (route/way.h). */
    struct proxyproto_server proxy;
    struct cidr seen;
    struct str host, uri; /* copied */
    /* Copied: of the queue that asked for it (`trace smtp`); a certificate may
     * be for the domain. */
    struct str binding, domain;
    const struct scope *scope;
    struct tlsdemand *tls; /* of the hop; counted.  NULL: as options say */
    bool tls_quiet;        /* tls() is not called */
    const char *ehlo_name; /* copied */
    uint64_t id;           /* for logs: outbound connection id */
};
struct session *session_open(const struct session_request *r,
    struct mailbox *scheduler, const struct session_events *ev, void *arg);
/* The session owns the batch until done(). */
void session_lend(struct session *s, struct batch *b);
/* Give back what is not begun; begun ones are cancelled only if now. */
void session_recall(struct session *s, struct batch *b, bool now);
/* Ask whether it is still alive before it is used after idling: ready() or
 * closed() follows. */
void session_probe(struct session *s);
/* Say goodbye, or just go (now).  closed() follows, within a deadline. */
void session_close(struct session *s, bool now);
/* "MAIL FROM" or the like, since when: for `show outbound`, `domain`. Racy
 * reads are fine. */
void session_print(const struct session *s, struct buf *to);

/* --- inbound (a loop's thread) --- */
/* The intake table that modules see; set once before the first listener. */
void session_set_intake(const struct impel_intake *t);
/* fd is the session's from now on; the module's accepted() is called later in
 * this turn, so the caller may note the session first.  A failure of it is
 * logged and fd closed.  released() is called once in any case: the module has
 * nothing of the session any more, and it is gone when released() returns. */
typedef void session_released_f(void *arg, struct impel_session *s);
struct impel_session *session_accept(struct loop *l,
    const struct module *module, const struct scope *scope, int fd,
    const struct netaddr *peer, const struct netaddr *local, uint64_t id,
    session_released_f *released, void *arg);
/* Right after session_accept(): TLS comes before all, and accepted() is called
 * when the handshake is over; if it fails the module never hears of it.
 * ERR_CONF, with a sentence: it cannot begin, and the session ends. */
int session_secure(struct impel_session *s, struct err *e);
/* Called after each handshake, before the module hears of it; why: a sentence
 * if it failed, or NULL. */
typedef void session_secured_f(
    void *arg, struct impel_session *s, const char *why);
void session_on_secured(struct impel_session *s, session_secured_f *fn);
/* What was agreed on; NULL: it is not under TLS. */
const struct tls_facts *session_tls(const struct impel_session *s);
/* For logs, "protocol=TLS1.3 cipher=... verified=none"; NULL: not under TLS. */
const char *session_tls_text(const struct impel_session *s);
void session_verdict(struct impel_session *s, uint64_t tag, size_t rcpt,
    const struct impel_result *r); /* posted, never from inside a call */
void session_credit(struct impel_session *s);        /* EV_CREDIT, posted */
void session_end(struct impel_session *s, bool now); /* close() */
void *session_arg(const struct impel_session *s);    /* released()'s arg */
const struct netaddr *session_peer(const struct impel_session *s);
const struct netaddr *session_local(const struct impel_session *s);
/* What info() tells the module of it. */
struct impel_str session_told(struct impel_session *s, int what);
uint64_t session_inbound_id(const struct impel_session *s);
const char *session_module_name(const struct impel_session *s);
/* What PROXY or XCLIENT said, or set_peer(). */
void session_set_peer(struct impel_session *s, const struct netaddr *peer);
void session_set_local(struct impel_session *s, const struct netaddr *local);
/* The peer has other options now.  The module sees them when its call to
 * set_peer() returns. */
void session_set_scope(struct impel_session *s, const struct scope *scope);
/* A name the module's INFO_EHLO_NAME gives: banner and Received. */
void session_set_name(struct impel_session *s, const char *name);

/* Live numbers of this process. */
uint64_t session_count_outbound(void);
uint64_t session_count_inbound(void);
/* All sessions of a loop, printed one per line on that loop, for `show
 * inbound|outbound`: the text arrives on `home`. */
typedef void session_list_f(void *arg, struct buf *text);
void session_list(struct loop *l, bool inbound, struct mailbox *home,
    session_list_f *fn, void *arg);
/* End of the process: close all inbound (now: at once). done() when none. */
void session_end_all_inbound(struct loop *l, bool now);

#endif
