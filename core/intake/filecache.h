/* SPDX-License-Identifier: Apache-2.0
 *
 * filecache.h - what was made of files, kept by path.
 *
 * A file is read when the configuration that names it is judged, so that one
 * that cannot be used refuses the configuration, and a reload brings in what
 * has changed.  Whoever needs it takes what is in memory, and holds that as
 * long as it likes; what cannot be used takes the place of nothing.
 *
 * Any thread.
 */
#ifndef IMPEL_FILECACHE_H
#define IMPEL_FILECACHE_H

#include <pthread.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/map.h"

/* What objects are; they are counted, from any thread. */
struct filecache_kind {
    size_t most; /* bytes of a file */
    /* 0, or above with a sentence in e (a warning), and *to, with one
     * reference; or ERR_CONF with a sentence.  text is wiped behind it. */
    int (*parse)(
        struct str text, const struct stat *st, void **to, struct err *e);
    void (*ref)(void *object);
    void (*unref)(void *object);
};
struct filecache { /* static: FILECACHE(&kind) */
    pthread_mutex_t lock;
    struct map by_path;
    const struct filecache_kind *kind;
};
/* clang-format off */
#define FILECACHE(k) {.lock = PTHREAD_MUTEX_INITIALIZER, .kind = (k)}
/* clang-format on */

/* Read the file (again) and judge it: as parse() says, or ERR_CONF if it cannot
 * be read.  The sentence names the path. */
int filecache_read(struct filecache *c, struct str path, struct err *e);
/* As it was read last, a reference; one that never was is read now.  NULL: it
 * cannot be. */
void *filecache_get(struct filecache *c, struct str path, struct err *e);
void filecache_drop(struct filecache *c); /* forget all files */

#endif
