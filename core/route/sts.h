/* SPDX-License-Identifier: Apache-2.0
 *
 * sts.h - MTA-STS (RFC 8461): which policy holds for a domain, now.
 *
 * A policy is found by its domain alone, whatever hosts domains share: asked
 * for in DNS, fetched by net/fetch.h, kept in the state of the spool, so that
 * it holds over restarts, until its max_age ends.  Whatever fails meanwhile
 * leaves it in force; it ends early only by another policy.
 *
 * Of a domain there is one question or one request at a time.  What is in use
 * is looked at again when its record may have changed, and fetched again well
 * before it ends.  Scheduler's thread only.
 */
#ifndef IMPEL_STS_H
#define IMPEL_STS_H

#include "base/list.h"
#include "conf/generation.h"
#include "net/fetch.h"
#include "net/tlsreason.h"
#include "route/stspolicy.h"
#include "spool/spool.h"

enum {
    STS_FETCH_MS = 60000,       /* RFC 8461 3.3: a minute */
    STS_CHECK_MIN_MS = 60000,   /* the record, at least ... */
    STS_CHECK_MAX_MS = 3600000, /* ... and at most after */
    STS_RETRY_MS = 300000,      /* after a failure, doubled each time ... */
    STS_RETRY_MAX_MS = 86400000,
    STS_REFRESH_MS = 86400000, /* the policy is fetched again after, or after
                                  half of its max_age */
    STS_LEAST_MS = 60000,      /* however short its max_age is */
    STS_USED_MS = 2592000 * 1000LL, /* refreshed while it is in use so long */
    STS_BUSY_MS = 5000,             /* the fetcher has no place: again after */
    STS_NEGATIVE_MOST = 10000 /* domains without policy that nobody uses */
};

struct sts;
struct sts_config {
    struct loop *loop;
    struct dns *dns;
    struct fetcher *fetcher;
    struct spool *spool;
};
struct sts *sts_new(const struct sts_config *c);
void sts_free(struct sts **s); /* nobody uses a policy any more */
void sts_adopt(struct sts *s, struct generation *g);
/* What the spool has kept, once it can be read; until then no domain is known
 * to have no policy. */
void sts_load(struct sts *s);

/* --- who uses a policy --- */
struct sts_entry;
typedef void sts_changed_f(void *arg);
struct sts_use { /* zeroed: none */
    struct list node;
    struct sts_entry *entry;
    sts_changed_f *changed; /* another policy, or none; or it is known now */
    void *arg;
};
/* domain: as a queue is named.  False: a name that can have none. */
bool sts_use_begin(struct sts *s, struct str domain, sts_changed_f *changed,
    void *arg, struct sts_use *u);
void sts_use_end(struct sts_use *u); /* no-op if there is none */
/* false: it is being found out; changed() follows.  Else *to is the policy in
 * force, lent until the next turn, or NULL. */
bool sts_use_get(struct sts_use *u, const struct stspolicy **to);
/* The same, but nobody is asked. */
bool sts_use_peek(const struct sts_use *u, const struct stspolicy **to);

/* --- reports --- */
/* A policy could not be had: STS_FETCH, STS_INVALID, STS_WEBPKI.  held: an
 * older one, which stays in force. */
typedef void sts_trouble_f(void *arg, struct str domain, enum tls_reason why,
    const char *text, bool held);
void sts_set_trouble(struct sts *s, sts_trouble_f *fn, void *arg);

/* --- the console --- */
struct sts_facts { /* lent */
    struct str domain;
    const struct stspolicy *policy; /* or NULL */
    const char *id;                 /* of the record that it was fetched for */
    int64_t fetched, expires;       /* wall ms, of the policy */
    int64_t checked, next;          /* wall ms; 0: not yet, not planned */
    const char *record;  /* what DNS said last: an id, or a sentence */
    const char *trouble; /* of the last try, or "" */
    uint64_t failures;   /* in a row */
    bool asking, used;   /* used: by a domain that has mail, or had just now */
};
/* ERR_NOTFOUND: nothing is known of it. */
int sts_find(struct sts *s, struct str domain, struct sts_facts *to);
/* Those with a policy first; until it says false. */
typedef bool sts_each_f(void *arg, const struct sts_facts *f);
void sts_each(struct sts *s, sts_each_f *each, void *arg);
/* Ask and fetch now, whatever is known.  ERR_INVAL: no name that can have a
 * policy; ERR_BUSY: that is being done. */
int sts_refresh(struct sts *s, struct str domain, struct err *e);
/* "enforce, id 20260101, fetched 3h ago, for 6d more, mx: a b" */
void sts_print(const struct sts_facts *f, struct buf *to);

struct sts_stats {
    uint64_t policies, enforced, domains; /* now */
    uint64_t fetched, failed;             /* requests so far */
    uint64_t expired;
};
void sts_get_stats(const struct sts *s, struct sts_stats *st);

#endif
