/* SPDX-License-Identifier: Apache-2.0
 *
 * folders.h - directories that the configuration names and that are not there:
 * of the spool, of logs, of sockets and of the pid file.
 *
 * Main thread, while the process is still root.
 */
#ifndef IMPEL_FOLDERS_H
#define IMPEL_FOLDERS_H

#include "prog/privileges.h"

/* Make them, for the user to be: the last level of each path, if only that is
 * missing.  What is there stays as it is.  ERR_IO with its name. */
int folders_make(
    const struct generation *g, const struct privileges *p, struct err *e);

#endif
