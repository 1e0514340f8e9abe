/* SPDX-License-Identifier: Apache-2.0
 *
 * capability.h - what a peer offered in its reply to EHLO (RFC 5321 4.1.1.1).
 */
#ifndef IMPEL_LIB_CAPABILITY_H
#define IMPEL_LIB_CAPABILITY_H

#include <stdint.h>

#include "reply.h"

enum {
    CAPABILITY_PIPELINING = 1,
    CAPABILITY_SIZE = 2,
    CAPABILITY_8BITMIME = 4,
    CAPABILITY_SMTPUTF8 = 8,
    CAPABILITY_DSN = 16,
    CAPABILITY_CHUNKING = 32,
    CAPABILITY_ENHANCED = 64,
    CAPABILITY_STARTTLS = 128,
    CAPABILITY_XCLIENT = 256,
    CAPABILITY_AUTH = 512,
    CAPABILITY_REQUIRETLS = 1024,
    CAPABILITY_BINARYMIME = 2048,
    CAPABILITY_LIMITS = 4096,
    CAPABILITY_DELIVERBY = 8192,
    CAPABILITY_FUTURERELEASE = 16384
};
enum { /* what XCLIENT lists */
    CAPABILITY_XCLIENT_NAME = 1,
    CAPABILITY_XCLIENT_ADDR = 2,
    CAPABILITY_XCLIENT_PORT = 4,
    CAPABILITY_XCLIENT_PROTO = 8,
    CAPABILITY_XCLIENT_HELO = 16,
    CAPABILITY_XCLIENT_LOGIN = 32,
    CAPABILITY_XCLIENT_DESTADDR = 64,
    CAPABILITY_XCLIENT_DESTPORT = 128
};

struct capability {
    uint32_t has;
    uint32_t xclient;    /* CAPABILITY_XCLIENT_* */
    uint64_t size_limit; /* what SIZE said; 0: nothing, or no limit */
    /* LIMITS (RFC 9422); 0: nothing was said */
    uint32_t mail_max, rcpt_max, rcpt_domain_max;
    uint32_t by_min; /* seconds, of DELIVERBY; 0: any */
    char auth[256];  /* what AUTH listed, with blanks between */
};

/* Read the lines of a 250 to EHLO; the first is the peer's name and says
 * nothing.  Unknown keywords are passed over, and so is a bad SIZE number. */
void capability_parse(struct capability *c, const struct reply *r);

#endif
