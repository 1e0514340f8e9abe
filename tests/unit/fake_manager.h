/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_manager.h - a service manager that hears what it is told.
 */
#ifndef IMPEL_FAKE_MANAGER_H
#define IMPEL_FAKE_MANAGER_H

#include <stdbool.h>

/* Opened on an abstract socket, so that nothing is left; the environment has
 * nothing of another manager's. */
void fake_manager_open(void);
void fake_manager_close(void);
/* NOTIFY_SOCKET names it, for the next manager_open(). */
void fake_manager_announce(void);
/* The next thing it was told, or "".  *fd: a descriptor that came with it, now
 * the caller's, or -1; NULL: none is wanted. */
const char *fake_manager_heard(int *fd);
void fake_manager_set_pid(const char *name, long pid); /* a variable */

#endif
