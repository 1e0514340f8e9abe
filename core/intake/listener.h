/* SPDX-License-Identifier: Apache-2.0
 *
 * listener.h - one `listen` of a listener stanza: its sockets, its sessions.
 *
 * A listener is made by the main thread or the scheduler, counted by the
 * sessions that came through it, and has one acceptor on each loop that
 * watches it.
 */
#ifndef IMPEL_LISTENER_H
#define IMPEL_LISTENER_H

#include "intake/intake_int.h"
#include "net/accept.h"

struct listener;
/* Scheduler (or main thread): bind one socket per loop.  ERR_IO names it. */
int listener_open(struct intake *in, const struct stanza *listen,
    const struct stanza *parent, const struct module *module,
    struct listener **to, struct err *e);
/* Watch the sockets: posted to the loops. */
void listener_start(struct listener *l);
/* The same address in a newer generation: new sessions use its values. */
void listener_adopt(
    struct listener *l, struct generation *g, const struct stanza *listen);
/* Stop accepting once the backlog is empty, or, if the process ends and the
 * sockets are kept (net/kept.h), at once; freed when the last session is gone.
 * Scheduler. */
void listener_close(struct listener *l);
/* "127.0.0.1:25"; ends of the same text are the same listener. */
const char *listener_address(const struct listener *l);
const char *listener_keyword(const struct listener *l);
struct list *listener_node(struct listener *l);
struct listener *listener_of_node(struct list *node);
uint64_t listener_sessions(const struct listener *l);
/* The session speaks for that client from now on: its options as they are now,
 * its rights, its place under the limits; is->over_limit: none is free, and the
 * session's verdict or its end follows.  False: who has connected is trusted no
 * longer, and nothing has changed.  Loop. */
bool listener_session_rename(
    struct intake_session *is, const struct netaddr *peer);
/* Whom it was named and what it called itself is forgotten: it is TLS's turn
 * (RFC 3207 4.2).  Loop. */
void listener_session_forget(struct intake_session *is);
/* A session is gone: its counts are given back.  Loop. */
void listener_session_gone(struct intake_session *is);

#endif
