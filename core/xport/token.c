/* SPDX-License-Identifier: Apache-2.0
 *
 * token.c - names for sessions that outlive them, so that wake() may come from
 * any thread at any time: slot number and generation, looked up under a lock.
 */
#include "xport/session_int.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "base/banned.h"

struct slot {
    struct impel_session *session; /* NULL: free */
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots;
static uint32_t slot_count, first_free; /* index + 1; 0: none */

static void
token_grow(void)
{
    uint32_t more = slot_count ? slot_count * 2 : 64;

    slots = xgrow(slots, more, sizeof(*slots));
    for (uint32_t i = more; i > slot_count; i--) {
        slots[i - 1] = (struct slot){NULL, 1, first_free};
        first_free = i;
    }
    slot_count = more;
}

uint64_t
token_get(struct impel_session *s)
{
    uint32_t i;

    if (s->token)
        return s->token;
    pthread_mutex_lock(&lock);
    if (!first_free)
        token_grow();
    i = first_free - 1;
    first_free = slots[i].next_free;
    slots[i].session = s;
    s->token = ((uint64_t)slots[i].generation << 32) | (i + 1);
    pthread_mutex_unlock(&lock);
    return s->token;
}

/* The slot a token names, or NULL when its session is gone.  Locked. */
static struct slot *
token_slot(uint64_t token)
{
    uint32_t i = (uint32_t)token;
    struct slot *t;

    if (!i || i > slot_count)
        return NULL;
    t = &slots[i - 1];
    if (!t->session || t->generation != (uint32_t)(token >> 32))
        return NULL;
    return t;
}

void
token_drop(struct impel_session *s)
{
    struct slot *t;

    if (!s->token)
        return;
    pthread_mutex_lock(&lock);
    t = token_slot(s->token);
    if (t) {
        t->session = NULL;
        t->generation++;
        t->next_free = first_free;
        first_free = (uint32_t)(t - slots) + 1;
    }
    pthread_mutex_unlock(&lock);
    s->token = 0;
}

/* On the session's loop, where alone it can be dropped. */
static void
token_arrived(struct mail *m)
{
    struct wake *w = CONTAINER_OF(m, struct wake, mail);
    struct impel_session *s = NULL;
    struct slot *t;

    pthread_mutex_lock(&lock);
    t = token_slot(w->token);
    if (t)
        s = t->session;
    pthread_mutex_unlock(&lock);
    if (!s) {
        free(w);
        return;
    }
    list_push(&s->wakes, &w->node);
    session_kick(s);
}

int
token_wake(uint64_t token, int64_t arg)
{
    struct wake *w = xnew(struct wake);
    struct mailbox *to = NULL;
    struct slot *t;

    w->token = token;
    w->arg = arg;
    pthread_mutex_lock(&lock);
    t = token_slot(token);
    if (t)
        to = loop_mailbox(t->session->loop);
    pthread_mutex_unlock(&lock);
    if (!to) {
        free(w);
        return IMPEL_E_CLOSED;
    }
    mailbox_post(to, &w->mail, token_arrived);
    return 0;
}
