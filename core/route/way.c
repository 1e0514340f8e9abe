/* SPDX-License-Identifier: Apache-2.0 */
#include "route/way.h"

#include "conf/report_int.h"
#include "route/binding.h"
#include "route/route_check.h"
#include "route/route_options.h"
#include "base/banned.h"

/* The server, unless it is passed by or there is none. */
static bool
way_server(const struct scope *s, struct proxyproto_server *to)
{
    struct str text = scope_str(s, OPT(route_options, ROUTE_HA_PROXY_SERVER));
    struct route_item item;

    if (!text.n || scope_int(s, OPT(route_options, ROUTE_HA_PROXY_BYPASS)) ||
        route_gateway_parse(text, &item, NULL) < 0 || !item.address)
        return false;
    *to = (struct proxyproto_server){item.addr, (uint16_t)item.port};
    return true;
}

static bool
way_seen(const struct scope *s, int family, struct cidr *to)
{
    int row =
        family == 6 ? ROUTE_HA_PROXY_IPV6_SRC_ADDR : ROUTE_HA_PROXY_SRC_ADDR;
    struct str text = scope_str(s, OPT(route_options, row));

    return text.n && cidr_parse(text, CIDR_BRACKETS, to, NULL) == 0;
}

bool
way_find(const struct scope *s, int family, struct way *to)
{
    *to = (struct way){.from.family = 0};
    if (!family)
        return true; /* a socket of this machine */
    if (!way_server(s, &to->proxy)) {
        to->proxy = (struct proxyproto_server){.port = 0};
        binding_source(s, family, &to->from);
        return !to->from.family || to->from.family == family;
    }
    binding_source(s, to->proxy.ip.family, &to->from);
    if (to->from.family != to->proxy.ip.family)
        to->from = (struct cidr){.family = 0};
    return way_seen(s, family, &to->seen);
}

bool
way_eq(const struct way *a, const struct way *b)
{
    return cidr_eq(&a->from, &b->from) && cidr_eq(&a->seen, &b->seen) &&
        cidr_eq(&a->proxy.ip, &b->proxy.ip) && a->proxy.port == b->proxy.port;
}

void
way_print(const struct way *w, struct buf *to)
{
    if (w->from.family)
        cidr_print(&w->from, to);
    if (!w->proxy.ip.family)
        return;
    buf_cstr(to, " by ");
    proxyproto_print_server(&w->proxy, to);
    if (w->seen.family) {
        buf_cstr(to, " as ");
        cidr_print(&w->seen, to);
    }
}

/* --- checks --- */

static int
way_check_binding(
    struct generation *g, const struct stanza *at, struct conf_report *r)
{
    const struct scope *s = generation_scope(g, stanza_name(at), STR_NONE);
    struct proxyproto_server server;
    struct cidr seen;
    struct buf origin = BUF_INIT;

    if (!way_server(s, &server) || way_seen(s, 4, &seen) ||
        way_seen(s, 6, &seen))
        return 0;
    scope_print_origin(s, OPT(route_options, ROUTE_HA_PROXY_SERVER), &origin);
    conf_report_add(r, REPORT_ERROR,
        (struct report_at){stanza_file(at), stanza_line(at), 0},
        "%.*s has ha_proxy_server (%.*s) and neither ha_proxy_src_addr nor "
        "ha_proxy_ipv6_src_addr: no host could be reached",
        STR_ARG(stanza_path(at)), STR_ARG(buf_get(&origin)));
    buf_fini(&origin);
    return ERR_CONF;
}

static int
way_check_in(
    struct generation *g, const struct stanza *place, struct conf_report *r)
{
    const struct stanza *b = NULL;
    int rc = 0;

    while ((b = generation_stanza(g, IMPEL_SCOPE_BINDING, place, b)) != NULL)
        if (way_check_binding(g, b, r) < 0)
            rc = ERR_CONF;
    return rc;
}

int
way_check(void *arg, struct generation *g, struct conf_report *r)
{
    const struct stanza *group = NULL;
    int rc = way_check_in(g, NULL, r);

    (void)arg;
    while ((group = generation_stanza(g, IMPEL_SCOPE_GROUP, NULL, group)))
        if (way_check_in(g, group, r) < 0)
            rc = ERR_CONF;
    return rc;
}
