/* SPDX-License-Identifier: Apache-2.0
 *
 * test-tracer.c - which sessions a tracer sees, and what its file may become;
 * with the toy module over loopback, all on one loop.
 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "fake_spool.h"
#include "loop/logfile.h"
#include "session_kit.h"
#include "toy_module.h"
#include "xport/hostapi.h"
#include "xport/session_int.h"
#include "xport/tracer.h"

static struct module *module;
static uint16_t port;
static char dir[64], path[96], text[262144];
static int open_count;

static struct session *
open_as(const char *binding, const char *domain, const char *host)
{
    struct session_request r = {.loop = loop,
        .module = module,
        .method = "TOY",
        .host = str_of(host),
        .binding = str_of(binding),
        .domain = str_of(domain),
        .ehlo_name = "me.example",
        .id = 0xabc};
    int was = ready_count;
    struct session *s;

    assert_int_equal(cidr_parse(STR("127.0.0.1"), 0, &r.to.ip, NULL), 0);
    r.to.port = port;
    s = session_open(&r, loop_mailbox(loop), &kit_events, NULL);
    open_count++;
    until(&ready_count, was + 1);
    return s;
}

static void
lend(struct session *s, size_t size)
{
    int was = back_count;
    char *body = xmalloc(size);

    memset(body, 'x', size);
    kit_lend(s, body, size);
    free(body);
    until(&back_count, was + 1);
}

static void
end(struct session *s)
{
    int was = closed_count;

    session_close(s, false);
    until(&closed_count, was + 1);
}

static uint64_t
add_to(const char *file, const char *binding, const char *what, uint64_t most)
{
    struct tracer_request r = {
        .binding = str_of(binding), .path = file, .mode = 0640, .most = most};
    struct err e = {0};

    if (what && cidr_parse(str_of(what), CIDR_PREFIX, &r.net, NULL) < 0)
        r.what = str_of(what);
    return tracer_add(&r, &e);
}

static uint64_t
add(const char *binding, const char *what)
{
    uint64_t id = add_to(path, binding, what, 100000);

    assert_true(id > 0);
    return id;
}

/* The file as it is now. */
static const char *
content(void)
{
    FILE *f;
    size_t n;

    logfile_sync_all();
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    assert_int_equal(fclose(f), 0);
    text[n] = '\0';
    return text;
}

static size_t
lines_with(const char *what)
{
    size_t n = 0;

    for (const char *p = content(); (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

static void
view_one(void *arg, const struct tracer_view *v)
{
    *(struct tracer_view *)arg = *v;
}

static struct tracer_view
last(void)
{
    struct tracer_view v = {.id = 0};

    tracer_each(view_one, &v);
    return v;
}

static int
setup(void **state)
{
    struct err e;

    (void)state;
    (void)snprintf(dir, sizeof(dir), "tracer-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_non_null(realpath(dir, text));
    (void)snprintf(path, sizeof(path), "/proc/self/cwd/%s/trace", dir);
    assert_int_equal(logfile_start(&e), 0);
    toy_flaw = TOY_GOOD;
    toy_room = 1;
    peer_mood = PEER_GOOD;
    ready_count = back_count = closed_count = open_count = 0;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    tracer_remove_all();
    assert_int_equal(last().id, 0);
    assert_int_equal(closed_count, open_count);
    assert_int_equal(fake_messages, 0);
    logfile_stop();
    (void)unlink(path); /* some tests make none */
    return rmdir(dir);
}

static void
test_a_session(void **state)
{
    struct session *s;
    struct stat st;

    (void)state;
    (void)add(NULL, NULL);
    s = open_as("b", "x.test", "mx.test");
    assert_int_equal(last().sessions, 1);
    lend(s, 1000);
    end(s);
    assert_int_equal(last().sessions, 0);
    assert_int_equal(strncmp(content(), "# impel trace ", 14), 0);
    assert_int_equal(lines_with(": binding * *\n"), 1);
    assert_int_equal(lines_with(" 0000000000000abc = TOY to mx.test "
                                "127.0.0.1:"),
        1);
    assert_int_equal(lines_with(", binding b, domain x.test\n"), 1);
    assert_int_equal(lines_with(" = connected from 127.0.0.1:"), 1);
    assert_int_equal(lines_with(" is lent\n"), 1);
    assert_int_equal(lines_with(" = 1000 octets of content of "), 1);
    assert_int_equal(lines_with("xxxx"), 0);
    assert_int_equal(lines_with("MSG"), 0); /* the toy's own protocol */
    assert_int_equal(lines_with(" > ("), 2);
    assert_int_equal(lines_with(" < +"), 1);
    assert_int_equal(lines_with(" = closed\n"), 1);
    assert_int_equal(last().octets, strlen(text));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void
test_choice(void **state)
{
    static const struct {
        const char *binding, *what;
        bool sees;
    } row[] = {{NULL, NULL, true}, {"b", NULL, true}, {"c", NULL, false},
        {NULL, "x.test", true}, {NULL, "y.test", false},
        {NULL, "mx.test", true}, {"b", "X.TEST", true}, {"c", "x.test", false},
        {NULL, "127.0.0.0/8", true}, {NULL, "127.0.0.1", true},
        {NULL, "127.0.0.2", false}, {NULL, "::/0", false},
        {"c", "127.0.0.1", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        uint64_t id = add(row[i].binding, row[i].what);
        struct session *s = open_as("b", "x.test", "mx.test");

        if (last().sessions != row[i].sees)
            fail_msg("row %zu", i);
        assert_true(tracer_remove(id));
        end(s);
        assert_int_equal(unlink(path), 0);
    }
}

/* One of its recipients is what was asked for: fake_spool.c says example.com;
 * the connection was made for another domain, and idles. */
static void
test_recipient(void **state)
{
    struct session *s = open_as("b", "x.test", "mx.test");

    (void)state;
    (void)add(NULL, "Example.Com");
    lend(s, 10);
    assert_int_equal(last().sessions, 1);
    assert_int_equal(lines_with(", connected before\n"), 1);
    assert_int_equal(lines_with(" = 10 octets of content of "), 1);
    end(s);
}

/* Open sessions join, and leave when the tracer goes. */
static void
test_while_open(void **state)
{
    struct session *s = open_as("b", "x.test", "mx.test");
    uint64_t id = add(NULL, NULL);
    size_t before;

    (void)state;
    assert_int_equal(last().sessions, 0);
    lend(s, 10);
    assert_int_equal(last().sessions, 1);
    assert_true(tracer_remove(id));
    assert_false(tracer_remove(id));
    before = strlen(content());
    lend(s, 10);
    assert_int_equal(strlen(content()), before);
    end(s);
    assert_int_equal(strlen(content()), before);
}

/* Two of them see one session; one goes, the other stays. */
static void
test_two(void **state)
{
    char other[128];
    uint64_t first = add(NULL, NULL), second;
    struct session *s;

    (void)state;
    (void)snprintf(other, sizeof(other), "%s.2", path);
    second = add_to(other, "b", NULL, 100000);
    assert_int_equal(second, first + 1);
    s = open_as("b", "x.test", "mx.test");
    assert_true(tracer_remove(first));
    lend(s, 77);
    end(s);
    assert_int_equal(lines_with("77 octets"), 0);
    assert_int_equal(lines_with(" = TOY"), 1);
    assert_true(tracer_remove(second));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(lines_with("77 octets"), 1);
}

static void
test_full(void **state)
{
    uint64_t id = add_to(path, NULL, NULL, 4096);
    struct session *s = open_as("b", "x.test", "mx.test");

    (void)state;
    for (int i = 0; i < 40 && !last().full; i++)
        lend(s, 10);
    assert_true(last().full);
    assert_true(strlen(content()) <= 4096);
    assert_true(strlen(content()) > 3900);
    assert_int_equal(last().octets, strlen(text));
    assert_int_equal(lines_with("# impel trace: the file is full\n"), 1);
    lend(s, 10);
    assert_int_equal(last().sessions, 0);
    assert_int_equal(last().octets, strlen(content()));
    end(s);
    assert_true(tracer_remove(id));
    assert_int_equal(add_to(path, NULL, NULL, strlen(text)), 0);
}

/* A file is what a tracer began, or none; and nobody else's. */
static void
test_files(void **state)
{
    char other[128];
    uint64_t id;
    FILE *f;

    (void)state;
    assert_int_equal(add_to("trace", NULL, NULL, 100000), 0);
    assert_int_equal(add_to("/", NULL, NULL, 100000), 0);
    assert_int_equal(add_to("/dev/null", NULL, NULL, 100000), 0);
    assert_int_equal(add_to("/nowhere/at/all", NULL, NULL, 100000), 0);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("# impel tracks\nsomething else\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(add_to(path, NULL, NULL, 100000), 0);
    (void)snprintf(other, sizeof(other), "%s.link", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(path, other), 0);
    assert_int_equal(add_to(other, NULL, NULL, 100000), 0);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(add_to(path, NULL, NULL, 100000), 0);
    assert_int_equal(unlink(path), 0);
    id = add(NULL, NULL);
    assert_int_equal(add_to(path, NULL, NULL, 100000), 0);
    assert_true(tracer_remove(id));
    logfile_sync_all();
    assert_int_equal(add(NULL, NULL), id + 1); /* it goes on */
    assert_int_equal(lines_with("# impel trace"), 2);
    assert_int_equal(last().octets, strlen(text));
}

static void
test_number(void **state)
{
    char other[128];

    (void)state;
    for (int i = 0; i <= TRACERS_MOST; i++) {
        (void)snprintf(other, sizeof(other), "%s.%d", path, i);
        assert_int_equal(
            add_to(other, NULL, NULL, 4096) != 0, i < TRACERS_MOST);
        assert_int_equal(unlink(other), i < TRACERS_MOST ? 0 : -1);
    }
}

/* What no tracer asks for is not looked at. */
static void
test_nobody(void **state)
{
    struct session *s;
    uint64_t id = add("none", NULL);

    (void)state;
    s = open_as("b", "x.test", "mx.test");
    lend(s, 10);
    end(s);
    assert_int_equal(lines_with("\n"), 1);
    assert_true(tracer_remove(id));
}

static int
start(void **state)
{
    static const struct session_limits quick = {300, 100, 100, 100};
    static struct loop *loops[1];
    struct err e;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_mask(LOG_LEVEL_NOTICE, 0);
    session_set_limits(&quick);
    loop = loops[0] = loop_new("home", &e);
    hostapi_set_loops(loops, 1);
    module = toy_module();
    port = peer_start();
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    conn_drop_finishing(loop);
    loop_free(&loop);
    toy_module_free(&module);
    peer_stop();
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_session),
        TEST(test_choice),
        TEST(test_recipient),
        TEST(test_while_open),
        TEST(test_two),
        TEST(test_full),
        TEST(test_files),
        TEST(test_number),
        TEST(test_nobody),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
