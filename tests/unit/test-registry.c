/* SPDX-License-Identifier: Apache-2.0
 *
 * test-registry.c - what is found by use, loaded, kept out or refused, with
 * null.so and the modules of tests/abi.  Runs in the build folder.
 */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmem.h"
#include "conf/generation.h"
#include "route/route_options.h"
#include "xport/hostapi.h"
#include "xport/registry.h"
#include "xport/xport_options.h"

#define FOLDER "tests/unit/registry.tmp"

static struct generation *
parse(const char *text)
{
    struct conf_report *r = conf_report_new();
    struct generation *g = NULL;
    struct err e = {0};

    if (generation_parse(str_of(text), false, "test.conf", &g, r, &e) < 0)
        fail_msg("%s", e.text);
    conf_report_free(&r);
    return g;
}

static int
check(struct generation *g, char *text, size_t size)
{
    struct conf_report *r = conf_report_new();
    struct buf b = BUF_INIT;
    int rc = registry_check(NULL, g, r);

    conf_report_print(r, &b);
    (void)str_copy(text, size, buf_get(&b));
    buf_fini(&b);
    conf_report_free(&r);
    return rc;
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void
copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char part[4096];
    size_t n;

    assert_non_null(in);
    assert_non_null(out);
    while ((n = fread(part, 1, sizeof(part), in)) > 0)
        assert_int_equal(fwrite(part, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* A folder with a list beside an object that is none. */
static int
start(void **state)
{
    struct err e = {0};
    int rc;

    (void)state;
    log_set_mask(LOG_LEVEL_WARNING, 0);
    log_set_mask(LOG_LEVEL_NOTICE, 0);
    (void)mkdir(FOLDER, 0755);
    write_file(FOLDER "/broken.so", "not an object");
    write_file(FOLDER "/broken.serves",
        "module broken\nversion 7\nfuture thing\nmethod BROKEN\n"
        "listener Broken_Listener\n");
    option_reset();
    rc = option_add(&route_options, &e);
    if (rc == 0)
        rc = option_add(&xport_options, &e);
    if (rc == 0)
        rc = registry_open(FOLDER ":modules/null/.libs:/nonexistent::"
                                  "modules/mm7/.libs:tests/abi/.libs",
            &e);
    return rc ? rc : registry_declare(&e);
}

static int
stop(void **state)
{
    (void)state;
    registry_close();
    unlink(FOLDER "/broken.so");
    unlink(FOLDER "/broken.serves");
    unlink(FOLDER "/lmtp.so");
    rmdir(FOLDER);
    return 0;
}

static void
test_by_use(void **state)
{
    struct generation *g = parse("");
    struct module_found f;

    (void)state;
    assert_null(registry_next(NULL)); /* nothing was used yet */
    registry_method(g, "null", &f);
    assert_int_equal(f.state, MODULE_LOADED);
    assert_string_equal(f.module->name, "null");
    assert_ptr_equal(registry_next(NULL), f.module);
    assert_null(registry_next(f.module));
    registry_method(g, "LMTP", &f);
    assert_int_equal(f.state, MODULE_KNOWN);
    assert_non_null(strstr(f.why, "package impel"));
    registry_method(g, "PIGEON", &f);
    assert_int_equal(f.state, MODULE_ABSENT);
    assert_non_null(strstr(f.why, "PIGEON"));
    registry_listener(g, "ecstream_listener", &f);
    assert_int_equal(f.state, MODULE_KNOWN);
    generation_unref(&g);
}

/* Its list says what it would serve, so mail for it knows the reason. */
static void
test_broken(void **state)
{
    struct generation *g = parse("");
    struct module_found f;

    (void)state;
    registry_method(g, "Broken", &f);
    assert_int_equal(f.state, MODULE_REFUSED);
    assert_non_null(strstr(f.why, "module broken would not load"));
    assert_non_null(strstr(f.why, "cannot be loaded"));
    registry_listener(g, "broken_listener", &f);
    assert_int_equal(f.state, MODULE_REFUSED);
    generation_unref(&g);
}

static void
test_disabled(void **state)
{
    struct generation *g = parse("null {\n  enabled = false\n}\n");
    struct module_found f;

    (void)state;
    registry_method(g, "NULL", &f);
    assert_int_equal(f.state, MODULE_DISABLED);
    assert_non_null(strstr(f.why, "enabled = false (test.conf:1)"));
    generation_unref(&g);
}

static void
test_check(void **state)
{
    struct generation *g = parse("delivery_method = \"ESMTP\"\n"
                                 "binding b {\n"
                                 "  domain \"x.test\" {\n"
                                 "    delivery_method = \"TESTING\"\n"
                                 "  }\n"
                                 "}\n");
    struct module_found f;
    char text[1000];

    (void)state;
    assert_int_equal(check(g, text, sizeof(text)), 0);
    registry_method(g, "TESTING", &f); /* of tests/abi; loaded by use */
    assert_int_equal(f.state, MODULE_LOADED);
    generation_unref(&g);
}

/* Wherever a listener's options may stand, its module looks at them, once. */
static void
test_check_of_listeners(void **state)
{
    static const char *const around[][2] = {
        {"mm7_listener {\n", "listen \"127.0.0.1:80\" {\n}\n}\n"},
        {"mm7_listener {\nlisten \"127.0.0.1:80\" {\n", "}\n}\n"},
        {"mm7_listener {\nlisten \"127.0.0.1:80\" {\n"
         "peer \"127.0.0.2\" {\n",
            "}\n}\n}\n"},
        {"mm7_listener {\npeer \"127.0.0.2\" {\n", "}\n}\n"}};
    char text[1000];

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(around); i++) {
        const char *login = i & 1 ? "name:word" : "name";
        char *conf = xprintf("%smm7_server_login = \"%s\"\n%s",
            around[i / 2][0], login, around[i / 2][1]);
        struct generation *g = parse(conf);
        const char *first;

        (void)check(g, text, sizeof(text));
        first = strstr(text, "mm7_server_login is");
        if ((i & 1 && text[0]) ||
            (!(i & 1) && (!first || strstr(first + 1, "mm7_server_login is"))))
            fail_msg("%s\n%s", conf, text);
        free(conf);
        generation_unref(&g);
    }
}

static void
test_option_values(void **state)
{
    struct generation *g = parse("null_action = \"fail\"\n"
                                 "domain \"x.test\" {\n"
                                 "  null_delay = 3\n"
                                 "}\n");
    struct module_found f;
    const struct scope *s;

    (void)state;
    registry_method(g, "NULL", &f);
    s = generation_scope(g, STR_NONE, STR("x.test"));
    assert_int_equal(scope_int(s, f.module->option_ids[0]), 1);
    assert_int_equal(scope_int(s, f.module->option_ids[1]), 3000);
    generation_unref(&g);
}

static void
test_print(void **state)
{
    struct buf b = BUF_INIT;
    char want[80];

    (void)state;
    snprintf(want, sizeof(want), "null 0.1.0 ABI %d.%d loaded methods NULL",
        IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR);
    registry_print(&b, false);
    assert_non_null(strstr(b.p, want));
    assert_non_null(strstr(b.p, "broken 7 refused methods BROKEN"));
    assert_non_null(strstr(b.p, "newer: wants ABI"));
    assert_non_null(strstr(b.p, "is served by module")); /* two for one */
    buf_cut(&b, 0);
    registry_print(&b, true);
    assert_non_null(strstr(b.p, "\"name\": \"null\""));
    assert_non_null(strstr(b.p, "\"state\": \"refused\""));
    buf_fini(&b);
}

static void
count(void *arg, const struct module *m, const struct impel_counter *c,
    int64_t value)
{
    int *n = arg;

    if (!strcmp(m->name, "null") && !strcmp(c->name, "failed"))
        *n = (int)value;
}

static void
test_counters(void **state)
{
    struct module_found f;
    int n = -1;

    (void)state;
    registry_method(NULL, "NULL", &f);
    hostapi_get(false)->count(f.module->instance, 1, 4);
    hostapi_get(false)->count(f.module->instance, 1, 3);
    hostapi_get(false)->count(f.module->instance, 999, 3); /* ignored */
    registry_counters(count, &n);
    assert_int_equal(n, 7);
}

#define LMTP "tests/kit/standin/.libs/lmtp.so"

static bool
is_printed(const char *text)
{
    struct buf b = BUF_INIT;
    bool found;

    registry_print(&b, false);
    found = strstr(b.p, text) != NULL;
    buf_fini(&b);
    return found;
}

static enum module_state
lmtp_state(char *why, size_t size)
{
    struct generation *g = parse("");
    struct module_found f;

    registry_method(g, "LMTP", &f);
    (void)str_copy(why, size, str_of(f.why));
    generation_unref(&g);
    return f.state;
}

/* A package comes, goes, and comes back while the daemon runs. */
static void
test_comes_and_goes(void **state)
{
    struct generation *g;
    struct module_found f;
    uint32_t options = option_count();
    char why[400];

    (void)state;
    assert_int_equal(lmtp_state(why, sizeof(why)), MODULE_KNOWN);
    registry_again(); /* nothing is new */
    assert_int_equal(option_count(), options);

    copy_file(LMTP, FOLDER "/lmtp.so");
    assert_int_equal(lmtp_state(why, sizeof(why)), MODULE_KNOWN);
    registry_again();
    assert_true(option_count() > options);
    g = parse("lmtp_delay = 7\ndelivery_method = LMTP\nlmtp {\n}\n");
    registry_method(g, "LMTP", &f);
    assert_int_equal(f.state, MODULE_LOADED);
    assert_int_equal(
        scope_int(generation_global(g), f.module->option_ids[1]), 7000);
    assert_true(is_printed("lmtp 0.1.0 ABI"));

    unlink(FOLDER "/lmtp.so");
    assert_int_equal(lmtp_state(why, sizeof(why)), MODULE_LOADED);
    registry_again();
    assert_int_equal(lmtp_state(why, sizeof(why)), MODULE_KNOWN);
    assert_non_null(strstr(why, "needs module lmtp, which is not installed"));
    assert_true(is_printed(" removed methods LMTP"));
    assert_int_equal(check(g, why, sizeof(why)), 0); /* nothing but waits */
    generation_unref(&g);
    g = parse("lmtp_delay = 8\n"); /* what it had is still known */
    generation_unref(&g);

    copy_file(LMTP, FOLDER "/lmtp.so");
    registry_again();
    assert_int_equal(lmtp_state(why, sizeof(why)), MODULE_LOADED);
    assert_true(is_printed("another file now, which the next start takes"));
    options = option_count();
    registry_again();
    assert_int_equal(option_count(), options);
}

/* What was refused is tried again when its file is another. */
static void
test_mended(void **state)
{
    (void)state;
    registry_again();
    assert_true(is_printed("broken 7 refused methods BROKEN"));
    write_file(FOLDER "/broken.so", "still not an object, and longer");
    write_file(FOLDER "/broken.serves", "version 8\nmethod BROKEN\n");
    registry_again();
    assert_true(is_printed("broken 8 refused methods BROKEN"));
    unlink(FOLDER "/broken.so");
    registry_again();
    assert_true(is_printed("broken 8 removed methods BROKEN"));
}

/* A folder that cannot be read says nothing of what is in it. */
static void
test_no_folder(void **state)
{
    (void)state;
    assert_int_equal(rename(FOLDER, FOLDER ".away"), 0);
    registry_again();
    assert_false(is_printed(" removed methods LMTP"));
    assert_true(is_printed(" loaded methods LMTP"));
    assert_int_equal(rename(FOLDER ".away", FOLDER), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_use),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_disabled),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_check_of_listeners),
        cmocka_unit_test(test_option_values),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_comes_and_goes),
        cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_mended),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
