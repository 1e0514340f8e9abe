/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/attempt.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "queue/active.h"
#include "queue/doom.h"
#include "queue/queue.h"
#include "queue/target.h"
#include "base/banned.h"

enum { ATTEMPT_TEXT = 512 }; /* bytes of it that are kept */

void
attempt_placed(void *arg, uint64_t token, struct spool_place place)
{
    struct scheduler *s = arg;
    struct parcel *p = (struct parcel *)(uintptr_t)token;
    struct queue *q = p->queue;

    parcel_written(&s->parcels, p, place);
    if (q)
        queue_kick(q);
}

/* --- recipients by domain --- */

struct part {
    struct str domain;
    struct rcpt_state state;
};

static int
attempt_order(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int by = str_cmp(x->domain, y->domain);

    if (by)
        return by;
    return x->state.rcpt < y->state.rcpt ? -1 : x->state.rcpt > y->state.rcpt;
}

static struct rcpt_state
attempt_state(uint32_t rcpt, const struct result *r)
{
    return (struct rcpt_state){.rcpt = rcpt,
        .code = r->code,
        .status = {r->status[0], r->status[1], r->status[2]},
        .stage = (uint8_t)r->stage,
        .text = r->text ? str_sub(str_of(r->text), 0, ATTEMPT_TEXT) : STR("")};
}

/* Those with the same domain stand together. */
static void
attempt_sort(struct part *part, uint32_t n)
{
    bool several = false;

    for (uint32_t i = 1; i < n; i++)
        several = several || !str_eq(part[i].domain, part[0].domain);
    if (several)
        qsort(part, n, sizeof(*part), attempt_order);
}

/* m NULL: there is one domain, the queue's.  Without states. */
static struct part *
attempt_parts(const struct parcel *p, const struct message *m)
{
    struct part *part = xcalloc(p->rcpt_count, sizeof(*part));

    for (uint32_t i = 0; i < p->rcpt_count; i++) {
        uint32_t rcpt = parcel_rcpt(p)[i];

        part[i].domain =
            m ? m->env.rcpt[rcpt].domain : str_of(p->queue->zone->name);
        part[i].state = (struct rcpt_state){.rcpt = rcpt, .text = STR("")};
    }
    return part;
}

/* Is the queue's domain that of all its recipients? */
static bool
attempt_is_plain(const struct parcel *p)
{
    return !p->queue->by_gateway && !(p->moved & PARCEL_ROUTED);
}

/* --- writing --- */

struct writing {
    int64_t next;
    spool_placed_f *placed;
    void *arg;
};

/* One record for each domain.  The last one takes the place of the former
 * ATTEMPT: all others are on disk by then. */
static void
attempt_put(struct parcel *p, struct part *part, const struct writing *w)
{
    struct rcpt_state *state = xcalloc(p->rcpt_count, sizeof(*state));
    struct buf moved = BUF_INIT;
    uint32_t n = p->rcpt_count, first = 0;

    attempt_sort(part, n);
    target_print(p, &moved);
    for (uint32_t i = 0; i < n; i++) {
        bool last = i + 1 == n;
        struct attempt a = {.id = p->id,
            .accept = p->accept,
            .retries = p->retries,
            .next_attempt = w->next,
            .domain = part[i].domain,
            .moved = buf_get(&moved),
            .rcpt_count = i + 1 - first,
            .rcpt = state};

        state[i - first] = part[i].state;
        if (last)
            a.before = p->attempt;
        else if (str_eq(part[i].domain, part[i + 1].domain))
            continue;
        spool_attempt(p->queue->s->spool, &a, last ? w->placed : NULL, w->arg,
            (uint64_t)(uintptr_t)p);
        first = i + 1;
    }
    buf_fini(&moved);
    free(state);
}

static void
attempt_put_results(struct parcel *p, const struct message *m, int64_t next,
    const struct result *r, bool alike)
{
    struct scheduler *s = p->queue->s;
    struct writing w = {.next = next, .placed = attempt_placed, .arg = s};
    struct part *part = attempt_parts(p, m);

    for (uint32_t i = 0; i < p->rcpt_count; i++)
        part[i].state = attempt_state(part[i].state.rcpt, &r[alike ? 0 : i]);
    attempt_put(p, part, &w);
    free(part);
}

/* Of several states of one recipient the first is the newest. */
static void
attempt_known(const struct parcel *p, const struct message *m,
    const struct rcpt_state *known, size_t count, struct part *part)
{
    size_t *at;

    if (!count)
        return;
    at = xcalloc(m->env.rcpt_count, sizeof(*at));
    for (size_t k = count; k--;)
        if (known[k].rcpt < m->env.rcpt_count)
            at[known[k].rcpt] = k + 1;
    for (uint32_t i = 0; i < p->rcpt_count; i++) {
        size_t k = at[part[i].state.rcpt];

        if (k)
            part[i].state = known[k - 1];
    }
    free(at);
}

void
attempt_rewrite(struct parcel *p, const struct message *m, int64_t next,
    const struct rcpt_state *known, size_t known_count, spool_placed_f *placed,
    void *arg)
{
    struct writing w = {.next = next, .placed = placed, .arg = arg};
    struct part *part = attempt_parts(p, m);

    parcel_writes(p);
    attempt_known(p, m, known, known_count, part);
    attempt_put(p, part, &w);
    free(part);
}

/* --- reading first --- */

struct cold {
    struct result result;
    struct doom *doom;
    int64_t next;
};

/* The parcel is kept while it is `writing`; only its memory, if it has failed
 * and gone meanwhile. */
static void
attempt_loaded(struct load *l, int result)
{
    struct cold *c = l->arg;
    struct parcel *p = l->parcel;

    if (result == 0 &&
        (p->state == PARCEL_DELAYED || p->state == PARCEL_LOADING))
        attempt_put_results(p, l->spool.message, c->next, &c->result, true);
    else
        attempt_placed(
            l->s, (uint64_t)(uintptr_t)p, (struct spool_place){0, 0});
    doom_unref(&c->doom);
    result_fini(&c->result);
    free(c);
}

void
attempt_write(struct parcel *p, const struct message *m, int64_t next,
    const struct result *r, struct doom *doom)
{
    struct cold *c;

    parcel_writes(p);
    if (m || attempt_is_plain(p)) {
        attempt_put_results(p, m, next, r, false);
        return;
    }
    c = xnew(struct cold);
    c->next = next;
    c->doom = doom ? doom_ref(doom) : NULL;
    result_dup(&c->result, &r[0]);
    (void)active_load(p, false, attempt_loaded, c);
}
