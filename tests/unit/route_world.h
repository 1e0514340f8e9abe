/* SPDX-License-Identifier: Apache-2.0
 *
 * route_world.h - a resolver on a loop of its own, a configuration from text,
 * clocks that stand still, DNS from fake_dns.h.
 */
#ifndef TEST_ROUTE_WORLD_H
#define TEST_ROUTE_WORLD_H

#include "fake_dns.h"
#include "route/resolve.h"

struct world {
    struct loop *loop;
    struct dns *dns;
    struct resolver *resolver;
    struct generation *g;
    int changed, woken;
    struct hop open[64]; /* of world_next() */
    size_t open_count;
};

/* conf: in the notation of ecelerity.conf. */
void world_open(struct world *w, const char *conf);
void world_configure(struct world *w, const char *conf);
void world_close(struct world *w);
/* As `domain D` shows it for a queue of that binding. */
void world_print(
    struct world *w, struct domain *d, const char *binding, struct buf *to);
void world_pass(struct world *w, int64_t ms); /* time goes by */

struct domain *world_domain(
    struct world *w, const char *binding, const char *domain);
/* Picks for a domain, until the answer is not HOP_WAIT. */
enum hop_result world_pick(
    struct world *w, struct domain *d, const char *binding, struct hop *to);
/* The same in words: "10.0.0.1:25", "wait", "limit", "down 120",
 * "delay 454 4.4.4", "fail 550 5.4.4".  The connection stays open
 * until world_close(). */
const char *world_next(struct world *w, struct domain *d);
/* That one is closed again, failed or not. */
const char *world_try(struct world *w, struct domain *d, bool failed);

#endif
