/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - RFC 4648 base64 and base64url.
 */
#ifndef IMPEL_BASE64_H
#define IMPEL_BASE64_H

#include "base/buf.h"

void base64_encode(struct buf *to, struct str from);
void base64url_encode(struct buf *to, struct str from); /* unpadded */
/* Strict: no spaces, right padding (none needed for the url form); 0 or
 * ERR_INVAL with nothing appended. */
int base64_decode(struct buf *to, struct str from);
int base64url_decode(struct buf *to, struct str from);

#endif
