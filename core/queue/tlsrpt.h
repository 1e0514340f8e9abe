/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsrpt.h - reports of TLS to the domains that ask for them (RFC 8460).
 *
 * Each session's result is counted under the domain that its mail goes to, if
 * its record _smtp._tls wants reports; which is asked when the first session
 * of a day is counted, and again when the report goes.  At midnight UTC what
 * was counted becomes a report, that goes some time later, by mail and by HTTPS
 * as the record says; what fails is tried again for a day (5.5).
 *
 * Counts are values of the spool (spool_state_put()), written twice a minute
 * and at the end of the daemon: after a crash at most TLSRPT_SAVE_MS of them
 * are missing.  A report is stored before it is sent, and what was sent of it
 * is stored after: a crash in between sends it twice, under the same id.
 *
 * What it takes is bounded: domains, bytes, reports on their way.  Beyond,
 * sessions are not counted, which is said once a day.
 *
 * The scheduler's thread.
 */
#ifndef IMPEL_TLSRPT_H
#define IMPEL_TLSRPT_H

#include "conf/generation.h"
#include "net/dns.h"
#include "net/fetch.h"
#include "queue/tlstally.h"
#include "spool/spool.h"

enum {
    TLSRPT_SAVE_MS = 30000,
    TLSRPT_MOST_DOMAINS = 50000, /* remembered, of which most want no reports */
    TLSRPT_MOST_BYTES = 32 << 20, /* of counts, and of reports that wait */
    TLSRPT_MOST_REPORTS = 20000   /* that wait, or are on their way */
};

struct tlsrpt;
struct tlsrpt_config {
    struct loop *loop;
    struct spool *spool;
    struct dns *dns;
    struct fetcher *fetcher; /* NULL: nothing goes by HTTPS */
    struct generation *generation;
    /* Once stopped: nothing is under way any more. */
    void (*idle)(void *arg);
    void *idle_arg;
};
struct tlsrpt *tlsrpt_new(const struct tlsrpt_config *c);
/* Nothing is asked or written any more: tlsrpt_stop() has seen to that. */
void tlsrpt_free(struct tlsrpt **t);
/* What the spool has is read; once, when it was started. */
void tlsrpt_recover(struct tlsrpt *t);
void tlsrpt_adopt(struct tlsrpt *t, struct generation *g);
/* The daemon ends: all is written, nothing more is sent.  While it is busy the
 * spool is storing what it was given; idle() follows. */
void tlsrpt_stop(struct tlsrpt *t);
bool tlsrpt_is_busy(const struct tlsrpt *t);

/* One session has come out.  scope: of its queue, that says whether it counts.
 * domain: that its mail goes to, whose record is asked for. */
struct tlsrpt_session {
    const struct scope *scope;
    struct str domain;
    struct tlstally_policy policy;
    const struct tlstally_failure *failure; /* NULL: it is as it should be */
};
void tlsrpt_count(struct tlsrpt *t, const struct tlsrpt_session *is);

/* --- the console --- */
void tlsrpt_print_list(const struct tlsrpt *t, bool json, struct buf *to);
/* The counts of a domain as its report would say now, and what waits to be
 * sent.  ERR_NOTFOUND. */
int tlsrpt_print(
    const struct tlsrpt *t, struct str domain, struct buf *to, struct err *e);
/* What there is goes now; counting begins anew.  The number of reports, or
 * ERR_NOTFOUND. */
int tlsrpt_send(struct tlsrpt *t, struct str domain, struct err *e);

struct tlsrpt_stats {
    uint64_t sessions, failures; /* counted */
    uint64_t uncounted;          /* for want of room */
    uint64_t mailed, posted;     /* reports to one place */
    uint64_t retries, given_up;
    uint64_t domains, waiting; /* now: with counts; reports */
};
void tlsrpt_get_stats(const struct tlsrpt *t, struct tlsrpt_stats *st);

#endif
