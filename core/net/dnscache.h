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
/* All that is there now is found no more, and goes with the next puts or by
 * dnscache_drop_cleared(): at most `most`; true: there are more. */
void dnscache_clear(struct dnscache *c);
bool dnscache_drop_cleared(struct dnscache *c, size_t most);
/* Tells of those that have not expired, the last used first, until it says
 * false.  It must not change the cache. */
typedef bool dnscache_each_f(void *arg, struct str name, enum dns_type t,
    const struct dnscache_answer *a);
void dnscache_each(
    const struct dnscache *c, int64_t now, dnscache_each_f *each, void *arg);
size_t dnscache_count(const struct dnscache *c);

#endif
