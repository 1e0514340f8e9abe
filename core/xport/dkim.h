/* SPDX-License-Identifier: Apache-2.0
 *
 * dkim.h - one DKIM-Signature field for one message (RFC 6376, RFC 8463).
 *
 * Nothing here knows of configuration, files or threads: a header, the hash of
 * the body and a key come in, the field goes out.
 */
#ifndef IMPEL_DKIM_H
#define IMPEL_DKIM_H

#include "base/buf.h"
#include "base/err.h"
#include "spool/bodyhash.h"
#include "xport/dkimkey.h"

enum { DKIM_FIELDS_MAX = 2000 }; /* of a header; more is not signed */

struct dkim_how {
    int header_form, body_form; /* BODYHASH_SIMPLE, BODYHASH_RELAXED */
    struct str domain;          /* d=, in A-labels */
    struct str selector;        /* s= */
    int64_t lifetime;           /* seconds until x=; 0: none */
    /* Names of fields, in any case.  All that occur are signed, every instance,
     * but for those in `skip`; `over` are signed once more, so that none can be
     * added.  From always is signed. */
    const struct str *sign, *over, *skip;
    size_t sign_count, over_count, skip_count;
};

/* Appends "DKIM-Signature: ...", folded, with its CRLF.  header: lines with
 * CRLF, a blank line at its end or not.  now: seconds, for t=.  ERR_INVAL: no
 * From field; ERR_LIMIT: too many fields; ERR_CONF: the key does not sign. */
int dkim_sign(const struct dkim_how *how, struct dkim_key *key,
    struct str header, const uint8_t body[BODYHASH_SIZE], int64_t now,
    struct buf *to, struct err *e);

/* The domain of the first address in the From field, as written; absent if
 * there is none that can be told. */
struct str dkim_from_domain(struct str header);

#endif
