/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_spool.h - `impel spool check|dump|compact|export`: a spool that no
 * daemon has open.
 *
 * What changes a spool is done as the user whose directory it is, if root asks:
 * the daemon must be able to read what was made.
 */
#ifndef IMPEL_IMPEL_SPOOL_H
#define IMPEL_IMPEL_SPOOL_H

#include "base/err.h"
#include "prog/impel.h"

/* words[0] is "spool".  0: done; 1: it failed and has said so (JSON); ERR_*: it
 * failed, ERR_INVAL with the usage. */
int impel_spool(const struct impel_run *r, const struct str *words,
    size_t count, struct err *e);

#endif
