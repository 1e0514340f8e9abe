/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "line.h"
#include "verb.h"

static void
assert_text(struct impel_str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void
verbs(void **state)
{
    struct impel_str args;

    (void)state;
    assert_int_equal(verb_parse(line_str("mail FROM:<a@b>"), &args), VERB_MAIL);
    assert_text(args, "FROM:<a@b>");
    assert_int_equal(verb_parse(line_str("QUIT"), &args), VERB_QUIT);
    assert_int_equal(args.n, 0);
    assert_int_equal(verb_parse(line_str("xclient A=B"), &args), VERB_XCLIENT);
    assert_text(args, "A=B");
    assert_int_equal(verb_parse(line_str("QUIT  "), &args), VERB_QUIT);
    assert_int_equal(verb_parse(line_str("QUITX"), &args), VERB_UNKNOWN);
    assert_int_equal(verb_parse(line_str(""), &args), VERB_UNKNOWN);
    assert_int_equal(verb_parse(line_str(" RSET"), &args), VERB_UNKNOWN);
}

static bool
path(const char *line, const char *address, const char *rest)
{
    struct impel_str args = line_str(line), got;

    if (!verb_path(&args, "TO:", false, &got))
        return false;
    assert_text(got, address);
    assert_text(args, rest);
    return true;
}

static void
paths(void **state)
{
    struct impel_str args, got;

    (void)state;
    assert_true(path("TO:<a@b>", "a@b", ""));
    assert_true(path("to:<a@b> NOTIFY=NEVER", "a@b", "NOTIFY=NEVER"));
    assert_true(path("TO:<>", "", ""));
    assert_true(path("TO:<\"a>b\"@c>", "\"a>b\"@c", ""));
    assert_true(path("TO:<\"a\\\">b\"@c>", "\"a\\\">b\"@c", ""));
    assert_true(path("TO:<@r1,@r2:a@b>", "a@b", ""));
    assert_false(path("TO:<@r1,@r2:>", "", ""));
    assert_false(path("TO:<@r1>", "", ""));
    assert_false(path("TO:a@b", "", ""));
    assert_false(path("TO:<a@b", "", ""));
    assert_false(path("TO:<a@b>x", "", ""));
    assert_false(path("TO: <a@b>", "", ""));
    assert_false(path("TO", "", ""));
    assert_false(path("FROM:<a@b>", "", ""));
    args = line_str("TO: <a@b>");
    assert_true(verb_path(&args, "TO:", true, &got));
}

static void
mailboxes(void **state)
{
    static const char *const good[] = {"a@b", "a.b+c@x-y.example", "\"a b\"@c",
        "\"a@b\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]", "=?#~@b", "a..b@c"};
    static const char *const bad[] = {"", "@b", "a@", "a@b.", "a@.b", "a@b..c",
        "a b@c", "a@b c", "a<@b", "a@b>c", "\"a\"b@c", "\"a@c", "a@[]", "a@[1",
        "a@b@c", "a\r@b", "a@b\n", "a\x7f@b", "a@b\\c", "a,b@c"};
    char longest[VERB_MAX_ADDRESS + 8];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(verb_is_mailbox(line_str(good[i]), false, false));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(verb_is_mailbox(line_str(bad[i]), true, false));
    assert_false(verb_is_mailbox(line_str("postmaster"), true, false));
    assert_true(verb_is_mailbox(line_str("postmaster"), true, true));
    assert_false(verb_is_mailbox(line_str("j\xc3\xb6@b"), false, false));
    assert_true(verb_is_mailbox(line_str("j\xc3\xb6@b\xc3\xbc"), true, false));
    assert_false(verb_is_mailbox((struct impel_str){"a\0@b", 4}, true, false));
    memset(longest, 'a', sizeof(longest));
    longest[1] = '@';
    assert_false(verb_is_mailbox(
        (struct impel_str){longest, sizeof(longest)}, false, false));
}

static void
params(void **state)
{
    struct impel_str args = line_str("SIZE=12  X-A SMTPUTF8"), key, value;

    (void)state;
    assert_int_equal(verb_param(&args, &key, &value), 1);
    assert_text(key, "SIZE");
    assert_text(value, "12");
    assert_int_equal(verb_param(&args, &key, &value), 1);
    assert_text(key, "X-A");
    assert_null(value.p);
    assert_int_equal(verb_param(&args, &key, &value), 1);
    assert_int_equal(verb_param(&args, &key, &value), 0);
    args = line_str("SIZE=");
    assert_int_equal(verb_param(&args, &key, &value), -1);
    args = line_str("=1");
    assert_int_equal(verb_param(&args, &key, &value), -1);
    args = line_str("A=b=c");
    assert_int_equal(verb_param(&args, &key, &value), -1);
    args = line_str("A<b");
    assert_int_equal(verb_param(&args, &key, &value), -1);
}

static void
values(void **state)
{
    uint64_t n;
    uint32_t bits;
    bool last;

    (void)state;
    assert_true(verb_number(line_str("0"), 10, &n));
    assert_true(verb_number(line_str("9223372036854775807"), INT64_MAX, &n));
    assert_int_equal(n, INT64_MAX);
    assert_false(verb_number(line_str("9223372036854775808"), INT64_MAX, &n));
    assert_false(verb_number(line_str("99999999999999999999"), INT64_MAX, &n));
    assert_false(verb_number(line_str(""), 10, &n));
    assert_false(verb_number(line_str("-1"), 10, &n));
    assert_false(verb_number(line_str("0x1"), 10, &n));
    assert_true(verb_notify(line_str("never"), &bits));
    assert_int_equal(bits, VERB_NOTIFY_NEVER);
    assert_true(verb_notify(line_str("SUCCESS,delay"), &bits));
    assert_int_equal(bits, VERB_NOTIFY_SUCCESS | VERB_NOTIFY_DELAY);
    assert_false(verb_notify(line_str("NEVER,DELAY"), &bits));
    assert_false(verb_notify(line_str("SUCCESS,"), &bits));
    assert_false(verb_notify(line_str(""), &bits));
    assert_true(verb_is_xtext(line_str("a+2Bb"), false));
    assert_false(verb_is_xtext(line_str("a+00b"), false));
    assert_false(verb_is_xtext(line_str("a+0Ab"), false));
    assert_false(verb_is_xtext(line_str("a+7Fb"), false));
    assert_false(verb_is_xtext(line_str("a+2"), false));
    assert_false(verb_is_xtext(line_str("a b"), false));
    assert_true(verb_is_original(line_str("rfc822;a@b"), false));
    assert_false(verb_is_original(line_str("rfc822;"), false));
    assert_false(verb_is_original(line_str(";a@b"), false));
    assert_true(verb_bdat(line_str("10 LAST"), &n, &last));
    assert_true(last);
    assert_true(verb_bdat(line_str("0"), &n, &last));
    assert_false(last);
    assert_false(verb_bdat(line_str("10 FIRST"), &n, &last));
    assert_false(verb_bdat(line_str("10LAST"), &n, &last));
    assert_false(verb_bdat(line_str("LAST"), &n, &last));
    assert_false(verb_bdat(line_str("18446744073709551616"), &n, &last));
}

static void
writing(void **state)
{
    static struct out o;
    struct verb_mail m = {.sender = line_str("a@b"),
        .size = 10,
        .eightbit = true,
        .utf8 = true,
        .ret = VERB_RET_HDRS,
        .envid = line_str("q+2B1")};

    (void)state;
    verb_put_mail(&o, &m);
    assert_text((struct impel_str){o.p, o.n},
        "MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS "
        "ENVID=q+2B1\r\n");
    o.n = 0;
    m = (struct verb_mail){.size = -1, .envid = line_str("a b\r\nRSET")};
    verb_put_mail(&o, &m);
    assert_text((struct impel_str){o.p, o.n}, "MAIL FROM:<>\r\n");
    o.n = 0;
    verb_put_rcpt(&o, line_str("c@d"), true,
        VERB_NOTIFY_SUCCESS | VERB_NOTIFY_FAILURE, line_str("rfc822;x@y"),
        false);
    verb_put_rcpt(&o, line_str("e@f"), false, 1, line_str("rfc822;x@y"), false);
    verb_put_rcpt(&o, line_str("g@h"), true, VERB_NOTIFY_NEVER,
        line_str("rfc822;x\r\ny"), false);
    assert_text((struct impel_str){o.p, o.n},
        "RCPT TO:<c@d> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y\r\n"
        "RCPT TO:<e@f>\r\nRCPT TO:<g@h> NOTIFY=NEVER\r\n");
    assert_false(o.overflow);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verbs),
        cmocka_unit_test(paths), cmocka_unit_test(mailboxes),
        cmocka_unit_test(params), cmocka_unit_test(values),
        cmocka_unit_test(writing)};

    return cmocka_run_group_tests_name("verb", tests, NULL, NULL);
}
