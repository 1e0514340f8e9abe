/* SPDX-License-Identifier: Apache-2.0
 *
 * secretref.h - where a secret really stands: "file:/path", "env:NAME", or
 * the text itself.
 *
 * A file is a regular one of at most 64 KiB; one newline at its end is cut.
 */
#ifndef IMPEL_SECRETREF_H
#define IMPEL_SECRETREF_H

#include "base/buf.h"
#include "base/err.h"

/* Append the secret; the caller wipes it.  ERR_CONF says what is missing,
 * never the secret. */
int secretref_read(struct str ref, struct buf *to, struct err *e);

#endif
