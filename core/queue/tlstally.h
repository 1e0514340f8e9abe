/* SPDX-License-Identifier: Apache-2.0
 *
 * tlstally.h - how sessions with a domain's hosts fared as to TLS, counted as
 * reports tell of it (RFC 8460 4.3, 4.4).
 *
 * One tally is of one domain and one stretch of time.  It is bounded: names are
 * cut, and beyond so many policies and kinds of failure sessions are counted
 * without their particulars.  Text of others is made plain before it is kept:
 * what no JSON could hold does not get in.
 */
#ifndef IMPEL_TLSTALLY_H
#define IMPEL_TLSTALLY_H

#include <jansson.h>

#include "base/list.h"
#include "base/str.h"

enum {
    TLSTALLY_POLICIES = 8,      /* of a tally */
    TLSTALLY_FAILURES = 64,     /* kinds, of a policy */
    TLSTALLY_STRINGS = 64,      /* of a policy, and as many patterns of MX */
    TLSTALLY_TEXT_MAX = 255,    /* octets of each text */
    TLSTALLY_STRING_MAX = 1200, /* of one of a policy: a whole key fits */
    TLSTALLY_BYTES = 64 << 10   /* of all: what is stored in one piece */
};

/* What the session should have kept to.  Lists: one text a line. */
struct tlstally_policy {
    struct str type; /* "tlsa", "sts", "no-policy-found" */
    struct str domain;
    struct str strings, mx; /* or absent */
};
/* Texts that are not known are absent. */
struct tlstally_failure {
    struct str result; /* a word of RFC 8460 4.3 */
    struct str sending_ip, mx, helo, receiving_ip;
    struct str info; /* a URI */
    struct str code; /* whatever the program says */
};

struct tlstally {
    char *domain;        /* as A-labels */
    int64_t from, until; /* wall ms; until: of its last session, and later of
                            its end */
    uint64_t good, bad;
    size_t bytes; /* about what it takes */
    struct list policies;
    size_t policy_count;
};

struct tlstally *tlstally_new(struct str domain, int64_t from);
void tlstally_free(struct tlstally **t);
/* One more session; f NULL: it was as it should be. */
void tlstally_add(struct tlstally *t, const struct tlstally_policy *p,
    const struct tlstally_failure *f);

/* "policies" of a report; the asker's. */
json_t *tlstally_print(const struct tlstally *t);
/* The same read back into an empty tally; what cannot be is left out. */
void tlstally_read(struct tlstally *t, const json_t *policies);

#endif
