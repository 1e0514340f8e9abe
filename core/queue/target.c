/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/target.h"

#include "base/num.h"
#include "queue/choose.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "base/banned.h"

bool
target_is_here(const struct target *t, const struct queue *q)
{
    return str_eq(t->binding, str_of(q->binding->name)) &&
        str_eq(t->to.domain, str_of(q->zone->name)) &&
        t->to.method == q->method && t->to.port == q->port &&
        t->to.by_gateway == q->by_gateway &&
        t->to.gateway_port == q->gateway_port && t->to.tls == q->tls;
}

/* The destination that was told stays with it; any other is worked out again,
 * for another binding may have another. */
static void
target_route(struct target *t, const struct move *mv, struct str domain)
{
    uint8_t tls = t->to.tls;

    if (mv->kind == MOVE_ROUTE)
        t->told &= ~(unsigned)PARCEL_ROUTED;
    if (mv->kind != MOVE_ROUTE && (t->told & PARCEL_ROUTED))
        return;
    if (mv->kind == MOVE_ROUTE && mv->to)
        domain = str_of(mv->to);
    resolve_destination(mv->s->generation, t->binding, domain, &t->to);
    t->to.tls = tls; /* the sender's word, wherever it goes */
}

void
target_get(struct target *t, const struct parcel *p, const struct message *m,
    uint32_t rcpt, const struct move *mv)
{
    struct generation *g = mv->s->generation;
    const struct queue *q = rollup_home(p);
    struct str said =
        mv->kind == MOVE_BINDING && mv->to ? str_of(mv->to) : m->env.binding;
    struct str domain = m->env.rcpt[rcpt].domain;

    *t = (struct target){.binding = str_of(q->binding->name),
        .to = queue_destination(q),
        .told = p->moved};
    if (mv->kind == MOVE_BINDING && mv->to && !choose_is_name(g, said))
        return; /* a reload took it out meanwhile */
    if (mv->kind != MOVE_ROUTE) {
        t->binding = choose_binding(g, said, p->id, domain);
        if (str_eq(t->binding, str_of(q->binding->name)))
            return;
    }
    target_route(t, mv, domain);
    if (mv->kind == MOVE_BINDING)
        t->told |= PARCEL_BOUND;
    else if (mv->kind == MOVE_STRAY)
        t->told &= ~(unsigned)PARCEL_BOUND;
    else if (mv->to && target_is_here(t, q))
        t->told = p->moved; /* nobody has to be told */
    else if (mv->to)
        t->told |= PARCEL_ROUTED;
}

/* --- what is told on disk --- */

void
target_print(const struct parcel *p, struct buf *to)
{
    const struct queue *q = p->queue;

    if (p->moved & PARCEL_BOUND)
        buf_printf(to, "binding %s\n", q->binding->name);
    if (!(p->moved & PARCEL_ROUTED))
        return;
    buf_printf(to, "route %s %u ", method_name(q->method), q->port);
    if (q->by_gateway)
        buf_printf(to, "%u ", q->gateway_port);
    else
        buf_cstr(to, "- ");
    buf_printf(to, "%s\n", q->zone->name);
}

static bool
told_port(struct str word, uint16_t *to)
{
    uint64_t n;

    if (num_u64(word, &n) < 0 || n > UINT16_MAX)
        return false;
    *to = (uint16_t)n;
    return true;
}

static bool
told_route(struct str line, struct destination *to)
{
    struct str gateway;

    *to = (struct destination){.method = method_find(str_cut(&line, ' '))};
    if (to->method < 0 || !told_port(str_cut(&line, ' '), &to->port))
        return false;
    gateway = str_cut(&line, ' ');
    to->by_gateway = !str_eq(gateway, STR("-"));
    to->domain = line;
    return line.n && (!to->by_gateway || told_port(gateway, &to->gateway_port));
}

struct queue *
target_found(struct scheduler *s, const struct found *f,
    const struct found_parcel *fp, unsigned *told)
{
    struct str rest = fp->moved, binding = STR_NONE;
    struct destination to;

    *told = 0;
    while (rest.n) {
        struct str line = str_cut(&rest, '\n'), word = str_cut(&line, ' ');

        if (str_eq(word, STR("binding")) &&
            generation_binding_group(s->generation, line).p) {
            *told |= PARCEL_BOUND;
            binding = line;
        } else if (str_eq(word, STR("route")) && told_route(line, &to)) {
            *told |= PARCEL_ROUTED;
        }
    }
    if (!(*told & PARCEL_BOUND))
        binding = choose_binding(s->generation, f->binding, f->id, fp->domain);
    if (!(*told & PARCEL_ROUTED))
        return queue_get(s, binding, fp->domain, f->tls);
    to.tls = (uint8_t)f->tls;
    return queue_at(s, binding, &to);
}
