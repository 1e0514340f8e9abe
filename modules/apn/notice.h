/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.h - one notification, made of a message: payload, and what stands
 * beside it.
 *
 * What a message says in X-APN-* fields of its part goes before the options of
 * the same names.  Everything is bounded and looked at here, so that nothing a
 * message says can become a field of its own, or a frame.
 */
#ifndef IMPEL_APN_NOTICE_H
#define IMPEL_APN_NOTICE_H

#include "apn.h"
#include "push.h"

enum {
    NOTICE_PAYLOAD = 4096,
    NOTICE_PAYLOAD_VOIP = 5120,
    NOTICE_PAYLOAD_BINARY = 2048,
    NOTICE_TOKEN_MOST = 200 /* hexadecimal digits; today they are 64 */
};
struct notice {
    char *payload; /* JSON */
    size_t payload_n;
    bool converted;
    char token[NOTICE_TOKEN_MOST + 1]; /* small letters; "": the recipient's */
    char topic[256], push_type[33], collapse_id[65], id[37]; /* "": none */
    char priority[3];
    int64_t expiration; /* seconds since 1970; 0: now or never */
};

/* NULL: *to is filled; or what is wrong with the message, as
 * "550 5.6.0 [internal] ...", good until the next call on this thread. */
const char *notice_make(const struct apn *m, const struct impel_scope *scope,
    struct impel_batch *batch, const struct impel_envelope *envelope,
    const struct push_found *found, bool binary, struct notice *to);
void notice_fini(struct notice *n);
/* A device token as it goes into a path: false: it is none. */
bool notice_token(struct impel_str s, char to[NOTICE_TOKEN_MOST + 1]);
/* What a message may be for, for push_new(). */
struct push_want notice_want(const struct apn *m,
    const struct impel_scope *scope, struct impel_batch *batch);

#endif
