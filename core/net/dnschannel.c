/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dnschannel.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/list.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "net/netaddr.h"
#include "net/resolvconf.h"
#include "base/banned.h"

enum {
    CHANNEL_TICK_MS = 100,    /* c-ares looks for timeouts */
    CHANNEL_LOOK_MS = 2000,   /* resolv.conf is looked at */
    CHANNEL_QUESTIONS = 2000, /* of one c-ares channel */
    CHANNEL_EDNS_SIZE = 1232, /* fits any path */
    CHANNEL_SOCKET_BUFFER = 1 << 20
};

#define SYSTEM_CONF "/etc/resolv.conf"

/* One c-ares channel. */
struct wire {
    struct list node;
    struct dnschannel *home;
    ares_channel ares;
    struct list sockets;
    size_t in_flight, asked;
    bool trusted; /* its servers are */
};
struct wire_socket {
    struct list node;
    struct wire *wire;
    int fd;
    struct watch *watch;
};
struct sent {
    struct wire *wire;
    dnschannel_f *fn;
    void *arg;
};
struct dnschannel {
    struct loop *loop;
    char *path;
    struct resolvconf conf;
    struct cidr *trusted_nets;
    size_t trusted_count;
    bool trusted;      /* all servers of conf */
    struct wire *now;  /* takes questions */
    struct list wires; /* all */
    struct timer tick;
    int64_t looked; /* at resolv.conf */
    bool closing;
};

static void
wire_socket_ready(void *arg, int events)
{
    struct wire_socket *s = arg;
    int fd = s->fd;

    /* c-ares may close the socket, which frees s. */
    ares_process_fd(s->wire->ares, events & WATCH_READ ? fd : ARES_SOCKET_BAD,
        events & WATCH_WRITE ? fd : ARES_SOCKET_BAD);
}

static void
wire_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct wire *w = arg;
    struct wire_socket *s = NULL;
    struct list *it;

    LIST_FOREACH (it, &w->sockets) {
        s = LIST_ENTRY(it, struct wire_socket, node);
        if (s->fd == fd)
            break;
        s = NULL;
    }
    if (!s && (readable || writable)) {
        s = xnew(struct wire_socket);
        s->wire = w;
        s->fd = fd;
        s->watch =
            watch_new(w->home->loop, fd, wire_socket_ready, s, "dns socket");
        list_push(&w->sockets, &s->node);
    }
    if (!s)
        return;
    watch_set(
        s->watch, (readable ? WATCH_READ : 0) | (writable ? WATCH_WRITE : 0));
    if (readable || writable)
        return;
    watch_free(&s->watch);
    list_remove(&s->node);
    free(s);
}

/* Everything is given, so that c-ares reads no file of its own accord. */
static int
wire_options(struct wire *w, const struct resolvconf *conf)
{
    struct ares_options o;
    struct in_addr none = {0}; /* the real ones are set below, with ports */
    char lookups[] = "b";
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
        ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
        ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | ARES_OPT_SOCK_STATE_CB |
        ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_RCVBUF | ARES_OPT_NOROTATE;
    int rc;

    memset(&o, 0, sizeof(o));
    o.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    if (conf->tcp)
        o.flags |= ARES_FLAG_USEVC;
    o.timeout = conf->timeout_ms;
    o.tries = conf->attempts;
    o.ndots = 1;
    o.servers = &none;
    o.nservers = 1;
    o.lookups = lookups;
    o.sock_state_cb = wire_socket_state;
    o.sock_state_cb_data = w;
    o.ednspsz = CHANNEL_EDNS_SIZE;
    o.socket_receive_buffer_size = CHANNEL_SOCKET_BUFFER;
    rc = ares_init_options(&w->ares, &o, mask);
    if (rc != ARES_SUCCESS)
        return rc;
    rc = ares_set_servers_ports_csv(w->ares, buf_get(&conf->servers).p);
    if (rc != ARES_SUCCESS)
        ares_destroy(w->ares);
    return rc;
}

static struct wire *
wire_new(struct dnschannel *c)
{
    struct wire *w = xnew(struct wire);
    int rc;

    w->home = c;
    w->trusted = c->trusted;
    list_init(&w->sockets);
    rc = wire_options(w, &c->conf);
    if (rc != ARES_SUCCESS) {
        log_error(LOG_DNS, "dns-channel-failed", "servers=%s reason=\"%s\"",
            buf_get(&c->conf.servers).p, ares_strerror(rc));
        free(w);
        return NULL;
    }
    list_push(&c->wires, &w->node);
    return w;
}

static void
wire_free(struct wire *w)
{
    list_remove(&w->node);
    ares_destroy(w->ares); /* answers what is under way, closes sockets */
    free(w);
}

/* One without questions that takes no more is given up. */
static size_t
wires_sweep(struct dnschannel *c)
{
    struct list *it, *next;
    size_t in_flight = 0;

    LIST_FOREACH_SAFE (it, next, &c->wires) {
        struct wire *w = LIST_ENTRY(it, struct wire, node);
        in_flight += w->in_flight;
        if (!w->in_flight && w != c->now)
            wire_free(w);
    }
    return in_flight;
}

/* --- whose AD bit counts --- */

static bool
server_is_trusted(const struct dnschannel *c, const struct cidr *ip)
{
    static const struct cidr loopback[] = {
        {.family = 4, .bits = 8, .addr = {127}},
        {.family = 6, .bits = 128, .addr = {[15] = 1}}};

    for (size_t i = 0; i < ARRAY_SIZE(loopback); i++)
        if (cidr_contains(&loopback[i], ip))
            return true;
    for (size_t i = 0; i < c->trusted_count; i++)
        if (cidr_contains(&c->trusted_nets[i], ip))
            return true;
    return false;
}

/* Any of them may be asked, so each must be trusted. */
static bool
servers_are_trusted(const struct dnschannel *c)
{
    struct str all = buf_get(&c->conf.servers);

    while (all.n) {
        struct str one = str_cut(&all, ',');
        struct netaddr at;

        if (netaddr_parse(one, true, &at, NULL) < 0 ||
            !server_is_trusted(c, &at.ip))
            return false;
    }
    return true;
}

/* A file that names nobody any more is being written, or was emptied by an
 * accident: the servers that were known serve on. */
static void
dnschannel_read(struct dnschannel *c)
{
    struct buf known = c->conf.servers;
    struct resolvconf next;

    resolvconf_read(c->path, &next);
    if (c->conf.named && !next.named) {
        log_warn(LOG_DNS, "resolv-conf-empty", "file=%s", c->path);
        c->conf.servers = next.servers;
        next.servers = known;
        next.named = true;
    }
    resolvconf_fini(&c->conf);
    c->conf = next;
    c->looked = loop_now(c->loop);
    c->now = NULL; /* the next question makes one */
    c->trusted = servers_are_trusted(c);
    log_info(LOG_DNS, "dns-servers",
        "servers=%s timeout_ms=%d attempts=%d trusted=%s",
        buf_get(&c->conf.servers).p, c->conf.timeout_ms, c->conf.attempts,
        c->trusted ? "yes" : "no");
}

static void
dnschannel_look(struct dnschannel *c)
{
    int64_t now = loop_now(c->loop);

    if (now - c->looked < CHANNEL_LOOK_MS)
        return;
    c->looked = now;
    if (resolvconf_changed(c->path, &c->conf))
        dnschannel_read(c);
}

static void
dnschannel_tick(void *arg)
{
    struct dnschannel *c = arg;
    struct list *it;

    LIST_FOREACH (it, &c->wires) {
        struct wire *w = LIST_ENTRY(it, struct wire, node);
        ares_process_fd(w->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    dnschannel_look(c);
    if (wires_sweep(c))
        timer_start(&c->tick, CHANNEL_TICK_MS);
}

void
dnschannel_reload(struct dnschannel *c, const struct dns_config *conf)
{
    char *path = xdup(conf->resolv_conf ? conf->resolv_conf : SYSTEM_CONF);

    free(c->path);
    c->path = path;
    free(c->trusted_nets);
    c->trusted_count = conf->trusted_count;
    c->trusted_nets =
        xcalloc(MAX_OF(conf->trusted_count, (size_t)1), sizeof(struct cidr));
    if (conf->trusted_count)
        memcpy(c->trusted_nets, conf->trusted,
            conf->trusted_count * sizeof(struct cidr));
    dnschannel_read(c);
}

struct dnschannel *
dnschannel_new(struct loop *l, const struct dns_config *conf, struct err *e)
{
    struct dnschannel *c;
    int rc = ares_library_init(ARES_LIB_INIT_ALL);

    if (rc != ARES_SUCCESS) {
        (void)err_set(e, ERR_LIMIT, "c-ares: %s", ares_strerror(rc));
        return NULL;
    }
    c = xnew(struct dnschannel);
    c->loop = l;
    list_init(&c->wires);
    timer_init(&c->tick, l, dnschannel_tick, c, "dns tick");
    dnschannel_reload(c, conf);
    return c;
}

void
dnschannel_free(struct dnschannel **pc)
{
    struct dnschannel *c = *pc;
    struct list *it;

    if (!c)
        return;
    *pc = NULL;
    c->closing = true;
    timer_stop(&c->tick);
    while ((it = list_first(&c->wires)) != NULL)
        wire_free(LIST_ENTRY(it, struct wire, node));
    resolvconf_fini(&c->conf);
    ares_library_cleanup();
    free(c->path);
    free(c->trusted_nets);
    free(c);
}

bool
dnschannel_is_trusted(const struct dnschannel *c)
{
    return c->trusted;
}

static enum dns_status
sent_status(int rc, int timeouts)
{
    if (rc == ARES_SUCCESS)
        return DNS_OK;
    if (rc == ARES_EBADNAME || rc == ARES_EBADSTR)
        return DNS_NXDOMAIN;
    if (rc == ARES_ETIMEOUT || (rc != ARES_EDESTRUCTION && timeouts > 0))
        return DNS_TIMEOUT;
    return DNS_SERVFAIL;
}

static void
sent_answered(void *arg, int rc, int timeouts, unsigned char *p, int n)
{
    struct sent *s = arg;
    struct str bytes = STR_NONE;

    if (rc == ARES_SUCCESS && p && n > 0)
        bytes = str_make(p, (size_t)n);
    s->wire->in_flight--;
    s->fn(s->arg, bytes.p ? DNS_OK : sent_status(rc, timeouts), bytes,
        s->wire->trusted);
    free(s);
}

/* AD is asked for (RFC 6840 5.7) without asking for the signatures. */
static int
question_make(const char *name, enum dns_type t, unsigned char **p, int *n)
{
    unsigned short id;
    int rc;

    if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
        return ARES_ENOMEM;
    rc = ares_create_query(name, 1, (int)t, id, 1, p, n, CHANNEL_EDNS_SIZE);
    if (rc == ARES_SUCCESS && *n >= 4)
        (*p)[3] |= 0x20;
    return rc;
}

static struct wire *
dnschannel_wire(struct dnschannel *c)
{
    dnschannel_look(c);
    if (c->now && c->now->asked >= CHANNEL_QUESTIONS)
        c->now = NULL;
    if (!c->now)
        c->now = wire_new(c);
    return c->now;
}

void
dnschannel_send(struct dnschannel *c, const char *name, enum dns_type t,
    dnschannel_f *fn, void *arg)
{
    struct wire *w = c->closing ? NULL : dnschannel_wire(c);
    unsigned char *p = NULL;
    struct sent *s;
    int n = 0, rc = w ? question_make(name, t, &p, &n) : ARES_ESERVFAIL;

    if (rc != ARES_SUCCESS) {
        fn(arg, sent_status(rc, 0), STR_NONE, false);
        return;
    }
    s = xnew(struct sent);
    s->wire = w;
    s->fn = fn;
    s->arg = arg;
    w->in_flight++;
    w->asked++;
    if (!timer_armed(&c->tick))
        timer_start(&c->tick, CHANNEL_TICK_MS);
    ares_send(w->ares, p, n, sent_answered, s);
    ares_free_string(p);
}

size_t
dnschannel_hosts(struct dnschannel *c, const char *name, int family,
    struct cidr *to, size_t most)
{
    struct wire *w = dnschannel_wire(c);
    struct hostent *host = NULL;
    size_t count = 0, n = family == 4 ? 4 : 16;

    if (!w ||
        ares_gethostbyname_file(w->ares, name, family == 4 ? AF_INET : AF_INET6,
            &host) != ARES_SUCCESS)
        return 0;
    for (char **p = host->h_addr_list; *p && count < most; p++) {
        if (host->h_length != (int)n)
            break;
        memset(&to[count], 0, sizeof(to[count]));
        to[count].family = (uint8_t)family;
        to[count].bits = (uint8_t)(n * 8);
        memcpy(to[count++].addr, *p, n);
    }
    ares_free_hostent(host);
    return count;
}
