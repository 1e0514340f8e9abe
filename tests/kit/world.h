/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - the little world a module is tested in: virtual sessions over a
 * scripted peer, a clock that jumps, one event at a time.  No socket, no
 * thread, no waiting: a run of a script takes microseconds, so that it can be
 * repeated with a disturbance at each of its steps.
 *
 * hostside.c implements struct impel_host, intakeside.c struct impel_intake and
 * filterside.c struct impel_filtering over it; peer.c plays the other end.
 * Faults are collected as sentences.
 */
#ifndef IMPEL_KIT_WORLD_H
#define IMPEL_KIT_WORLD_H

#include "script.h"
#include "value.h"

enum {
    WORLD_TIMERS = 16,
    WORLD_HIGH_WATER = 65536,
    WORLD_MAX_EVENTS = 2000000,
    WORLD_MAX_FAULTS = 8,
    WORLD_SLOW_MS = 5
};

enum world_wire {
    WIRE_LINES, /* each line of the peer is an event */
    WIRE_BYTES, /* each byte; body calls say AGAIN now and then */
    WIRE_WHOLE, /* all that is there */
    WIRE_HALVES /* a body goes out in two, with answers between */
};
enum world_inject {
    INJECT_NONE,
    INJECT_REFUSE,    /* dialling fails */
    INJECT_CUT,       /* after write number `at` */
    INJECT_MUTE,      /* from then on the peer says nothing */
    INJECT_TIMER,     /* after callback number `at` the next timer fires */
    INJECT_CANCEL,    /* the host cancels what is open */
    INJECT_CLOSE,     /* close(0) */
    INJECT_STOP,      /* the same, and then it cancels what is open */
    INJECT_CLOSE_NOW, /* close(1) */
    INJECT_DIAL,      /* dial() itself fails */
    INJECT_FULL,      /* write number `at` is refused */
    INJECT_AGAIN,     /* read_body() number `at` is */
    INJECT_STATE,     /* value number `at` is not kept: there are too many */
    INJECT_MEMORY,    /* allocation number `at` of the module fails */
    /* the peer's words number `at`; mangle.c */
    INJECT_EARLY, /* the next ones come with them */
    INJECT_LONG,  /* 64 KiB more of a line */
    INJECT_NUL,   /* a NUL in the middle */
    INJECT_BARE,  /* lines end in LF */
    INJECT_WORDS  /* all of them, as the plan's bytes say */
};

struct world_plan { /* how a run is to be disturbed */
    enum world_wire wire;
    enum world_inject inject;
    uint32_t at;
    uint32_t copies; /* each session so many times at once; 0: once */
    bool lenient;    /* the script's verdicts do not hold */
    bool idle;       /* lend nothing */
    const unsigned char *bytes; /* of INJECT_WORDS */
    size_t byte_count;
};

struct kit_module {
    const char *path;
    struct impel_module m; /* a copy in structs of this size */
    struct impel_transport transport;
    struct impel_listener listener;
    struct impel_filter filter;
    struct impel_option *option; /* what m.options and m.counters point to */
    struct impel_counter *counter;
    bool has_transport, has_listener, has_filter;
    bool is_linked; /* into this program */
    void *ctx;
};

struct impel_instance {
    struct kit_module *module;
};
struct impel_scope {
    const struct impel_module *m;
    struct value *value; /* one for each option row */
};

struct peer {
    size_t at; /* the next step */
    bool failed, dropped;
    bool odd;            /* something came that is not what the script has */
    struct buf from, to; /* of the module, for the module */
    size_t given;        /* of `to`, from its beginning: the module has it */
    uint64_t said, delivered;
    uint64_t accepted[SCRIPT_MAX_MESSAGES]; /* offset in what was said */
    int64_t wake;                           /* of STEP_WAIT; 0: none */
    const struct script_message *awaiting;
    size_t early; /* the step that was said before its time; 0: none */
    uint64_t early_said;
};

/* Listeners: whom a session or a message is of, as far as the module said. */
struct client {
    struct buf addr, helo, login, proto;
    uint32_t port;
    bool helo_said;
};

/* Filters: what was told, and what came of it. */
struct filter_side {
    const struct script_act *act; /* told last */
    struct impel_step step;
    struct impel_peer client;
    struct impel_sender sender;
    struct impel_pair *field;
    bool asked;   /* the step is to be answered */
    bool leaving; /* ready() or closed() are due */
    bool absent;  /* was answered */
    bool over;    /* not what the script had: nothing more of it is told */
    bool body, again;
    struct buf pending, changes; /* in words, a line each; those that hold */
};

enum session_state {
    SESSION_NONE,
    SESSION_LIVE,
    SESSION_CLOSED,
    SESSION_RELEASED
};
struct impel_session {
    struct world *world;
    const struct script_session *script;
    enum session_state state;
    void *s;
    int number;
    struct impel_peer address;
    struct buf in, out, rest; /* rest: behind half a body */
    struct peer peer;
    bool dialled, connected, lost, cut, full;
    bool input_queued, halved, tls, tls_asked, tls_failed, redialled;
    bool tls_verified, tls_need;
    const char *alpn; /* what dial() offered first, lent */
    bool close_asked, draining, probing;
    uint32_t ready;
    size_t open_count, act;
    struct impel_batch *body_of; /* send_body() whose EV_BODY is due */
    bool armed[WORLD_TIMERS];
    int64_t due[WORLD_TIMERS];
    bool has_why;
    struct script_want why;
    struct buf why_text;
    size_t received;
    struct client client;
    struct filter_side filter;
};

struct report {
    int times;
    struct script_want got;
    struct buf text;
};
struct impel_batch {
    struct world *world;
    struct impel_session *session;
    const struct script_message *message;
    struct impel_envelope envelope;
    const struct impel_rcpt **rcpt;
    struct report *report;
    size_t left;
    struct buf form[4];
    bool again, cancelled;
    void *set;
};

struct impel_incoming {
    struct world *world;
    struct impel_session *session;
    uint64_t tag;
    size_t number; /* among those the session has committed, later */
    struct buf sender, body;
    size_t rcpt_count, taken;
    struct buf *rcpt;
    bool *refused;
    struct client client;
    bool has_sender, committed, final, done, again;
    struct buf key, keep; /* of commit() and keep(); key empty: none */
};

struct world_value { /* values.c */
    struct buf key, is;
    bool present;
};
struct event {
    struct event *next;
    struct impel_session *session;
    struct impel_batch *batch;
    int kind; /* IMPEL_EV_*, or one of EVENT_* */
    int64_t arg, due;
    bool late;
    void (*fn)(void *);
    void *fn_arg;
    impel_fetched_f *fetched; /* EVENT_FETCHED */
    const struct script_fetch *fetch;
    uint64_t tag; /* EVENT_VERDICT */
    size_t rcpt;
    int stage;
    const struct script_want *say;
};
enum {
    EVENT_INPUT = 100,
    EVENT_VERDICT,
    EVENT_POST,
    EVENT_REST,
    EVENT_FETCHED
};

struct world {
    struct kit_module *module;
    struct script *script;
    struct world_plan plan;
    struct impel_instance instance;
    struct impel_scope scope;
    uint64_t serial; /* no two worlds have the same tokens */
    int64_t now;
    struct event *first, **last;
    size_t session_count, batch_count, incoming_count, started;
    struct impel_session **session;
    struct impel_batch **batch;
    struct impel_incoming **incoming;
    uint32_t writes, callbacks, reads, words, allocations, values_made;
    size_t bytes_used;     /* of the plan's */
    bool injected, inside; /* inside: a callback runs */
    const char *doing;
    size_t value_count;
    struct world_value *value;
    uint64_t events;
    size_t fault_count;
    struct buf faults; /* a line each */
    struct buf transcript;
    struct buf slow; /* callbacks that took too long, a line each */
};

extern struct world *world_current; /* for now() and the watchdog */
extern const struct impel_host world_host;
extern const struct impel_intake world_intake;
extern const struct impel_filtering world_filtering;

/* Play the script to its end and check what must always hold; what the script
 * says must come out is checked unless the plan is lenient.  The world is kept
 * for reading until world_free(). */
struct world *world_play(
    struct kit_module *m, struct script *s, const struct world_plan *plan);
void world_free(struct world **w);

void world_fault(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void world_note(struct impel_session *s, const char *mark, const char *p,
    size_t n); /* a line of the transcript */
struct event *world_post(struct world *w, struct impel_session *s, int kind);
/* Calls of the host that may come from other threads. */
void world_posted(struct world *w, void (*fn)(void *), void *arg);
void world_wake(struct world *w, uint64_t token, int64_t arg);
/* callback.c */
bool world_callback_begin(struct world *w, const char *what);
void world_callback_end(struct world *w);

/* values.c: what state_put() and keep() have put, and the script's */
void values_begin(struct world *w);
void values_set(struct world *w, struct impel_str key, struct impel_str value);
/* Lent until it is set again; absent: there is none. */
struct impel_str values_get(struct world *w, struct impel_str key);
void values_free(struct world *w);

/* mangle.c: what the peer says in place of a text; whether it says what comes
 * next as well */
void mangle_say(struct world *w, const struct script_session *t,
    struct impel_str text, struct buf *to);
bool mangle_hurries(const struct world *w);

/* threads.c: modules may have threads, which may call three functions of the
 * host.  Whether this is the thread of the world; else that a function was
 * called which no other may call is kept for threads_take(). */
bool threads_may(const char *call);
bool threads_are_ours(void);
void threads_begin(void); /* this one is */
int threads_count(void);
/* In place of world_post(), from another thread. */
void threads_post(
    void (*fn)(void *), void *arg, uint64_t token, int64_t number);
/* What came from other threads becomes events and faults. */
bool threads_take(struct world *w);
/* The same when nothing else goes on: they have a moment of real time. */
bool threads_wait(struct world *w);

/* peer.c */
void peer_run(struct impel_session *s);
bool peer_is_done(const struct impel_session *s);
/* Hand bytes of the peer to the module's input, as the wire mode says. */
void peer_deliver(struct impel_session *s);
/* What the module has not been given yet, in octets; that is thrown away. */
size_t peer_left(const struct peer *peer);
void peer_forget(struct peer *peer);

/* filterside.c: the host's steps, as far as they may be told now; what came of
 * them against the script */
void filter_pump(struct impel_session *s);
void filter_verify(struct world *w, const struct impel_session *s);
void filter_free(struct impel_session *s);
void filter_close(struct impel_session *s, int now); /* world.c */

/* verify.c: results against rules and against the script */
void verify_result(struct impel_batch *b, size_t i,
    const struct impel_result *r, const char *call);
/* Whether a result makes sense at all; what: whose it is. */
void verify_shape(
    struct world *w, const char *what, const struct impel_result *r);
void verify_wanted(struct world *w, const char *what,
    const struct script_want *want, const struct impel_result *r);
void verify_why(struct impel_session *s, const struct impel_result *why);
void verify_always(struct world *w);
void verify_script(struct world *w);

#endif
