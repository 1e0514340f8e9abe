/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/describe.h"

#include <stdlib.h>
#include <jansson.h>

#include "conf/absent.h"
#include "base/banned.h"

int
describe_form(struct str word, int *as)
{
    static const char *const forms[] = {"text", "man", "md", "json"};

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (str_ieq(word, str_of(forms[i]))) {
            *as = (int)i;
            return 0;
        }
    return ERR_INVAL;
}

static const char *
describe_type_word(const struct option *o)
{
    switch (o->type) {
    case IMPEL_OPT_BOOL:
        return "true or false";
    case IMPEL_OPT_INT:
        return "whole number";
    case IMPEL_OPT_SIZE:
        return "bytes";
    case IMPEL_OPT_DURATION:
        return o->flags & OPTION_MS ? "time in milliseconds"
                                    : "time in seconds";
    case IMPEL_OPT_PORT:
        return "port";
    case IMPEL_OPT_CHOICE:
        return "one of";
    case IMPEL_OPT_SECRET:
        return "secret, or file: or env: where it stands";
    case IMPEL_OPT_LIST:
        return "list";
    case IMPEL_OPT_DICT:
        return "dictionary";
    case OPTION_THROTTLE:
        return "N or N/T";
    case OPTION_PERMS:
        return "mode in octal";
    case OPTION_FLOAT:
        return "decimal number";
    case OPTION_CIDRS:
        return "list of addresses and prefixes";
    case OPTION_REGEX:
        return "PCRE pattern";
    default:
        return "text";
    }
}

void
describe_type(const struct option *o, struct buf *to)
{
    bool seconds = o->type == IMPEL_OPT_DURATION && !(o->flags & OPTION_MS);
    int64_t unit = seconds ? 1000 : 1;

    buf_cstr(to, describe_type_word(o));
    if ((o->min || o->max) && o->type != IMPEL_OPT_PORT)
        buf_printf(to, " from %lld to %lld", (long long)(o->min / unit),
            (long long)(o->max / unit));
    for (size_t i = 0; o->choices && o->choices[i]; i++) {
        struct str rest = str_of(o->choices[i]);

        if (o->type != IMPEL_OPT_CHOICE || i)
            buf_cstr(to, o->type == IMPEL_OPT_CHOICE ? "," : " or");
        buf_char(to, ' ');
        buf_str(to, str_cut(&rest, '|'));
    }
}

static void
describe_scopes(const struct option *o, struct buf *to)
{
    char scopes[300];

    option_scope_names(o->scopes, scopes, sizeof(scopes));
    buf_cstr(to, scopes);
    if (o->scopes & IMPEL_SCOPE_DOMAIN && o->flags & OPTION_TOP)
        buf_cstr(to, " (at the top level)");
}

static void
describe_text(uint32_t id, struct buf *to)
{
    const struct option *o = option_get(id);

    buf_printf(to, "%s: %s\n  type: ", o->name, o->brief);
    describe_type(o, to);
    buf_printf(
        to, "\n  default: %s\n  scopes: ", o->initial ? o->initial : "unset");
    describe_scopes(o, to);
    buf_printf(to, "\n  from: %s, since %s%s\n", option_layer(id), o->since,
        o->flags & OPTION_RESTART ? "; a change needs a restart" : "");
    if (o->manual)
        buf_printf(to, "  %s\n", o->manual);
}

/* What roff or a Markdown table would take for its own. */
static void
describe_escaped(const char *z, bool man, struct buf *to)
{
    for (const char *c = z; *c; c++) {
        if (man && *c == '\\')
            buf_cstr(to, "\\e");
        else if (man && *c == '-')
            buf_cstr(to, "\\-");
        else if (man && (*c == '.' || *c == '\'') && (c == z || c[-1] == '\n'))
            buf_printf(to, "\\&%c", *c);
        else if (!man && strchr("|<>*_[]#", *c))
            buf_printf(to, "\\%c", *c);
        else
            buf_char(to, *c);
    }
}

static void
describe_man(uint32_t id, struct buf *to)
{
    const struct option *o = option_get(id);
    struct buf part = BUF_INIT;

    buf_printf(to, ".TP\n.B %s\n", o->name);
    describe_escaped(o->brief, true, to);
    buf_cstr(to, ".\n");
    describe_type(o, &part);
    buf_printf(&part, "; default %s; valid in ",
        o->initial && o->initial[0] ? o->initial : "unset");
    describe_scopes(o, &part);
    buf_char(&part, '.');
    describe_escaped(part.p, true, to);
    buf_char(to, '\n');
    if (o->manual) {
        describe_escaped(o->manual, true, to);
        buf_char(to, '\n');
    }
    buf_fini(&part);
}

static void
describe_md(uint32_t id, struct buf *to)
{
    const struct option *o = option_get(id);
    struct buf part = BUF_INIT;

    buf_printf(to, "| `%s` | ", o->name);
    describe_type(o, &part);
    describe_escaped(part.p, false, to);
    buf_printf(to, " | %s%s%s | ", o->initial ? "`" : "",
        o->initial ? o->initial : "", o->initial ? "`" : "");
    buf_cut(&part, 0);
    describe_scopes(o, &part);
    describe_escaped(part.p, false, to);
    buf_cstr(to, " | ");
    describe_escaped(o->brief, false, to);
    if (o->manual) {
        buf_cstr(to, ". ");
        describe_escaped(o->manual, false, to);
    }
    buf_cstr(to, " |\n");
    buf_fini(&part);
}

static json_t *
describe_json(uint32_t id)
{
    const struct option *o = option_get(id);
    struct buf part = BUF_INIT;
    json_t *j = json_object();

    describe_type(o, &part);
    (void)json_object_set_new(j, "name", json_string(o->name));
    (void)json_object_set_new(j, "type", json_string(part.p));
    buf_cut(&part, 0);
    describe_scopes(o, &part);
    (void)json_object_set_new(j, "scopes", json_string(part.p));
    (void)json_object_set_new(
        j, "default", o->initial ? json_string(o->initial) : json_null());
    (void)json_object_set_new(j, "brief", json_string(o->brief));
    (void)json_object_set_new(
        j, "manual", o->manual ? json_string(o->manual) : json_null());
    (void)json_object_set_new(j, "since", json_string(o->since));
    (void)json_object_set_new(j, "layer", json_string(option_layer(id)));
    (void)json_object_set_new(
        j, "restart", json_boolean(o->flags & OPTION_RESTART));
    buf_fini(&part);
    return j;
}

static void
describe_absent(int as, struct buf *to)
{
    const struct absent *a;

    if (as == DESCRIBE_MD)
        buf_cstr(to,
            "| Name | What | Loads | Why | Comes with |\n"
            "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; (a = absent_get(i)) != NULL; i++) {
        const char *what = a->what == ABSENT_STANZA ? "stanza" : "option";
        const char *loads = a->error ? "error" : "warning";

        if (as != DESCRIBE_MD) {
            buf_printf(to, "%s (%s, %s): %s%s%s\n", a->name, what, loads,
                a->why, a->later ? "; it comes with " : "",
                a->later ? a->later : "");
            continue;
        }
        buf_printf(to, "| `%s` | %s | %s | ", a->name, what, loads);
        describe_escaped(a->why, false, to);
        buf_printf(to, " | %s |\n", a->later ? a->later : "");
    }
}

static void
describe_rows(struct str layer, int as, struct buf *to, size_t *found)
{
    json_t *list = as == DESCRIBE_JSON ? json_array() : NULL;
    const char *last = "";
    char *text;

    for (uint32_t id = 0; id < option_count(); id++) {
        if (layer.p && !str_ieq(layer, str_of(option_layer(id))) &&
            !str_ieq(layer, str_of(option_get(id)->name)))
            continue;
        ++*found;
        if (as == DESCRIBE_MD && strcmp(last, option_layer(id)) != 0)
            buf_printf(to,
                "%s## %s\n\n| Option | Type | Default | Scopes | Meaning |\n"
                "| --- | --- | --- | --- | --- |\n",
                *last ? "\n" : "", option_layer(id));
        last = option_layer(id);
        if (as == DESCRIBE_JSON)
            (void)json_array_append_new(list, describe_json(id));
        else if (as == DESCRIBE_MD)
            describe_md(id, to);
        else if (as == DESCRIBE_MAN)
            describe_man(id, to);
        else
            describe_text(id, to);
    }
    if (!list)
        return;
    text = json_dumps(list, JSON_INDENT(2));
    buf_printf(to, "%s\n", text ? text : "[]");
    free(text);
    json_decref(list);
}

int
describe_print(struct str what, int as, struct buf *to, struct err *e)
{
    size_t found = 0;
    char near[200];

    if (str_ieq(what, STR("absent"))) {
        describe_absent(as, to);
        return 0;
    }
    describe_rows(what, as, to, &found);
    if (found || !what.p)
        return 0;
    option_near(what, near, sizeof(near));
    return err_set(e, ERR_NOTFOUND,
        "no option, layer or module is called '%.*s'%s%s%s", STR_ARG(what),
        near[0] ? "; did you mean " : "", near, near[0] ? "?" : "");
}
