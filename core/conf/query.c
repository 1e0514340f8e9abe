/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/query.h"

#include <stdlib.h>
#include <jansson.h>

#include "conf/absent.h"
#include "conf/describe.h"
#include "conf/ecconf.h"
#include "conf/query_int.h"
#include "base/banned.h"

/* --- places --- */

static int
query_step(const struct query *q, uint32_t scope, struct query_place *p,
    const struct kind *k, struct err *e)
{
    struct query_step *step = &p->steps[p->count];
    bool has = p->used < q->word_count;
    struct str next = has ? q->words[p->used] : STR_NONE;
    bool named = k->naming == KIND_NAMED;

    if (!(k->parents & scope))
        return err_set(e, ERR_INVAL, "%s may not stand in %s", k->keyword,
            kind_word(scope));
    /* an optional name is one if nothing else can be meant */
    if (k->naming == KIND_OPTIONAL && has)
        named = !kind_find(next, k->scope) && option_find(next) == UINT32_MAX;
    if (named && !has)
        return err_set(
            e, ERR_INVAL, "%s: expected a name behind it", k->keyword);
    if (named && names_check(next, k->scope, e))
        return ERR_INVAL;
    step->kind = k;
    step->name = named ? next : STR_NONE;
    p->used += named;
    p->count++;
    return 0;
}

static int
query_option(struct query_place *p, struct str word, struct err *e)
{
    char near[200];
    const struct absent *a = absent_find(word, ABSENT_OPTION, 0);

    p->option = word;
    p->id = option_find(word);
    if (p->id != UINT32_MAX)
        return 0;
    if (a) {
        (void)absent_judge(a, word, NULL, e);
        return ERR_NOTFOUND;
    }
    option_near(word, near, sizeof(near));
    return err_set(e, ERR_NOTFOUND, "unknown option or stanza '%.*s'%s%s%s",
        STR_ARG(str_sub(word, 0, 80)), near[0] ? "; did you mean " : "", near,
        near[0] ? "?" : "");
}

int
query_place(
    const struct query *q, bool option, struct query_place *to, struct err *e)
{
    uint32_t scope = IMPEL_SCOPE_GLOBAL;

    memset(to, 0, sizeof(*to));
    to->id = UINT32_MAX;
    to->used = 1;
    while (to->used < q->word_count) {
        struct str word = q->words[to->used];
        const struct kind *k = kind_find(word, scope);

        to->used++;
        if (!to->count && str_ieq(word, STR("global"))) {
            to->global = true;
            continue;
        }
        if (!k || (option_find(word) != UINT32_MAX && !(k->parents & scope)))
            return query_option(to, word, e);
        if (to->count == QUERY_DEPTH_MAX)
            return err_set(e, ERR_INVAL, "too many stanzas");
        if (query_step(q, scope, to, k, e))
            return ERR_INVAL;
        scope = k->scope;
    }
    if (option)
        return err_set(e, ERR_INVAL, "expected the name of an option");
    return 0;
}

const struct stanza *
query_stanza(const struct generation *g, const struct query_place *p)
{
    const struct stanza *s = &g->global;

    for (size_t i = 0; i < p->count && s; i++)
        s = generation_find(g, s, p->steps[i].kind, p->steps[i].name);
    return s;
}

static struct str
query_named(const struct query_place *p, uint32_t scope)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->steps[i].kind->scope == scope)
            return p->steps[i].name;
    return STR_NONE;
}

/* "binding b" alone is enough to say in which group it is.  A domain without
 * a binding is the one that delivers what has none: "default". */
static int
query_outbound(const struct query *q, const struct query_place *p,
    const struct scope **to, struct err *e)
{
    struct generation *g = q->generation;
    struct str binding = query_named(p, IMPEL_SCOPE_BINDING);
    struct str group = query_named(p, IMPEL_SCOPE_GROUP);
    struct str domain = query_named(p, IMPEL_SCOPE_DOMAIN);
    struct str host = query_named(p, IMPEL_SCOPE_HOST);
    const struct stanza *in = group.p ? map_find(&g->groups, group) : NULL;

    if (binding.p && !generation_binding_group(g, binding).p)
        return err_set(
            e, ERR_NOTFOUND, "no binding %.*s is configured", STR_ARG(binding));
    if (group.p && !in)
        return err_set(e, ERR_NOTFOUND, "no binding_group %.*s is configured",
            STR_ARG(group));
    if (group.p && binding.p &&
        !str_eq(generation_binding_group(g, binding), group))
        return err_set(e, ERR_NOTFOUND,
            "binding %.*s is not in binding_group %.*s", STR_ARG(binding),
            STR_ARG(group));
    if (host.p)
        *to = generation_host_scope(g, binding, host);
    else if (binding.p || (domain.p && !group.p && !p->global))
        *to = generation_scope(g, binding, domain);
    else
        *to = generation_place_scope(g, NULL, in, domain);
    return 0;
}

int
query_scope(const struct query *q, const struct query_place *p,
    const struct scope **to, struct err *e)
{
    uint32_t out = IMPEL_SCOPE_OUTBOUND | IMPEL_SCOPE_HOST;
    const struct stanza *s;

    if (!p->count || p->steps[0].kind->scope & out)
        return query_outbound(q, p, to, e);
    s = query_stanza(q->generation, p);
    if (!s)
        return err_set(e, ERR_NOTFOUND, "there is no such stanza");
    *to = stanza_scope(s);
    return 0;
}

/* --- verbs --- */

static json_t *
query_text(struct str s)
{
    json_t *t = json_stringn(s.p ? s.p : "", s.n);

    return t ? t : json_string("(not UTF-8)");
}

static json_t *
query_json_value(const struct value *v)
{
    json_t *to;

    if (!v)
        return json_null();
    if (v->type == IMPEL_OPT_SECRET)
        return json_string("(secret)");
    if (!v->items)
        return query_text(v->text);
    to = v->keys ? json_object() : json_array();
    for (size_t i = 0; i < v->count; i++)
        if (v->keys)
            (void)json_object_setn_new(
                to, v->keys[i].p, v->keys[i].n, query_text(v->items[i]));
        else
            (void)json_array_append_new(to, query_text(v->items[i]));
    return to;
}

static void
query_dump(const struct query *q, json_t *j)
{
    char *text = json_dumps(j, JSON_INDENT(2));

    if (text) {
        buf_cstr(q->out, text);
        buf_char(q->out, '\n');
    }
    free(text);
    json_decref(j);
}

static void
query_print_value(
    const struct query *q, uint32_t id, const struct value *v, bool origin)
{
    const struct option *o = option_get(id);
    struct buf from = BUF_INIT;

    value_print_origin(v, &from);
    if (q->json) {
        json_t *j = json_object();

        (void)json_object_set_new(j, "option", json_string(o->name));
        (void)json_object_set_new(j, "value", query_json_value(v));
        (void)json_object_set_new(j, "from", query_text(buf_get(&from)));
        query_dump(q, j);
    } else {
        buf_printf(q->out, "%s = ", o->name);
        if (v)
            value_print(v, q->out);
        else
            buf_cstr(q->out, "(unset)");
        buf_char(q->out, '\n');
        if (origin)
            buf_printf(q->out, "  from %s\n", from.p);
    }
    buf_fini(&from);
}

static int
query_get(struct query *q, struct err *e)
{
    struct query_place p;
    const struct stanza *s;
    const struct setting *set;
    int rc = query_place(q, true, &p, e);

    if (rc)
        return rc;
    s = query_stanza(q->generation, &p);
    if (!s)
        return err_set(e, ERR_NOTFOUND, "there is no such stanza");
    set = stanza_setting(s, p.id);
    if (!set)
        return err_set(e, ERR_NOTFOUND, "%s is not set in %.*s",
            option_get(p.id)->name, STR_ARG(s->path));
    query_print_value(q, p.id, set->value, false);
    return 0;
}

/* Every stanza that was asked, in order. */
static void
query_explain_chain(const struct query *q, const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    for (size_t i = 0; i < s->chain_count; i++) {
        const struct setting *set = stanza_setting(s->chain[i], id);

        buf_printf(q->out, "  %zu. %.*s: ", i + 1, STR_ARG(s->chain[i]->path));
        if (set)
            value_print(set->value, q->out);
        else
            buf_cstr(q->out, "silent");
        if (set && set->value == v)
            buf_cstr(q->out, "  <- this");
        buf_char(q->out, '\n');
    }
    if (s->host)
        return;
    buf_printf(q->out, "  %zu. built-in default: %s%s\n", s->chain_count + 1,
        option_get(id)->initial ? option_get(id)->initial : "none",
        v && !v->origin ? "  <- this" : "");
}

static int
query_eval(struct query *q, bool explain, struct err *e)
{
    struct query_place p;
    const struct scope *s;
    int rc = query_place(q, true, &p, e);

    if (rc == 0)
        rc = query_scope(q, &p, &s, e);
    if (rc)
        return rc;
    query_print_value(q, p.id, scope_value(s, p.id), explain);
    if (explain && !q->json)
        query_explain_chain(q, s, p.id);
    return 0;
}

static void
query_show_body(const struct stanza *s, struct buf *to, int depth, bool recurse)
{
    for (size_t i = 0; i < s->setting_count; i++) {
        buf_printf(
            to, "%*s%s = ", depth * 2, "", option_get(s->settings[i].id)->name);
        value_print(s->settings[i].value, to);
        buf_char(to, '\n');
    }
    for (const struct stanza *c = s->first; c; c = c->next) {
        buf_printf(to, "%*s%.*s", depth * 2, "", STR_ARG(c->keyword));
        if (c->name.p) {
            buf_char(to, ' ');
            ecconf_print_word(c->name, to);
        }
        if (recurse) {
            buf_cstr(to, " {\n");
            query_show_body(c, to, depth + 1, true);
            buf_printf(to, "%*s}\n", depth * 2, "");
        } else {
            buf_cstr(to, " { ... }\n");
        }
    }
}

static json_t *
query_show_json(const struct stanza *s)
{
    json_t *j = json_object(), *options = json_object(), *in = json_array();

    (void)json_object_set_new(j, "stanza", query_text(s->keyword));
    if (s->name.p)
        (void)json_object_set_new(j, "name", query_text(s->name));
    for (size_t i = 0; i < s->setting_count; i++)
        (void)json_object_set_new(options, option_get(s->settings[i].id)->name,
            query_json_value(s->settings[i].value));
    for (const struct stanza *c = s->first; c; c = c->next)
        (void)json_array_append_new(in, query_show_json(c));
    (void)json_object_set_new(j, "options", options);
    (void)json_object_set_new(j, "stanzas", in);
    return j;
}

static int
query_show(struct query *q, bool recurse, struct err *e)
{
    struct query_place p;
    const struct stanza *s;
    int rc = query_place(q, false, &p, e);

    if (rc)
        return rc;
    if (p.option.p)
        return err_set(
            e, ERR_INVAL, "show takes a stanza; get takes an option");
    s = query_stanza(q->generation, &p);
    if (!s)
        return err_set(e, ERR_NOTFOUND, "there is no such stanza");
    if (q->json)
        query_dump(q, query_show_json(s));
    else
        query_show_body(s, q->out, 0, recurse);
    return 0;
}

static int
query_check(struct query *q, struct err *e)
{
    struct conf_report *r = conf_report_new();
    struct generation *g = NULL;
    char path[4096];
    struct generation_load how = {0};
    int rc = 0;

    for (size_t i = 1; i < q->word_count; i++)
        if (str_eq(q->words[i], STR("--strict")))
            how.strict = true;
        else if (str_copy(path, sizeof(path), q->words[i]))
            how.path = path;
    if (!how.path && q->generation)
        how.path = q->generation->path;
    if (!how.path)
        rc = err_set(e, ERR_INVAL, "check takes the path of a file");
    else
        rc = generation_load(&how, &g, r, e);
    conf_report_print(r, q->out);
    if (rc == 0)
        buf_cstr(q->out, "Configuration valid\n");
    generation_unref(&g);
    conf_report_free(&r);
    return rc;
}

static int
query_describe(struct query *q, struct err *e)
{
    int as = q->json ? DESCRIBE_JSON : DESCRIBE_TEXT;
    struct str what = STR_NONE;

    for (size_t i = 1; i < q->word_count; i++) {
        struct str word = q->words[i];

        if (!str_starts(word, STR("--as=")))
            what = word;
        else if (describe_form(str_from(word, 5), &as))
            return err_set(e, ERR_INVAL, "--as= takes text, man, md or json");
    }
    return describe_print(what, as, q->out, e);
}

static int
query_convert_words(struct query *q, struct err *e)
{
    bool yaml = q->word_count == 3 && str_ieq(q->words[2], STR("yaml"));
    bool conf = q->word_count == 3 && str_ieq(q->words[2], STR("conf"));
    char path[4096];

    if (q->word_count < 2 || q->word_count > 3 ||
        (q->word_count == 3 && !yaml && !conf) ||
        !str_copy(path, sizeof(path), q->words[1]))
        return err_set(e, ERR_INVAL, "expected: convert PATH [yaml|conf]");
    if (q->word_count == 2)
        yaml = !tree_is_yaml(path);
    return query_convert(path, yaml, q->out, e);
}

int
query_run(struct query *q, struct err *e)
{
    struct str verb = q->word_count ? q->words[0] : STR("");

    q->changed = NULL;
    if (str_ieq(verb, STR("check")))
        return query_check(q, e);
    if (str_ieq(verb, STR("describe")))
        return query_describe(q, e);
    if (str_ieq(verb, STR("convert")))
        return query_convert_words(q, e);
    if (!q->generation)
        return err_set(e, ERR_INVAL, "no configuration is loaded");
    if (str_ieq(verb, STR("get")))
        return query_get(q, e);
    if (str_ieq(verb, STR("eval")))
        return query_eval(q, false, e);
    if (str_ieq(verb, STR("explain")))
        return query_eval(q, true, e);
    if (str_ieq(verb, STR("show")) || str_ieq(verb, STR("showrecurse")))
        return query_show(q, str_ieq(verb, STR("showrecurse")), e);
    if (str_ieq(verb, STR("set")) || str_ieq(verb, STR("unset")))
        return query_change(q, str_ieq(verb, STR("set")), e);
    return err_set(e, ERR_INVAL,
        "expected check, get, set, unset, eval, explain, show, describe or "
        "convert");
}
