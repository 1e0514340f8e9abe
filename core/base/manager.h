/* SPDX-License-Identifier: Apache-2.0
 *
 * manager.h - the service manager that has started the process (systemd): what
 * it is told, and what it keeps for the next start.
 *
 * The protocol is that of sd_notify(3), sd_listen_fds(3) and
 * sd_watchdog_enabled(3): datagrams to the socket that NOTIFY_SOCKET names, and
 * numbers in the environment.  Without a manager every function does nothing.
 */
#ifndef IMPEL_MANAGER_H
#define IMPEL_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

/* Main thread, first of all: before descriptors are opened, the process forks
 * or changes its root.  What the environment says is for this process alone
 * and is taken out of it. */
void manager_open(void);
void manager_close(void); /* tests: as before manager_open() */
/* Lines "NAME=VALUE" joined by LF, such as "READY=1".  Any thread; a second at
 * most, as all that is told. */
void manager_tell(const char *lines);
/* How often it wants to be fed, in ms; 0: not at all. */
int64_t manager_watchdog_ms(void);
/* "WATCHDOG=1", without waiting. */
void manager_feed(void);

/* The descriptors that it has given at the start are 3 and up: how many there
 * are, up to the first that is not open; all are close-on-exec. */
int manager_given(void);
/* The name of the nth: as manager_keep() was told, or what a .socket unit says;
 * "" if there is none. */
const char *manager_given_name(int n);
/* How many descriptors it keeps while the process is gone; 0: none.  In
 * FDSTORE, which systemd sets from version 254 on; our unit does before. */
int manager_keeps(void);
/* Have fd kept under a name (letters, digits and ".[]-_"), which several may
 * have; the caller still owns fd.  False: it could not be told.  Main thread or
 * scheduler. */
bool manager_keep(int fd, const char *name);
void manager_forget(const char *name); /* all of that name */

#endif
