/* SPDX-License-Identifier: Apache-2.0 */
#include "route/fit.h"

#include "base/buf.h"
#include "conf/report_int.h"
#include "route/method.h"
#include "route/route_check.h"
#include "route/route_options.h"
#include "route/rules.h"
#include "base/banned.h"

static void
fit_say(
    const struct scope *routes, struct str scheme, int method, struct buf *why)
{
    uint32_t id = OPT(route_options, ROUTE_ROUTES);

    if (!why)
        return;
    if (method == METHOD_ECSTREAM)
        buf_cstr(why,
            "routes cannot be used with delivery_method ECSTREAM: "
            "use gateway");
    else
        buf_printf(why,
            "\"%.*s\" does not fit delivery_method %s, which takes %s",
            STR_ARG(scheme), method_name(method), method_schemes(method));
    buf_cstr(why, "; routes of ");
    scope_print_origin(routes, id, why);
}

/* Does one of them fit?  An item without a scheme is for any method. */
static bool
fit_any(const struct scope *routes, int method, struct buf *why)
{
    uint32_t id = OPT(route_options, ROUTE_ROUTES);
    size_t count = scope_count(routes, id);
    struct str last = STR_NONE;

    for (size_t i = 0; i < count && method != METHOD_ECSTREAM; i++) {
        struct route_item item;
        if (route_item_parse(scope_item(routes, id, i), &item, NULL) < 0)
            continue;
        if (!item.scheme.p || method_takes_scheme(method, item.scheme))
            return true;
        last = item.scheme;
    }
    fit_say(routes, last, method, why);
    return false;
}

bool
fit_routes(struct generation *g, struct str domain, int method, bool by_gateway,
    struct buf *why)
{
    const struct scope *s = generation_scope(g, STR_NONE, domain);

    return !rules_has_routes(g, s, by_gateway) || fit_any(s, method, why);
}

/* --- at load --- */

struct fit { /* one place that is looked at */
    struct generation *g;
    struct conf_report *report;
    struct str binding, domain;
};

static bool
fit_sets(const struct stanza *s, int row, struct report_at *at)
{
    struct option_value v;
    uint32_t id = OPT(route_options, row);

    if (!stanza_value(s, id, &v))
        return false;
    *at = (struct report_at){"", 0, 0};
    (void)stanza_value_at(s, id, &at->file, &at->line, &at->column);
    return true;
}

/* A stanza that says one of the two; the other comes from elsewhere. */
static void
fit_stanza(const struct fit *f, const struct stanza *s)
{
    const struct scope *own, *routes;
    struct buf why = BUF_INIT;
    struct report_at at;
    int method;

    if (!fit_sets(s, ROUTE_DELIVERY_METHOD, &at) &&
        !fit_sets(s, ROUTE_ROUTES, &at))
        return;
    own = generation_scope(f->g, f->binding, f->domain);
    routes = generation_scope(f->g, STR_NONE, f->domain);
    method =
        method_find(scope_str(own, OPT(route_options, ROUTE_DELIVERY_METHOD)));
    if (method < 0 || scope_str(own, OPT(route_options, ROUTE_GATEWAY)).n ||
        !rules_has_routes(f->g, routes, false) || fit_any(routes, method, &why))
        return;
    buf_cstr(&why, ", delivery_method of ");
    scope_print_origin(own, OPT(route_options, ROUTE_DELIVERY_METHOD), &why);
    conf_report_add(f->report, REPORT_WARNING, at, "%.*s; its mail would wait",
        STR_ARG(buf_get(&why)));
    buf_fini(&why);
}

static void
fit_domains(struct fit *f, const struct stanza *place)
{
    const struct stanza *d = NULL;

    while ((d = generation_stanza(f->g, IMPEL_SCOPE_DOMAIN, place, d))) {
        f->domain = stanza_name(d);
        if (f->domain.n)
            fit_stanza(f, d);
    }
    f->domain = STR_NONE;
}

static void
fit_bindings(struct fit *f, const struct stanza *place)
{
    const struct stanza *b = NULL;

    while ((b = generation_stanza(f->g, IMPEL_SCOPE_BINDING, place, b))) {
        f->binding = stanza_name(b);
        fit_stanza(f, b);
        fit_domains(f, b);
    }
    f->binding = STR_NONE;
}

/* What a group says holds for its bindings: the first of them is asked. */
static void
fit_group(struct fit *f, const struct stanza *group)
{
    const struct stanza *b =
        generation_stanza(f->g, IMPEL_SCOPE_BINDING, group, NULL);

    if (b) {
        f->binding = stanza_name(b);
        fit_stanza(f, group);
        fit_domains(f, group);
    }
    fit_bindings(f, group);
}

int
fit_check(void *arg, struct generation *g, struct conf_report *r)
{
    struct fit f = {g, r, STR_NONE, STR_NONE};
    const struct stanza *group = NULL;

    (void)arg;
    fit_domains(&f, NULL);
    fit_bindings(&f, NULL);
    while ((group = generation_stanza(g, IMPEL_SCOPE_GROUP, NULL, group)))
        fit_group(&f, group);
    return 0;
}
