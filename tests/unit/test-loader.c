/* SPDX-License-Identifier: Apache-2.0
 *
 * test-loader.c - each refusal has a sentence of its own; what is good comes
 * out in structs of our size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "conf/option.h"
#include "xport/loader.h"

/* --- files --- */

static void
refused(const char *file, int code, const char *words)
{
    struct module *m = NULL;
    struct err e = {0};
    int rc = loader_open(file, &m, &e);

    if (rc != code || !strstr(e.text, words))
        print_error("%s: %d \"%s\"\n", file, rc, e.text);
    assert_int_equal(rc, code);
    assert_non_null(strstr(e.text, words));
    assert_non_null(strstr(e.text, file)); /* which one it was */
    assert_null(m);
}

#define MOD(name) "tests/abi/.libs/mod-" name ".so"

static void
test_files(void **state)
{
    (void)state;
    refused("tests/abi/.libs/absent.so", ERR_NOTFOUND, "no such file");
    refused(MOD("magic"), ERR_PROTO, "no module descriptor");
    refused(MOD("junk"), ERR_PROTO, "no module descriptor");
    refused(MOD("major"), ERR_VERSION, "another major: wants ABI");
    refused(MOD("minor"), ERR_VERSION, "newer: wants ABI");
    refused(MOD("short"), ERR_PROTO, "that of ABI 1.0 has");
    refused(MOD("nosymbol"), ERR_PROTO, "mod_nosymbol_LTX_impel_module");
    /* the linker's own words, which libltdl keeps to itself */
    refused(MOD("undefined"), ERR_IO, "mod_nobody_defines_this");
}

static void
test_good_file(void **state)
{
    struct module *m = NULL;
    struct err e = {0};
    struct buf b = BUF_INIT;

    (void)state;
    assert_int_equal(loader_open(MOD("good"), &m, &e), 0);
    assert_string_equal(m->name, "mod_good");
    assert_true(m->has_transport);
    assert_false(m->has_listener);
    assert_int_equal(m->transport.size, sizeof(m->transport));
    loader_print_serves(m, &b);
    assert_non_null(strstr(buf_get(&b).p, "module mod_good\n"));
    assert_non_null(strstr(buf_get(&b).p, "method TESTING\n"));
    buf_fini(&b);
    loader_free(&m);
}

/* --- descriptors, each with one flaw --- */

static int
do_load(const struct impel_host *h, struct impel_instance *i, void **ctx,
    struct impel_error *e)
{
    (void)h, (void)i, (void)ctx, (void)e;
    return 0;
}

static void
do_nothing(void *s)
{
    (void)s;
}

static int
do_open(void *ctx, struct impel_session *s, const struct impel_scope *scope,
    const struct impel_peer *peer, void **mine, struct impel_error *e)
{
    (void)ctx, (void)s, (void)scope, (void)peer, (void)mine, (void)e;
    return 0;
}

static void
do_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    (void)s, (void)b, (void)event, (void)arg;
}

static void
do_deliver(void *s, struct impel_batch *b, const struct impel_envelope *env)
{
    (void)s, (void)b, (void)env;
}

static void
do_cancel(void *s, struct impel_batch *b)
{
    (void)s, (void)b;
}

static void
do_close(void *s, int now)
{
    (void)s, (void)now;
}

static const struct impel_transport good_transport = {
    .size = sizeof(good_transport),
    .open = do_open,
    .event = do_event,
    .deliver = do_deliver,
    .cancel = do_cancel,
    .probe = do_nothing,
    .close = do_close,
    .release = do_nothing};
static const char *const methods[] = {"TEST", NULL};
static const char *const choices[] = {"red", "green", NULL};
static const struct impel_option good_rows[] = {
    {.name = "test_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "99",
        .min = 1,
        .max = 65535,
        .brief = "Where to",
        .since = "0.1"},
    {.name = "shared", .type = IMPEL_OPT_IMPORT},
    {.name = "test_colour",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .initial = "green",
        .choices = choices,
        .brief = "Which one",
        .since = "0.1"}};
static const struct impel_counter good_counters[] = {
    {.name = "sent", .brief = "How many"}};

static struct impel_transport transport;
static struct impel_option rows[3];
static struct impel_counter counters[1];

static struct impel_module
descriptor(void)
{
    transport = good_transport;
    memcpy(rows, good_rows, sizeof(rows));
    memcpy(counters, good_counters, sizeof(counters));
    return (struct impel_module){IMPEL_MODULE_STAMP, .option_count = 3,
        .counter_count = 1, .name = "test", .version = "1",
        .brief = "For tests", .methods = methods, .options = rows,
        .counters = counters, .load = do_load, .transport = &transport};
}

static void
flawed(const struct impel_module *d, const char *words)
{
    struct module *m = NULL;
    struct err e = {0};

    assert_true(loader_check(d, "/x/test.so", &m, &e) < 0);
    if (!strstr(e.text, words))
        print_error("\"%s\" has no \"%s\"\n", e.text, words);
    assert_non_null(strstr(e.text, words));
    assert_memory_equal(e.text, "/x/test.so: ", 12);
    assert_null(m);
}

#define FLAW(change, words) \
    do { \
        struct impel_module d = descriptor(); \
        change; \
        flawed(&d, words); \
    } while (0)

static void
test_descriptor(void **state)
{
    static const char *const bad_words[] = {"no spaces", NULL};

    (void)state;
    FLAW(d.size = 60, "its descriptor has 60 bytes");
    FLAW(d.name = "Test", "name is not one of");
    FLAW(d.name = NULL, "name is not one of");
    FLAW(d.name = "other", "its file should be other.so");
    FLAW(d.version = NULL, "no version");
    FLAW(d.brief = NULL, "has no brief");
    FLAW(d.brief = "Ends.", "full stop");
    FLAW(d.methods = bad_words, "no valid name");
    FLAW(d.load = NULL, "has no load()");
    FLAW(d.transport = NULL, "neither transport, listener nor filter");
    FLAW(d.methods = NULL, "no method that it serves");
    FLAW(d.listeners = methods, "listener stanzas, but no listener");
    FLAW(transport.size = 16, "its transport has 16 bytes");
    FLAW(transport.probe = NULL, "no transport probe()");
    FLAW(d.option_size = 8, "option rows have 8 bytes");
    FLAW(d.option_count = 100000, "option table");
    FLAW(d.options = NULL, "option table");
    FLAW(d.counter_size = 8, "counter rows have 8 bytes");
    FLAW(d.counters = NULL, "counter table");
}

static void
test_rows(void **state)
{
    (void)state;
    FLAW(rows[0].name = "Port", "option 1 has no valid name");
    FLAW(rows[0].name = "port", "does not begin with the module's name");
    FLAW(rows[0].name = "tester", "does not begin with the module's name");
    FLAW(rows[0].name = "test_colour", "is there twice");
    FLAW(rows[0].type = 77, "type 77");
    FLAW(rows[0].scopes = 0, "names no scope");
    FLAW(rows[0].scopes = 1u << 30, "names no scope");
    FLAW((rows[0].min = 9, rows[0].max = 3), "least value above");
    FLAW(rows[0].brief = "", "has no brief");
    FLAW(rows[0].brief = "Two\nlines", "more than one line");
    FLAW(rows[0].since = NULL, "since when");
    FLAW(rows[0].initial = "99999", "initial value is refused");
    FLAW(rows[0].initial = "many", "initial value is refused");
    FLAW(rows[2].choices = NULL, "has no choices");
    FLAW(rows[2].initial = "blue", "initial value is refused");
    FLAW(counters[0].name = "", "counter 1 has no valid name");
    FLAW(counters[0].brief = "Stop.", "full stop");
}

/* --- what other versions may bring --- */

/* Rows of a later minor are longer: the stride says so. */
static void
test_longer_rows(void **state)
{
    struct {
        struct impel_option o;
        const char *added;
    } longer[2] = {{good_rows[0], "x"}, {good_rows[2], "y"}};
    struct impel_module d = descriptor();
    struct module *m = NULL;
    struct err e = {0};

    (void)state;
    d.options = &longer[0].o;
    d.option_size = sizeof(longer[0]);
    d.option_count = 2;
    assert_int_equal(loader_check(&d, "/x/test.so", &m, &e), 0);
    assert_string_equal(m->desc.options[1].name, "test_colour");
    assert_int_equal(m->options.count, 2);
    loader_free(&m);
}

static void
test_declare(void **state)
{
    static const struct option shared_rows[] = {{.name = "shared",
        .type = IMPEL_OPT_INT,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .initial = "5",
        .brief = "x",
        .since = "0.1"}};
    static struct option_set shared = OPTION_SET("core", shared_rows);
    struct impel_module d = descriptor();
    struct module *m = NULL;
    struct err e = {0};

    (void)state;
    option_reset();
    assert_int_equal(loader_check(&d, "/x/test.so", &m, &e), 0);
    assert_int_equal(loader_declare(m, &e), ERR_NOTFOUND);
    assert_non_null(strstr(e.text, "imports option shared, which this core"));
    assert_int_equal(option_add(&shared, &e), 0);
    assert_int_equal(loader_declare(m, &e), 0);
    assert_int_equal(m->option_ids[1], OPT(shared, 0));
    assert_int_equal(m->option_ids[0], option_find(STR("test_port")));
    assert_int_equal(m->option_ids[2], option_find(STR("TEST_COLOUR")));
    option_reset();
    loader_free(&m);
}

/* A name that is taken already. */
static void
test_declare_twice(void **state)
{
    struct impel_module d = descriptor();
    struct module *m = NULL, *again = NULL;
    struct err e = {0};

    (void)state;
    option_reset();
    d.option_count = 1;
    assert_int_equal(loader_check(&d, "/x/test.so", &m, &e), 0);
    assert_int_equal(loader_declare(m, &e), 0);
    assert_int_equal(loader_check(&d, "/x/test.so", &again, &e), 0);
    assert_int_equal(loader_declare(again, &e), ERR_BUSY);
    assert_non_null(strstr(e.text, "test_port"));
    option_reset();
    loader_free(&m);
    loader_free(&again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_longer_rows),
        cmocka_unit_test(test_declare),
        cmocka_unit_test(test_declare_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
