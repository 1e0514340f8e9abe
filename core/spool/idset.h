/* SPDX-License-Identifier: Apache-2.0
 *
 * idset.h - a set of 64-bit ids, 0 excepted; open addressing.
 */
#ifndef IMPEL_IDSET_H
#define IMPEL_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idset { /* zeroed memory is empty */
    uint64_t *slots;
    size_t count, size;
};
void idset_fini(struct idset *s);
bool idset_add(struct idset *s, uint64_t id); /* false: it was there */
bool idset_has(const struct idset *s, uint64_t id);
bool idset_remove(struct idset *s, uint64_t id); /* false: it was not */

#endif
