/* SPDX-License-Identifier: Apache-2.0
 *
 * list.h - intrusive doubly linked list with a head node.
 *
 * A node that is in no list has next == NULL (zeroed memory), so list_linked()
 * can tell and list_remove() of such a node does nothing.
 */
#ifndef IMPEL_LIST_H
#define IMPEL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include "base/macros.h"

struct list {
    struct list *next, *prev;
};

static inline void
list_init(struct list *head)
{
    head->next = head->prev = head;
}
static inline bool
list_linked(const struct list *node)
{
    return node->next != NULL;
}
static inline bool
list_empty(const struct list *head)
{
    return head->next == head || head->next == NULL;
}
static inline void
list_insert_after(struct list *at, struct list *node)
{
    node->next = at->next;
    node->prev = at;
    at->next->prev = node;
    at->next = node;
}
static inline void
list_push(struct list *head, struct list *node) /* at the end */
{
    list_insert_after(head->prev, node);
}
static inline void
list_push_front(struct list *head, struct list *node)
{
    list_insert_after(head, node);
}
static inline void
list_remove(struct list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}
static inline struct list *
list_first(const struct list *head) /* NULL: empty */
{
    return list_empty(head) ? NULL : head->next;
}
static inline struct list *
list_take(struct list *head) /* removes and returns the first, or NULL */
{
    struct list *n = list_first(head);
    if (n)
        list_remove(n);
    return n;
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
/* it: struct list *; the safe form allows to remove it. */
#define LIST_FOREACH(it, head) \
    for (it = (head)->next; it && it != (head); it = it->next)
#define LIST_FOREACH_SAFE(it, tmp, head) \
    for (it = (head)->next; it && it != (head) && (tmp = it->next, 1); it = tmp)

#endif
