/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsa.h - TLSA records (RFC 6698), as far as SMTP uses them (RFC 7672 3.1):
 * which of a set can be used, and whether a certificate fits one.
 *
 * A set is made once and never changed, and is counted; any thread.
 */
#ifndef IMPEL_TLSA_H
#define IMPEL_TLSA_H

#include "base/buf.h"

/* Certificate usages 0 and 1 rest on authorities that a mail server has no
 * list of, and are never usable (RFC 7672 3.1.3). */
enum { TLSA_TA = 2, TLSA_EE = 3 };
enum { TLSA_WHOLE = 0, TLSA_KEY = 1 };                    /* selector */
enum { TLSA_FULL = 0, TLSA_SHA256 = 1, TLSA_SHA512 = 2 }; /* matching type */
enum { TLSA_RECORDS_MAX = 64 }; /* of one set; what comes behind is unusable */

struct tlsa {
    uint8_t usage, selector, matching;
    struct str data; /* as in the record: digest, certificate or key */
};
struct tlsa_set {
    _Atomic unsigned refs;
    size_t count; /* of those that are used */
    size_t seen;  /* of all that the answer had */
    struct tlsa *record;
    uint8_t *octets; /* what `data` points into */
};

/* The RDATA of one record: 0, or ERR_PROTO for what cannot be used: too short,
 * unknown numbers, a digest of another length, a certificate or key that no
 * DER begins like.  to->data is lent from rdata. */
int tlsa_parse(struct str rdata, struct tlsa *to);

/* The usable ones of rdata[0..count), each once.  For one usage and selector
 * only the strongest digest counts (RFC 7671 9), and full data always.
 * Never NULL; without usable ones its count is 0. */
struct tlsa_set *tlsa_set_new(const struct str *rdata, size_t count);
struct tlsa_set *tlsa_set_ref(struct tlsa_set *s); /* NULL: NULL */
void tlsa_set_unref(struct tlsa_set **s);
/* "3 1 1 ab12...", sorted, one record after another with ", " between; two
 * that differ are printed differently. */
void tlsa_set_print(const struct tlsa_set *s, struct buf *to);
bool tlsa_set_has(const struct tlsa_set *s, uint8_t usage);

/* The record of that usage that a certificate (DER) fits, or NULL. */
const struct tlsa *tlsa_set_match(
    const struct tlsa_set *s, uint8_t usage, struct str certificate);
/* The SubjectPublicKeyInfo of a certificate, with its tag and length, as it
 * stands there (it is what digests are made of); absent: no certificate. */
struct str tlsa_key_of(struct str certificate);

#endif
