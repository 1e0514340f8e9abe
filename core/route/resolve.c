/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.c - from a recipient's (binding, domain) to the key of its queue.
 */
#include "route/resolve.h"

#include <stdio.h>

#include "route/route_options.h"
#include "route/rules.h"
#include "base/idna.h"
#include "base/banned.h"

enum { METHODS_MAX = METHOD_OTHER + 64 };

/* A method other than ESMTP and SMTP takes its port from the option that is
 * named after it, METHOD_port ("lmtp_port").  The numbers here hold where the
 * module, and so its row, is not installed. */
static const uint16_t usual_port[] = {
    [METHOD_LMTP] = 2003,
    [METHOD_ECSTREAM] = 1825,
    [METHOD_APN] = 443,
    [METHOD_GCM] = 443,
    [METHOD_MM7] = 8080,
};
static struct {
    uint32_t id, options; /* id of the row when there were so many options */
} port_rows[METHODS_MAX];

/* Rows are only ever added, so a found id stays. */
static uint32_t
port_option(int method)
{
    char name[64];
    int n;

    if (method == METHOD_ESMTP || method == METHOD_SMTP)
        return OPT(route_options, ROUTE_REMOTE_SMTP_PORT);
    if (port_rows[method].options == option_count())
        return port_rows[method].id;
    n = snprintf(name, sizeof(name), "%s_port", method_name(method));
    port_rows[method].id = option_find(str_make(name, (size_t)n));
    port_rows[method].options = option_count();
    return port_rows[method].id;
}

/* Was the value set for this place, and not for everything? */
static bool
is_own(struct generation *g, const struct scope *s, uint32_t id)
{
    const struct stanza *origin = scope_origin(s, id);

    return origin && origin != scope_origin(generation_global(g), id);
}

/* What is said where the recipient is stays; what is only said for everything
 * gives way to what the routing domain says (architecture 3). */
static const struct scope *
speaker(struct generation *g, const struct scope *recipient,
    const struct scope *routing, uint32_t id)
{
    return is_own(g, recipient, id) ? recipient : routing;
}

static uint16_t
port_of(struct generation *g, const struct scope *recipient,
    const struct scope *routing, int method)
{
    uint32_t id = port_option(method);
    uint16_t usual =
        (size_t)method < ARRAY_SIZE(usual_port) ? usual_port[method] : 0;
    int64_t port = 0;

    if (id != UINT32_MAX)
        port = scope_int(speaker(g, recipient, routing, id), id);
    if (port > 0 && port < 65536)
        return (uint16_t)port;
    return usual ? usual : 25;
}

static int
method_of(struct generation *g, const struct scope *recipient,
    const struct scope *routing)
{
    uint32_t id = OPT(route_options, ROUTE_DELIVERY_METHOD);
    int method = method_find(scope_str(speaker(g, recipient, routing, id), id));

    return method < 0 ? METHOD_ESMTP : method;
}

/* A domain's own routes beat a gateway that holds for everything; any other
 * gateway is more specific than routes can be, or they exclude each other. */
static struct str
gateway_of(struct generation *g, const struct scope *s)
{
    struct str text = scope_str(s, OPT(route_options, ROUTE_GATEWAY));

    if (!text.n)
        return STR_NONE;
    if (!is_own(g, s, OPT(route_options, ROUTE_GATEWAY)) &&
        is_own(g, s, OPT(route_options, ROUTE_ROUTES)) &&
        scope_count(s, OPT(route_options, ROUTE_ROUTES)))
        return STR_NONE;
    return text;
}

/* A name with octets above 127, as mail that an older version stored has it,
 * is the domain of its A-labels. */
static struct str
resolve_idn(struct str domain)
{
    static struct buf name; /* scheduler only, until the next call */

    if (idna_is_plain(domain))
        return domain;
    buf_cut(&name, 0);
    (void)idna_fold(domain, &name); /* no name: DNS will say so */
    return buf_get(&name);
}

/* In lower case; v6 in brackets, as a domain that is an address stands; a path
 * as it is. */
static struct str
gateway_name(const struct route_item *item)
{
    static char name[320]; /* scheduler only, until the next call */
    size_t n = 0;
    bool v6 = item->address && item->addr.family == 6;

    if (item->path)
        return item->host;
    if (item->host.n > sizeof(name) - 3)
        return STR("#");
    if (v6)
        name[n++] = '[';
    for (size_t i = 0; i < item->host.n; i++) {
        char c = item->host.p[i];
        name[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    if (v6)
        name[n++] = ']';
    return str_make(name, n);
}

void
resolve_destination(struct generation *g, struct str binding, struct str domain,
    struct destination *to)
{
    const struct scope *recipient = generation_scope(g, binding, domain);
    const struct scope *routing = recipient;
    struct str gateway = gateway_of(g, recipient);
    struct route_item item;

    memset(to, 0, sizeof(*to));
    to->domain = resolve_idn(domain);
    if (gateway.n && route_gateway_parse(gateway, &item, NULL) == 0) {
        to->domain = resolve_idn(gateway_name(&item));
        to->by_gateway = true;
        to->gateway_port = (uint16_t)item.port;
        routing = generation_scope(g, binding, to->domain);
    }
    to->method = method_of(g, recipient, routing);
    to->port = port_of(g, recipient, routing, to->method);
}
