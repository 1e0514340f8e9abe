/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_world.h - a scheduler between layers that a test plays by hand: a
 * spool in memory, a resolver with a table, sessions that do as they are told.
 * The clock stands still until the test moves it.
 */
#ifndef IMPEL_QUEUE_WORLD_H
#define IMPEL_QUEUE_WORLD_H

#include "unit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/xmem.h"
#include "queue/queue.h"
#include "xport/session.h"

enum { WORLD_WALL = 1700000000 }; /* s; where the clock begins */

struct world {
    struct loop *loop;
    struct generation *generation;
    struct scheduler *s;
    int remakes; /* of the generation */
};
extern struct world world;

/* conf: text in ecelerity.conf notation. */
void world_begin(const char *conf);
void world_end(void);
/* The scheduler goes, and another comes; the store's values stay. */
void world_restart(const char *conf);
void world_configure(const char *conf); /* a new generation */
/* Turns until nothing happens any more. */
void world_run(void);
void world_advance(int64_t ms); /* then runs */
/* A message from `sender` to space-separated recipients; accepted. Its id. */
uint64_t world_accept(const char *sender, const char *rcpts);
uint64_t world_accept_for(
    const char *binding, const char *sender, const char *rcpts);
struct message *world_message(
    const char *binding, const char *sender, const char *rcpts);
void world_give(struct message *m);
struct queue *world_queue(const char *domain); /* of binding default */
struct parcel *world_parcel(uint64_t id);      /* the first, or NULL */
#define world_state(id) ((int)world_parcel(id)->state)

/* --- the spool --- */
struct fake_store {
    uint64_t accepts, finished, finished_all, attempts, loads;
    uint64_t last_finished;
    uint32_t last_count;
    struct { /* the last ATTEMPT */
        uint64_t id;
        uint32_t retries, rcpt_count, before;
        int64_t next;
        char domain[64], text[128], moved[128];
    } last;
    uint64_t unwritten; /* results that wait for the disk */
    int load_result;    /* of what is read */
    int accept_result;
    bool hold_loads; /* answer only when told */
    bool hold_places;
    bool hold_values; /* nor are these durable until told, barriers too */
    uint64_t barriers;
    char state[64]; /* the one value that is kept */
    uint64_t state_puts;
    struct { /* those of overrides */
        char key[200], text[600];
        int64_t expiry;
    } values[16];
    size_t value_count;
    struct buf awaited;  /* the one awaited value; p NULL: none */
    struct buf accepted; /* the content of the last message built here */
    struct message *last_accepted;
    struct buf attempted; /* "x.test:2 " for each ATTEMPT */
};
extern struct fake_store fake_store;
void fake_store_reset(void);
void fake_store_keep(struct message *m); /* so that it can be read again */
void fake_store_forget(uint64_t id);     /* as if it were finished */
void fake_store_answer(void);            /* the loads that were held */
void fake_store_place(void);             /* the ATTEMPTs that were held */
void fake_store_values(void);            /* the values that were held */
size_t fake_store_held(void);            /* how many of these there are */
struct content *fake_store_content(const char *text);

/* --- another spool, "/old" --- */
enum { FAKE_SOURCE_MOST = 8 };
struct fake_source {
    struct message *message[FAKE_SOURCE_MOST]; /* ids rise */
    size_t count;
    const char *text;          /* of each */
    uint64_t identity, unread; /* an id that cannot be read, or 0 */
    uint32_t retries;
    int64_t next_attempt;
};
extern struct fake_source fake_source;
void fake_source_reset(void); /* empty */

/* --- the resolver --- */
struct fake_host {
    const char *domain; /* of the record; NULL: any */
    const char *addr;   /* "192.0.2.1" */
    int limit;          /* connections; 0: none */
    bool paced;         /* has a throttle */
    bool throttled;     /* no message now */
    int open;
    int64_t down_until;
    int failures, worked;
    int in_a_row; /* failures */
};
enum { FAKE_HOSTS = 8 };
extern struct fake_host fake_hosts[FAKE_HOSTS];
extern struct line fake_line; /* of limits and throttles of hosts */
extern int fake_pick;         /* if not HOP_OK: what every pick says */
extern int fake_down_ms;      /* host_failure_retry */
extern bool fake_greets_as_sender;
extern bool fake_misfit;         /* routes are for another method */
extern int fake_port;            /* of every destination */
extern const char *fake_gateway; /* of every domain, or NULL */
struct fake_share {              /* rollup_mx of a domain's MX */
    const char *domain, *name;   /* name NULL: not now */
    uint64_t print;
};
enum { FAKE_SHARES = 8 };
extern struct fake_share fake_shares[FAKE_SHARES];
void fake_route_reset(void);
extern unsigned fake_route_recovered; /* how often it was told */
/* Its record, if it has one, serves by older routes. */
void fake_route_age(const char *name, bool old);
void fake_route_changed(const char *domain); /* tell; NULL: of all */

/* --- sessions --- */
struct fake_session {
    bool alive, closing, now, probed;
    bool deaf;  /* recalled batches stay until the test gives them back */
    bool ready; /* fake_ready() said so */
    char to[64], host[64], method[16];
    const struct session_events *ev;
    void *arg;
    struct batch *lent[64];
    unsigned count, recalls;
    uint64_t id;
};
enum { FAKE_SESSIONS = 256 };
extern struct fake_session fake_sessions[FAKE_SESSIONS];
extern unsigned fake_session_count; /* opened so far */
extern int fake_module_state;       /* enum module_state */
void fake_session_reset(void);
unsigned fake_session_alive(void);
void fake_ready(unsigned i, uint32_t open);
/* The i-th session's first batch comes back with that for all recipients. */
void fake_done(unsigned i, int verdict, int blame, int stage, int code,
    const char *status, const char *text);
void fake_delivered_quietly(unsigned i); /* and no turn is run */
void fake_done_each(unsigned i, const struct result *r); /* one each */
void fake_unbegun(unsigned i); /* its first batch was not begun */
void fake_closed(unsigned i, int verdict, int blame, bool established);
/* Before it was ready, for that reason. */
void fake_closed_for(
    unsigned i, int stage, int code, const char *status, const char *text);
void fake_closed_quietly(unsigned i, int verdict, int blame); /* likewise */
/* Sessions that were told to close do, and recalled batches come back. */
bool fake_session_settle(void);
#define fake_delivered(i) \
    fake_done(i, IMPEL_DELIVERED, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, 250, \
        "2.0.0", "ok")

#endif
