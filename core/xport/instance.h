/* SPDX-License-Identifier: Apache-2.0
 *
 * instance.h - struct impel_instance: a module in this process, as the host
 * functions know it: its counters, and the names its calls are timed under.
 */
#ifndef IMPEL_INSTANCE_H
#define IMPEL_INSTANCE_H

#include <stdatomic.h>
#include "xport/registry.h"

#define INSTANCE_CALLS(X) \
    X(OPEN, "open") \
    X(ACCEPTED, "accepted") \
    X(DELIVER, "deliver") \
    X(CANCEL, "cancel") \
    X(PROBE, "probe") \
    X(CLOSE, "close") \
    X(RELEASE, "release") \
    X(VERDICT, "verdict") \
    X(STEP, "step") \
    X(CONNECTED, "event connected") \
    X(TLS, "event tls") \
    X(INPUT, "event input") \
    X(DRAINED, "event drained") \
    X(BODY, "event body") \
    X(TIMER, "event timer") \
    X(WAKE, "event wake") \
    X(LOST, "event lost") \
    X(CREDIT, "event credit") \
    X(LOGIN, "event login") \
    X(POSTED, "posted") \
    X(FETCHED, "fetched")
#define INSTANCE_CALL_ENUM(id, text) CALL_##id,
enum instance_call { INSTANCE_CALLS(INSTANCE_CALL_ENUM) CALL_COUNT };

struct impel_instance {
    uint32_t magic;
    uint32_t counter_count;
    struct module *module;
    uint32_t rows;             /* of counters: one per loop, one for others */
    _Atomic int64_t *counters; /* rows x counter_count */
    const char *doing[CALL_COUNT]; /* "esmtp deliver" */
    _Atomic uint64_t broken;       /* rules broken */
    _Atomic uint64_t slow;         /* calls above slow.h's threshold */
    _Atomic int64_t slowest;       /* microseconds */
    _Atomic unsigned fetches;      /* open */
    _Atomic int level;             /* debug_level; -1: debug_flags says it */
};
struct impel_instance *instance_new(struct module *m);
/* Does it write lines of that level? */
bool instance_logs(const struct impel_instance *i, int level);
void instance_free(struct impel_instance **i);
/* Around a call of the module: named for a panic, timed, and counted if it was
 * slow.  id: of the session, or 0. */
int64_t instance_call_begin(
    const struct impel_instance *i, enum instance_call call, uint64_t id);
void instance_call_end(struct impel_instance *i, enum instance_call call,
    uint64_t id, int64_t begun);
void instance_count(struct impel_instance *i, uint32_t counter, int64_t by);
int64_t instance_sum(const struct impel_instance *i, uint32_t counter);

#endif
