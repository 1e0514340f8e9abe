/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.h - what a routing domain is looked up by: its routes, or itself.
 *
 * Preference is the pair (item, MX): an item without pref has its place in the
 * list, counted from 1, with pref that number.
 */
#ifndef IMPEL_RULES_H
#define IMPEL_RULES_H

#include "conf/generation.h"
#include "route/mx.h"
#include "route/route_check.h"

struct rule {
    char *text;      /* the item as configured; "" for the implied one */
    struct str name; /* to look up; borrows from text or the domain's name */
    enum mx_kind kind;
    struct cidr addr; /* MX_ADDRESS; family 0: name is the path of a socket */
    int32_t pref;
    int64_t ttl;   /* seconds; -1: that of the answers, or route_ttl */
    uint16_t port; /* 0: the method's */
    bool own;      /* the domain's own DNS data: what they say is final */
};
struct rules {
    struct rule *items;
    size_t count;
    bool configured; /* by routes */
};

/* name must live as long as the rules.  scope: of the name, in no binding.
 * Items for another method are left out; fit.h says when none is left. */
void rules_load(struct rules *to, struct generation *g,
    const struct scope *scope, struct str name, int method, bool by_gateway,
    uint16_t gateway_port);
void rules_fini(struct rules *r);

/* Of the texts of the routes that rules_load() reads, those of other methods
 * included, as they take places in the order; 0: there are none. */
uint64_t rules_hash(
    struct generation *g, const struct scope *scope, bool by_gateway);
/* Do the routes of this scope hold?  Those of the global stanza do not for the
 * name of a gateway. */
bool rules_has_routes(
    struct generation *g, const struct scope *scope, bool by_gateway);
/* Does the domain's own MX count: without routes, or as one of them? */
bool rules_ask_own_mx(
    struct generation *g, const struct scope *scope, bool by_gateway);
/* A domain that is an address: "1.2.3.4", "[1.2.3.4]", "[IPv6:::1]". */
bool rules_is_literal(struct str name, struct cidr *to);

#endif
