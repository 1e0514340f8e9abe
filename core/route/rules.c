/* SPDX-License-Identifier: Apache-2.0 */
#include "route/rules.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "route/method.h"
#include "route/route_options.h"
#include "base/banned.h"

bool
rules_is_literal(struct str name, struct cidr *to)
{
    struct str inner = name;

    if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        inner = str_sub(name, 1, name.n - 2);
    if (str_istarts(inner, STR("IPv6:")))
        inner = str_from(inner, 5);
    if (cidr_parse(inner, 0, to, NULL) < 0)
        return false;
    cidr_unmap(to);
    return true;
}

bool
rules_has_routes(
    struct generation *g, const struct scope *scope, bool by_gateway)
{
    uint32_t id = OPT(route_options, ROUTE_ROUTES);

    if (!scope_count(scope, id))
        return false;
    return !by_gateway ||
        scope_origin(scope, id) != scope_origin(generation_global(g), id);
}

/* Without routes: the domain's MX, the gateway's MX or address. */
static void
rule_implied(
    struct rule *to, struct str name, bool by_gateway, uint16_t gateway_port)
{
    to->text = xdup("");
    to->name = name;
    to->ttl = -1;
    to->port = gateway_port;
    to->own = !by_gateway;
    if (rules_is_literal(name, &to->addr) ||
        (by_gateway && name.n && name.p[0] == '/'))
        to->kind = MX_ADDRESS;
    else if (name.n && (name.p[0] == '#' || name.p[0] == '['))
        to->kind = MX_NOTHING;
    else
        to->kind = by_gateway ? MX_HOST : MX_DOMAIN;
}

static bool
rule_from_item(struct rule *to, struct str text, size_t place,
    struct str domain, int method)
{
    struct route_item item;
    struct err e;
    struct str copy;

    to->text = xdupn(text.p, text.n);
    copy = str_make(to->text, text.n);
    if (route_item_parse(copy, &item, &e) < 0) {
        log_error(LOG_CONF, "route-unreadable", "route=\"%.*s\" reason=\"%s\"",
            STR_ARG(text), e.text); /* was checked when it was loaded */
        xfree(&to->text);
        return false;
    }
    if (item.scheme.p && !method_takes_scheme(method, item.scheme)) {
        xfree(&to->text);
        return false;
    }
    to->pref = item.pref >= 0 ? (int32_t)item.pref : (int32_t)(place + 1);
    to->ttl = item.ttl;
    to->port = (uint16_t)item.port;
    to->name = item.host;
    if (item.mx) {
        to->name = domain;
        to->own = true;
        to->kind = rules_is_literal(domain, &to->addr) ? MX_ADDRESS
            : domain.n && (domain.p[0] == '#' || domain.p[0] == '[')
            ? MX_NOTHING
            : MX_DOMAIN;
    } else if (item.path) {
        to->kind = MX_ADDRESS;
    } else if (item.address) {
        to->kind = MX_ADDRESS;
        to->addr = item.addr;
        cidr_unmap(&to->addr);
    } else {
        to->kind = item.type == ROUTE_TYPE_MX ? MX_ONLY
            : item.type == ROUTE_TYPE_A       ? MX_A
                                              : MX_HOST;
    }
    return true;
}

void
rules_load(struct rules *to, struct generation *g, const struct scope *scope,
    struct str name, int method, bool by_gateway, uint16_t gateway_port)
{
    uint32_t id = OPT(route_options, ROUTE_ROUTES);
    size_t count =
        rules_has_routes(g, scope, by_gateway) ? scope_count(scope, id) : 0;

    memset(to, 0, sizeof(*to));
    to->items = xcalloc(count ? count : 1, sizeof(*to->items));
    to->configured = count > 0;
    for (size_t i = 0; i < count; i++)
        if (rule_from_item(&to->items[to->count], scope_item(scope, id, i), i,
                name, method))
            to->count++;
    if (!count) {
        rule_implied(&to->items[0], name, by_gateway, gateway_port);
        to->count = 1;
    }
}

uint64_t
rules_hash(struct generation *g, const struct scope *scope, bool by_gateway)
{
    uint32_t id = OPT(route_options, ROUTE_ROUTES);
    size_t count =
        rules_has_routes(g, scope, by_gateway) ? scope_count(scope, id) : 0;
    uint64_t hash = count;

    for (size_t i = 0; i < count; i++) /* their order counts */
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) +
            str_hash(scope_item(scope, id, i));
    return hash;
}

bool
rules_ask_own_mx(
    struct generation *g, const struct scope *scope, bool by_gateway)
{
    uint32_t id = OPT(route_options, ROUTE_ROUTES);
    struct route_item item;

    if (!rules_has_routes(g, scope, by_gateway))
        return !by_gateway;
    for (size_t i = 0; i < scope_count(scope, id); i++) {
        struct str text = scope_item(scope, id, i);

        /* asked for each domain: without "__mx__" nothing is parsed */
        if (str_find(text, STR("__"), 0) != SIZE_MAX &&
            route_item_parse(text, &item, NULL) == 0 && item.mx)
            return true;
    }
    return false;
}

void
rules_fini(struct rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->items[i].text);
    xfree(&r->items);
    r->count = 0;
}
