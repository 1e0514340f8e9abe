/* SPDX-License-Identifier: Apache-2.0
 *
 * authority.h - the name of a server as HTTP has it: the field Host, and
 * :authority (RFC 9110 7.2).
 */
#ifndef IMPEL_LIB_AUTHORITY_H
#define IMPEL_LIB_AUTHORITY_H

#include <impel/module.h>

enum { AUTHORITY_MOST = 280 };
/* own: the operator's, which stands as it is; or empty.  Else host, in brackets
 * if it is an address of IPv6, and port unless it is the usual one.  No more
 * than 255 octets of either. */
void authority_of(char to[AUTHORITY_MOST], struct impel_str own,
    struct impel_str host, uint16_t port, uint16_t usual);

#endif
