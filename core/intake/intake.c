/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/intake.h"

#include <jansson.h>
#include <stdlib.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "intake/chain.h"
#include "intake/inbound_throttle.h"
#include "intake/intake_int.h"
#include "intake/intake_options.h"
#include "intake/intakeapi.h"
#include "intake/listener.h"
#include "intake/login.h"
#include "intake/receive.h"
#include "xport/filtering.h"
#include "base/banned.h"

static void
loop_init(struct intake *in, unsigned i, const struct intake_config *c)
{
    struct intake_loop *il = &in->loops[i];
    il->intake = in;
    il->loop = c->io[i];
    il->pool = c->pool[i];
    list_init(&il->sessions);
    receive_loop_init(il);
}

static int64_t
credit_limit(struct generation *g)
{
    return scope_int(
        generation_global(g), OPT(intake_options, INTAKE_RECEPTION_MEMORY));
}

struct intake *
intake_new(const struct intake_config *c)
{
    struct intake *in = xnew(struct intake);
    in->spool = c->spool;
    in->generation = generation_ref(c->generation);
    in->loop_count = c->io_count;
    in->loops = xcalloc(c->io_count, sizeof(*in->loops));
    budget_init(&in->credits, credit_limit(c->generation));
    for (unsigned i = 0; i < c->io_count; i++)
        loop_init(in, i, c);
    list_init(&in->listeners);
    map_init(&in->limits, false);
    pthread_mutex_init(&in->limits_lock, NULL);
    inbound_throttle_init(in);
    /* connection ids are unlike those of earlier starts, for log tools */
    atomic_store(&in->next_session, (uint64_t)clock_wall() / 1000 << 24);
    session_set_intake(intakeapi_table());
    return in;
}

void
intake_free(struct intake **in)
{
    struct intake *i = *in;
    struct list *l, *tmp;
    size_t at;
    void *limit;
    if (!i)
        return;
    LIST_FOREACH_SAFE (l, tmp, &i->listeners) /* that were never started */
        listener_close(listener_of_node(l));
    for (unsigned n = 0; n < i->loop_count; n++)
        receive_loop_fini(&i->loops[n]);
    MAP_FOREACH (limit, &i->limits, at)
        free(limit);
    map_fini(&i->limits);
    pthread_mutex_destroy(&i->limits_lock);
    inbound_throttle_fini(i);
    login_fini();
    generation_unref(&i->generation);
    free(i->loops);
    xfree(in);
}

/* --- listeners of a generation --- */

static struct listener *
find_listener(struct intake *in, struct str address, struct str keyword)
{
    struct list *n;
    LIST_FOREACH (n, &in->listeners) {
        struct listener *l = listener_of_node(n);
        if (str_eq(str_of(listener_address(l)), address) &&
            str_ieq(str_of(listener_keyword(l)), keyword))
            return l;
    }
    return NULL;
}

static bool
enabled(const struct stanza *listen)
{
    return scope_int(stanza_scope(listen), OPT(intake_options, INTAKE_ENABLE));
}

/* Called for each enabled listen of a generation. */
typedef int each_listen_f(struct intake *in, struct generation *g,
    const struct stanza *parent, const struct stanza *listen, struct err *e);

/* All are visited; the first error is returned. */
static int
each_listen(
    struct intake *in, struct generation *g, each_listen_f *fn, struct err *e)
{
    const struct stanza *parent = NULL, *listen;
    struct err problem;
    int first = 0;
    while ((parent = generation_stanza(
                g, IMPEL_SCOPE_LISTENER, NULL, parent)) != NULL) {
        listen = NULL;
        while ((listen = generation_stanza(
                    g, IMPEL_SCOPE_LISTEN, parent, listen)) != NULL) {
            if (!enabled(listen) || fn(in, g, parent, listen, &problem) == 0)
                continue;
            if (!first) {
                first = problem.code;
                err_set(e, problem.code, "%s", problem.text);
            }
        }
    }
    return first;
}

static int
open_one(struct intake *in, struct generation *g, const struct stanza *parent,
    const struct stanza *listen, struct err *e)
{
    struct module_found f;
    struct listener *l;
    char keyword[64];
    (void)str_copy(keyword, sizeof(keyword), stanza_keyword(parent));
    registry_listener(g, keyword, &f);
    if (f.state != MODULE_LOADED) { /* the load has warned with file and line */
        log_warn(LOG_NET, "listener-skipped", "listener=%s reason=\"%s\"",
            keyword, f.why);
        return 0;
    }
    int rc = listener_open(in, listen, parent, f.module, &l, e);
    if (rc < 0)
        return rc;
    list_push(&in->listeners, listener_node(l));
    return 0;
}

int
intake_open(struct intake *in, struct err *e)
{
    int rc = each_listen(in, in->generation, open_one, e);
    struct list *n, *tmp;
    if (rc < 0)
        LIST_FOREACH_SAFE (n, tmp, &in->listeners)
            listener_close(listener_of_node(n));
    return rc;
}

void
intake_start(struct intake *in)
{
    struct list *n;
    LIST_FOREACH (n, &in->listeners)
        listener_start(listener_of_node(n));
}

static int
adopt_one(struct intake *in, struct generation *g, const struct stanza *parent,
    const struct stanza *listen, struct err *e)
{
    struct listener *l =
        find_listener(in, stanza_name(listen), stanza_keyword(parent));
    if (l) {
        listener_adopt(l, g, listen);
        return 0;
    }
    int rc = open_one(in, g, parent, listen, e);
    if (rc == 0 &&
        (l = find_listener(in, stanza_name(listen), stanza_keyword(parent))))
        listener_start(l);
    return rc;
}

/* The enabled listen of that address and keyword, or NULL. */
static const struct stanza *
listen_of(struct generation *g, const struct listener *l)
{
    const struct stanza *parent = NULL, *listen;
    while ((parent = generation_stanza(
                g, IMPEL_SCOPE_LISTENER, NULL, parent)) != NULL) {
        if (!str_ieq(stanza_keyword(parent), str_of(listener_keyword(l))))
            continue;
        listen = NULL;
        while ((listen = generation_stanza(
                    g, IMPEL_SCOPE_LISTEN, parent, listen)) != NULL)
            if (enabled(listen) &&
                str_eq(stanza_name(listen), str_of(listener_address(l))))
                return listen;
    }
    return NULL;
}

int
intake_adopt(struct intake *in, struct generation *g, struct err *e)
{
    struct generation *before = in->generation;
    struct list *n, *tmp;
    if (in->stop_home)
        return 0; /* nothing is opened any more */
    in->generation = generation_ref(g);
    budget_set_limit(&in->credits, credit_limit(g));
    LIST_FOREACH_SAFE (n, tmp, &in->listeners)
        if (!listen_of(g, listener_of_node(n)))
            listener_close(listener_of_node(n));
    int rc = each_listen(in, g, adopt_one, e);
    generation_unref(&before);
    return rc;
}

/* --- stop --- */

static void
stop_ended(struct mail *m)
{
    struct intake_loop *il = CONTAINER_OF(m, struct intake_loop, stopped_mail);
    struct intake *in = il->intake;
    if (--in->stop_left == 0)
        in->stopped(in->stopped_arg);
}

/* Looks a few times a second whether the last session has gone. */
static void
stop_look(void *arg)
{
    struct intake_loop *il = arg;
    bool now = loop_now(il->loop) >= atomic_load(&il->intake->stop_deadline);
    if (list_empty(&il->sessions))
        filtering_stop(il->loop, now);
    if (list_empty(&il->sessions) && il->committing == 0 && il->checking == 0 &&
        filtering_count(il->loop) == 0) {
        mailbox_post(
            loop_mailbox(il->intake->stop_home), &il->stopped_mail, stop_ended);
        return;
    }
    if (now)
        session_end_all_inbound(il->loop, true);
    timer_start(&il->stop_timer, 20);
}

static void
stop_begin(struct mail *m)
{
    struct intake_loop *il = CONTAINER_OF(m, struct intake_loop, stop_mail);
    session_end_all_inbound(il->loop, false);
    timer_init(&il->stop_timer, il->loop, stop_look, il, "intake stop");
    timer_start(&il->stop_timer, 0);
}

void
intake_stop(struct intake *in, struct loop *scheduler, int64_t deadline_ms,
    void (*stopped)(void *arg), void *arg)
{
    struct list *n, *tmp;
    int64_t deadline = clock_mono() + deadline_ms;
    if (in->stop_home) { /* under way: only sooner */
        atomic_store(&in->stop_deadline,
            MIN_OF(deadline, atomic_load(&in->stop_deadline)));
        return;
    }
    in->stop_home = scheduler;
    in->stop_left = in->loop_count;
    atomic_store(&in->stop_deadline, deadline);
    in->stopped = stopped;
    in->stopped_arg = arg;
    LIST_FOREACH_SAFE (n, tmp, &in->listeners)
        listener_close(listener_of_node(n));
    for (unsigned i = 0; i < in->loop_count; i++)
        mailbox_post(loop_mailbox(in->loops[i].loop), &in->loops[i].stop_mail,
            stop_begin);
}

/* --- for operators --- */

void
intake_refuse(struct intake *in, const char *why)
{
    atomic_store(&in->refuse, why);
}

size_t
intake_addresses(const struct intake *in, struct netaddr **to)
{
    struct list *n;
    size_t count = 0;
    LIST_FOREACH (n, &in->listeners)
        count++;
    *to = xcalloc(count ? count : 1, sizeof(**to));
    count = 0;
    LIST_FOREACH (n, &in->listeners)
        if (netaddr_parse(str_of(listener_address(listener_of_node(n))), false,
                &(*to)[count], NULL) == 0)
            count++;
    return count;
}

void
intake_get_stats(struct intake *in, struct intake_stats *st)
{
    st->sessions = atomic_load(&in->sessions);
    st->sessions_total = atomic_load(&in->sessions_total);
    st->received = atomic_load(&in->received);
    st->received_recipients = atomic_load(&in->received_recipients);
    st->received_bytes = atomic_load(&in->received_bytes);
    st->rejected = atomic_load(&in->rejected);
    st->tls = atomic_load(&in->tls);
    st->tls_resumed = atomic_load(&in->tls_resumed);
    st->tls_verified = atomic_load(&in->tls_verified);
    st->tls_failed = atomic_load(&in->tls_failed);
    st->credits_used = budget_used(&in->credits);
    st->credits_limit = budget_limit(&in->credits);
    st->refuses = atomic_load(&in->refuse);
    login_get_stats(st);
}

/* The filters that clients have who have no stanza of their own. */
static void
print_filters(struct intake *in, const struct listener *l, struct buf *to)
{
    const struct stanza *listen = listen_of(in->generation, l);
    if (listen)
        chain_print(in->generation, stanza_scope(listen), to);
}

static void
print_json(struct intake *in, struct buf *to)
{
    json_t *all = json_array();
    struct list *n;
    LIST_FOREACH (n, &in->listeners) {
        struct listener *l = listener_of_node(n);
        struct buf filters = BUF_INIT;
        print_filters(in, l, &filters);
        json_array_append_new(all,
            json_pack("{s:s, s:s, s:I, s:s}", "listener", listener_keyword(l),
                "address", listener_address(l), "sessions",
                (json_int_t)listener_sessions(l), "filters",
                buf_get(&filters).p));
        buf_fini(&filters);
    }
    char *text = json_dumps(all, JSON_INDENT(2));
    buf_cstr(to, text);
    free(text);
    json_decref(all);
}

void
intake_print_listeners(struct intake *in, bool json, struct buf *to)
{
    struct list *n;
    if (json) {
        print_json(in, to);
        return;
    }
    LIST_FOREACH (n, &in->listeners) {
        struct listener *l = listener_of_node(n);
        struct buf filters = BUF_INIT;
        print_filters(in, l, &filters);
        buf_printf(to, "%-20s %-30s sessions: %llu", listener_keyword(l),
            listener_address(l), (unsigned long long)listener_sessions(l));
        if (filters.n)
            buf_printf(to, " filters: %s", buf_get(&filters).p);
        buf_char(to, '\n');
        buf_fini(&filters);
    }
}
