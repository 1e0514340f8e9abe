/* SPDX-License-Identifier: Apache-2.0
 *
 * letter.h - a multimedia message that an MMSC brings, as mail: fields of RFC
 * 5322, then the content, in lines that every host of mail can take.
 */
#ifndef IMPEL_MM7_LETTER_H
#define IMPEL_MM7_LETTER_H

#include <stdbool.h>

#include "call.h"

enum { LETTER_ADDRESS = 320, LETTER_DEPTH = 8, LETTER_PARTS = 500 };

/* Who it is from and to, where numbers live in a domain of mail. */
struct letter_names {
    struct impel_str from_domain, to_domain; /* of numbers and short codes */
    struct impel_str from; /* of who does not say it: local part or address */
    struct impel_str to;   /* likewise; empty: nobody */
    struct impel_str host; /* for Message-ID */
};
/* "15551234567@mms.example.com".  false: it is no address that mail has. */
bool letter_address(const struct call_address *a, struct impel_str domain,
    char to[LETTER_ADDRESS]);
bool letter_sender(const struct call *c, const struct letter_names *names,
    char to[LETTER_ADDRESS]);
/* Who gets what names nobody.  false: nobody does. */
bool letter_default(const struct letter_names *names, char to[LETTER_ADDRESS]);

/* Appends the message.  Its content is what the request's names of the body, or
 * all that there is beside the SOAP.  now: s, wall clock.
 * NULL; or what is wrong with the content, a constant text; mime_no_memory:
 * nothing is. */
const char *letter_write(const struct call *c, const struct soap_body *body,
    const struct letter_names *names, int64_t now, struct text *to);

#endif
