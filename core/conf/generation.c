/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/generation.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "conf/generation_int.h"
#include "conf/overlay.h"
#include "base/banned.h"

static _Atomic uint64_t generation_last;
static pthread_mutex_t generation_lock = PTHREAD_MUTEX_INITIALIZER;
static struct generation *generation_now;

struct generation *
generation_new(const char *path)
{
    struct generation *g = xnew(struct generation);

    g->magic = GENERATION_MAGIC;
    atomic_init(&g->refs, 1);
    g->arena = arena_new(65536);
    g->path = arena_str(g->arena, str_of(path)).p;
    (void)pthread_mutex_init(&g->lock, NULL); /* cannot fail so used */
    return g;
}

static void
generation_stanza_fini(struct stanza *s)
{
    struct match_set *sets[2] = {s->domains, s->hosts};

    for (size_t i = 0; i < s->setting_count; i++)
        value_fini(s->settings[i].value);
    free(s->settings);
    value_regex_free(s->regex);
    for (size_t i = 0; i < 2; i++)
        if (sets[i]) {
            map_fini(&sets[i]->exact);
            free(sets[i]->regexes.items);
        }
}

static void
generation_free(struct generation *g)
{
    for (size_t i = 0; i < g->all.count; i++)
        generation_stanza_fini(g->all.items[i]);
    generation_stanza_fini(&g->global);
    for (uint32_t id = 0; g->defaults && id < g->option_count; id++)
        value_fini(&g->defaults[id]);
    free(g->defaults);
    free(g->has_default);
    free(g->all.items);
    map_fini(&g->known);
    map_fini(&g->bindings);
    map_fini(&g->groups);
    map_fini(&g->scopes);
    overlay_free(&g->overlay);
    generation_forget_matches(g);
    (void)pthread_mutex_destroy(&g->lock);
    if (g->tree.magic)
        tree_fini(&g->tree);
    arena_free(&g->arena);
    g->magic = 0;
    free(g);
}

int
generation_finish(struct generation *g, struct conf_report *r,
    struct generation **to, struct err *e)
{
    int rc = conf_report_err(r, e);

    g->tree.report = NULL; /* the report is the caller's */
    if (rc) {
        generation_free(g);
        return rc;
    }
    g->number = atomic_fetch_add(&generation_last, 1) + 1;
    *to = g;
    return 0;
}

/* The file of online changes, which comes after everything else. */
static void
generation_load_changes(struct generation *g)
{
    char path[4096];
    const struct node *n, *found = NULL;

    for (n = g->tree.root.first; n; n = n->next)
        if (n->kind == NODE_OPTION && n->shape == NODE_ONE &&
            str_ieq(n->keyword, STR("local_changes_file")))
            found = n;
    if (found && str_copy(path, sizeof(path), found->text) && path[0] == '/' &&
        access(path, F_OK) == 0)
        tree_load(&g->tree, path, true);
}

int
generation_load(const struct generation_load *how, struct generation **to,
    struct conf_report *r, struct err *e)
{
    struct generation *g = generation_new(how->path);

    *to = NULL;
    conf_report_strict(r, how->strict);
    tree_init(&g->tree, r);
    tree_load(&g->tree, how->path, true);
    generation_load_changes(g);
    if (!conf_report_count(r, true)) /* else half of it is missing */
        generation_build(g, r);
    if (how->check && !conf_report_count(r, true)) {
        if (how->check(how->check_arg, g, r) < 0 && !conf_report_count(r, true))
            conf_report_add(r, REPORT_ERROR,
                (struct report_at){how->path, 0, 0}, "a check failed");
    }
    return generation_finish(g, r, to, e);
}

int
generation_parse(struct str text, bool yaml, const char *name,
    struct generation **to, struct conf_report *r, struct err *e)
{
    struct generation *g = generation_new(name);

    *to = NULL;
    tree_init(&g->tree, r);
    tree_parse(&g->tree, &g->tree.root, text, yaml, name);
    if (!conf_report_count(r, true))
        generation_build(g, r);
    return generation_finish(g, r, to, e);
}

int
generation_again(
    const struct generation *g, struct generation **to, struct err *e)
{
    struct generation *again = generation_new(g->path);
    struct conf_report *r = conf_report_new();
    int rc;

    *to = NULL;
    tree_init(&again->tree, r);
    tree_copy(&again->tree, &again->tree.root, &g->tree.root);
    generation_build(again, r);
    rc = generation_finish(again, r, to, e);
    conf_report_free(&r);
    return rc;
}

struct generation *
generation_ref(struct generation *g)
{
    CHECK(g, GENERATION_MAGIC);
    atomic_fetch_add(&g->refs, 1);
    return g;
}

void
generation_unref(struct generation **g)
{
    if (!*g)
        return;
    CHECK(*g, GENERATION_MAGIC);
    if (atomic_fetch_sub(&(*g)->refs, 1) == 1)
        generation_free(*g);
    *g = NULL;
}

uint64_t
generation_number(const struct generation *g)
{
    return g->number;
}

void
generation_publish(struct generation *g)
{
    struct generation *was;

    if (g)
        (void)generation_ref(g);
    (void)pthread_mutex_lock(&generation_lock);
    was = generation_now;
    generation_now = g;
    (void)pthread_mutex_unlock(&generation_lock);
    generation_unref(&was);
}

struct generation *
generation_current(void)
{
    struct generation *g;

    (void)pthread_mutex_lock(&generation_lock);
    g = generation_now ? generation_ref(generation_now) : NULL;
    (void)pthread_mutex_unlock(&generation_lock);
    return g;
}

/* --- stanzas --- */

const struct stanza *
generation_stanza(const struct generation *g, uint32_t kind,
    const struct stanza *parent, const struct stanza *prev)
{
    const struct stanza *s =
        prev ? prev->next : (parent ? parent->first : g->global.first);

    while (s && !(s->scope & kind))
        s = s->next;
    return s;
}

struct str
stanza_name(const struct stanza *s)
{
    return s->name;
}

uint32_t
stanza_place(const struct stanza *s)
{
    uint32_t in = s->parent ? s->parent->scope : 0;

    return in & (IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING) ? in
                                                          : IMPEL_SCOPE_GLOBAL;
}

struct str
stanza_keyword(const struct stanza *s)
{
    return s->keyword;
}

bool
stanza_is_override(const struct stanza *s)
{
    return s->override;
}

int64_t
stanza_expires(const struct stanza *s)
{
    return s->expires;
}

int64_t
stanza_set_at(const struct stanza *s)
{
    return s->set_at;
}

struct str
stanza_path(const struct stanza *s)
{
    return s->path;
}

uint64_t
stanza_id(const struct stanza *s)
{
    return s->id;
}

const char *
stanza_file(const struct stanza *s)
{
    return s->at.file;
}

int
stanza_line(const struct stanza *s)
{
    return s->at.line;
}

bool
stanza_value(const struct stanza *s, uint32_t id, struct option_value *to)
{
    const struct setting *set = stanza_setting(s, id);

    if (!set)
        return false;
    *to = (struct option_value){.text = set->value->text,
        .items = set->value->items,
        .item_count = set->value->count,
        .keys = set->value->keys};
    return true;
}

bool
stanza_value_at(const struct stanza *s, uint32_t id, const char **file,
    int *line, int *column)
{
    const struct setting *set = stanza_setting(s, id);

    if (!set)
        return false;
    *file = set->value->file;
    *line = set->value->line;
    *column = set->value->column;
    return true;
}
