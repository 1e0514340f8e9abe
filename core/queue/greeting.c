/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/greeting.h"

#include <string.h>

#include "base/idna.h"
#include "base/xmem.h"
#include "base/banned.h"

static struct str
greeting_domain(const struct list *n)
{
    const struct message *m = LIST_ENTRY(n, struct active, node)->message;
    size_t at = m ? str_rchr(m->env.sender, '@') : SIZE_MAX;

    return at == SIZE_MAX ? STR("") : str_from(m->env.sender, at + 1);
}

static bool
greeting_is(const struct list *n, const char *greets)
{
    struct str domain = greeting_domain(n);
    struct buf b = BUF_INIT;
    bool same;

    if (idna_is_plain(domain))
        return str_ieq(domain, str_of(greets));
    (void)idna_fold(domain, &b); /* no name: as it is */
    same = str_eq(buf_get(&b), str_of(greets));
    buf_fini(&b);
    return same;
}

static bool
greeting_has_session(const struct queue *q, const struct list *message)
{
    struct list *n;

    LIST_FOREACH (n, &q->busy->outlets) {
        const struct outlet *o = LIST_ENTRY(n, struct outlet, node);

        if (o->greets && !o->draining && o->state != OUTLET_CLOSING &&
            greeting_is(message, o->greets))
            return true;
    }
    return false;
}

char *
greeting_next(const struct queue *q)
{
    const struct list *n = list_first(&q->busy->ready);
    struct buf b = BUF_INIT;
    int look = GREETING_LOOK;

    if (!q->opt->greets_as_sender)
        return NULL;
    for (struct list *l = q->busy->ready.next; l != &q->busy->ready && look--;
         l = l->next)
        if (!greeting_has_session(q, l)) {
            n = l;
            break;
        }
    if (n)
        (void)idna_fold(greeting_domain(n), &b); /* no name: as it is */
    return b.n ? buf_detach(&b, NULL) : xdup("");
}

struct list *
greeting_first(const struct queue *q, const char *greets)
{
    int look = GREETING_LOOK;

    if (!greets)
        return list_first(&q->busy->ready);
    for (struct list *n = q->busy->ready.next; n != &q->busy->ready && look--;
         n = n->next)
        if (greeting_is(n, greets))
            return n;
    return NULL;
}

bool
greeting_is_over(struct outlet *o)
{
    const struct queue *q = o->queue;
    struct list *head = list_first(&q->busy->ready);

    if (!head || !o->greets)
        return head && q->opt->greets_as_sender; /* since a reload */
    if (greeting_is(head, o->greets)) {
        o->overtook = 0;
        return false;
    }
    return !greeting_first(q, o->greets) || ++o->overtook > GREETING_TURNS;
}
