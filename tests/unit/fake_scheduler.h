/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_scheduler.h - everything the console asks, played: scheduler, intake,
 * spool, DNS, modules.  What was asked is kept as text.
 */
#ifndef IMPEL_FAKE_SCHEDULER_H
#define IMPEL_FAKE_SCHEDULER_H

#include "ctl/control.h"
#include "net/dns.h"

struct fake {
    struct buf asked;         /* "flush binding=- domain=x.test\n", ... */
    struct scheduler_ask ask; /* of a verb that was not answered yet */
    bool hold;                /* such verbs wait for fake_reply() */
    size_t bulk;              /* bytes that print_domains prints */
    struct scheduler_stats queue;
    struct intake_stats intake;
    struct spool_stats spool;
    struct dns_stats dns;
    int reloads, adopts, shutdowns, reopens;
    bool modules_refuse, overrides_refuse, not_stored, drained, traces;
};
extern struct fake fake;

void fake_reset(void);
/* Answer the verb that waits; code 0: with text. */
void fake_reply(int code, const char *text);
void fake_progress(uint64_t done, uint64_t total);
/* Loop and generation are the caller's. */
void fake_config(
    struct control_config *c, struct loop *loop, struct generation *g);

void fake_dns_fill(void); /* the cache has its one answer again */

#endif
