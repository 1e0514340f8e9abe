/* SPDX-License-Identifier: Apache-2.0
 *
 * taking.c - few keys at a time, in a list.
 */
#include "taking.h"

#include <string.h>

#include <impel/module.h>

int
taking_init(struct taking *t)
{
    t->first = NULL;
    return pthread_mutex_init(&t->lock, NULL) ? IMPEL_E_NOMEM : 0;
}

void
taking_fini(struct taking *t)
{
    (void)pthread_mutex_destroy(&t->lock);
}

bool
taking_begin(struct taking *t, struct taking_key *k)
{
    bool found = false;

    (void)pthread_mutex_lock(&t->lock);
    for (const struct taking_key *o = t->first; o && !found; o = o->next)
        found = strcmp(o->key, k->key) == 0;
    if (!found) {
        k->next = t->first;
        t->first = k;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return !found;
}

void
taking_end(struct taking *t, struct taking_key *k)
{
    struct taking_key **at;

    (void)pthread_mutex_lock(&t->lock);
    for (at = &t->first; *at && *at != k;)
        at = &(*at)->next;
    if (*at)
        *at = k->next;
    (void)pthread_mutex_unlock(&t->lock);
}
