/* SPDX-License-Identifier: Apache-2.0
 *
 * bodyhash.h - SHA-256 of a body as DKIM sees it: in one of its two canonical
 * forms (RFC 6376 3.4.3, 3.4.4), from pieces cut anywhere.
 *
 * Only CRLF ends a line; a CR or LF that stands alone is an octet like others.
 */
#ifndef IMPEL_BODYHASH_H
#define IMPEL_BODYHASH_H

#include "base/str.h"

enum { BODYHASH_SIMPLE, BODYHASH_RELAXED, BODYHASH_FORMS };
enum { BODYHASH_SIZE = 32 };

struct bodyhash;
struct bodyhash *bodyhash_new(int form);
void bodyhash_add(struct bodyhash *h, struct str part);
/* The sum of all that was added; *h is freed and becomes NULL. */
void bodyhash_end(struct bodyhash **h, uint8_t sum[BODYHASH_SIZE]);
void bodyhash_free(struct bodyhash **h);

#endif
