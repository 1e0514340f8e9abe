/* SPDX-License-Identifier: Apache-2.0
 *
 * signing.h - DKIM signatures for what goes out.
 *
 * Each opendkim stanza signs what its domain is in the From field, if it has a
 * key for it.  A batch is signed by a thread of its own kind while it waits on
 * its loop for the session; the fields become its prefix.  The body's sums were
 * made while it was received; where they were not (another form, or nobody
 * signed then) the content is read once more.
 */
#ifndef IMPEL_SIGNING_H
#define IMPEL_SIGNING_H

#include "conf/generation.h"

/* Threads for signatures; sessions ask from now on. */
int signing_start(unsigned threads, struct err *e);
/* No session is left. */
void signing_stop(void);
/* The stanzas of this generation hold from now on, for what is lent then. */
void signing_adopt(struct generation *g);
struct signing_stats {   /* since the start */
    uint64_t signatures; /* made */
    uint64_t unsigned_;  /* messages that cannot be signed by anybody */
    uint64_t waited;     /* deliveries put off for want of a key */
};
void signing_get_stats(struct signing_stats *to); /* any thread */
/* generation_check_f: a dkim_domain without a selector or a key is an error, a
 * key that cannot be used a warning. */
int signing_check(void *arg, struct generation *g, struct conf_report *r);

#endif
