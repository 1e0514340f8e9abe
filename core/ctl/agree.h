/* SPDX-License-Identifier: Apache-2.0
 *
 * agree.h - what a file may be asked beyond its options: do the event loops it
 * names exist, the users and groups, the keys that sign, can each binding reach
 * a host, do the modules agree, and do routes fit the methods that they meet by
 * fallback?
 *
 * Any thread that may read files.  The same questions are put at start, by
 * `impel config check`, in a reload and for a change at the console, so that
 * what passes one of them passes all.
 */
#ifndef IMPEL_AGREE_H
#define IMPEL_AGREE_H

#include "conf/generation.h"

/* 0, or ERR_CONF with the reasons in r.  generation_check_f both.  Outside are
 * event loops, users, groups, keys and ways: looking those up may take its
 * time. */
int agree_outside(void *arg, struct generation *g, struct conf_report *r);
/* That, the modules, and the routes. */
int agree_check(void *arg, struct generation *g, struct conf_report *r);

#endif
