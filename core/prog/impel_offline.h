/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_offline.h - commands that need no daemon: files of a configuration,
 * and a spool that nobody has open.
 */
#ifndef IMPEL_IMPEL_OFFLINE_H
#define IMPEL_IMPEL_OFFLINE_H

#include "prog/impel.h"

/* Run it here if it is one of ours: an exit code, or -1: ask the daemon. */
int impel_offline_run(
    const struct impel_run *r, const struct str *words, size_t count);
/* The same for what is better asked of the daemon, when there is none. */
int impel_offline_instead(
    const struct impel_run *r, const struct str *words, size_t count);
/* Usage of the words that only exist here, for help. */
const char *impel_offline_help(void);

#endif
