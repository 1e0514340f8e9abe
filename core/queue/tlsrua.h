/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsrua.h - the record _smtp._tls of a domain: whether it wants reports of
 * TLS, and where to (RFC 8460 3).
 *
 * What stands there is a stranger's: it says where this server sends mail and
 * requests to, so only what is plainly an address or an https URL counts.
 */
#ifndef IMPEL_TLSRUA_H
#define IMPEL_TLSRUA_H

#include "base/err.h"
#include "base/str.h"

enum {
    TLSRUA_MOST = 8, /* places of one domain; those behind are left out */
    TLSRUA_URI_MAX = 1024,
    TLSRUA_TEXT_MAX = 8192 /* of a record */
};
struct tlsrua_place {
    bool https; /* else mail */
    char *to;   /* the URL as it stands there, or the address */
};
struct tlsrua {
    size_t count;
    struct tlsrua_place place[TLSRUA_MOST];
};

/* Of all TXT records of the name (strings joined).  Those that do not begin
 * with "v=TLSRPTv1;" are no such records.  Schemes that are not known, and
 * places that are no address and no URL, are left out.
 * 0: there is at least one place.  ERR_NOTFOUND: no record, or more than one:
 * the domain wants none.  ERR_PROTO: its record is none, e says why.  Fini in
 * any case. */
int tlsrua_parse(
    const struct str *txt, size_t count, struct tlsrua *to, struct err *e);
void tlsrua_fini(struct tlsrua *r);

#endif
