/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/watch.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/loop_int.h"
#include "loop/slow.h"
#include "base/banned.h"

struct watch {
    uint32_t magic;
    struct loop *loop;
    ev_io io;
    int events;
    watch_f *fn;
    void *arg;
    const char *what;
};

static void
watch_ready(struct ev_loop *ev, ev_io *io, int revents)
{
    struct watch *w = CONTAINER_OF(io, struct watch, io);
    const char *what = w->what; /* w may be gone after the call */
    int events = 0;
    int64_t begun = slow_next();

    (void)ev;
    CHECK(w, WATCH_MAGIC);
    if (revents & (EV_READ | EV_ERROR))
        events |= WATCH_READ;
    if (revents & (EV_WRITE | EV_ERROR))
        events |= WATCH_WRITE;
    bug_doing(what, (uint64_t)io->fd);
    w->fn(w->arg, events);
    bug_doing(NULL, 0);
    (void)slow_end(begun, what, 0); /* logs by itself */
}

struct watch *
watch_new(struct loop *l, int fd, watch_f *fn, void *arg, const char *what)
{
    struct watch *w = xnew(struct watch);

    CHECK(l, LOOP_MAGIC);
    BUG_ON(fd < 0);
    w->magic = WATCH_MAGIC;
    w->loop = l;
    w->fn = fn;
    w->arg = arg;
    w->what = what;
    ev_io_init(&w->io, watch_ready, fd, 0);
    return w;
}

void
watch_set(struct watch *w, int events)
{
    int io = 0;

    CHECK(w, WATCH_MAGIC);
    if (events == w->events)
        return;
    w->events = events;
    if (events & WATCH_READ)
        io |= EV_READ;
    if (events & WATCH_WRITE)
        io |= EV_WRITE;
    /* libev gathers changes: the kernel hears of the last one only. */
    ev_io_stop(w->loop->ev, &w->io);
    ev_io_modify(&w->io, io); /* what is as it was costs no call */
    if (io)
        ev_io_start(w->loop->ev, &w->io);
}

void
watch_free(struct watch **pw)
{
    struct watch *w = *pw;

    if (!w)
        return;
    CHECK(w, WATCH_MAGIC);
    *pw = NULL;
    ev_io_stop(w->loop->ev, &w->io); /* what is pending is dropped too */
    w->magic = 0;
    free(w);
}
