/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - memory_goal and memory_hwm: give up what can be read again, then
 * refuse mail, before the kernel acts.
 *
 * What counts is what this process has resident, as a share of the limit of its
 * control group, or of the machine.
 */
#ifndef IMPEL_MEMORY_H
#define IMPEL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum memory_level { MEMORY_FINE, MEMORY_TIGHT, MEMORY_FULL };

/* Before there are threads: what a thread has freed goes back to the system
 * when it is much.  malloc_trim() leaves the end of each arena but the first as
 * it is; without this the library may keep 64 MB there. */
void memory_init(void);
/* Bytes; 0: not known.  No more than half of the addresses where pointers have
 * 32 bits.  root: "/", or where a test keeps its files. */
uint64_t memory_limit(const char *root);
uint64_t memory_limit_below(const char *root, uint64_t asked); /* 0: not */
uint64_t memory_used(const char *root);
/* What may be read into memory until goal is near, given that so much is on its
 * way: less than passes the goal, or all that was read would be given up again.
 * INT64_MAX: there is no limit. */
int64_t memory_room(uint64_t used, uint64_t limit, int64_t goal, uint64_t due);
/* goal, hwm: percentages.  A level is left two points below where it was
 * entered. */
enum memory_level memory_judge(uint64_t used, uint64_t limit, int64_t goal,
    int64_t hwm, enum memory_level was);

#endif
