/* SPDX-License-Identifier: Apache-2.0
 *
 * sts_int.h - what sts.h hides: what is known of each domain.  For the files
 * of sts and their tests only.
 */
#ifndef IMPEL_STS_INT_H
#define IMPEL_STS_INT_H

#include "base/chains.h"
#include "base/heap.h"
#include "loop/timer.h"
#include "route/sts.h"

#define STS_NS STR("mta-sts") /* in the state of the spool */
enum {
    STS_BYTES_MOST = 64 << 20, /* of policies, as documents */
    STS_SAY_MAX = 200
};

struct sts {
    struct sts_config on;
    uint16_t port;
    size_t most; /* policies */
    struct chains entries;
    struct list used; /* sts_entry, the longest unused first */
    struct heap plan;
    struct timer timer;
    bool loaded, loading;
    size_t policies, bytes, idle; /* idle: nobody's, and without policy */
    uint64_t fetched, failed, expired;
    sts_trouble_f *trouble;
    void *trouble_arg;
};
struct sts_entry {
    struct chain chain;
    struct sts *sts;
    struct list used_node, uses;
    struct heap_node plan;
    char *domain;

    struct stspolicy *policy; /* in force, or NULL */
    char id[STSPOLICY_ID_MAX + 1];
    int64_t fetched, expires; /* wall */
    size_t bytes;

    bool known; /* found out at least once */
    bool force; /* fetch, whatever the record says */
    bool idle;  /* counted as such */
    struct dns_question *question;
    struct fetch *fetch;
    char asked_id[STSPOLICY_ID_MAX + 1]; /* of the request under way */
    char failed_id[STSPOLICY_ID_MAX + 1];
    uint64_t failures;
    /* monotonic: the record is asked for again, a failed request made again,
     * the policy fetched again; last use */
    int64_t check_at, retry_at, refresh_at, used;
    int64_t checked; /* wall */
    char record[STS_SAY_MAX], trouble[STS_SAY_MAX];
};

/* sts.c */
struct sts_entry *sts_entry_find(struct sts *s, struct str domain);
struct sts_entry *sts_entry_make(struct sts *s, struct str domain);
/* A policy is in force from now on. */
void sts_entry_take(struct sts_entry *e, struct stspolicy *p, const char *id,
    int64_t fetched, int64_t expires);
void sts_entry_plan(struct sts_entry *e);
/* Too many policies: the longest unused go, but none that somebody uses. */
void sts_make_room(struct sts *s, const struct sts_entry *but);
/* The name as it is kept; false: one that can have no policy. */
bool sts_name(struct str domain, struct buf *to);

/* Those who use it hear that something has changed. */
void sts_entry_tell(struct sts_entry *e);
bool sts_entry_is_busy(const struct sts_entry *e); /* being asked for */
/* A part of it, by chance: not all that was fetched together is fetched
 * together again. */
int64_t sts_some_of(int64_t ms);

/* stsask.c */
void sts_entry_ask(struct sts_entry *e); /* unless that is being done */

/* ststore.c */
void sts_store(
    const struct sts_entry *e); /* what is in force, or that none is */

#endif
