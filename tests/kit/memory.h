/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - what a module allocates: counted, made to fail, and looked for
 * when it should all be given back.  impel-modtest has a malloc() of its own,
 * which the module and its libraries use too; what the kit itself allocates is
 * left alone.
 *
 * Only with glibc, without sanitizers (which have a malloc() of their own, and
 * find leaks themselves), and not for modules that are linked in: what they
 * allocate looks like ours.
 */
#ifndef IMPEL_KIT_MEMORY_H
#define IMPEL_KIT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_NONE = UINT32_MAX };

bool memory_is_ours(void); /* else nothing of this works */
/* From now on this thread's allocations are counted, from first on, and number
 * fail_at fails. */
void memory_watch(uint32_t first, uint32_t fail_at);
/* Until now; failed: that one has come. */
uint32_t memory_unwatch(bool *failed);

/* Remember what is allocated from now on, by any thread. */
void memory_keep(void);
/* Blocks and bytes that were not given back; false: too many to tell. */
bool memory_kept(size_t *blocks, size_t *bytes);

#endif
