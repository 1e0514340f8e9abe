/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reply.h"

static struct reply_scan scan;
static struct reply r;

static enum reply_result
parse(const char *z)
{
    memset(&scan, 0, sizeof(scan));
    return reply_parse(&scan, z, strlen(z), &r);
}

static void
assert_text(struct impel_str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void
single(void **state)
{
    (void)state;
    assert_int_equal(parse("250 2.1.5 fine\r\n354"), REPLY_OK);
    assert_int_equal(r.code, 250);
    assert_int_equal(r.status[0], 2);
    assert_int_equal(r.status[2], 5);
    assert_int_equal(r.used, 16);
    assert_text(r.text, "250 2.1.5 fine");
    assert_text(reply_line(&r, 0), "2.1.5 fine");
    assert_null(reply_line(&r, 1).p);
    assert_int_equal(parse("250\r\n"), REPLY_OK);
    assert_text(reply_line(&r, 0), "");
    assert_int_equal(parse("250 \n"), REPLY_OK);
}

static void
multi(void **state)
{
    (void)state;
    assert_int_equal(parse("250-a\r\n250-b\r\n250 c\r\n"), REPLY_OK);
    assert_int_equal(r.lines, 3);
    assert_text(reply_line(&r, 1), "b");
    assert_text(r.text, "250-a\r\n250-b\r\n250 c");
    /* the last line decides */
    assert_int_equal(parse("250-a\r\n550 5.7.1 no\r\n"), REPLY_OK);
    assert_int_equal(r.code, 550);
    assert_int_equal(r.status[1], 7);
    assert_int_equal(parse("250-a\r\n250-b\r\n"), REPLY_MORE);
}

static void
bytewise(void **state)
{
    static const char in[] = "250-one\r\n250 2.0.0 two\r\n";
    size_t n;

    (void)state;
    memset(&scan, 0, sizeof(scan));
    for (n = 0; n < sizeof(in) - 1; n++)
        assert_int_equal(reply_parse(&scan, in, n, &r), REPLY_MORE);
    assert_int_equal(reply_parse(&scan, in, n, &r), REPLY_OK);
    assert_int_equal(r.used, n);
    assert_int_equal(r.lines, 2);
}

static void
garbage(void **state)
{
    static const char *const bad[] = {"\r\n", "hello\r\n", "25\r\n",
        "150 a\r\n", "650 a\r\n", "2500 a\r\n", "250_a\r\n", "HTTP/1.1 400\r\n",
        "250-a\r\nb\r\n", " 250 a\r\n", "-50 a\r\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]), REPLY_BAD);
    memset(&scan, 0, sizeof(scan));
    assert_int_equal(reply_parse(&scan, "2\0000 a\r\n", 7, &r), REPLY_BAD);
}

static void
statuses(void **state)
{
    (void)state;
    /* of another class: worth nothing (RFC 2034 4) */
    assert_int_equal(parse("250 5.1.1 odd\r\n"), REPLY_OK);
    assert_int_equal(r.status[0], 0);
    assert_int_equal(parse("550 5.1 odd\r\n"), REPLY_OK);
    assert_int_equal(r.status[0], 0);
    assert_int_equal(parse("550 5.1.1000 odd\r\n"), REPLY_OK);
    assert_int_equal(r.status[0], 0);
    assert_int_equal(parse("550 5.1.1\r\n"), REPLY_OK);
    assert_int_equal(r.status[2], 1);
    assert_int_equal(parse("550 3.1.1 x\r\n"), REPLY_OK);
    assert_int_equal(r.status[0], 0);
}

static void
limits(void **state)
{
    enum { BIG = 300000 };
    char *big = malloc(BIG + 1), *at = big;
    int i;

    (void)state;
    memset(big, 'x', BIG);
    memcpy(big, "250 ", 4);
    memset(&scan, 0, sizeof(scan));
    assert_int_equal(reply_parse(&scan, big, REPLY_MAX_LINE, &r), REPLY_MORE);
    assert_int_equal(
        reply_parse(&scan, big, REPLY_MAX_LINE + 10, &r), REPLY_BAD);
    for (i = 0; i < REPLY_MAX_LINES + 1; i++)
        at += sprintf(at, "250-x\r\n");
    assert_int_equal(parse(big), REPLY_BAD);
    for (at = big, i = 0; i < 60; i++)
        at += sprintf(at, "250-%01000d\r\n", 0);
    assert_int_equal(parse(big), REPLY_BAD); /* too much in all */
    free(big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(single),
        cmocka_unit_test(multi), cmocka_unit_test(bytewise),
        cmocka_unit_test(garbage), cmocka_unit_test(statuses),
        cmocka_unit_test(limits)};

    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
