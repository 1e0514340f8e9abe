/* SPDX-License-Identifier: Apache-2.0
 *
 * stspolicy.h - MTA-STS (RFC 8461): the record in DNS, the policy, and which
 * hosts it names.  No I/O.
 *
 * Both texts come from whoever answers for a domain: every length is bounded,
 * and what is not as the RFC writes it is refused.
 */
#ifndef IMPEL_STSPOLICY_H
#define IMPEL_STSPOLICY_H

#include "base/buf.h"
#include "base/err.h"
#include "net/dns.h"

enum {
    STSPOLICY_ID_MAX = 32,       /* octets */
    STSPOLICY_SIZE_MAX = 65536,  /* of the document (RFC 8461 3.2) */
    STSPOLICY_MX_MAX = 1000,     /* patterns */
    STSPOLICY_AGE_MAX = 31557600 /* seconds: a year */
};

/* The id of the one record among TXT records that begins with "v=STSv1;"
 * (3.1).  ERR_NOTFOUND: there is none.  ERR_PROTO: there are several, or it
 * cannot be read. */
int stspolicy_id(const struct dns_record *txt, size_t count,
    char id[STSPOLICY_ID_MAX + 1], struct err *e);

enum stspolicy_mode { STSPOLICY_NONE, STSPOLICY_TESTING, STSPOLICY_ENFORCE };
struct stspolicy { /* counted, not changed; scheduler's thread */
    unsigned refs;
    enum stspolicy_mode mode;
    int64_t max_age; /* seconds, STSPOLICY_AGE_MAX at most */
    size_t mx_count; /* patterns, in lower case without a final dot */
    char **mx;
};
/* A document as it was served (3.2), or printed.  Whoever fetches it keeps to
 * STSPOLICY_SIZE_MAX.  One reference; ERR_PROTO: it is none. */
int stspolicy_parse(struct str text, struct stspolicy **to, struct err *e);
struct stspolicy *stspolicy_ref(struct stspolicy *p); /* NULL: NULL */
void stspolicy_unref(struct stspolicy **p);
/* As a document, a line each, which reads as the same policy. */
void stspolicy_print(const struct stspolicy *p, struct buf *to);
bool stspolicy_eq(const struct stspolicy *a, const struct stspolicy *b);
/* Does a pattern name that host (4.1)?  "*." stands for one label. */
bool stspolicy_has_mx(const struct stspolicy *p, struct str host);
const char *stspolicy_mode_name(enum stspolicy_mode m);

/* "text/plain", with whatever parameters. */
bool stspolicy_is_text(struct str content_type);

#endif
