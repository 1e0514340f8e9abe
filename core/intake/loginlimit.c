/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/loginlimit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/xmem.h"
#include "base/banned.h"

/* A window begins with the first failure in it. */
struct address {
    uint8_t key[9]; /* family and its bytes */
    struct list node;
    int64_t since, failures;
};
static struct {
    pthread_mutex_t lock;
    struct map by_key;
    struct list used; /* the oldest failure first */
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .used = {&all.used, &all.used}};

static void
key_of(const struct cidr *addr, uint8_t key[9])
{
    struct cidr plain = *addr;

    cidr_unmap(&plain);
    memset(key, 0, 9);
    key[0] = plain.family;
    memcpy(key + 1, plain.addr, plain.family == 4 ? 4 : 8);
}

static void
address_drop(struct address *a)
{
    (void)map_remove(&all.by_key, str_make(a->key, sizeof(a->key)));
    list_remove(&a->node);
    free(a);
}

/* Under the lock; NULL: nothing is held against it now. */
static struct address *
address_find(const uint8_t key[9], struct throttle_rate rate, int64_t now)
{
    struct address *a = map_find(&all.by_key, str_make(key, 9));

    if (!a || now - a->since < rate.window_ms)
        return a;
    address_drop(a);
    return NULL;
}

bool
loginlimit_has(const struct cidr *addr, struct throttle_rate rate, int64_t now)
{
    const struct address *a;
    uint8_t key[9];
    bool may;

    if (rate.count <= 0)
        return true;
    key_of(addr, key);
    pthread_mutex_lock(&all.lock);
    a = address_find(key, rate, now);
    may = !a || a->failures < rate.count;
    pthread_mutex_unlock(&all.lock);
    return may;
}

void
loginlimit_failed(
    const struct cidr *addr, struct throttle_rate rate, int64_t now)
{
    struct address *a;
    uint8_t key[9];

    if (rate.count <= 0)
        return;
    key_of(addr, key);
    pthread_mutex_lock(&all.lock);
    a = address_find(key, rate, now);
    if (!a) {
        if (all.by_key.count >= LOGINLIMIT_MAX)
            address_drop(LIST_ENTRY(all.used.next, struct address, node));
        a = xnew(struct address);
        memcpy(a->key, key, sizeof(a->key));
        a->since = now;
        (void)map_put(&all.by_key, str_make(a->key, sizeof(a->key)), a);
    } else {
        list_remove(&a->node);
    }
    a->failures++;
    list_push(&all.used, &a->node);
    pthread_mutex_unlock(&all.lock);
}

size_t
loginlimit_count(void)
{
    size_t n;

    pthread_mutex_lock(&all.lock);
    n = all.by_key.count;
    pthread_mutex_unlock(&all.lock);
    return n;
}

void
loginlimit_drop(void)
{
    pthread_mutex_lock(&all.lock);
    while (!list_empty(&all.used))
        address_drop(LIST_ENTRY(all.used.next, struct address, node));
    map_fini(&all.by_key);
    pthread_mutex_unlock(&all.lock);
}
