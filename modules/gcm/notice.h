/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.h - one notification, made of a message: whom it is for, and what is
 * said to Google in either protocol.
 *
 * What a message says in X-* fields of its part goes before the options of the
 * same meaning (docs/modules/gcm.md has the table).
 */
#ifndef IMPEL_GCM_NOTICE_H
#define IMPEL_GCM_NOTICE_H

#include <stdbool.h>
#include <stddef.h>

#include "gcm.h"
#include "push.h"

enum {
    NOTICE_PART_MOST = 16384,  /* octets of a part's payload */
    NOTICE_DATA_MOST = 4096,   /* of data and notification, as JSON */
    NOTICE_TOPIC_MOST = 2048,  /* the same to a topic */
    NOTICE_DEVICE_MOST = 4096, /* of a registration id */
    NOTICE_ADDRESS_LEAST = 20  /* of one that is a local part */
};
enum notice_target { TARGET_TOKEN, TARGET_TOPIC, TARGET_CONDITION };
struct notice {
    char *device; /* as the message names it; NULL: the recipients do */
    enum notice_target target;
    char *members; /* what stands beside the target, JSON without braces */
    bool dry_run, converted;
};

/* Which parts, and how much of them, for push_new(). */
struct push_want notice_want(const struct gcm *m,
    const struct impel_scope *scope, struct impel_batch *batch);
/* NULL: *to is filled; or what is wrong with the message, as
 * "550 5.6.0 [internal] ...", good until the next call on this thread.
 * notice_fini() in any case. */
const char *notice_make(const struct gcm *m, const struct impel_scope *scope,
    struct impel_batch *batch, const struct push_found *found,
    enum gcm_protocol protocol, struct notice *to);
void notice_fini(struct notice *n);
/* The local part of an address as a registration id, of as many octets at most;
 * false: it is none. */
bool notice_address(struct impel_str local, char *to);
/* The body of the request for that device, to be freed; NULL: no memory. */
char *notice_body(
    const struct notice *n, enum gcm_protocol protocol, const char *device);

#endif
