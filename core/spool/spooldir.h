/* SPDX-License-Identifier: Apache-2.0
 *
 * spooldir.h - the spool's directory: layout, lock, version, free space.
 *
 *   version               "impel-spool 1", how often it was opened, its id
 *   lock                  held (flock) by whoever uses the spool
 *   segments/00000001.seg one segment; .idx beside it: its index, once sealed
 *   segments/spare-N      allocated, holds nothing
 *   large/NN/ID           a large body; NN: last two digits of the ID
 *   quarantine/...        copies of bytes that were found damaged
 *   exported, export      it was exported, it is an export (export.h)
 */
#ifndef IMPEL_SPOOLDIR_H
#define IMPEL_SPOOLDIR_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

enum { SPOOLDIR_VERSION = 1 };

struct spooldir {
    char *path, *segments, *large, *quarantine;
    int lock;       /* descriptor */
    uint32_t start; /* how often it was opened; at most 24 bits */
    uint64_t id;    /* random, unlike that of any other spool; 0: none yet */
};

/* read_only: nothing is made and the start counter stays, but the lock is
 * taken all the same, through a file that need not be writable if it is there.
 * ERR_BUSY, ERR_VERSION, ERR_IO, ERR_NOTFOUND; ERR_DENIED: not for a daemon
 * any more, or not yet (not with read_only). */
int spooldir_open(const char *path, bool read_only, int mode,
    struct spooldir **to, struct err *e);
void spooldir_close(struct spooldir **d);

/* Paths, to be freed by the caller. */
char *spooldir_segment_path(const struct spooldir *d, uint32_t number);
char *spooldir_index_path(const struct spooldir *d, uint32_t number);
char *spooldir_spare_path(const struct spooldir *d, uint32_t number);
char *spooldir_large_path(const struct spooldir *d, uint64_t id);

/* Numbers of what is there, ascending; *list is freed by the caller. */
enum spooldir_kind { SPOOLDIR_SEGMENT, SPOOLDIR_INDEX, SPOOLDIR_SPARE };
int spooldir_list(const struct spooldir *d, enum spooldir_kind kind,
    uint32_t **list, size_t *count, struct err *e);
int spooldir_sync_segments(const struct spooldir *d, struct err *e);

/* Make large/NN for a path in it, durably. */
int spooldir_make_large_dir(
    const struct spooldir *d, const char *path, struct err *e);
/* Every large body; stops when fn returns not 0. */
typedef int spooldir_large_f(void *arg, uint64_t id, const char *path);
int spooldir_each_large(
    const struct spooldir *d, spooldir_large_f *fn, void *arg, struct err *e);

/* What is left for us; inodes UINT64_MAX where the file system has no such
 * limit. */
int spooldir_free_space(
    const struct spooldir *d, uint64_t *bytes, uint64_t *inodes, struct err *e);

/* Keep a copy of damaged bytes; a copy that is there already stays. */
int spooldir_quarantine(const struct spooldir *d, uint32_t segment,
    uint32_t offset, const void *p, size_t n, struct err *e);

#endif
