/* SPDX-License-Identifier: Apache-2.0
 *
 * dnscache.h - answers kept until they expire, the longest unused ones given
 * up first.  Scheduler thread only.
 */
#ifndef IMPEL_DNSCACHE_H
#define IMPEL_DNSCACHE_H

#include "base/arena.h"
#include "net/dns.h"

/* An answer and its memory; counted, since a waiting question may outlive its
 * place in the cache. */
struct dnscache_answer {
    unsigned refs;
    struct arena *arena;
    struct dns_answer a;
    int64_t expires; /* monotonic ms */
};
struct dnscache_answer *dnscache_answer_new(void); /* one reference */
struct dnscache_answer *dnscache_answer_ref(struct dnscache_answer *a);
void dnscache_answer_unref(struct dnscache_answer **a);

struct dnscache;
struct dnscache *dnscache_new(size_t most);
void dnscache_free(struct dnscache **c);
void dnscache_resize(struct dnscache *c, size_t most);
/* A reference, or NULL; one that has expired is dropped. */
struct dnscache_answer *dnscache_find(
    struct dnscache *c, struct str name, enum dns_type t, int64_t now);
/* Takes a reference of its own; replaces what is there. */
void dnscache_put(struct dnscache *c, struct str name, enum dns_type t,
    struct dnscache_answer *a);
void dnscache_forget(struct dnscache *c, struct str name);
size_t dnscache_count(const struct dnscache *c);

#endif
