/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler.h - the one owner of every queue: what intake, ctl and prog call.
 *
 * Everything here runs on the scheduler's thread, needs no lock, and never
 * blocks.  Messages come in from the spool (accepted, found by recovery),
 * become parcels in queues, are lent to sessions on the I/O loops, and leave
 * through outcome.c as done, delayed or bounced.
 */
#ifndef IMPEL_SCHEDULER_H
#define IMPEL_SCHEDULER_H

#include "conf/generation.h"
#include "loop/job.h"
#include "net/dns.h"
#include "net/netaddr.h"
#include "spool/spool.h"

struct fetcher;
struct scheduler;
struct sts;
struct scheduler_config {
    struct loop *loop;      /* the scheduler's own */
    struct loop *const *io; /* the I/O loops; io[0] may be the same */
    unsigned io_count;
    struct spool *spool;     /* opened, not started */
    struct dns *dns;         /* on the same loop */
    struct sts *sts;         /* there too; or NULL */
    struct fetcher *fetcher; /* NULL: no HTTPS (tests) */
    struct generation *generation;
    /* Overrides that were superseded take much memory: make the generation
     * again (generation_again()) and adopt it.  Or NULL. */
    void (*remake)(void *arg);
    void *remake_arg;
};
/* Before spool_start(). */
struct scheduler *scheduler_new(const struct scheduler_config *c);
void scheduler_free(struct scheduler **s); /* after the drain */
/* What to give to spool_start(). */
const struct spool_events *scheduler_spool_events(struct scheduler *s);

/* A generation that is going to be in force, before anybody reads it: overrides
 * hold for it. */
void scheduler_prepare(struct scheduler *s, struct generation *g);
/* A new generation is in force: queues and sessions adopt it lazily. */
void scheduler_adopt(struct scheduler *s, struct generation *g);
/* Where this server itself takes mail; the addresses are copied. */
void scheduler_set_listeners(
    struct scheduler *s, const struct netaddr *at, size_t count);
/* Memory is short: content that can be read again is given up, and none is kept
 * beyond what is being worked on. */
void scheduler_set_tight(struct scheduler *s, bool tight);
/* So many bytes may be read ahead from now on (INT64_MAX: any number), those
 * that are being read apart: about scheduler_read_bytes(). */
void scheduler_set_room(struct scheduler *s, int64_t bytes);
uint64_t scheduler_read_bytes(const struct scheduler *s);
/* Stop: lend nothing more, recall what is lent, let begun work finish until
 * deadline_ms, then cancel it.  drained() is called once. */
void scheduler_drain(struct scheduler *s, int64_t deadline_ms,
    void (*drained)(void *arg), void *arg);

/* --- numbers --- */
struct scheduler_stats {
    uint64_t messages, parcels, queues, domains;
    uint64_t active, delayed, lent; /* parcels, each in one of the three */
    uint64_t sessions;              /* outbound, open or opening */
    /* Recipients, since reset; what came in is counted by the intake. */
    uint64_t delivered, failed, transient, uncertain, bounced, expired;
    uint64_t sts_testing; /* sessions that an MTA-STS policy in force would not
                             have made, since reset */
    int64_t reset_at, started_at; /* wall ms */
    uint64_t resident_bytes, resident_messages;
    uint64_t overrides; /* values that come before every stanza's */
    bool draining, recovering;
    bool paused; /* results cannot be stored */
    bool tight;  /* memory_goal is passed */
};
void scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *st);
void scheduler_reset_stats(struct scheduler *s);
/* scheduler_drain() has said so: nothing more is to be asked of it. */
bool scheduler_is_drained(const struct scheduler *s);

/* Reports of TLS: tlsrpt.h has what may be asked of them. */
struct tlsrpt *scheduler_tlsrpt(const struct scheduler *s);

/* --- the console's verbs; text (or JSON) is appended to `out` --- */
int scheduler_print_domain(struct scheduler *s, struct str domain, bool json,
    struct buf *out, struct err *e); /* `domain D`; ERR_NOTFOUND */
/* `count outbound`: connections, those that are being made included; busy: with
 * mail.  binding: empty: any; net: family 0: any.  O(connections). */
struct scheduler_count {
    uint64_t open, busy;
};
struct scheduler_count scheduler_count_outbound(
    const struct scheduler *s, struct str binding, const struct cidr *net);
void scheduler_print_bindings(
    struct scheduler *s, struct str which, bool json, struct buf *out);
/* `explain`: every reason why it does not move, since when, what comes next. */
int scheduler_explain_message(struct scheduler *s, uint64_t id, bool json,
    struct buf *out, struct err *e);
int scheduler_explain_domain(struct scheduler *s, struct str domain,
    struct str binding, bool json, struct buf *out, struct err *e);

/* Answers of verbs that need the disk or are jobs: text to print, once; e has
 * ERR_OK or what failed.  progress (or NULL) may be called before. */
typedef void scheduler_reply_f(void *arg, struct str text, const struct err *e);
typedef void scheduler_progress_f(void *arg, uint64_t done, uint64_t total);
struct scheduler_ask {
    scheduler_reply_f *reply;
    scheduler_progress_f *progress;
    void *arg;
    bool json;
};
/* Domains with more than `above` parcels in their active, or delayed, queues;
 * SCHEDULER_EVERY_DOMAIN: every one, with empty queues too (`domains`). */
#define SCHEDULER_EVERY_DOMAIN UINT64_MAX
void scheduler_print_domains(struct scheduler *s, bool delayed, uint64_t above,
    struct str binding, const struct scheduler_ask *ask);
void scheduler_print_mailq(struct scheduler *s, struct str domain,
    struct str binding, uint64_t limit, const struct scheduler_ask *ask);
void scheduler_message_details(struct scheduler *s, uint64_t id, bool full,
    const struct scheduler_ask *ask);
/* `showqueue`: at most SCHEDULER_SHOW_MOST recipients at once; envelopes that
 * are not in memory are read. */
enum { SCHEDULER_SHOW_MOST = 10000 };
void scheduler_show_queue(struct scheduler *s, struct str binding,
    struct str domain, uint64_t limit, uint64_t offset,
    const struct scheduler_ask *ask);
void scheduler_message_retry(
    struct scheduler *s, uint64_t id, const struct scheduler_ask *ask);
void scheduler_message_fail(struct scheduler *s, uint64_t id, bool quiet,
    struct str text, const struct scheduler_ask *ask);
/* domain absent: all.  Jobs; the reply has the count.  What its sender wants to
 * be held for later (RFC 4865) is not flushed but by its own id. */
void scheduler_flush(struct scheduler *s, struct str binding, struct str domain,
    const struct scheduler_ask *ask);
void scheduler_fail_domain(struct scheduler *s, struct str binding,
    struct str domain, bool quiet, struct str text,
    const struct scheduler_ask *ask);
/* `fail all`, `flush all`, `delay`, `rebind`, `reroute queue`: mail chosen by
 * what is asked for.  All of it is counted before anything is done; then it is
 * worked through, reading what has to be read.  Mail that came meanwhile is not
 * meant.  What has moved is on disk before the answer (move.h). */
struct scheduler_filter { /* absent, 0: any */
    struct str binding, group, domain;
    struct str sender;          /* glob; "<>": none */
    struct str header, pattern; /* a field, and a glob of its value */
    struct str meta, value;     /* a name of the context, and such a glob */
    int64_t older, newer;       /* ms since reception */
};
enum scheduler_work {
    SCHEDULER_FAIL,
    SCHEDULER_FLUSH,
    SCHEDULER_DELAY,
    SCHEDULER_REBIND,
    SCHEDULER_REROUTE
};
enum { SCHEDULER_DRY_ROWS = 25 };
struct scheduler_order {
    enum scheduler_work work;
    bool dry_run;    /* do nothing; show the first SCHEDULER_DRY_ROWS */
    bool quiet;      /* FAIL: without bounces */
    struct str text; /* FAIL: "554 5.7.0 go away", or absent */
    int64_t delay;   /* DELAY: ms from now */
    struct str to;   /* REBIND: a binding or a group; REROUTE: a domain; absent:
                        as new mail */
};
void scheduler_select(struct scheduler *s, const struct scheduler_filter *f,
    const struct scheduler_order *o, const struct scheduler_ask *ask);
/* `spool import`: the mail of another spool (import.h).  A job. */
void scheduler_import(struct scheduler *s, struct str dir, bool dry_run,
    const struct scheduler_ask *ask);
void scheduler_refresh_domain(
    struct scheduler *s, struct str domain, const struct scheduler_ask *ask);
/* How many domains serve by other routes than those in force; told once, later.
 * partly: the job was cancelled, there may be more. */
typedef void scheduler_old_f(void *arg, uint64_t count, bool partly);
void scheduler_count_old_routes(
    struct scheduler *s, scheduler_old_f *told, void *arg);

#endif
