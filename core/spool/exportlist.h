/* SPDX-License-Identifier: Apache-2.0
 *
 * exportlist.h - the file `export` in the directory of an exported spool: what
 * belongs to it, so that whoever has copied it knows whether all of it came.
 *
 *     impel-export 1
 *     spool 0123456789abcdef
 *     made 2026-11-21T12:00:00.000Z
 *     file 33554432 0123456789abcdef0123456789abcdef segments/00000007.seg
 *     file 45 0123456789abcdef0123456789abcdef version
 *     end 2 0123456789abcdef0123456789abcdef
 *
 * A sum is XXH3 with 128 bits; that of the end is of the lines before it. Paths
 * ascend.
 */
#ifndef IMPEL_EXPORTLIST_H
#define IMPEL_EXPORTLIST_H

#include "base/buf.h"
#include "base/err.h"

enum { EXPORTLIST_VERSION = 1, EXPORTLIST_SUM = 32 };

struct exportlist_file {
    struct str path; /* in the directory */
    uint64_t size;
    char sum[EXPORTLIST_SUM + 1];
};
struct exportlist {
    uint64_t spool; /* its id */
    struct exportlist_file *file;
    size_t count, segments; /* of them */
};

void exportlist_sum(struct str bytes, char to[EXPORTLIST_SUM + 1]);
/* Of bytes that come one after the other; freed by the digest. */
void *exportlist_sum_new(void);
void exportlist_sum_add(void *sum, const void *p, size_t n);
void exportlist_sum_end(void *sum, char to[EXPORTLIST_SUM + 1]);

void exportlist_begin(struct buf *to, uint64_t spool, int64_t wall);
void exportlist_add(struct buf *to, const struct exportlist_file *f);
void exportlist_end(struct buf *to, size_t count);

/* Paths borrow from text.  ERR_VERSION: of another version; ERR_DAMAGED: it is
 * not whole, or names what no export has. */
int exportlist_parse(struct str text, struct exportlist *to, struct err *e);
void exportlist_fini(struct exportlist *l);

#endif
