/* SPDX-License-Identifier: Apache-2.0
 *
 * test-target.c - items of `milters`: where a filter is, how long it may take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "milter.h"

/* What the scope says. */
static int64_t
opt_int(const struct impel_scope *scope, uint32_t row)
{
    (void)scope;
    switch (row) {
    case ROW_CONNECT_TIMEOUT:
        return 1;
    case ROW_COMMAND_TIMEOUT:
        return 2;
    case ROW_CONTENT_TIMEOUT:
        return 3;
    default:
        assert_int_equal(row, ROW_DEFAULT_ACTION);
        return ACTION_REJECT;
    }
}

static const struct impel_host host = {
    .size = sizeof(host), .opt_int = opt_int};
static struct target t;
static char why[200];

static bool
parse(const char *item)
{
    struct impel_str s = {item, strlen(item)};

    memset(&t, 0xff, sizeof(t));
    why[0] = '\0';
    return target_parse(&host, NULL, s, &t, why);
}

static void
good(const char *item, const char *addr, int port)
{
    if (!parse(item))
        fail_msg("%s: %s", item, why);
    assert_string_equal(t.addr, addr);
    assert_int_equal(t.port, port);
}

static void
bad(const char *item, const char *words)
{
    if (parse(item))
        fail_msg("%s was taken", item);
    if (!strstr(why, words))
        fail_msg("%s: %s", item, why);
}

static void
places(void **state)
{
    (void)state;
    good("inet:127.0.0.1:8891", "127.0.0.1", 8891);
    good("inet:8891@127.0.0.1", "127.0.0.1", 8891);
    good("inet:localhost:1", "127.0.0.1", 1);
    good("inet:65535@localhost", "127.0.0.1", 65535);
    good("inet6:[2001:db8::1]:25", "2001:db8::1", 25);
    good("inet6:2001:db8::1:25", "2001:db8::1", 25);
    good("inet:25@[::1]", "::1", 25);
    good(" \t inet:127.0.0.1:8891 \t", "127.0.0.1", 8891);
    good("unix:/run/filter.sock", "/run/filter.sock", 0);
    good("local:/run/filter.sock", "/run/filter.sock", 0);
}

static void
no_places(void **state)
{
    char path[120] = "unix:/";

    (void)state;
    bad("", "expected inet:ADDRESS:PORT or unix:/PATH");
    bad("127.0.0.1:8891", "expected inet:");
    bad("INET:127.0.0.1:8891", "expected inet:");
    bad("inet:", "names are not resolved");
    bad("inet:127.0.0.1", "names are not resolved");
    bad("inet:127.0.0.1:", "names are not resolved");
    bad("inet::8891", "names are not resolved");
    bad("inet:filter.test:8891", "names are not resolved");
    bad("inet:localhost.:8891", "names are not resolved");
    bad("inet:127.0.0.1:0", "names are not resolved");
    bad("inet:127.0.0.1:65536", "names are not resolved");
    bad("inet:127.0.0.1:000025", "names are not resolved");
    bad("inet:127.0.0.1:-1", "names are not resolved");
    bad("inet:127.0.0.1:25x", "names are not resolved");
    bad("inet:@127.0.0.1", "names are not resolved");
    bad("inet:25@", "names are not resolved");
    bad("inet:256.0.0.1:25", "names are not resolved");
    bad("inet6:[2001:db8::1:25", "names are not resolved");
    bad("unix:", "a Unix socket is unix:/path");
    bad("unix:run/filter.sock", "a Unix socket is unix:/path");
    memset(path + 6, 'x', 106);
    good(path, path + 5, 0); /* 107 octets, and their end */
    path[112] = 'x';
    bad(path, "of 107 octets at most");
}

static void
settings(void **state)
{
    const char *item = "unix:/x,connect_timeout=5, command_timeout= 2m ,"
                       "content_timeout=1h, default_action=accept";

    (void)state;
    good("unix:/x", "/x", 0); /* those of the scope */
    assert_int_equal(t.connect_ms, 1);
    assert_int_equal(t.command_ms, 2);
    assert_int_equal(t.content_ms, 3);
    assert_int_equal(t.action, ACTION_REJECT);
    good(item, "/x", 0);
    assert_int_equal(t.connect_ms, 5000);
    assert_int_equal(t.command_ms, 120000);
    assert_int_equal(t.content_ms, 3600000);
    assert_int_equal(t.action, ACTION_ACCEPT);
    good("unix:/x, default_action=tempfail", "/x", 0);
    assert_int_equal(t.action, ACTION_TEMPFAIL);
    good("unix:/x, content_timeout=24h, content_timeout=1s", "/x", 0);
    assert_int_equal(t.content_ms, 1000); /* the last one */
}

static void
no_settings(void **state)
{
    static const char *const items[] = {"unix:/x,nothing=1",
        "unix:/x,connect_timeout",
        "unix:/x,connect_timeout=", "unix:/x,connect_timeout=0",
        "unix:/x,connect_timeout=-1", "unix:/x,connect_timeout=1d",
        "unix:/x,connect_timeout=25h", "unix:/x,connect_timeout=86401",
        "unix:/x,connect_timeout=9999999", "unix:/x,connect_timeout=1 s",
        "unix:/x,connect_timeout=s", "unix:/x,default_action=maybe",
        "unix:/x,default_action=ACCEPT", "unix:/x,,default_action=accept"};

    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        bad(items[i], "expected connect_timeout=");
}

static void
names(void **state)
{
    struct impel_str item = {"  unix:/x , default_action=accept", 33}, got;

    (void)state;
    got = target_name(item);
    assert_int_equal(got.n, 7);
    assert_memory_equal(got.p, "unix:/x", 7);
    assert_true(target_is_none((struct impel_str){"none", 4}));
    assert_false(target_is_none((struct impel_str){"nonex", 5}));
    assert_false(target_is_none((struct impel_str){"", 0}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(no_places),
        cmocka_unit_test(settings),
        cmocka_unit_test(no_settings),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
