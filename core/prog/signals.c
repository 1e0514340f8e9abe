/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/xmem.h"
#include "loop/watch.h"
#include "base/banned.h"

struct signals {
    int fd;
    struct watch *watch;
    signals_f *fn;
    void *arg;
};

static void
signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
}

void
signals_block(void)
{
    sigset_t set;
    signal_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* the write fails with EFBIG instead */
}

static void
readable(void *arg, int events)
{
    struct signals *s = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        s->fn(s->arg, (int)info.ssi_signo);
}

struct signals *
signals_start(struct loop *l, signals_f *fn, void *arg, struct err *e)
{
    sigset_t set;
    signal_set(&set);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        err_errno(e, ERR_IO, errno, "signalfd");
        return NULL;
    }
    struct signals *s = xnew(struct signals);
    s->fd = fd;
    s->fn = fn;
    s->arg = arg;
    s->watch = watch_new(l, fd, readable, s, "signals");
    watch_set(s->watch, WATCH_READ);
    return s;
}

void
signals_stop(struct signals **sp)
{
    struct signals *s = *sp;
    if (!s)
        return;
    watch_free(&s->watch);
    close(s->fd);
    xfree(sp);
}
