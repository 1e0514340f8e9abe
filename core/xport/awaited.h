/* SPDX-License-Identifier: Apache-2.0
 *
 * awaited.h - recipients of whom more is told after they were delivered.
 *
 * Some peers take a message and say later what has become of it.  What a
 * notification needs by then is kept as a small durable value, under a key
 * that the module and its peer have in common: the message itself is gone.
 */
#ifndef IMPEL_AWAITED_H
#define IMPEL_AWAITED_H

#include "spool/message.h"
#include "spool/spool.h"

enum {
    AWAITED_KEY_MAX = 256, /* octets of a module's key */
    AWAITED_NAME_MAX = 64  /* octets of its name */
};

struct awaited {
    uint64_t id;      /* of the message */
    uint32_t number;  /* of the recipient in it */
    uint32_t notify;  /* NOTIFY_*, as given */
    uint32_t needs;   /* of the envelope */
    uint32_t told;    /* bits, 1 << IMPEL_DELIVERED ...: what was told */
    int64_t received; /* wall ms */
    int64_t expiry;   /* wall ms; nobody waits any longer */
    struct str sender, envid, binding, address, original;
};

/* The name of a value among those of all modules, appended. */
void awaited_key(const char *module, struct str key, struct buf *to);
/* The record of a value, appended. */
void awaited_print(const struct awaited *a, struct buf *to);
/* Texts are borrowed from the record.  ERR_DAMAGED. */
int awaited_parse(struct str record, struct awaited *to);

/* key: of awaited_key(); any thread.  As spool_state_put_limited(). */
int awaited_put(
    struct spool *s, struct str key, const struct awaited *a, struct err *e);
/* ERR_NOTFOUND: nobody waits for that; ERR_DAMAGED.  *to borrows from
 * record, which is overwritten. */
int awaited_get(
    struct spool *s, struct str key, struct buf *record, struct awaited *to);
/* What spool_accept() stores with a message; borrows key and record. */
struct spool_value awaited_value(
    struct str key, struct str record, int64_t expiry);

#endif
