/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tree.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "conf/ecconf.h"
#include "conf/yaml.h"
#include "base/banned.h"

void
tree_init(struct tree *t, struct conf_report *r)
{
    memset(t, 0, sizeof(*t));
    t->magic = TREE_MAGIC;
    t->arena = arena_new(16384);
    t->report = r;
    t->root.kind = NODE_STANZA;
    t->root.keyword = STR("global");
}

void
tree_fini(struct tree *t)
{
    CHECK(t, TREE_MAGIC);
    arena_free(&t->arena);
    memset(t, 0, sizeof(*t));
}

struct node *
tree_add(struct tree *t, struct node *parent, enum node_kind kind,
    struct str keyword, struct report_at at)
{
    struct node *n;

    if (t->nodes >= TREE_NODES_MAX) {
        if (t->nodes++ == TREE_NODES_MAX)
            conf_report_add(t->report, REPORT_ERROR, at,
                "more than %d statements", TREE_NODES_MAX);
        return NULL;
    }
    t->nodes++;
    n = arena_alloc(t->arena, sizeof(*n));
    n->kind = kind;
    n->keyword = arena_str(t->arena, keyword);
    n->at = n->value_at = at;
    if (parent->last)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    return n;
}

bool
words_add(struct words *w, struct str s)
{
    if (w->count >= TREE_ITEMS_MAX)
        return false;
    if (w->count == w->size) {
        w->size = w->size ? w->size * 2 : 8;
        w->items = xgrow(w->items, w->size, sizeof(*w->items));
    }
    w->items[w->count++] = s;
    return true;
}

void
words_fini(struct words *w)
{
    free(w->items);
    memset(w, 0, sizeof(*w));
}

static struct str *
tree_keep(struct tree *t, struct words *w)
{
    struct str *to = arena_alloc(t->arena, (w->count + 1) * sizeof(*to));

    if (w->count)
        memcpy(to, w->items, w->count * sizeof(*to));
    words_fini(w);
    return to;
}

void
tree_set_items(
    struct tree *t, struct node *n, struct words *items, struct words *keys)
{
    n->count = items->count;
    n->shape = keys ? NODE_DICT : NODE_LIST;
    n->items = tree_keep(t, items);
    if (keys)
        n->keys = tree_keep(t, keys);
}

static struct str *
tree_copy_words(struct tree *t, const struct str *from, size_t n)
{
    struct str *to;

    if (!from)
        return NULL;
    to = arena_alloc(t->arena, (n + 1) * sizeof(*to));
    for (size_t i = 0; i < n; i++)
        to[i] = arena_str(t->arena, from[i]);
    return to;
}

void
tree_copy(struct tree *t, struct node *to, const struct node *from)
{
    for (const struct node *n = from->first; n; n = n->next) {
        struct report_at at = n->at;
        struct node *c;

        at.file = arena_str(t->arena, str_of(at.file)).p;
        c = tree_add(t, to, n->kind, n->keyword, at);
        if (!c)
            return;
        c->name = arena_str(t->arena, n->name);
        c->shape = n->shape;
        c->text = arena_str(t->arena, n->text);
        c->items = tree_copy_words(t, n->items, n->count);
        c->keys = tree_copy_words(t, n->keys, n->count);
        c->count = n->count;
        c->readonly = n->readonly;
        c->strict_keys = n->strict_keys;
        c->value_at = n->value_at;
        c->value_at.file = at.file;
        tree_copy(t, c, n);
    }
}

static bool
tree_same(struct str a, struct str b)
{
    return !a.p == !b.p && str_eq(a, b);
}

static bool
tree_words_eq(const struct node *a, const struct node *b)
{
    if (a->count != b->count || !a->keys != !b->keys)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_eq(a->items[i], b->items[i]) ||
            (a->keys && !str_eq(a->keys[i], b->keys[i])))
            return false;
    return true;
}

bool
tree_eq(const struct node *a, const struct node *b)
{
    const struct node *x = a->first, *y = b->first;

    if (a->kind != b->kind || !str_ieq(a->keyword, b->keyword) ||
        !tree_same(a->name, b->name) || a->shape != b->shape ||
        !tree_same(a->text, b->text) || a->readonly != b->readonly ||
        !tree_words_eq(a, b))
        return false;
    for (; x && y; x = x->next, y = y->next)
        if (!tree_eq(x, y))
            return false;
    return !x && !y;
}

bool
tree_is_yaml(const char *path)
{
    return str_iends(str_of(path), STR(".yaml")) ||
        str_iends(str_of(path), STR(".yml"));
}

void
tree_parse(struct tree *t, struct node *parent, struct str text, bool yaml,
    const char *name)
{
    const char *kept = arena_str(t->arena, str_of(name)).p;

    if (yaml)
        yaml_parse(t, parent, text, kept);
    else
        ecconf_parse(t, parent, text, kept);
}
