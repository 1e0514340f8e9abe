/* SPDX-License-Identifier: Apache-2.0 */
#include "net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "net/conn_int.h"
#include "base/banned.h"

enum {
    CONN_FIRST_INPUT = 4096,   /* the input buffer starts with this */
    CONN_DIRECT = 32768,       /* written past the buffer from here on */
    CONN_EARLY_FLUSH = 131072, /* not kept for the end of the turn */
    CONN_KEEP_OUTPUT = 65536,  /* a larger empty buffer is given back */
    CONN_WRITE_MAX = 16 << 20,
    CONN_DISCARD_MAX = 1 << 20, /* what a finished one reads and drops */
    CONN_LINGER_MS = 5000       /* how long it waits for the peer's end */
};

/* Nobody holds those that finish, so the end of the process finds them here. */
static pthread_mutex_t finishing_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list finishing;

static void conn_ready(void *arg, int events);
static void conn_tell(void *arg);
static void conn_flush_deferred(void *arg);

void
conn_post(struct conn *c, int tell)
{
    c->tell |= tell;
    defer_post(c->loop, &c->telling, conn_tell, c, "conn events");
}

static void
conn_expired(void *arg)
{
    struct conn *c = arg;

    conn_free(&c);
}

static struct conn *
conn_new(struct loop *l, conn_event_f *fn, void *arg)
{
    struct conn *c = xnew(struct conn);

    c->magic = CONN_MAGIC;
    c->loop = l;
    c->fd = -1;
    c->fn = fn;
    c->arg = arg;
    c->read_on = true;
    timer_init(&c->deadline, l, conn_expired, c, "conn finish");
    timer_init(&c->patience, l, conn_lost_patience, c, "conn handshake");
    return c;
}

void
conn_watch(struct conn *c)
{
    int events = 0;

    if (!c->watch)
        return;
    if (c->shaking && !c->broken && !conn_unsent(c)) {
        watch_set(c->watch, tls_wants_write(c->tls) ? WATCH_WRITE : WATCH_READ);
        return;
    }
    if (!c->broken && !c->eof && !c->shaking && c->read_on &&
        conn_unread(c) < CONN_INPUT_MAX) {
        events |= WATCH_READ;
        if (c->tls && tls_pending(c->tls))
            defer_post(c->loop, &c->again, conn_again, c, "conn tls");
    }
    if (!c->broken && c->blocked)
        events |= WATCH_WRITE;
    watch_set(c->watch, events);
}

/* The connection is of no use any more; said after what was read. */
static void
conn_break(struct conn *c, int error)
{
    if (c->broken)
        return;
    c->broken = true;
    c->error = error;
    c->blocked = false;
    conn_watch(c);
    conn_post(c, TELL_LOST);
}

static void
conn_open(struct conn *c, int fd)
{
    int one = 1;

    c->fd = fd;
    /* Fails on a Unix socket, where it is not needed. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->watch = watch_new(c->loop, fd, conn_ready, c, "conn");
    conn_watch(c);
}

struct conn *
conn_accepted(struct loop *l, int fd, const struct netaddr *peer,
    const struct netaddr *local, conn_event_f *fn, void *arg)
{
    struct conn *c = conn_new(l, fn, arg);

    c->peer = *peer;
    c->local = *local;
    conn_open(c, fd);
    return c;
}

struct conn *
conn_dialling(struct loop *l, conn_event_f *fn, void *arg)
{
    return conn_new(l, fn, arg);
}

void
conn_set_dial(struct conn *c, conn_cancel_f *cancel, void *dial)
{
    CHECK(c, CONN_MAGIC);
    c->dial_cancel = cancel;
    c->dial = dial;
}

void
conn_connected(struct conn *c, int fd, const struct netaddr *peer)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);

    CHECK(c, CONN_MAGIC);
    BUG_ON(c->fd >= 0);
    c->dial_cancel = NULL;
    c->peer = *peer;
    if (getsockname(fd, (struct sockaddr *)(void *)&ss, &n) == 0)
        netaddr_from_sockaddr(&c->local, (struct sockaddr *)(void *)&ss);
    conn_open(c, fd);
    if (conn_unsent(c))
        defer_post(c->loop, &c->flushing, conn_flush_deferred, c, "conn flush");
    conn_post(c, TELL_CONNECTED);
}

void
conn_failed(struct conn *c, int error)
{
    CHECK(c, CONN_MAGIC);
    c->dial_cancel = NULL;
    conn_break(c, error);
}

/* --- reading --- */

/* Room behind the unread input; it is moved to the front if need be, which
 * happens only in our own callbacks. */
static size_t
conn_make_room(struct conn *c)
{
    size_t unread = conn_unread(c), size = c->in_size;

    if (!unread)
        c->in_at = c->in_end = 0;
    if (c->in_at && c->in_end == c->in_size) {
        memmove(c->in, c->in + c->in_at, unread);
        c->in_at = 0;
        c->in_end = unread;
    }
    if (c->in_end == size && size < CONN_INPUT_MAX) {
        size = size ? MIN_OF(size * 4, (size_t)CONN_INPUT_MAX)
                    : (size_t)CONN_FIRST_INPUT;
        c->in = xrealloc(c->in, size);
        c->in_size = size;
    }
    return c->in_size - c->in_end;
}

/* Octets, 0 at the end, or -errno. */
static ssize_t
conn_recv(struct conn *c, char *p, size_t n)
{
    ssize_t got;

    if (c->shaking)
        return -EAGAIN;
    if (c->tls)
        return tls_read(c->tls, p, n);
    do {
        got = recv(c->fd, p, n, 0);
    } while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

bool
conn_read(struct conn *c)
{
    size_t room = conn_make_room(c);
    ssize_t n;

    if (!room)
        return false;
    n = conn_recv(c, c->in + c->in_end, room);
    if (n > 0) {
        c->in_end += (size_t)n;
        c->received += (uint64_t)n;
        conn_post(c, TELL_INPUT);
        return true;
    }
    if (n == 0) {
        c->eof = true;
        conn_post(c, TELL_LOST);
    } else if (n != -EAGAIN) {
        conn_break(c, (int)n);
    }
    return false;
}

/* A finished one waits for the peer's end, so that the peer is not answered
 * with a reset before it has read our last words. */
static void
conn_discard(struct conn *c)
{
    char scrap[16384];
    ssize_t n = recv(c->fd, scrap, sizeof(scrap), 0);

    if (n > 0) {
        c->discarded += (size_t)n;
        if (c->discarded <= CONN_DISCARD_MAX)
            return;
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n == 0 && !c->shut) { /* half-closed: what is pending still goes */
        c->eof = true;
        conn_watch(c);
        return;
    }
    conn_free(&c);
}

/* --- writing --- */

/* Octets, or -errno. */
static ssize_t
conn_push(struct conn *c, const char *p, size_t n)
{
    ssize_t got;

    /* what was written before the handshake goes in clear */
    if (c->tls && !c->shaking)
        return tls_write(c->tls, p, n);
    do {
        got = send(c->fd, p, n, MSG_NOSIGNAL);
    } while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

/* Octets that the OS took, or -1 after an error, which is noted. */
static ssize_t
conn_send(struct conn *c, const char *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = conn_push(c, p + done, n - done);
        if (got >= 0) {
            done += (size_t)got;
            continue;
        }
        if (got == -EAGAIN) {
            c->blocked = true;
            break;
        }
        /* The reason may stand in input that was not read yet: a reply
         * such as 552 before a reset.  It is read before LOST is said. */
        c->error = (int)got;
        c->drain = true;
        conn_post(c, 0);
        return -1;
    }
    c->sent += done;
    return (ssize_t)done;
}

void
conn_flush(struct conn *c)
{
    ssize_t n;

    if (c->fd < 0 || c->broken || c->drain || c->blocked || !conn_unsent(c))
        return;
    n = conn_send(c, c->out.p + c->out_at, conn_unsent(c));
    if (n < 0)
        return;
    c->out_at += (size_t)n;
    if (!conn_unsent(c)) {
        if (c->shaking)
            defer_post(c->loop, &c->again, conn_again, c, "conn tls");
        c->out_at = 0;
        buf_cut(&c->out, 0);
        if (c->out.size > CONN_KEEP_OUTPUT)
            buf_fini(&c->out);
    } else if (c->out_at > CONN_LOW_WATER && c->out_at > c->out.n / 2) {
        buf_consume(&c->out, c->out_at);
        c->out_at = 0;
    }
    conn_watch(c);
    if (c->full && conn_unsent(c) < CONN_LOW_WATER) {
        c->full = false;
        conn_post(c, TELL_DRAINED);
    }
}

/* All is sent: our end goes out; the deadline ends the wait for theirs. */
static void
conn_finish_step(struct conn *c)
{
    conn_flush(c);
    if (c->broken || c->drain || (!conn_unsent(c) && c->eof)) {
        conn_free(&c);
        return;
    }
    if (conn_unsent(c) || c->shut || c->fd < 0)
        return;
    if (c->tls)
        tls_bye(c->tls);
    if (shutdown(c->fd, SHUT_WR) < 0) {
        conn_free(&c);
        return;
    }
    c->shut = true;
    if (!timer_armed(&c->deadline) ||
        c->deadline.node.when - loop_now(c->loop) > CONN_LINGER_MS)
        timer_start(&c->deadline, CONN_LINGER_MS);
}

static void
conn_flush_deferred(void *arg)
{
    struct conn *c = arg;

    if (c->finishing)
        conn_finish_step(c);
    else
        conn_flush(c);
}

int
conn_write(struct conn *c, const void *p, size_t n)
{
    size_t pending;
    ssize_t sent = 0;

    CHECK(c, CONN_MAGIC);
    if (c->broken || c->drain || c->finishing)
        return ERR_CLOSED;
    if (c->shaking)
        return ERR_AGAIN;
    pending = conn_unsent(c);
    if (n > CONN_WRITE_MAX)
        return ERR_LIMIT;
    if (pending && pending + n > CONN_HIGH_WATER) {
        c->full = true;
        return ERR_FULL;
    }
    if (!pending && n >= CONN_DIRECT && c->fd >= 0 && !c->blocked) {
        sent = conn_send(c, p, n);
        if (sent < 0)
            return ERR_CLOSED;
        conn_watch(c);
    }
    if ((size_t)sent == n)
        return 0;
    buf_add(&c->out, (const char *)p + sent, n - (size_t)sent);
    if (c->blocked || c->fd < 0)
        return 0; /* goes when the socket is ready */
    if (conn_unsent(c) >= CONN_EARLY_FLUSH)
        conn_flush(c);
    else if (!defer_pending(&c->flushing))
        defer_post(c->loop, &c->flushing, conn_flush_deferred, c, "conn flush");
    return 0;
}

/* --- events --- */

/* The end of a hold; true: it was freed meanwhile, and is gone now. */
static bool
conn_release(struct conn *c)
{
    c->held = false;
    if (!c->freed)
        return false;
    free(c);
    return true;
}

static void
conn_ready(void *arg, int events)
{
    struct conn *c = arg;

    CHECK(c, CONN_MAGIC);
    if (c->shaking && !c->broken && !conn_unsent(c)) {
        conn_shake(c);
        return;
    }
    if (events & WATCH_WRITE && c->blocked) {
        c->blocked = false;
        if (c->finishing) {
            c->held = true;
            conn_finish_step(c);
            if (conn_release(c))
                return;
        } else {
            conn_flush(c);
        }
        conn_watch(c);
    }
    if (!(events & WATCH_READ) || c->broken || c->eof)
        return;
    if (c->finishing) {
        conn_discard(c);
        return;
    }
    (void)conn_read(c); /* what came of it is posted */
    conn_watch(c);
}

/* Writing failed: take what the peer said before, as far as there is room. */
static void
conn_drain(struct conn *c)
{
    int error = c->error;

    c->drain = false;
    while (!c->eof && !c->broken && conn_read(c))
        ;
    timer_stop(&c->patience); /* no handshake any more */
    c->broken = true;
    c->error = error;
    c->blocked = false;
    conn_watch(c);
    c->tell |= TELL_LOST;
}

static void
conn_tell(void *arg)
{
    static const struct {
        int tell;
        enum conn_event event;
    } order[] = {{TELL_CONNECTED, CONN_CONNECTED}, {TELL_SECURED, CONN_SECURED},
        {TELL_INPUT, CONN_INPUT}, {TELL_DRAINED, CONN_DRAINED},
        {TELL_LOST, CONN_LOST}};
    struct conn *c = arg;

    if (c->finishing) {
        conn_finish_step(c);
        return;
    }
    if (c->drain)
        conn_drain(c);
    c->held = true;
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        if (!(c->tell & order[i].tell))
            continue;
        c->tell &= ~order[i].tell;
        if (order[i].event == CONN_LOST) {
            if (c->lost_told)
                continue;
            /* After an end of the peer's, writing may still break: that is
             * said too. */
            c->lost_told = c->broken;
        }
        c->fn(c->arg, c, order[i].event, c->error);
        if (c->freed || c->finishing)
            break;
    }
    (void)conn_release(c);
}

struct str
conn_input(const struct conn *c)
{
    CHECK(c, CONN_MAGIC);
    return str_make(c->in ? c->in + c->in_at : "", conn_unread(c));
}

void
conn_consume(struct conn *c, size_t n)
{
    CHECK(c, CONN_MAGIC);
    BUG_ON(n > conn_unread(c));
    c->in_at += n;
    conn_watch(c);
}

size_t
conn_room(const struct conn *c)
{
    size_t n = conn_unsent(c);

    return n < CONN_HIGH_WATER ? CONN_HIGH_WATER - n : 0;
}

size_t
conn_pending(const struct conn *c)
{
    return conn_unsent(c);
}

uint64_t
conn_sent(const struct conn *c)
{
    return c->sent;
}

uint64_t
conn_received(const struct conn *c)
{
    return c->received;
}

void
conn_read_enable(struct conn *c, bool on)
{
    CHECK(c, CONN_MAGIC);
    c->read_on = on;
    conn_watch(c);
}

void
conn_finish(struct conn **pc, int64_t deadline_ms)
{
    struct conn *c = *pc;

    if (!c)
        return;
    CHECK(c, CONN_MAGIC);
    *pc = NULL;
    if (c->broken || c->drain || c->shaking || deadline_ms <= 0 || c->fd < 0) {
        conn_free(&c);
        return;
    }
    c->finishing = true;
    pthread_mutex_lock(&finishing_lock);
    if (!finishing.next)
        list_init(&finishing);
    list_push(&finishing, &c->finishing_node);
    pthread_mutex_unlock(&finishing_lock);
    c->tell = 0;
    c->in_at = c->in_end = 0;
    c->read_on = true;
    conn_watch(c);
    timer_start(&c->deadline, deadline_ms);
    defer_post(c->loop, &c->flushing, conn_flush_deferred, c, "conn finish");
}

void
conn_free(struct conn **pc)
{
    struct conn *c = *pc;

    if (!c)
        return;
    CHECK(c, CONN_MAGIC);
    *pc = NULL;
    if (c->finishing) {
        pthread_mutex_lock(&finishing_lock);
        list_remove(&c->finishing_node);
        pthread_mutex_unlock(&finishing_lock);
    }
    if (c->dial_cancel)
        c->dial_cancel(c->dial);
    defer_cancel(&c->telling);
    defer_cancel(&c->flushing);
    defer_cancel(&c->again);
    timer_stop(&c->deadline);
    timer_stop(&c->patience);
    if (c->tls && !c->shaking && !c->broken && !c->shut && !conn_unsent(c))
        tls_bye(c->tls); /* the end is no accident (RFC 8446 6.1) */
    tls_free(&c->tls);
    free(c->tls_error);
    watch_free(&c->watch);
    if (c->fd >= 0)
        (void)close(c->fd); /* nothing to be done about it */
    free(c->in);
    buf_fini(&c->out);
    c->magic = 0;
    c->freed = true;
    if (!c->held)
        free(c);
}

void
conn_drop_finishing(const struct loop *l)
{
    for (;;) {
        struct conn *c = NULL;
        struct list *it;

        pthread_mutex_lock(&finishing_lock);
        if (!finishing.next)
            list_init(&finishing);
        LIST_FOREACH (it, &finishing) {
            c = LIST_ENTRY(it, struct conn, finishing_node);
            if (c->loop == l)
                break;
            c = NULL;
        }
        pthread_mutex_unlock(&finishing_lock);
        if (!c)
            return;
        conn_free(&c);
    }
}

const struct netaddr *
conn_peer(const struct conn *c)
{
    CHECK(c, CONN_MAGIC);
    return &c->peer;
}

const struct netaddr *
conn_local(const struct conn *c)
{
    CHECK(c, CONN_MAGIC);
    return &c->local;
}
