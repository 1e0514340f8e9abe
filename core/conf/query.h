/* SPDX-License-Identifier: Apache-2.0
 *
 * query.h - what `impel config ...` prints and changes; also without a daemon.
 *
 * words: e.g. {"eval", "binding", "b1", "domain", "x.test", "retry_interval"}.
 * Verbs: check get set unset eval explain show describe convert.  A change
 * (set, unset) builds a new generation; the caller publishes it.
 */
#ifndef IMPEL_QUERY_H
#define IMPEL_QUERY_H

#include "conf/generation.h"

struct query {
    const struct str *words;
    size_t word_count;
    bool json;
    struct generation *generation; /* asked of */
    struct generation *changed;    /* out: a reference, or NULL */
    struct buf *out;               /* what is printed */
};
/* 0, ERR_INVAL for words that make no sense, ERR_NOTFOUND, ERR_CONF. */
int query_run(struct query *q, struct err *e);
/* The tree as one or the other notation; order kept. */
int query_convert(
    const char *path, bool to_yaml, struct buf *out, struct err *e);

#endif
