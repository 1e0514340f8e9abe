/* SPDX-License-Identifier: Apache-2.0
 *
 * mc_options.h - every name of Momentum's configuration, and what became of it
 * here: the names from tests/data/mc-options.txt, the rest from the tables.
 */
#ifndef IMPEL_MC_OPTIONS_H
#define IMPEL_MC_OPTIONS_H

#include "base/buf.h"

/* The sections of docs/options.md.  Fails the test for a name of which nobody
 * knows, one that is essential and left out, and a list that is not whole. */
void mc_options_print(struct buf *to);

#endif
