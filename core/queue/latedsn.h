/* SPDX-License-Identifier: Apache-2.0
 *
 * latedsn.h - what becomes of a word that comes after the delivery (late.h):
 * a notification to the sender, and records; by `late_reports`, records alone.
 *
 * The value that it is about says what was told already: it is changed with
 * the notification or not at all, so that a word which is brought twice, or
 * before and after a crash, is told once.
 */
#ifndef IMPEL_LATEDSN_H
#define IMPEL_LATEDSN_H

#include "xport/late.h"

struct scheduler;

/* A late_taker_f: arg is the scheduler. */
void latedsn_take(void *arg, struct late *l);
/* Those that are under way are forgotten. */
void latedsn_fini(struct scheduler *s);

#endif
