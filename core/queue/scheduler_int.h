/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_int.h - the inside of the scheduler, for the files of core/queue.
 *
 * One thread owns all of it.  Who hangs on whom:
 *
 *   scheduler -- zone (routing domain) -- queue -- parcel -- active -- message
 *             -- bindstate ---------------^   \--- outlet (session) -- batch
 */
#ifndef IMPEL_SCHEDULER_INT_H
#define IMPEL_SCHEDULER_INT_H

#include "base/cursor.h"
#include "base/heap.h"
#include "base/line.h"
#include "base/list.h"
#include "base/map.h"
#include "conf/generation.h"
#include "loop/defer.h"
#include "loop/timer.h"
#include "queue/delaydsn.h"
#include "queue/parcel.h"
#include "queue/retry.h"
#include "queue/scheduler.h"
#include "queue/values.h"
#include "queue/wait.h"
#include "route/resolve.h"
#include "route/way.h"
#include "spool/spool.h"
#include "xport/registry.h"
#include "xport/session.h"

enum {
    SCHED_FREE_RETURNS = 3,      /* in a row; then a delay with back-off */
    SCHED_AHEAD = 4,             /* batches lent beyond what is open */
    SCHED_RUN_MAX = 256,         /* parcels a queue handles in one turn */
    SCHED_LOADS_MAX = 256,       /* cold reads under way */
    SCHED_READ_COST = 32 << 10,  /* bytes of one, before there was any */
    SCHED_LINGER_MS = 60000,     /* of an empty queue */
    SCHED_PROBE_AFTER_MS = 1500, /* idling that asks for a probe: not in the
                                    rhythm of a throttle by the second */
    SCHED_RETRY_MS = 5000        /* for what has no better time */
};

struct tally { /* parcels of many queues: kept, so that nobody has to add up */
    uint64_t active, delayed, lent; /* each in one of the three */
};
struct bindgroup { /* all bindings of a group */
    char *name;
    struct limit limit; /* of connections */
};
struct scoped { /* scope_max_outbound_connections of one stanza */
    struct limit limit;
    char key[24];
    uint64_t refs; /* queues */
};
struct bindstate { /* one binding */
    struct list node;
    char *name;
    struct bindgroup *group;
    struct limit limit; /* of connections */
    uint64_t delivered, failed, transient, received;
    struct tally held;
    uint64_t strays; /* parcels that have left it since it has gone */
    bool leaving;    /* it has gone, and there was mail */
};
struct zone {           /* all queues of one routing domain */
    struct chain chain; /* of `zones` */
    struct list node, queues;
    uint64_t delivered, failed, transient;
    bool mixed; /* they differ in more than the binding */
    char name[];
};
struct throttle { /* see throttle.h */
    struct scheduler *s;
    struct tokens tokens;
    struct line waiting;
    int64_t granted; /* tokens promised to queues that were woken for them */
    bool last_first; /* who gets one more than the others */
    int64_t turns, turned_at; /* left for who has to connect; as of when */
    struct timer timer;
    char key[40];
    uint64_t generation;
};

/* How a method is served; looked up once for each generation. */
struct carrier {
    char *method;
    struct module_found found;
    uint64_t generation;
    int64_t asked_at;
};

struct said {              /* few queues ever have any: said_get() */
    struct result hold;    /* why it holds */
    struct result why;     /* of the last failed connection; for a sweep: what
                              each parcel gets */
    int64_t hold_until;    /* monotonic; RETRY/ROUTE */
    int64_t failing_since; /* monotonic; 0: it works */
    uint64_t failures;     /* connections in a row that did not come up */
};

/* What a queue has while it works: parcels in memory, sessions, a place in a
 * line.  One that only waits for times has none of its own, and there may be
 * hundreds of thousands: it is seen through `busy`, and changed through
 * busy_get(), which makes it. */
struct busy {
    struct queue *queue;
    struct waiter waiter; /* for a limit or a throttle */
    struct domain *record;
    struct rollup *rollup; /* or NULL */
    uint32_t charges;      /* failed connections whose parcel has to pay */
    uint32_t grant;        /* tokens of the throttle it was woken from */

    /* parcels */
    struct list ready; /* struct active with content */
    uint64_t ready_count, loading, lent;
    struct list *scan_ready; /* how far the look for old ones has come in
                                `ready`, */
    size_t scan_at;          /* and in `delayed` */
    int64_t scan_first;      /* wall; the earliest expiry it has seen */
    struct list *delay_ready;
    size_t delay_scan; /* as scan_at and scan_first, for notices of delay */
    int64_t delay_first;
    uint64_t delay_loads;

    /* sessions */
    struct list outlets;
    struct list roomy; /* those that take more, the newest first */
    uint64_t outlet_count, opening;
    int64_t review_at; /* monotonic; when to look at them (review.h) */
};

struct queue { /* there may be hundreds of thousands (test-resident) */
    uint32_t magic;
    uint16_t port, gateway_port;
    int method;
    enum wait_reason reason : 8; /* explain */
    bool by_gateway : 1;
    bool misfit : 1;    /* its routes are for another method (route/fit.h) */
    bool parked : 1;    /* it waits long: nothing of it is kept in memory */
    bool turn_kept : 1; /* it has its turn once it is connected (throttle.h) */
    bool reserve : 1;   /* it may use the reserve in its next run */
    unsigned tls : 2;   /* enum message_tls: of all of its mail */
    bool stray : 1;     /* its binding is not in the configuration any more */
    bool sweep : 1;     /* all active parcels are being delayed */
    bool scanning : 1, delay_scanning : 1;     /* such a look is under way */
    bool review_worked : 1, review_closed : 1; /* is a reason for a review */
    struct scheduler *s;
    struct chain chain; /* of `queues` */
    struct list node, zone_node, dirty_node;
    struct zone *zone;
    struct bindstate *binding;
    struct queue *twin; /* ring of those with its binding, or NULL */
    struct carrier *carrier;
    const struct busy *busy;
    struct said *said; /* what was said of it, or NULL */

    /* as of the generation it has adopted */
    struct generation *generation;
    uint64_t overrides; /* the number of their last change */
    const struct scope *scope;
    const struct queue_values *opt;
    struct throttle *messages, *connections; /* or NULL */
    struct scoped *scoped;                   /* or NULL */

    /* parcels */
    struct heap delayed;
    uint32_t overflow; /* in `delayed` with PARCEL_DUE */
    uint32_t failing;
    uint32_t gather_head, gather_tail; /* scheduler.c: recipients by queue */
    struct heap_node wake;             /* monotonic ms */
    int64_t expire_at;  /* monotonic; when to look for old ones; 0: never */
    int64_t delay_at;   /* monotonic; when to look for notices; 0: never */
    int64_t delay_rest; /* monotonic; and not before */

    int64_t since, until; /* of the reason; monotonic; until 0: not known */
    uint64_t delivered, failed, transient;
};

#define OUTLET_STATES(X) \
    X(OPENING, "connecting") \
    X(OPEN, "open") \
    X(IDLE, "idle") \
    X(PROBING, "probing") \
    X(CLOSING, "closing")
#define OUTLET_STATE_ID(id, text) OUTLET_##id,
enum outlet_state { OUTLET_STATES(OUTLET_STATE_ID) OUTLET_STATE_COUNT };

struct outlet { /* the scheduler's view of a session */
    uint32_t magic;
    enum outlet_state state;
    struct scheduler *s;
    struct session *session;
    struct queue *queue;
    struct list node;       /* of the queue's outlets */
    struct list roomy_node; /* of the queue's roomy */
    struct list idle_node;  /* of those with the same key */
    struct list all_idle_node;
    struct list every_node; /* of all_outlets */
    struct list lent;       /* struct active */
    struct hop hop;
    enum hop_standing standing; /* at the last review */
    struct way way;             /* it left by */
    char *key;                  /* what a sibling must have in common */
    char *greets;               /* of greeting.h, or NULL */
    char *tls;                  /* xport/tlspolicy.h, or NULL */
    uint32_t overtook;          /* likewise */
    unsigned io;
    bool bad;       /* the address is to be marked */
    bool worked;    /* it was ready once */
    bool draining;  /* no more for it */
    bool stop;      /* give back what it holds and close it */
    bool did;       /* a message has got an outcome here */
    bool counted;   /* in a report of TLS */
    bool watched;   /* MTA-STS, testing: how it came out was looked at */
    bool ahead;     /* what is back was not begun, but others have one */
    char addr[108]; /* of the peer, or the path of its socket; for logs */
    uint32_t open, lent_count;
    uint64_t deliveries, recipients, batches;
    int64_t opened_at, idle_since;
    int64_t bad_for; /* ms that the peer asked for, when it was bad */
    struct timer timer;
    uint64_t id;
};

struct active {       /* a parcel in memory */
    struct list node; /* of the queue's ready, the outlet's lent, or the
                         scheduler's loading */
    struct parcel *parcel;
    struct message *message; /* NULL while it is read */
    struct batch *batch;
    struct outlet *outlet;
    struct charge *charge; /* what its throttles were charged, or NULL */
    struct load *load;     /* being read */
    struct queue *home;    /* of a parcel in a shared queue (rollup.h) */
    struct list away_node; /* of its home's */
    struct doom *doom;     /* an operator's word, once it comes back; or NULL */
    struct mover *mover;   /* likewise, to another queue: move.h; or NULL */
};

struct idle { /* outlets of one key without work */
    char *key;
    struct list outlets;
};

struct pause {       /* see pause.h */
    char alarm[200]; /* the spool's; empty: well */
    bool behind;     /* too many results wait for the disk */
    struct timer timer;
};

struct overriding { /* see overriding.h */
    struct overrides *all;
    struct timer timer;   /* of the one that ends first */
    bool walking, again;  /* all queues are being looked at, and once more */
    uint64_t put, stored; /* values for the disk, and those that are there */
    struct list waits;    /* struct overriding_wait */
    struct timer remake_timer;
    size_t most;    /* overlays of a generation before it is made again */
    uint64_t since; /* generation_overrides() when it was, or most changed */
    void (*remake)(void *arg);
    void *remake_arg;
};

struct importing { /* see import.h */
    struct import *running;
    struct import_range {
        uint64_t source, from, to;
    } * range; /* void ones that recovery empties */
    size_t range_count;
    uint64_t dropped;
};

struct settling { /* see settle.h */
    struct list waits;
    uint64_t asked, stored; /* barriers */
};

struct scheduler {
    uint32_t magic;
    struct loop *loop;
    struct loop *const *io;
    unsigned io_count;
    uint64_t *io_sessions; /* for each loop */
    struct spool *spool;
    struct dns *dns;
    struct resolver *resolver;
    struct generation *generation;
    struct spool_events spool_events;

    struct parcels parcels;
    struct slab actives, queue_slab, busy_slab;
    struct bins bins;     /* zones, and what queues have besides */
    struct chains queues; /* by binding, zone, method and port */
    struct chains zones;  /* by name */
    struct list all_queues;
    struct map bindings, bindgroups, throttles, carriers, idle;
    struct map values; /* of queues, by generation and scope */
    struct map scoped;
    struct list all_zones, all_bindings;
    struct list all_idle; /* outlets, the longest first */
    struct list all_outlets;
    struct heap wakes;
    struct timer wake_timer, more_timer;
    int64_t wake_armed;
    struct list dirty;
    struct defer turn;
    uint64_t runs;       /* of queues */
    struct limit server; /* of connections */
    int64_t reserve, reserve_every;
    struct timer reserve_timer;
    uint64_t last_connection;

    uint64_t loads;        /* cold reads under way */
    uint64_t reading;      /* parcels LOADING: they come to be resident, */
    uint64_t reading_cost; /* each with about so many bytes */
    int64_t read_room;     /* bytes that may be read ahead */
    struct list load_wait; /* struct load */
    struct list loading;   /* struct active of parcels LOADING */
    uint64_t notices;      /* messages made here, under way */
    struct list lates;     /* struct late */
    struct defer late_turn;
    uint64_t jobs; /* bulk work under way */
    uint64_t resident_bytes, resident_messages;
    int64_t resident_limit, resident_limit_bytes;
    bool tight;             /* memory_goal is passed */
    bool rolls;             /* some host stanza says rollup_mx */
    bool default_suspended; /* default_binding */

    int64_t delay_since; /* wall; notices due until then were written */
    struct timer delay_timer;

    struct scheduler_stats stats;
    struct tally held;
    struct list cursors;    /* over the lists above; base/cursor.h */
    struct list moves;      /* struct move */
    struct move *stray;     /* of mail whose binding has gone, or NULL */
    struct line stray_line; /* queues of such mail, until there is room */
    struct buf scratch;
    struct pause pause;
    struct overriding overriding;
    struct settling settling;
    struct importing importing;
    struct tlsrpt *tlsrpt;

    bool draining, drained_told, closing, turning;
    struct timer drain_timer;
    struct defer drain_defer;
    void (*drained)(void *arg);
    void *drained_arg;
};

/* scheduler.c */
void scheduler_kick(struct scheduler *s); /* dirty queues run this turn */
/* All queues with something in them run soon; why: the job's name. */
void scheduler_kick_all(struct scheduler *s, const char *why);
void scheduler_arm(struct scheduler *s); /* the timer of `wakes` */
void scheduler_check_drained(struct scheduler *s);
/* A message that is on disk gets its parcels. */
void scheduler_take(struct scheduler *s, const struct found *f);

#endif
