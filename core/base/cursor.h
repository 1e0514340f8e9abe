/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.h - a place in a list that others change meanwhile.
 *
 * For work in slices over a long list (loop/job.h): whoever takes an element
 * out of the list says so first (cursor_leave), and a cursor that stood there
 * goes on to the next.  What is appended meanwhile is met as well.
 */
#ifndef IMPEL_CURSOR_H
#define IMPEL_CURSOR_H

#include <stdbool.h>
#include "base/list.h"

struct cursor {
    struct list node;       /* of those that watch the same lists */
    struct list *head, *at; /* at NULL: at the end; head may be gone then */
    bool fresh;             /* it has moved since the last cursor_seen() */
};

static inline struct list *
cursor_after(const struct cursor *c, const struct list *n)
{
    return n->next == c->head ? NULL : n->next;
}

static inline void
cursor_begin(struct cursor *c, struct list *all, struct list *head)
{
    c->head = head;
    c->at = list_empty(head) ? NULL : head->next;
    c->fresh = true;
    list_push(all, &c->node);
}

static inline void
cursor_end(struct cursor *c)
{
    list_remove(&c->node);
    c->at = NULL;
}

static inline void
cursor_next(struct cursor *c)
{
    if (!c->at)
        return;
    c->at = cursor_after(c, c->at);
    c->fresh = true;
}

/* true: the first look at this element. */
static inline bool
cursor_seen(struct cursor *c)
{
    bool fresh = c->fresh;

    c->fresh = false;
    return fresh;
}

/* n is about to leave its list. */
static inline void
cursor_leave(struct list *all, const struct list *n)
{
    struct list *it;

    LIST_FOREACH (it, all) {
        struct cursor *c = LIST_ENTRY(it, struct cursor, node);

        if (c->at == n)
            cursor_next(c);
    }
}

#endif
