/* SPDX-License-Identifier: Apache-2.0
 *
 * test-listener.c - listeners on two loops, turned by hand, with a module that
 * says one word.
 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <impel/module.h>
#include "base/clock.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "conf_support.h"
#include "intake/intake_int.h"
#include "intake/listener.h"
#include "net/conn.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "xport/session.h"

enum { LOOPS = 2 };

static struct loop *loops[LOOPS];
static const char *const pools[LOOPS] = {"main", "main"};
static struct intake *in;
static struct generation *g;
static struct module *module;
static const struct impel_host *host;
static char path[100];
static bool stopped;

/* --- the module --- */

static int
word_accepted(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *p, void **s,
    struct impel_error *e)
{
    (void)ctx, (void)scope, (void)p, (void)e;
    *s = session;
    return host->write(session, "220\n", 4);
}

static void
word_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    (void)b, (void)arg;
    if (event == IMPEL_EV_LOST)
        host->closed(s, NULL);
}

static void
word_verdict(void *s, uint64_t tag, size_t rcpt, const struct impel_result *r)
{
    char code[8];
    assert_int_equal(tag, 0);
    assert_int_equal(rcpt, SIZE_MAX);
    snprintf(code, sizeof(code), "%d\n", r->code);
    host->write(s, code, strlen(code));
    host->closed(s, NULL);
}

static void
word_close(void *s, int now)
{
    if (!now)
        host->write(s, "221\n", 4);
    host->closed(s, NULL);
}

static void
word_release(void *s)
{
    (void)s;
}

/* --- a world --- */

static void
turns(int n)
{
    while (n--)
        for (int i = 0; i < LOOPS; i++)
            loop_turn(loops[i], 1);
}

static const struct stanza *
parent(void)
{
    return generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, NULL);
}

static const struct stanza *
listen_stanza(void)
{
    return generation_stanza(g, IMPEL_SCOPE_LISTEN, parent(), NULL);
}

static void
configure(const char *body)
{
    char conf[512];
    snprintf(conf, sizeof(conf), "ESMTP_Listener { Listen \"%s\" { %s } }\n",
        path, body);
    if (g)
        generation_unref(&g);
    g = conf_support_load(conf, false);
}

static struct listener *
opened(void)
{
    struct listener *l = NULL;
    struct err e;
    assert_int_equal(
        listener_open(in, listen_stanza(), parent(), module, &l, &e), 0);
    list_push(&in->listeners, listener_node(l));
    return l;
}

static void
world(const char *body)
{
    struct intake_config c = {.io = loops, .pool = pools, .io_count = LOOPS};
    struct err e;
    configure(body);
    for (int i = 0; i < LOOPS; i++)
        loops[i] = loop_new("test", &e);
    c.generation = g;
    in = intake_new(&c);
    host = hostapi_get(true);
    stopped = false;
}

static int
open_files(void)
{
    int n = 0;
    for (int fd = 0; fd < 200; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void
on_stopped(void *arg)
{
    (void)arg;
    assert_false(stopped);
    stopped = true;
}

static void
stop(void)
{
    intake_stop(in, loops[0], 1000, on_stopped, NULL);
    for (int i = 0; i < 200 && !stopped; i++)
        turns(1);
    assert_true(stopped);
    assert_int_equal(session_count_inbound(), 0);
}

static void
world_ends(void)
{
    intake_free(&in);
    for (int i = 0; i < LOOPS; i++) {
        conn_drop_finishing(loops[i]);
        loop_free(&loops[i]);
    }
    generation_unref(&g);
    (void)unlink(path);
}

static int
dial(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(sun.sun_path, path);
    if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* All that is said until the end, or for a while. */
static const char *
heard(int fd)
{
    static char text[64];
    size_t n = 0;
    for (int i = 0; i < 30; i++) {
        ssize_t got;
        turns(1);
        got = read(fd, text + n, sizeof(text) - 1 - n);
        if (got == 0)
            break;
        if (got > 0)
            n += (size_t)got;
    }
    text[n] = '\0';
    return text;
}

/* --- tests --- */

static void
a_session_comes_and_goes(void **state)
{
    struct listener *l;
    int fd;
    (void)state;
    world("");
    l = opened();
    intake_start(in);
    fd = dial();
    assert_string_equal(heard(fd), "220\n");
    assert_int_equal(listener_sessions(l), 1);
    close(fd);
    turns(3);
    assert_int_equal(listener_sessions(l), 0);
    stop();
    world_ends();
}

static void
over_the_limit_is_told_at_once(void **state)
{
    int a, b, c;
    (void)state;
    world("Listener_Sessions = 1");
    (void)opened();
    intake_start(in);
    a = dial();
    b = dial();
    assert_string_equal(heard(a), "220\n");
    assert_string_equal(heard(b), "220\n421\n");
    assert_int_equal(in->rejected, 1);
    close(a);
    close(b);
    turns(3);
    c = dial();
    assert_string_equal(heard(c), "220\n");
    close(c);
    stop();
    world_ends();
}

/* A flood beyond the limit takes no memory that the limit does not know of. */
static void
a_flood_is_hung_up_on(void **state)
{
    enum { FLOOD = 300 };
    int fd[FLOOD];
    struct listener *l;
    uint64_t most = 0;
    (void)state;
    world("Listener_Sessions = 1\nListen_Backlog = 1000");
    l = opened();
    for (int i = 0; i < FLOOD; i++)
        fd[i] = dial();
    intake_start(in);
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < LOOPS; k++) {
            loop_turn(loops[k], 1);
            if (listener_sessions(l) > most)
                most = listener_sessions(l);
        }
    }
    assert_true(most <= 1 + 256);
    for (int i = 0; i < FLOOD; i++)
        close(fd[i]);
    turns(5);
    stop();
    world_ends();
}

static void
one_that_was_not_started_leaves_nothing(void **state)
{
    int before;
    (void)state;
    world("");
    before = open_files();
    listener_close(opened());
    assert_int_equal(open_files(), before);
    assert_int_equal(dial(), -1);
    (void)opened(); /* intake_free() ends it */
    assert_int_equal(open_files(), before + 1);
    intake_free(&in);
    assert_int_equal(open_files(), before);
    world_ends();
}

static void
closing_empties_the_backlog(void **state)
{
    int fd;
    (void)state;
    world("");
    (void)opened();
    intake_start(in);
    fd = dial();
    listener_close(listener_of_node(list_first(&in->listeners)));
    assert_string_equal(heard(fd), "220\n");
    assert_int_equal(dial(), -1);
    close(fd);
    turns(3);
    stop();
    world_ends();
}

static void
a_new_generation_counts_for_new_sessions(void **state)
{
    struct listener *l;
    struct err e;
    int a, b;
    (void)state;
    world("");
    l = opened();
    intake_start(in);
    a = dial();
    assert_string_equal(heard(a), "220\n");
    configure("Listener_Sessions = 1");
    assert_int_equal(intake_adopt(in, g, &e), 0);
    assert_ptr_equal(listener_of_node(list_first(&in->listeners)), l);
    b = dial();
    assert_string_equal(heard(b), "220\n");
    close(b);
    configure("Enable = false");
    assert_int_equal(intake_adopt(in, g, &e), 0);
    assert_true(list_empty(&in->listeners));
    turns(3);
    assert_int_equal(dial(), -1);
    assert_int_equal(session_count_inbound(), 1); /* it goes on */
    close(a);
    turns(3);
    stop();
    configure("");
    assert_int_equal(intake_adopt(in, g, &e), 0); /* too late */
    assert_true(list_empty(&in->listeners));
    world_ends();
}

static void
stop_may_be_hurried(void **state)
{
    int fd;
    (void)state;
    world("");
    (void)opened();
    intake_start(in);
    fd = dial();
    assert_string_equal(heard(fd), "220\n");
    intake_stop(in, loops[0], 3600000, on_stopped, NULL);
    intake_stop(in, loops[0], 0, on_stopped, NULL);
    assert_string_equal(heard(fd), ""); /* no time for words */
    for (int i = 0; i < 200 && !stopped; i++)
        turns(1);
    assert_true(stopped);
    close(fd);
    world_ends();
}

static int
group_setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    conf_support_options();
    snprintf(path, sizeof(path), "%s/impel-listener-%ld.sock",
        getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    module = xnew(struct module);
    module->magic = MODULE_MAGIC;
    module->name = "esmtp";
    module->has_listener = true;
    module->listener = (struct impel_listener){.size = sizeof(module->listener),
        .accepted = word_accepted,
        .event = word_event,
        .verdict = word_verdict,
        .close = word_close,
        .release = word_release};
    module->instance = instance_new(module);
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    instance_free(&module->instance);
    free(module);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_and_goes),
        cmocka_unit_test(over_the_limit_is_told_at_once),
        cmocka_unit_test(a_flood_is_hung_up_on),
        cmocka_unit_test(one_that_was_not_started_leaves_nothing),
        cmocka_unit_test(closing_empties_the_backlog),
        cmocka_unit_test(a_new_generation_counts_for_new_sessions),
        cmocka_unit_test(stop_may_be_hurried)};
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
