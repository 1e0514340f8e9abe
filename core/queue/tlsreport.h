/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsreport.h - a tally as the report that its domain gets: JSON, compressed,
 * by itself or in a mail (RFC 8460 4.4, 5).
 */
#ifndef IMPEL_TLSREPORT_H
#define IMPEL_TLSREPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "queue/tlstally.h"

struct tlsreport {
    const struct tlstally *tally; /* from and until are the report's */
    struct str organization, contact;
    struct str from; /* address that it is sent from; its domain submits */
    uint64_t id;     /* of this report: with `from` and domain unique */
};

/* The domain that submits: that of `from`. */
struct str tlsreport_submitter(const struct tlsreport *r);
/* "1763683200.2a.example.com@mta.example.org" */
void tlsreport_print_id(const struct tlsreport *r, struct buf *to);
/* The file's name: submitter!domain!begin!end!id.json.gz (5.1). */
void tlsreport_print_name(const struct tlsreport *r, struct buf *to);
/* The report, of one line, ASCII only. */
void tlsreport_print(const struct tlsreport *r, struct buf *to);
/* RFC 1952.  ERR_LIMIT: no memory. */
int tlsreport_pack(struct str json, struct buf *to, struct err *e);
/* The whole mail: header and body, lines end in CRLF.  number: of the message,
 * for its Message-ID and boundary. */
void tlsreport_print_mail(const struct tlsreport *r, struct str packed,
    struct str to_address, uint64_t number, int64_t now, struct buf *to);

#endif
