/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/loops.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/xmem.h"
#include "net/conn.h"
#include "ctl/ctl_options.h"
#include "intake/intake_options.h"
#include "base/banned.h"

enum { LOOPS_MAX = 64 };

unsigned
loops_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (unsigned)n;
}

/* A third of the processors: on a relay's load the scheduler, the spool writer
 * and the system need the rest (docs/performance.md). */
static unsigned
default_concurrency(void)
{
    unsigned n = loops_processors() / 3;
    return n < 1 ? 1 : n;
}

static int
add_pool(struct loops *l, const char *name, unsigned n, struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        char label[32];
        if (l->count == LOOPS_MAX)
            return err_set(e, ERR_CONF, "more than %d event loops", LOOPS_MAX);
        snprintf(label, sizeof(label), "%s-%u", name, i);
        l->io[l->count] = loop_new(label, e);
        if (!l->io[l->count])
            return e->code;
        l->pool[l->count++] = name;
    }
    return 0;
}

static bool
is_named(const struct stanza *s, struct str name)
{
    struct str n =
        scope_str(stanza_scope(s), OPT(intake_options, INTAKE_EVENT_LOOP));
    return n.n && str_eq(n, name);
}

/* Is the pool to deliver or to receive, by name? */
static bool
does_io(const struct generation *g, struct str name)
{
    const struct stanza *s = NULL, *l;
    struct str delivery =
        scope_str(generation_global(g), OPT(ctl_options, CTL_DELIVERY_POOL));
    if (delivery.n && str_eq(delivery, name))
        return true;
    while ((s = generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, s))) {
        if (is_named(s, name))
            return true;
        l = NULL;
        while ((l = generation_stanza(g, IMPEL_SCOPE_LISTEN, s, l)))
            if (is_named(l, name))
                return true;
    }
    return false;
}

static int
add_stanzas(const struct generation *g, struct loops *l, struct err *e)
{
    const struct stanza *s = NULL;
    struct str maintainer =
        scope_str(generation_global(g), OPT(ctl_options, CTL_MAINTAINER_POOL));
    while ((s = generation_stanza(g, SCOPE_EVENTLOOP, NULL, s)) != NULL) {
        struct str name = stanza_name(s);
        if (!name.n)
            name = STR("default");
        if (maintainer.n && str_eq(name, maintainer) && !does_io(g, name))
            continue; /* the scheduler is one thread: a loop of its own */
        int64_t n =
            scope_int(stanza_scope(s), OPT(ctl_options, CTL_CONCURRENCY));
        char *z = xdupn(name.p, name.n);
        int rc = add_pool(l, z, n < 1 ? default_concurrency() : (unsigned)n, e);
        if (rc < 0)
            return rc;
    }
    return l->count ? 0
                    : add_pool(l, xdup("default"), default_concurrency(), e);
}

static int
find_delivery(const struct generation *g, struct loops *l, struct err *e)
{
    struct str name =
        scope_str(generation_global(g), OPT(ctl_options, CTL_DELIVERY_POOL));
    l->delivery_at = 0;
    l->delivery_count = l->count;
    if (!name.n)
        return 0;
    for (unsigned i = l->count; i-- > 0;)
        if (str_eq(str_of(l->pool[i]), name))
            l->delivery_at = i;
    if (!str_eq(str_of(l->pool[l->delivery_at]), name))
        return err_set(e, ERR_CONF,
            "delivery_pool: no eventloop \"%.*s\" is defined", STR_ARG(name));
    unsigned n = 0;
    while (l->delivery_at + n < l->count &&
        str_eq(str_of(l->pool[l->delivery_at + n]), name))
        n++;
    l->delivery_count = n;
    return 0;
}

static int
find_scheduler(const struct generation *g, struct loops *l, struct err *e)
{
    struct str name =
        scope_str(generation_global(g), OPT(ctl_options, CTL_MAINTAINER_POOL));
    const struct stanza *s = NULL;
    l->shared = !name.n;
    l->scheduler = l->io[0];
    if (l->shared)
        return 0;
    while ((s = generation_stanza(g, SCOPE_EVENTLOOP, NULL, s)) != NULL)
        if (str_eq(stanza_name(s).n ? stanza_name(s) : STR("default"), name)) {
            l->scheduler = loop_new("scheduler", e);
            return l->scheduler ? 0 : e->code;
        }
    return err_set(e, ERR_CONF,
        "maintainer_pool: no eventloop \"%.*s\" is defined", STR_ARG(name));
}

int
loops_make(const struct generation *g, struct loops *to, struct err *e)
{
    *to = (struct loops){0};
    to->io = xcalloc(LOOPS_MAX, sizeof(struct loop *));
    to->pool = xcalloc(LOOPS_MAX, sizeof(char *));
    int rc = add_stanzas(g, to, e);
    if (rc == 0)
        rc = find_delivery(g, to, e);
    if (rc == 0)
        rc = find_scheduler(g, to, e);
    return rc;
}

int
loops_start(struct loops *l, struct err *e)
{
    for (unsigned i = l->shared ? 1 : 0; i < l->count; i++) {
        int rc = loop_start_thread(l->io[i], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void
loops_stop(struct loops *l)
{
    unsigned first = l->shared ? 1 : 0;
    for (unsigned i = first; i < l->count; i++)
        loop_stop(l->io[i]);
    for (unsigned i = first; i < l->count; i++)
        loop_join_thread(l->io[i]);
}

void
loops_free(struct loops *l)
{
    if (!l->shared && l->scheduler)
        loop_free(&l->scheduler);
    for (unsigned i = 0; i < l->count; i++) {
        conn_drop_finishing(l->io[i]);
        loop_free(&l->io[i]);
        if (i + 1 == l->count || l->pool[i] != l->pool[i + 1])
            free((char *)l->pool[i]);
    }
    free(l->io);
    free(l->pool);
    *l = (struct loops){0};
}
