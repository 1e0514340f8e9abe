/* SPDX-License-Identifier: Apache-2.0
 *
 * idna.h - one spelling of a domain's name, by which it is compared.
 *
 * In lower case, and in A-labels (RFC 5891, mapped as UTS 46 has it without
 * transitional rules): "BÜCHER.test" and "xn--bcher-kva.test" are one domain.
 */
#ifndef IMPEL_IDNA_H
#define IMPEL_IDNA_H

#include "base/buf.h"

/* No octet above 127. */
bool idna_is_plain(struct str name);
/* Appends the name so spelled.  false: it has octets that make no valid name;
 * they are appended as they are, ASCII in lower case. */
bool idna_fold(struct str name, struct buf *to);

#endif
