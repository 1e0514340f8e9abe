/* SPDX-License-Identifier: Apache-2.0
 *
 * change.c - `impel config set` and `unset`: a new generation from a copy of
 * the tree in force, with one thing changed.
 *
 * set takes every earlier value of the option in that stanza out of the tree,
 * so that changes do not pile up.
 */
#include <stdlib.h>

#include "conf/ecconf.h"
#include "conf/query_int.h"
#include "base/banned.h"

static const struct report_at change_at = {"(online)", 0, 0};

static bool
change_is(const struct node *n, const struct query_step *step)
{
    char a[GENERATION_NAME_MAX + 64], b[GENERATION_NAME_MAX + 64];
    size_t an = 0, bn = 0;

    if (n->kind != NODE_STANZA ||
        !str_ieq(n->keyword, str_of(step->kind->keyword)) ||
        !n->name.p != !step->name.p)
        return false;
    if (!n->name.p)
        return true;
    return names_fold(n->name, step->kind->scope, a, &an) == 0 &&
        names_fold(step->name, step->kind->scope, b, &bn) == 0 &&
        str_eq(str_make(a, an), str_make(b, bn));
}

static void
change_drop(struct node *parent, struct node *prev, struct node *n)
{
    if (prev)
        prev->next = n->next;
    else
        parent->first = n->next;
    if (parent->last == n)
        parent->last = prev;
}

/* Take the option (absent: nothing) out of a body. */
static size_t
change_drop_option(struct node *body, struct str option)
{
    struct node *prev = NULL, *next;
    size_t dropped = 0;

    for (struct node *n = body->first; n; n = next) {
        next = n->next;
        if (n->kind == NODE_OPTION && option.p && str_ieq(n->keyword, option)) {
            change_drop(body, prev, n);
            dropped++;
        } else {
            prev = n;
        }
    }
    return dropped;
}

struct change {
    const struct query_place *place;
    struct node *last_body; /* last one of the stanza that was met */
    size_t dropped;
};

/* Visit each body of the stanza, which may stand in several pieces. */
static void
change_walk(struct change *c, struct node *body, size_t depth)
{
    const struct query_place *p = c->place;
    struct node *prev = NULL, *next;

    if (depth == p->count) {
        c->last_body = body;
        c->dropped += change_drop_option(body, p->option);
        return;
    }
    for (struct node *n = body->first; n; n = next) {
        next = n->next;
        if (change_is(n, &p->steps[depth])) {
            if (depth + 1 == p->count && !p->option.p) {
                change_drop(body, prev, n);
                c->dropped++;
                continue;
            }
            change_walk(c, n, depth + 1);
        }
        prev = n;
    }
}

static struct node *
change_make_body(struct tree *t, const struct query_place *p)
{
    struct node *n = &t->root;

    for (size_t i = 0; i < p->count && n; i++) {
        n = tree_add(
            t, n, NODE_STANZA, str_of(p->steps[i].kind->keyword), change_at);
        if (n)
            n->name = arena_str(t->arena, p->steps[i].name);
    }
    return n;
}

/* The words of a value, joined as one text. */
static void
change_join(const struct query *q, size_t from, struct buf *to)
{
    for (size_t i = from; i < q->word_count; i++) {
        if (i > from)
            buf_char(to, ' ');
        buf_str(to, q->words[i]);
    }
}

/* The value: one word, several that are one text or a list, ( list ) or
 * [ dictionary ] as in a file. */
static int
change_add_option(const struct query *q, struct tree *t, struct node *body,
    const struct query_place *p)
{
    const struct option *o = option_get(p->id);
    size_t from = p->used;
    struct buf text = BUF_INIT, line = BUF_INIT;
    struct words items = {0};
    struct node *n, *was = body->last;
    int rc = 0;

    if (from < q->word_count && str_eq(q->words[from], STR("=")))
        from++;
    if (from >= q->word_count)
        return ERR_INVAL;
    change_join(q, from, &text);
    if (text.p[0] == '(' || text.p[0] == '[') {
        buf_printf(&line, "%s = %s", o->name, text.p);
        ecconf_parse(t, body, buf_get(&line), "(online)");
        n = was ? was->next : body->first;
        rc = n && n == body->last ? 0 : ERR_INVAL; /* one value, no more */
    } else {
        n = tree_add(t, body, NODE_OPTION, str_of(o->name), change_at);
        if (n && o->type == IMPEL_OPT_LIST && q->word_count - from > 1) {
            for (size_t i = from; i < q->word_count; i++)
                (void)words_add(
                    &items, arena_str(t->arena, q->words[i])); /* few */
            tree_set_items(t, n, &items, NULL);
        } else if (n) {
            n->text = arena_str(t->arena, buf_get(&text));
        }
    }
    buf_fini(&line);
    buf_fini(&text);
    return rc;
}

static int
change_apply(const struct query *q, struct generation *g,
    const struct query_place *p, bool set, struct err *e)
{
    struct change c = {.place = p};
    struct node *body;

    change_walk(&c, &g->tree.root, 0);
    if (!set)
        return c.dropped ? 0 : err_set(e, ERR_NOTFOUND, "it is not set there");
    body = c.last_body ? c.last_body : change_make_body(&g->tree, p);
    if (!body || change_add_option(q, &g->tree, body, p))
        return err_set(e, ERR_INVAL, "expected: set [SCOPE...] OPTION VALUE");
    return 0;
}

int
query_change(struct query *q, bool set, struct err *e)
{
    struct query_place p;
    struct conf_report *r;
    struct generation *g;
    int rc = query_place(q, set, &p, e);

    if (rc)
        return rc;
    if (!p.option.p && !p.count)
        return err_set(e, ERR_INVAL, "the global scope cannot be unset");
    r = conf_report_new();
    g = generation_new(q->generation->path);
    tree_init(&g->tree, r);
    tree_copy(&g->tree, &g->tree.root, &q->generation->tree.root);
    rc = change_apply(q, g, &p, set, e);
    if (rc) {
        generation_unref(&g);
    } else {
        generation_build(g, r);
        rc = generation_finish(g, r, &q->changed, e);
        conf_report_print(r, q->out);
    }
    if (rc == 0 && p.id != UINT32_MAX &&
        option_get(p.id)->flags & OPTION_RESTART)
        buf_printf(q->out, "%s takes effect at the next start\n",
            option_get(p.id)->name);
    conf_report_free(&r);
    return rc;
}
