/* SPDX-License-Identifier: Apache-2.0
 *
 * large.h - a body in a file of its own: large/NN/ID.
 *
 * Written by a body thread in steps while it is received, synced with its
 * directory before the ACCEPT that names it joins a commit, unlinked after its
 * DONE is durable.  All calls but large_free() come from one loop, the home;
 * only one step is under way at a time.
 */
#ifndef IMPEL_LARGE_H
#define IMPEL_LARGE_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/mailbox.h"

struct spool;
struct large;

enum { LARGE_STEP = 256 * 1024 };

struct large *large_new(struct spool *s, uint64_t id, struct mailbox *home);
/* One that is on disk already. */
struct large *large_of_file(
    struct spool *s, uint64_t id, uint64_t size, uint64_t sum);
/* Takes what is in from (left empty).  0, ERR_AGAIN: room() follows, or the
 * error of an earlier step. */
typedef void large_room_f(void *arg, int result);
void large_on_room(struct large *l, large_room_f *fn, void *arg);
int large_add(struct large *l, struct buf *from, struct err *e);
/* Write what is left, sync file and directory; done() is called on home. */
typedef void large_synced_f(void *arg, int result, const struct err *e);
void large_commit(struct large *l, large_synced_f *done, void *arg);
/* Committed again, after it was once, it only takes this name; not while it is
 * read. */
void large_rename(struct large *l, uint64_t id);
struct spool *large_spool(const struct large *l);
uint64_t large_size(const struct large *l);
uint64_t large_sum(const struct large *l); /* after the commit */
/* From now on the writer knows it: freeing keeps the file. */
void large_hand_over(struct large *l);
/* Any thread, no call under way but a step of its own (it frees itself after
 * that).  The file goes unless it was handed over.  *l becomes NULL. */
void large_free(struct large **l);

/* A thread that may block: up to n bytes at offset `at`; ERR_IO. */
int64_t large_read(
    struct large *l, uint64_t at, void *to, size_t n, struct err *e);

/* One reading of a body, from its first octet to its last, summed on the way.
 * What is left out is read for the sum before the last octets are given out:
 * whoever has got them all has the body that was stored. */
struct large_pass;
struct large_pass *large_pass_new(struct large *l);
void large_pass_free(struct large_pass **p); /* the body may be gone */
/* A thread that may block, one call at a time: up to n bytes at `at`, 0 at the
 * end.  ERR_DAMAGED: it is gone, cut off or not what was stored, which was
 * logged with its name; ERR_IO: not read, or a second look found it well. */
int64_t large_pass_read(
    struct large_pass *p, uint64_t at, void *to, size_t n, struct err *e);

/* The whole file against its size and sum: 0, ERR_DAMAGED, ERR_IO. */
int large_verify(const char *path, uint64_t size, uint64_t sum, struct err *e);

#endif
