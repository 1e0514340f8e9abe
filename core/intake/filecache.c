/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/filecache.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/xmem.h"
#include "base/banned.h"

struct known {
    char *path;
    void *object;
};

static int
known_load(
    const struct filecache_kind *k, const char *path, void **to, struct err *e)
{
    struct buf text = BUF_INIT;
    struct stat st;
    int rc = ERR_CONF;

    *to = NULL;
    if (file_read(path, k->most, &st, &text, e) == 0)
        rc = k->parse(buf_get(&text), &st, to, e);
    if (rc != 0)
        (void)err_prefix(e, "%s", path);
    buf_wipe(&text);
    return rc;
}

/* Under the lock.  The object's reference becomes the cache's. */
static void
known_set(struct filecache *c, const char *path, void *object)
{
    struct known *k = map_find(&c->by_path, str_of(path));

    if (k) {
        c->kind->unref(k->object);
    } else {
        k = xnew(struct known);
        k->path = xdup(path);
        (void)map_put(&c->by_path, str_of(k->path), k);
    }
    k->object = object;
}

int
filecache_read(struct filecache *c, struct str path, struct err *e)
{
    char *z = xdupn(path.p, path.n);
    void *fresh;
    int rc = known_load(c->kind, z, &fresh, e);

    if (rc >= 0) {
        pthread_mutex_lock(&c->lock);
        known_set(c, z, fresh);
        pthread_mutex_unlock(&c->lock);
    }
    free(z);
    return rc;
}

void *
filecache_get(struct filecache *c, struct str path, struct err *e)
{
    char *z = xdupn(path.p, path.n);
    const struct known *k;
    void *object = NULL;

    pthread_mutex_lock(&c->lock);
    k = map_find(&c->by_path, path);
    if (k)
        object = k->object;
    else if (known_load(c->kind, z, &object, e) >= 0)
        known_set(c, z, object);
    if (object)
        c->kind->ref(object);
    pthread_mutex_unlock(&c->lock);
    free(z);
    return object;
}

void
filecache_drop(struct filecache *c)
{
    struct known *k;
    size_t at;

    pthread_mutex_lock(&c->lock);
    MAP_FOREACH (k, &c->by_path, at) {
        c->kind->unref(k->object);
        free(k->path);
        free(k);
    }
    map_fini(&c->by_path);
    pthread_mutex_unlock(&c->lock);
}
