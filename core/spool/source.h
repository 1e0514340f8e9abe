/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h - the mail of another spool, whose daemon is stopped, for `spool
 * import`: read, and nothing in it is changed.
 *
 * Everything in it is as doubtful as what a client sends: it is bounded and
 * checked here, so that what is handed out could have come in by SMTP.
 * All calls block; one thread at a time.
 */
#ifndef IMPEL_SOURCE_H
#define IMPEL_SOURCE_H

#include <stdatomic.h>
#include "spool/spool.h"

enum { SOURCE_TEXT_MOST = 1024, SOURCE_META_MOST = 64 };

struct source;
struct source_parcel { /* recipients that are due together */
    const uint32_t *rcpt;
    uint32_t rcpt_count, retries;
    struct spool_place attempt;
    int64_t next_attempt; /* wall ms; 0: never tried */
};
struct source_message { /* that is not finished */
    uint64_t id, size;
    struct spool_place accept;
    uint32_t rcpt_count; /* still to be served */
    uint32_t parcel_count;
    const struct source_parcel *parcel;
};

/* dir is a spool of this version that nobody uses; its lock is held until
 * source_close().  An export (export.h) must be whole.  *stop: give up.
 * ERR_DAMAGED, ERR_NOTFOUND, ERR_VERSION, ERR_BUSY,
 * ERR_IO, ERR_CLOSED (stopped). */
int source_open(const char *dir, const _Atomic bool *stop, struct source **to,
    struct err *e);
void source_close(struct source **s);
uint64_t source_identity(const struct source *s); /* as spool_identity() */
/* Things found damaged so far. */
uint64_t source_damaged(const struct source *s);
/* By id, ascending. */
size_t source_count(const struct source *s);
const struct source_message *source_get(const struct source *s, size_t i);

struct source_loaded {
    const struct source_message *of;
    struct message *message;     /* all of its recipients, those served too */
    struct source_states {       /* of each parcel's last attempt */
        struct rcpt_state *rcpt; /* one block, or NULL */
        size_t count;
    } * states;
    uint32_t parcel_count;
    uint64_t size;            /* of its bytes */
    struct source_text *text; /* how far they are read */
};
/* ERR_DAMAGED, ERR_INVAL (why it could not have come in), ERR_IO. */
int source_load(
    struct source *s, size_t i, struct source_loaded *to, struct err *e);
void source_loaded_fini(struct source_loaded *l);
/* What is known of a recipient of that parcel; zeros: nothing. */
struct rcpt_state source_state(
    const struct source_loaded *l, uint32_t parcel, uint32_t rcpt);
/* Its bytes, in order: up to n, 0 at the end.  Whoever has got all of a large
 * body has what was stored.  ERR_DAMAGED, ERR_IO. */
int64_t source_read(struct source_loaded *l, void *to, size_t n, struct err *e);

#endif
