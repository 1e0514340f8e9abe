/* SPDX-License-Identifier: Apache-2.0
 *
 * print.h - what the console's verbs of queues have in common.
 */
#ifndef IMPEL_PRINT_H
#define IMPEL_PRINT_H

#include <jansson.h>
#include "queue/scheduler_int.h"

struct print_sums { /* of some queues */
    uint64_t sessions, active, delayed, delivered, failed, transient;
};
/* Add a queue's. */
void print_add(struct print_sums *to, const struct queue *q);
/* binding absent or "all": any. */
bool print_is_of(const struct queue *q, struct str binding);
/* The zone of that name in any case; absent or "all" is not a name. */
struct zone *print_zone(struct scheduler *s, struct str domain);
bool print_is_all(struct str name);

json_t *print_str(struct str s); /* bytes that are no UTF-8 become '?' */
json_t *print_id(uint64_t id);
/* Takes the reference; one line. */
void print_json(json_t *j, struct buf *out);
/* The parcels of a message: the id that logs show is the message's plus the
 * recipient's index.  NULL: none; *rcpt: UINT32_MAX if id is the message's. */
struct parcel *print_find(struct scheduler *s, uint64_t id, uint32_t *rcpt);

#endif
