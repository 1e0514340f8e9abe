/* SPDX-License-Identifier: Apache-2.0
 *
 * packer.h - bytes that are read rarely, made smaller.
 *
 * Records that compaction writes and the files of indexes are packed; what the
 * writer appends is not, for it waits for the disk and nobody reads it again
 * in most cases.  Packed bytes are one zstd frame that names its own size.
 * Checksums are over packed bytes, so that what is unpacked was written here.
 */
#ifndef IMPEL_PACKER_H
#define IMPEL_PACKER_H

#include "base/buf.h"
#include "base/err.h"

/* What packing many things in a row shares; one thread at a time. */
struct packer;
struct packer *packer_new(void);
void packer_free(struct packer **p);
/* Append n bytes, packed; they may become a few bytes more. */
void packer_add(struct packer *p, struct buf *to, const void *from, size_t n);

/* Append what was packed; ERR_DAMAGED, *to is as it was then.  Any thread. */
int packer_unpack(struct buf *to, const void *from, size_t n);

#endif
