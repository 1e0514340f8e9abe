/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"

static char last_line[10000];
static enum log_level last_level;
static int64_t last_wall;
static int lines;

static void
sink(void *arg, enum log_level level, int64_t wall, struct str line)
{
    assert_ptr_equal(arg, &lines);
    lines++;
    last_level = level;
    last_wall = wall;
    assert_true(str_copy(last_line, sizeof(last_line), line));
}

static int
setup(void **state)
{
    (void)state;
    lines = 0;
    log_set_sink(sink, &lines);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    return 0;
}

static void
test_line(void **state)
{
    (void)state;
    clock_fake(0, 4711);
    log_warn(LOG_NET, "listener-open", "addr=%s port=%d", "::1", 25);
    clock_real();
    assert_int_equal(lines, 1);
    assert_string_equal(last_line, "listener-open addr=::1 port=25");
    assert_int_equal(last_level, LOG_LEVEL_WARNING);
    assert_int_equal(last_wall, 4711);
}

static void
test_mask(void **state)
{
    (void)state;
    log_info(LOG_SMTP, "quiet", "a=1");
    assert_int_equal(lines, 0);
    log_set_mask(LOG_LEVEL_INFO, 1u << LOG_SMTP);
    log_info(LOG_SMTP, "heard", "a=1");
    log_info(LOG_DNS, "quiet", "a=1");
    assert_int_equal(lines, 1);
    assert_true(log_enabled(LOG_LEVEL_INFO, LOG_SMTP));
    log_set_mask(LOG_LEVEL_INFO, 0);
    assert_false(log_enabled(LOG_LEVEL_INFO, LOG_SMTP));
    assert_true(log_enabled(LOG_LEVEL_NOTICE, LOG_QUEUE));
}

static void
test_hostile(void **state)
{
    const struct log_pair pairs[] = {{STR("plain"), STR("a@b")},
        {STR("odd key"), STR("x y\" k=\"v")}, {STR("none"), STR("")},
        {STR("end"), STR("\n")}, {STR(""), STR("k=v a=\"b c\"\r")}};
    char text[9000];

    (void)state;
    log_error(LOG_SMTP, "reply", "text=%s", "a\r\nforged\x1b[2J\x7f");
    assert_string_equal(last_line, "reply text=a??forged?[2J?");
    log_error(LOG_SMTP, "reply", "text=\"%s\" by=\"%.*s\" n=%d",
        "a\" by=\"me\\", 3, "\1\"\1x", 7);
    assert_string_equal(
        last_line, "reply text=\"a\\\" by=\\\"me\\\\\" by=\"?\\\"?\" n=7");
    log_pairs(LOG_LEVEL_NOTICE, LOG_MOD, "pairs", pairs, ARRAY_SIZE(pairs));
    assert_string_equal(last_line,
        "pairs plain=a@b odd?key=\"x y\\\" k=\\\"v\" none=\"\" end=? "
        "k=v a=\"b c\"?");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_error(LOG_SMTP, "reply", "text=%s", text);
    assert_int_equal(strlen(last_line), 8192);
}

static void
test_names(void **state)
{
    (void)state;
    assert_int_equal(log_area_find(STR("SMTP")), LOG_SMTP);
    assert_int_equal(log_area_find(STR("queue")), LOG_QUEUE);
    assert_int_equal(log_area_find(STR("nothing")), -1);
    assert_string_equal(log_level_name(LOG_LEVEL_DEBUG), "debug");
}

/* Run fn in a child with its stderr kept; the signal that ended it. */
static int
child(void (*fn)(void), char *out, size_t size)
{
    int fds[2], status;
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        fn();
        _exit(0);
    }
    close(fds[1]);
    while (n + 1 < size && (got = read(fds[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
write_to_stderr(void)
{
    log_set_sink(NULL, NULL);
    clock_fake(0, 0);
    log_notice(LOG_START, "start", "pid=%d", 1);
}

static void
test_stderr(void **state)
{
    char out[1000];

    (void)state;
    assert_int_equal(child(write_to_stderr, out, sizeof(out)), 0);
    assert_string_equal(out, "1970-01-01T00:00:00.000Z notice start pid=1\n");
}

static void
note(int fd, void *arg)
{
    dprintf(fd, "note: %s\n", (const char *)arg);
}

static void
panic_with_note(void)
{
    static char text[] = "queue 5";
    struct {
        uint32_t magic;
    } thing = {1}, *p = &thing;

    signal(SIGABRT, SIG_DFL); /* cmocka's */
    bug_note_add(note, text);
    bug_doing("esmtp deliver", 77);
    CHECK(p, 0x1234u);
}

static void
test_panic(void **state)
{
    char out[20000];

    (void)state;
    assert_int_equal(child(panic_with_note, out, sizeof(out)), SIGABRT);
    assert_non_null(strstr(out, "panic_with_note(): not a 0x1234u"));
    assert_non_null(strstr(out, "doing: esmtp deliver 000000000000004d"));
    assert_non_null(strstr(out, "note: queue 5"));
}

static void
fault(void)
{
    signal(SIGFPE, SIG_DFL);
    bug_catch_signals(STDERR_FILENO);
    bug_doing("sum", 1);
    raise(SIGFPE);
}

static void
test_signal(void **state)
{
    char out[20000];
    const char *first;

    (void)state;
    assert_int_equal(child(fault, out, sizeof(out)), SIGFPE);
    first = strstr(out, "impel: SIGFPE");
    assert_non_null(first);
    assert_non_null(strstr(out, "doing: sum 0000000000000001"));
    assert_non_null(strstr(first + 1, "impel: SIGFPE")); /* fd as well */
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_line, setup, teardown),
    cmocka_unit_test_setup_teardown(test_mask, setup, teardown),
    cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    cmocka_unit_test(test_stderr), cmocka_unit_test(test_panic),
    cmocka_unit_test(test_signal))
