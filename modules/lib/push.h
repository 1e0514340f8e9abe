/* SPDX-License-Identifier: Apache-2.0
 *
 * push.h - what a push service gets of a message: a part of the container
 * multipart/vnd.msys.mcmt, or an ordinary message made into few words.
 *
 * A part is a message within the message: its own fields, an empty line, the
 * payload.  Only a message that was let in as a container (mcmt_reception) is
 * looked at as one; any other is converted, or fails.
 */
#ifndef IMPEL_LIB_PUSH_H
#define IMPEL_LIB_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "mime.h"

enum {
    PUSH_SUBJECT_MOST = 1024, /* octets of UTF-8 */
    PUSH_TEXT_MOST = 16384,
    PUSH_NAMED_MOST = 4096
};
struct push_want {
    const char *const *types; /* of the part, in small letters; NULL-ended */
    size_t most;              /* octets of its payload */
    bool container;           /* the message may be one */
    bool convert;             /* push_convert */
    const char *named;        /* a field of an ordinary message that names the
                               * device, or NULL */
};
struct push_found {
    struct impel_str fields;  /* of the part; empty: it was converted */
    struct impel_str payload; /* decoded, of the part; absent: converted */
    const char *type;         /* of the part; NULL: converted */
    struct impel_str named;   /* converted: want.named, or absent */
    struct impel_str subject; /* converted, as UTF-8; may be empty */
    struct impel_str text;    /* no control characters but HT, CR and LF */
    bool cut;                 /* the text was longer */
};

struct push;
struct push *push_new(const struct push_want *want); /* NULL: no memory */
/* The next octets of the message as it is stored.  false: no more is needed. */
bool push_feed(struct push *p, const char *at, size_t n);
/* That was all.  NULL, and *to is good until push_free(); or why the message
 * cannot be sent: as it is, "550 5.6.0 [internal] ...", or now, "451 ...". */
const char *push_end(struct push *p, struct push_found *to);
void push_free(struct push *p);

/* Reads a batch's message into it, as far as it goes.  0: enough was read;
 * IMPEL_E_AGAIN: EV_BODY follows, call it again with the same *at;
 * IMPEL_E_FULL: enough for one turn, call it again in another; else the message
 * cannot be read. */
int push_read(struct push *p, const struct impel_host *host,
    struct impel_batch *batch, uint64_t *at);

/* Was it let in as a container? */
bool push_is_container(
    const struct impel_host *host, struct impel_batch *batch);

#endif
