/* SPDX-License-Identifier: Apache-2.0
 *
 * impel config ...: what is printed and what changes; includes.
 */
#include "conf_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "conf/query.h"

static char dir[64];

static int
setup(void **state)
{
    (void)state;
    conf_support_options();
    snprintf(dir, sizeof(dir), "impel-test-query-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int
teardown(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static const char text[] =
    "retry_interval = 60\n"
    "binding_group g { idle_timeout = 9 binding b { retry_interval = 70\n"
    "  domain d.test { max_deliveries_per_connection = 3 } } }\n"
    "esmtp_listener { listen \":25\" { idle_time = 44 } }\n"
    "host mx.test { max_outbound_connections = 2 }\n"
    "domain d.test { routes = ( a \"b c\"  ) }\n";

static int
run(struct generation *g, const char *line, bool json, char **out,
    struct generation **changed, struct err *e)
{
    struct str words[20], rest = str_of(line);
    struct buf b = BUF_INIT;
    struct query q = {.words = words, .json = json, .generation = g, .out = &b};
    int rc;

    while (rest.p)
        words[q.word_count++] = str_cut(&rest, ' ');
    e->text[0] = 0;
    rc = query_run(&q, e);
    buf_cstr(&b, "");
    *out = buf_detach(&b, NULL);
    if (changed)
        *changed = q.changed;
    else
        assert_null(q.changed);
    return rc;
}

static void
says(struct generation *g, const char *line, const char *want)
{
    struct err e;
    char *out;

    if (run(g, line, false, &out, NULL, &e))
        fail_msg("%s: %s", line, e.text);
    if (!strstr(out, want))
        fail_msg("%s: wanted \"%s\" in: %s", line, want, out);
    free(out);
}

static void
fails(struct generation *g, const char *line, int rc, const char *want)
{
    struct err e;
    char *out;

    assert_int_equal(run(g, line, false, &out, NULL, &e), rc);
    if (!strstr(e.text, want))
        fail_msg("%s: wanted \"%s\" in: %s", line, want, e.text);
    free(out);
}

static struct generation *
load(void)
{
    char sane[sizeof(text)];
    char *c;

    memcpy(sane, text, sizeof(text));
    c = strstr(sane, "\"b c\"");
    memcpy(c, "b.c  ", 5);
    return conf_support_load(sane, false);
}

/* Without a binding it is the one that delivers what has none. */
static void
test_domain_without_binding(void **state)
{
    struct generation *g = conf_support_load(
        "retry_interval = 60\n"
        "domain d.test { retry_interval = 32 }\n"
        "binding default { retry_interval = 7\n"
        "  domain d.test { retry_interval = 3 } }\n"
        "binding_group g { binding b { retry_interval = 9 } }\n",
        false);

    (void)state;
    says(g, "eval domain d.test retry_interval", "= 3\n");
    says(g, "eval domain e.test retry_interval", "= 7\n");
    says(g, "explain domain d.test retry_interval",
        "  from binding default, domain d.test");
    says(g, "eval global domain d.test retry_interval", "= 32\n");
    says(g, "eval global domain e.test retry_interval", "= 60\n");
    says(g, "eval retry_interval", "= 60\n");
    says(g, "eval binding_group g domain d.test retry_interval", "= 32\n");
    generation_unref(&g);
}

static void
test_questions(void **state)
{
    struct generation *g = load();

    (void)state;
    says(g, "get retry_interval", "retry_interval = 60\n");
    says(g, "get binding_group g binding b retry_interval", "= 70");
    fails(g, "get domain d.test retry_interval", ERR_NOTFOUND, "not set in");
    fails(g, "get domain e.test retry_interval", ERR_NOTFOUND, "no such");
    says(g, "eval binding b domain d.test retry_interval", "= 70");
    says(g, "eval binding b domain d.test idle_timeout", "= 9");
    says(g, "eval domain any.test retry_interval", "= 60");
    says(g, "eval binding_group g domain any.test idle_timeout", "= 9");
    says(g, "eval domain d.test routes", "routes = ( a b.c )");
    says(g, "eval host mx.test max_outbound_connections", "= 2");
    says(g, "eval host mx2.test max_outbound_connections", "(unset)");
    says(g, "eval esmtp_listener listen :25 idle_time", "= 44");
    says(g, "explain binding b domain d.test retry_interval",
        "binding_group g, binding b (t.conf:2)");
    says(g, "explain binding b domain d.test retry_interval",
        "built-in default: 1200");
    says(g, "explain retry_interval", "global (t.conf:1)");
    says(g, "show", "binding_group g { ... }");
    says(g, "showrecurse", "idle_time = 44");
    says(g, "show domain d.test", "routes = ( a b.c )");
    says(g, "describe retry_interval", "default: 1200");
    fails(g, "eval binding x retry_interval", ERR_NOTFOUND, "no binding x");
    fails(g, "eval retry_intervall", ERR_NOTFOUND, "retry_interval");
    fails(g, "eval domain", ERR_INVAL, "expected a name");
    fails(g, "eval", ERR_INVAL, "expected the name");
    fails(g, "frob", ERR_INVAL, "expected check");
    generation_unref(&g);
}

static void
test_json(void **state)
{
    static const char *const lines[] = {"eval domain d.test routes",
        "get retry_interval", "show", "explain binding b idle_timeout",
        "describe retry_interval"};
    struct generation *g = load();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        json_error_t why;
        struct err e;
        char *out;
        json_t *j;

        assert_int_equal(run(g, lines[i], true, &out, NULL, &e), 0);
        j = json_loads(out, 0, &why);
        if (!j)
            fail_msg("%s: %s: %s", lines[i], why.text, out);
        json_decref(j);
        free(out);
    }
    generation_unref(&g);
}

static void
change(struct generation **g, const char *line)
{
    struct generation *next;
    struct err e;
    char *out;

    if (run(*g, line, false, &out, &next, &e))
        fail_msg("%s: %s", line, e.text);
    assert_non_null(next);
    assert_true(generation_number(next) > generation_number(*g));
    generation_unref(g);
    *g = next;
    free(out);
}

static void
test_changes(void **state)
{
    struct generation *g = load();

    (void)state;
    for (int i = 0; i < 3; i++)
        change(&g, "set binding_group g binding b retry_interval = 80");
    says(g, "eval binding b retry_interval", "= 80");
    says(g, "explain binding b retry_interval", "(online)");
    change(&g, "set domain new.test suspend_delivery true");
    says(g, "eval domain new.test suspend_delivery", "= true");
    change(&g, "set relay_hosts ( 10.0.0.1 10.0.0.2 )");
    says(g, "eval relay_hosts", "( 10.0.0.1 10.0.0.2 )");
    change(&g, "set domain D.test routes x y");
    says(g, "eval domain d.test routes", "( x y )");
    change(&g, "unset domain d.test routes");
    fails(g, "get domain d.test routes", ERR_NOTFOUND, "not set");
    change(&g, "unset binding_group g");
    fails(g, "eval binding b retry_interval", ERR_NOTFOUND, "no binding");
    fails(g, "unset retry", ERR_NOTFOUND, "unknown");
    fails(g, "unset domain x.test", ERR_NOTFOUND, "not set there");
    fails(g, "unset", ERR_INVAL, "global scope cannot");
    fails(g, "set retry_interval soon", ERR_CONF, "time in seconds");
    fails(g, "set binding b2 routes x", ERR_CONF, "#name");
    fails(g, "set retry_interval", ERR_INVAL, "expected: set");
    fails(g, "set relay_hosts ( ::1 ) hostname = x", ERR_INVAL, "expected");
    fails(g, "set relay_hosts ( ::1 } x", ERR_CONF, "expected");
    fails(g, "set relay_hosts ( ::1 ) }", ERR_CONF, "expected");
    says(g, "eval retry_interval", "= 60");
    generation_unref(&g);
}

static void
put(const char *name, const char *what)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(what, f);
    fclose(f);
}

static int
load_file(const char *name, struct generation **g, char *lines, size_t size)
{
    char path[200];
    struct generation_load how = {.path = path};
    struct conf_report *r = conf_report_new();
    struct buf b = BUF_INIT;
    struct err e;
    int rc;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    rc = generation_load(&how, g, r, &e);
    conf_report_print(r, &b);
    str_copy(lines, size, buf_get(&b));
    buf_fini(&b);
    conf_report_free(&r);
    return rc;
}

static void
test_includes(void **state)
{
    struct generation *g;
    char lines[2000], path[200];

    (void)state;
    snprintf(path, sizeof(path), "%s/many", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/many/sub", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put("many/10.conf", "retry_interval = 10");
    put("many/20.yaml", "retry_interval: 20");
    put("many/.30.conf", "retry_interval = 30");
    put("many/sub/40.conf", "retry_interval = 40");
    put("in.conf", "idle_timeout = 3");
    put("main.conf",
        "include many\ndomain d.test { include \"in.conf\" }\n"
        "readonly_include \"in.conf\"\nhostname = h.test\n");
    put("main.yaml", "include: [many]\ndomain:\n  d.test: {include: in.conf}");
    put("self.conf", "include self.conf");
    put("none.conf", "\n include nowhere.conf");
    put("bad.conf", "include worse.conf");
    put("worse.conf", "hostname =\n");
    put("uri.conf", "include \"http://x/y\"");
    if (load_file("main.conf", &g, lines, sizeof(lines)))
        fail_msg("%s", lines);
    assert_int_equal(conf_support_int(g, NULL, NULL, "retry_interval"), 20000);
    assert_int_equal(conf_support_int(g, NULL, "d.test", "idle_timeout"), 3000);
    generation_unref(&g);
    if (load_file("main.yaml", &g, lines, sizeof(lines)))
        fail_msg("%s", lines);
    assert_int_equal(conf_support_int(g, NULL, "d.test", "idle_timeout"), 3000);
    assert_int_equal(conf_support_int(g, NULL, "e.test", "idle_timeout"), 5000);
    generation_unref(&g);
    assert_int_equal(
        load_file("self.conf", &g, lines, sizeof(lines)), ERR_CONF);
    assert_non_null(strstr(lines, "includes itself"));
    assert_int_equal(
        load_file("none.conf", &g, lines, sizeof(lines)), ERR_CONF);
    assert_non_null(strstr(lines, "none.conf:2:10: error: cannot find"));
    assert_int_equal(load_file("bad.conf", &g, lines, sizeof(lines)), ERR_CONF);
    assert_non_null(strstr(lines, "worse.conf:2:1: error:"));
    assert_int_equal(load_file("uri.conf", &g, lines, sizeof(lines)), ERR_CONF);
    assert_int_equal(
        load_file("gone.conf", &g, lines, sizeof(lines)), ERR_CONF);
    assert_non_null(strstr(lines, "No such file"));
}

static void
test_search_path(void **state)
{
    struct generation *g;
    char lines[2000], path[300];

    (void)state;
    snprintf(path, sizeof(path), "%s/far", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put("far/there.conf", "idle_timeout = 8");
    put("seek.conf", "include there.conf");
    assert_int_equal(
        load_file("seek.conf", &g, lines, sizeof(lines)), ERR_CONF);
    snprintf(path, sizeof(path), "/nonexistent::%s/far", dir);
    setenv("EC_CONF_SEARCH_PATH", path, 1);
    if (load_file("seek.conf", &g, lines, sizeof(lines)))
        fail_msg("%s", lines);
    assert_int_equal(conf_support_int(g, NULL, NULL, "idle_timeout"), 8000);
    generation_unref(&g);
    unsetenv("EC_CONF_SEARCH_PATH");
}

static void
test_local_changes(void **state)
{
    struct generation *g;
    char lines[2000], cwd[2000], main_text[3000];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(main_text, sizeof(main_text),
        "local_changes_file = \"%s/%s/changes.conf\"\nidle_timeout = 3", cwd,
        dir);
    put("changed.conf", main_text);
    assert_int_equal(load_file("changed.conf", &g, lines, sizeof(lines)), 0);
    assert_int_equal(conf_support_int(g, NULL, NULL, "idle_timeout"), 3000);
    generation_unref(&g);
    put("changes.conf", "idle_timeout = 4");
    assert_int_equal(load_file("changed.conf", &g, lines, sizeof(lines)), 0);
    assert_int_equal(conf_support_int(g, NULL, NULL, "idle_timeout"), 4000);
    assert_string_equal(lines, "");
    generation_unref(&g);
}

static void
test_check_and_convert(void **state)
{
    char line[200];

    (void)state;
    put("fine.conf", "domain \"/b/\" { } domain a { }\ninclude other.conf");
    put("twin.yaml", "hostname: h.test");
    snprintf(line, sizeof(line), "convert %s/fine.conf", dir);
    says(NULL, line, "domain:\n  /b/: {}\n  a: {}\ninclude: other.conf\n");
    snprintf(line, sizeof(line), "convert %s/twin.yaml conf", dir);
    says(NULL, line, "hostname = h.test\n");
    snprintf(line, sizeof(line), "check %s/twin.yaml", dir);
    says(NULL, line, "Configuration valid");
    snprintf(line, sizeof(line), "check %s/fine.conf", dir);
    fails(NULL, line, ERR_CONF, "other.conf");
    fails(NULL, "convert", ERR_INVAL, "PATH");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_domain_without_binding),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_includes),
        cmocka_unit_test(test_search_path),
        cmocka_unit_test(test_local_changes),
        cmocka_unit_test(test_check_and_convert),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
