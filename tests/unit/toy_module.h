/* SPDX-License-Identifier: Apache-2.0
 *
 * toy_module.h - a transport in the test's own program, with a line protocol:
 * "MSG n size", the body, then a line for each recipient ("+" or "-");
 * "PING" is answered by "PONG"; "BYE" ends it.  And a peer that speaks it.
 */
#ifndef IMPEL_TOY_MODULE_H
#define IMPEL_TOY_MODULE_H

#include "xport/registry.h"

enum toy_flaw {
    TOY_GOOD,
    TOY_TWICE,   /* reports the first recipient twice */
    TOY_NEVER,   /* keeps silent, to cancel and close too */
    TOY_FORGETS, /* closed() with a batch open */
    TOY_BLOCKS,  /* sits in deliver() */
    TOY_IDLE,    /* takes a batch and writes nothing until cancelled */
    TOY_REFUSES, /* open() fails */
    TOY_MANY,    /* answers by a timer, several at once */
    TOY_LATER,   /* writes by a timer, so for all that are open */
    TOY_SETTLES, /* wants to know when its last report is on disk */
    TOY_AWAITS,  /* waits for word of its first recipient, under "key", and
                  * brings it itself */
    TOY_DRAINS   /* says GOAWAY with the first batch */
};
extern _Atomic int toy_flaw, toy_open_sessions, toy_events[16], toy_room,
    toy_most_open;
extern _Atomic uint64_t toy_token;
extern _Atomic int toy_said[6]; /* what await() and late() gave back */
struct module *toy_module(void);
void toy_module_free(struct module **m);

enum peer_mood {
    PEER_GOOD,
    PEER_DROPS,  /* hangs up after a MSG line */
    PEER_HALF,   /* answers one recipient, then hangs up */
    PEER_SILENT, /* reads, says nothing */
    PEER_SLOW,   /* reads nothing for a while */
    PEER_REFUSES /* refuses each recipient */
};
extern _Atomic int peer_mood;
extern _Atomic uint64_t peer_octets; /* of bodies */
/* Listens on a free port of loopback, in a thread of its own. */
uint16_t peer_start(void);
void peer_stop(void);

#endif
