/* SPDX-License-Identifier: Apache-2.0
 *
 * query_int.h - places and words of `impel config`, shared by its verbs.
 */
#ifndef IMPEL_QUERY_INT_H
#define IMPEL_QUERY_INT_H

#include "conf/generation_int.h"
#include "conf/query.h"

enum { QUERY_DEPTH_MAX = 6 };
struct query_step {
    const struct kind *kind;
    struct str name; /* or absent */
};
/* "binding b1 domain x.test retry_interval" */
struct query_place {
    struct query_step steps[QUERY_DEPTH_MAX];
    size_t count;
    struct str option; /* as written; absent: the words ended */
    uint32_t id;       /* of the option */
    size_t used;       /* words read */
    bool global;       /* said so: the container itself, no binding of it */
};

/* Read a place from words[1] on. option: an option must follow. */
int query_place(
    const struct query *q, bool option, struct query_place *to, struct err *e);
/* The stanza that is there; NULL: not configured. */
const struct stanza *query_stanza(
    const struct generation *g, const struct query_place *p);
/* Effective values there; outbound places need no stanza.  ERR_NOTFOUND. */
int query_scope(const struct query *q, const struct query_place *p,
    const struct scope **to, struct err *e);

int query_change(struct query *q, bool set, struct err *e); /* change.c */

#endif
