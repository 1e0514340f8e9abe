/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - a connection that takes mail away: client.c has its life and
 * frames, sending.c the messages.
 */
#ifndef IMPEL_ECSTREAM_CLIENT_H
#define IMPEL_ECSTREAM_CLIENT_H

#include "ecstream.h"
#include "tags.h"

enum client_state {
    CLIENT_DIALS,
    CLIENT_SETTLES, /* a new stream's name goes to disk first */
    CLIENT_WELCOME, /* HELLO is out */
    CLIENT_OPEN,
    CLIENT_PARTING, /* BYE is out */
    CLIENT_DEAD
};
/* A batch, from deliver() until its answer is safe with us. */
struct parcel {
    struct parcel *next;       /* in a line: to be sent, or answered */
    uint32_t tag;              /* 0: nothing of it was sent */
    struct impel_batch *batch; /* NULL: all was reported */
    const struct impel_envelope *envelope;
    bool ended;       /* END is out */
    int64_t size;     /* < 0: not to be sent whole */
    uint64_t counted; /* against the window */
    uint64_t at;      /* octets of the body that were sent */
    size_t rcpt_count, left;
    bool *told; /* each recipient's result is there; of `left` it is not */
    bool one;   /* told of most, which have one recipient */
};
struct parcels {
    struct parcel *first, **last;
};
struct client {
    struct ecstream *module;
    const struct impel_host *host;
    struct impel_session *session;
    const struct impel_scope *scope;
    enum client_state state;
    bool full;
    bool draining;
    bool settling; /* settle() was asked */
    bool bye;      /* close() was called: when all is safe */
    bool probing;
    uint8_t stream[FRAME_STREAM];
    struct frame_out out, whole;
    struct tags tags;    /* sent and not answered */
    struct parcels todo; /* to be sent; the first may be half sent */
    struct parcels told; /* answered, reported, not yet known to be safe */
    size_t told_count, settled_count; /* those asked about stand first */
    uint32_t last_tag;
    uint32_t window, announced;
    uint64_t octets_window, octets; /* sent and not answered */
    uint64_t most;                  /* octets of a message; 0: no limit */
    uint32_t most_rcpts;
};

void parcels_add(struct parcels *l, struct parcel *p);
struct parcel *parcels_take(struct parcels *l); /* or NULL */

/* --- sending.c --- */
/* Frames of what waits, as far as the windows and the output allow. */
void sending_run(struct client *c);
/* Whatever waits and was not begun goes to another connection. */
void sending_give_back(struct client *c);
/* A RESULTS frame; false: it makes no sense. */
bool sending_results(struct client *c, struct impel_str payload);
/* CONFIRM for the first n of c->told. */
void sending_confirm(struct client *c, size_t n);
/* The rest of a batch's recipients; the parcel stays. */
void sending_report(
    struct parcel *p, const struct client *c, const struct impel_result *r);
void parcel_free(struct parcel *p);

/* --- client.c --- */
/* Time runs as long as something is waited for. */
void client_expect(struct client *c);
/* Ask when the answers that were reported are on disk, unless it was asked. */
void client_settle(struct client *c);
void client_end(struct client *c, const struct impel_result *why);
void client_wrong(struct client *c, const char *text);

#endif
