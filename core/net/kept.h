/* SPDX-License-Identifier: Apache-2.0
 *
 * kept.h - listening sockets that stay open while the daemon is replaced.
 *
 * The service manager (base/manager.h) keeps a copy of each socket of a
 * listener.  When the process ends for a restart, who connects meanwhile waits
 * in the socket's backlog; the next process is given the sockets, and takes by
 * address those that its configuration has (docs/decisions/0051).  Sockets that
 * a manager opened itself (socket activation) are taken in the same way.  The
 * name of a Unix socket says which file it was bound to, so that one whose path
 * is another's by then is not taken.
 *
 * Main thread, then the scheduler.
 */
#ifndef IMPEL_KEPT_H
#define IMPEL_KEPT_H

#include "net/accept.h"

/* A listening socket that was given for c->at, non-blocking, with the backlog
 * of c; or -1.  The caller owns it.  Each is taken once. */
int kept_take(const struct accept_config *c);
/* Close those that nobody has taken, and have them forgotten: what is there is
 * no address of this configuration.  Once, when all listeners are open. */
void kept_drop_rest(void);
/* Have the manager keep it.  False: it does not, so its end is the end. */
bool kept_keep(int fd, const struct netaddr *at);
/* So many sockets of that address, which were kept, are not for the next
 * process. */
void kept_forget(const struct netaddr *at, unsigned count);
void kept_reset(void); /* tests: look at what is given anew */

#endif
