/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream.h - the module ECSTREAM: mail from node to node, and from those who
 * make it, once and without waiting (docs/ecstream.md).
 *
 * client.c is the transport, server.c and receipt.c are the listener.  A struct
 * ecstream is read-only after load() but for what its locks guard.
 */
#ifndef IMPEL_ECSTREAM_H
#define IMPEL_ECSTREAM_H

#include <pthread.h>
#include <stdbool.h>

#include <impel/module.h>

#include "frame.h"
#include "line.h"
#include "outcome.h"

enum ecstream_row {
    /* imported from the core */
    OPT_CONNECT_TIMEOUT,
    OPT_PORT,
    OPT_TLS,
    OPT_MAX_MESSAGE_SIZE,
    OPT_MAX_RECIPIENTS,
    OPT_BANNER_HOSTNAME,
    /* the module's own: client */
    OPT_TIMEOUT,
    OPT_CONTEXT,
    /* listener */
    OPT_IDLE_TIME,
    OPT_MAX_BATCH_SIZE,
    OPT_WINDOW,
    OPT_RESEND_TIME,
    OPT_ROWS
};
enum { TLS_NO, TLS_IFAVAILABLE, TLS_REQUIRED };
enum {
    COUNT_KNOWN,
    COUNT_PROTOCOL_ERRORS,
    COUNT_TIMEOUTS,
    COUNT_UNCERTAIN,
    COUNT_MAX
};

/* Keys whose commit is under way, of all connections: a second END of one
 * waits. */
struct flight { /* in the caller's object, which keeps its place meanwhile */
    struct impel_str key; /* the caller's too; the rest is flying.c's */
    uint64_t hash;
    struct flight *next;
    struct flying_wait *waiting;
};
struct flying {
    pthread_mutex_t lock;
    struct flight **slots;
    size_t count, size;
};
struct ecstream {
    const struct impel_host *host;
    struct impel_instance *instance;
    struct flying flying;
    bool stream_safe; /* the client's name is on disk; under flying.lock */
};

extern const struct impel_transport ecstream_transport; /* client.c */
extern const struct impel_listener ecstream_listener;   /* server.c */

/* --- flying.c --- */
/* Who waits until a key does not fly any more: EV_WAKE comes then, with arg. */
struct flying_wait {
    uint64_t token;
    int64_t arg;
    struct flying_wait *next; /* flying.c's */
    bool waits;
};
enum flying_got {
    FLYING_BEGUN,
    FLYING_WAITS, /* another has it */
    FLYING_NO_MEMORY
};
/* BEGUN: x flies until flying_end(). */
enum flying_got flying_begin(
    struct flying *f, struct flight *x, struct flying_wait *w);
/* Those who wait try again. */
void flying_end(struct flying *f, struct flight *x, const struct ecstream *m);
/* It waits no more. */
void flying_leave(
    struct flying *f, struct impel_str key, struct flying_wait *w);
void flying_fini(struct flying *f);

#endif
