/* SPDX-License-Identifier: Apache-2.0
 *
 * impel/module.h - all that a transport, listener or filter module may rely on.
 *
 * UNITS      Times are int64_t milliseconds on a monotonic clock; sizes are
 *            bytes; ports are in host byte order; text is UTF-8.
 * ERRORS     A function returning int gives 0 or a negative IMPEL_E_* and, when
 *            it takes a struct impel_error, one sentence for the operator.
 *            A callback that fails leaves nothing behind to be freed.
 * OWNERSHIP  Arguments are lent for the call; an envelope is lent until its
 *            last recipient is reported; a peer and a scope until release().
 *            Neither side ever frees what the other allocated.
 * LOOP       A session lives on one I/O loop; its callbacks run there, one at a
 *            time, and never block.  Sessions of one module may run on several
 *            loops at once: what they share the module guards.  Host functions
 *            never call back: what follows from them arrives later, as an
 *            event, and input() keeps still until the callback returns.  After
 *            closed() the module touches nothing more and receives release()
 *            only.  From other threads: log(), post(), wake(), nothing else.
 * GROWTH     Frozen as 1.0.  Nothing moves, and nothing gets another meaning,
 *            within a major.  A minor adds at ends: new values, and members of
 *            types marked (grows), which carry their size: IMPEL_HAS() before
 *            reading what a later minor added; arrays of them hold pointers or
 *            travel with a stride.  Events that a module does not know it
 *            ignores; nothing else that is new is asked of one whose stamp is
 *            older.  Reserved members are 0.  Padding is spelled out (built
 *            with -Wpadded, for 64 and for 32 bits).  No enum, bool, long,
 *            bit-field, time_t or third-party type crosses this line.
 */
#ifndef IMPEL_MODULE_H
#define IMPEL_MODULE_H

#include <stddef.h>
#include <stdint.h>

/* 1.0  first public version */
#define IMPEL_ABI_MAGIC 0x696d7031u
#define IMPEL_ABI_MAJOR 1 /* +1: something removed, moved or redefined */
#define IMPEL_ABI_MINOR 0 /* +1: something added at an end */
/* The minor without which a module is of no use: older hosts refuse it.  Who
 * looks with IMPEL_HAS() before all that is newer may define an older one. */
#ifndef IMPEL_ABI_NEED
#define IMPEL_ABI_NEED IMPEL_ABI_MINOR
#endif

#define IMPEL_HAS(type, p, field) \
    ((p)->size >= offsetof(type, field) + sizeof(((type *)0)->field))

#if defined(__GNUC__)
#define IMPEL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define IMPEL_EXPORT __attribute__((visibility("default")))
#else
#define IMPEL_PRINTF(f, a)
#define IMPEL_EXPORT
#endif
#if defined(__cplusplus)
#define IMPEL_EXTERN extern "C"
#else
#define IMPEL_EXTERN extern
#endif

struct impel_instance; /* this module in this process        */
struct impel_scope;    /* inherited option values, frozen    */
struct impel_session;  /* one conversation with one peer     */
struct impel_batch;    /* one message for some recipients    */
struct impel_incoming; /* one message on its way in          */

/* Frozen for ever. */
struct impel_abi {
    uint32_t magic;
    uint16_t major, minor;
};
struct impel_str {
    const char *p; /* not NUL-terminated; NULL: absent */
    size_t n;
};
struct impel_pair {
    struct impel_str key, value;
};
struct impel_error {
    int32_t code;
    char text[252];
};
enum { /* a value is never reused */
    IMPEL_E_INVAL = -1,
    IMPEL_E_NOMEM = -2,
    IMPEL_E_AGAIN = -3, /* not now: an event follows */
    IMPEL_E_FULL = -4,  /* output is above the high-water mark */
    IMPEL_E_CLOSED = -5,
    IMPEL_E_UNSUP = -6
};
enum { /* of log() */
    IMPEL_LOG_DEBUG,
    IMPEL_LOG_INFO,
    IMPEL_LOG_NOTICE,
    IMPEL_LOG_WARNING,
    IMPEL_LOG_ERROR,
    IMPEL_LOG_CRITICAL
};

/* Declared by the module; parsed, checked, inherited, reloaded and documented
 * by the host.  BOOL to CHOICE read as int64_t.  An option is known by its row
 * in this module's table; the generation maps it to a value. */
enum {
    IMPEL_OPT_BOOL = 1,
    IMPEL_OPT_INT,
    IMPEL_OPT_SIZE,
    IMPEL_OPT_DURATION,
    IMPEL_OPT_PORT,
    IMPEL_OPT_CHOICE, /* reads as the index in choices */
    IMPEL_OPT_STRING,
    IMPEL_OPT_SECRET, /* a STRING that is never shown */
    IMPEL_OPT_LIST,
    IMPEL_OPT_DICT,
    IMPEL_OPT_IMPORT /* a core option, by name alone: tls, ehlo_timeout */
};
enum {
    IMPEL_SCOPE_GLOBAL = 1,
    IMPEL_SCOPE_GROUP = 2,
    IMPEL_SCOPE_BINDING = 4,
    IMPEL_SCOPE_DOMAIN = 8,
    IMPEL_SCOPE_OUTBOUND = 15,
    IMPEL_SCOPE_LISTENER = 16,
    IMPEL_SCOPE_LISTEN = 32,
    IMPEL_SCOPE_PEER = 64,
    IMPEL_SCOPE_HOST = 128
};
struct impel_option { /* (grows: option_size) */
    const char *name; /* as the operator writes it, module's name first */
    int32_t type;
    uint32_t scopes;
    const char *initial; /* as an operator would write it; NULL: unset */
    int64_t min, max;    /* inclusive; both 0: no bound */
    const char *const *choices;
    const char *brief;  /* one line, no full stop */
    const char *manual; /* paragraphs, or NULL */
    const char *since;
};
struct impel_counter { /* (grows: counter_size) */
    const char *name, *brief;
    int32_t gauge; /* 0: it only ever rises */
    int32_t reserved;
};

struct impel_peer { /* (grows) */
    uint32_t size;
    uint16_t port, reserved; /* port 0: the method's default */
    struct impel_str method; /* as configured: "ESMTP", "SMTP", "APN" */
    struct impel_str uri;    /* the route as configured, or absent */
    struct impel_str host;   /* to show, and to verify in certificates */
    struct impel_str addr;   /* chosen by route resolution; a path for unix */
    /* for set_peer(); p NULL: as before, empty: not known */
    struct impel_str helo, login; /* what the client said of itself */
    struct impel_str local;       /* the address it had connected to */
    uint16_t local_port, reserved2[3];
};
enum { IMPEL_TLS_NONE, IMPEL_TLS_NOW, IMPEL_TLS_LATER };
struct impel_dial { /* (grows) */
    uint32_t size;
    uint16_t port, tls;
    /* outbound: what to offer when IMPEL_TLS_NOW, NULL-ended, or NULL; what
     * was agreed on says INFO_ALPN: look at it, a host may know none */
    const char *const *alpn;
    /* filters: an IP address or the path of a Unix socket */
    struct impel_str addr;
};
/* What is known of a session: info(). */
enum {
    IMPEL_INFO_ALPN = 1,
    IMPEL_INFO_TLS_VERSION,
    IMPEL_INFO_TLS_CIPHER,
    IMPEL_INFO_TLS_PEER,    /* verified identity, or absent */
    IMPEL_INFO_TLS_HOW,     /* "dane", "sts", "host", "ca", "none" */
    IMPEL_INFO_TLS_BINDING, /* channel binding, RFC 9266 */
    IMPEL_INFO_LOCAL_ADDR,
    IMPEL_INFO_PEER_ADDR,
    IMPEL_INFO_EHLO_NAME,
    IMPEL_INFO_TLS_ERROR, /* why it failed last, or absent */
    IMPEL_INFO_TLS_MAY,   /* listeners: present if start_tls() would begin,
                           * had all input been consumed */
    IMPEL_INFO_TLS_NEED   /* "requiretls": of all that is to be delivered
                           * here, or absent */
};

enum {
    IMPEL_NEED_8BIT = 1,
    IMPEL_NEED_UTF8 = 2,
    IMPEL_NEED_TLS = 4,
    IMPEL_NEED_BINARY = 8 /* lines may be of any length and end anyhow */
};
/* What a deadline means to those further on (RFC 2852); 0: nothing, the mail
 * fails here when it has passed. */
enum {
    IMPEL_BY_NOTIFY = 1, /* nothing fails: its sender is told */
    IMPEL_BY_RETURN = 2, /* only hosts that keep it too may have the mail */
    IMPEL_BY_TRACE = 4   /* who hands it on says so */
};
enum { /* RFC 3461 NOTIFY, bits; 0: not given */
    IMPEL_NOTIFY_NEVER = 1,
    IMPEL_NOTIFY_SUCCESS = 2,
    IMPEL_NOTIFY_FAILURE = 4,
    IMPEL_NOTIFY_DELAY = 8
};
enum { IMPEL_RET_HDRS = 1, IMPEL_RET_FULL = 2 }; /* RET; 0: not given */
struct impel_rcpt {                              /* (grows) */
    uint32_t size;
    uint32_t notify; /* IMPEL_NOTIFY_* */
    struct impel_str address, original;
    /* its place among the message's recipients, the same in each attempt, and
     * after a restart; id and number name a recipient */
    uint32_t number, reserved;
};
struct impel_envelope { /* (grows) */
    uint32_t size;
    uint32_t needs; /* fail what you cannot keep */
    struct impel_str id, sender, envid;
    int64_t received, deadline; /* wall clock; deadline 0: none */
    int32_t ret, attempt;
    size_t rcpt_count;
    const struct impel_rcpt *const *rcpt;
    /* whom the message came from, as far as it is known; all absent: it was
     * made here */
    struct impel_str client_addr, client_name, client_helo, client_login;
    struct impel_str client_proto; /* "esmtp", "smtp" ... */
    uint32_t client_port;          /* 0: not known */
    uint32_t by;                   /* IMPEL_BY_*, of the deadline */
};

enum { IMPEL_DELIVERED = 1, IMPEL_RETRY, IMPEL_FAILED, IMPEL_UNTRIED };
enum { /* blame: how far the queue may generalise */
    IMPEL_BLAME_RCPT = 1,
    IMPEL_BLAME_MESSAGE,
    IMPEL_BLAME_SESSION,
    IMPEL_BLAME_HOST,
    IMPEL_BLAME_ROUTE
};
enum { /* stage */
    IMPEL_AT_CONNECT = 1,
    IMPEL_AT_TLS,
    IMPEL_AT_LOGIN,
    IMPEL_AT_SENDER,
    IMPEL_AT_RCPT,
    IMPEL_AT_BODY,
    IMPEL_AT_FINAL,
    /* finer ones; who knows no better says CONNECT and BODY */
    IMPEL_AT_BANNER, /* connected, and the host has not greeted */
    IMPEL_AT_HELLO,  /* EHLO, HELO, LHLO */
    IMPEL_AT_CLIENT, /* XCLIENT */
    IMPEL_AT_RESET,  /* RSET before a message, or of an idle connection */
    IMPEL_AT_DATA    /* DATA was said, and the body has not begun */
};
enum { IMPEL_UNCERTAIN = 1 }; /* flags: the peer may have it all the same */
struct impel_result {         /* (grows) */
    uint32_t size;
    int32_t verdict, blame, stage;
    uint32_t flags;
    uint16_t code, status[3]; /* 250, 2.0.0; 0: none; HTTP codes welcome */
    int32_t reserved;
    int64_t retry_after;   /* what the peer asked for; <= 0: nothing */
    struct impel_str text; /* the peer's words unedited, or the module's */
    size_t info_count;     /* for the log: remote id, canonical id ... */
    const struct impel_pair *info;
};

/* Events, and what arg says.  batch is NULL but where one is named. */
enum {
    IMPEL_EV_CONNECTED = 1, /* TCP is up; TLS too when IMPEL_TLS_NOW */
    IMPEL_EV_TLS,           /* start_tls() is done: 0; or it failed, IMPEL_E_*,
                             * and the connection is of no use (no EV_LOST) */
    IMPEL_EV_INPUT,         /* input() holds more */
    IMPEL_EV_DRAINED,       /* output fell below the low-water mark; so does
                             * that of a large body, again and again */
    IMPEL_EV_BODY,          /* batch: read_body() goes on, send_body() done; a
                             * refusal may come before it, but never an answer
                             * to the last byte of the body */
    IMPEL_EV_TIMER,         /* the timer's number */
    IMPEL_EV_WAKE,          /* wake()'s arg */
    IMPEL_EV_LOST,          /* IMPEL_E_CLOSED or -errno; the connection is gone
                             * (or was refused); input() still holds what came.
                             * E_CLOSED of one who connected: he says no more,
                             * and may still be written to */
    IMPEL_EV_CREDIT,        /* listeners: body() may go on */
    IMPEL_EV_LOGIN          /* login() goes on */
};
/* Forms of a body, bits to be combined.  RAW: as stored, lines end in CRLF.
 * DOTTED: all that follows a 354, stuffed, with the final ".\r\n".  SEVENBIT:
 * re-encoded where needed.  body_size() is exact for each. */
enum { IMPEL_BODY_RAW, IMPEL_BODY_DOTTED, IMPEL_BODY_SEVENBIT };

struct impel_fetch { /* (grows) one HTTPS request beside the sessions */
    uint32_t size;
    int32_t timeout; /* ms */
    const char *method, *url;
    struct impel_str body;
    size_t header_count;
    const struct impel_pair *header;
};
struct impel_fetched { /* (grows) what came of it, lent for the call */
    uint32_t size;
    int32_t status;         /* of HTTP; 0: there is none */
    struct impel_str body;  /* with a status */
    struct impel_str error; /* without one: why */
};
typedef void impel_fetched_f(void *arg, const struct impel_fetched *);

/* One step of a login by SASL.  Mechanisms and secrets are the host's; a
 * module carries words between it and the peer, in base64 as they stand in the
 * protocol. */
struct impel_sasl { /* (grows) */
    uint32_t size;
    uint32_t end;               /* nothing more comes: see login() and sasl() */
    struct impel_str mechanism; /* the first step; else absent */
    struct impel_str in;        /* of the peer; absent: it has said nothing */
    struct impel_str out; /* for the peer, lent until the next step; absent:
                           * nothing is to be said */
};

struct impel_intake;
struct impel_filtering;
struct impel_host { /* (grows) what the module may call */
    struct impel_abi abi;
    uint32_t size, loops;
    /* any thread; a wake for a session that is gone is ignored */
    void (*log)(struct impel_instance *, struct impel_session *, int level,
        const char *fmt, ...) IMPEL_PRINTF(4, 5);
    int (*post)(
        struct impel_instance *, uint32_t loop, void (*fn)(void *), void *arg);
    int (*wake)(struct impel_instance *, uint64_t token, int64_t arg);
    /* a loop only: values */
    int64_t (*now)(void);
    /* is_set: a value stands, the operator's or the initial one */
    int (*opt_is_set)(const struct impel_scope *, uint32_t option);
    size_t (*opt_count)(const struct impel_scope *, uint32_t option);
    int64_t (*opt_int)(const struct impel_scope *, uint32_t option);
    struct impel_str (*opt_str)(
        const struct impel_scope *, uint32_t option, uint32_t item);
    struct impel_str (*opt_key)(
        const struct impel_scope *, uint32_t option, uint32_t item);
    void (*count)(struct impel_instance *, uint32_t counter, int64_t by);
    int (*fetch)(struct impel_instance *, const struct impel_fetch *,
        impel_fetched_f *, void *arg);
    /* small durable values of this module; quota per module.  expiry: wall
     * clock, 0: never.  An absent value and expiry < 0: forget it; it may be
     * back after a restart, until it expires as it was to, and costs nothing on
     * disk */
    int (*state_put)(struct impel_instance *, struct impel_str key,
        struct impel_str value, int64_t expiry);
    struct impel_str (*state_get)(struct impel_instance *, struct impel_str);
    /* the connection.  Before ready() one more dial() may follow: what was
     * there is dropped.  start_tls(): INVAL if there is unread input, which
     * came in clear */
    int (*dial)(struct impel_session *, const struct impel_dial *,
        struct impel_error *);
    int (*start_tls)(struct impel_session *, struct impel_error *);
    /* Outbound, from CONNECTED to ready().  First step: mechanism has all that
     * the peer offers, with blanks between, and comes back as the one to use.
     * 0: say out.  AGAIN: EV_LOGIN follows; the same once more, without
     * mechanism and in, has what is to be said.  UNSUP: nobody wants a login
     * here.  Else there can be none, and the error says why.  end: the peer
     * has said yes; 0: believe it. */
    int (*login)(
        struct impel_session *, struct impel_sasl *, struct impel_error *);
    struct impel_str (*input)(struct impel_session *);
    void (*consume)(struct impel_session *, size_t n);
    /* all of it, or IMPEL_E_FULL and nothing */
    int (*write)(struct impel_session *, const void *, size_t n);
    struct impel_str (*info)(struct impel_session *, int what);
    uint64_t (*token)(struct impel_session *); /* for wake() */
    /* numbers 0 to 15, each fires once; set again replaces; after < 0 stops */
    void (*timer)(struct impel_session *, int number, int64_t after);
    /* the batch */
    int64_t (*body_size)(struct impel_batch *, int form);
    int64_t (*read_body)(
        struct impel_batch *, int form, uint64_t at, void *, size_t n);
    int (*send_body)(struct impel_batch *, int form); /* replies may overtake */
    /* a context value; "binding": what was assigned as it came; or absent */
    struct impel_str (*meta)(struct impel_batch *, const char *key);
    void (*batch_set)(struct impel_batch *, void *);
    void *(*batch_get)(struct impel_batch *);
    /* open: how many batches may be open at once from now on, those in
     * delivery included (absolute, so it may shrink).  It stands until changed
     * (a batch does not use it up: who needs a pause between two says 0 before
     * the last report), and is 0 after probe().  draining: finish what is open,
     * lend no more, open a replacement */
    void (*ready)(struct impel_session *, uint32_t open);
    void (*draining)(struct impel_session *);
    void (*rcpt_done)(
        struct impel_batch *, size_t, const struct impel_result *);
    void (*rest_done)(struct impel_batch *, const struct impel_result *);
    /* always the last call, after EV_LOST too, with no batch left open; why:
     * NULL when nothing went wrong */
    void (*closed)(struct impel_session *, const struct impel_result *why);
    /* structured log events: dead device, canonical id; and late reports about
     * an earlier message: a delivery report, a read reply */
    void (*event)(struct impel_instance *, struct impel_batch *,
        const char *name, size_t n, const struct impel_pair *);
    int (*report)(struct impel_instance *, struct impel_str id,
        struct impel_str rcpt, const struct impel_result *);
    /* EV_WAKE with that arg once all that this session has reported of
     * recipients until now is on disk: a crash does not undo it.  Nothing
     * follows if the session has gone, or the disk is lost.  Outbound only */
    int (*settle)(struct impel_session *, int64_t arg);
    const struct impel_intake *intake; /* NULL unless the module listens */
    const struct impel_filtering *filtering;
};

/* load, open, [dial .. CONNECTED ..] ready, deliver .. done, deliver .. done,
 * [idle, probe, ready ..] close, closed, release, unload. */
struct impel_transport { /* (grows) no NULL; ctx is load()'s, s is open()'s */
    uint32_t size;
    uint32_t reserved;
    int (*open)(void *ctx, struct impel_session *, const struct impel_scope *,
        const struct impel_peer *, void **s, struct impel_error *);
    void (*event)(void *s, struct impel_batch *, int event, int64_t arg);
    void (*deliver)(
        void *s, struct impel_batch *, const struct impel_envelope *);
    void (*cancel)(void *s, struct impel_batch *); /* report the rest UNTRIED */
    void (*probe)(void *s);          /* after idling; then ready() */
    void (*close)(void *s, int now); /* say goodbye; now: closed() at once */
    void (*release)(void *s);
};

/* Inbound: accepted (connected already, TLS too if NOW; no EV_CONNECTED comes)
 * instead of dialled, then the same session and events.  Several messages may
 * be open at once; tag is the module's name for one, not 0.
 * verdict: by tag, stage, and recipient (or all of them: SIZE_MAX), never
 * inside the call it answers.  DELIVERED means yes; FINAL and DELIVERED means
 * on disk, and the peer may be told.  greet() is answered with tag 0 at
 * CONNECT, sasl() with tag 0 at LOGIN, sender() at SENDER, recipient() at
 * RCPT with its index (refused ones are counted too), commit() at FINAL. */
struct impel_listener { /* (grows) no NULL */
    uint32_t size;
    uint16_t default_port, tls;
    int (*accepted)(void *ctx, struct impel_session *,
        const struct impel_scope *, const struct impel_peer *, void **s,
        struct impel_error *);
    void (*event)(void *s, struct impel_batch *, int event, int64_t arg);
    void (*verdict)(
        void *s, uint64_t tag, size_t rcpt, const struct impel_result *);
    void (*close)(void *s, int now);
    void (*release)(void *s);
};
struct impel_sender { /* (grows) */
    uint32_t size;
    uint32_t needs;
    int32_t ret;
    uint32_t by; /* IMPEL_BY_*, of the deadline */
    struct impel_str address, envid, auth;
    int64_t declared_size, hold_until, deadline; /* 0: not given */
};
/* greet, sasl, sender, recipient and commit end in one verdict() each, unless
 * they fail at once or the message is abandoned first.  After the FINAL verdict
 * and after abandon() the message is gone.  Each that was begun is committed or
 * abandoned before closed(). */
struct impel_intake { /* (grows) */
    uint32_t size, reserved;
    int (*greet)(struct impel_session *, struct impel_str name);
    /* What the peer may log in by now, with blanks between; absent: nothing.
     * Ask when they are offered. */
    struct impel_str (*mechanisms)(struct impel_session *);
    /* A login of the peer's.  0: say out.  AGAIN: verdict() follows, tag 0,
     * stage LOGIN, and the exchange is over.  UNSUP: no such mechanism; INVAL:
     * not now.  end: the peer has given it up. */
    int (*sasl)(
        struct impel_session *, struct impel_sasl *, struct impel_error *);
    /* Speak for another client, as XCLIENT does: its options hold from then on
     * (scope stays the same pointer) and it has not greeted yet.  addr: p NULL
     * as before, empty unknown; port as it is then, 0 unknown.
     * peer NULL: only asks whether this peer may.
     * 0: done.  AGAIN: done, and verdict() follows, tag 0, stage CONNECT: there
     * is no place for that client now.  UNSUP: it may not; INVAL: no address,
     * no name; CLOSED: a message is open: nothing has changed. */
    int (*set_peer)(struct impel_session *, const struct impel_peer *);
    struct impel_incoming *(*begin)(struct impel_session *, uint64_t tag);
    int (*sender)(struct impel_incoming *, const struct impel_sender *);
    int (*recipient)(struct impel_incoming *, const struct impel_rcpt *);
    int (*set_meta)(struct impel_incoming *, struct impel_str key,
        struct impel_str value); /* "protocol"; of trusted_peers also
                                  * "binding" and context, else UNSUP */
    /* RAW bytes; all are taken, or none: AGAIN, and EV_CREDIT follows */
    int (*body)(struct impel_incoming *, const void *, size_t n);
    /* The value of commit()'s key and when it expires (wall clock; 0: never),
     * as of state_put().  Before commit(); empty if this is not called */
    int (*keep)(
        struct impel_incoming *, struct impel_str value, int64_t expiry);
    /* key: absent, or what makes a resend of this message known: state_get()
     * of it gives keep()'s value, on disk with the message or not at all, from
     * the FINAL verdict on.  Two messages with one key are not committed at
     * once */
    int (*commit)(struct impel_incoming *, struct impel_str key);
    void (*abandon)(struct impel_incoming *);
    /* the module has refused something itself, for its syntax or a limit of its
     * own: for the log of refusals.  rcpt: whom it was for, or empty */
    void (*refused)(struct impel_session *, struct impel_str rcpt,
        const struct impel_result *);
    /* 1: who has connected may send to any domain */
    int (*may_relay)(struct impel_session *);
};

/* Filters sit beside inbound sessions and judge what is received, each in a
 * session of its own, which dials where it likes.  open, step .. answer, step
 * .. answer, LEAVE, ready(1): step ..; close, closed, release.
 *
 * A step is lent until it is answered, and only then comes the next.  ABANDON
 * and LEAVE have no answer; they come only when nothing is to be answered.
 * CONNECT and GREET tell of a client, SENDER begins a message, END or ABANDON
 * ends it.  What the host has not stored yet is told as HEADER (all fields),
 * BODY (in pieces) and END when the client has sent it all, behind the changes
 * of the filters before.  After LEAVE a session is ready(1) for another client,
 * or closed(). */
enum {
    IMPEL_STEP_CONNECT = 1,
    IMPEL_STEP_GREET, /* may come again */
    IMPEL_STEP_SENDER,
    IMPEL_STEP_RCPT, /* those that the host would take */
    IMPEL_STEP_HEADER,
    IMPEL_STEP_BODY,
    IMPEL_STEP_END, /* changes, then the answer */
    IMPEL_STEP_ABANDON,
    IMPEL_STEP_LEAVE
};
enum { /* answers */
    IMPEL_GO_ON = 1,
    IMPEL_ENOUGH,  /* at BODY: no more of it, but END */
    IMPEL_PASS,    /* nothing more of the message; at CONNECT and GREET: of the
                    * client */
    IMPEL_ABSENT,  /* the filter is out of order; what it has changed is
                    * forgotten.  Without a result it shall not matter, as PASS;
                    * else each message is refused until it is back */
    IMPEL_REFUSE,  /* as the result says; at CONNECT: each message */
    IMPEL_HANG_UP, /* the same, and the client's session ends */
    IMPEL_DISCARD  /* the client is told yes, and nothing is stored */
};
struct impel_step { /* (grows) */
    uint32_t size;
    int32_t step;
    const struct impel_peer *client; /* at all but LEAVE; helo, login */
    struct impel_str proto;          /* "esmtp"; from SENDER on */
    struct impel_str tls_version, tls_cipher, tls_peer; /* absent: in clear */
    struct impel_str id;               /* the message's, from HEADER on */
    const struct impel_sender *sender; /* from SENDER on, as it was said */
    const struct impel_rcpt *rcpt;     /* RCPT */
    /* HEADER: value is all behind the colon, folded as it came, without the
     * last CRLF; no NUL in it */
    size_t field_count;
    const struct impel_pair *field;
    struct impel_str body; /* BODY */
    /* with which the client has proven its login; absent: it has not */
    struct impel_str mechanism;
    struct impel_str tls_issuer; /* of tls_peer's certificate */
};
struct impel_filter { /* (grows) no NULL */
    uint32_t size, reserved;
    /* The filters that a scope asks for, from 0 on: what to call it in logs;
     * absent: no more.  Lent as the scope is. */
    struct impel_str (*name)(
        void *ctx, const struct impel_scope *, uint32_t index);
    int (*open)(void *ctx, struct impel_session *, const struct impel_scope *,
        uint32_t index, void **s, struct impel_error *);
    void (*event)(void *s, struct impel_batch *, int event, int64_t arg);
    void (*step)(void *s, const struct impel_step *);
    void (*close)(void *s, int now);
    void (*release)(void *s);
};
/* Changes are for the message at END, and hold if the answer is GO_ON or PASS.
 * 0; INVAL: no field, no address, or not now; FULL: too much of it.  Lines of a
 * value end in LF or CRLF and go on with a blank; others are mended. */
enum { IMPEL_LAST_FIELD = -1 };
struct impel_filtering { /* (grows) */
    uint32_t size, reserved;
    /* r: for REFUSE, HANG_UP and ABSENT; its text is what the client is told.
     * ABSENT is also taken without a step: what holds for the rest of the
     * message, as the filter is lost. */
    void (*answer)(
        struct impel_session *, int answer, const struct impel_result *r);
    /* at: 0 above all, also above what the host adds; n before the nth that
     * was shown; LAST_FIELD behind all */
    int (*add_field)(struct impel_session *, int64_t at, struct impel_str name,
        struct impel_str value);
    /* The nth of that name, from 1 on; value absent: it goes.  One that is not
     * there is added behind all. */
    int (*change_field)(struct impel_session *, uint32_t nth,
        struct impel_str name, struct impel_str value);
    /* In place of the whole body, piece by piece.  AGAIN: not taken, EV_CREDIT
     * follows. */
    int (*replace_body)(struct impel_session *, const void *, size_t n);
    int (*set_sender)(struct impel_session *, const struct impel_sender *);
    int (*add_rcpt)(struct impel_session *, const struct impel_rcpt *);
    int (*remove_rcpt)(struct impel_session *, struct impel_str address);
};

enum { /* impel_module.flags */
    /* outbound sessions dial with IMPEL_TLS_NOW whatever the option tls says,
     * and hosts are verified by name unless tls_verify is written out */
    IMPEL_MODULE_TLS = 1
};
struct impel_module { /* (grows) abi first: it guards the rest */
    struct impel_abi abi;
    uint32_t size, option_size, counter_size;
    uint32_t flags, option_count, counter_count;
    const char *name, *version, *brief;
    const char *const *methods;   /* delivery_method values served */
    const char *const *schemes;   /* route schemes served: "smtp" */
    const char *const *listeners; /* stanzas served: "ESMTP_Listener" */
    const struct impel_option *options;
    const struct impel_counter *counters;
    int (*load)(const struct impel_host *, struct impel_instance *, void **ctx,
        struct impel_error *);
    /* these two may be NULL */
    int (*check)(void *ctx, const struct impel_scope *, struct impel_error *);
    void (*unload)(void *ctx);
    const struct impel_transport *transport; /* any of the three may be NULL */
    const struct impel_listener *listener;
    const struct impel_filter *filter;
};

/* libltdl finds NAME_LTX_impel_module in NAME.so and in a static link alike. */
#define IMPEL_MODULE(id) \
    IMPEL_EXTERN IMPEL_EXPORT const struct impel_module id##_LTX_impel_module; \
    const struct impel_module id##_LTX_impel_module
/* First in the braces of IMPEL_MODULE, as C++ wants. */
#define IMPEL_MODULE_STAMP \
    .abi = {IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR, IMPEL_ABI_NEED}, \
    .size = sizeof(struct impel_module), \
    .option_size = sizeof(struct impel_option), \
    .counter_size = sizeof(struct impel_counter)

#endif
