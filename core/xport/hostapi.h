/* SPDX-License-Identifier: Apache-2.0
 *
 * hostapi.h - struct impel_host: what a module may call, and what it needs
 * from the process.
 *
 * The setters are for the main thread, before a module is loaded.
 */
#ifndef IMPEL_HOSTAPI_H
#define IMPEL_HOSTAPI_H

#include <stdbool.h>
#include <impel/module.h>
#include "loop/loop.h"

struct spool;

/* The I/O loops, in the order in which modules number them for post(). */
void hostapi_set_loops(struct loop *const *loops, uint32_t count);
/* Where state_put() and state_get() keep values; NULL: IMPEL_E_UNSUP. */
void hostapi_set_spool(struct spool *s);
/* What modules see as host->intake (session_set_intake() calls it).  Copied. */
void hostapi_set_intake(const struct impel_intake *t);

const struct impel_host *hostapi_get(bool listens);
/* IMPEL_E_* of an ERR_*. */
int hostapi_code(int err);
/* Of the calling thread's loop, from 1 on; 0: none of hostapi_set_loops(). */
uint32_t hostapi_loop_number(void);

#endif
