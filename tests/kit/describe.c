/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c - a module's options and counters as a manual page, Markdown or
 * JSON.  docs/modules/NAME.md is made with it.
 */
#include "kit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/num.h"
#include "base/banned.h"

static const char *const type_names[] = {[IMPEL_OPT_BOOL] = "bool",
    [IMPEL_OPT_INT] = "int",
    [IMPEL_OPT_SIZE] = "size",
    [IMPEL_OPT_DURATION] = "duration",
    [IMPEL_OPT_PORT] = "port",
    [IMPEL_OPT_CHOICE] = "choice",
    [IMPEL_OPT_STRING] = "string",
    [IMPEL_OPT_SECRET] = "secret",
    [IMPEL_OPT_LIST] = "list",
    [IMPEL_OPT_DICT] = "dictionary",
    [IMPEL_OPT_IMPORT] = "import"};
static const char *const scope_names[] = {"global", "binding_group", "binding",
    "domain", "listener", "listen", "peer", "host"};

static const char *
describe_type(const struct impel_option *o)
{
    bool known = o->type > 0 && (size_t)o->type < ARRAY_SIZE(type_names);

    return known ? type_names[o->type] : "?";
}

/* --- Markdown --- */

static void
md_words(const char *what, const char *const *words)
{
    if (!words || !words[0])
        return;
    printf("%s:", what);
    for (; *words; words++)
        printf(" `%s`", *words);
    printf("\n\n");
}

static void
md_bound(const struct impel_option *o, int64_t v)
{
    struct buf b = BUF_INIT;

    if (o->type == IMPEL_OPT_DURATION && v)
        num_print_duration(&b, v);
    else
        buf_printf(&b, "%lld", (long long)v);
    printf("%s", b.p);
    buf_fini(&b);
}

static void
md_range(const struct impel_option *o)
{
    if (!o->min && !o->max)
        return;
    printf(o->max == INT64_MAX ? ", at least " : ", ");
    md_bound(o, o->min);
    if (o->max == INT64_MAX)
        return;
    printf(" to ");
    md_bound(o, o->max);
}

static void
md_option(const struct impel_option *o)
{
    const char *sep = "";

    printf("### %s\n\n%c%s.\n\n", o->name, toupper((unsigned char)*o->brief),
        o->brief + 1);
    printf("Type: %s", describe_type(o));
    for (int i = 0; o->choices && o->choices[i]; i++)
        printf("%s`%s`", i ? ", " : ": ", o->choices[i]);
    md_range(o);
    printf("; initial value: ");
    if (o->initial)
        printf("`%s`", o->initial);
    else
        printf("unset");
    printf("; scopes: ");
    for (size_t i = 0; i < ARRAY_SIZE(scope_names); i++) {
        if (!(o->scopes & (1u << i)))
            continue;
        printf("%s%s", sep, scope_names[i]);
        sep = ", ";
    }
    printf("; since %s.\n\n", o->since ? o->since : "?");
    if (o->manual)
        printf("%s\n\n", o->manual);
}

static void
md_print(const struct impel_module *m)
{
    bool any = false;

    printf("# %s\n\n%c%s.\n\n", m->name, toupper((unsigned char)*m->brief),
        m->brief + 1);
    md_words("Delivery methods", m->methods);
    md_words("Route schemes", m->schemes);
    md_words("Listeners", m->listeners);
    printf("## Options\n\n");
    for (uint32_t i = 0; i < m->option_count; i++)
        if (m->options[i].type != IMPEL_OPT_IMPORT)
            md_option(&m->options[i]);
    for (uint32_t i = 0; i < m->option_count; i++) {
        if (m->options[i].type != IMPEL_OPT_IMPORT)
            continue;
        printf("%s`%s`",
            any ? ", " : "Options of the core it reads: ", m->options[i].name);
        any = true;
    }
    if (any)
        printf(".\n\n");
    if (m->counter_count)
        printf("## Counters\n\n| name | kind | meaning |\n|---|---|---|\n");
    for (uint32_t i = 0; i < m->counter_count; i++)
        printf("| `%s_%s` | %s | %s |\n", m->name, m->counters[i].name,
            m->counters[i].gauge ? "gauge" : "counter", m->counters[i].brief);
}

/* --- man --- */

/* Text in which nothing is markup. */
static void
man_text(const char *z)
{
    bool start = true;

    for (; z && *z; z++) {
        if (start && (*z == '.' || *z == '\''))
            fputs("\\&", stdout);
        start = *z == '\n';
        if (*z == '\\')
            fputs("\\e", stdout);
        else if (*z == '-')
            fputs("\\-", stdout);
        else
            putchar(*z);
    }
}

static void
man_option(const struct impel_option *o)
{
    printf(".TP\n.BR %s \" (%s", o->name, describe_type(o));
    if (o->initial)
        printf(", initially %s", *o->initial ? o->initial : "empty");
    printf(")\"\n");
    man_text(o->brief);
    printf(".\n");
    for (int i = 0; o->choices && o->choices[i]; i++)
        printf("%s%s", i ? ", " : "One of ", o->choices[i]);
    printf("%s", o->choices ? ".\n" : "");
    man_text(o->manual);
    putchar('\n');
}

static void
man_print(const struct impel_module *m)
{
    printf(".TH IMPEL-%s 5 \"\" \"impel %s\"\n.SH NAME\n%s \\- ", m->name,
        m->version, m->name);
    man_text(m->brief);
    printf("\n.SH OPTIONS\n");
    for (uint32_t i = 0; i < m->option_count; i++)
        if (m->options[i].type != IMPEL_OPT_IMPORT)
            man_option(&m->options[i]);
    if (m->counter_count)
        printf(".SH COUNTERS\n");
    for (uint32_t i = 0; i < m->counter_count; i++) {
        printf(".TP\n.B %s_%s\n", m->name, m->counters[i].name);
        man_text(m->counters[i].brief);
        printf(".\n");
    }
}

/* --- JSON --- */

static void
json_string(const char *z)
{
    if (!z) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *z; z++) {
        if (*z == '"' || *z == '\\')
            printf("\\%c", *z);
        else if ((unsigned char)*z < 0x20)
            printf("\\u%04x", (unsigned char)*z);
        else
            putchar(*z);
    }
    putchar('"');
}

static void
json_member(const char *name, const char *value)
{
    printf(", \"%s\": ", name);
    json_string(value);
}

static void
json_list(const char *name, const char *const *words)
{
    printf(", \"%s\": [", name);
    for (int i = 0; words && words[i]; i++) {
        fputs(i ? ", " : "", stdout);
        json_string(words[i]);
    }
    putchar(']');
}

static void
json_option(const struct impel_option *o)
{
    const char *names[ARRAY_SIZE(scope_names) + 1] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(scope_names); i++)
        if (o->scopes & (1u << i))
            names[n++] = scope_names[i];
    printf("{\"name\": ");
    json_string(o->name);
    json_member("type", describe_type(o));
    json_list("scopes", names);
    json_member("initial", o->initial);
    printf(
        ", \"min\": %lld, \"max\": %lld", (long long)o->min, (long long)o->max);
    json_list("choices", o->choices);
    json_member("brief", o->brief);
    json_member("manual", o->manual);
    json_member("since", o->since);
    putchar('}');
}

static void
json_print(const struct impel_module *m)
{
    printf("{\"name\": ");
    json_string(m->name);
    json_member("version", m->version);
    json_member("brief", m->brief);
    json_list("methods", m->methods);
    json_list("schemes", m->schemes);
    json_list("listeners", m->listeners);
    printf(",\n \"options\": [");
    for (uint32_t i = 0; i < m->option_count; i++) {
        fputs(i ? ",\n  " : "\n  ", stdout);
        json_option(&m->options[i]);
    }
    printf("],\n \"counters\": [");
    for (uint32_t i = 0; i < m->counter_count; i++) {
        fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", stdout);
        json_string(m->counters[i].name);
        json_member("kind", m->counters[i].gauge ? "gauge" : "counter");
        json_member("brief", m->counters[i].brief);
        putchar('}');
    }
    printf("]}\n");
}

int
describe_print(const struct impel_module *m, const char *as)
{
    if (strcmp(as, "md") == 0)
        md_print(m);
    else if (strcmp(as, "man") == 0)
        man_print(m);
    else if (strcmp(as, "json") == 0)
        json_print(m);
    else
        return fprintf(stderr, "--as is one of man, md, json\n"), -1;
    return 0;
}
