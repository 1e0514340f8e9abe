/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_inject.h - `impel inject`: messages from files into a server, by
 * ECSTREAM.
 */
#ifndef IMPEL_IMPEL_INJECT_H
#define IMPEL_IMPEL_INJECT_H

#include "prog/impel.h"

/* argv[0] is "inject", argv[argc] is NULL; its order changes.  Exit code: 0:
 * each recipient was accepted; EXIT_FAILED: some were not; EXIT_NO_DAEMON: no
 * server answers. */
int impel_inject(const struct impel_run *r, int argc, char **argv);

#endif
