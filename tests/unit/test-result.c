/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "xport/result.h"

static struct impel_result
said(int verdict, int code, const char *text)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame = IMPEL_BLAME_RCPT,
        .stage = IMPEL_AT_RCPT,
        .code = (uint16_t)code,
        .retry_after = -1,
        .text = {text, text ? strlen(text) : 0}};
    return r;
}

static void
check_print(const struct result *r, const char *want)
{
    struct buf b = BUF_INIT;

    result_print(r, &b);
    assert_string_equal(buf_get(&b).p, want);
    buf_fini(&b);
}

static void
test_copy(void **state)
{
    struct impel_result from = said(IMPEL_RETRY, 451, "try\r\nlater\x01\r\n");
    struct result r = {0};

    (void)state;
    from.status[0] = 4;
    from.status[1] = 2;
    from.status[2] = 1;
    from.flags = 0xffff;
    assert_int_equal(result_copy(&r, &from), 0);
    assert_int_equal(r.verdict, IMPEL_RETRY);
    assert_int_equal(r.flags, IMPEL_UNCERTAIN);
    assert_string_equal(r.text, "try later?");
    assert_int_equal(r.retry_after, -1);
    check_print(&r, "451 4.2.1 try later?");
    result_fini(&r);
}

/* Controls beyond ASCII steer terminals too; octets that are no UTF-8 stay. */
static void
test_controls(void **state)
{
    struct result r = {.text = NULL};
    struct impel_result from = said(IMPEL_RETRY, 451,
        "a\xc2\x9b[2J\xe2\x80\xa8g\xc3\xa4h\xe4\x1b\tz\xc2\x85\r\n");

    (void)state;
    assert_int_equal(result_copy(&r, &from), 0);
    assert_string_equal(r.text, "a?[2J?g\xc3\xa4h\xe4? z?");
    result_fini(&r);
}

static void
test_nonsense(void **state)
{
    struct impel_result from = said(0, 0, NULL);
    struct result r = {0};

    (void)state;
    assert_int_equal(result_copy(&r, &from), ERR_PROTO);
    from.verdict = 99;
    assert_int_equal(result_copy(&r, &from), ERR_PROTO);
    from.verdict = IMPEL_FAILED;
    from.size = 8;
    assert_int_equal(result_copy(&r, &from), ERR_PROTO);
    assert_int_equal(result_copy(&r, NULL), ERR_PROTO);
    from = said(IMPEL_FAILED, 20000, NULL);
    from.blame = -3;
    from.stage = 77;
    from.status[0] = 9;
    from.retry_after = INT64_MAX;
    assert_int_equal(result_copy(&r, &from), 0);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.blame, IMPEL_BLAME_SESSION);
    assert_int_equal(r.stage, 0);
    assert_int_equal(r.status[0], 0);
    assert_true(r.retry_after < INT64_C(1000000000));
    assert_null(r.text);
    check_print(&r, "failed");
    result_fini(&r);
}

static void
test_long_text(void **state)
{
    char text[5000];
    struct impel_result from = said(IMPEL_FAILED, 550, NULL);
    struct result r = {0};

    (void)state;
    memset(text, 'a', sizeof(text));
    from.text = (struct impel_str){text, sizeof(text)};
    assert_int_equal(result_copy(&r, &from), 0);
    assert_int_equal(strlen(r.text), RESULT_TEXT_MAX);
    result_fini(&r);
}

/* An older module's struct ends earlier, a newer one's later. */
static void
test_size(void **state)
{
    struct {
        struct impel_result r;
        char more[64];
    } newer = {.r = said(IMPEL_DELIVERED, 250, "ok")};
    struct result r = {0};

    (void)state;
    newer.r.size = sizeof(newer);
    assert_int_equal(result_copy(&r, &newer.r), 0);
    assert_string_equal(r.text, "ok");
    result_fini(&r);
}

static void
test_info(void **state)
{
    const struct impel_pair info[] = {
        {{"id", 2}, {"A1", 2}},
        {{"a b", 3}, {"x \"y\"", 5}},
        {{NULL, 0}, {"z", 1}},
        {{"empty", 5}, {NULL, 0}},
    };
    struct impel_result from = said(IMPEL_DELIVERED, 250, NULL);
    struct result r = {0}, copy = {0};

    (void)state;
    from.info = info;
    from.info_count = 4;
    assert_int_equal(result_copy(&r, &from), 0);
    assert_string_equal(r.info, "id=A1 a_b=\"x 'y'\" empty=\"\"");
    result_dup(&copy, &r);
    result_fini(&r);
    assert_string_equal(copy.info, "id=A1 a_b=\"x 'y'\" empty=\"\"");
    result_fini(&copy);
}

static void
test_print(void **state)
{
    struct result r = {0};

    (void)state;
    result_set(&r, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT, 451,
        "4.4.1", "[internal] Connection refused");
    check_print(&r, "451 4.4.1 [internal] Connection refused");
    /* the peer's words as they came: nothing is said twice */
    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "550 5.1.1 no such user");
    check_print(&r, "550 5.1.1 no such user");
    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "5.1.1 no such user");
    check_print(&r, "550 5.1.1 no such user");
    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1",
        "5501 is my number");
    check_print(&r, "550 5501 is my number");
    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, NULL,
        r.text); /* its own words */
    check_print(&r, "550 5501 is my number");
    result_fini(&r);
}

static void
test_names(void **state)
{
    (void)state;
    assert_string_equal(result_verdict_name(IMPEL_UNTRIED), "untried");
    assert_string_equal(result_verdict_name(-1), "unknown");
    assert_string_equal(result_blame_name(IMPEL_BLAME_ROUTE), "route");
    assert_string_equal(result_stage_name(IMPEL_AT_FINAL), "final");
    assert_int_equal(result_stage_number(IMPEL_AT_CONNECT), 0);
    assert_int_equal(result_stage_number(IMPEL_AT_FINAL), 9);
    assert_int_equal(result_stage_number(99), 22);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
