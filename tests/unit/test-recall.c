/* SPDX-License-Identifier: Apache-2.0
 *
 * test-recall.c - names of modules that were installed once.  Runs in the build
 * folder.
 */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/uninstalled.h"
#include "route/method.h"
#include "route/route_options.h"
#include "spool/spool_options.h"
#include "xport/recall.h"

#define DIR "tests/unit/recall.tmp"
#define NAMES DIR "/modules"

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int
start(void **state)
{
    struct err e;

    (void)state;
    log_set_mask(LOG_LEVEL_WARNING, 0);
    (void)mkdir(DIR, 0755);
    option_reset();
    assert_int_equal(option_add(&spool_options, &e), 0);
    assert_int_equal(option_add(&route_options, &e), 0);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    option_reset();
    unlink(NAMES);
    unlink(DIR "/impel.conf");
    rmdir(DIR);
    return 0;
}

static void
assert_file(const char *want)
{
    struct buf b = BUF_INIT;
    struct err e;

    assert_int_equal(file_read(NAMES, 10000, NULL, &b, &e), 0);
    assert_str(buf_get(&b), want);
    buf_fini(&b);
}

static void
test_keep(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(recall_keep(DIR, &e), 0); /* there is nothing to say */
    assert_int_not_equal(access(NAMES, F_OK), 0);
    assert_int_equal(option_add_method("ESMTP", "esmtp", &e), 0);
    assert_int_equal(option_add_method("PIGEON", "pigeon", &e), 0);
    assert_int_equal(option_add_scheme("pigeon", "pigeon", &e), 0);
    assert_int_equal(
        installed_add(INSTALLED_MODULE, "pigeon", "pigeon", &e), 0);
    assert_int_equal(recall_keep(DIR, &e), 0);
    assert_file("impel-modules 1\nmethod PIGEON pigeon\n"
                "scheme pigeon pigeon\nmodule pigeon pigeon\n");
    /* what is gone, and what another process has noted, stays */
    installed_forget("pigeon");
    write_file(
        NAMES, "impel-modules 1\nmethod RAVEN raven\nmodule raven raven\n");
    assert_int_equal(recall_keep(DIR, &e), 0);
    assert_file("impel-modules 1\nmethod PIGEON pigeon\n"
                "scheme pigeon pigeon\nmodule pigeon pigeon\n"
                "method RAVEN raven\nmodule raven raven\n");
    assert_int_equal(recall_keep(DIR "/nowhere", &e), ERR_IO);
}

static void
test_learn(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(recall_learn(DIR), 0);
    write_file(NAMES,
        "impel-modules 1\nmethod OWL owl\nmethod ESMTP owl\nfeather OWL owl\n"
        "method BAD/NAME owl\nmethod OWL\n\nmethod\nmodule owl ../owl\n"
        "module snow_owl snow_owl\n");
    assert_int_equal(recall_learn(DIR), 2);
    assert_int_equal(recall_learn(DIR), 0);
    assert_string_equal(uninstalled_find(INSTALLED_METHOD, STR("owl")), "owl");
    assert_string_equal(
        uninstalled_find(INSTALLED_METHOD, STR("ESMTP")), "esmtp");
    assert_null(installed_find(INSTALLED_METHOD, STR("owl")));
    assert_string_equal(method_name(method_find(STR("OWL"))), "OWL");
    assert_null(uninstalled_option(STR("owl_port")));
    assert_string_equal(uninstalled_option(STR("snow_owl_port")), "snow_owl");
    assert_null(uninstalled_option(STR("snow_port")));
    /* what an installed module does not know is wrong, whatever it begins as */
    assert_int_equal(
        installed_add(INSTALLED_MODULE, "snow_owl_big", "snow_owl_big", &e), 0);
    assert_null(uninstalled_option(STR("snow_owl_big_port")));
    assert_string_equal(uninstalled_option(STR("snow_owl_port")), "snow_owl");
    write_file(NAMES, "impel-modules 2\nmethod EMU emu\n");
    assert_int_equal(recall_learn(DIR), 0);
}

/* When it is back, it serves what it did; another may not. */
static void
test_back(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(option_add_method("OWL", "owl", &e), 0);
    assert_string_equal(installed_find(INSTALLED_METHOD, STR("OWL")), "owl");
    assert_int_equal(option_add_method("OWL", "hawk", &e), ERR_BUSY);
    installed_forget("owl");
    assert_int_equal(option_add_method("OWL", "hawk", &e), 0);
    assert_string_equal(uninstalled_find(INSTALLED_METHOD, STR("OWL")), "hawk");
    installed_forget("hawk");
}

/* @: the folder, as a path of the configuration has to be. */
static int
load(const char *text, struct buf *said)
{
    const char *at = strchr(text, '@');
    char cwd[4096], whole[8192];
    struct generation_load how = {.path = DIR "/impel.conf"};
    struct conf_report *r = conf_report_new();
    struct generation *g = NULL;
    struct err e;
    int rc;

    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(whole, sizeof(whole), "%.*s%s/%s%s", (int)(at - text), text, cwd,
        DIR, at + 1);
    write_file(DIR "/impel.conf", whole);
    buf_cut(said, 0);
    rc = recall_load(&how, &g, &r, &e);
    conf_report_print(r, said);
    conf_report_free(&r);
    generation_unref(&g);
    return rc;
}

static void
test_load(void **state)
{
    struct buf said = BUF_INIT;
    const char *text = "spoolbase = \"@\"\n"
                       "swift_port = 7\nswift {\n}\n"
                       "domain \"x.test\" {\n  delivery_method = SWIFT\n}\n";

    (void)state;
    unlink(NAMES);
    assert_int_equal(load(text, &said), ERR_CONF);
    assert_non_null(strstr(said.p, "unknown delivery_method 'SWIFT'"));
    write_file(
        NAMES, "impel-modules 1\nmethod SWIFT swift\nmodule swift swift\n");
    assert_int_equal(load(text, &said), 0);
    assert_non_null(
        strstr(said.p, "SWIFT needs module swift, which is not installed"));
    assert_non_null(strstr(said.p, "swift_port belongs to module swift"));
    assert_null(strstr(said.p, "error"));
    /* a name that nobody knows is wrong as ever */
    assert_int_equal(
        load("spoolbase = \"@\"\ndelivery_method = SWIFFT\n", &said), ERR_CONF);
    assert_non_null(strstr(said.p, "did you mean SWIFT?"));
    buf_fini(&said);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_learn),
        cmocka_unit_test(test_back),
        cmocka_unit_test(test_load),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
