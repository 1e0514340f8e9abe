/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/scope.h"

#include "base/bug.h"
#include "base/magic.h"
#include "conf/generation_int.h"
#include "base/banned.h"

const struct setting *
stanza_setting(const struct stanza *s, uint32_t id)
{
    for (size_t i = 0; i < s->setting_count; i++)
        if (s->settings[i].id == id)
            return &s->settings[i];
    return NULL;
}

static struct scope *
scope_compile(struct generation *g, const struct stanza *const *chain, size_t n,
    bool host)
{
    struct scope *s = arena_alloc(g->arena, sizeof(*s));

    s->magic = SCOPE_MAGIC;
    s->g = g;
    s->host = host;
    s->count = g->option_count;
    s->values = arena_alloc(g->arena, (s->count + 1) * sizeof(*s->values));
    for (uint32_t id = 0; id < s->count && !host; id++)
        if (g->has_default[id])
            s->values[id] = &g->defaults[id];
    for (size_t i = n; i-- > 0;)
        for (size_t k = 0; k < chain[i]->setting_count; k++)
            s->values[chain[i]->settings[k].id] = chain[i]->settings[k].value;
    s->chain = arena_alloc(g->arena, (n + 1) * sizeof(*s->chain));
    memcpy(s->chain, chain, n * sizeof(*chain));
    s->chain_count = n;
    return s;
}

const struct scope *
scope_of_chain(struct generation *g, const struct stanza *const *chain,
    size_t n, bool host)
{
    const struct stanza *keyed[GENERATION_CHAIN_MAX + 1];
    struct scope *s;
    struct str key;

    BUG_ON(n > GENERATION_CHAIN_MAX);
    memcpy(keyed, chain, n * sizeof(*chain));
    keyed[n] = host ? &g->global : NULL; /* a host chain never ends in it */
    key = str_make(keyed, (n + 1) * sizeof(*keyed));
    (void)pthread_mutex_lock(&g->lock); /* never fails so used */
    s = map_find(&g->scopes, key);
    if (!s) {
        s = scope_compile(g, chain, n, host);
        (void)map_put(&g->scopes, arena_str(g->arena, key), s);
    }
    (void)pthread_mutex_unlock(&g->lock);
    return s;
}

const struct value *
scope_value(const struct scope *s, uint32_t id)
{
    CHECK(s, SCOPE_MAGIC);
    for (size_t i = 0; i < s->over_count; i++)
        if (s->over[i].id == id)
            return s->over[i].value;
    return id < s->count ? s->values[id] : NULL;
}

bool
scope_is_set(const struct scope *s, uint32_t id)
{
    return scope_value(s, id) != NULL;
}

int64_t
scope_int(const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    if (!v)
        return s->host ? -1 : 0;
    return v->number;
}

double
scope_double(const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    return v ? v->real : 0;
}

struct str
scope_str(const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    return v ? v->text : STR_NONE;
}

struct throttle_rate
scope_throttle(const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    if (!v)
        return (struct throttle_rate){0, 1000};
    return (struct throttle_rate){v->number, v->window_ms};
}

size_t
scope_count(const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    return v ? v->count : 0;
}

struct str
scope_item(const struct scope *s, uint32_t id, size_t i)
{
    const struct value *v = scope_value(s, id);

    return v && i < v->count ? v->items[i] : STR_NONE;
}

struct str
scope_key(const struct scope *s, uint32_t id, size_t i)
{
    const struct value *v = scope_value(s, id);

    return v && v->keys && i < v->count ? v->keys[i] : STR_NONE;
}

const struct cidr *
scope_cidrs(const struct scope *s, uint32_t id, size_t *count)
{
    const struct value *v = scope_value(s, id);

    *count = v && v->cidrs ? v->count : 0;
    return *count ? v->cidrs : NULL;
}

bool
scope_cidr_has(const struct scope *s, uint32_t id, const struct cidr *addr)
{
    struct cidr plain = *addr;
    size_t count;
    const struct cidr *list = scope_cidrs(s, id, &count);

    cidr_unmap(&plain);
    for (size_t i = 0; i < count; i++)
        if (cidr_contains(&list[i], &plain))
            return true;
    return false;
}

bool
scope_regex_has(const struct scope *s, uint32_t id, struct str text)
{
    const struct value *v = scope_value(s, id);

    return v && v->regex && value_regex_matches(v->regex, text);
}

const struct stanza *
scope_origin(const struct scope *s, uint32_t id)
{
    const struct value *v = scope_value(s, id);

    return v ? v->origin : NULL;
}

void
value_print_origin(const struct value *v, struct buf *to)
{
    if (!v)
        buf_cstr(to, "unset");
    else if (!v->origin)
        buf_cstr(to, "built-in default");
    else if (v->origin->override)
        buf_str(to, v->origin->path);
    else
        buf_printf(
            to, "%.*s (%s:%d)", STR_ARG(v->origin->path), v->file, v->line);
}

void
scope_print_origin(const struct scope *s, uint32_t id, struct buf *to)
{
    value_print_origin(scope_value(s, id), to);
}

struct generation *
scope_generation(const struct scope *s)
{
    return s->g;
}
