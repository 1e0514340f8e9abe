/* SPDX-License-Identifier: Apache-2.0
 *
 * pushconn.h - a connection to a push service and the batches it has, for the
 * modules that deliver notifications.
 *
 * A batch is a job: its message is read, made into a notification, and sent as
 * one request for each device.  A request ends once, and then its recipients
 * are reported; the batch is over with its last request.
 *
 * A module brings a pushconn_service, which knows messages and devices, and one
 * or more pushconn_speech, which speak (pushh2.h is half of one for HTTP/2).
 * Events of the host go through the functions at the end.  The session's loop.
 */
#ifndef IMPEL_LIB_PUSHCONN_H
#define IMPEL_LIB_PUSHCONN_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

#include "push.h"

struct pushconn;
struct pushconn_job;

struct pushconn_request {
    struct pushconn_job *job;
    struct pushconn_request *next,
        **prev; /* in a line of the connection's; NULL: in none */
    int64_t since;
    uint32_t id;         /* the speech's: not 0 from being sent to its end */
    uint64_t credential; /* the service's: which token it was sent with */
    size_t rcpt, rcpts;  /* from one on, so many */
    bool over, again;
    const char *device; /* as it goes out */
};
struct pushconn_job {
    struct pushconn_job *next, **prev;
    struct pushconn *conn;
    struct impel_batch *batch;
    const struct impel_envelope *envelope;
    struct push *push; /* while it is read */
    bool more;         /* it goes on in another turn */
    uint64_t at;
    void *notice; /* of notice_size octets, all 0 at first */
    struct pushconn_request *request; /* NULL: not yet */
    char *devices;                    /* what requests name */
    size_t count, left;
};

/* What became of the message that notice() looked at. */
struct pushconn_made {
    const char *device; /* within the notice, for all recipients; NULL or "":
                         * each of them has its own */
    bool converted;
};
/* Rows of the module's counters. */
struct pushconn_counters {
    uint32_t delivered, converted, uncertain, untouched, timeouts, goaways;
};
struct pushconn_service {
    size_t notice_size;
    struct pushconn_counters counter;
    struct push_want (*want)(struct pushconn *c, struct impel_batch *batch);
    /* NULL; or what is wrong with the message, "550 5.6.0 [internal] ...", good
     * until the next call on this thread. */
    const char *(*notice)(struct pushconn *c, struct pushconn_job *j,
        const struct push_found *found, struct pushconn_made *made);
    void (*notice_fini)(void *notice);
    /* The local part of an address as a device: at most as many octets, and a
     * NUL.  false: it is none. */
    bool (*device)(struct pushconn *c, struct impel_str local, char *to);
};

/* A protocol. */
struct pushconn_speech {
    size_t size; /* of what begins with a struct pushconn */
    const char *const *alpn;
    void (*connected)(struct pushconn *c);
    void (*input)(struct pushconn *c);
    void (*drained)(struct pushconn *c);
    void (*timer)(struct pushconn *c, int64_t number);
    void (*woken)(struct pushconn *c, int64_t arg); /* NULL: nobody wakes it */
    /* Send it.  It may end at once. */
    void (*send)(struct pushconn *c, struct pushconn_request *r);
    /* After one or several send(), or when something ended without one: who
     * leaves and has no jobs may go. */
    void (*flush)(struct pushconn *c);
    /* It is not waited for any more.  true: the service may have it. */
    bool (*forget)(struct pushconn *c, struct pushconn_request *r);
    void (*probe)(struct pushconn *c);
    /* Say goodbye; pushconn_over() follows, at once or later. */
    void (*close)(struct pushconn *c);
    /* The connection is gone: end all requests that were sent. */
    void (*lost)(struct pushconn *c);
    void (*fini)(struct pushconn *c);
};

enum { /* timers; a service's own are from OWN to 15 */
    PUSHCONN_CONNECT,
    PUSHCONN_ANSWER,
    PUSHCONN_PING,
    PUSHCONN_READ,
    PUSHCONN_OWN
};
struct pushconn {
    const struct pushconn_speech *speech;
    const struct pushconn_service *service;
    void *module;
    const struct impel_host *host;
    struct impel_instance *instance;
    struct impel_session *io;
    const struct impel_scope *scope;
    struct impel_str name; /* of the host, lent by the peer */
    uint16_t port;
    bool up;    /* behind TLS */
    bool ready; /* it was once */
    bool over, leaving;
    int64_t wait; /* ms for an answer */
    struct pushconn_job *jobs;
    struct pushconn_request *first, **last;     /* sent, the oldest first */
    struct pushconn_request *todo, **todo_last; /* there is no room yet */
};

/* --- for speeches and services --- */

/* It ends; what is open is told as lost() says, or as untried.  Nothing more
 * may be called for it. */
void pushconn_over(struct pushconn *c, const struct impel_result *why);
void pushconn_fails(struct pushconn *c, int blame, int stage, const char *text);
/* Not now: it goes when pushconn_next() takes it. */
void pushconn_puts_off(struct pushconn_request *r);
struct pushconn_request *pushconn_next(struct pushconn *c); /* NULL: none */
/* false: it was put off, and is not any more. */
bool pushconn_was_sent(struct pushconn_request *r);
/* In the line of those that wait for an answer, from now on. */
void pushconn_waits(struct pushconn_request *r);
/* As it says, for all its recipients; its job may be gone with it. */
void pushconn_ends(
    struct pushconn_request *r, const struct impel_result *result);
/* The same with words of our own. */
void pushconn_cannot(
    struct pushconn_request *r, int verdict, int blame, const char *text);
/* The same of an answer: DELIVERED counts.  id: what the service calls it, for
 * the log under that key; may be absent. */
void pushconn_answered(struct pushconn_request *r,
    const struct impel_result *result, const char *key, struct impel_str id);
/* Those for whom there was no answer in time end, the oldest first; how many.
 */
size_t pushconn_late(struct pushconn *c);
/* When the oldest of those that wait is due: PUSHCONN_ANSWER. */
void pushconn_watch(struct pushconn *c);
/* The recipient it is for, the first of several. */
struct impel_str pushconn_rcpt(const struct pushconn_request *r);
int64_t pushconn_wall(void); /* ms since 1970 */

/* --- for the module's struct impel_transport --- */

struct pushconn_open {
    const struct pushconn_speech *speech;
    const struct pushconn_service *service;
    void *module;
    const struct impel_host *host;
    struct impel_instance *instance;
    const struct impel_scope *scope;
    const struct impel_peer *peer;
    uint16_t port;
    int64_t connect_wait, answer_wait; /* ms */
};
/* As open() of the transport; *to is what the other calls get.  What of it
 * stands behind the struct pushconn is all 0. */
int pushconn_open(const struct pushconn_open *how, struct impel_session *io,
    struct pushconn **to, struct impel_error *e);
void pushconn_event(void *s, struct impel_batch *b, int event, int64_t arg);
void pushconn_deliver(
    void *s, struct impel_batch *b, const struct impel_envelope *envelope);
void pushconn_cancel(void *s, struct impel_batch *b);
void pushconn_probe(void *s);
void pushconn_close(void *s, int now);
void pushconn_release(void *s);

#endif
