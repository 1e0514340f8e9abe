/* SPDX-License-Identifier: Apache-2.0
 *
 * session_int.h - the loop's side of a session: what session.c, lent.c,
 * link.c, body.c, outbound.c and inbound.c share.
 *
 * A struct impel_session lives on one loop and is touched by its thread only,
 * but for the atomics.  Nothing calls a module from inside a host function or
 * a socket's event: whatever is to be told is marked here, session_kick() posts
 * the pump, and the pump tells the module one thing at a time.
 */
#ifndef IMPEL_SESSION_INT_H
#define IMPEL_SESSION_INT_H

#include "base/list.h"
#include "loop/defer.h"
#include "loop/timer.h"
#include "net/conn.h"
#include "spool/render.h"
#include "xport/instance.h"
#include "xport/outlogin.h"
#include "xport/prepare.h"
#include "xport/session.h"

#define SESSION_STATES(X) \
    X(NEW, "new")         /* the module has not seen it */ \
    X(OPENING, "opening") /* open() was called; not ready yet */ \
    X(OPEN, "open")       /* was ready once; inbound: from the start */ \
    X(PROBING, "probing") /* probe() was called */ \
    X(CLOSING, "closing") /* close() was called */ \
    X(CLOSED, "closed")   /* closed() was called, or it was dropped */ \
    X(GONE, "gone")       /* released; nothing of the module is left */
#define SESSION_STATE_ENUM(id, text) SESSION_##id,
enum session_state { SESSION_STATES(SESSION_STATE_ENUM) SESSION_STATE_COUNT };

enum { /* pending: one bit each, told once however often it happened */
    PENDING_CONNECTED = 1,
    PENDING_INPUT = 2,
    PENDING_DRAINED = 4,
    PENDING_LOST = 8,
    PENDING_CREDIT = 16,
    PENDING_BODY = 32, /* some batch has body_due */
    PENDING_PROBE = 64,
    PENDING_CANCEL = 128, /* some batch has cancel_due */
    PENDING_TLS = 256,
    PENDING_STEP = 512,
    PENDING_LOGIN = 1024
};
enum { SESSION_TIMERS = 16, BODY_FORMS = 4 };

/* What a session is for, as `trace smtp` is asked for it. */
struct session_place {
    const char *binding, *domain, *host, *method;
};
/* What differs between the two ways a session comes about. */
struct session_kind {
    bool inbound;
    bool filter; /* a module's filter: neither of the two */
    /* Call the module's open() or accepted(). */
    int (*begin)(struct impel_session *s, struct impel_error *e);
    void (*ready)(struct impel_session *s, uint32_t open);
    void (*draining)(struct impel_session *s);
    void (*back)(struct impel_session *s, struct batch *b);
    void (*verdict)(struct impel_session *s); /* tell the next one */
    void (*step)(struct impel_session *s);    /* PENDING_STEP */
    /* Inbound: the handshake is over; error as of CONN_SECURED. */
    void (*shaken)(struct impel_session *s, int error);
    void (*gone)(struct impel_session *s); /* may free it */
    /* How TLS came out; NULL: nobody asks. */
    void (*secured)(
        struct impel_session *s, enum tls_reason why, const char *text);
    /* Lent; NULL: `trace smtp` does not see it. */
    void (*place)(struct impel_session *s, struct session_place *to);
};

/* Which numbers a module may not read are here: its rows map to ids. */
struct impel_scope {
    const struct module *module;
    const struct scope *scope; /* NULL: nothing is set (tests) */
    const struct tlsdemand
        *tls; /* beats what the options of TLS say, or NULL */
};

enum { SESSION_ALPN = 4 /* what one would offer */ };
struct impel_session {
    uint32_t magic;
    _Atomic int state;
    const struct session_kind *kind;
    struct loop *loop;
    const struct module *module;
    void *mine; /* the module's, valid from OPENING on */
    struct impel_scope scope;
    uint64_t id;
    struct list node;      /* of all sessions on this loop */
    _Atomic int64_t since; /* of the state, monotonic ms */

    struct conn *conn;
    struct netaddr to;
    struct cidr from;
    struct proxyproto_server proxy;
    struct cidr seen;
    bool greeted; /* the PROXY server has taken the connection */
    bool up, lost;
    int lost_arg;
    bool redialled;
    struct tlsdemand *demand; /* outbound: sessiontls.h; or NULL */
    bool tls_tried;           /* of this connection it was told */
    bool tls_refused;         /* why says that it must not go on */
    bool tls_now;             /* the handshake comes before EV_CONNECTED ... */
    bool shaking;             /* ... and inbound before accepted(): not yet */
    const char *alpn[SESSION_ALPN + 1]; /* dial()'s, copied; NULL-ended */
    int tls_arg;                        /* EV_TLS's */
    char *tls_why;                      /* why start_tls() failed, or NULL */
    char *tls_said;            /* for logs: "protocol=TLS1.3 ...", or NULL */
    const char *host, *domain; /* outbound: to be verified; may be NULL */
    uint64_t octets; /* seen when `limit` was last set: is there progress? */

    struct defer pump;
    uint32_t pending;
    uint16_t timers_set, timers_due; /* bits */
    int64_t timer_at[SESSION_TIMERS];
    struct timer alarm; /* the earliest of them */
    struct timer limit; /* the core's own deadline for the state */
    bool overdue, drop;
    int close_wanted, close_called; /* 0 no, 1 close(0), 2 close(1) */

    uint32_t ready;
    _Atomic uint32_t open_count;
    bool was_ready, is_draining;
    struct list waiting; /* struct batch: not handed over yet */
    struct list open;    /* struct impel_batch */
    struct list spare;   /* struct impel_batch: ended, kept to be used again */
    uint64_t writes;     /* of octets that are for all that are open */
    struct impel_batch *current;   /* the callback speaks of it */
    struct impel_batch *streaming; /* send_body() is under way */
    struct list wakes;             /* struct wake */
    struct list verdicts;          /* struct verdict */

    struct outlogin *login; /* or NULL (outlogin.h) */
    unsigned trace_epoch;   /* of the tracers it has looked at */
    struct trace *trace;    /* NULL: nobody sees it */
    uint64_t token;
    char *name;                   /* INFO_EHLO_NAME */
    char *local_text, *peer_text; /* info(), made when asked for */
    struct result why;            /* verdict 0: not known yet */
};

/* A batch while the module has it; the module's handle. */
struct impel_batch {
    uint32_t magic;
    uint32_t left; /* recipients without a report */
    struct impel_session *session;
    struct batch *batch; /* NULL: all are reported */
    struct list node;
    uint64_t opened; /* its session's writes then */
    void *mine;
    bool cancel_due, cancelled, body_due;
    bool taken_back; /* what the module still reports is not wanted */
    struct render *render[BODY_FORMS];
    int stream_form;
    uint64_t stream_at;
    struct buf held; /* rendered, refused by the connection */
    size_t room;     /* recipients that the arrays hold */
    struct impel_rcpt *rcpt;
    const struct impel_rcpt **rcpt_ptr;
    struct impel_envelope envelope;
    char id[MESSAGE_ID_SIZE];
};

/* --- session.c --- */
void session_init(struct impel_session *s, const struct session_kind *kind,
    struct loop *l, const struct module *m, const struct scope *scope);
/* Begin: the module is called from the pump. */
void session_begin(struct impel_session *s);
void session_kick(struct impel_session *s);
void session_mark(struct impel_session *s, uint32_t pending); /* and kick */
void session_enter(struct impel_session *s, enum session_state to);
void session_request_close(struct impel_session *s, bool now);
/* Give back what the module has not seen. */
void session_return_waiting(struct impel_session *s, const char *text);
const char *session_state_name(int state);
/* Around a call into the module; call is one of enum instance_call. */
int64_t session_call_begin(
    struct impel_session *s, int call, struct impel_batch *b);
void session_call_end(struct impel_session *s, int call, int64_t begun);
/* A rule was broken: counted and logged under the module's name. */
void session_broken(const struct impel_session *s, const char *rule);
/* Batches came or went, so the deadline moves. */
void session_watch(struct impel_session *s);
/* A duration of the scope, or else ms. */
int64_t session_duration(const struct impel_session *s, int row, int64_t ms);
/* Sessions of the calling thread's loops. */
enum session_sort { SORT_OUTBOUND, SORT_INBOUND, SORT_FILTER, SORTS };
struct list *session_all(enum session_sort sort);
enum session_sort session_sort(const struct session_kind *kind);
extern _Atomic uint64_t session_counts[SORTS];

/* Host functions that change a session's state. */
void session_timer(struct impel_session *s, int number, int64_t after);
void session_host_ready(struct impel_session *s, uint32_t open);
void session_host_draining(struct impel_session *s);
void session_host_closed(
    struct impel_session *s, const struct impel_result *why);

/* How long the core waits where no option says it. */
struct session_limits { /* ms; added to what the timeouts of the scope allow */
    int64_t open_ms, close_ms, batch_ms, probe_ms;
};
void session_set_limits(const struct session_limits *l); /* tests */

/* --- pump.c --- */
void pump_run(void *session); /* a defer_f */

/* --- lent.c --- */
struct impel_batch *lent_open(struct impel_session *s, struct batch *b);
/* Octets were written; they are for the batch spoken of, or for all. */
void lent_begun(struct impel_session *s);
/* Was an octet sent that is its own, or for all? */
bool lent_is_begun(const struct impel_batch *b);
/* All that is missing becomes RETRY/SESSION with that text. */
void lent_abandon(struct impel_session *s, const char *text);
/* The host ends it: that verdict, blamed on the message, for what is not
 * reported. */
void lent_take_back(struct impel_batch *b, int verdict, int code,
    const char *status, const char *text);
void lent_cancel_all(struct impel_session *s);
void lent_free_spare(struct impel_session *s);
void lent_rcpt_done(
    struct impel_batch *b, size_t i, const struct impel_result *r);
void lent_rest_done(struct impel_batch *b, const struct impel_result *r);

/* --- link.c: the connection --- */
int link_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e);
conn_event_f link_event;
/* What the next handshake offers; NULL: nothing. */
void link_keep_alpn(struct impel_session *s, const char *const *alpn);
struct impel_str link_input(struct impel_session *s);
void link_consume(struct impel_session *s, size_t n);
int link_write(struct impel_session *s, const void *p, size_t n);
struct impel_str link_info(struct impel_session *s, int what);
int link_start_tls(struct impel_session *s, struct impel_error *e);
void link_tls_failed(struct impel_session *s, const char *why);
void link_error(struct impel_error *e, int code, const char *text);
/* TLS of one who has connected: inbound_tls.c. */
int inbound_secure(struct impel_session *s, struct impel_error *e);
bool inbound_may_secure(const struct impel_session *s);
/* The connection is of no use any more: EV_LOST follows. */
void link_fail(struct impel_session *s, int arg);
void link_close(struct impel_session *s, bool now);
/* The connection ended badly: a PROXY server is named, or blamed. */
void link_explain(struct impel_session *s);
uint64_t link_octets(const struct impel_session *s);

/* --- tracer.c: what crosses, for those who look --- */
extern _Atomic unsigned tracer_epoch; /* changes with the tracers */
void tracer_look(struct impel_session *s);
/* First of all, and cheap: does anybody see it? */
static inline bool
tracer_sees(struct impel_session *s)
{
    if (s->trace_epoch !=
        atomic_load_explicit(&tracer_epoch, memory_order_relaxed))
        tracer_look(s);
    return s->trace != NULL;
}
/* Only if somebody sees it; out: we said it. */
void tracer_crossed(struct impel_session *s, bool out, const void *p, size_t n);
void tracer_note(struct impel_session *s, const char *fmt, ...)
    ATTR_PRINTF(2, 3);
/* Ask again with the recipients of a batch: they may be what is asked for. */
void tracer_lent(struct impel_session *s, const struct batch *b);
void tracer_end(struct impel_session *s);

/* --- body.c --- */
int64_t body_size(struct impel_batch *b, int form);
int64_t body_read(
    struct impel_batch *b, int form, uint64_t at, void *p, size_t n);
int body_send(struct impel_batch *b, int form);
void body_go_on(struct impel_session *s); /* there is room again */
void body_end(struct impel_batch *b);     /* the batch is over */

/* --- outbound.c --- */
void outbound_print(struct impel_session *io, struct buf *to);
/* The scheduler's mailbox; NULL: it is inbound. */
struct mailbox *outbound_home(struct impel_session *io);

/* --- token.c --- */
struct wake {
    struct mail mail;
    struct list node;
    uint64_t token;
    int64_t arg;
};
uint64_t token_get(struct impel_session *s); /* makes it */
void token_drop(struct impel_session *s);
int token_wake(uint64_t token, int64_t arg); /* any thread */

#endif
