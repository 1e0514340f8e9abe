/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.h - a few threads for what blocks: reading cold bodies, checking a
 * configuration, rotating files.  Momentum's threadpool "name" { concurrency }.
 */
#ifndef IMPEL_POOL_H
#define IMPEL_POOL_H

#include "loop/mailbox.h"
#include "base/err.h"

struct pool;
struct pool_job {     /* embedded in the caller's object */
    struct mail mail; /* for the way there and back */
    struct mailbox *home;
    void (*work)(struct pool_job *); /* on a thread of the pool */
    void (*done)(struct pool_job *); /* back home; may free the object */
    struct pool *pool;
};

struct pool *pool_new(const char *name, unsigned threads, struct err *e);
/* Finishes what was submitted, joins, frees. */
void pool_free(struct pool **p);
/* Any thread.  home: where done() is delivered. */
void pool_submit(struct pool *p, struct pool_job *j, struct mailbox *home,
    void (*work)(struct pool_job *), void (*done)(struct pool_job *));
uint64_t pool_backlog(const struct pool *p);

#endif
