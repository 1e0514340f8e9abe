/* SPDX-License-Identifier: Apache-2.0
 *
 * hostlimits.h - what host stanzas allow: connections and rates, to an exchange
 * whatever domain it serves.  Scheduler thread only.
 *
 * The place of a stanza is what is counted: at the top level all connections to
 * the exchange, in a group those of the group's bindings, in a binding its own.
 * scope_max_outbound_connections and the throttles have one count for the
 * stanza, so that a pattern's matches are counted together.  Who finds no room
 * may wait in a line (base/line.h) and is woken when there is some.
 */
#ifndef IMPEL_HOSTLIMITS_H
#define IMPEL_HOSTLIMITS_H

#include "base/buf.h"
#include "base/line.h"
#include "base/tokens.h"
#include "conf/generation.h"
#include "loop/timer.h"

struct hostlimits;
struct host_count;
struct host_throttle;
enum { HOSTLIMITS_COUNTS = 4 };
struct host_pass { /* what one connection is counted in; zeroed: nothing */
    struct host_count *counted[HOSTLIMITS_COUNTS];
    struct host_throttle *messages; /* or NULL */
};

struct hostlimits *hostlimits_new(struct loop *l, line_wake_f *wake);
void hostlimits_free(struct hostlimits **h); /* nobody waits any more */
/* NULL: one more connection is allowed.  Else where to wait; *until: when a
 * throttle has more, 0 if a connection has to end. */
struct line *hostlimits_full(struct hostlimits *h, struct generation *g,
    struct str name, struct str binding, int64_t *until);
/* Which option of which stanza that is, in words; nothing if none is. */
void hostlimits_say(struct hostlimits *h, struct generation *g, struct str name,
    struct str binding, struct buf *to);
/* A connection begins, and has ended. */
void hostlimits_enter(struct hostlimits *h, struct generation *g,
    struct str name, struct str binding, struct host_pass *to);
void hostlimits_leave(struct hostlimits *h, struct host_pass *p);
/* Is it one of those that fill that line's limit? */
bool hostlimits_fills(const struct host_pass *p, const struct line *l);
/* It has nothing to do: who waits for its place may have it. */
void hostlimits_idle(struct host_pass *p);
/* Forget what nobody uses. */
void hostlimits_sweep(struct hostlimits *h);

/* May one more message be sent?  NULL: yes. */
struct line *hostlimits_may_send(
    struct host_pass *p, int64_t now, int64_t *until);
/* Its tokens, to be charged for a message; NULL: none are needed. */
struct tokens *hostlimits_tokens(const struct host_pass *p);

#endif
