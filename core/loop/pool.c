/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/str.h"
#include "base/xmem.h"
#include "loop/thread.h"
#include "base/banned.h"

enum { POOL_THREADS_MAX = 1024 };

/* A mailbox has one consumer; many threads that take from one queue need a
 * lock, which is nothing beside the blocking work. */
struct pool {
    uint32_t magic;
    char name[16];
    pthread_mutex_t lock; /* guards what follows, up to threads */
    pthread_cond_t work;
    struct mail *first, **last;
    uint64_t backlog; /* submitted and not yet worked */
    unsigned idle;
    bool stop;
    unsigned count;
    pthread_t *threads;
};

static struct pool_job *
pool_job_of(struct mail *m)
{
    return CONTAINER_OF(m, struct pool_job, mail);
}

static void
pool_on_done(struct mail *m)
{
    struct pool_job *j = pool_job_of(m);

    j->done(j);
}

/* The next job, or NULL. */
static struct pool_job *
pool_take(struct pool *p)
{
    struct mail *m = p->first;

    if (!m)
        return NULL;
    p->first = m->next;
    if (!p->first)
        p->last = &p->first;
    return pool_job_of(m);
}

/* The same when there is one; NULL: none will come. */
static struct pool_job *
pool_wait(struct pool *p)
{
    struct pool_job *j;

    (void)pthread_mutex_lock(&p->lock); /* fails only by a bug */
    while (!p->first && !p->stop) {
        p->idle++;
        (void)pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
    }
    j = pool_take(p);
    (void)pthread_mutex_unlock(&p->lock);
    return j;
}

/* One is done; the next, if it is there. */
static struct pool_job *
pool_worked(struct pool *p)
{
    struct pool_job *j;

    (void)pthread_mutex_lock(&p->lock);
    p->backlog--;
    j = pool_take(p);
    (void)pthread_mutex_unlock(&p->lock);
    return j;
}

static void *
pool_thread(void *arg)
{
    struct pool *p = arg;
    struct pool_job *j = NULL, *next;

    while (j || (j = pool_wait(p)) != NULL) {
        bug_doing(p->name, 0);
        j->work(j);
        bug_doing(NULL, 0);
        next = pool_worked(p);
        mailbox_post(j->home, &j->mail, pool_on_done); /* j is home's now */
        j = next;
    }
    return NULL;
}

struct pool *
pool_new(const char *name, unsigned threads, struct err *e)
{
    struct pool *p;

    if (threads < 1 || threads > POOL_THREADS_MAX) {
        (void)err_set(e, ERR_INVAL, "pool %s: threads are 1 to %d, not %u",
            name, POOL_THREADS_MAX, threads);
        return NULL;
    }
    p = xnew(struct pool);
    p->magic = POOL_MAGIC;
    (void)str_copy(p->name, sizeof(p->name), str_of(name)); /* may be cut */
    BUG_ON(pthread_mutex_init(&p->lock, NULL) != 0);
    BUG_ON(pthread_cond_init(&p->work, NULL) != 0);
    p->last = &p->first;
    p->threads = xcalloc(threads, sizeof(*p->threads));
    for (; p->count < threads; p->count++) {
        int errnum =
            thread_start(&p->threads[p->count], p->name, pool_thread, p);
        if (errnum) {
            (void)err_errno(e, ERR_LIMIT, errnum, "thread of pool %s", name);
            pool_free(&p);
            return NULL;
        }
    }
    return p;
}

void
pool_free(struct pool **pp)
{
    struct pool *p = *pp;

    if (!p)
        return;
    CHECK(p, POOL_MAGIC);
    *pp = NULL;
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->count; i++)
        BUG_ON(pthread_join(p->threads[i], NULL) != 0);
    (void)pthread_cond_destroy(&p->work); /* nobody is left to hold them */
    (void)pthread_mutex_destroy(&p->lock);
    p->magic = 0;
    free(p->threads);
    free(p);
}

void
pool_submit(struct pool *p, struct pool_job *j, struct mailbox *home,
    void (*work)(struct pool_job *), void (*done)(struct pool_job *))
{
    CHECK(p, POOL_MAGIC);
    j->pool = p;
    j->home = home;
    j->work = work;
    j->done = done;
    j->mail.next = NULL;
    (void)pthread_mutex_lock(&p->lock);
    BUG_ON(p->stop);
    *p->last = &j->mail;
    p->last = &j->mail.next;
    p->backlog++;
    if (p->idle)
        (void)pthread_cond_signal(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
}

uint64_t
pool_backlog(const struct pool *cp)
{
    struct pool *p = (struct pool *)(uintptr_t)cp; /* only to lock it */
    uint64_t n;

    CHECK(p, POOL_MAGIC);
    (void)pthread_mutex_lock(&p->lock);
    n = p->backlog;
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}
