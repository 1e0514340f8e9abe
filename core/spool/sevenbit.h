/* SPDX-License-Identifier: Apache-2.0
 *
 * sevenbit.h - an 8-bit message as 7 bits (RFC 2045, RFC 6152 3).
 *
 * 8-bit bodies of leaf parts become quoted-printable, in single-part and
 * multipart messages and in message/rfc822; parts without 8-bit bytes stay as
 * they are.  Of a binary message (RFC 3030) parts that are no lines of text
 * become base64.  The walk is bounded in depth and parts.
 */
#ifndef IMPEL_SEVENBIT_H
#define IMPEL_SEVENBIT_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the form to `to`.  ERR_PROTO with the reason where 7 bits cannot
 * carry it: an 8-bit or broken header, 8-bit bytes in a part that is base64
 * already or between parts, nesting without end. */
int sevenbit_encode(
    struct str message, bool binary, struct buf *to, struct err *e);

#endif
