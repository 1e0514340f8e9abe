/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_use.c - which modules a configuration uses, what they say of it,
 * and `module list`.
 */
#include "xport/registry_int.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "conf/report_int.h"
#include "route/route_options.h"
#include "xport/instance.h"
#include "xport/session_int.h"
#include "base/banned.h"

/* One look at a configuration. */
struct use {
    struct generation *g;
    struct conf_report *report;
    bool failed;
};

static struct report_at
use_at(const struct stanza *s)
{
    if (!s)
        return (struct report_at){"", 0, 0};
    return (struct report_at){stanza_file(s), stanza_line(s), 1};
}

/* What is used is loaded; one that will not is an error where it is used. */
static void
use_module(struct use *u, struct entry *x, const struct stanza *at)
{
    const struct stanza *s;

    if (!x || x->gone || !registry_enabled(u->g, x, &s))
        return;
    registry_load(x);
    if (x->state != MODULE_REFUSED)
        return;
    u->failed = true;
    conf_report_add(u->report, REPORT_ERROR, use_at(at),
        "module %s would not load: %s", x->name, x->why);
}

static void
use_method(struct use *u, const struct stanza *s)
{
    struct option_value v;
    char method[64];

    if (!stanza_value(s, OPT(route_options, ROUTE_DELIVERY_METHOD), &v))
        return;
    if (str_copy(method, sizeof(method), v.text))
        use_module(u, registry_by_method(method), s);
}

/* Does the stanza itself set an option of the module's own? */
static bool
use_sets(const struct stanza *s, const struct module *m)
{
    struct option_value v;

    for (uint32_t i = 0; i < m->options.count; i++) {
        if (stanza_value(s, OPT(m->options, i), &v))
            return true;
    }
    return false;
}

static void
use_check_one(struct use *u, struct entry *x, const struct scope *scope,
    const struct stanza *at)
{
    struct module *m = x->module;
    struct impel_scope s = {m, scope, NULL};
    struct impel_error why = {0};

    if (!m->desc.check || m->desc.check(m->ctx, &s, &why) >= 0)
        return;
    why.text[sizeof(why.text) - 1] = '\0';
    u->failed = true;
    conf_report_add(u->report, REPORT_ERROR, use_at(at), "module %s: %s",
        x->name, why.text[0] ? why.text : "refuses these values");
}

/* Loaded modules look at the scope when the stanza sets options of theirs. */
static void
use_check(struct use *u, const struct scope *scope, const struct stanza *s)
{
    struct entry *x;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        if (x->state == MODULE_LOADED && use_sets(s, x->module))
            use_check_one(u, x, scope, s);
    }
}

typedef void use_f(struct use *u, const struct stanza *s, struct str binding,
    struct str domain);

/* Every outbound stanza: domains at the top, groups, bindings, and what is in
 * these.  binding and domain say how its scope is found. */
static void
use_each(
    struct use *u, const struct stanza *parent, struct str binding, use_f *fn)
{
    const uint32_t kinds =
        IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING | IMPEL_SCOPE_DOMAIN;
    const struct stanza *s = NULL;

    for (;;) {
        struct str keyword, name;

        s = generation_stanza(u->g, kinds, parent, s);
        if (!s)
            return;
        keyword = stanza_keyword(s);
        name = stanza_name(s);
        if (str_ieq(keyword, STR("domain"))) {
            fn(u, s, binding, name);
            continue;
        }
        fn(u, s, str_ieq(keyword, STR("binding")) ? name : STR_NONE, STR_NONE);
        use_each(u, s, str_ieq(keyword, STR("binding")) ? name : STR_NONE, fn);
    }
}

static void
use_stanza_method(struct use *u, const struct stanza *s, struct str binding,
    struct str domain)
{
    (void)binding, (void)domain;
    use_method(u, s);
}

/* A regex matches domains nobody has named yet: no scope stands for it. */
static void
use_stanza_check(struct use *u, const struct stanza *s, struct str binding,
    struct str domain)
{
    if (str_starts(domain, STR("/")))
        return;
    if (str_ieq(stanza_keyword(s), STR("binding_group")))
        return; /* its bindings inherit it */
    use_check(u, generation_scope(u->g, binding, domain), s);
}

/* NULL: it is no listener's stanza, or of a module that is not here. */
static struct entry *
use_listener_of(const struct stanza *s)
{
    char keyword[64];

    return str_copy(keyword, sizeof(keyword), stanza_keyword(s))
        ? registry_by_listener(keyword)
        : NULL;
}

static void
use_listeners(struct use *u)
{
    const struct stanza *s = NULL;

    while ((s = generation_stanza(u->g, IMPEL_SCOPE_LISTENER, NULL, s))) {
        struct entry *x = use_listener_of(s);

        use_module(u, x, s);
        if (x && x->state == MODULE_LOADED)
            use_check_one(u, x, stanza_scope(s), s);
    }
}

static void
use_modules(struct use *u)
{
    const struct stanza *s = NULL;

    while ((s = generation_stanza(u->g, SCOPE_MODULE, NULL, s)))
        use_module(u, registry_by_name(stanza_keyword(s)), s);
}

/* Every stanza in which a filter may be asked for: the global scope, listeners
 * and what is in them. */
static void
use_each_inbound(struct use *u, const struct stanza *parent,
    void (*fn)(struct use *u, const struct stanza *s))
{
    const uint32_t kinds =
        IMPEL_SCOPE_LISTENER | IMPEL_SCOPE_LISTEN | IMPEL_SCOPE_PEER;
    const struct stanza *s = NULL;

    while ((s = generation_stanza(u->g, kinds, parent, s)) != NULL) {
        fn(u, s);
        use_each_inbound(u, s, fn);
    }
}

/* A filter is used where a value of its own is set. */
static void
use_filter(struct use *u, const struct stanza *s)
{
    struct entry *x;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        if (x->module && x->module->has_filter && use_sets(s, x->module))
            use_module(u, x, s);
    }
}

static void
use_filter_global(struct use *u)
{
    const struct scope *global = generation_global(u->g);
    struct entry *x;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        const struct module *m = x->module;
        bool set = false;

        if (!m || !m->has_filter || !x->declared)
            continue;
        for (uint32_t k = 0; k < m->options.count && !set; k++)
            set = !option_get(OPT(m->options, k))->initial &&
                scope_is_set(global, OPT(m->options, k));
        if (set)
            use_module(u, x, NULL);
    }
}

/* Whoever filters or listens looks at its values.  A listener's own stanza its
 * module has seen. */
static void
use_inbound_check(struct use *u, const struct stanza *s)
{
    struct entry *x;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        const struct module *m = x->module;

        if (x->state == MODULE_LOADED && (m->has_filter || m->has_listener) &&
            x != use_listener_of(s) && use_sets(s, m))
            use_check_one(u, x, stanza_scope(s), s);
    }
}

int
registry_check(void *arg, struct generation *g, struct conf_report *r)
{
    struct use u = {.g = g, .report = r};
    const struct scope *global = generation_global(g);
    struct entry *x;
    struct str method;
    char name[64];

    (void)arg;
    registry_lock();
    use_modules(&u);
    use_listeners(&u);
    method = scope_str(global, OPT(route_options, ROUTE_DELIVERY_METHOD));
    if (str_copy(name, sizeof(name), method.p ? method : STR("ESMTP")))
        use_module(&u, registry_by_method(name), NULL);
    use_each(&u, NULL, STR_NONE, use_stanza_method);
    use_filter_global(&u);
    use_each_inbound(&u, NULL, use_filter);
    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        if (x->state == MODULE_LOADED)
            use_check_one(&u, x, global, NULL);
    }
    use_each(&u, NULL, STR_NONE, use_stanza_check);
    use_each_inbound(&u, NULL, use_inbound_check);
    registry_unlock();
    return u.failed ? ERR_CONF : 0;
}

/* --- module list --- */

static const char *
use_state_name(const struct entry *x, enum module_state s)
{
    if (x->gone)
        return "removed";
    switch (s) {
    case MODULE_INSTALLED:
        return "installed";
    case MODULE_LOADED:
        return "loaded";
    case MODULE_DISABLED:
        return "disabled";
    case MODULE_REFUSED:
        return "refused";
    default:
        return "absent";
    }
}

static enum module_state
use_state(const struct generation *g, const struct entry *x)
{
    if (x->state != MODULE_REFUSED && !registry_enabled(g, x, NULL))
        return MODULE_DISABLED;
    return x->state;
}

static const char *
use_why(const struct entry *x)
{
    if (x->gone)
        return "its file is not there any more: mail for it waits";
    if (x->changed)
        return "there is another file now, which the next start takes";
    return x->why;
}

static void
use_print_names(struct buf *to, const char *what, const struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        buf_printf(to, "%s%s", i ? "," : what, n->item[i]);
}

/* What it has counted, and how it behaves. */
static void
use_print_work(struct buf *to, const struct impel_instance *i)
{
    const struct impel_module *d = &i->module->desc;
    int64_t value;

    for (uint32_t k = 0; k < d->counter_count; k++) {
        value = instance_sum(i, k);
        if (value)
            buf_printf(to, "    %s %" PRId64 "\n", d->counters[k].name, value);
    }
    if (atomic_load(&i->slow))
        buf_printf(to,
            "    slow callbacks %" PRIu64 ", slowest %" PRId64 " ms\n",
            atomic_load(&i->slow), atomic_load(&i->slowest) / 1000);
    if (atomic_load(&i->broken))
        buf_printf(
            to, "    rules broken %" PRIu64 "\n", atomic_load(&i->broken));
}

static void
use_print(const struct generation *g, const struct entry *x, struct buf *to)
{
    const struct module *m = x->module;

    buf_printf(to, "%s %s", x->name, x->version ? x->version : "-");
    if (m)
        buf_printf(to, " ABI %u.%u", m->abi_major, m->abi_minor);
    buf_printf(to, " %s", use_state_name(x, use_state(g, x)));
    use_print_names(to, " methods ", &x->methods);
    use_print_names(to, " schemes ", &x->schemes);
    use_print_names(to, " listeners ", &x->listeners);
    if (m && m->has_filter)
        buf_cstr(to, " filter");
    buf_printf(to, " %s\n", x->file);
    if (m && m->instance)
        use_print_work(to, m->instance);
    if (use_why(x)[0])
        buf_printf(to, "    %s\n", use_why(x));
}

static json_t *
use_json_names(const struct names *n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n->count; i++)
        (void)json_array_append_new(a, json_string(n->item[i]));
    return a;
}

static void
use_json_work(json_t *o, const struct impel_instance *i)
{
    const struct impel_module *d = &i->module->desc;
    json_t *counters = json_object();

    for (uint32_t k = 0; k < d->counter_count; k++)
        (void)json_object_set_new(counters, d->counters[k].name,
            json_integer((json_int_t)instance_sum(i, k)));
    (void)json_object_set_new(o, "counters", counters);
    (void)json_object_set_new(
        o, "slow_callbacks", json_integer((json_int_t)atomic_load(&i->slow)));
    (void)json_object_set_new(
        o, "slowest_us", json_integer((json_int_t)atomic_load(&i->slowest)));
    (void)json_object_set_new(
        o, "rules_broken", json_integer((json_int_t)atomic_load(&i->broken)));
}

static json_t *
use_json(const struct generation *g, const struct entry *x)
{
    json_t *o = json_object();
    char abi[16] = "";

    if (x->module)
        snprintf(abi, sizeof(abi), "%u.%u", x->module->abi_major,
            x->module->abi_minor);
    (void)json_object_set_new(o, "name", json_string(x->name));
    (void)json_object_set_new(o, "file", json_string(x->file));
    (void)json_object_set_new(
        o, "version", json_string(x->version ? x->version : ""));
    (void)json_object_set_new(o, "abi", json_string(abi));
    (void)json_object_set_new(
        o, "state", json_string(use_state_name(x, use_state(g, x))));
    (void)json_object_set_new(o, "methods", use_json_names(&x->methods));
    (void)json_object_set_new(o, "schemes", use_json_names(&x->schemes));
    (void)json_object_set_new(o, "listeners", use_json_names(&x->listeners));
    (void)json_object_set_new(
        o, "filter", json_boolean(x->module && x->module->has_filter));
    if (x->module && x->module->instance)
        use_json_work(o, x->module->instance);
    if (use_why(x)[0])
        (void)json_object_set_new(o, "why", json_string(use_why(x)));
    return o;
}

static void
use_print_json(const struct generation *g, struct buf *to)
{
    json_t *all = json_array();
    struct entry *x;
    char *text;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++)
        (void)json_array_append_new(all, use_json(g, x));
    text = json_dumps(all, JSON_INDENT(2));
    json_decref(all);
    buf_cstr(to, text ? text : "[]");
    buf_char(to, '\n');
    free(text);
}

void
registry_print(struct buf *to, bool json)
{
    struct generation *g = generation_current();
    struct entry *x;

    registry_lock();
    if (json)
        use_print_json(g, to);
    for (size_t i = 0; !json && (x = registry_entry(i)) != NULL; i++)
        use_print(g, x, to);
    registry_unlock();
    if (g)
        generation_unref(&g);
}
