/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlscache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/xmem.h"
#include "base/banned.h"

struct place { /* all of one key, newest first */
    char *key;
    struct list all;
    unsigned count;
};
struct entry {
    struct list node; /* of its place */
    struct list age;  /* of all, oldest first */
    struct place *place;
    struct secret data;
    int64_t until;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map places;
static struct list ages;
static size_t count;

static void
entry_remove(struct entry *t)
{
    struct place *p = t->place;

    list_remove(&t->node);
    list_remove(&t->age);
    secret_fini(&t->data);
    free(t);
    count--;
    if (--p->count)
        return;
    (void)map_remove(&places, str_of(p->key));
    free(p->key);
    free(p);
}

static struct place *
place_get(struct str key)
{
    struct place *p = map_find(&places, key);

    if (p)
        return p;
    p = xnew(struct place);
    p->key = xdupn(key.p, key.n);
    list_init(&p->all);
    (void)map_put(&places, str_of(p->key), p);
    return p;
}

static void
cache_trim(int64_t now)
{
    struct list *n;

    while ((n = list_first(&ages)) != NULL) {
        struct entry *t = LIST_ENTRY(n, struct entry, age);

        if (count <= TLSCACHE_MOST && t->until > now)
            break;
        entry_remove(t);
    }
}

void
tlscache_put(struct str key, struct str data, int64_t now)
{
    struct entry *t;
    struct place *p;

    if (!data.n || data.n > TLSCACHE_DATA_MAX)
        return;
    t = xnew(struct entry);
    secret_set(&t->data, data);
    t->until = now + TLSCACHE_LIFE_MS;
    pthread_mutex_lock(&lock);
    if (!ages.next)
        list_init(&ages);
    p = t->place = place_get(key);
    list_push_front(&p->all, &t->node);
    list_push(&ages, &t->age);
    p->count++;
    count++;
    if (p->count > TLSCACHE_EACH)
        entry_remove(LIST_ENTRY(p->all.prev, struct entry, node));
    cache_trim(now);
    pthread_mutex_unlock(&lock);
}

bool
tlscache_take(struct str key, struct secret *to, int64_t now)
{
    struct place *p;
    bool found = false;

    pthread_mutex_lock(&lock);
    if (ages.next)
        cache_trim(now);
    p = map_find(&places, key);
    if (p) {
        struct entry *t = LIST_ENTRY(p->all.next, struct entry, node);

        *to = t->data;
        t->data = (struct secret){NULL, 0};
        entry_remove(t);
        found = true;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

size_t
tlscache_count(void)
{
    size_t n;

    pthread_mutex_lock(&lock);
    n = count;
    pthread_mutex_unlock(&lock);
    return n;
}

void
tlscache_drop(void)
{
    struct list *n;

    pthread_mutex_lock(&lock);
    while (ages.next && (n = list_first(&ages)) != NULL)
        entry_remove(LIST_ENTRY(n, struct entry, age));
    map_fini(&places);
    places = (struct map){0};
    pthread_mutex_unlock(&lock);
}
