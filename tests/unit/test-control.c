/* SPDX-License-Identifier: Apache-2.0
 *
 * test-control.c - the control socket: a real one, in a folder of its own.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "conf_support.h"
#include "ctl/control.h"
#include "fake_scheduler.h"

enum { TURNS = 400 };

static char folder[] = "/tmp/impel-control-XXXXXX";
static char path[100];
static struct loop *loop;
static struct generation *generation;
static struct control *control;
static struct buf got;

static int
open_control(const char *options, struct err *e)
{
    struct control_config c;
    struct buf text = BUF_INIT;
    buf_printf(&text,
        "Control_Listener { Timeout = 5\n Listen \"%s\" { %s } }\n", path,
        options);
    generation = conf_support_load(text.p, false);
    buf_fini(&text);
    fake_config(&c, loop, generation);
    return control_open(&c, &control, e);
}

static int
set_up_folder(void **state)
{
    struct err e;
    (void)state;
    fake_reset();
    conf_support_options();
    (void)strcpy(folder, "/tmp/impel-control-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sub/control", folder);
    loop = loop_new("test", &e);
    return 0;
}

static int
set_up(void **state)
{
    struct err e;
    set_up_folder(state);
    if (open_control("file_mode = 0600", &e) < 0)
        fail_msg("%s", e.text);
    control_start(control);
    return 0;
}

static int
tear_down(void **state)
{
    char sub[100];
    (void)state;
    control_close(&control);
    assert_int_equal(access(path, F_OK), -1);
    generation_unref(&generation);
    loop_free(&loop);
    snprintf(sub, sizeof(sub), "%s/sub", folder);
    rmdir(sub);
    rmdir(folder);
    buf_fini(&got);
    fake_reset();
    clock_real();
    return 0;
}

static int
dial(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    assert_true(str_copy(at.sun_path, sizeof(at.sun_path), str_of(path)));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        fail_msg("connect: %s", strerror(errno));
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void
say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Turn the loop until count lines have come; false: the end came first. */
static bool
lines(int fd, size_t count)
{
    char block[65536];
    buf_cut(&got, 0);
    for (int i = 0; i < TURNS; i++) {
        size_t n = 0;
        loop_turn(loop, 2);
        ssize_t r = read(fd, block, sizeof(block));
        if (r == 0)
            return false;
        if (r > 0)
            buf_add(&got, block, (size_t)r);
        for (size_t at = 0; at < got.n; at++)
            n += got.p[at] == '\n';
        if (n >= count)
            return true;
    }
    return false;
}

static void
ask(int fd, const char *line, const char *want)
{
    say(fd, line);
    assert_true(lines(fd, 1));
    if (!strstr(got.p, want))
        fail_msg("%s: got %s, want %s", line, got.p, want);
}

static void
test_answers(void **state)
{
    (void)state;
    int fd = dial();
    ask(fd, "{\"words\": [\"summary\", \"reset\"]}\n",
        "{\"ok\": true, \"status\": 0, \"text\": \"statistics cleared.\"}\n");
    ask(fd, "{\"words\": [\"sumary\"], \"json\": true}\n",
        "{\"ok\": false, \"error\": \"unknown command");
    ask(fd, "{\"words\": [\"version\"], \"json\": true}\n",
        "\"text\": \"{\\\"name\\\": \\\"impeld\\\"");
    fake.queue.draining = true;
    ask(fd, "{\"words\": [\"health\"]}\n", "\"status\": 2");
    close(fd);
}

static void
test_bad_requests(void **state)
{
    static const char *const bad[] = {"\n", "hello\n", "[]\n", "{}\n",
        "{\"words\": []}\n", "{\"words\": [1]}\n", "{\"words\": \"x\"}\n",
        "{\"words\": [\"x\"], \"json\": 1}\n", "{\"words\": [\"a\\u0000b\"]}\n",
        "{\"words\": [\"\xff\"]}\n"};
    (void)state;
    int fd = dial();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ask(fd, bad[i], "{\"ok\": false, \"error\": ");
    ask(fd, "{\"words\": [\"pid\"]}\n", "\"ok\": true");
    close(fd);
}

/* Several requests at once are answered in order, one after another, and what
 * follows a half-close is still answered. */
static void
test_pipelined(void **state)
{
    (void)state;
    int fd = dial();
    fake.hold = true;
    say(fd,
        "{\"words\": [\"flush\", \"domain\", \"all\"]}\n"
        "{\"words\": [\"pid\"]}\n{\"words\": [\"reopen\", \"logs\"]}\n");
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 20 && !fake.ask.reply; i++)
        loop_turn(loop, 2);
    assert_int_equal(fake.reopens, 0);
    fake_progress(1, 3);
    assert_true(lines(fd, 1));
    assert_string_equal(got.p, "{\"done\": 1, \"total\": 3}\n");
    fake_reply(0, "all flushed.\n");
    assert_true(lines(fd, 3));
    assert_true(str_starts(buf_get(&got),
        STR("{\"ok\": true, \"status\": 0, \"text\": \"all flushed.\\n\"}\n")));
    assert_int_equal(fake.reopens, 1);
    assert_false(lines(fd, 1)); /* and then the end */
    close(fd);
}

static void
test_split_request(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "{\"words\": [\"re");
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 1);
    ask(fd, "open\", \"logs\"]}\n", "logs reopened");
    close(fd);
}

static void
test_long_answer(void **state)
{
    (void)state;
    int fd = dial();
    size_t text = 0, parts = 0;
    fake.bulk = 3000000; /* more than any buffer on the way */
    say(fd, "{\"words\": [\"domains\"]}\n");
    assert_true(lines(fd, fake.bulk / 32768 + 1));
    struct str rest = buf_get(&got);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        json_t *j = json_loadb(line.p, line.n, 0, NULL);
        json_t *part = json_object_get(j, "part");
        parts += part != NULL;
        text += json_string_length(part ? part : json_object_get(j, "text"));
        json_decref(j);
    }
    assert_int_equal(text, fake.bulk);
    assert_true(parts > 10);
    close(fd);
}

static void
test_too_long(void **state)
{
    char block[4096];
    (void)state;
    int fd = dial();
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 40; i++) {
        (void)send(fd, block, sizeof(block), MSG_NOSIGNAL);
        loop_turn(loop, 1);
    }
    assert_false(lines(fd, 1));
    close(fd);
}

/* The answer comes after the client left. */
static void
test_client_leaves(void **state)
{
    (void)state;
    int fd = dial();
    fake.hold = true;
    say(fd, "{\"words\": [\"flush\", \"domain\", \"all\"]}\n");
    for (int i = 0; i < 20 && !fake.ask.reply; i++)
        loop_turn(loop, 2);
    close(fd);
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 1);
    fake_progress(1, 2);
    fake_reply(0, "all flushed.\n");
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 1);
}

/* The control is closed while a command runs, which is answered later. */
static void
test_close_while_running(void **state)
{
    (void)state;
    int fd = dial();
    fake.hold = true;
    say(fd, "{\"words\": [\"flush\", \"domain\", \"all\"]}\n");
    for (int i = 0; i < 20 && !fake.ask.reply; i++)
        loop_turn(loop, 2);
    control_close(&control);
    fake_reply(0, "too late\n");
    close(fd);
}

static void
test_idle(void **state)
{
    (void)state;
    clock_fake(1000, 1000);
    int fd = dial();
    ask(fd, "{\"words\": [\"pid\"]}\n", "\"ok\": true");
    clock_advance(4900);
    ask(fd, "{\"words\": [\"pid\"]}\n", "\"ok\": true");
    clock_advance(5100);
    assert_false(lines(fd, 1));
    close(fd);
}

static void
test_sessions_max(void **state)
{
    int fd[CONTROL_SESSIONS_MAX];
    (void)state;
    for (int i = 0; i < CONTROL_SESSIONS_MAX; i++) {
        fd[i] = dial();
        loop_turn(loop, 1);
    }
    int more = dial();
    assert_true(lines(more, 1));
    assert_non_null(strstr(got.p, "too many sessions"));
    close(more);
    for (int i = 0; i < CONTROL_SESSIONS_MAX; i++)
        close(fd[i]);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 1);
    fd[0] = dial();
    ask(fd[0], "{\"words\": [\"pid\"]}\n", "\"ok\": true");
    close(fd[0]);
}

static void
test_file(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_busy(void **state)
{
    struct control_config c;
    struct control *other;
    struct err e;
    (void)state;
    fake_config(&c, loop, generation);
    assert_int_equal(control_open(&c, &other, &e), ERR_BUSY);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(access(path, F_OK), 0);
}

static void
test_stale(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char sub[100];
    struct err e;
    (void)state;
    snprintf(sub, sizeof(sub), "%s/sub", folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(str_copy(at.sun_path, sizeof(at.sun_path), str_of(path)));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd); /* the file stays */
    assert_int_equal(open_control("", &e), 0);
}

static void
test_tcp(void **state)
{
    struct err e;
    (void)state;
    snprintf(path, sizeof(path), "*:2025");
    assert_int_equal(open_control("", &e), ERR_CONF);
    assert_non_null(strstr(e.text, "Unix sockets only"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
UNIT_MAIN(T(test_answers), T(test_bad_requests), T(test_pipelined),
    T(test_split_request), T(test_long_answer), T(test_too_long),
    T(test_client_leaves), T(test_close_while_running), T(test_idle),
    T(test_sessions_max), T(test_file), T(test_busy),
    cmocka_unit_test_setup_teardown(test_stale, set_up_folder, tear_down),
    cmocka_unit_test_setup_teardown(test_tcp, set_up_folder, tear_down))
