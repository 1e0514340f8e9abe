/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h - UTF-8 as strangers send it: valid or not (RFC 3629).
 */
#ifndef IMPEL_UTF8_H
#define IMPEL_UTF8_H

#include "base/str.h"

/* Octets of the character that s begins with, 1 for ASCII; 0 if there is none:
 * s is empty, or begins with an octet that is part of no character, an
 * overlong form, a surrogate, or one above U+10FFFF. */
size_t utf8_length(struct str s);
/* The same, and 0 also for what ends a line or steers a terminal: C0 and C1
 * controls (U+0000 to U+001F, U+007F to U+009F), U+2028 and U+2029. */
size_t utf8_printable(struct str s);
bool utf8_is_valid(struct str s);

#endif
