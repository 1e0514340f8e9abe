/* SPDX-License-Identifier: Apache-2.0
 *
 * oob.h - bounces that come as mail: reports of RFC 3464 (and 6522, 6533) to
 * an address of bounce_domains.
 *
 * A message is read while it is received, line by line and in bounded memory:
 * its Content-Type, then the fields of its message/delivery-status part.  What
 * is no such report is mail like any other.
 */
#ifndef IMPEL_OOB_H
#define IMPEL_OOB_H

#include "base/buf.h"
#include "conf/scope.h"

enum oob_action { OOB_OTHER, OOB_FAILED, OOB_DELAYED };
struct oob_rcpt {           /* what a report says of one recipient; owned */
    char *original, *final; /* addresses, or NULL */
    enum oob_action action;
    uint16_t status[3];
    uint16_t code;    /* of an SMTP diagnostic; 0: none */
    char *diagnostic; /* its text, or NULL */
};
enum { OOB_RCPTS_MAX = 100, OOB_BYTES_MAX = 262144, OOB_LINE_MAX = 2048 };

struct oob;
struct oob *oob_new(void);
void oob_free(struct oob **o);
/* The next bytes of the message. */
void oob_feed(struct oob *o, const char *p, size_t n);
/* All bytes were fed: how many recipients it reports. */
size_t oob_finish(struct oob *o);
const struct oob_rcpt *oob_rcpt(const struct oob *o, size_t i);
/* Does it report a failure or a delay? */
bool oob_is_bounce(const struct oob *o);
/* The address that bounced; absent: it is in the list (addresses and @domains,
 * by comma), or was not said. */
struct str oob_original(const struct oob_rcpt *r, struct str suppressed);

#endif
