/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_source.h - messages one after the other: out of files, mbox files,
 * maildirs, other folders, and the standard input.
 *
 * Of a maildir new/ and cur/ are read, nothing is moved.  Of another folder all
 * plain files are, those that begin with a dot excepted.
 */
#ifndef IMPEL_INJECT_SOURCE_H
#define IMPEL_INJECT_SOURCE_H

#include "base/err.h"
#include "prog/inject_args.h"
#include "prog/inject_text.h"

struct inject_source;
struct inject_source *inject_source_new(const struct inject_args *o);
void inject_source_free(struct inject_source **s);
/* The octets of all files, to show how far it is; 0: not known. */
uint64_t inject_source_total(const struct inject_args *o);
/* 1: the next text, not finished yet; 0: there is none; ERR_*: this one cannot
 * be read, others may follow. */
int inject_source_next(
    struct inject_source *s, struct inject_text **to, struct err *e);
/* Where the last one came from: "PATH", or "PATH, octet N" of an mbox. */
const char *inject_source_name(const struct inject_source *s);
/* Octets of files that it took. */
uint64_t inject_source_weight(const struct inject_source *s);

/* One file that is no mbox, or the standard input if it is "-". */
int inject_source_one(const char *path, struct inject_text **to, struct err *e);

#endif
