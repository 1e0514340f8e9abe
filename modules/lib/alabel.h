/* SPDX-License-Identifier: Apache-2.0
 *
 * alabel.h - an address for a host without SMTPUTF8 (RFC 6531 3.2, RFC 5891).
 */
#ifndef IMPEL_LIB_ALABEL_H
#define IMPEL_LIB_ALABEL_H

#include <impel/module.h>

#include "verb.h"

struct alabel {
    char text[VERB_MAX_ADDRESS + 1];
};
/* The same mailbox with its domain in A-labels: a itself if it is ASCII, else
 * text that stands in *to.  Absent (p NULL) if that cannot be: the local part
 * is not ASCII, or the domain is no name of IDNA 2008. */
struct impel_str alabel_address(struct impel_str a, struct alabel *to);

#endif
