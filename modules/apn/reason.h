/* SPDX-License-Identifier: Apache-2.0
 *
 * reason.h - what Apple's answers mean for the queue (docs/modules/apn.md has
 * the tables).
 */
#ifndef IMPEL_APN_REASON_H
#define IMPEL_APN_REASON_H

#include "apn.h"
#include "h2.h"

struct reason {
    struct impel_result result; /* its text is lent from the answer */
    bool unregistered;          /* the device is gone for good */
    bool expired;               /* the provider token is too old */
    int64_t since;              /* unregistered: when Apple knew, ms; 0: ? */
    char words[120];            /* reason, or what stood in its place */
};
/* Of HTTP/2.  wall: ms. */
void reason_of(const struct h2_answer *a, int64_t wall, struct reason *to);
/* The status of a binary error packet. */
void reason_binary(uint8_t status, struct reason *to);

#endif
