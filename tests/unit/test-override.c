/* SPDX-License-Identifier: Apache-2.0
 *
 * Overrides: what comes before what, what they end with, and what a reload and
 * many of them do.
 */
#include "conf_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conf/override.h"
#include "conf/query.h"

static struct generation *g;
static struct overrides *all;

static const char text[] = "retry_interval = 60\n"
                           "domain d.test { retry_interval = 61 }\n"
                           "domain \"/^x/\" { retry_interval = 67 }\n"
                           "binding_group g { retry_interval = 62\n"
                           "  domain d.test { retry_interval = 63 }\n"
                           "  binding b { retry_interval = 64\n"
                           "    domain d.test { retry_interval = 65 } } }\n"
                           "binding alone { }\n";

static void
begin(const char *conf)
{
    clock_fake(1000, 1700000000000);
    conf_support_options();
    g = conf_support_load(conf, false);
    all = overrides_new();
}

static void
end(void)
{
    generation_unref(&g);
    overrides_free(&all);
    option_reset();
    clock_real();
}

static uint32_t
option(const char *name)
{
    uint32_t id = option_find(str_of(name));

    assert_int_not_equal(id, UINT32_MAX);
    return id;
}

/* "binding b domain d.test"; or nothing for all */
static struct override_place
place(const char *words)
{
    struct override_place p = {STR_NONE, STR_NONE, STR_NONE};
    struct str left = str_of(words);

    while (left.n) {
        struct str kind = str_cut(&left, ' ');
        struct str name = str_cut(&left, ' ');

        *(kind.p[0] == 'b'         ? &p.binding
                : kind.p[0] == 'g' ? &p.group
                                   : &p.domain) = name;
    }
    return p;
}

static int
put(const char *where, const char *name, const char *value,
    enum override_source source, struct err *e)
{
    struct override v = {.place = place(where),
        .source = source,
        .option = option(name),
        .value = {.text = str_of(value)},
        .who = STR("uid=0 pid=7"),
        .why = STR("a test")};
    int rc = overrides_set(all, &v, e);

    overrides_install(all, g);
    return rc;
}

static void
set(const char *where, const char *name, const char *value)
{
    struct err e = {0};

    if (put(where, name, value, OVERRIDE_OPERATOR, &e))
        fail_msg("%s %s: %s", where, name, e.text);
}

static void
adapt(const char *where, const char *name, const char *value)
{
    struct err e = {0};

    if (put(where, name, value, OVERRIDE_ADAPTIVE, &e))
        fail_msg("%s %s: %s", where, name, e.text);
}

static void
refused(const char *where, const char *name, const char *value, int code,
    const char *why)
{
    struct err e = {0};

    assert_int_equal(put(where, name, value, OVERRIDE_OPERATOR, &e), code);
    if (!strstr(e.text, why))
        fail_msg("wanted \"%s\" in: %s", why, e.text);
}

static void
clear(const char *where, const char *name)
{
    struct override_place p = place(where);

    assert_true(overrides_clear(all, &p, OVERRIDE_OPERATOR, option(name)));
    overrides_install(all, g);
}

static int64_t
seconds(const char *binding, const char *domain)
{
    return scope_int(generation_scope(g, binding ? str_of(binding) : STR_NONE,
                         domain ? str_of(domain) : STR_NONE),
               option("retry_interval")) /
        1000;
}

/* The least specific first: each wins over all before it. */
static void
test_precedence(void **state)
{
    static const struct {
        const char *where;
        enum override_source source;
    } order[] = {{"", OVERRIDE_ADAPTIVE}, {"domain d.test", OVERRIDE_ADAPTIVE},
        {"group g", OVERRIDE_ADAPTIVE}, {"binding b", OVERRIDE_ADAPTIVE},
        {"group g domain d.test", OVERRIDE_ADAPTIVE},
        {"binding b domain d.test", OVERRIDE_ADAPTIVE}, {"", OVERRIDE_OPERATOR},
        {"domain D.test.", OVERRIDE_OPERATOR}, {"group g", OVERRIDE_OPERATOR},
        {"binding b", OVERRIDE_OPERATOR},
        {"group g domain d.test", OVERRIDE_OPERATOR},
        {"binding b domain d.test", OVERRIDE_OPERATOR}};
    char value[24];

    (void)state;
    for (size_t turn = 0; turn < 2; turn++) { /* whatever is set first */
        begin(text);
        assert_int_equal(seconds("b", "d.test"), 65);
        for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
            size_t at = turn ? ARRAY_SIZE(order) - 1 - i : i;

            (void)snprintf(value, sizeof(value), "%zu", 100 + at);
            if (order[at].source == OVERRIDE_OPERATOR)
                set(order[at].where, "retry_interval", value);
            else
                adapt(order[at].where, "retry_interval", value);
            assert_int_equal(seconds("b", "D.TEST"),
                turn ? 100 + (int)ARRAY_SIZE(order) - 1 : 100 + (int)i);
        }
        assert_int_equal(seconds("b", "d.test"), 111);
        assert_int_equal(seconds("b", "other.test"), 109);
        assert_int_equal(seconds("alone", "d.test"), 107);
        assert_int_equal(seconds("alone", "x.test"), 106);
        assert_int_equal(seconds(NULL, NULL), 106);
        assert_int_equal(
            scope_int(generation_global(g), option("retry_interval")), 106000);
        assert_int_equal(overrides_count(all), ARRAY_SIZE(order));
        end();
    }
}

static void
test_set_clear_and_reload(void **state)
{
    const struct scope *before;
    struct generation *next;

    (void)state;
    begin(text);
    assert_int_equal(generation_overrides(g), 0);
    before = generation_scope(g, STR("b"), STR("other.test"));
    set("binding b", "retry_interval", "5m");
    assert_int_equal(generation_overrides(g), 1);
    assert_int_equal(seconds("b", "other.test"), 300);
    assert_int_equal(seconds("b", "xother.test"), 300); /* before patterns */
    assert_int_equal(seconds("alone", "xother.test"), 67);
    /* who has read it before keeps what he has read */
    assert_int_equal(scope_int(before, option("retry_interval")), 64000);
    assert_ptr_equal(scope_origin(generation_scope(g, STR("b"), STR("q.test")),
                         option("idle_timeout")),
        NULL);
    set("binding b", "retry_interval", "6m");
    set("binding b", "idle_timeout", "7");
    assert_int_equal(overrides_count(all), 2);
    assert_int_equal(seconds("b", NULL), 360);
    next = conf_support_load("retry_interval = 10\nbinding b { }\n", false);
    overrides_install(all, next);
    generation_unref(&g);
    g = next;
    assert_int_equal(seconds("b", NULL), 360);
    assert_int_equal(seconds(NULL, NULL), 10);
    clear("binding b", "retry_interval");
    assert_int_equal(seconds("b", NULL), 10);
    assert_int_equal(scope_int(generation_scope(g, STR("b"), STR_NONE),
                         option("idle_timeout")),
        7000);
    clear("binding b", "idle_timeout");
    assert_int_equal(overrides_count(all), 0);
    next = conf_support_load("retry_interval = 10\nbinding b { }\n", false);
    overrides_install(all, next);
    generation_unref(&g);
    g = next;
    before = generation_scope(g, STR("b"), STR("q.test"));
    set("", "suspend_delivery", "true");
    clear("", "suspend_delivery");
    assert_ptr_equal(generation_scope(g, STR("b"), STR("q.test")), before);
    end();
}

static void
test_refused(void **state)
{
    (void)state;
    begin(text);
    refused("binding b group g", "retry_interval", "5", ERR_INVAL, "in one");
    refused("domain /x/", "retry_interval", "5", ERR_INVAL, "no patterns");
    refused("", "spoolbase", "/x", ERR_INVAL, "cannot be overridden");
    refused("domain d.test", "gateway", "x", ERR_INVAL, "cannot be");
    refused("binding b", "host_failure_retry", "1", ERR_INVAL, "no meaning");
    refused("binding b domain d.test", "host_failure_retry", "1", ERR_INVAL,
        "has no meaning for binding b, domain d.test");
    refused("", "retry_interval", "soon", ERR_CONF, "");
    refused("", "max_outbound_connections", "-7", ERR_CONF, "");
    assert_int_equal(overrides_count(all), 0);
    assert_int_equal(generation_overrides(g), 0);
    end();
}

static void
test_the_first_end(void **state)
{
    struct override v = {.value = {.text = STR("true")}};
    struct err e;
    char name[20];

    (void)state;
    begin(text);
    v.option = option("suspend_delivery");
    for (int i = 5; i > 0; i--) {
        (void)snprintf(name, sizeof(name), "d%d.test", i);
        v.place.domain = str_of(name);
        v.expires = i == 3 ? 0 : 1700000000000 + i;
        assert_int_equal(overrides_set(all, &v, &e), 0);
    }
    for (int i = 1; i < 6; i++) {
        const struct override *first = overrides_first_end(all);
        struct override gone;

        if (i == 3)
            continue;
        assert_int_equal(first->expires, 1700000000000 + i);
        gone = *first;
        assert_true(
            overrides_clear(all, &gone.place, gone.source, gone.option));
        assert_false(
            overrides_find(all, &v.place, v.source, v.option) && i == 1);
    }
    assert_null(overrides_first_end(all));
    assert_int_equal(overrides_count(all), 1);
    assert_string_equal(overrides_next(all, NULL)->place.domain.p, "d3.test");
    end();
}

static bool
explains(const char *line, const char *want)
{
    struct str words[20], rest = str_of(line);
    struct buf out = BUF_INIT;
    struct query q = {.words = words, .generation = g, .out = &out};
    struct err e = {0};
    bool found;

    while (rest.p)
        words[q.word_count++] = str_cut(&rest, ' ');
    assert_int_equal(query_run(&q, &e), 0);
    found = strstr(out.p, want) != NULL;
    if (!found)
        print_message("wanted \"%s\" in: %s\n", want, out.p);
    buf_fini(&out);
    return found;
}

static void
test_where_a_value_is_from(void **state)
{
    (void)state;
    begin(text);
    set("binding b domain d.test", "retry_interval", "9");
    assert_true(explains("eval binding b domain d.test retry_interval", "= 9"));
    assert_true(explains("explain binding b domain d.test retry_interval",
        "from override of binding b, domain d.test by uid=0 pid=7 (a test)\n"));
    assert_true(explains(
        "explain binding b domain d.test retry_interval", "9  <- this"));
    set("", "retry_interval", "8");
    assert_true(explains("eval retry_interval", "= 8"));
    assert_true(explains("eval binding_group g retry_interval", "= 8"));
    end();
}

/* The words, the rates, and the operator who is not bound. */
static void
test_adaptive_is_bounded(void **state)
{
    uint32_t rate, conns;
    const struct scope *s;

    (void)state;
    begin("adaptive_retry_interval = ( 100 200 )\n"
          "adaptive_outbound_throttle_messages = ( 10/60 5 )\n"
          "adaptive_max_outbound_connections = ( 2 20 )\n"
          "binding b { adaptive_retry_interval = ( 300 400 ) }\n");
    rate = option("outbound_throttle_messages");
    conns = option("max_outbound_connections");
    adapt("", "retry_interval", "150");
    assert_int_equal(seconds(NULL, NULL), 150);
    assert_int_equal(seconds("b", "x.test"), 300);
    adapt("", "retry_interval", "1000");
    assert_int_equal(seconds(NULL, "x.test"), 200);
    assert_int_equal(seconds("b", "x.test"), 400);
    assert_true(explains("explain binding b retry_interval",
        "adaptive override of all by uid=0 pid=7 (a test), kept within "
        "adaptive_retry_interval of binding b"));
    set("domain x.test", "retry_interval", "5");
    assert_int_equal(seconds("b", "x.test"), 5);
    adapt("", "outbound_throttle_messages", "1/3600");
    s = generation_scope(g, STR_NONE, STR("y.test"));
    assert_int_equal(scope_throttle(s, rate).count, 10);
    assert_int_equal(scope_throttle(s, rate).window_ms, 60000);
    adapt("", "outbound_throttle_messages", "0"); /* no limit at all */
    s = generation_scope(g, STR_NONE, STR("y.test"));
    assert_int_equal(scope_throttle(s, rate).count, 5);
    assert_int_equal(scope_throttle(s, rate).window_ms, 1000);
    adapt("domain y.test", "max_outbound_connections", "1");
    s = generation_scope(g, STR_NONE, STR("y.test"));
    assert_int_equal(scope_int(s, conns), 2);
    refused(
        "", "adaptive_max_outbound_connections", "x", ERR_CONF, "( LOW HIGH )");
    conf_support_says("adaptive_max_retries = ( 5 4 )", false, "5 is more");
    conf_support_says("adaptive_idle_timeout = ( 5 soon )", false, "soon");
    end();
}

/* What nobody says anything of is what it was; 1,000 of them are found. */
static void
test_many(void **state)
{
    char name[40];

    (void)state;
    begin(text);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "domain n%d.test", i);
        set(name, "retry_interval", "5");
    }
    assert_int_equal(seconds("b", "n999.test"), 5);
    assert_int_equal(seconds("b", "n1000.test"), 64);
    assert_int_equal(seconds("b", "d.test"), 65);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "domain n%d.test", i);
        clear(name, "retry_interval");
    }
    assert_int_equal(overrides_count(all), 0);
    assert_int_equal(seconds("b", "n999.test"), 64);
    end();
}

enum { READERS = 3, CHANGES = 2000 };
static _Atomic bool over;

/* A value is one of those that were ever set, of a scope that stays. */
static void *
reads(void *arg)
{
    uint32_t id = option("retry_interval");
    const struct scope *s, *last = NULL;

    (void)arg;
    while (!atomic_load(&over)) {
        s = generation_scope(g, STR("b"), STR("d.test"));
        if (scope_int(s, id) < 0 || scope_int(s, id) > 65000 ||
            (last && scope_int(last, id) > 65000) || !scope_origin(s, id))
            return (void *)(uintptr_t)1;
        last = s;
    }
    return NULL;
}

/* I/O loops look scopes up while they change. */
static void
test_other_threads(void **state)
{
    pthread_t reader[READERS];
    char value[20];
    void *bad;

    (void)state;
    begin(text);
    atomic_store(&over, false);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, reads, NULL), 0);
    for (int i = 0; i < CHANGES; i++) {
        (void)snprintf(value, sizeof(value), "%d", 1 + i % 50);
        set(i % 2 ? "binding b" : "domain d.test", "retry_interval", value);
        if (i % 5 == 4)
            clear(i % 2 ? "binding b" : "domain d.test", "retry_interval");
    }
    atomic_store(&over, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(reader[i], &bad), 0);
        assert_null(bad);
    }
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_set_clear_and_reload),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_the_first_end),
        cmocka_unit_test(test_where_a_value_is_from),
        cmocka_unit_test(test_adaptive_is_bounded),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_other_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
