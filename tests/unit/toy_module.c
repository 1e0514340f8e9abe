/* SPDX-License-Identifier: Apache-2.0 */
#include "toy_module.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/magic.h"
#include "base/xmem.h"
#include "xport/hostapi.h"
#include "xport/instance.h"

_Atomic int toy_flaw, toy_open_sessions, toy_events[16], toy_room = 1,
                                                         toy_most_open;
_Atomic uint64_t toy_token;
_Atomic int toy_said[6];
static const struct impel_host *host;
static struct impel_instance *self;

struct toy {
    struct impel_session *session;
    struct impel_batch *batch;
    size_t next, count;
    struct impel_batch *many[4]; /* TOY_MANY: by the timer's number */
    int open;
};

static struct impel_result
toy_result(int verdict, int code, const char *text)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame =
            verdict == IMPEL_RETRY ? IMPEL_BLAME_SESSION : IMPEL_BLAME_RCPT,
        .stage = IMPEL_AT_FINAL,
        .code = (uint16_t)code,
        .status = {(uint16_t)(code / 100), 0, 0},
        .retry_after = -1,
        .text = {text, strlen(text)}};
    return r;
}

static void toy_release(void *s);

static int
toy_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **s,
    struct impel_error *e)
{
    struct impel_dial dial = {.size = sizeof(dial), .port = peer->port};
    struct toy *t = xnew(struct toy);
    int rc;

    (void)ctx, (void)scope;
    t->session = session;
    if (toy_flaw == TOY_REFUSES) {
        free(t);
        snprintf(e->text, sizeof(e->text), "not today");
        return IMPEL_E_INVAL;
    }
    toy_open_sessions++;
    *s = t;
    toy_token = host->token(session);
    rc = host->dial(session, &dial, e);
    if (rc < 0) /* nothing will be released */
        toy_release(t);
    return rc;
}

static void
toy_end(struct toy *t, const struct impel_result *why)
{
    if (t->batch && toy_flaw != TOY_FORGETS)
        host->rest_done(t->batch, why);
    t->batch = NULL;
    host->closed(t->session, why);
}

/* The first is good; a recipient that is not there, no key and no time are
 * not. */
static void
toy_await(struct toy *t)
{
    struct impel_str key = {"key", 3}, none = {"", 0};

    toy_said[0] = host->await(t->batch, 0, key, 60000, 0);
    toy_said[1] = host->await(t->batch, t->count, key, 60000, 0);
    toy_said[2] = host->await(t->batch, 0, none, 60000, 0);
    toy_said[3] = host->await(t->batch, 0, key, 0, 0);
}

static void
toy_late(struct toy *t, const struct impel_result *r)
{
    struct impel_str key = {"key", 3}, other = {"other", 5};

    toy_said[4] = host->late(t->session, other, r, 7);
    toy_said[5] = host->late(t->session, key, r, 7);
}

static void
toy_line(struct toy *t, char c)
{
    struct impel_result r = c == '+'
        ? toy_result(IMPEL_DELIVERED, 250, "taken")
        : toy_result(IMPEL_FAILED, 550, "550 5.0.0 no such user");

    if (c == 'P') {
        host->ready(t->session, (uint32_t)toy_room);
        return;
    }
    if (!t->batch)
        return;
    if (toy_flaw == TOY_AWAITS && t->next == 0)
        toy_await(t);
    if (t->next + 1 == t->count) {
        struct impel_batch *b = t->batch;

        t->batch = NULL;
        host->rcpt_done(b, t->next, &r);
        if (toy_flaw == TOY_SETTLES)
            (void)host->settle(t->session, 9);
        if (toy_flaw == TOY_AWAITS)
            toy_late(t, &r);
        return;
    }
    host->rcpt_done(t->batch, t->next, &r);
    if (toy_flaw == TOY_TWICE && t->next == 0)
        host->rcpt_done(t->batch, 0, &r);
    t->next++;
}

static void toy_timer(struct toy *t, int64_t i);

static void
toy_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    struct toy *t = s;
    struct impel_str in;
    struct impel_result r;
    const char *nl;

    (void)b;
    toy_events[event]++;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        host->ready(t->session, (uint32_t)toy_room);
        break;
    case IMPEL_EV_INPUT:
        while ((in = host->input(t->session)).n &&
            (nl = memchr(in.p, '\n', in.n)) != NULL) {
            char c = in.p[0];

            host->consume(t->session, (size_t)(nl - in.p) + 1);
            toy_line(t, c);
        }
        break;
    case IMPEL_EV_TIMER:
        toy_timer(t, arg);
        break;
    case IMPEL_EV_WAKE:
        host->count(self, 0, arg);
        break;
    case IMPEL_EV_LOST:
        r = toy_result(IMPEL_RETRY, 451, "connection lost");
        toy_end(t, &r);
        break;
    default:
        break;
    }
}

static void
toy_deliver_many(struct toy *t, struct impel_batch *b)
{
    int i = 0;

    while (t->many[i])
        i++;
    t->many[i] = b;
    host->batch_set(b, t);
    host->timer(t->session, i, 20);
    host->timer(t->session, 15, 5000);
    host->timer(t->session, 15, -1);
    if (++t->open > toy_most_open)
        toy_most_open = t->open;
}

static void
toy_timer(struct toy *t, int64_t i)
{
    struct impel_result r = toy_result(IMPEL_DELIVERED, 250, "in time");
    struct impel_batch *b = t->many[i];

    if (toy_flaw == TOY_LATER) {
        host->write(t->session, "MSG 1 0\n", 8);
        return;
    }
    if (!b || host->batch_get(b) != t)
        abort();
    t->many[i] = NULL;
    t->open--;
    host->rest_done(b, &r);
}

static void
toy_deliver(void *s, struct impel_batch *b, const struct impel_envelope *env)
{
    struct toy *t = s;
    char line[64];
    int n;

    if (toy_flaw == TOY_MANY) {
        toy_deliver_many(t, b);
        return;
    }
    if (toy_flaw == TOY_DRAINS)
        host->draining(t->session);
    t->batch = b;
    t->next = 0;
    t->count = env->rcpt_count;
    if (toy_flaw == TOY_BLOCKS)
        usleep(8000);
    if (toy_flaw == TOY_LATER)
        host->timer(t->session, 0, 1);
    if (toy_flaw == TOY_IDLE || toy_flaw == TOY_LATER)
        return;
    n = snprintf(line, sizeof(line), "MSG %zu %lld\n", env->rcpt_count,
        (long long)host->body_size(b, IMPEL_BODY_RAW));
    host->write(t->session, line, (size_t)n);
    host->send_body(b, IMPEL_BODY_RAW);
}

static void
toy_cancel(void *s, struct impel_batch *b)
{
    struct toy *t = s;
    struct impel_result r = toy_result(IMPEL_UNTRIED, 0, "cancelled");

    if (toy_flaw == TOY_NEVER)
        return;
    if (t->batch == b) {
        t->batch = NULL;
        host->rest_done(b, &r);
    }
}

static void
toy_probe(void *s)
{
    host->write(((struct toy *)s)->session, "PING\n", 5);
}

static void
toy_close(void *s, int now)
{
    struct toy *t = s;

    if (toy_flaw == TOY_NEVER)
        return;
    if (!now)
        host->write(t->session, "BYE\n", 4);
    if (t->batch && toy_flaw != TOY_FORGETS) {
        struct impel_result r = toy_result(IMPEL_UNTRIED, 0, "closing");

        host->rest_done(t->batch, &r);
        t->batch = NULL;
    }
    host->closed(t->session, NULL);
}

static void
toy_release(void *s)
{
    toy_open_sessions--;
    free(s);
}

static const struct impel_counter counters[] = {
    {.name = "wakes", .brief = "Sum of what woke it"}};

struct module *
toy_module(void)
{
    struct module *m = xnew(struct module);

    m->magic = MODULE_MAGIC;
    m->name = "toy";
    m->desc.counter_count = 1;
    m->desc.counters = counters;
    m->transport = (struct impel_transport){.size = sizeof(m->transport),
        .open = toy_open,
        .event = toy_event,
        .deliver = toy_deliver,
        .cancel = toy_cancel,
        .probe = toy_probe,
        .close = toy_close,
        .release = toy_release};
    m->has_transport = true;
    m->instance = self = instance_new(m);
    host = hostapi_get(false);
    return m;
}

void
toy_module_free(struct module **m)
{
    instance_free(&(*m)->instance);
    xfree(m);
}

/* --- the peer --- */

_Atomic int peer_mood;
_Atomic uint64_t peer_octets;
static int listen_fd;
static pthread_t thread;

static void
peer_talk(int fd)
{
    FILE *in = fdopen(fd, "r");
    char line[128], part[4096];
    unsigned long rcpts, size;

    while (fgets(line, sizeof(line), in)) {
        int mood = peer_mood;

        if (!strcmp(line, "PING\n") && mood != PEER_SILENT)
            (void)!write(fd, "PONG\n", 5);
        if (sscanf(line, "MSG %lu %lu", &rcpts, &size) != 2)
            continue;
        if (mood == PEER_DROPS)
            break;
        if (mood == PEER_SLOW)
            usleep(200000);
        while (size) {
            size_t n =
                fread(part, 1, size < sizeof(part) ? size : sizeof(part), in);

            if (!n)
                break;
            peer_octets += n;
            size -= n;
        }
        if (size)
            break;
        if (mood == PEER_SILENT)
            continue;
        for (unsigned long i = 0; i < rcpts; i++)
            (void)!write(fd, mood == PEER_REFUSES ? "-\n" : "+\n", 2);
        if (mood == PEER_HALF)
            break;
    }
    fclose(in);
}

static void *
peer_connection(void *arg)
{
    peer_talk((int)(intptr_t)arg);
    return NULL;
}

static void *
peer_run(void *arg)
{
    pthread_t t;
    int fd;

    (void)arg;
    while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
        pthread_create(&t, NULL, peer_connection, (void *)(intptr_t)fd);
        pthread_detach(t);
    }
    return NULL;
}

uint16_t
peer_start(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof(a);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&a, n) ||
        listen(listen_fd, 16) ||
        getsockname(listen_fd, (struct sockaddr *)&a, &n))
        abort();
    pthread_create(&thread, NULL, peer_run, NULL);
    return ntohs(a.sin_port);
}

void
peer_stop(void)
{
    shutdown(listen_fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listen_fd);
}
