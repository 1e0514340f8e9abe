/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/overlay.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

/* Kinds of places, the most specific first. */
enum {
    BINDING_DOMAIN,
    GROUP_DOMAIN,
    BINDING,
    GROUP,
    DOMAIN,
    ALL,
    KINDS,
    SOURCES = 2,
    KEY_MAX = 2 * (GENERATION_NAME_MAX + 64) + 8
};

struct spot { /* a place that has overrides */
    struct buf key;
    int kind, source;
    struct overlay_entry {
        uint64_t serial;
        struct stanza *stanza;
    } * items;
    size_t count;
};
struct overlay {
    struct map spots, scopes;
    size_t kinds[SOURCES][KINDS]; /* how many there are */
};

static int
kind_of(const struct override_place *p)
{
    if (p->domain.p)
        return p->binding.p ? BINDING_DOMAIN
            : p->group.p    ? GROUP_DOMAIN
                            : DOMAIN;
    return p->binding.p ? BINDING : p->group.p ? GROUP : ALL;
}

static struct override_place
part_of(const struct override_place *p, int kind)
{
    struct override_place to = {STR_NONE, STR_NONE, STR_NONE};

    if (kind == BINDING_DOMAIN || kind == BINDING)
        to.binding = p->binding;
    if (kind == GROUP_DOMAIN || kind == GROUP)
        to.group = p->group;
    if (kind == BINDING_DOMAIN || kind == GROUP_DOMAIN || kind == DOMAIN)
        to.domain = p->domain;
    return to;
}

/* Names have no blanks. */
void
overlay_print_key(
    const struct override_place *p, enum override_source source, struct buf *to)
{
    buf_printf(to, "%c%d", source == OVERRIDE_ADAPTIVE ? 'a' : 'o', kind_of(p));
    if (p->binding.p || p->group.p)
        buf_printf(to, " %.*s", STR_ARG(p->binding.p ? p->binding : p->group));
    if (p->domain.p)
        buf_printf(to, " %.*s", STR_ARG(p->domain));
}

static void
spot_free(struct spot *s)
{
    buf_fini(&s->key);
    free(s->items);
    free(s);
}

void
overlay_free(struct overlay **op)
{
    struct overlay *o = *op;
    struct spot *s;
    size_t at;

    *op = NULL;
    if (!o)
        return;
    MAP_FOREACH (s, &o->spots, at)
        spot_free(s);
    map_fini(&o->spots);
    map_fini(&o->scopes);
    free(o);
}

uint64_t
generation_overrides(const struct generation *g)
{
    return atomic_load(&g->overrides);
}

size_t
generation_overlays(const struct generation *g)
{
    return atomic_load(&g->overlays);
}

/* --- stanzas --- */

static struct str
path_of(struct generation *g, const struct override *v)
{
    struct buf b = BUF_INIT;
    struct str path;

    buf_cstr(&b,
        v->source == OVERRIDE_ADAPTIVE ? "adaptive override of "
                                       : "override of ");
    override_print_place(&v->place, &b);
    if (v->who.n)
        buf_printf(&b, " by %.*s", STR_ARG(v->who));
    if (v->expires) {
        buf_cstr(&b, " until ");
        clock_print_iso(&b, v->expires);
    }
    if (v->why.n)
        buf_printf(&b, " (%.*s)", STR_ARG(v->why));
    path = arena_str(g->arena, buf_get(&b));
    buf_fini(&b);
    return path;
}

/* A throttle keeps what it has counted as long as this stays the same, also
 * with another rate. */
static uint64_t
id_of(struct str key, const struct override *v)
{
    struct buf b = BUF_INIT;
    uint64_t id;

    buf_printf(
        &b, "override %.*s %s", STR_ARG(key), option_get(v->option)->name);
    id = str_hash(buf_get(&b));
    buf_fini(&b);
    return id;
}

static struct stanza *
stanza_new(struct generation *g, const struct override *v)
{
    struct stanza *s = arena_alloc(g->arena, sizeof(*s));

    s->g = g;
    s->parent = &g->global;
    s->index = (uint32_t)g->all.count + 1;
    s->path = path_of(g, v);
    s->at.file = "override";
    s->set_at = v->set_at;
    s->expires = v->expires;
    s->override = true;
    s->keyword = STR("global");
    s->scope = IMPEL_SCOPE_GLOBAL;
    if (v->place.domain.p) {
        s->keyword = STR("domain");
        s->scope = IMPEL_SCOPE_DOMAIN;
    } else if (v->place.binding.p) {
        s->keyword = STR("binding");
        s->scope = IMPEL_SCOPE_BINDING;
    } else if (v->place.group.p) {
        s->keyword = STR("binding_group");
        s->scope = IMPEL_SCOPE_GROUP;
    }
    return s;
}

static struct value *
stanza_add(struct stanza *s, uint32_t option)
{
    struct value *value = arena_alloc(s->g->arena, sizeof(*value));

    s->settings = xnew(struct setting);
    s->setting_count = s->setting_size = 1;
    s->settings[0] = (struct setting){.id = option, .value = value};
    stanza_list_add(&s->g->all, s); /* who frees a generation frees it */
    atomic_fetch_add(&s->g->overlays, 1);
    return value;
}

/* It was judged when it was set; NULL: that was by other rows. */
static struct stanza *
stanza_of(struct generation *g, struct str key, const struct override *v)
{
    struct stanza *s = stanza_new(g, v);
    struct value *value = stanza_add(s, v->option);

    s->id = id_of(key, v);
    if (v->option >= g->option_count ||
        value_make(option_get(v->option), &v->value, g->arena, value, NULL) < 0)
        return NULL;
    value->origin = s;
    value->file = s->at.file;
    return s;
}

static struct stanza *
spot_known(const struct spot *s, uint64_t serial)
{
    for (size_t i = 0; s && i < s->count; i++)
        if (s->items[i].serial == serial)
            return s->items[i].stanza;
    return NULL;
}

static struct spot *
spot_make(struct generation *g, struct str key, const struct spot *was,
    const struct overlay_item *items, size_t n)
{
    struct spot *s = xnew(struct spot);

    buf_str(&s->key, key);
    s->items = xcalloc(n, sizeof(*s->items));
    s->kind = kind_of(&items[0].v->place);
    for (size_t i = 0; i < n; i++) {
        struct stanza *st = spot_known(was, items[i].serial);

        if (!st)
            st = stanza_of(g, key, items[i].v);
        if (st)
            s->items[s->count++] = (struct overlay_entry){items[i].serial, st};
    }
    return s;
}

void
overlay_set(struct generation *g, struct str key, enum override_source source,
    const struct overlay_item *items, size_t n, uint64_t number)
{
    struct overlay *o;
    struct spot *was, *now = NULL;

    (void)pthread_mutex_lock(&g->lock);
    if (!g->overlay)
        g->overlay = xnew(struct overlay);
    o = g->overlay;
    was = map_find(&o->spots, key);
    if (n) {
        now = spot_make(g, key, was, items, n);
        now->source = (int)source;
        o->kinds[source][now->kind]++;
    }
    if (was) {
        o->kinds[source][was->kind]--;
        (void)map_remove(&o->spots, key);
        spot_free(was);
    }
    if (now)
        (void)map_put(&o->spots, buf_get(&now->key), now);
    atomic_store(&g->overlaid, o->spots.count != 0);
    atomic_store(&g->overrides, number);
    (void)pthread_mutex_unlock(&g->lock);
}

/* --- scopes --- */

struct found {
    const struct stanza **items; /* the most specific first */
    size_t count;
    size_t adaptive; /* of those from here on */
};

static void
find_source(const struct overlay *o, int source,
    const struct override_place *place, struct found *f)
{
    struct buf key = BUF_INIT;

    for (int kind = 0; kind < KINDS; kind++) {
        struct override_place part = part_of(place, kind);
        const struct spot *s;

        if (!o->kinds[source][kind] || kind_of(&part) != kind)
            continue;
        buf_cut(&key, 0);
        overlay_print_key(&part, (enum override_source)source, &key);
        s = map_find(&o->spots, buf_get(&key));
        for (size_t i = 0; s && i < s->count; i++) {
            f->items = xgrow(f->items, f->count + 1, sizeof(*f->items));
            f->items[f->count++] = s->items[i].stanza;
        }
    }
    buf_fini(&key);
}

static bool
scope_has_over(const struct scope *s, uint32_t id)
{
    for (size_t i = 0; i < s->over_count; i++)
        if (s->over[i].id == id)
            return true;
    return false;
}

/* More than any number: no limit at all, or a word like "auto". */
static double
size_of(uint32_t option, const struct value *v)
{
    if (v->type == OPTION_THROTTLE)
        return v->number <= 0 ? INFINITY
                              : (double)v->number / (double)v->window_ms;
    if (v->type == OPTION_FLOAT)
        return v->real;
    if ((v->number < 0 && option_get(option)->choices) ||
        (!v->number && option_get(option)->flags & OPTION_ZERO_IS_ALL))
        return INFINITY;
    return (double)v->number;
}

int
override_check_bounds(
    uint32_t option, const struct option_value *v, struct err *e)
{
    struct str name = str_of(option_get(option)->name);
    uint32_t of = option_find(str_from(name, strlen(OVERRIDE_BOUNDS)));
    struct arena *a;
    struct value end[2] = {0};
    int rc = 0;

    if (v->item_count != 2 || of == UINT32_MAX)
        return err_set(e, ERR_CONF, "%s: expected ( LOW HIGH )", name.p);
    a = arena_new(512);
    for (size_t i = 0; i < 2 && rc >= 0; i++) {
        struct option_value one = {.text = v->items[i]};

        rc = value_make(option_get(of), &one, a, &end[i], e);
    }
    if (rc >= 0 && size_of(of, &end[0]) > size_of(of, &end[1]))
        rc = err_set(e, ERR_CONF, "%s: %.*s is more than %.*s", name.p,
            STR_ARG(v->items[0]), STR_ARG(v->items[1]));
    value_fini(&end[0]);
    value_fini(&end[1]);
    arena_free(&a);
    return rc < 0 ? ERR_CONF : 0;
}

/* The end of adaptive_NAME = ( low high ) that v is beyond, or NULL. */
static struct value *
bound_of(struct generation *g, const struct scope *s, uint32_t option,
    const struct value *v)
{
    struct buf name = BUF_INIT;
    const struct value *ends;
    struct value *to = NULL;
    uint32_t id;

    buf_printf(&name, "adaptive_%s", option_get(option)->name);
    id = option_find(buf_get(&name));
    buf_fini(&name);
    ends = id == UINT32_MAX ? NULL : scope_value(s, id);
    for (size_t i = 0; ends && ends->count == 2 && i < 2; i++) {
        struct option_value text = {.text = ends->items[i]};
        struct value *end = arena_alloc(g->arena, sizeof(*end));

        if (value_make(option_get(option), &text, g->arena, end, NULL) < 0)
            continue;
        end->origin = ends->origin;
        if (i ? size_of(option, to ? to : v) > size_of(option, end)
              : size_of(option, v) < size_of(option, end))
            to = end;
    }
    return to;
}

/* Within what the place says of the adaptive layer; a value of which nothing
 * is said is what was set. */
static const struct stanza *
within_bounds(
    struct generation *g, const struct scope *s, const struct stanza *st)
{
    const struct value *v = st->settings[0].value, *bound;
    struct buf text = BUF_INIT;
    struct stanza *to;
    struct value *made;

    bound = bound_of(g, s, st->settings[0].id, v);
    if (!bound)
        return st;
    to = arena_alloc(g->arena, sizeof(*to));
    *to = *st;
    buf_printf(&text, "%.*s, kept within adaptive_%s of %.*s",
        STR_ARG(st->path), option_get(st->settings[0].id)->name,
        STR_ARG(bound->origin ? bound->origin->path : STR("the defaults")));
    to->path = arena_str(g->arena, buf_get(&text));
    buf_cut(&text, 0); /* not one throttle for all bounds */
    buf_printf(&text, "%.*s of %.*s", STR_ARG(bound->text),
        STR_ARG(bound->origin ? bound->origin->path : STR("the defaults")));
    to->id ^= str_hash(buf_get(&text));
    buf_fini(&text);
    made = stanza_add(to, st->settings[0].id);
    *made = *bound;
    made->origin = to;
    made->file = v->file;
    made->line = made->column = 0;
    return to;
}

static struct scope *
compile(struct generation *g, const struct scope *base, struct found *f)
{
    struct scope *s = arena_alloc(g->arena, sizeof(*s));
    struct setting *over =
        arena_alloc(g->arena, f->count * sizeof(struct setting));

    atomic_fetch_add(&g->overlays, 1);
    *s = *base;
    s->over = over;
    for (size_t i = 0; i < f->count; i++) {
        if (scope_has_over(s, f->items[i]->settings[0].id))
            continue;
        if (i >= f->adaptive)
            f->items[i] = within_bounds(g, s, f->items[i]);
        over[s->over_count++] = f->items[i]->settings[0];
    }
    s->chain_count = f->count + base->chain_count;
    s->chain = arena_alloc(g->arena, s->chain_count * sizeof(*s->chain));
    memcpy(s->chain, f->items, f->count * sizeof(*s->chain));
    memcpy(s->chain + f->count, base->chain,
        base->chain_count * sizeof(*s->chain));
    return s;
}

static const struct scope *
scope_over(struct generation *g, const struct scope *base, struct found *f)
{
    struct buf key = BUF_INIT;
    struct scope *s;

    buf_add(&key, &base, sizeof(base));
    buf_add(&key, f->items, f->count * sizeof(*f->items));
    s = map_find(&g->overlay->scopes, buf_get(&key));
    if (!s) {
        s = compile(g, base, f);
        (void)map_put(
            &g->overlay->scopes, arena_str(g->arena, buf_get(&key)), s);
    }
    buf_fini(&key);
    return s;
}

const struct scope *
overlay_scope(struct generation *g, const struct scope *base, struct str group,
    struct str binding, struct str domain)
{
    struct override_place place = {group, binding, domain};
    const struct scope *s = base;
    struct found f = {NULL, 0, 0};

    if (!atomic_load(&g->overlaid))
        return base;
    (void)pthread_mutex_lock(&g->lock);
    find_source(g->overlay, OVERRIDE_OPERATOR, &place, &f);
    f.adaptive = f.count;
    find_source(g->overlay, OVERRIDE_ADAPTIVE, &place, &f);
    if (f.count)
        s = scope_over(g, base, &f);
    (void)pthread_mutex_unlock(&g->lock);
    free(f.items);
    return s;
}
