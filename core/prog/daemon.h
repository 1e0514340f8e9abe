/* SPDX-License-Identifier: Apache-2.0
 *
 * daemon.h - the parts of impeld, and the order in which they start and stop.
 *
 * Start: configuration, modules, privileged sockets, (background), privileges
 * dropped, logs, spool, scheduler, threads, listeners.  Stop (architecture
 * section 2): listeners close after their backlog is empty, lent work is
 * recalled, begun work finishes or is cancelled at a deadline, the spool
 * commits what it knows, logs, exit.  A second SIGTERM cancels at once.
 */
#ifndef IMPEL_DAEMON_H
#define IMPEL_DAEMON_H

#include <stdbool.h>
#include "base/err.h"
struct generation;

struct daemon_config {
    const char *path;    /* the configuration file */
    const char *modules; /* folders, colon-separated */
    bool foreground;
    bool strict;
};
/* Add every layer's rows and declare the installed modules. */
int daemon_declare(const struct daemon_config *c, struct err *e);
/* Load and check; what it has to say goes to stderr. */
int daemon_load(const struct daemon_config *c, struct generation **to);
/* Let go of what was loaded. */
void daemon_unload(struct generation **g);
/* Run until told to stop: the exit status. */
int daemon_run(const struct daemon_config *c, struct generation *g);

#endif
