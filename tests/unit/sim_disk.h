/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk.h - a disk that may lose what was not synced.
 *
 * Calls go through to a real directory, which shows what a running process
 * sees.  Beside it stands what the disk has for certain: contents as of the
 * last fdatasync, names as of the last fsync of their directory.  A crash
 * makes another directory out of that, and of any subset, torn at sectors, of
 * what was written since.
 */
#ifndef IMPEL_SIM_DISK_H
#define IMPEL_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* What is in dir is durable from now on. */
void sim_begin(const char *dir);
void sim_end(void); /* the real calls again */
/* The nth change from now on is not made any more for the crash: 0 never. */
void sim_crash_at(uint64_t n);
/* Freeze now, unless it is frozen already. */
void sim_crash_now(void);
bool sim_is_crashed(void);
/* Under the same lock as every call: fn runs if it did not crash yet. */
void sim_if_running(void (*fn)(void *arg), void *arg);
/* Make what a machine finds after the crash. */
void sim_make(const char *to, uint64_t seed);

/* Faults: from the nth call that changes something on, `count` calls fail
 * with errno `error`; 0: a write is cut short instead. */
void sim_fail(uint64_t n, uint64_t count, int error);
uint64_t sim_calls(void); /* changes since sim_begin() */

#endif
