/* SPDX-License-Identifier: Apache-2.0
 *
 * pidfile.h - one daemon per pid file: written and locked while it runs.
 */
#ifndef IMPEL_PIDFILE_H
#define IMPEL_PIDFILE_H

#include "base/err.h"

/* Make and lock it (ERR_BUSY: the daemon that holds it); *fd is kept open. */
int pidfile_open(const char *path, int *fd, struct err *e);
/* Write this process's id; after it has forked for the last time. */
int pidfile_write(int fd, const char *path, struct err *e);
void pidfile_remove(const char *path, int *fd);

#endif
