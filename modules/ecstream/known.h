/* SPDX-License-Identifier: Apache-2.0
 *
 * known.h - which recipients were taken by messages of a key before.
 *
 * What is kept of a key is its recipients' numbers, four octets each, as a
 * durable value of the module.  A list of them is held as it is stored.
 */
#ifndef IMPEL_ECSTREAM_KNOWN_H
#define IMPEL_ECSTREAM_KNOWN_H

#include "ecstream.h"

/* What is known by now; to->failed: no memory. */
void known_recall(
    const struct ecstream *m, struct impel_str key, struct frame_out *to);
/* The same as numbers, ascending, to be freed; NULL: none, or there is no
 * memory, which list->failed says then. */
uint32_t *known_numbers(struct frame_out *list, size_t *count);
/* Is it one of them? */
bool known_has(uint32_t number, const uint32_t *numbers, size_t count);
/* Those numbers need not be known any more; others of the key are, until then
 * (ms, wall clock). */
void known_forget(const struct ecstream *m, struct impel_str key,
    const uint32_t *numbers, size_t count, int64_t until);

#endif
