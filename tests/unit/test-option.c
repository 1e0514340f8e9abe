/* SPDX-License-Identifier: Apache-2.0
 *
 * The option tables: every row is accepted in each of its scopes, in both
 * notations, and refused in every other with the scopes that would do.
 */
#include "conf_support.h"
#include "mc_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/absent.h"
#include "conf/describe.h"
#include "conf/ecconf.h"
#include "conf/tree.h"
#include "conf/yaml.h"

static int
setup(void **state)
{
    (void)state;
    conf_support_options();
    return 0;
}

static const struct place {
    uint32_t scope;
    bool nested;
    const char *before, *after;
} places[] = {
    {IMPEL_SCOPE_GLOBAL, false, "", ""},
    {IMPEL_SCOPE_GROUP, true, "binding_group g {", "}"},
    {IMPEL_SCOPE_BINDING, true, "binding b {", "}"},
    {IMPEL_SCOPE_BINDING, true, "binding_group g { binding b {", "} }"},
    {IMPEL_SCOPE_DOMAIN, false, "domain d.test {", "}"},
    {IMPEL_SCOPE_DOMAIN, false, "domain \"/d/\" {", "}"},
    {IMPEL_SCOPE_DOMAIN, true, "binding b { domain d.test {", "} }"},
    {IMPEL_SCOPE_DOMAIN, true, "binding_group g { domain d.test {", "} }"},
    {IMPEL_SCOPE_DOMAIN, true, "binding_group g { binding b { domain d {",
        "} } }"},
    {IMPEL_SCOPE_HOST, false, "host h.test {", "}"},
    {IMPEL_SCOPE_HOST, false, "binding b { host \"/h/\" {", "} }"},
    {IMPEL_SCOPE_LISTENER, false, "esmtp_listener {", "}"},
    {IMPEL_SCOPE_LISTEN, false, "esmtp_listener { listen \":25\" {", "} }"},
    {IMPEL_SCOPE_PEER, false, "esmtp_listener { peer ::1 {", "} }"},
    {IMPEL_SCOPE_PEER, false, "esmtp_listener { listen \":25\" { peer ::/0 {",
        "} } }"},
    {SCOPE_EVENTLOOP, false, "eventloop e {", "}"},
    {SCOPE_THREADPOOL, false, "threadpool t {", "}"},
    {SCOPE_EC_LOGGER, false, "ec_logger l {", "}"},
    {SCOPE_BOUNCE_LOGGER, false, "bounce_logger {", "}"},
    {SCOPE_SECURITY, false, "security {", "}"},
    {SCOPE_DEBUG_FLAGS, false, "debug_flags {", "}"},
    {SCOPE_CONTROL, false, "control_listener {", "}"},
    {SCOPE_CONTROL_LISTEN, false, "control_listener { listen /tmp/c {", "} }"},
    {SCOPE_MODULE, false, "esmtp {", "}"},
    {SCOPE_MXIP, false, "mxip {", "}"},
    {SCOPE_OPENDKIM, false, "opendkim k {", "}"},
    {SCOPE_DKIM_DOMAIN, false, "opendkim { dkim_domain d.test {", "} }"},
};

/* A value that the row takes. */
static void
sample(const struct option *o, struct buf *to)
{
    static const char *const tries[] = {"true", "1", "0640", "h.test", "/x/y",
        "a@b.test", "220 x", "::1", "192.0.2.1", "192.0.2.1:25", "PIPELINING",
        "ESMTP", "SMTP", "8M", "notice", "PLAIN"};
    bool many = o->type == IMPEL_OPT_LIST || o->type == OPTION_CIDRS;

    if (o->type == IMPEL_OPT_DICT) {
        buf_cstr(to, "[ k = v ]");
        return;
    }
    if (str_starts(str_of(o->name), STR("adaptive_"))) {
        buf_cstr(to, "( 1 2 )");
        return;
    }
    for (size_t i = 0; i <= ARRAY_SIZE(tries); i++) {
        struct str s = str_of(i ? tries[i - 1] : o->initial);
        struct option_value v = {
            .text = s, .items = many ? &s : NULL, .item_count = many};
        struct err e = {0};

        if (!s.p || option_judge(o, &v, &e) != 0)
            continue;
        buf_cstr(to, many ? "( " : "");
        ecconf_print_word(s, to);
        buf_cstr(to, many ? " )" : "");
        return;
    }
    fail_msg("no sample value for %s", o->name);
}

static char *
as_yaml(const char *text)
{
    struct conf_report *r = conf_report_new();
    struct buf b = BUF_INIT;
    struct tree t;
    struct err e;

    tree_init(&t, r);
    tree_parse(&t, &t.root, str_of(text), false, "t.conf");
    assert_int_equal(conf_report_count(r, false), 0);
    assert_int_equal(yaml_print(&t.root, &b, &e), 0);
    tree_fini(&t);
    conf_report_free(&r);
    return buf_detach(&b, NULL);
}

static void
walk_one(const struct option *o, const struct place *p)
{
    struct buf text = BUF_INIT;
    char scopes[300], *yaml, *lines;
    bool fits = o->scopes & p->scope &&
        !(p->scope == IMPEL_SCOPE_DOMAIN && p->nested && o->flags & OPTION_TOP);
    struct generation *g;

    buf_printf(&text, "%s %s = ", p->before, o->name);
    sample(o, &text);
    buf_cstr(&text, p->after);
    yaml = as_yaml(text.p);
    option_scope_names(o->scopes, scopes, sizeof(scopes));
    for (int notation = 0; notation < 2; notation++) {
        const char *written = notation ? yaml : text.p;

        if (fits) {
            g = conf_support_load(written, notation);
            generation_unref(&g);
        } else if (!absent_find(str_of(o->name), ABSENT_OPTION, p->scope)) {
            lines = conf_support_refused(written, notation);
            if (!strstr(lines, scopes) || !strstr(lines, "is not valid in"))
                fail_msg("%s: %s", written, lines);
            free(lines);
        }
    }
    free(yaml);
    buf_fini(&text);
}

static void
test_table_walk(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < option_count(); id++)
        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
            walk_one(option_get(id), &places[i]);
}

/* Each row has what its readers need. */
static void
test_rows(void **state)
{
    (void)state;
    assert_true(option_count() > 130);
    for (uint32_t id = 0; id < option_count(); id++) {
        const struct option *o = option_get(id);
        struct option_value v = {.text = str_of(o->initial)};
        struct err e = {0};

        if (option_find(str_of(o->name)) != id || !o->brief || !o->since ||
            !o->scopes || strlen(o->brief) > 90 ||
            o->brief[strlen(o->brief) - 1] == '.')
            fail_msg("%s: the row is not whole", o->name);
        if ((o->type == IMPEL_OPT_CHOICE) && !o->choices)
            fail_msg("%s: no choices", o->name);
        if (o->initial && o->type != IMPEL_OPT_LIST &&
            option_judge(o, &v, &e) < 0)
            fail_msg("%s: its default is refused: %s", o->name, e.text);
        if (absent_find(str_of(o->name), ABSENT_OPTION, 0) &&
            !absent_find(str_of(o->name), ABSENT_OPTION, 0)->scopes)
            fail_msg("%s: both here and absent", o->name);
    }
}

static void
test_absent_rows(void **state)
{
    const struct absent *a;
    struct option_value v = {.text = STR("x")};
    struct err e;

    (void)state;
    for (size_t i = 0; (a = absent_get(i)) != NULL; i++) {
        assert_true(a->why && a->why[0]);
        assert_int_equal(absent_judge(a, str_of(a->name), &v, &e),
            a->error ? ERR_CONF : OPTION_WARN);
        assert_non_null(strstr(e.text, a->why));
    }
    assert_non_null(absent_find(STR("TLS_ENGINE"), ABSENT_OPTION, 1));
    assert_null(absent_find(STR("nonsense"), ABSENT_BOTH, 1));
}

static void
test_add_twice(void **state)
{
    static const struct option rows[] = {{.name = "Gateway"}};
    struct option_set set = OPTION_SET("toy", rows);
    char near[100];
    struct err e;

    (void)state;
    assert_int_equal(option_add(&set, &e), ERR_BUSY);
    assert_non_null(strstr(e.text, "toy: option Gateway exists already"));
    assert_int_equal(
        option_add_listener("esmtp_listener", "other", &e), ERR_BUSY);
    assert_int_equal(option_add_listener("domain", "other", &e), ERR_BUSY);
    assert_int_equal(option_add_listener("esmtp_Listener", "esmtp", &e), 0);
    assert_int_equal(option_add_method("SMTP", "other", &e), ERR_BUSY);
    option_near(STR("ehlo_timeot"), near, sizeof(near));
    assert_non_null(strstr(near, "ehlo_timeout"));
    assert_string_equal(option_layer(option_find(STR("GATEWAY"))), "route");
}

/* A module's rows, a secret among them, added after others. */
static void
test_module_rows(void **state)
{
    static const struct option rows[] = {
        {.name = "toy_key",
            .type = IMPEL_OPT_SECRET,
            .scopes = IMPEL_SCOPE_OUTBOUND,
            .brief = "b",
            .since = "1"},
        {.name = "toy_wait",
            .type = IMPEL_OPT_DURATION,
            .scopes = IMPEL_SCOPE_OUTBOUND,
            .initial = "5000",
            .flags = OPTION_MS,
            .brief = "b",
            .since = "1"},
        {.name = "toy_factor",
            .type = OPTION_FLOAT,
            .scopes = IMPEL_SCOPE_GLOBAL,
            .initial = "0.3",
            .brief = "b",
            .since = "1"},
    };
    static struct option_set set = OPTION_SET("toy", rows);
    struct generation *g, *old = conf_support_load("", false);
    const struct scope *s;
    struct err e;

    (void)state;
    assert_int_equal(option_add(&set, &e), 0);
    assert_false(scope_is_set(generation_global(old), OPT(set, 1)));
    setenv("IMPEL_TEST_KEY", "s3cret", 1);
    g = conf_support_load(
        "toy_key = env:IMPEL_TEST_KEY domain d { toy_wait = 7 } domain e { "
        "toy_wait = 2s toy_key = \"plain\" }",
        false);
    s = generation_scope(g, STR_NONE, STR("d"));
    assert_true(str_eq(scope_str(s, OPT(set, 0)), STR("s3cret")));
    assert_int_equal(scope_int(s, OPT(set, 1)), 7);
    s = generation_scope(g, STR_NONE, STR("e"));
    assert_true(str_eq(scope_str(s, OPT(set, 0)), STR("plain")));
    assert_int_equal(scope_int(s, OPT(set, 1)), 2000);
    assert_int_equal(scope_int(generation_global(g), OPT(set, 1)), 5000);
    assert_true(scope_double(s, OPT(set, 2)) > 0.29);
    generation_unref(&g);
    generation_unref(&old);
    conf_support_says("toy_key = env:IMPEL_NO_SUCH", false, "toy_key: env:");
    conf_support_says("toy_key = file:/nonexistent/x", false, "secret file");
    conf_support_options();
}

static void
test_describe(void **state)
{
    (void)state;
    for (int as = DESCRIBE_TEXT; as <= DESCRIBE_JSON; as++) {
        struct buf b = BUF_INIT;
        struct err e;

        assert_int_equal(describe_print(STR_NONE, as, &b, &e), 0);
        assert_non_null(strstr(
            b.p, as == DESCRIBE_MAN ? ".B retry_interval" : "retry_interval"));
        buf_fini(&b);
        assert_int_equal(describe_print(STR("absent"), as, &b, &e), 0);
        assert_non_null(strstr(b.p, "tls_engine"));
        buf_fini(&b);
        assert_int_equal(
            describe_print(STR("rety_interval"), as, &b, &e), ERR_NOTFOUND);
        assert_non_null(strstr(e.text, "retry_interval"));
        buf_fini(&b);
    }
}

static void
options_page(struct buf *to)
{
    struct err e;

    buf_cstr(to,
        "# Options\n\nGenerated from the tables of the core: "
        "`IMPEL_WRITE_DOCS=1 tests/unit/test-option` writes it anew. "
        "Options of modules are in `modules/`. Every name of Momentum's "
        "configuration, and what became of it, is [below]"
        "(#momentums-options-one-by-one).\n\n");
    assert_int_equal(describe_print(STR_NONE, DESCRIBE_MD, to, &e), 0);
    buf_cstr(to,
        "\n## What Momentum has and Impel has not\n\n"
        "A warning: it loads and has no effect. An error: ignoring it "
        "would change where, how safely or whether mail is sent.\n"
        "\n");
    assert_int_equal(describe_print(STR("absent"), DESCRIBE_MD, to, &e), 0);
    buf_cstr(to,
        "\n## Momentum's options, one by one\n\n"
        "What works stands above or on its module's page. What comes with a "
        "later version, or is left out, says how it loads until then in the "
        "table before this one.\n\n");
    mc_options_print(to);
}

static void
test_docs(void **state)
{
    const char *dir = getenv("srcdir");
    struct buf page = BUF_INIT, have = BUF_INIT;
    char path[4096], part[4096];
    size_t n;
    FILE *f;

    (void)state;
    options_page(&page);
    snprintf(path, sizeof(path), "%s/docs/options.md", dir ? dir : "..");
    if (getenv("IMPEL_WRITE_DOCS")) {
        f = fopen(path, "w");
        assert_non_null(f);
        fwrite(page.p, 1, page.n, f);
        fclose(f);
    }
    f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_add(&have, part, n);
    fclose(f);
    if (!str_eq(buf_get(&page), buf_get(&have)))
        fail_msg("docs/options.md is not what the tables say: run "
                 "IMPEL_WRITE_DOCS=1 tests/unit/test-option");
    buf_fini(&page);
    buf_fini(&have);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_absent_rows),
        cmocka_unit_test(test_table_walk),
        cmocka_unit_test(test_add_twice),
        cmocka_unit_test(test_module_rows),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_docs),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
