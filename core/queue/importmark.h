/* SPDX-License-Identifier: Apache-2.0
 *
 * importmark.h - how far an import has come: what is on disk of it.
 *
 * One value for each spool that mail was ever imported from, by that spool's
 * own id.
 */
#ifndef IMPEL_IMPORTMARK_H
#define IMPEL_IMPORTMARK_H

#include "base/buf.h"
#include "spool/spool.h"

enum { IMPORTMARK_LEFT_MOST = 500 };
struct importmark {
    uint64_t source;   /* the id of the other spool */
    uint64_t high;     /* all of its messages up to this one are here, ... */
    uint64_t from, to; /* ids of ours: those from `from` to before `to` are
                          nobody's */
    uint64_t *left;    /* ... but for these, which could not be read; rising */
    size_t left_count;
};
void importmark_fini(struct importmark *m);
void importmark_copy(const struct importmark *m, struct importmark *to);
/* Is that message of the other spool still to be imported? */
bool importmark_wants(const struct importmark *m, uint64_t id);
/* It was, or it could not be read.  They come by id, rising.  ERR_LIMIT: too
 * many could not be read. */
int importmark_pass(struct importmark *m, uint64_t id, bool read);

/* As it is stored, and back: ERR_DAMAGED. */
void importmark_print(const struct importmark *m, struct buf *to);
int importmark_parse(struct str text, struct importmark *to);

/* The mark of a source, zeros if there is none.  ERR_DAMAGED. */
int importmark_get(struct spool *s, uint64_t source, struct importmark *to);
/* durable() on the scheduler, after the commit. */
int importmark_put(struct spool *s, const struct importmark *m,
    void (*durable)(void *arg), void *arg, struct err *e);
/* fn may keep nothing of what it is shown. */
typedef void importmark_f(void *arg, const struct importmark *m);
void importmark_each(struct spool *s, importmark_f *fn, void *arg);

#endif
