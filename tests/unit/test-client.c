/* SPDX-License-Identifier: Apache-2.0
 *
 * test-client.c - impel's client against a control socket of another process.
 */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conf_support.h"
#include "fake_scheduler.h"
#include "prog/impel_client.h"

static char folder[40];
static char path[100];
static pid_t server;
static struct impel_client *client;
static struct buf text;

static void
serve(void)
{
    struct control_config c;
    struct control *control;
    struct buf conf = BUF_INIT;
    struct err e;
    struct loop *loop = loop_new("test", &e);
    buf_printf(
        &conf, "Control_Listener { Timeout = 1\n Listen \"%s\" { } }\n", path);
    struct generation *g = conf_support_load(conf.p, false);
    fake_config(&c, loop, g);
    if (control_open(&c, &control, &e) < 0)
        _exit(1);
    control_start(control);
    loop_run(loop); /* until the parent kills it */
    _exit(0);
}

static int
set_up(void **state)
{
    struct err e;
    int rc = ERR_CLOSED;
    (void)state;
    fake_reset();
    conf_support_options();
    snprintf(folder, sizeof(folder), "/tmp/impel-client-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/control", folder);
    fake.hold = true;
    fake.bulk = 3000000;
    server = fork();
    assert_true(server >= 0);
    if (server == 0)
        serve();
    for (int i = 0; i < 500 && rc < 0; i++) {
        rc = impel_client_open(path, &client, &e);
        usleep(10000);
    }
    return rc;
}

static int
tear_down(void **state)
{
    (void)state;
    impel_client_close(&client);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(path);
    rmdir(folder);
    buf_fini(&text);
    return 0;
}

static void
keep(void *arg, struct str piece)
{
    (void)arg;
    buf_str(&text, piece);
}

static int
ask(const char *one, const char *two, struct impel_answer *to, struct err *e)
{
    struct str words[] = {str_of(one), str_of(two)};
    struct impel_ask a = {
        .words = words, .count = two ? 2 : 1, .timeout_ms = 300, .text = keep};
    buf_cut(&text, 0);
    return impel_client_ask(client, &a, to, e);
}

static void
test_answers(void **state)
{
    struct impel_answer a;
    struct err e;
    (void)state;
    assert_int_equal(ask("reopen", "logs", &a, &e), 0);
    assert_true(a.ok);
    assert_str(buf_get(&text), "logs reopened.\n");
    assert_int_equal(ask("nonsense", "\xff", &a, &e), 0);
    assert_false(a.ok);
    assert_non_null(strstr(a.error.p, "unknown command \"nonsense\""));
    buf_fini(&a.error);
}

static void
test_long(void **state)
{
    struct impel_answer a;
    struct err e;
    (void)state;
    assert_int_equal(ask("domains", NULL, &a, &e), 0);
    assert_true(a.ok);
    assert_int_equal(text.n, 3000000);
}

static void
test_timeout(void **state)
{
    struct impel_answer a;
    struct err e;
    (void)state;
    struct str words[] = {STR("flush"), STR("domain"), STR("all")};
    struct impel_ask k = {
        .words = words, .count = 3, .timeout_ms = 300, .text = keep};
    assert_int_equal(impel_client_ask(client, &k, &a, &e), ERR_TIMEOUT);
}

static void
test_gone(void **state)
{
    struct impel_answer a;
    struct err e;
    (void)state;
    assert_false(impel_client_is_gone(client));
    for (int i = 0; i < 300 && !impel_client_is_gone(client); i++)
        usleep(10000); /* the daemon closes it after its Timeout */
    assert_true(impel_client_is_gone(client));
    assert_int_equal(ask("pid", NULL, &a, &e), ERR_CLOSED);
    impel_client_close(&client);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    assert_int_equal(impel_client_open(path, &client, &e), ERR_CLOSED);
    assert_non_null(strstr(e.text, "no daemon answers"));
    server = fork();
    if (server == 0)
        pause();
}

static void
test_too_long(void **state)
{
    static char word[70000];
    struct impel_answer a;
    struct err e;
    (void)state;
    memset(word, 'x', sizeof(word) - 1);
    assert_int_equal(ask(word, NULL, &a, &e), ERR_LIMIT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
UNIT_MAIN(T(test_answers), T(test_long), T(test_timeout), T(test_gone),
    T(test_too_long))
