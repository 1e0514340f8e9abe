/* SPDX-License-Identifier: Apache-2.0
 *
 * build.c - from a tree to stanzas with typed values.
 *
 * Stanzas of one keyword and name at one place become one.  Everything that
 * is wrong is said, not only the first thing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf/generation_int.h"

#include "base/bug.h"
#include "base/num.h"
#include "base/xmem.h"
#include "conf/absent.h"
#include "conf/rename.h"
#include "conf/uninstalled.h"
#include "base/banned.h"

struct builder {
    struct generation *g;
    struct conf_report *r;
};

static void build_body(
    struct builder *b, struct stanza *s, const struct node *body);

void
stanza_list_add(struct stanza_list *l, struct stanza *s)
{
    if (l->count == l->size) {
        l->size = l->size ? l->size * 2 : 8;
        l->items = xgrow(l->items, l->size, sizeof(struct stanza *));
    }
    l->items[l->count++] = s;
}

static void
build_note(struct builder *b, enum report_level level, struct report_at at,
    const char *text)
{
    conf_report_add(b->r, level, at, "%s", text);
}

/* rc of a check: 0, OPTION_WARN or an error, with its sentence. */
static bool
build_result(
    struct builder *b, int rc, struct report_at at, const struct err *e)
{
    if (rc)
        build_note(
            b, rc == OPTION_WARN ? REPORT_WARNING : REPORT_ERROR, at, e->text);
    return rc >= 0;
}

/* --- options --- */

static struct option_value
build_text(const struct node *n)
{
    return (struct option_value){.text = n->text,
        .items = n->shape == NODE_ONE ? NULL : n->items,
        .item_count = n->count,
        .keys = n->keys};
}

static void
build_unknown_option(
    struct builder *b, const struct stanza *s, const struct node *n)
{
    char near[200], where[200] = "";

    option_near(n->keyword, near, sizeof(near));
    if (s->kind)
        (void)snprintf(where, sizeof(where), " in %.*s", STR_ARG(s->keyword));
    conf_report_add(b->r, REPORT_ERROR, n->at, "unknown option '%.*s'%s%s%s%s",
        STR_ARG(str_sub(n->keyword, 0, 80)), where,
        near[0] ? "; did you mean " : "", near, near[0] ? "?" : "");
}

static void
build_wrong_scope(struct builder *b, const struct stanza *s,
    const struct node *n, const struct option *o)
{
    char scopes[300];
    bool nested = s->scope == IMPEL_SCOPE_DOMAIN && s->parent &&
        s->parent->scope != IMPEL_SCOPE_GLOBAL;

    option_scope_names(o->scopes, scopes, sizeof(scopes));
    conf_report_add(b->r, REPORT_ERROR, n->at,
        "%s is not valid in %s%s%s; it is in: %s%s%s%s", o->name,
        s->scope == IMPEL_SCOPE_GLOBAL ? "the global scope"
                                       : kind_word(s->scope),
        nested ? " of a " : "", nested ? kind_word(s->parent->scope) : "",
        scopes,
        o->scopes & IMPEL_SCOPE_DOMAIN && o->flags & OPTION_TOP
            ? " (at the top level)"
            : "",
        o->instead ? "; " : "", o->instead ? o->instead : "");
}

static bool
build_scope_fits(const struct stanza *s, const struct option *o)
{
    if (!(o->scopes & s->scope))
        return false;
    return s->scope != IMPEL_SCOPE_DOMAIN || !(o->flags & OPTION_TOP) ||
        s->parent->scope == IMPEL_SCOPE_GLOBAL;
}

static struct setting *
build_setting(struct builder *b, struct stanza *s, uint32_t id,
    const struct node *body, const struct node *n)
{
    struct setting *was = NULL;

    for (size_t i = 0; i < s->setting_count && !was; i++)
        if (s->settings[i].id == id)
            was = &s->settings[i];
    /* the pointer of the file differs for each time a file was read */
    if (was && was->body == body && was->value->file == n->at.file) {
        conf_report_add(b->r, n->strict_keys ? REPORT_ERROR : REPORT_NOTICE,
            n->at,
            n->strict_keys ? "%.*s is set twice in this stanza (line %d)"
                           : "%.*s was set on line %d already; this value "
                             "takes its place",
            STR_ARG(n->keyword), was->value->line);
    }
    if (was) {
        value_fini(was->value);
    } else {
        if (s->setting_count == s->setting_size) {
            s->setting_size = s->setting_size ? s->setting_size * 2 : 4;
            s->settings =
                xgrow(s->settings, s->setting_size, sizeof(*s->settings));
        }
        was = &s->settings[s->setting_count++];
    }
    was->id = id;
    was->body = body;
    return was;
}

static void
build_known_option(struct builder *b, struct stanza *s, const struct node *body,
    const struct node *n, uint32_t id)
{
    const struct option *o = option_get(id);
    const struct absent *a;
    struct option_value text = build_text(n);
    struct value *v;
    struct err e;
    int rc;

    if (!build_scope_fits(s, o)) {
        a = absent_find(n->keyword, ABSENT_OPTION, s->scope);
        if (a)
            (void)build_result(
                b, absent_judge(a, n->keyword, &text, &e), n->at, &e);
        else
            build_wrong_scope(b, s, n, o);
        return;
    }
    v = arena_alloc(b->g->arena, sizeof(*v));
    rc = value_make(o, &text, b->g->arena, v, &e);
    if (rc) {
        struct err with = {0};

        (void)err_set(&with, e.code, "%s: %s", o->name, e.text);
        (void)build_result(b, rc, n->value_at, &with);
    }
    if (rc < 0) {
        value_fini(v);
        return;
    }
    v->origin = s;
    v->file = n->at.file;
    v->line = n->at.line;
    v->column = n->at.column;
    build_setting(b, s, id, body, n)->value = v;
}

static void
build_order(struct builder *b, struct stanza *s, const struct node *n)
{
    if (n->shape != NODE_ONE || num_i64(n->text, &s->order))
        build_note(b, REPORT_ERROR, n->value_at,
            "order: expected a whole number; patterns are tried by it, lowest "
            "first, then as they stand");
}

static bool
build_is_order(const struct stanza *s, const struct node *n)
{
    return s->scope & (IMPEL_SCOPE_DOMAIN | IMPEL_SCOPE_HOST) &&
        str_ieq(n->keyword, STR("order"));
}

static void
build_option(struct builder *b, struct stanza *s, const struct node *body,
    const struct node *n)
{
    const struct rename *renamed = rename_find(n->keyword);
    struct str name = renamed ? str_of(renamed->name) : n->keyword;
    uint32_t id = option_find(name);
    struct option_value text = build_text(n);
    const struct absent *a;
    const char *module;
    struct err e;

    if (build_is_order(s, n)) {
        build_order(b, s, n);
        return;
    }
    if (renamed)
        conf_report_add(b->r, REPORT_WARNING, n->at, "%.*s is called %s",
            STR_ARG(n->keyword), renamed->name);
    if (id != UINT32_MAX) {
        build_known_option(b, s, body, n, id);
        return;
    }
    a = absent_find(name, ABSENT_OPTION, s->scope);
    module = uninstalled_option(name);
    if (module) {
        char package[120];

        uninstalled_package(module, package, sizeof(package));
        conf_report_add(b->r, REPORT_WARNING, n->at,
            "%.*s belongs to module %s, which is not installed (%s)",
            STR_ARG(name), module, package);
    } else if (a) {
        (void)build_result(b, absent_judge(a, name, &text, &e), n->at, &e);
    } else {
        build_unknown_option(b, s, n);
    }
}

/* --- stanzas --- */

static void
build_unknown_stanza(
    struct builder *b, const struct stanza *s, const struct node *n)
{
    const struct absent *a = absent_find(n->keyword, ABSENT_STANZA, s->scope);
    const char *module = uninstalled_find(INSTALLED_LISTENER, n->keyword);
    char near[120], package[120];
    struct err e;

    if (!module)
        module = uninstalled_find(INSTALLED_MODULE, n->keyword);
    if (module) {
        uninstalled_package(module, package, sizeof(package));
        conf_report_add(b->r, REPORT_WARNING, n->at,
            "%.*s needs module %s, which is not installed (%s); what it holds "
            "has no effect",
            STR_ARG(n->keyword), module, package);
    } else if (a) {
        (void)build_result(b, absent_judge(a, n->keyword, NULL, &e), n->at, &e);
    } else {
        kind_near(n->keyword, near, sizeof(near));
        conf_report_add(b->r, REPORT_ERROR, n->at,
            "unknown stanza '%.*s'%s%s%s", STR_ARG(n->keyword),
            near[0] ? "; did you mean " : "", near, near[0] ? "?" : "");
    }
}

static bool
build_may_stand(struct builder *b, const struct stanza *s, const struct node *n,
    const struct kind *k)
{
    char places[300];
    struct err e;

    if (!(k->parents & s->scope)) {
        option_scope_names(k->parents, places, sizeof(places));
        conf_report_add(b->r, REPORT_ERROR, n->at,
            "%s may not stand in %s; it may in: %s", k->keyword,
            s->scope == IMPEL_SCOPE_GLOBAL ? "the global scope"
                                           : kind_word(s->scope),
            places);
        return false;
    }
    if (k->naming == KIND_NAMED && !n->name.p) {
        conf_report_add(b->r, REPORT_ERROR, n->at,
            "%s takes a name: %s \"name\" { ... }", k->keyword, k->keyword);
        return false;
    }
    if (k->naming == KIND_BARE && n->name.p) {
        conf_report_add(
            b->r, REPORT_ERROR, n->at, "%s takes no name", k->keyword);
        return false;
    }
    if (n->name.p && names_check(n->name, k->scope, &e)) {
        build_note(b, REPORT_ERROR, n->at, e.text);
        return false;
    }
    return true;
}

static struct match_set *
build_matches(struct generation *g, struct match_set **set)
{
    if (!*set)
        *set = arena_alloc(g->arena, sizeof(**set));
    return *set;
}

/* Make a domain or host findable. */
static bool
build_match(struct builder *b, struct stanza *s, struct str folded)
{
    struct stanza *in = s->parent;
    struct match_set *set = build_matches(
        b->g, s->scope == IMPEL_SCOPE_DOMAIN ? &in->domains : &in->hosts);
    struct str pattern;
    struct err e;

    if (!names_is_regex(s->name, &pattern)) {
        (void)map_put(&set->exact, folded, s);
        return true;
    }
    if (value_regex(pattern, &s->regex, &e)) {
        conf_report_add(
            b->r, REPORT_ERROR, s->at, "%.*s: %s", STR_ARG(s->keyword), e.text);
        return false;
    }
    stanza_list_add(&set->regexes, s);
    return true;
}

static void
build_binding(struct builder *b, struct stanza *s)
{
    struct stanza *was = map_put(&b->g->bindings, s->name, s);

    if (!was)
        return;
    conf_report_add(b->r, REPORT_ERROR, s->at,
        "binding %.*s stands in another place too: %.*s (%s:%d); a binding "
        "belongs to one group",
        STR_ARG(s->name), STR_ARG(was->path), was->at.file, was->at.line);
}

static bool
build_index(struct builder *b, struct stanza *s, struct str folded)
{
    if (s->scope & (IMPEL_SCOPE_DOMAIN | IMPEL_SCOPE_HOST))
        return build_match(b, s, folded);
    if (s->scope == IMPEL_SCOPE_BINDING)
        build_binding(b, s);
    else if (s->scope == IMPEL_SCOPE_GROUP)
        (void)map_put(&b->g->groups, s->name, s);
    else if (s->scope == IMPEL_SCOPE_PEER)
        (void)cidr_parse(s->name, CIDR_PREFIX | CIDR_BRACKETS, &s->peer,
            NULL); /* names_check() has seen it */
    return true;
}

static struct str
build_path(struct generation *g, const struct stanza *s)
{
    struct buf p = BUF_INIT;
    struct str kept;

    if (s->parent && s->parent->scope != IMPEL_SCOPE_GLOBAL) {
        buf_str(&p, s->parent->path);
        buf_cstr(&p, ", ");
    }
    buf_str(&p, s->keyword);
    if (s->name.p) {
        buf_char(&p, ' ');
        buf_str(&p, s->name);
    }
    kept = arena_str(g->arena, buf_get(&p));
    buf_fini(&p);
    return kept;
}

static struct stanza *
build_new(struct builder *b, struct stanza *parent, const struct node *n,
    const struct kind *k)
{
    struct generation *g = b->g;
    struct stanza *s = arena_alloc(g->arena, sizeof(*s));

    s->g = g;
    s->parent = parent;
    s->kind = k;
    s->scope = k->scope;
    s->keyword = str_of(k->keyword);
    s->name = n->name;
    s->at = n->at;
    s->index = (uint32_t)g->all.count + 1;
    s->path = build_path(g, s);
    stanza_list_add(&g->all, s);
    if (parent->last)
        parent->last->next = s;
    else
        parent->first = s;
    parent->last = s;
    return s;
}

/* "parent/scope/keyword/name": what makes two stanzas one; 0: no such name. */
static size_t
build_key(const struct stanza *parent, const struct kind *k, struct str name,
    char *to, size_t *name_at)
{
    size_t named = 0;

    *name_at = (size_t)snprintf(to, 64, "%u/%x/%.30s/", parent->index, k->scope,
        k->scope & (IMPEL_SCOPE_LISTENER | SCOPE_MODULE) ? k->keyword : "");
    if (name.p && names_fold(name, k->scope, to + *name_at, &named))
        return 0;
    return *name_at + named;
}

struct stanza *
generation_find(const struct generation *g, const struct stanza *parent,
    const struct kind *k, struct str name)
{
    char key[GENERATION_NAME_MAX + 64];
    size_t at, n = build_key(parent, k, name, key, &at);

    return n ? map_find(&g->known, str_make(key, n)) : NULL;
}

static void
build_stanza(struct builder *b, struct stanza *parent, const struct node *n)
{
    const struct kind *k = kind_find(n->keyword, parent->scope);
    char key[GENERATION_NAME_MAX + 64];
    struct stanza *s;
    struct str kept;
    size_t at, used;

    if (!k) {
        build_unknown_stanza(b, parent, n);
        return;
    }
    if (!build_may_stand(b, parent, n, k))
        return;
    used = build_key(parent, k, n->name, key, &at);
    s = map_find(&b->g->known, str_make(key, used));
    if (!s) {
        s = build_new(b, parent, n, k);
        kept = arena_str(b->g->arena, str_make(key, used));
        (void)map_put(&b->g->known, kept, s);
        if (!build_index(b, s, str_from(kept, at)))
            return;
    }
    build_body(b, s, n);
}

static void
build_body(struct builder *b, struct stanza *s, const struct node *body)
{
    for (const struct node *n = body->first; n; n = n->next)
        if (n->kind == NODE_OPTION)
            build_option(b, s, body, n);
        else if (n->kind == NODE_STANZA)
            build_stanza(b, s, n);
}

/* --- after all is read --- */

static void
build_defaults(struct generation *g)
{
    g->option_count = option_count();
    g->defaults = xcalloc(g->option_count + 1, sizeof(*g->defaults));
    g->has_default = xcalloc(g->option_count + 1, sizeof(*g->has_default));
    for (uint32_t id = 0; id < g->option_count; id++)
        g->has_default[id] =
            value_default(option_get(id), g->arena, &g->defaults[id]);
}

static int
build_compare(const void *a, const void *b)
{
    const struct stanza *x = *(struct stanza *const *)a;
    const struct stanza *y = *(struct stanza *const *)b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void
build_sort(struct match_set *set)
{
    if (set && set->regexes.count > 1)
        qsort(set->regexes.items, set->regexes.count,
            sizeof(*set->regexes.items), build_compare);
}

static uint64_t
build_id(struct stanza *s)
{
    struct buf b = BUF_INIT;

    buf_str(&b, s->path);
    for (size_t i = 0; i < s->setting_count; i++) {
        const struct value *v = s->settings[i].value;

        buf_printf(&b, "\n%s=", option_get(s->settings[i].id)->name);
        buf_str(&b, v->text);
        for (size_t k = 0; k < v->count; k++) {
            buf_char(&b, 1);
            if (v->keys)
                buf_str(&b, v->keys[k]);
            buf_char(&b, 2);
            buf_str(&b, v->items[k]);
        }
    }
    for (struct stanza *c = s->first; c; c = c->next)
        buf_printf(&b, "\n%llx", (unsigned long long)build_id(c));
    s->id = str_hash(buf_get(&b));
    buf_fini(&b);
    return s->id;
}

static void
build_check(struct builder *b, const struct stanza *s)
{
    for (uint32_t i = 0; i < option_set_count(); i++) {
        const struct option_set *set = option_set_get(i);
        uint32_t at = UINT32_MAX;
        const struct setting *blamed;
        struct report_at where = s->at;
        struct err e;
        int rc = set->check ? set->check(s, &at, &e) : 0;

        if (!rc)
            continue;
        blamed = at == UINT32_MAX ? NULL : stanza_setting(s, at);
        if (blamed)
            where = (struct report_at){blamed->value->file, blamed->value->line,
                blamed->value->column};
        (void)build_result(b, rc, where, &e);
    }
}

void
generation_build(struct generation *g, struct conf_report *r)
{
    struct builder b = {g, r};

    build_defaults(g);
    g->global.g = g;
    g->global.scope = IMPEL_SCOPE_GLOBAL;
    g->global.keyword = STR("global");
    g->global.path = STR("global");
    g->global.at.file = g->path;
    build_body(&b, &g->global, &g->tree.root);
    build_check(&b, &g->global);
    for (size_t i = 0; i < g->all.count; i++) {
        build_sort(g->all.items[i]->domains);
        build_sort(g->all.items[i]->hosts);
        build_check(&b, g->all.items[i]);
    }
    build_sort(g->global.domains);
    build_sort(g->global.hosts);
    (void)build_id(&g->global);
}
