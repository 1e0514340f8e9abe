/* SPDX-License-Identifier: Apache-2.0
 *
 * recall.h - modules that were installed once, kept by name in the spool's
 * folder.
 *
 * A module's names are known as long as it is installed.  When its package is
 * removed, a configuration that still names it would be wrong, and the daemon
 * would not start: not for the mail of that module, nor for any other.  So what
 * each module serves is noted beside the mail, and a configuration that cannot
 * be read is tried again with those names: they are known then, and their mail
 * waits (conf/uninstalled.h).
 *
 * The file is SPOOL/modules: lines "KIND NAME MODULE".  One thread at a time.
 */
#ifndef IMPEL_RECALL_H
#define IMPEL_RECALL_H

#include "conf/generation.h"

/* generation_load(), and once more with a new report in *r if the first time
 * failed and the spool's folder knows of modules that nobody else does. */
int recall_load(const struct generation_load *how, struct generation **to,
    struct conf_report **r, struct err *e);
/* Learn the names in dir/modules; how many nobody knew.  A file that is not
 * there, or is of a later version, has none. */
size_t recall_learn(const char *dir);
/* Write dir/modules, if it does not hold all that is known.  ERR_IO. */
int recall_keep(const char *dir, struct err *e);
/* The same in the spool's folder of a configuration; a failure is logged. */
void recall_note(const struct generation *g);

#endif
