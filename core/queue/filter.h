/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.h - which mail a verb means.
 *
 * What a queue and a parcel know is asked first (filter_queue(),
 * filter_parcel()); sender and header are in the message, which is read for
 * those only that are left.
 */
#ifndef IMPEL_FILTER_H
#define IMPEL_FILTER_H

#include "queue/scheduler_int.h"

enum { FILTER_HEADER_MOST = 65536 }; /* octets of a header that are looked at */

struct filter;
/* A copy of what is asked for.  ERR_CONF: a name or a pattern that is none. */
int filter_new(
    const struct scheduler_filter *asked, struct filter **to, struct err *e);
void filter_free(struct filter **f);
bool filter_queue(const struct filter *f, const struct queue *q);
/* now: wall ms. */
bool filter_parcel(const struct filter *f, const struct parcel *p, int64_t now);
/* The domain that is asked for, or nothing if any is. */
const char *filter_domain(const struct filter *f);
bool filter_reads_envelope(const struct filter *f);
bool filter_reads_header(const struct filter *f);
/* Sender and context. */
bool filter_envelope(const struct filter *f, const struct envelope *env);
/* header: up to the blank line, or the first FILTER_HEADER_MOST octets.  A
 * field that is folded is one line to the pattern. */
bool filter_header(const struct filter *f, struct str header);

#endif
