/* SPDX-License-Identifier: Apache-2.0
 *
 * test-extensions.c - BINARYMIME, LIMITS, DELIVERBY, FUTURERELEASE and domains
 * as A-labels, both ways, without a network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "esmtp_host.h"
#include "limits.h"
#include "param.h"
#include "verb.h"

enum { RCPTS = 4 };

static const struct impel_rcpt rcpt[RCPTS] = {
    {.size = sizeof(rcpt[0]), .address = {"a@x.test", 8}},
    {.size = sizeof(rcpt[0]), .address = {"b@y.test", 8}},
    {.size = sizeof(rcpt[0]), .address = {"c@X.TEST", 8}},
    {.size = sizeof(rcpt[0]), .address = {"d@z.test", 8}}};
static const struct impel_rcpt *const rcpts[RCPTS] = {
    &rcpt[0], &rcpt[1], &rcpt[2], &rcpt[3]};

static void
batch_init(struct impel_batch *b, size_t count)
{
    memset(b, 0, sizeof(*b));
    b->form = -1;
    b->body = "text\r\n";
    b->envelope = (struct impel_envelope){.size = sizeof(struct impel_envelope),
        .sender = {"s@example.org", 13},
        .rcpt_count = count,
        .rcpt = rcpts};
}

static void
say(struct esmtp_host *h, const char *z)
{
    esmtp_host_feed(h, z, strlen(z));
}

/* MAIL and one recipient are taken, and the message. */
static void
deliver(struct esmtp_host *h)
{
    say(h, "250 ok\r\n250 ok\r\n354 go\r\n");
    say(h, "250 taken\r\n");
}

static bool
said(struct esmtp_host *h, const char *z)
{
    return h->session.out.n > 0 &&
        memmem(h->session.out.p, h->session.out.n, z, strlen(z)) != NULL;
}

static int64_t
wall_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* --- the values --- */

static void
by_values(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        uint32_t by; /* 0: it is none */
    } rows[] = {
        {"120;R", 120, IMPEL_BY_RETURN},
        {"+120;r", 120, IMPEL_BY_RETURN},
        {"999999999;RT", 999999999, IMPEL_BY_RETURN | IMPEL_BY_TRACE},
        {"0;N", 0, IMPEL_BY_NOTIFY},
        {"-5;nt", -5, IMPEL_BY_NOTIFY | IMPEL_BY_TRACE},
        {"0;R", 0, 0},
        {"-5;R", 0, 0},
        {"1000000000;N", 0, 0},
        {"0000000001;N", 0, 0},
        {"", 0, 0},
        {";N", 0, 0},
        {"+;N", 0, 0},
        {"+-1;N", 0, 0},
        {"120", 0, 0},
        {"120;", 0, 0},
        {"120;T", 0, 0},
        {"120;NN", 0, 0},
        {"120;NTX", 0, 0},
        {"12a;N", 0, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct param_by by = {7, 7};

        assert_int_equal(param_by(str(rows[i].text), &by), rows[i].by != 0);
        assert_int_equal(by.by, rows[i].by ? rows[i].by : 7);
        assert_int_equal(by.seconds, rows[i].by ? rows[i].seconds : 7);
    }
}

static void
times(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: it is none */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:01z", 1},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2026-11-21T14:00:00+02:00", 1795262400},
        {"2026-11-21T14:00:00.123456789-00:30", 1795271400},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"2038-01-19T03:14:08Z", 2147483648},
        {"2100-02-28T23:59:60Z", 4107542400},
        {"2400-02-29T23:59:59Z", 13574649599},
        {"2100-02-29T00:00:00Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"2026-00-01T00:00:00Z", -1},
        {"2026-04-31T00:00:00Z", -1},
        {"2026-01-01T24:00:00Z", -1},
        {"2026-01-01T00:60:00Z", -1},
        {"2026-01-01T00:00:61Z", -1},
        {"2026-01-01T00:00:00", -1},
        {"2026-01-01T00:00:00.Z", -1},
        {"2026-01-01T00:00:00+1:00", -1},
        {"2026-01-01T00:00:00ZZ", -1},
        {"2026-01-01 00:00:00Z", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"", -1},
    };
    char text[PARAM_TIME_SIZE];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t t = -1;

        assert_int_equal(
            param_time(str(rows[i].text), &t), rows[i].seconds >= 0);
        assert_int_equal(t, rows[i].seconds);
    }
    param_print_time(1795262400, text);
    assert_string_equal(text, "2026-11-21T12:00:00Z");
    param_print_time(4107542399, text);
    assert_string_equal(text, "2100-02-28T23:59:59Z");
    param_print_time(INT64_MAX, text);
    assert_string_equal(text, "");
}

/* --- in --- */

static struct esmtp_host *
listening(int64_t future, int64_t by_min, int64_t mails, int64_t most)
{
    struct esmtp_host *h = esmtp_host_new();

    h->option[OPT_FUTURE_RELEASE_MAX] = future * 1000;
    h->option[OPT_DELIVER_BY_MIN] = by_min * 1000;
    h->option[OPT_MAX_RECEPTIONS] = mails;
    h->option[OPT_MAX_RECIPIENTS] = most;
    esmtp_host_listen(h);
    say(h, "EHLO client.test\r\n");
    return h;
}

static void
done(struct esmtp_host *h)
{
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static void
offered(void **state)
{
    struct esmtp_host *h = listening(0, 0, 0, 0);
    char until[80], at[PARAM_TIME_SIZE];

    (void)state;
    assert_true(said(h, "250-BINARYMIME\r\n250-DELIVERBY\r\n"));
    assert_false(said(h, "LIMITS") || said(h, "FUTURERELEASE"));
    done(h);
    h = listening(3600, 60, 5, 100);
    assert_true(said(h, "\r\n250-LIMITS MAILMAX=5 RCPTMAX=100\r\n"));
    assert_true(said(h, "\r\n250-DELIVERBY 60\r\n"));
    param_print_time(time(NULL) + 3600, at);
    snprintf(until, sizeof(until), "\r\n250-FUTURERELEASE 3600 %.13s", at);
    assert_true(said(h, until));
    done(h);
    h = listening(0, 0, 5, 0);
    assert_true(said(h, "\r\n250-LIMITS MAILMAX=5\r\n"));
    done(h);
}

static void
about(int64_t at, int64_t wanted)
{
    assert_true(at >= wanted && at <= wanted + 2000);
}

/* What MAIL with these parameters is told, and what the host then knows. */
static void
mail(const char *params, const char *told, int64_t hold, int64_t by,
    uint32_t mode)
{
    struct esmtp_host *h = listening(3600, 60, 0, 0);
    int64_t now = wall_ms();
    char line[300];

    h->session.out.n = 0;
    snprintf(line, sizeof(line), "MAIL FROM:<s@a.test> %s\r\n", params);
    say(h, line);
    if (!said(h, told))
        fail_msg("%s: %.*s", params, (int)h->session.out.n, h->session.out.p);
    if (told[0] == '2') {
        assert_int_equal(h->incoming.by, mode);
        about(h->incoming.hold_until, hold ? now + hold * 1000 : 0);
        about(h->incoming.deadline, mode ? now + by * 1000 : 0);
    }
    done(h);
}

static void
mail_times(void **state)
{
    (void)state;
    mail("BY=120;R", "250 ", 0, 120, IMPEL_BY_RETURN);
    mail("BY=60;RT", "250 ", 0, 60, IMPEL_BY_RETURN | IMPEL_BY_TRACE);
    mail("BY=59;R", "501 5.5.4 BY is too soon", 0, 0, 0);
    mail("BY=1;N", "250 ", 0, 1, IMPEL_BY_NOTIFY);
    mail("by=-10;n", "250 ", 0, -10, IMPEL_BY_NOTIFY);
    mail("BY=0;R", "501 5.5.4 bad BY", 0, 0, 0);
    mail("BY=120;R BY=120;R", "501 5.5.4 parameter is said twice", 0, 0, 0);
    mail("HOLDFOR=3600", "250 ", 3600, 0, 0);
    mail("HOLDFOR=3601", "501 5.5.4 that is too far", 0, 0, 0);
    mail("HOLDFOR=0", "501 5.5.4 bad HOLDFOR", 0, 0, 0);
    mail("HOLDFOR=-1", "501 5.5.4 bad HOLDFOR", 0, 0, 0);
    mail("HOLDUNTIL=2020-01-01T00:00:00Z", "250 ", 0, 0, 0);
    mail("HOLDUNTIL=2199-01-01T00:00:00Z", "501 5.5.4 that is", 0, 0, 0);
    mail("HOLDUNTIL=soon", "501 5.5.4 bad HOLDUNTIL", 0, 0, 0);
    mail("HOLDFOR=10 HOLDUNTIL=2020-01-01T00:00:00Z", "501 5.5.4 ", 0, 0, 0);
    mail("HOLDFOR=100 BY=200;R", "250 ", 100, 200, IMPEL_BY_RETURN);
    mail("HOLDFOR=200 BY=100;R", "501 5.5.4 it is held", 0, 0, 0);
}

static void
binary_in(void **state)
{
    static const char octets[] = "A: b\r\n\r\n\0\n.\n\r\n.\r\nx\r";
    struct esmtp_host *h = listening(0, 0, 0, 0);
    size_t n = sizeof(octets) - 1;
    char line[60];

    (void)state;
    say(h, "MAIL FROM:<s@a.test> BODY=BINARYMIME\r\nRCPT TO:<r@b.test>\r\n");
    h->session.out.n = 0;
    say(h, "DATA\r\n");
    assert_true(said(h, "503 5.5.1 BINARYMIME goes by BDAT\r\n"));
    say(h, "BDAT 9\r\n");
    esmtp_host_feed(h, octets, 9);
    snprintf(line, sizeof(line), "BDAT %zu LAST\r\n", n - 9);
    say(h, line);
    esmtp_host_feed(h, octets + 9, n - 9);
    assert_int_equal(h->committed, 1);
    assert_int_equal(h->incoming.needs, IMPEL_NEED_BINARY);
    assert_true(h->taken.n >= n + 1);
    assert_memory_equal(h->taken.p + h->taken.n - n - 1, octets, n);
    /* the next message is lines again */
    say(h, "MAIL FROM:<s@a.test> BODY=8BITMIME\r\nRCPT TO:<r@b.test>\r\n");
    h->session.out.n = 0;
    say(h, "BDAT 3 LAST\r\na\nb");
    assert_true(said(h, "550 5.6.0 bare CR or LF"));
    assert_int_equal(h->committed, 1);
    done(h);
}

/* --- out --- */

static struct esmtp_host *
connected(const char *extensions)
{
    struct esmtp_host *h = esmtp_host_new();

    esmtp_host_connect(h, "ESMTP");
    say(h, "220 hi\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE\r\n");
    say(h, extensions);
    h->session.out.n = 0;
    return h;
}

static void
binary_out(void **state)
{
    struct esmtp_host *h = connected("250-BINARYMIME\r\n250 CHUNKING\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 1);
    b.envelope.needs = IMPEL_NEED_BINARY;
    esmtp_host_lend(h, &b);
    assert_true(
        said(h, "MAIL FROM:<s@example.org> SIZE=6 BODY=BINARYMIME\r\n"));
    say(h, "250 ok\r\n250 ok\r\n250 taken\r\n");
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_int_equal(b.form, IMPEL_BODY_RAW);
    done(h);
    /* a host without it has lines; never octets behind DATA */
    h = connected("250 CHUNKING\r\n");
    batch_init(&b, 1);
    b.envelope.needs = IMPEL_NEED_BINARY;
    esmtp_host_lend(h, &b);
    assert_false(said(h, "BODY="));
    say(h, "250 ok\r\n250 ok\r\n250 taken\r\n");
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_int_equal(b.form, IMPEL_BODY_SEVENBIT);
    done(h);
    h = connected("250 BINARYMIME\r\n");
    batch_init(&b, 1);
    b.envelope.needs = IMPEL_NEED_BINARY;
    esmtp_host_lend(h, &b);
    deliver(h);
    assert_int_equal(b.form, IMPEL_BODY_SEVENBIT | IMPEL_BODY_DOTTED);
    done(h);
}

static void
binary_refused(void **state)
{
    struct esmtp_host *h = connected("250 8BITMIME\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 1);
    b.envelope.needs = IMPEL_NEED_BINARY;
    b.rigid = true;
    esmtp_host_lend(h, &b);
    assert_int_equal(b.verdict[0], IMPEL_FAILED);
    assert_int_equal(h->session.out.n, 0);
    h->option[OPT_TRANSFORM_8BITMIME] = TRANSFORM_NO;
    batch_init(&b, 1);
    b.envelope.needs = IMPEL_NEED_BINARY;
    esmtp_host_lend(h, &b);
    assert_int_equal(b.verdict[0], IMPEL_FAILED);
    assert_int_equal(h->session.out.n, 0);
    done(h);
}

static void
rcptmax_out(void **state)
{
    struct esmtp_host *h = connected("250 LIMITS RCPTMAX=2 X=1 MAILMAX=\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 4);
    esmtp_host_lend(h, &b);
    assert_true(said(h, "RCPT TO:<b@y.test>\r\n"));
    assert_false(said(h, "<c@X.TEST>") || said(h, "<d@z.test>"));
    say(h, "250 ok\r\n");
    deliver(h);
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_int_equal(b.verdict[1], IMPEL_DELIVERED);
    assert_int_equal(b.verdict[2], IMPEL_UNTRIED);
    assert_int_equal(b.verdict[3], IMPEL_UNTRIED);
    assert_int_equal(h->drained, 0); /* the session has room for them */
    done(h);
}

static void
mailmax_out(void **state)
{
    struct esmtp_host *h = connected("250 LIMITS MAILMAX=2\r\n");
    struct impel_batch b;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        assert_int_equal(h->drained, 0);
        batch_init(&b, 1);
        esmtp_host_lend(h, &b);
        deliver(h);
        assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    }
    assert_int_equal(h->drained, 1);
    h->session.out.n = 0;
    batch_init(&b, 1); /* it was on its way already */
    esmtp_host_lend(h, &b);
    assert_int_equal(b.verdict[0], IMPEL_UNTRIED);
    assert_int_equal(h->session.out.n, 0);
    done(h);
}

static void
rcptdomainmax_out(void **state)
{
    struct esmtp_host *h = connected("250 LIMITS RCPTDOMAINMAX=2\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 4);
    esmtp_host_lend(h, &b);
    assert_true(said(h, "RCPT TO:<c@X.TEST>\r\n")); /* known in any case */
    assert_false(said(h, "<d@z.test>"));
    say(h, "250 ok\r\n250 ok\r\n");
    deliver(h);
    assert_int_equal(b.verdict[2], IMPEL_DELIVERED);
    assert_int_equal(b.verdict[3], IMPEL_UNTRIED);
    assert_int_equal(h->drained, 1);
    done(h);
}

static void
deliver_by_out(void **state)
{
    struct esmtp_host *h = connected("250 DELIVERBY 60\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 1);
    b.envelope.by = IMPEL_BY_RETURN | IMPEL_BY_TRACE;
    b.envelope.deadline = wall_ms() + 101000;
    esmtp_host_lend(h, &b);
    assert_true(said(h, " BY=100;RT\r\n") || said(h, " BY=99;RT\r\n"));
    deliver(h);
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_false(b.no_by);
    h->session.out.n = 0;
    batch_init(&b, 1);
    b.envelope.by = IMPEL_BY_NOTIFY;
    b.envelope.deadline = wall_ms() - 100000;
    esmtp_host_lend(h, &b);
    assert_true(said(h, " BY=-100;N\r\n") || said(h, " BY=-101;N\r\n"));
    deliver(h);
    h->session.out.n = 0;
    batch_init(&b, 1);
    b.envelope.by = IMPEL_BY_RETURN;
    b.envelope.deadline = wall_ms() + 30000;
    esmtp_host_lend(h, &b);
    assert_int_equal(b.verdict[0], IMPEL_FAILED); /* less than it asks for */
    assert_int_equal(h->session.out.n, 0);
    done(h);
}

static void
deliver_by_not_offered(void **state)
{
    struct esmtp_host *h = connected("250 8BITMIME\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 1);
    b.envelope.by = IMPEL_BY_RETURN;
    b.envelope.deadline = wall_ms() + 100000;
    esmtp_host_lend(h, &b);
    assert_int_equal(b.verdict[0], IMPEL_FAILED);
    batch_init(&b, 1);
    b.envelope.by = IMPEL_BY_NOTIFY;
    b.envelope.deadline = wall_ms() + 100000;
    esmtp_host_lend(h, &b);
    assert_false(said(h, "BY="));
    deliver(h);
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_true(b.no_by && !b.no_dsn);
    done(h);
}

static void
dsn_not_offered(void **state)
{
    static const struct impel_rcpt asks = {.size = sizeof(asks),
        .notify = IMPEL_NOTIFY_SUCCESS,
        .address = {"a@x.test", 8}};
    static const struct impel_rcpt *const list[] = {&asks};
    struct esmtp_host *h = connected("250 8BITMIME\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 1);
    b.envelope.rcpt = list;
    esmtp_host_lend(h, &b);
    deliver(h);
    assert_true(b.no_dsn && !b.no_by);
    done(h);
    h = connected("250 DSN\r\n");
    batch_init(&b, 1);
    b.envelope.rcpt = list;
    esmtp_host_lend(h, &b);
    assert_true(said(h, " NOTIFY=SUCCESS\r\n"));
    deliver(h);
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_false(b.no_dsn || b.no_by);
    done(h);
}

static void
a_labels(void **state)
{
    static const struct impel_rcpt two[] = {
        {.size = sizeof(two[0]), .address = {"a@b\xc3\xbc\x63her.test", 14}},
        {.size = sizeof(two[0]),
            .address = {"\xc3\xa4@b\xc3\xbc\x63her.test", 15}}};
    static const struct impel_rcpt *const list[] = {&two[0], &two[1]};
    struct esmtp_host *h = connected("250 8BITMIME\r\n");
    struct impel_batch b;

    (void)state;
    batch_init(&b, 2);
    b.envelope.sender = (struct impel_str){"s@caf\xc3\xa9.test", 12};
    b.envelope.rcpt = list;
    esmtp_host_lend(h, &b);
    assert_int_equal(b.verdict[1], IMPEL_FAILED);
    assert_true(said(h, "MAIL FROM:<s@xn--caf-dma.test> SIZE="));
    assert_true(said(h, "RCPT TO:<a@xn--bcher-kva.test>\r\n"));
    deliver(h);
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    done(h);
    h = connected("250 SMTPUTF8\r\n");
    batch_init(&b, 2);
    b.envelope.rcpt = list;
    esmtp_host_lend(h, &b);
    assert_true(said(h, "MAIL FROM:<s@example.org> SIZE=6 SMTPUTF8\r\n"));
    assert_true(said(h, "RCPT TO:<a@b\xc3\xbc\x63her.test>\r\n"));
    done(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_values),
        cmocka_unit_test(times),
        cmocka_unit_test(offered),
        cmocka_unit_test(mail_times),
        cmocka_unit_test(binary_in),
        cmocka_unit_test(binary_out),
        cmocka_unit_test(binary_refused),
        cmocka_unit_test(rcptmax_out),
        cmocka_unit_test(mailmax_out),
        cmocka_unit_test(rcptdomainmax_out),
        cmocka_unit_test(deliver_by_out),
        cmocka_unit_test(deliver_by_not_offered),
        cmocka_unit_test(dsn_not_offered),
        cmocka_unit_test(a_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
