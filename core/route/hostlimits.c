/* SPDX-License-Identifier: Apache-2.0 */
#include "route/hostlimits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/map.h"
#include "base/xmem.h"
#include "loop/loop.h"
#include "base/banned.h"

enum {
    HOSTLIMITS_WAKE_MOST = 256, /* in one go */
    HOSTLIMITS_AGAIN_MS = 20    /* while tokens are left */
};
/* Rows of a layer above. */
enum {
    HOST_MAX,
    HOST_SCOPE_MAX,
    HOST_MESSAGES,
    HOST_CONNECTIONS,
    HOST_OPTIONS
};
static const char *const names[HOST_OPTIONS] = {"max_outbound_connections",
    "scope_max_outbound_connections", "outbound_throttle_messages",
    "outbound_throttle_connections"};

struct host_count {
    struct list held_node; /* of those that are used no more, perhaps */
    struct line line;
    int64_t open;
    size_t n;
    char key[]; /* exchange, NUL, place; or NUL and a stanza */
};
struct host_throttle {
    struct tokens tokens;
    struct line line;
    struct timer timer;
    char key[40]; /* the place of the stanza, and the option */
};
struct hostlimits {
    struct loop *loop;
    line_wake_f *wake;
    struct map counts, throttles;
    struct list held;
    struct buf scratch;
    uint32_t ids[HOST_OPTIONS], options;
};

struct hostlimits *
hostlimits_new(struct loop *l, line_wake_f *wake)
{
    struct hostlimits *h = xnew(struct hostlimits);

    h->loop = l;
    h->wake = wake;
    h->options = UINT32_MAX;
    map_init(&h->counts, true);
    map_init(&h->throttles, false);
    list_init(&h->held);
    return h;
}

void
hostlimits_free(struct hostlimits **ph)
{
    struct hostlimits *h = *ph;
    struct host_throttle *t;
    struct host_count *c;
    size_t at;

    *ph = NULL;
    MAP_FOREACH (c, &h->counts, at)
        free(c);
    MAP_FOREACH (t, &h->throttles, at) {
        timer_stop(&t->timer);
        free(t);
    }
    map_fini(&h->counts);
    map_fini(&h->throttles);
    buf_fini(&h->scratch);
    free(h);
}

/* Rows are added only at the end, so a count says whether there are more. */
static uint32_t
hostlimits_id(struct hostlimits *h, int option)
{
    if (h->options != option_count()) {
        for (int i = 0; i < HOST_OPTIONS; i++)
            h->ids[i] = option_find(str_of(names[i]));
        h->options = option_count();
    }
    return h->ids[option];
}

/* --- counts --- */

static struct str
count_place(struct hostlimits *h, struct str name, char kind, struct str place)
{
    buf_cut(&h->scratch, 0);
    buf_str(&h->scratch, name);
    buf_char(&h->scratch, '\0');
    buf_char(&h->scratch, kind);
    buf_str(&h->scratch, place);
    return buf_get(&h->scratch);
}

static struct str
count_stanza(struct hostlimits *h, const struct stanza *s)
{
    buf_cut(&h->scratch, 0);
    buf_char(&h->scratch, '\0');
    buf_printf(
        &h->scratch, "%016llx", (unsigned long long)str_hash(stanza_path(s)));
    return buf_get(&h->scratch);
}

static struct host_count *
count_get(struct hostlimits *h, struct str key)
{
    struct host_count *c = map_find(&h->counts, key);

    if (c)
        return c;
    c = xcalloc(1, sizeof(*c) + key.n);
    line_init(&c->line, h->wake);
    c->n = key.n;
    memcpy(c->key, key.p, key.n);
    (void)map_put(&h->counts, str_make(c->key, c->n), c); /* none was there */
    return c;
}

static void
count_settle(struct hostlimits *h, struct host_count *c)
{
    list_remove(&c->held_node);
    if (c->open)
        return;
    if (line_is_used(&c->line)) { /* looked at again by the sweep */
        list_push(&h->held, &c->held_node);
        return;
    }
    (void)map_remove(&h->counts, str_make(c->key, c->n));
    free(c);
}

void
hostlimits_sweep(struct hostlimits *h)
{
    struct list *n, *next;

    LIST_FOREACH_SAFE (n, next, &h->held)
        count_settle(h, LIST_ENTRY(n, struct host_count, held_node));
}

static struct str
hostlimits_group(struct generation *g, struct str binding)
{
    struct str group = generation_binding_group(g, binding);

    return group.n ? group : STR("default");
}

/* What the stanza counts by its place. */
static struct str
count_of(struct hostlimits *h, struct generation *g, const struct stanza *s,
    struct str name, struct str binding)
{
    switch (stanza_place(s)) {
    case IMPEL_SCOPE_BINDING:
        return count_place(h, name, 'b', binding);
    case IMPEL_SCOPE_GROUP:
        return count_place(h, name, 'g', hostlimits_group(g, binding));
    default:
        return count_place(h, name, 'a', STR(""));
    }
}

static struct line *
count_full(struct hostlimits *h, struct str key, int64_t limit)
{
    struct host_count *c = map_find(&h->counts, key);

    if ((c ? c->open : 0) < limit)
        return NULL;
    if (!c) { /* a limit of 0: for those who wait until it is another */
        c = count_get(h, key);
        list_push(&h->held, &c->held_node);
    }
    return &c->line;
}

/* --- throttles --- */

static void
throttle_time(void *arg)
{
    struct host_throttle *t = arg;
    const struct throttle_rate *r = &t->tokens.rate;
    int64_t now = loop_now(t->timer.loop), left = tokens_left(&t->tokens, now);

    left = MIN_OF(left, HOSTLIMITS_WAKE_MOST);
    for (int64_t i = 0; i < left && line_wake(&t->line); i++)
        ;
    if (!t->line.count)
        return;
    /* Those that were woken connect first, and the next are asked meanwhile. */
    if (left > 0)
        timer_start(&t->timer,
            MAX_OF(
                r->window_ms / (2 * MAX_OF(r->count, 1)), HOSTLIMITS_AGAIN_MS));
    else
        timer_start_at(&t->timer, tokens_more_at(&t->tokens));
}

static struct host_throttle *
throttle_find(struct hostlimits *h, const struct scope *s, int option)
{
    uint32_t id = hostlimits_id(h, option);
    int64_t now = loop_now(h->loop);
    struct throttle_rate rate;
    struct host_throttle *t;
    char key[sizeof(t->key)];

    if (id == UINT32_MAX || !scope_origin(s, id))
        return NULL;
    rate = scope_throttle(s, id);
    if (rate.count <= 0)
        return NULL;
    (void)snprintf(key, sizeof(key), "%016llx/%u",
        (unsigned long long)str_hash(stanza_path(scope_origin(s, id))), id);
    t = map_find(&h->throttles, str_of(key));
    if (!t) {
        t = xnew(struct host_throttle);
        (void)str_copy(t->key, sizeof(t->key), str_of(key));
        tokens_init(&t->tokens, rate, now);
        line_init(&t->line, h->wake);
        timer_init(&t->timer, h->loop, throttle_time, t, "host throttle");
        (void)map_put(&h->throttles, str_of(t->key), t);
    } else if (t->tokens.rate.count != rate.count ||
        t->tokens.rate.window_ms != rate.window_ms) {
        tokens_set_rate(&t->tokens, rate, now);
    }
    return t;
}

static struct line *
throttle_full(struct host_throttle *t, int64_t now, int64_t *until)
{
    if (!t || tokens_left(&t->tokens, now) > 0)
        return NULL;
    *until = tokens_more_at(&t->tokens);
    if (!timer_armed(&t->timer))
        timer_start_at(&t->timer, *until);
    return &t->line;
}

/* --- connections --- */

/* By which option, as well. */
static struct line *
full_by(struct hostlimits *h, struct generation *g, const struct scope *s,
    struct str name, struct str binding, int64_t *until, uint32_t *option)
{
    uint32_t max = hostlimits_id(h, HOST_MAX);
    uint32_t all = hostlimits_id(h, HOST_SCOPE_MAX);
    const struct stanza *by;
    struct line *l = NULL;

    *until = 0;
    *option = max;
    if (max != UINT32_MAX && (by = scope_origin(s, max)) != NULL &&
        scope_int(s, max) >= 0)
        l = count_full(h, count_of(h, g, by, name, binding), scope_int(s, max));
    if (!l && all != UINT32_MAX && (by = scope_origin(s, all)) != NULL &&
        scope_int(s, all) >= 0) {
        l = count_full(h, count_stanza(h, by), scope_int(s, all));
        *option = all;
    }
    for (int i = HOST_MESSAGES; !l && i <= HOST_CONNECTIONS; i++) {
        l = throttle_full(throttle_find(h, s, i), loop_now(h->loop), until);
        *option = hostlimits_id(h, i);
    }
    return l;
}

struct line *
hostlimits_full(struct hostlimits *h, struct generation *g, struct str name,
    struct str binding, int64_t *until)
{
    uint32_t option;

    return full_by(h, g, generation_host_scope(g, binding, name), name, binding,
        until, &option);
}

void
hostlimits_say(struct hostlimits *h, struct generation *g, struct str name,
    struct str binding, struct buf *to)
{
    const struct scope *s = generation_host_scope(g, binding, name);
    uint32_t option;
    int64_t until;

    if (!full_by(h, g, s, name, binding, &until, &option))
        return;
    buf_printf(to, "%s of ", option_get(option)->name);
    scope_print_origin(s, option, to);
}

void
hostlimits_enter(struct hostlimits *h, struct generation *g, struct str name,
    struct str binding, struct host_pass *to)
{
    const struct scope *s = generation_host_scope(g, binding, name);
    uint32_t all = hostlimits_id(h, HOST_SCOPE_MAX);
    struct host_throttle *connections = throttle_find(h, s, HOST_CONNECTIONS);
    struct str group = hostlimits_group(g, binding);
    int64_t stamp, until;

    memset(to, 0, sizeof(*to));
    to->messages = throttle_find(h, s, HOST_MESSAGES);
    if (connections) /* hostlimits_full() has just said yes */
        (void)tokens_take(
            &connections->tokens, loop_now(h->loop), &stamp, &until);
    to->counted[0] = count_get(h, count_place(h, name, 'a', STR("")));
    to->counted[1] = count_get(h, count_place(h, name, 'g', group));
    to->counted[2] = count_get(h, count_place(h, name, 'b', binding));
    if (all != UINT32_MAX && scope_origin(s, all) && scope_int(s, all) >= 0)
        to->counted[3] = count_get(h, count_stanza(h, scope_origin(s, all)));
    for (int i = 0; i < HOSTLIMITS_COUNTS; i++)
        if (to->counted[i])
            to->counted[i]->open++;
}

void
hostlimits_leave(struct hostlimits *h, struct host_pass *p)
{
    for (int i = 0; i < HOSTLIMITS_COUNTS; i++) {
        struct host_count *c = p->counted[i];

        if (!c)
            continue;
        BUG_ON(c->open <= 0);
        c->open--;
        (void)line_wake(&c->line);
        count_settle(h, c);
        p->counted[i] = NULL;
    }
    p->messages = NULL;
}

bool
hostlimits_fills(const struct host_pass *p, const struct line *l)
{
    for (int i = 0; i < HOSTLIMITS_COUNTS; i++)
        if (p->counted[i] && &p->counted[i]->line == l)
            return true;
    return false;
}

void
hostlimits_idle(struct host_pass *p)
{
    for (int i = 0; i < HOSTLIMITS_COUNTS; i++)
        if (p->counted[i])
            (void)line_wake(&p->counted[i]->line);
}

struct line *
hostlimits_may_send(struct host_pass *p, int64_t now, int64_t *until)
{
    return throttle_full(p->messages, now, until);
}

struct tokens *
hostlimits_tokens(const struct host_pass *p)
{
    return p->messages ? &p->messages->tokens : NULL;
}
