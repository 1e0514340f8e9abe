/* SPDX-License-Identifier: Apache-2.0
 *
 * hosts.h - what is known of addresses and exchanges, whatever domain they
 * serve: failure marks and latency by (address and port, binding).  Scheduler
 * thread only.
 */
#ifndef IMPEL_HOSTS_H
#define IMPEL_HOSTS_H

#include "conf/generation.h"
#include "net/netaddr.h"

struct hosts;
struct hosts *hosts_new(void);
void hosts_free(struct hosts **h);

struct host_facts {       /* of an address, as seen from one binding */
    int64_t failed_at;    /* monotonic ms; 0: it did not */
    int64_t failed_until; /* 0: usable */
    uint64_t failures;    /* in a row */
    double connect_ms;    /* decayed mean; 0: unknown */
    int64_t updated;
};
/* NULL: nothing is known. */
const struct host_facts *hosts_find(
    struct hosts *h, const struct netaddr *at, struct str binding);
/* Marked until `until`; until <= now only counts. */
void hosts_failed(struct hosts *h, const struct netaddr *at, struct str binding,
    int64_t now, int64_t until);
void hosts_worked(struct hosts *h, const struct netaddr *at, struct str binding,
    int64_t now, int64_t connect_ms);
/* Forget what was not updated for lifetime_ms, at most `most` at a time. */
void hosts_sweep(
    struct hosts *h, int64_t now, int64_t lifetime_ms, size_t most);

#endif
