/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsrpt_int.h - the inside of reports of TLS: tlsrpt.c counts, tlsstore.c
 * keeps what was counted, tlssend.c sends reports, tlsshow.c tells of all.
 */
#ifndef IMPEL_TLSRPT_INT_H
#define IMPEL_TLSRPT_INT_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "loop/timer.h"
#include "queue/tlsreport.h"
#include "queue/tlsrpt.h"
#include "queue/tlsrua.h"

enum {
    TLSRPT_DAY_MS = 24 * 3600 * 1000,
    TLSRPT_A_TURN = 256,           /* domains looked at, or written */
    TLSRPT_AT_ONCE = 16,           /* questions, and reports being sent */
    TLSRPT_AGAIN_MS = 3600 * 1000, /* DNS failed: ask once more */
    TLSRPT_TICK_MS = 5000,
    TLSRPT_FIRST_RETRY_MS = 5 * 60 * 1000, /* then twice that, and so on */
    TLSRPT_MOST_RETRY_MS = 2 * 3600 * 1000,
    TLSRPT_GIVE_UP_MS = TLSRPT_DAY_MS
};

enum subject_wants { SUBJECT_UNKNOWN, SUBJECT_YES, SUBJECT_NO };
struct subject { /* a domain that mail goes to */
    struct list node, dirty_node, ask_node;
    struct tlsrpt *t;
    char *name;
    enum subject_wants wants;
    int64_t known_until;    /* wall ms: of YES and NO; UNKNOWN: not before */
    struct tlstally *tally; /* or NULL: nothing was counted */
    int64_t since;          /* wall ms: what was counted before has gone */
    struct dns_question *question;
};
struct errand {           /* a report that waits, or is on its way */
    struct heap_node due; /* in t->errands: wall ms */
    struct list node;
    struct tlsrpt *t;
    struct tlstally *tally;
    uint64_t id;
    int64_t first; /* wall ms: of the first attempt; 0: none yet */
    uint32_t tries;
    struct str *sent; /* places that have it */
    size_t sent_count;
    struct sending *sending; /* tlssend.c; NULL: it waits */
};

struct tlsrpt {
    struct tlsrpt_config c;
    struct map subjects; /* by name */
    struct list all, dirty, asks;
    struct heap errands;
    struct list all_errands; /* those being sent, too */
    size_t errand_count, bytes, questions, sending;
    size_t accepting;      /* reports that the spool has been given */
    int64_t day;           /* that counts are of */
    struct list *close_at; /* how far the end of the day has come; NULL: all */
    int64_t full_day;      /* the last that something was not counted on */
    struct timer timer;
    int64_t save_at; /* monotonic; 0: nothing is to be saved */
    bool stopped;
    struct tlsrpt_stats stats;
};

/* --- tlsrpt.c --- */
struct subject *tlsrpt_subject(struct tlsrpt *t, struct str domain);
/* NULL: there is no room. */
struct subject *tlsrpt_make_subject(struct tlsrpt *t, struct str domain);
void tlsrpt_drop_subject(struct subject *d);
void tlsrpt_dirty(struct subject *d);
void tlsrpt_wake(struct tlsrpt *t, int64_t ms);
/* Its counts become a report that is due then. */
struct errand *tlsrpt_close(struct subject *d, int64_t until, int64_t due);
/* DNS, for one domain: _smtp._tls. */
struct dns_question *tlsrpt_ask(
    struct tlsrpt *t, struct str domain, dns_answer_f *fn, void *arg);
/* What it says: 0, ERR_NOTFOUND, ERR_PROTO, or ERR_AGAIN: DNS failed. */
int tlsrpt_read(const struct dns_answer *a, struct tlsrua *to, struct err *e);

/* --- tlsstore.c --- */
void tlsstore_put(struct subject *d); /* its counts, or that there are none */
void tlsstore_put_errand(const struct errand *x);
void tlsstore_drop_errand(const struct errand *x);
void tlsstore_load(struct tlsrpt *t);

/* --- tlssend.c --- */
/* A new one; its tally is taken over. */
struct errand *tlssend_new(
    struct tlsrpt *t, struct tlstally *tally, uint64_t id, int64_t due);
void tlssend_free(struct errand *x);
/* What is due goes. */
void tlssend_run(struct tlsrpt *t);
/* When the next is due, wall ms; INT64_MAX: none. */
int64_t tlssend_next(const struct tlsrpt *t);
/* A place has it. */
void tlssend_note(struct errand *x, struct str place);
/* As a report would read now. */
void tlssend_print(const struct tlsrpt *t, const struct tlstally *tally,
    uint64_t id, struct buf *to);
void tlssend_stop(struct tlsrpt *t);

#endif
