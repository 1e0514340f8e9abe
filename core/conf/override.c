/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/override.h"

#include <stdlib.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/xmem.h"
#include "conf/overlay.h"
#include "base/banned.h"

struct held { /* one override */
    struct override v;
    struct list node, place_node;
    struct heap_node end; /* wall */
    struct place *place;
    struct buf key;
    uint64_t serial; /* number when it was set */
    struct arena *arena;
};
struct place {
    struct buf key;
    struct list held;
    struct list node; /* of those that changed since they were installed */
    struct override_place names;
    enum override_source source;
};
struct overrides {
    struct map by_key, places;
    struct list all, changed;
    struct heap ends;
    uint64_t number;
    uint64_t installed; /* the number of the last generation that has it all */
};

struct overrides *
overrides_new(void)
{
    struct overrides *o = xnew(struct overrides);

    list_init(&o->all);
    list_init(&o->changed);
    return o;
}

static void
place_free(struct overrides *o, struct place *p)
{
    (void)map_remove(&o->places, buf_get(&p->key));
    list_remove(&p->node);
    buf_fini(&p->key);
    free(p);
}

static void
held_free(struct overrides *o, struct held *h)
{
    (void)map_remove(&o->by_key, buf_get(&h->key));
    heap_remove(&o->ends, &h->end);
    list_remove(&h->node);
    list_remove(&h->place_node);
    buf_fini(&h->key);
    arena_free(&h->arena);
    free(h);
}

void
overrides_free(struct overrides **op)
{
    struct overrides *o = *op;
    struct list *n;
    struct place *p;
    size_t at;

    *op = NULL;
    if (!o)
        return;
    while ((n = list_first(&o->all)) != NULL)
        held_free(o, LIST_ENTRY(n, struct held, node));
    MAP_FOREACH (p, &o->places, at) {
        buf_fini(&p->key);
        free(p);
    }
    map_fini(&o->places);
    map_fini(&o->by_key);
    heap_fini(&o->ends);
    free(o);
}

/* --- places --- */

static void
print_part(const char *word, struct str name, struct buf *to)
{
    if (name.p)
        buf_printf(to, "%s%s %.*s", to->n ? ", " : "", word, STR_ARG(name));
}

void
override_print_place(const struct override_place *p, struct buf *to)
{
    struct buf b = BUF_INIT;

    print_part("binding_group", p->group, &b);
    print_part("binding", p->binding, &b);
    print_part("domain", p->domain, &b);
    buf_str(to, b.n ? buf_get(&b) : STR("all"));
    buf_fini(&b);
}

void
override_print_key(const struct override *v, struct buf *to)
{
    overlay_print_key(&v->place, v->source, to);
    buf_char(to, '/');
    buf_cstr(to, option_get(v->option)->name);
}

static int
check_name(struct str name, uint32_t scope, struct err *e)
{
    struct str pattern;

    if (!name.p)
        return 0;
    if (!name.n || name.n > GENERATION_NAME_MAX)
        return err_set(
            e, ERR_INVAL, "a name has 1 to %d octets", GENERATION_NAME_MAX);
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
            return err_set(e, ERR_INVAL, "a name has no blanks");
    if (names_is_regex(name, &pattern))
        return err_set(
            e, ERR_INVAL, "no patterns here: one domain by its name");
    return names_check(name, scope, e) ? ERR_INVAL : 0;
}

int
override_place_check(const struct override_place *p, struct buf *room,
    struct override_place *to, struct err *e)
{
    char name[GENERATION_NAME_MAX + 64];
    size_t n = 0;

    if (to != p)
        *to = *p;
    if (p->group.p && p->binding.p)
        return err_set(e, ERR_INVAL,
            "a binding or a binding_group; a binding is in one group");
    if (check_name(p->group, IMPEL_SCOPE_GROUP, e) ||
        check_name(p->binding, IMPEL_SCOPE_BINDING, e) ||
        check_name(p->domain, IMPEL_SCOPE_DOMAIN, e))
        return ERR_INVAL;
    if (!p->domain.p)
        return 0;
    if (!names_domain(p->domain, name, &n))
        return err_set(e, ERR_INVAL, "a name is too long");
    buf_cut(room, 0);
    buf_str(room, str_make(name, n));
    to->domain = buf_get(room);
    return 0;
}

/* --- values --- */

static uint32_t
place_scope(const struct override_place *p)
{
    if (p->domain.p)
        return IMPEL_SCOPE_DOMAIN;
    if (p->binding.p)
        return IMPEL_SCOPE_BINDING;
    return p->group.p ? IMPEL_SCOPE_GROUP : IMPEL_SCOPE_GLOBAL;
}

/* Only what differs by binding or domain is read anew all the time; where mail
 * goes is settled when it is queued, and by several options together; what is
 * secret would be shown by `override list` and stand on disk. */
static int
check_option(const struct override *v, struct err *e)
{
    uint32_t varies =
        IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING | IMPEL_SCOPE_DOMAIN;
    const struct option *o = option_get(v->option);
    struct buf where = BUF_INIT;
    int rc = 0;

    override_print_place(&v->place, &where);
    if (!(o->scopes & varies) ||
        o->flags & (OPTION_RESTART | OPTION_NO_OVERRIDE) ||
        o->type == IMPEL_OPT_SECRET || o->type == IMPEL_OPT_DICT)
        rc = err_set(e, ERR_INVAL,
            "%s cannot be overridden; `config set` changes it", o->name);
    else if (!(o->scopes & place_scope(&v->place)) ||
        ((v->place.group.p || v->place.binding.p) && v->place.domain.p &&
            o->flags & OPTION_TOP))
        rc = err_set(e, ERR_INVAL, "%s has no meaning for %.*s", o->name,
            STR_ARG(buf_get(&where)));
    buf_fini(&where);
    return rc;
}

static int
check_value(const struct override *v, struct err *e)
{
    size_t n = v->value.text.n;
    struct arena *a;
    struct value made;
    int rc;

    if (str_starts(str_of(option_get(v->option)->name), STR(OVERRIDE_BOUNDS)) &&
        override_check_bounds(v->option, &v->value, e))
        return ERR_CONF;
    for (size_t i = 0; i < v->value.item_count; i++)
        n += v->value.items[i].n;
    if (n > OVERRIDE_VALUE_MAX || v->value.item_count > OVERRIDE_ITEMS_MAX)
        return err_set(e, ERR_LIMIT, "the value is too long");
    a = arena_new(512);
    rc = value_make(option_get(v->option), &v->value, a, &made, e);
    value_fini(&made);
    arena_free(&a);
    return rc < 0 ? rc : 0;
}

static void
held_copy(struct held *h, const struct override *v)
{
    struct str *items;

    h->v = *v;
    h->v.place.group = arena_str(h->arena, v->place.group);
    h->v.place.binding = arena_str(h->arena, v->place.binding);
    h->v.place.domain = arena_str(h->arena, v->place.domain);
    h->v.who = arena_str(h->arena, str_sub(v->who, 0, OVERRIDE_WORDS_MAX));
    h->v.why = arena_str(h->arena, str_sub(v->why, 0, OVERRIDE_WORDS_MAX));
    h->v.value.text = arena_str(h->arena, v->value.text);
    h->v.value.keys = NULL;
    h->v.value.items = NULL;
    if (!v->value.item_count)
        return;
    items = arena_alloc(h->arena, v->value.item_count * sizeof(struct str));
    for (size_t i = 0; i < v->value.item_count; i++)
        items[i] = arena_str(h->arena, v->value.items[i]);
    h->v.value.items = items;
}

static struct place *
place_get(struct overrides *o, const struct override *v)
{
    struct buf key = BUF_INIT;
    struct place *p;

    overlay_print_key(&v->place, v->source, &key);
    p = map_find(&o->places, buf_get(&key));
    if (p) {
        buf_fini(&key);
        return p;
    }
    p = xnew(struct place);
    p->key = key;
    p->source = v->source;
    list_init(&p->held);
    (void)map_put(&o->places, buf_get(&p->key), p);
    return p;
}

static void
place_changed(struct overrides *o, struct place *p)
{
    o->number++;
    if (!list_linked(&p->node))
        list_push(&o->changed, &p->node);
}

static void
held_add(struct overrides *o, const struct override *v, struct buf *key)
{
    struct held *h = xnew(struct held);

    h->arena = arena_new(256);
    held_copy(h, v);
    h->key = *key;
    h->place = place_get(o, v);
    place_changed(o, h->place);
    h->serial = o->number;
    list_push(&o->all, &h->node);
    list_push(&h->place->held, &h->place_node);
    (void)map_put(&o->by_key, buf_get(&h->key), h);
    if (v->expires)
        heap_set(&o->ends, &h->end, v->expires);
}

int
overrides_set(struct overrides *o, const struct override *v, struct err *e)
{
    struct buf room = BUF_INIT, key = BUF_INIT;
    struct override checked = *v;
    struct held *was;
    int rc = override_place_check(&v->place, &room, &checked.place, e);

    if (!rc)
        rc = check_option(&checked, e);
    if (!rc)
        rc = check_value(&checked, e);
    if (rc) {
        buf_fini(&room);
        return rc;
    }
    override_print_key(&checked, &key);
    was = map_find(&o->by_key, buf_get(&key));
    if (!was && o->by_key.count >= OVERRIDES_MAX) {
        buf_fini(&room);
        buf_fini(&key);
        return err_set(
            e, ERR_LIMIT, "there are %d overrides already", OVERRIDES_MAX);
    }
    if (was)
        held_free(o, was);
    held_add(o, &checked, &key);
    buf_fini(&room);
    return 0;
}

static struct held *
held_find(const struct overrides *o, const struct override_place *place,
    enum override_source source, uint32_t option)
{
    struct override v = {.source = source, .option = option};
    struct buf room = BUF_INIT, key = BUF_INIT;
    struct held *h = NULL;

    if (override_place_check(place, &room, &v.place, NULL) == 0) {
        override_print_key(&v, &key);
        h = map_find(&o->by_key, buf_get(&key));
    }
    buf_fini(&room);
    buf_fini(&key);
    return h;
}

bool
overrides_clear(struct overrides *o, const struct override_place *place,
    enum override_source source, uint32_t option)
{
    struct held *h = held_find(o, place, source, option);

    if (!h)
        return false;
    place_changed(o, h->place);
    held_free(o, h);
    return true;
}

/* --- reading --- */

const struct override *
overrides_find(const struct overrides *o, const struct override_place *place,
    enum override_source source, uint32_t option)
{
    struct held *h = held_find(o, place, source, option);

    return h ? &h->v : NULL;
}

const struct override *
overrides_next(const struct overrides *o, const struct override *prev)
{
    const struct list *n = prev
        ? CONTAINER_OF(prev, const struct held, v)->node.next
        : o->all.next;

    return n == &o->all ? NULL : &CONTAINER_OF(n, const struct held, node)->v;
}

size_t
overrides_count(const struct overrides *o)
{
    return o->by_key.count;
}

const struct override *
overrides_first_end(const struct overrides *o)
{
    struct heap_node *n = heap_first(&o->ends);

    return n ? &CONTAINER_OF(n, struct held, end)->v : NULL;
}

void
override_print_value(const struct override *v, struct buf *to)
{
    const struct option_value *o = &v->value;

    if (!o->item_count) {
        buf_str(to, o->text);
        return;
    }
    buf_cstr(to, "(");
    for (size_t i = 0; i < o->item_count; i++)
        buf_printf(to, " %.*s", STR_ARG(o->items[i]));
    buf_cstr(to, " )");
}

/* --- into a generation --- */

static void
place_install(struct overrides *o, struct place *p, struct generation *g)
{
    struct overlay_item *items = NULL;
    size_t n = 0;
    struct list *at;

    LIST_FOREACH (at, &p->held) {
        struct held *h = LIST_ENTRY(at, struct held, place_node);

        items = xgrow(items, n + 1, sizeof(*items));
        items[n++] = (struct overlay_item){&h->v, h->serial};
    }
    overlay_set(g, buf_get(&p->key), p->source, items, n, o->number);
    free(items);
}

void
overrides_install(struct overrides *o, struct generation *g)
{
    struct list *n, *tmp;
    struct place *p;
    size_t at;

    if (generation_overrides(g) == o->number)
        return;
    if (generation_overrides(g) != o->installed) { /* another one */
        MAP_FOREACH (p, &o->places, at)
            place_install(o, p, g);
    }
    LIST_FOREACH_SAFE (n, tmp, &o->changed) {
        p = LIST_ENTRY(n, struct place, node);
        place_install(o, p, g);
        list_remove(&p->node);
        if (list_empty(&p->held))
            place_free(o, p);
    }
    o->installed = o->number;
}
