/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/thread.h"

#include <signal.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

struct thread_start {
    void *(*fn)(void *);
    void *arg;
    char name[16]; /* the kernel's limit, NUL included */
};

static void *
thread_main(void *arg)
{
    struct thread_start s = *(struct thread_start *)arg;

    free(arg);
    (void)pthread_setname_np(pthread_self(), s.name); /* for tools only */
    bug_thread_stack();
    return s.fn(s.arg);
}

int
thread_start(pthread_t *to, const char *name, void *(*fn)(void *), void *arg)
{
    struct thread_start *s = xnew(struct thread_start);
    sigset_t all, was;
    int errnum;

    s->fn = fn;
    s->arg = arg;
    (void)str_copy(s->name, sizeof(s->name), str_of(name)); /* may be cut */
    (void)sigfillset(&all);                                 /* cannot fail */
    BUG_ON(pthread_sigmask(SIG_SETMASK, &all, &was) != 0);
    errnum = pthread_create(to, NULL, thread_main, s);
    BUG_ON(pthread_sigmask(SIG_SETMASK, &was, NULL) != 0);
    if (errnum)
        free(s);
    return errnum;
}
