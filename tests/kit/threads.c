/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.c - what comes from threads of the module: log(), post() and wake()
 * may be called there, and nothing else.  Virtual time stands still for a
 * moment when they may have something to say.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/str.h"
#include "world.h"
#include "base/banned.h"

enum { THREADS_INBOX = 1024, THREADS_MOMENT_MS = 20 };

static pthread_t ours;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static struct {
    void (*fn)(void *);
    void *arg;
    uint64_t token;
    int64_t number;
} inbox[THREADS_INBOX];
static size_t inbox_count;
static atomic_bool any;
static const char *_Atomic strayed;

void
threads_begin(void)
{
    ours = pthread_self();
}

bool
threads_are_ours(void)
{
    return pthread_equal(pthread_self(), ours) != 0;
}

bool
threads_may(const char *call)
{
    if (threads_are_ours())
        return true;
    atomic_store(&strayed, call);
    atomic_store(&any, true);
    return false;
}

void
threads_post(void (*fn)(void *), void *arg, uint64_t token, int64_t number)
{
    (void)pthread_mutex_lock(&lock);
    if (inbox_count < THREADS_INBOX) {
        inbox[inbox_count].fn = fn;
        inbox[inbox_count].arg = arg;
        inbox[inbox_count].token = token;
        inbox[inbox_count++].number = number;
    }
    atomic_store(&any, true);
    (void)pthread_cond_signal(&came);
    (void)pthread_mutex_unlock(&lock);
}

bool
threads_take(struct world *w)
{
    const char *call;
    bool some;

    if (!atomic_exchange(&any, false))
        return false;
    call = atomic_exchange(&strayed, NULL);
    if (call)
        world_fault(w, "%s() from a thread that is not the session's", call);
    (void)pthread_mutex_lock(&lock);
    some = inbox_count > 0;
    for (size_t i = 0; i < inbox_count; i++) {
        if (inbox[i].fn)
            world_posted(w, inbox[i].fn, inbox[i].arg);
        else
            world_wake(w, inbox[i].token, inbox[i].number);
    }
    inbox_count = 0;
    (void)pthread_mutex_unlock(&lock);
    return some;
}

int
threads_count(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;

    if (!d)
        return 1;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* "." and ".." */
}

bool
threads_wait(struct world *w)
{
    struct timespec until;

    if (!atomic_load(&any) && threads_count() > 1) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += THREADS_MOMENT_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        (void)pthread_mutex_lock(&lock);
        if (!inbox_count)
            (void)pthread_cond_timedwait(&came, &lock, &until);
        (void)pthread_mutex_unlock(&lock);
    }
    return threads_take(w);
}
