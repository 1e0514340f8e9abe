/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/proxied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/bug.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "net/proxyproto.h"
#include "base/banned.h"

struct proxied {
    struct list node;
    struct proxied_list *all;
    int fd;
    struct watch *watch;
    struct timer timer;
    struct netaddr peer, local;
    size_t n; /* bytes of the header so far */
    uint8_t header[PROXYPROTO_MOST];
};

void
proxied_init(
    struct proxied_list *all, struct loop *l, accept_f *named, void *arg)
{
    *all = (struct proxied_list){.loop = l, .named = named, .arg = arg};
    list_init(&all->waiting);
}

/* The descriptor stays open. */
static void
proxied_free(struct proxied *p)
{
    timer_stop(&p->timer);
    watch_free(&p->watch);
    list_remove(&p->node);
    p->all->count--;
    free(p);
}

static void
proxied_close(struct proxied *p)
{
    (void)close(p->fd); /* nothing was written to it */
    proxied_free(p);
}

void
proxied_drop(struct proxied_list *all)
{
    struct list *n;

    while ((n = list_first(&all->waiting)) != NULL)
        proxied_close(LIST_ENTRY(n, struct proxied, node));
}

static void
proxied_refuse(struct proxied *p, const char *why)
{
    struct buf addr = BUF_INIT;

    netaddr_print(&p->peer, &addr);
    log_warn(LOG_NET, "proxy-header-refused", "peer=%.*s reason=\"%s\"",
        STR_ARG(buf_get(&addr)), why);
    buf_fini(&addr);
    proxied_close(p);
}

static void
proxied_late(void *arg)
{
    proxied_refuse(arg, "no header in time");
}

/* Take bytes that were only looked at. */
static bool
proxied_consume(struct proxied *p, size_t n)
{
    uint8_t *to = p->header + p->n;

    p->n += n;
    return !n || recv(p->fd, to, n, 0) == (ssize_t)n;
}

static void
proxied_name(struct proxied *p, const struct proxyproto *h)
{
    struct proxied_list *all = p->all;
    struct netaddr peer = h->named ? h->peer : p->peer;
    struct netaddr local = h->named ? h->local : p->local;
    int fd = p->fd;

    proxied_free(p);
    all->named(all->arg, fd, &peer, &local);
}

static void
proxied_ready(void *arg, int events)
{
    struct proxied *p = arg;
    struct proxyproto h;
    const char *why;
    ssize_t got =
        recv(p->fd, p->header + p->n, sizeof(p->header) - p->n, MSG_PEEK);

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        /* Balancers knock like this to see whether somebody is there. */
        proxied_close(p);
        return;
    }
    switch (proxyproto_parse(p->header, p->n + (size_t)got, &h, &why)) {
    case PROXYPROTO_MORE:
        if (!proxied_consume(p, (size_t)got))
            proxied_close(p);
        return;
    case PROXYPROTO_BAD:
        proxied_refuse(p, why);
        return;
    case PROXYPROTO_OK:
        if (proxied_consume(p, h.size - p->n))
            proxied_name(p, &h);
        else
            proxied_close(p);
    }
}

bool
proxied_add(struct proxied_list *all, int fd, const struct netaddr *peer,
    const struct netaddr *local, int64_t timeout_ms)
{
    struct proxied *p;

    if (all->count >= PROXIED_MOST) {
        (void)close(fd); /* in a flood nobody is talked to */
        return false;
    }
    p = xnew(struct proxied);
    p->all = all;
    p->fd = fd;
    p->peer = *peer;
    p->local = *local;
    list_push(&all->waiting, &p->node);
    all->count++;
    p->watch = watch_new(all->loop, fd, proxied_ready, p, "proxy header");
    timer_init(&p->timer, all->loop, proxied_late, p, "proxy header");
    timer_start(&p->timer, timeout_ms);
    watch_set(p->watch, WATCH_READ);
    return true;
}
