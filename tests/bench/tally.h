/* SPDX-License-Identifier: Apache-2.0
 *
 * tally.h - what the sink saw, and its line of JSON.
 */
#ifndef IMPEL_TALLY_H
#define IMPEL_TALLY_H

#include <stdint.h>

struct tally {
    long served, messages, twice, changed, unnamed, tempfails, connections;
    long long bytes;
    int64_t first, last; /* us */
    int64_t *took_us;    /* end to end, of messages that say when they began */
    long took_n, took_size;
    int64_t gaps_us; /* from end to end of messages on one connection, summed */
    long gaps;
};
void tally_took(struct tally *t, int64_t us); /* one message, end to end */
void tally_print(struct tally *t);            /* the line; times are freed */

#endif
