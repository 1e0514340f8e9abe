/* SPDX-License-Identifier: Apache-2.0
 *
 * test-assign.c - which binding a recipient's mail gets, and the field that
 * may say so.
 */
#include "unit.h"

#include "conf_support.h"
#include "intake/assign.h"
#include "queue/choose.h"

/* --- the header --- */

static const struct {
    const char *in, *kept, *said; /* said NULL: nothing */
} headers[] = {
    {"", "", NULL},
    {"\r\nX-Binding: b\r\n", "\r\nX-Binding: b\r\n", NULL},
    {"A: 1\r\nX-Binding: b1\r\nB: 2\r\n\r\ntext\r\n",
        "A: 1\r\nB: 2\r\n\r\ntext\r\n", "b1"},
    {"x-bInDiNg \t:b1 \r\n\r\n", "\r\n", "b1"},
    {"X-Binding:\r\n\tb1\r\n  \r\nA: 1\r\n\r\n", "A: 1\r\n\r\n", "b1"},
    {"X-Binding: b1\nA: 1\n\nX-Binding: b2\n", "A: 1\n\nX-Binding: b2\n", "b1"},
    {"X-Binding: b1\r\nA: 1\r\n 2\r\nX-Binding: b2\r\n 3\r\nC: 4\r\n\r\n",
        "A: 1\r\n 2\r\nC: 4\r\n\r\n", "b1"},
    {"X-Bindings: a\r\nX-Bindin: b\r\nX-Binding b: c\r\nX-Binding\r\n\r\n",
        "X-Bindings: a\r\nX-Bindin: b\r\nX-Binding b: c\r\nX-Binding\r\n\r\n",
        NULL},
    {"X\rBinding: b1\r\n\r\n", "X\rBinding: b1\r\n\r\n", NULL},
    {"A: X-Binding: b\r\n X-Binding: b\r\n\r\n",
        "A: X-Binding: b\r\n X-Binding: b\r\n\r\n", NULL},
    {"\rX: 1\r\nX-Binding:b1\r\n\r\n", "\rX: 1\r\n\r\n", "b1"},
    {"X-Binding:\r\n\r\n", "\r\n", ""},
    {"A: 1\r\nX-Binding", "A: 1\r\nX-Binding", NULL}, /* it ends there */
    {"A: 1\r\nX-Binding: b1", "A: 1\r\n", "b1"},
    {" X-Binding: b\r\nX-Binding: c\r\n\r\n", " X-Binding: b\r\n\r\n", "c"},
};

static void
filter_in_pieces(
    const char *in, size_t step, struct buf *kept, struct buf *said)
{
    struct assign *a = assign_new();
    size_t n = strlen(in);
    bool more = true;

    buf_cut(kept, 0);
    buf_cut(said, 0);
    for (size_t at = 0; at < n; at += step) {
        struct str s = str_make(in + at, MIN_OF(step, n - at));
        if (more)
            more = assign_filter(a, s, kept);
        else
            buf_str(kept, s);
    }
    assign_end(a, kept);
    if (assign_said(a).p)
        buf_printf(said, "=%.*s", STR_ARG(assign_said(a)));
    assign_free(&a);
}

static void
fields_are_taken_out(void **state)
{
    struct buf kept = BUF_INIT, said = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        for (size_t step = 1; step <= 64; step++) {
            char want[64] = "";

            if (headers[i].said)
                (void)snprintf(want, sizeof(want), "=%s", headers[i].said);
            filter_in_pieces(headers[i].in, step, &kept, &said);
            assert_true(str_eq(buf_get(&kept), str_of(headers[i].kept)));
            assert_true(str_eq(buf_get(&said), str_of(want)));
        }
    buf_fini(&kept);
    buf_fini(&said);
}

/* A value without end, and a name with spaces without end, are bounded. */
static void
what_is_too_long_is_no_name(void **state)
{
    struct buf in = BUF_INIT, kept = BUF_INIT, said = BUF_INIT;

    (void)state;
    buf_cstr(&in, "X-Binding: b1");
    for (int i = 0; i < 100000; i++)
        buf_cstr(&in, "x");
    buf_cstr(&in, "\r\nX-Binding");
    for (int i = 0; i < 1000; i++)
        buf_cstr(&in, " ");
    buf_cstr(&in, ": b2\r\n\r\n");
    filter_in_pieces(in.p, 777, &kept, &said);
    assert_int_equal(kept.n, 9 + 1000 + 6 + 2);
    assert_int_equal(said.n, 1 + 320 - 1); /* the space before it apart */
    buf_fini(&in);
    buf_fini(&kept);
    buf_fini(&said);
}

/* --- the choice --- */

static const char conf[] =
    "binding b1 { }\n"
    "binding b2 { Domain \"late.test\" { Suspend_Delivery = true } }\n"
    "binding b3 { Suspend_Delivery = true }\n"
    "binding_group g1 { binding m1 { } binding m2 { } binding m3 { }\n"
    "  binding m4 { Suspend_Delivery = true } }\n"
    "binding_group all_wait { Suspend_Delivery = true binding w1 { }\n"
    "  binding w2 { } }\n"
    "binding_group nobody { }\n"
    "domain \"one.test\" { Assign_Binding = b1 }\n"
    "domain \"many.test\" { Assign_Binding = g1 }\n"
    "domain \"typo.test\" { Assign_Binding = gone }\n"
    "domain \"empty.test\" { Assign_Binding = nobody }\n";

static void
the_nearest_word_counts(void **state)
{
    static const struct {
        const char *said, *domain, *binding;
    } rows[] = {
        {"", "any.test", "default"},
        {"b2", "any.test", "b2"},
        {"b2", "one.test", "b2"},      /* before the domain's */
        {"b3", "any.test", "b3"},      /* by name: it waits */
        {"B2", "any.test", "default"}, /* names mind case */
        {"default", "one.test", "default"},
        {"gone", "any.test", "default"},
        {"gone", "one.test", "b1"},
        {"nobody", "one.test", "b1"},
        {"", "one.test", "b1"},
        {"", "ONE.test.", "b1"},
        {"", "typo.test", "default"},
        {"", "empty.test", "default"},
    };
    struct generation *g = conf_support_load(conf, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str got =
            choose_binding(g, str_of(rows[i].said), 7, str_of(rows[i].domain));

        if (!str_eq(got, str_of(rows[i].binding)))
            fail_msg(
                "'%s' %s: %.*s", rows[i].said, rows[i].domain, STR_ARG(got));
        assert_true(str_eq(
            choose_known(g, str_of(rows[i].said), str_of(rows[i].domain)),
            got));
    }
    assert_true(
        str_eq(choose_binding(g, STR_NONE, 7, STR_NONE), STR("default")));
    assert_null(choose_known(g, STR("g1"), STR("any.test")).p);
    assert_null(choose_known(g, STR(""), STR("many.test")).p);
    assert_true(assign_is_known(g, STR("g1")));
    assert_true(assign_is_known(g, STR("default")));
    assert_false(assign_is_known(g, STR("nobody")));
    assert_false(assign_is_known(g, STR("")));
    generation_unref(&g);
}

static size_t
member(struct generation *g, uint64_t id)
{
    struct str s = choose_binding(g, STR(""), id, STR("many.test"));

    assert_int_equal(s.n, 2);
    assert_int_equal(s.p[0], 'm');
    return (size_t)(s.p[1] - '1');
}

/* Three usable members, 30,000 messages with ids as they come: chi square of
 * two degrees of freedom is under 13.8 but once in a thousand, and ids are the
 * same each time. */
static void
members_share_evenly(void **state)
{
    struct generation *g = conf_support_load(conf, false);
    double count[4] = {0}, chi = 0;

    (void)state;
    for (uint64_t i = 0; i < 30000; i++)
        count[member(g, 0x1234560000 + i)]++;
    assert_true(count[3] == 0); /* suspended */
    for (int i = 0; i < 3; i++)
        chi += (count[i] - 10000) * (count[i] - 10000) / 10000;
    assert_true(chi < 13.8);
    generation_unref(&g);
}

/* Who goes takes nothing with him but his own share. */
static void
others_stay_where_they_are(void **state)
{
    struct generation *all = conf_support_load(conf, false), *less;
    unsigned moved = 0;

    (void)state;
    less = conf_support_load("binding_group g1 { binding m1 { }\n"
                             "  binding m3 { } }\n"
                             "domain \"many.test\" { Assign_Binding = g1 }\n",
        false);
    for (uint64_t id = 1; id < 3000; id++) {
        size_t before = member(all, id);

        if (before == 1)
            moved++;
        else
            assert_int_equal(member(less, id), before);
        assert_int_equal(member(less, id), member(less, id));
    }
    assert_in_range(moved, 800, 1200);
    generation_unref(&all);
    generation_unref(&less);
}

/* Not of this process's making: what is read from a spool gets the same one. */
static void
the_same_after_a_restart(void **state)
{
    struct generation *g = conf_support_load(conf, false);
    char got[17] = "";

    (void)state;
    for (uint64_t id = 1; id <= 16; id++)
        got[id - 1] = (char)('1' + member(g, id << 20));
    assert_string_equal(got, "2313211132211313");
    generation_unref(&g);
}

/* Of a group that waits as a whole mail waits with the one it belongs to; and
 * a member may be suspended for one domain. */
static void
suspended_members(void **state)
{
    struct generation *g = conf_support_load(conf, false), *h;
    unsigned seen[2] = {0};

    (void)state;
    for (uint64_t id = 0; id < 100; id++) {
        struct str s = choose_binding(g, STR("all_wait"), id, STR("x.test"));

        assert_int_equal(s.p[0], 'w');
        seen[s.p[1] - '1']++;
    }
    assert_true(seen[0] > 20 && seen[1] > 20);
    generation_unref(&g);
    h = conf_support_load("binding_group g { binding b1 { } binding b2 {\n"
                          "  Domain \"late.test\" { Suspend_Delivery = true }\n"
                          "} }\n",
        false);
    for (uint64_t id = 0; id < 100; id++)
        assert_true(str_eq(
            choose_binding(h, STR("g"), id, STR("late.test")), STR("b1")));
    generation_unref(&h);
}

static void
no_default_binding(void **state)
{
    struct generation *g =
        conf_support_load("Default_Binding = none\nbinding b1 { }\n"
                          "domain \"one.test\" { Assign_Binding = b1 }\n",
            false);

    (void)state;
    assert_true(assign_refuses(g, STR(""), STR("x.test")));
    assert_true(assign_refuses(g, STR("default"), STR("one.test")));
    assert_false(assign_refuses(g, STR(""), STR("one.test")));
    assert_false(assign_refuses(g, STR("b1"), STR("x.test")));
    generation_unref(&g);
    g = conf_support_load("binding b1 { }\n", false);
    assert_false(assign_refuses(g, STR(""), STR("x.test")));
    generation_unref(&g);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_taken_out),
        cmocka_unit_test(what_is_too_long_is_no_name),
        cmocka_unit_test(the_nearest_word_counts),
        cmocka_unit_test(members_share_evenly),
        cmocka_unit_test(others_stay_where_they_are),
        cmocka_unit_test(the_same_after_a_restart),
        cmocka_unit_test(suspended_members),
        cmocka_unit_test(no_default_binding),
    };
    conf_support_options();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
