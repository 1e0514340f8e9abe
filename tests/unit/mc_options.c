/* SPDX-License-Identifier: Apache-2.0 */
#include "mc_options.h"

#include "conf_support.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/absent.h"
#include "conf/kind.h"
#include "conf/uninstalled.h"

enum { NAMES_LEAST = 300 };

/* What became of a name. */
struct fate {
    const char *is; /* "works", "left out", or the version it comes with */
    char how[400];
};
static const char works[] = "works", left_out[] = "left out";

static FILE *
source_file(const char *name)
{
    const char *dir = getenv("srcdir");
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : "..", name);
    f = fopen(path, "r");
    if (!f)
        fail_msg("%s cannot be read", path);
    return f;
}

/* The pages of modules are made from the modules' tables. */
static const char *
module_of(struct str name)
{
    static const char *const modules[] = {"esmtp"};
    char path[100], line[1000];
    const char *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(modules) && !found; i++) {
        FILE *f;

        (void)snprintf(path, sizeof(path), "docs/modules/%s.md", modules[i]);
        f = source_file(path);
        while (fgets(line, sizeof(line), f)) {
            struct str l = str_trim(str_of(line));

            if (str_starts(l, STR("### ")) &&
                str_ieq(str_sub(l, 4, l.n - 4), name))
                found = modules[i];
        }
        (void)fclose(f);
    }
    return found;
}

/* "no", "yes": a value that says what Impel does whether asked or not. */
static bool
always_so(const struct absent *a)
{
    return !a->later && a->quiet && str_starts(str_of(a->quiet), STR("yes|"));
}

static bool
fate_absent(struct str name, int what, uint32_t scope, struct fate *to)
{
    const struct absent *a = absent_find(name, what, scope);

    if (!a)
        return false;
    to->is = a->later ? a->later : always_so(a) ? works : left_out;
    (void)snprintf(to->how, sizeof(to->how), "%s%s",
        always_so(a) ? "always: " : "", a->why);
    return true;
}

static bool
fate_module(const char *module, struct fate *to)
{
    if (!module || installed_find(INSTALLED_MODULE, str_of(module)))
        return false;
    to->is = works;
    (void)snprintf(to->how, sizeof(to->how), "with the module %s", module);
    return true;
}

static bool
fate_option(struct str name, uint32_t scope, struct fate *to)
{
    uint32_t id = option_find(name);
    const char *module;

    if (id != UINT32_MAX && (!scope || option_get(id)->scopes & scope)) {
        to->is = works;
        return true;
    }
    if (fate_absent(name, ABSENT_OPTION, scope, to))
        return true;
    module = module_of(name);
    if (!module)
        return fate_module(uninstalled_option(name), to);
    to->is = works;
    (void)snprintf(to->how, sizeof(to->how), "module %s", module);
    return true;
}

static bool
fate_stanza(struct str name, struct fate *to)
{
    const char *module = uninstalled_find(INSTALLED_LISTENER, name);

    if (kind_find(name, 0)) {
        to->is = works;
        return true;
    }
    return fate_absent(name, ABSENT_STANZA, 0, to) || fate_module(module, to);
}

/* STANZA/PARAMETER: as an option of that stanza, else as the stanza is. */
static bool
fate_parameter(struct str stanza, struct str name, struct fate *to)
{
    const struct kind *k = kind_find(stanza, 0);

    if (!k && option_find(name) != UINT32_MAX) {
        to->is = works;
        (void)snprintf(to->how, sizeof(to->how), "at the top level");
        return true;
    }
    return k ? fate_option(name, k->scope, to) : fate_stanza(stanza, to);
}

static bool
fate_find(struct str name, struct fate *to)
{
    struct str rest = name, first = str_cut(&rest, '/');

    *to = (struct fate){0};
    if (rest.p)
        return fate_parameter(first, rest, to);
    if (str_ends(name, STR(" {}")))
        return fate_stanza(str_sub(name, 0, name.n - 3), to);
    return fate_option(name, 0, to);
}

static void
print_escaped(const char *z, struct buf *to)
{
    for (; *z; z++) {
        if (strchr("|<>*_[]#", *z))
            buf_char(to, '\\');
        buf_char(to, *z);
    }
}

static void
print_name(struct str line, struct buf *to)
{
    struct str mark = STR(" essential");
    bool essential = str_ends(line, mark);
    struct fate f;

    if (essential)
        line.n -= mark.n;
    if (!fate_find(line, &f))
        fail_msg("%.*s is neither in an option table nor in conf/absent.c",
            STR_ARG(line));
    if (essential && f.is == left_out)
        fail_msg("%.*s is essential and left out: %s", STR_ARG(line), f.how);
    if (f.is == left_out && strlen(f.how) < 10)
        fail_msg("%.*s is left out without a reason", STR_ARG(line));
    buf_printf(to, "| `%.*s` | %s%s | ", STR_ARG(line),
        f.is == works || f.is == left_out ? "" : "with ", f.is);
    print_escaped(f.how, to);
    buf_cstr(to, " |\n");
}

void
mc_options_print(struct buf *to)
{
    FILE *f = source_file("tests/data/mc-options.txt");
    size_t names = 0;
    char line[200];

    while (fgets(line, sizeof(line), f)) {
        struct str l = str_trim(str_of(line));

        if (!l.n || l.p[0] == '#')
            continue;
        if (l.p[0] == '=') {
            buf_printf(to,
                "%s### %.*s\n\n| Name | | How |\n| --- | --- | --- |\n",
                names ? "\n" : "", STR_ARG(str_trim(str_sub(l, 1, l.n - 1))));
            continue;
        }
        names++;
        print_name(l, to);
    }
    (void)fclose(f);
    if (names < NAMES_LEAST)
        fail_msg("mc-options.txt has %zu names only", names);
}
