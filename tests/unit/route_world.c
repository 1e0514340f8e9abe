/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "route/route_options.h"
#include "route/sts_options.h"
#include "route_world.h"

/* Rows that belong to layers above. */
static const struct option rows[] = {
    {.name = "max_outbound_connections",
        .type = IMPEL_OPT_INT,
        .scopes = IMPEL_SCOPE_OUTBOUND | IMPEL_SCOPE_HOST,
        .initial = "32",
        .min = -1,
        .max = 1000000,
        .brief = "test",
        .since = "0.1"},
    {.name = "scope_max_outbound_connections",
        .type = IMPEL_OPT_INT,
        .scopes = IMPEL_SCOPE_OUTBOUND | IMPEL_SCOPE_HOST,
        .initial = "-1",
        .min = -1,
        .max = 1000000,
        .brief = "test",
        .since = "0.1"},
    {.name = "outbound_throttle_messages",
        .type = OPTION_THROTTLE,
        .scopes = IMPEL_SCOPE_OUTBOUND | IMPEL_SCOPE_HOST,
        .brief = "test",
        .since = "0.1",
        .flags = OPTION_REFERENCE},
    {.name = "outbound_throttle_connections",
        .type = OPTION_THROTTLE,
        .scopes = IMPEL_SCOPE_OUTBOUND | IMPEL_SCOPE_HOST,
        .brief = "test",
        .since = "0.1",
        .flags = OPTION_REFERENCE},
    {.name = "relay_domains",
        .type = IMPEL_OPT_LIST,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .brief = "test",
        .since = "0.1",
        .flags = OPTION_NO_CASE},
    {.name = "bounce_domains",
        .type = IMPEL_OPT_LIST,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .brief = "test",
        .since = "0.1",
        .flags = OPTION_NO_CASE},
    {.name = "lmtp_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "2003",
        .min = 1,
        .max = 65535,
        .brief = "test",
        .since = "0.1"},
};
static struct option_set other_options = OPTION_SET("test", rows);

static int *woken;

static void
on_wake(struct waiter *w)
{
    (void)w;
    (*woken)++;
}

static void
on_changed(void *arg, struct domain *d)
{
    struct world *w = arg;

    (void)d;
    w->changed++;
}

void
world_configure(struct world *w, const char *conf)
{
    struct conf_report *r = conf_report_new();
    struct generation *g = NULL;
    struct buf b = BUF_INIT;
    struct err e = {0};

    if (generation_parse(str_of(conf), false, "test.conf", &g, r, &e) < 0) {
        conf_report_print(r, &b);
        fail_msg("%s\n%s", e.text, buf_get(&b).p);
    }
    conf_report_free(&r);
    if (w->g)
        generation_unref(&w->g);
    w->g = g;
}

void
world_open(struct world *w, const char *conf)
{
    struct resolver_events ev = {
        .arg = w, .changed = on_changed, .wake = on_wake};
    struct dns_config c = {0};
    struct err e = {0};

    memset(w, 0, sizeof(*w));
    woken = &w->woken;
    clock_fake(1000000, 1700000000000);
    option_reset();
    assert_int_equal(option_add(&route_options, &e), 0);
    assert_int_equal(option_add(&sts_options, &e), 0);
    assert_int_equal(option_add(&other_options, &e), 0);
    world_configure(w, conf);
    w->loop = loop_new("test", &e);
    w->dns = dns_new(w->loop, &c, &e);
    w->resolver = resolver_new(w->loop, w->dns, &ev);
    loop_turn(w->loop, 0);
}

void
world_close(struct world *w)
{
    for (size_t i = 0; i < w->open_count; i++)
        hop_closed(&w->open[i], STR("default"), -1, generation_global(w->g));
    resolver_free(&w->resolver);
    dns_free(&w->dns);
    loop_free(&w->loop);
    generation_unref(&w->g);
    fake_dns_reset();
    clock_real();
}

void
world_print(
    struct world *w, struct domain *d, const char *binding, struct buf *to)
{
    domain_print(d, w->g,
        generation_scope(w->g, str_of(binding), domain_name(d)),
        str_of(binding), 25, to);
}

void
world_pass(struct world *w, int64_t ms)
{
    clock_advance(ms);
    for (int i = 0; i < 5; i++)
        loop_turn(w->loop, 0);
}

struct domain *
world_domain(struct world *w, const char *binding, const char *domain)
{
    struct destination to;

    resolve_destination(w->g, str_of(binding), str_of(domain), &to);
    return domain_get(w->resolver, &to);
}

enum hop_result
world_pick(
    struct world *w, struct domain *d, const char *binding, struct hop *to)
{
    enum hop_result rc = HOP_WAIT;

    for (int i = 0; i < 10 && rc == HOP_WAIT; i++) {
        rc = domain_pick(d, w->g,
            generation_scope(w->g, str_of(binding), domain_name(d)),
            str_of(binding), 25, to);
        if (rc == HOP_WAIT)
            loop_turn(w->loop, 0);
    }
    return rc;
}

static const char *
hop_text(struct world *w, enum hop_result rc, const struct hop *h)
{
    static char text[128];
    struct buf b = BUF_INIT;

    switch (rc) {
    case HOP_OK:
        netaddr_print(&h->to, &b);
        break;
    case HOP_WAIT:
        buf_cstr(&b, "wait");
        break;
    case HOP_LIMIT:
        buf_cstr(&b, "limit");
        break;
    case HOP_DOWN:
        buf_printf(&b, "down %d", (int)((h->until - loop_now(w->loop)) / 1000));
        break;
    case HOP_DELAY:
    case HOP_FAIL:
        buf_printf(&b, "%s %u %u.%u.%u", rc == HOP_FAIL ? "fail" : "delay",
            h->code, h->status[0], h->status[1], h->status[2]);
        assert_non_null(strstr(h->text, "[internal]"));
        break;
    }
    str_copy(text, sizeof(text), buf_get(&b));
    buf_fini(&b);
    return text;
}

const char *
world_next(struct world *w, struct domain *d)
{
    struct hop h;
    enum hop_result rc = world_pick(w, d, "default", &h);

    if (rc == HOP_OK && w->open_count < 64)
        w->open[w->open_count++] = h;
    return hop_text(w, rc, &h);
}

const char *
world_try(struct world *w, struct domain *d, bool failed)
{
    struct hop h;
    enum hop_result rc = world_pick(w, d, "default", &h);
    const char *text = hop_text(w, rc, &h);

    if (rc == HOP_OK)
        hop_closed(&h, STR("default"), failed ? 0 : -1,
            generation_scope(w->g, STR("default"), domain_name(d)));
    return text;
}
