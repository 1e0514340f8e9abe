/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounces that come as mail: what is read of them, in one piece and byte by
 * byte, and what is none.
 */
#include "unit.h"

#include "intake/oob.h"

#define HEAD \
    "From: <mailer-daemon@far.test>\r\nContent-Type: multipart/report;\r\n" \
    "\treport-type=delivery-status; boundary=\"b 1\"\r\n\r\n" \
    "--b 1\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n\r\n--b 1\r\n"
#define STATUS \
    "Content-Type: message/delivery-status\r\n\r\n" \
    "Reporting-MTA: dns; far.test\r\nFinal-Recipient: rfc822; no@no.test\r\n" \
    "\r\n"
#define TAIL \
    "\r\n--b 1\r\nContent-Type: message/rfc822\r\n\r\n" \
    "Final-Recipient: rfc822; fake@fake.test\r\nAction: failed\r\n\r\n" \
    "--b 1--\r\n"

static struct oob *
fed(const char *text, size_t step)
{
    struct oob *o = oob_new();
    size_t n = strlen(text);

    for (size_t at = 0; at < n; at += step)
        oob_feed(o, text + at, MIN_OF(step, n - at));
    (void)oob_finish(o);
    return o;
}

static void
test_report(void **state)
{
    static const char text[] = HEAD STATUS
        "Original-Recipient: rfc822;a@x.test\r\n"
        "Final-Recipient: RFC822; <b@y.test>\r\nAction: Failed (gone)\r\n"
        "Status: 5.1.1 (bad mailbox)\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such\r\n  user here\r\n\r\n"
        "Final-Recipient: rfc822; c@x.test\r\naction: delayed\r\n"
        "Status: 4.4.1\r\n" TAIL;

    (void)state;
    for (size_t step = 1; step <= sizeof(text); step = step * 7 + 1) {
        struct oob *o = fed(text, step);
        const struct oob_rcpt *r = oob_rcpt(o, 0);

        assert_non_null(r);
        assert_string_equal(r->original, "a@x.test");
        assert_string_equal(r->final, "b@y.test");
        assert_int_equal(r->action, OOB_FAILED);
        assert_int_equal(
            r->status[0] * 100 + r->status[1] * 10 + r->status[2], 511);
        assert_int_equal(r->code, 550);
        assert_string_equal(r->diagnostic, "550 5.1.1 No such  user here");
        r = oob_rcpt(o, 1);
        assert_non_null(r);
        assert_null(r->original);
        assert_int_equal(r->action, OOB_DELAYED);
        assert_null(oob_rcpt(o, 2));
        assert_true(oob_is_bounce(o));
        oob_free(&o);
    }
}

static void
test_suppressed(void **state)
{
    struct oob *o = fed(HEAD STATUS
        "Original-Recipient: rfc822;a@x.test\r\n"
        "Final-Recipient: rfc822;b@y.test\r\nAction: failed\r\n" TAIL,
        4096);
    const struct oob_rcpt *r = oob_rcpt(o, 0);

    (void)state;
    assert_str(oob_original(r, STR("")), "a@x.test");
    assert_str(oob_original(r, STR("A@X.test , z@z.test")), "b@y.test");
    assert_str(oob_original(r, STR("@x.test")), "b@y.test");
    assert_null(oob_original(r, STR("@x.test,@y.test")).p);
    assert_str(oob_original(r, STR("@test,x.test")), "a@x.test");
    oob_free(&o);
}

/* None of these is a report. */
static void
test_none(void **state)
{
    static const char *const texts[] = {"", "\r\n",
        "Subject: x\r\n\r\nhello\r\n",
        "Content-Type: text/plain\r\n\r\n" STATUS
        "Final-Recipient: rfc822;b@y.test\r\nAction: failed\r\n\r\n",
        "Content-Type: multipart/report; report-type=disposition-notification;"
        " boundary=\"b 1\"\r\n\r\n--b 1\r\n" STATUS
        "Final-Recipient: rfc822;b@y.test\r\nAction: failed\r\n\r\n",
        "Content-Type: multipart/report; report-type=delivery-status\r\n\r\n",
        HEAD "Content-Type: text/plain\r\n\r\n\r\n"
             "Final-Recipient: rfc822;b@y.test\r\nAction: failed\r\n" TAIL,
        HEAD STATUS "Final-Recipient: rfc822;not an address\r\n"
                    "Action: failed\r\n" TAIL,
        HEAD STATUS "Final-Recipient: rfc822;b@y.test\r\n"
                    "Action: delivered\r\n" TAIL};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct oob *o = fed(texts[i], 5);

        if (oob_is_bounce(o))
            fail_msg("taken for a report: %s", texts[i]);
        oob_free(&o);
    }
}

/* However much there is, memory and time are bounded. */
static void
test_bounds(void **state)
{
    struct buf b = BUF_INIT;
    struct oob *o;

    (void)state;
    buf_cstr(&b, HEAD STATUS);
    for (int i = 0; i < 3000; i++)
        buf_printf(&b,
            "Final-Recipient: rfc822;u%d@x.test\r\n"
            "Action: failed\r\n\r\n",
            i);
    o = fed(buf_get(&b).p, 4096);
    assert_non_null(oob_rcpt(o, OOB_RCPTS_MAX - 1));
    assert_null(oob_rcpt(o, OOB_RCPTS_MAX));
    oob_free(&o);
    buf_cut(&b, 0);
    for (int i = 0; i < 100000; i++)
        buf_cstr(&b, "Subject: no end ");
    o = fed(buf_get(&b).p, 1000);
    assert_false(oob_is_bounce(o));
    oob_free(&o);
    buf_cut(&b, 0);
    buf_cstr(&b, "Content-Type: multipart/report;\r\n");
    for (int i = 0; i < 50000; i++)
        buf_cstr(&b, " x=y;\r\n");
    buf_cstr(&b, "\r\n");
    o = fed(buf_get(&b).p, 1000);
    assert_false(oob_is_bounce(o));
    oob_free(&o);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_suppressed),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
