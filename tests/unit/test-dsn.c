/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 3461 to 3464 and 6533: who is told, and in which words.
 */
#include "queue_world.h"

#include "base/utf8.h"
#include "queue/dsn.h"
#include "spool/content.h"
#include "queue/queue_options.h"

static struct generation *g;

static const struct scope *
scope_for(const char *domain)
{
    return generation_scope(g, STR("default"), str_of(domain));
}

static struct result
failed(void)
{
    struct result r = {.retry_after = -1};

    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "<b@x.test>: no such user");
    return r;
}

static struct dsn_report
report_of(const struct message *m, const struct dsn_rcpt *rcpt, size_t count)
{
    return (struct dsn_report){.message = m,
        .action = DSN_FAILED,
        .reporting = STR("mta.test"),
        .to = STR("s@from.test"),
        .mta = STR("mx.x.test"),
        .now = clock_wall(),
        .id = 0x42,
        .chance = 7,
        .original = QUEUE_ORIGINAL_HEADERS,
        .count = count,
        .rcpt = rcpt};
}

static void
test_golden(void **state)
{
    static const char *const wanted[] = {
        "From: Mail Delivery System <mailer-daemon@mta.test>\r\n",
        "To: <s@from.test>\r\n",
        "Subject: Undelivered mail returned to sender\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        " boundary=\"=_impel-0000000000000042-0000000000000007\"\r\n",
        "\r\n<b@x.test>:\r\n    550 5.1.1 <b@x.test>: no such user\r\n",
        "\r\n--=_impel-0000000000000042-0000000000000007\r\n"
        "Content-Type: message/delivery-status\r\n"
        "\r\nReporting-MTA: dns;mta.test\r\nOriginal-Envelope-Id: QQ 314\r\n"
        "Arrival-Date: ",
        "\r\n\r\nOriginal-Recipient: rfc822;Bob+x@x.test\r\n"
        "Final-Recipient: rfc822;b@x.test\r\nAction: failed\r\n"
        "Status: 5.1.1\r\nRemote-MTA: dns;mx.x.test\r\n"
        "Diagnostic-Code: smtp;550 5.1.1 <b@x.test>: no such user\r\n"
        "Last-Attempt-Date: ",
        "\r\n--=_impel-0000000000000042-0000000000000007\r\n"
        "Content-Type: text/rfc822-headers\r\n\r\n"};
    struct result r = failed();
    struct dsn_rcpt rcpt = {.rcpt = 1, .result = &r};
    struct message *m;
    struct dsn_report d;
    struct buf b = BUF_INIT;
    const char *at;

    (void)state;
    m = world_message("default", "s@from.test", "a@x.test b@x.test");
    m->env.envid = STR("QQ+20314");
    ((struct rcpt *)(uintptr_t)m->env.rcpt)[1].original =
        STR("rfc822;Bob+2Bx@x.test");
    d = report_of(m, &rcpt, 1);
    dsn_print_head(&d, &b);
    at = b.p;
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        const char *found = strstr(at, wanted[i]);

        if (!found)
            fail_msg("missing: %s in\n%s", wanted[i], b.p);
        at = found;
    }
    assert_null(strstr(b.p, "a@x.test")); /* not its affair */
    buf_cut(&b, 0);
    dsn_print_tail(&d, &b);
    assert_string_equal(
        b.p, "\r\n--=_impel-0000000000000042-0000000000000007--\r\n");
    buf_fini(&b);
    result_fini(&r);
    message_unref(&m);
}

static void
test_hostile_words(void **state)
{
    char words[1000];
    struct result r = {.retry_after = -1};
    struct dsn_rcpt rcpt = {.rcpt = 0, .result = &r};
    struct message *m = world_message("default", "s@from.test", "a@x.test");
    struct dsn_report d = report_of(m, &rcpt, 1);
    struct buf b = BUF_INIT;
    size_t column = 0;

    (void)state;
    memset(words, 'x', sizeof(words));
    memcpy(words, "a\r\nAction: delivered\xe4", 21);
    words[sizeof(words) - 1] = '\0';
    result_set(&r, IMPEL_FAILED, 1, IMPEL_AT_RCPT, 550, "5.0.0", words);
    m->env.envid = STR("bad+ZZ");
    dsn_print_head(&d, &b);
    for (size_t i = 0; i < b.n; i++) {
        assert_true((unsigned char)b.p[i] < 127);
        column = b.p[i] == '\n' ? 0 : column + 1;
        assert_true(column <= 998);
        if (b.p[i] == '\r')
            assert_int_equal(b.p[i + 1], '\n');
    }
    assert_null(strstr(b.p, "\r\nAction: delivered"));
    buf_fini(&b);
    result_fini(&r);
    message_unref(&m);
}

/* What ends a line for some readers, bytes that are no UTF-8, blanks without
 * end: none of it can begin a line of the report, or leave one of blanks. */
static void
test_hostile_utf8(void **state)
{
    static const char evil[] = "x\xe2\x80\xa8"
                               "Action: delivered\xc2\x85"
                               "Status: 2.0.0\x80\xbf\xff\xed\xa0\x80 end";
    char words[900];
    struct result r = {.retry_after = -1};
    struct dsn_rcpt rcpt = {.rcpt = 0, .result = &r};
    struct message *m =
        world_message("default", "s@from.test", "j\xc3\xb6rg@x.test");
    struct dsn_report d = report_of(m, &rcpt, 1);
    struct buf b = BUF_INIT;

    (void)state;
    memset(words, ' ', sizeof(words));
    memcpy(words, evil, sizeof(evil) - 1);
    memcpy(words + sizeof(words) - 4, "end", 4);
    result_set(&r, IMPEL_FAILED, 1, IMPEL_AT_RCPT, 550, "5.0.0", words);
    assert_true(dsn_is_global(&d));
    dsn_print_head(&d, &b);
    assert_true(utf8_is_valid(buf_get(&b)));
    assert_null(strstr(b.p, "\xe2\x80\xa8"));
    assert_null(strstr(b.p, "\xc2\x85"));
    assert_non_null(strstr(
        b.p, "smtp;550 5.0.0 x?Action: delivered?Status: 2.0.0?????? end"));
    assert_null(strstr(b.p, "\r\n \r\n"));
    for (const char *at = b.p; (at = strstr(at, "\r\n ")); at += 3)
        assert_true(at[3] != '\r' && (at[3] != ' ' || at[6] != ' '));
    assert_non_null(strstr(b.p, "\r\n end\r\n"));
    buf_fini(&b);
    result_fini(&r);
    message_unref(&m);
}

static void
test_global(void **state)
{
    struct result r = failed();
    struct dsn_rcpt rcpt = {.rcpt = 0, .result = &r};
    struct message *m =
        world_message("default", "s@from.test", "j\xc3\xb6rg@x.test");
    struct dsn_report d = report_of(m, &rcpt, 1);
    struct buf b = BUF_INIT;

    (void)state;
    assert_true(dsn_is_global(&d));
    d.original = QUEUE_ORIGINAL_ALL;
    dsn_print_head(&d, &b);
    assert_non_null(strstr(b.p,
        "message/global-delivery-status\r\n"
        "Content-Transfer-Encoding: 8bit\r\n"));
    assert_non_null(strstr(b.p, "Final-Recipient: utf-8;j\xc3\xb6rg@x.test"));
    assert_non_null(strstr(b.p, "Content-Type: message/global\r\n"));
    buf_fini(&b);
    result_fini(&r);
    message_unref(&m);
}

static void
test_notify(void **state)
{
    static const struct {
        uint32_t notify;
        bool failed, delivered;
    } rows[] = {{0, true, false}, {NOTIFY_NEVER, false, false},
        {NOTIFY_FAILURE, true, false}, {NOTIFY_SUCCESS, false, true},
        {NOTIFY_DELAY, false, false},
        {NOTIFY_SUCCESS | NOTIFY_FAILURE, true, true},
        {NOTIFY_NEVER | NOTIFY_FAILURE, false, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rcpt r = {.notify = rows[i].notify};

        assert_int_equal(dsn_is_wanted(&r, DSN_FAILED), rows[i].failed);
        assert_int_equal(dsn_is_wanted(&r, DSN_DELIVERED), rows[i].delivered);
        assert_int_equal(dsn_is_wanted(&r, DSN_RELAYED), rows[i].delivered);
    }
}

static void
test_returned_part(void **state)
{
    struct message *m = world_message("default", "s@from.test", "a@x.test");
    static const struct {
        const char *domain;
        int ret, want, success;
    } rows[] = {{"headers.test", RET_UNSET, QUEUE_ORIGINAL_HEADERS,
                    QUEUE_ORIGINAL_HEADERS},
        {"headers.test", RET_FULL, QUEUE_ORIGINAL_ALL, QUEUE_ORIGINAL_HEADERS},
        {"all.test", RET_UNSET, QUEUE_ORIGINAL_ALL, QUEUE_ORIGINAL_HEADERS},
        {"all.test", RET_HDRS, QUEUE_ORIGINAL_HEADERS, QUEUE_ORIGINAL_HEADERS},
        {"none.test", RET_FULL, QUEUE_ORIGINAL_NONE, QUEUE_ORIGINAL_NONE}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct scope *s = scope_for(rows[i].domain);

        m->env.ret = rows[i].ret;
        assert_int_equal(dsn_original(m, s, DSN_FAILED), rows[i].want);
        assert_int_equal(dsn_original(m, s, DSN_DELIVERED), rows[i].success);
        m->env.needs = IMPEL_NEED_TLS;
        assert_int_equal(dsn_original(m, s, DSN_FAILED),
            MIN_OF(rows[i].want, QUEUE_ORIGINAL_HEADERS));
        m->env.needs = 0;
    }
    message_unref(&m);
}

static void
test_who_is_told(void **state)
{
    struct message *m = world_message("default", "s@from.test", "a@x.test");
    struct message *null = world_message("default", "", "a@x.test");
    struct message *lost = world_message("default", "", "mdn@ops.test");

    (void)state;
    assert_str(dsn_address(m, scope_for("x.test"), DSN_FAILED), "s@from.test");
    assert_str(dsn_address(null, scope_for("x.test"), DSN_FAILED), "");
    assert_str(
        dsn_address(null, scope_for("told.test"), DSN_FAILED), "mdn@ops.test");
    assert_str(dsn_address(null, scope_for("told.test"), DSN_DELIVERED), "");
    assert_str(dsn_address(lost, scope_for("told.test"), DSN_FAILED), "");
    message_unref(&m);
    message_unref(&null);
    message_unref(&lost);
}

/* --- through the scheduler --- */

static void
fail_all(void)
{
    fake_ready(0, 1);
    fake_done(0, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "no such user");
}

static void
test_one_bounce_for_all(void **state)
{
    const char *first;

    (void)state;
    world_begin("");
    (void)world_accept("s@from.test", "a@x.test b@x.test c@x.test");
    fail_all();
    assert_int_equal(fake_store.accepts, 1);
    first = strstr(fake_store.accepted.p, "Final-Recipient: rfc822;a@x.test");
    assert_non_null(first);
    assert_non_null(strstr(first, "Final-Recipient: rfc822;c@x.test"));
    world_end();
}

static void
test_switched_off(void **state)
{
    (void)state;
    world_begin("generate_bounces = false\n");
    (void)world_accept("s@from.test", "a@x.test");
    fail_all();
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(fake_store.finished_all, 1);
    world_end();
}

static void
test_all_of_it_and_from(void **state)
{
    (void)state;
    world_begin("bounces_inline_original = all\n"
                "mailerdaemon = \"postmaster@corp.test\"\n");
    (void)world_accept("s@from.test", "a@x.test");
    fail_all();
    assert_non_null(strstr(fake_store.accepted.p, "<postmaster@corp.test>"));
    assert_non_null(strstr(fake_store.accepted.p,
        "Content-Type: message/rfc822\r\n\r\nSubject: test\r\nFrom: a\r\n\r\n"
        "body\r\n\r\n--=_impel-"));
    world_end();
}

/* Whatever the original was taken for: what would bring a bare LF into the
 * report is not returned. */
static void
test_only_lines_are_returned(void **state)
{
    struct message *m;

    (void)state;
    world_begin("");
    m = world_message("default", "s@from.test", "a@x.test");
    content_free(&m->content);
    m->content = fake_store_content("X: y\n.\nMAIL FROM:<evil@x.test>\r\n");
    world_give(m);
    fail_all();
    world_advance(10000);
    assert_int_equal(fake_store.accepts, 1);
    assert_null(strstr(fake_store.accepted.p, "evil"));
    assert_non_null(
        strstr(fake_store.accepted.p, "Final-Recipient: rfc822;a@x.test"));
    world_end();
}

static void
test_success(void **state)
{
    struct message *m;
    struct rcpt *r;

    (void)state;
    world_begin("");
    m = world_message("default", "s@from.test", "a@x.test b@x.test");
    r = (struct rcpt *)(uintptr_t)m->env.rcpt;
    r[1].notify = NOTIFY_SUCCESS;
    world_give(m);
    fake_ready(0, 1);
    fake_delivered(0);
    assert_int_equal(fake_store.accepts, 0); /* SMTP: the next hop's affair */
    m = world_message("default", "s@from.test", "a@x.test b@x.test");
    r = (struct rcpt *)(uintptr_t)m->env.rcpt;
    r[1].notify = NOTIFY_SUCCESS;
    world_give(m);
    {
        struct result one[2] = {{.retry_after = -1}, {.retry_after = -1}};

        for (int i = 0; i < 2; i++) {
            result_set(&one[i], IMPEL_DELIVERED, 1, IMPEL_AT_FINAL, 250,
                "2.0.0", "ok");
            one[i].info = xdup("dsn=no");
        }
        fake_done_each(0, one);
        result_fini(&one[0]);
        result_fini(&one[1]);
    }
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "Action: relayed"));
    assert_null(strstr(fake_store.accepted.p, "a@x.test"));
    world_end();
}

static int
setup(void **state)
{
    (void)state;
    world_begin("domain \"all.test\" { bounces_inline_original = all }\n"
                "domain \"none.test\" { bounces_inline_original = none }\n"
                "domain \"told.test\" { mdn_failures_notify = "
                "\"mdn@ops.test\" }\n");
    g = generation_ref(world.generation);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    generation_unref(&g);
    world_end();
    return 0;
}

#define PURE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
UNIT_MAIN(PURE(test_golden), PURE(test_hostile_words), PURE(test_hostile_utf8),
    PURE(test_global), PURE(test_notify), PURE(test_returned_part),
    PURE(test_who_is_told), cmocka_unit_test(test_one_bounce_for_all),
    cmocka_unit_test(test_switched_off),
    cmocka_unit_test(test_only_lines_are_returned),
    cmocka_unit_test(test_all_of_it_and_from), cmocka_unit_test(test_success))
