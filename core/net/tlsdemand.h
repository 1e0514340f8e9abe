/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsdemand.h - the TLS that a host must be spoken to with, beside what the
 * options say.
 *
 * Whoever finds it out for a route (DANE, MTA-STS, REQUIRETLS) makes one and
 * hangs it on the hop; the session keeps it, xport/tlspolicy.h merges it with
 * the options of the scope, the stricter of both, and it is part of what two
 * sessions must have in common to take each other's place.
 *
 * Filled by its maker, and not changed once it is shared.  Counted; any thread.
 */
#ifndef IMPEL_TLSDEMAND_H
#define IMPEL_TLSDEMAND_H

#include "net/tlsa.h"

enum tlsdemand_by { TLSDEMAND_DANE, TLSDEMAND_STS, TLSDEMAND_REQUIRETLS };
enum tlsdemand_level {
    TLSDEMAND_WATCHED,   /* mail goes as the options say, but is it well? */
    TLSDEMAND_ENCRYPTED, /* never in clear; with whomever */
    TLSDEMAND_VERIFIED   /* never in clear, and only with this host */
};
enum { TLSDEMAND_NAMES = 4 };

struct tlsdemand {
    _Atomic unsigned refs;
    enum tlsdemand_by by;
    enum tlsdemand_level level;
    struct tlsa_set *tlsa; /* how to verify; NULL: authorities and a name */
    bool requiretls;       /* for mail with REQUIRETLS only (RFC 8689) */
    char *sni;             /* name to ask for; NULL: the host's */
    /* Names that the certificate may have, any of them; none: as with
     * tls_verify = host. */
    char *name[TLSDEMAND_NAMES];
    bool unnamed; /* an MTA-STS policy in mode testing does not name the host */
    char *text;   /* one line: where it comes from; for logs and `explain` */
    /* For reports of TLS (RFC 8460 4.4), one text a line, or NULL: an MTA-STS
     * policy as it was fetched, and its patterns of MX. */
    char *policy, *mx;
};

/* One reference, and of all the rest nothing. */
struct tlsdemand *tlsdemand_new(
    enum tlsdemand_by by, enum tlsdemand_level level);
/* Adds a name, unless it is there or there is no room. */
void tlsdemand_add_name(struct tlsdemand *d, struct str name);
struct tlsdemand *tlsdemand_ref(struct tlsdemand *d); /* NULL: NULL */
void tlsdemand_unref(struct tlsdemand **d);
/* All that decides on a handshake, one line; NULL: nothing is appended. */
void tlsdemand_print(const struct tlsdemand *d, struct buf *to);
bool tlsdemand_eq(const struct tlsdemand *a, const struct tlsdemand *b);
const char *tlsdemand_by_name(enum tlsdemand_by by); /* "dane" */
const char *tlsdemand_level_name(enum tlsdemand_level level);

#endif
