/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/loginpool.h"

#include <pthread.h>
#include <unistd.h>

#include "base/log.h"
#include "base/banned.h"

enum { THREADS_MAX = 4 };

static struct {
    pthread_mutex_t lock;
    struct pool *pool;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct pool *
loginpool_get(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct pool *p;
    struct err e = {0};

    pthread_mutex_lock(&all.lock);
    if (!all.pool) {
        all.pool = pool_new(
            "login", (unsigned)MAX_OF(1, MIN_OF(cpus, THREADS_MAX)), &e);
        if (!all.pool)
            log_error(LOG_NET, "login-threads", "reason=\"%s\"", e.text);
    }
    p = all.pool;
    pthread_mutex_unlock(&all.lock);
    return p;
}

void
loginpool_end(void)
{
    pthread_mutex_lock(&all.lock);
    if (all.pool)
        pool_free(&all.pool);
    pthread_mutex_unlock(&all.lock);
}
