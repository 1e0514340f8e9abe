/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - counters and gauges as Prometheus text, `summary`, `health`.
 * Scheduler thread.
 */
#ifndef IMPEL_METRICS_H
#define IMPEL_METRICS_H

#include "ctl/control.h"
#include "net/fetch.h"
#include "queue/tlsrpt.h"
#include "route/sts.h"
#include "xport/signing.h"

void metrics_print(const struct control_config *on, struct buf *to);
/* Momentum's lines, or an object with the names of its HTTP statistics. */
void metrics_summary(
    const struct control_config *on, bool json, struct buf *to);
/* `health`: 0 well, 1 degraded (warnings), 2 ill; lines say what. */
int metrics_health(const struct control_config *on, bool json, struct buf *to);
/* `dns_cache stats` */
void metrics_dns(const struct control_config *on, bool json, struct buf *to);

/* All numbers at one moment. */
struct metrics {
    struct scheduler_stats queue;
    struct intake_stats intake;
    uint64_t received, rejected; /* since reset: recipients, refusals */
    struct spool_stats spool;
    struct dns_stats dns;
    struct sts_stats sts;
    struct fetch_stats fetch;
    struct signing_stats signing;
    struct tlsrpt_stats reports; /* of TLS */
    uint64_t generation;
    int64_t now; /* wall ms */
};
void metrics_get(const struct control_config *on, struct metrics *to);
/* `summary reset`: what the intake counted so far counts no more in summary;
 * the Prometheus counters go on. */
void metrics_reset(const struct control_config *on);

#endif
