/* SPDX-License-Identifier: Apache-2.0
 *
 * shape.c - the group shape: what can be said of a module without running it.
 */
#include "kit.h"

#include <ctype.h>
#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { SHAPE_MAX_FILE = 256 * 1024 * 1024 };

static bool
shape_is_name(const char *z)
{
    if (!z || !islower((unsigned char)*z))
        return false;
    for (; *z; z++)
        if (!islower((unsigned char)*z) && !isdigit((unsigned char)*z) &&
            *z != '_')
            return false;
    return true;
}

static bool
shape_is_brief(const char *z)
{
    size_t n = z ? strlen(z) : 0;

    return n && n <= 120 && z[n - 1] != '.' && !strchr(z, '\n');
}

/* --- the symbols of the file --- */

static char *
shape_read(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p = NULL;
    long end;

    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (end = ftell(f)) > 0 &&
        end < SHAPE_MAX_FILE && fseek(f, 0, SEEK_SET) == 0) {
        *n = (size_t)end;
        p = xmalloc(*n);
        if (fread(p, 1, *n, f) != *n)
            xfree(&p);
    }
    fclose(f);
    return p;
}

static bool
shape_within(size_t n, uint64_t at, uint64_t size)
{
    return at <= n && size <= n - at;
}

/* Names that sanitizers and the linker add are not the module's. */
static bool
shape_is_tool(const char *name)
{
    return !strncmp(name, "__", 2) || !strcmp(name, "_init") ||
        !strcmp(name, "_fini") || !strcmp(name, "_end") ||
        !strcmp(name, "_edata");
}

static void
shape_symbols(const char *p, size_t n, const Elf64_Shdr *table,
    const Elf64_Shdr *text, struct buf *other, int *entries)
{
    const Elf64_Sym *sym = (const void *)(p + table->sh_offset);
    size_t count = table->sh_size / sizeof(*sym);
    const char *name;

    if (!shape_within(n, table->sh_offset, table->sh_size) ||
        !shape_within(n, text->sh_offset, text->sh_size) || !text->sh_size ||
        p[text->sh_offset + text->sh_size - 1])
        return;
    for (size_t i = 1; i < count; i++) {
        if (sym[i].st_shndx == SHN_UNDEF || sym[i].st_name >= text->sh_size)
            continue;
        name = p + text->sh_offset + sym[i].st_name;
        if (str_ends(str_of(name), STR("_LTX_impel_module")) &&
            !shape_is_tool(name))
            ++*entries;
        else if (!shape_is_tool(name))
            buf_printf(other, "%s\n", name);
    }
}

/* A module is handed the host's functions; it links none of them.  What is not
 * in the libraries it names would be found in this program, or only be missed
 * when it is called. */
static void
shape_imports(const char *p, const Elf64_Shdr *table, const Elf64_Shdr *text,
    struct buf *missing)
{
    const Elf64_Sym *sym = (const void *)(p + table->sh_offset);
    size_t count = table->sh_size / sizeof(*sym);
    void *module = dlopen(kit_load_filename(), RTLD_LAZY | RTLD_LOCAL);

    for (size_t i = 1; module && i < count; i++) {
        const char *name = p + text->sh_offset + sym[i].st_name;

        if (sym[i].st_shndx != SHN_UNDEF || sym[i].st_name >= text->sh_size ||
            ELF64_ST_BIND(sym[i].st_info) == STB_WEAK || shape_is_tool(name))
            continue;
        if (!dlsym(module, name))
            buf_printf(missing, "%s\n", name);
    }
    if (module)
        dlclose(module);
}

static void
shape_exports(void)
{
    const char *file = kit_load_filename();
    size_t n = 0;
    char *p = file ? shape_read(file, &n) : NULL;
    const Elf64_Ehdr *h = (const void *)p;
    const Elf64_Shdr *section;
    struct buf other = BUF_INIT, missing = BUF_INIT;
    int entries = 0;

    if (!p || n < sizeof(*h) || memcmp(p, ELFMAG, SELFMAG) ||
        p[EI_CLASS] != ELFCLASS64 || h->e_shentsize != sizeof(*section) ||
        !shape_within(n, h->e_shoff, h->e_shnum * sizeof(*section))) {
        tap_ok(true, "shape: exports # SKIP not a 64-bit ELF file");
        free(p);
        return;
    }
    section = (const void *)(p + h->e_shoff);
    for (int i = 0; i < h->e_shnum; i++)
        if (section[i].sh_type == SHT_DYNSYM &&
            section[i].sh_link < h->e_shnum) {
            const Elf64_Shdr *text = &section[section[i].sh_link];

            shape_symbols(p, n, &section[i], text, &other, &entries);
            if (entries)
                shape_imports(p, &section[i], text, &missing);
        }
    tap_ok(entries == 1 && !other.n, "shape: exports its descriptor alone");
    tap_diag(buf_get(&other));
    buf_fini(&other);
    tap_ok(!missing.n, "shape: imports from its libraries alone");
    tap_diag(buf_get(&missing));
    buf_fini(&missing);
    free(p);
}

/* --- the descriptor --- */

static bool
shape_has_words(const char *const *words)
{
    return words && words[0];
}

static void
shape_descriptor(const struct kit_module *k)
{
    const struct impel_module *m = &k->m;

    tap_ok(
        shape_is_name(m->name), "shape: name \"%s\"", m->name ? m->name : "");
    tap_ok(m->version && *m->version, "shape: a version");
    tap_ok(shape_is_brief(m->brief), "shape: a brief without a full stop");
    tap_ok(k->has_transport || k->has_listener || m->filter,
        "shape: a transport, a listener or a filter");
    tap_ok(!k->has_transport || shape_has_words(m->methods) ||
            shape_has_words(m->schemes),
        "shape: a transport serves methods or schemes");
    tap_ok(k->has_listener == shape_has_words(m->listeners),
        "shape: a listener serves stanzas");
}

static void
shape_callbacks(const struct kit_module *k)
{
    const struct impel_transport *t = &k->transport;
    const struct impel_listener *l = &k->listener;
    const struct impel_filter *f = k->m.filter;

    if (k->has_transport)
        tap_ok(t->open && t->event && t->deliver && t->cancel && t->probe &&
                t->close && t->release,
            "shape: the transport has all callbacks");
    if (k->has_listener)
        tap_ok(l->accepted && l->event && l->verdict && l->close && l->release,
            "shape: the listener has all callbacks");
    if (f)
        tap_ok(
            f->name && f->open && f->event && f->step && f->close && f->release,
            "shape: the filter has all callbacks");
}

/* --- options and counters --- */

static bool
shape_starts_with_module(const struct impel_module *m, const char *name)
{
    size_t n = m->name ? strlen(m->name) : 0;

    return n && !strncmp(name, m->name, n) &&
        (name[n] == '_' || !name[n] || !strcmp(name + n, "s"));
}

/* What is wrong with a row of the module's own, or NULL. */
static const char *
shape_own_option(const struct impel_module *m, const struct impel_option *o)
{
    if (!shape_starts_with_module(m, o->name))
        return "does not begin with the module's name";
    if (o->type < IMPEL_OPT_BOOL || o->type > IMPEL_OPT_DICT)
        return "has an unknown type";
    if (!o->scopes || o->scopes >= 2 * IMPEL_SCOPE_HOST)
        return "has no scopes, or unknown ones";
    if ((o->type == IMPEL_OPT_CHOICE) != (o->choices != NULL))
        return "choices and type do not agree";
    if (o->min > o->max)
        return "has an empty range";
    if (!shape_is_brief(o->brief))
        return "needs a brief without a full stop";
    if (!o->manual || !*o->manual || !o->since || !*o->since)
        return "needs a manual and a since";
    return NULL;
}

static void
shape_option(const struct impel_module *m, const struct impel_option *o)
{
    struct value v = {0}, *one = &v;
    struct err e = {0};
    const char *wrong = NULL;

    if (!shape_is_name(o->name)) {
        tap_ok(false, "shape: option \"%s\" is not [a-z][a-z0-9_]*",
            o->name ? o->name : "");
        return;
    }
    if (o->type == IMPEL_OPT_IMPORT) {
        if (!value_core_row(o->name))
            wrong = "is imported, but the core has none of that name";
        tap_ok(!wrong, "shape: import %s%s%s", o->name, wrong ? " " : "",
            wrong ? wrong : "");
        return;
    }
    wrong = shape_own_option(m, o);
    if (!wrong && o->initial &&
        value_table(o, 1, &one, &e)) /* parses it within its range */
        wrong = e.text;
    else if (!wrong && o->initial)
        value_table_free(&one, 1);
    tap_ok(!wrong, "shape: option %s%s%s", o->name, wrong ? " " : "",
        wrong ? wrong : "");
}

static void
shape_tables(const struct impel_module *m)
{
    bool ok;

    for (uint32_t i = 0; i < m->option_count; i++)
        shape_option(m, &m->options[i]);
    for (uint32_t i = 0; i < m->option_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (m->options[i].name && m->options[k].name &&
                !strcmp(m->options[i].name, m->options[k].name))
                tap_ok(false, "shape: option %s twice", m->options[i].name);
    for (uint32_t i = 0; i < m->counter_count; i++) {
        ok = shape_is_name(m->counters[i].name) &&
            shape_is_brief(m->counters[i].brief);
        tap_ok(ok, "shape: counter %s",
            m->counters[i].name ? m->counters[i].name : "without a name");
    }
}

void
shape_run(struct kit *k)
{
    shape_exports();
    shape_descriptor(&k->module);
    shape_callbacks(&k->module);
    shape_tables(&k->module.m);
}
