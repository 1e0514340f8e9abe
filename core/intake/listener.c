/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/manager.h"
#include "base/xmem.h"
#include "intake/chain.h"
#include "intake/intake_options.h"
#include "intake/login.h"
#include "intake/policy.h"
#include "intake/proxied.h"
#include "intake/receive.h"
#include "intake/secure.h"
#include "intake/trust.h"
#include "net/kept.h"
#include "route/binding.h"
#include "base/banned.h"

enum { OVER_LIMIT_MAX = 256 }; /* of one listener that are only told 421 */

/* What one loop has of a listener. */
struct watchpost {
    struct mail start, close; /* both may be on their way at once */
    struct listener *listener;
    struct intake_loop *il;
    struct acceptor *acceptor;
    struct proxied_list proxied; /* have not said yet whom they speak for */
    int fd;
};
struct listener {
    uint32_t magic;
    _Atomic uint32_t refs; /* the scheduler's, watchposts', sessions' */
    struct intake *in;
    const struct module *module;
    char *address, *keyword;
    struct list node;
    _Atomic uint64_t sessions;
    _Atomic unsigned over_limit; /* sessions beyond listener_sessions */
    bool started;                /* the loops watch it */
    struct netaddr at;
    unsigned kept;        /* posts whose sockets live on after the process */
    bool handed_over;     /* it is closed, and the next process accepts */
    pthread_mutex_t lock; /* guards the two below */
    struct generation *generation;
    const struct stanza *listen;
    unsigned post_count, post_room;
    struct watchpost *posts;
};
/* A budget that all sessions under one stanza share. */
struct session_limit {
    struct budget budget;
    char key[40];
};

static void
listener_unref(struct listener *l)
{
    if (atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    generation_unref(&l->generation);
    pthread_mutex_destroy(&l->lock);
    free(l->address);
    free(l->keyword);
    free(l->posts);
    l->magic = 0;
    free(l);
}

static int
socket_config(const struct stanza *listen, bool many, struct accept_config *c,
    struct err *e)
{
    const struct scope *s = stanza_scope(listen);
    memset(c, 0, sizeof(*c));
    if (netaddr_parse(stanza_name(listen), false, &c->at, e) < 0)
        return err_prefix(
            e, "%s:%d: listen", stanza_file(listen), stanza_line(listen));
    c->backlog = (int)scope_int(s, OPT(intake_options, INTAKE_LISTEN_BACKLOG));
    c->file_mode = (int)scope_int(s, OPT(intake_options, INTAKE_FILE_MODE));
    c->reuse_port = many && !c->at.path[0];
    return 0;
}

/* Does that loop watch it?  All of the pool named by event_loop do (or all
 * there are), but for a Unix socket, which is one file and has one watcher. */
static bool
wants_loop(const struct listener *l, const struct accept_config *c, unsigned i)
{
    struct str pool = scope_str(
        stanza_scope(l->listen), OPT(intake_options, INTAKE_EVENT_LOOP));
    if (c->at.path[0] && l->post_count)
        return false;
    return !pool.n || str_eq(pool, str_of(l->in->loops[i].pool));
}

static void
add_post(struct listener *l, struct intake_loop *il, int fd)
{
    l->posts[l->post_count++] =
        (struct watchpost){.listener = l, .il = il, .fd = fd};
}

/* What a process with more loops had: whoever is in their backlogs has to be
 * served as well. */
static void
take_rest(struct listener *l, const struct accept_config *c)
{
    unsigned own = l->post_count;
    int fd;
    while (l->post_count < l->post_room && (fd = kept_take(c)) >= 0)
        add_post(l, l->posts[l->post_count % own].il, fd);
}

/* One socket for each loop that watches it. */
static int
open_sockets(struct listener *l, const struct accept_config *c, struct err *e)
{
    for (unsigned i = 0; i < l->in->loop_count; i++) {
        if (!wants_loop(l, c, i))
            continue;
        int fd = kept_take(c);
        int rc = fd < 0 ? accept_open(c, &fd, e) : 0;
        if (rc < 0)
            return rc;
        add_post(l, &l->in->loops[i], fd);
    }
    if (l->post_count) {
        take_rest(l, c);
        return 0;
    }
    return err_set(e, ERR_CONF, "%s:%d: event_loop: no such eventloop",
        stanza_file(l->listen), stanza_line(l->listen));
}

/* Of a listener that nobody watches yet. */
static void
close_sockets(struct listener *l)
{
    for (unsigned i = 0; i < l->post_count; i++)
        (void)close(l->posts[i].fd); /* nothing to be done about it */
}

int
listener_open(struct intake *in, const struct stanza *listen,
    const struct stanza *parent, const struct module *module,
    struct listener **to, struct err *e)
{
    struct accept_config c;
    int rc = socket_config(listen, in->loop_count > 1, &c, e);
    if (rc < 0)
        return rc;
    struct listener *l = xnew(struct listener);
    l->magic = LISTENER_MAGIC;
    atomic_init(&l->refs, 1);
    l->in = in;
    l->module = module;
    l->listen = listen;
    l->generation = generation_ref(in->generation);
    l->address = xdupn(stanza_name(listen).p, stanza_name(listen).n);
    l->keyword = xdupn(stanza_keyword(parent).p, stanza_keyword(parent).n);
    pthread_mutex_init(&l->lock, NULL);
    l->at = c.at;
    l->post_room = in->loop_count + (unsigned)manager_given();
    l->posts = xcalloc(l->post_room, sizeof(*l->posts));
    rc = open_sockets(l, &c, e);
    if (rc < 0) {
        close_sockets(l);
        listener_unref(l);
        return rc;
    }
    *to = l;
    return 0;
}

/* --- sessions --- */

static struct budget *
limit_find(struct intake *in, char kind, uint64_t stanza, int64_t max)
{
    char key[40];
    snprintf(key, sizeof(key), "%c%llu", kind, (unsigned long long)stanza);
    pthread_mutex_lock(&in->limits_lock);
    struct session_limit *sl = map_find(&in->limits, str_of(key));
    if (!sl) {
        sl = xnew(struct session_limit);
        (void)str_copy(sl->key, sizeof(sl->key), str_of(key));
        budget_init(&sl->budget, max);
        map_put(&in->limits, str_of(sl->key), sl);
    }
    pthread_mutex_unlock(&in->limits_lock);
    budget_set_limit(&sl->budget, max);
    return &sl->budget;
}

/* Take a place under one of the two session limits; false: none is free. */
static bool
limit_take(struct intake_session *is, int which, uint32_t option)
{
    int64_t max = scope_int(is->scope, option);
    if (max <= 0)
        return true;
    const struct stanza *st = scope_origin(is->scope, option);
    /* a service limit is shared by all listeners of one keyword */
    uint64_t id = which ? str_ihash(str_of(is->listener->keyword))
                        : (st ? str_hash(stanza_path(st)) : 0);
    struct budget *b = limit_find(is->il->intake, which ? 'S' : 'L', id, max);
    if (!budget_take(b, 1))
        return false;
    is->limit[which] = b;
    return true;
}

static void
limits_give(struct intake_session *is)
{
    for (int i = 0; i < 2; i++) {
        if (is->limit[i])
            budget_give(is->limit[i], 1);
        is->limit[i] = NULL;
    }
}

static void
session_released(void *arg, struct impel_session *s)
{
    struct intake_session *is = arg;
    (void)s;
    login_forget(is);
    is->session = NULL;
    receive_session_gone(is);
    chain_leave(is);
    listener_session_gone(is);
}

void
listener_session_gone(struct intake_session *is)
{
    limits_give(is);
    if (is->over_limit)
        atomic_fetch_sub(&is->listener->over_limit, 1);
    atomic_fetch_sub(&is->listener->sessions, 1);
    atomic_fetch_sub(&is->il->intake->sessions, 1);
    list_remove(&is->node);
    generation_unref(&is->generation);
    listener_unref(is->listener);
    free(is);
}

/* The options for a peer; the generation stays until it is given back. */
static const struct scope *
peer_scope(
    struct listener *l, const struct netaddr *peer, struct generation **g)
{
    const struct scope *s;
    pthread_mutex_lock(&l->lock);
    *g = generation_ref(l->generation);
    s = generation_peer_scope(*g, l->listen, &peer->ip);
    pthread_mutex_unlock(&l->lock);
    return s;
}

static void
print_peer(struct intake_session *is, const struct netaddr *peer)
{
    struct buf b = BUF_INIT;
    netaddr_print_ip(peer, &b);
    (void)str_copy(is->peer, sizeof(is->peer), buf_get(&b));
    buf_fini(&b);
}

static struct intake_session *
session_make(struct watchpost *p, const struct netaddr *peer)
{
    struct listener *l = p->listener;
    struct intake_session *is = xnew(struct intake_session);
    is->il = p->il;
    is->listener = l;
    atomic_fetch_add(&l->refs, 1);
    is->scope = peer_scope(l, peer, &is->generation);
    is->id = atomic_fetch_add(&l->in->next_session, 1);
    is->came_from = *peer;
    print_peer(is, peer);
    list_init(&is->incoming);
    list_push(&p->il->sessions, &is->node);
    atomic_fetch_add(&l->sessions, 1);
    atomic_fetch_add(&l->in->sessions, 1);
    atomic_fetch_add(&l->in->sessions_total, 1);
    return is;
}

/* May this session be served?  No: it counts among those that are told so. */
static bool
admit(struct intake_session *is)
{
    is->over_limit =
        !limit_take(is, 0, OPT(intake_options, INTAKE_LISTENER_SESSIONS)) ||
        !limit_take(is, 1, OPT(intake_options, INTAKE_SERVICE_SESSIONS));
    if (!is->over_limit)
        return true;
    atomic_fetch_add(&is->il->intake->rejected, 1);
    return atomic_fetch_add(&is->listener->over_limit, 1) < OVER_LIMIT_MAX;
}

static void
judge(struct intake_session *is, const struct cidr *peer)
{
    is->can_relay =
        scope_int(is->scope, OPT(intake_options, INTAKE_OPEN_RELAY)) ||
        scope_cidr_has(
            is->scope, OPT(intake_options, INTAKE_RELAY_HOSTS), peer) ||
        secure_may_relay(is);
    is->trusted = trust_has(is->scope, peer);
}

/* A reload may have taken it away since. */
static bool
may_name_still(struct intake_session *is)
{
    struct generation *g;
    const struct scope *s = peer_scope(is->listener, &is->came_from, &g);
    is->may_name = trust_has(s, &is->came_from.ip);
    generation_unref(&g);
    return is->may_name;
}

static void
log_rename(const struct intake_session *is, const struct netaddr *peer)
{
    struct buf b = BUF_INIT, via = BUF_INIT;
    if (log_enabled(LOG_LEVEL_INFO, LOG_NET)) {
        netaddr_print(peer, &b);
        netaddr_print(&is->came_from, &via);
        log_info(LOG_NET, "client-named", "session=%llu peer=%.*s by=%.*s",
            (unsigned long long)is->id, STR_ARG(buf_get(&b)),
            STR_ARG(buf_get(&via)));
    }
    buf_fini(&b);
    buf_fini(&via);
}

/* It is that peer's from now on. */
static void
session_become(struct intake_session *is, const struct netaddr *peer)
{
    struct generation *before = is->generation;
    struct netaddr from = *peer;
    struct impel_result r;
    cidr_unmap(&from.ip);
    limits_give(is);
    if (is->over_limit)
        atomic_fetch_sub(&is->listener->over_limit, 1);
    chain_leave(is);
    is->scope = peer_scope(is->listener, &from, &is->generation);
    session_set_peer(is->session, &from);
    session_set_scope(is->session, is->scope);
    session_set_name(is->session, binding_hostname(is->scope).p);
    generation_unref(&before);
    print_peer(is, &from);
    judge(is, &from.ip);
    log_rename(is, &from);
    if (!admit(is))
        session_end(is->session, true);
    else if (!is->over_limit)
        chain_connect(is);
    else if (is->over_limit && policy_greet(is, STR("?"), &r) < 0)
        session_verdict(is->session, 0, SIZE_MAX, &r);
}

bool
listener_session_rename(struct intake_session *is, const struct netaddr *peer)
{
    if (!may_name_still(is))
        return false;
    is->named = true;
    session_become(is, peer);
    return true;
}

void
listener_session_forget(struct intake_session *is)
{
    bool named = is->named;
    login_forget(is);
    is->named = is->helo_said = is->login_said = false;
    is->helo[0] = is->login[0] = '\0';
    if (named) {
        session_become(is, &is->came_from);
        session_set_local(is->session, &is->came_to);
    } else {
        judge(is, &is->came_from.ip);
    }
}

static void
serve(
    void *arg, int fd, const struct netaddr *peer, const struct netaddr *local)
{
    struct watchpost *p = arg;
    struct netaddr from = *peer;
    struct impel_result r;
    cidr_unmap(&from.ip);
    struct intake_session *is = session_make(p, &from);
    if (!admit(is) || (is->over_limit && secure_comes_first(is))) {
        (void)close(fd); /* in a flood nobody is talked to */
        listener_session_gone(is);
        return;
    }
    judge(is, &from.ip);
    is->may_name = is->trusted;
    is->session = session_accept(p->il->loop, p->listener->module, is->scope,
        fd, &from, local, is->id, session_released, is);
    is->came_to = *local;
    session_on_secured(is->session, secure_done);
    secure_begin(is);
    session_set_name(is->session, binding_hostname(is->scope).p);
    /* told at once: a silent peer would keep its place for as long as it may
     * be idle */
    if (is->over_limit && policy_greet(is, STR("?"), &r) < 0)
        session_verdict(is->session, 0, SIZE_MAX, &r);
    chain_connect(is);
}

/* A balancer speaks for somebody else, and says so first. */
static void
accepted(
    void *arg, int fd, const struct netaddr *peer, const struct netaddr *local)
{
    struct watchpost *p = arg;
    struct generation *g;
    struct netaddr from = *peer;
    cidr_unmap(&from.ip);
    const struct scope *s = peer_scope(p->listener, &from, &g);
    if (!scope_int(s, OPT(intake_options, INTAKE_PROXY_PROTOCOL)))
        serve(p, fd, peer, local);
    else if (!proxied_add(&p->proxied, fd, &from, local,
                 scope_int(
                     s, OPT(intake_options, INTAKE_PROXY_PROTOCOL_TIMEOUT))))
        atomic_fetch_add(&p->il->intake->rejected, 1);
    generation_unref(&g);
}

/* --- on the loops --- */

static void
post_start(struct mail *m)
{
    struct watchpost *p = CONTAINER_OF(m, struct watchpost, start);
    proxied_init(&p->proxied, p->il->loop, serve, p);
    p->acceptor = acceptor_new(p->il->loop, p->fd, accepted, p);
}

static void
post_close(struct mail *m)
{
    struct watchpost *p = CONTAINER_OF(m, struct watchpost, close);
    if (p->listener->handed_over)
        acceptor_leave(&p->acceptor);
    else
        acceptor_free(&p->acceptor);
    proxied_drop(&p->proxied);
    listener_unref(p->listener);
}

void
listener_start(struct listener *l)
{
    CHECK(l, LISTENER_MAGIC);
    l->started = true;
    for (unsigned i = 0; i < l->post_count; i++) {
        l->kept += kept_keep(l->posts[i].fd, &l->at);
        atomic_fetch_add(&l->refs, 1);
        mailbox_post(
            loop_mailbox(l->posts[i].il->loop), &l->posts[i].start, post_start);
    }
    log_info(LOG_NET, "listener-open", "listener=%s addr=%s", l->keyword,
        l->address);
}

/* What a reload can change of sockets that are open. */
static void
renew_sockets(struct listener *l)
{
    struct accept_config c;
    struct err e;
    if (socket_config(l->listen, false, &c, &e) < 0)
        return; /* it is open, so its address is one */
    for (unsigned i = 0; i < l->post_count; i++)
        if (accept_renew(&c, l->posts[i].fd, &e) < 0)
            log_warn(LOG_NET, "listener-not-changed", "addr=%s reason=\"%s\"",
                l->address, e.text);
}

void
listener_adopt(
    struct listener *l, struct generation *g, const struct stanza *listen)
{
    CHECK(l, LISTENER_MAGIC);
    pthread_mutex_lock(&l->lock);
    struct generation *before = l->generation;
    l->generation = generation_ref(g);
    l->listen = listen;
    pthread_mutex_unlock(&l->lock);
    generation_unref(&before);
    renew_sockets(l);
}

void
listener_close(struct listener *l)
{
    CHECK(l, LISTENER_MAGIC);
    list_remove(&l->node);
    log_info(LOG_NET, "listener-close", "listener=%s addr=%s", l->keyword,
        l->address);
    l->handed_over = l->in->stop_home && l->kept == l->post_count;
    if (l->kept && !l->handed_over)
        kept_forget(&l->at, l->kept);
    if (!l->started)
        close_sockets(l);
    for (unsigned i = 0; l->started && i < l->post_count; i++)
        mailbox_post(
            loop_mailbox(l->posts[i].il->loop), &l->posts[i].close, post_close);
    listener_unref(l);
}

const char *
listener_address(const struct listener *l)
{
    return l->address;
}

const char *
listener_keyword(const struct listener *l)
{
    return l->keyword;
}

struct list *
listener_node(struct listener *l)
{
    return &l->node;
}

struct listener *
listener_of_node(struct list *node)
{
    return LIST_ENTRY(node, struct listener, node);
}

uint64_t
listener_sessions(const struct listener *l)
{
    return atomic_load(&l->sessions);
}
