/* SPDX-License-Identifier: Apache-2.0
 *
 * test-esmtp.c - what the scripts of the kit cannot time: replies out of turn,
 * long flights, long sessions.  With an argument, N messages each way are
 * timed.
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
#include "verb.h"

#define GREETING "220 hi\r\n250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"

static const struct impel_rcpt rcpt_a = {
    .size = sizeof(rcpt_a), .address = {"a@example.net", 13}};
static const struct impel_rcpt *const rcpts[] = {&rcpt_a};

static void
batch_init(struct impel_batch *b, const char *body)
{
    memset(b, 0, sizeof(*b));
    b->body = body;
    b->envelope = (struct impel_envelope){.size = sizeof(struct impel_envelope),
        .sender = {"s@example.org", 13},
        .rcpt_count = 1,
        .rcpt = rcpts};
}

static void
say(struct esmtp_host *h, const char *z)
{
    esmtp_host_feed(h, z, strlen(z));
}

static bool
said(struct esmtp_host *h, const char *z)
{
    return memmem(h->session.out.p, h->session.out.n, z, strlen(z)) != NULL;
}

static void
unasked(void **state)
{
    struct esmtp_host *h = esmtp_host_new();
    struct impel_batch b;

    (void)state;
    batch_init(&b, "text\r\n");
    esmtp_host_connect(h, "ESMTP");
    say(h, GREETING);
    esmtp_host_lend(h, &b);
    say(h, "250 ok\r\n250 ok\r\n250 taken\r\n250 and for the next one\r\n");
    assert_int_equal(b.verdict[0], IMPEL_DELIVERED);
    assert_true(h->session.closed);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static void
idle_421(void **state)
{
    struct esmtp_host *h = esmtp_host_new();

    (void)state;
    esmtp_host_connect(h, "ESMTP");
    say(h, GREETING);
    assert_false(h->session.closed);
    assert_int_equal(h->session.ready, 1);
    say(h, "421 4.4.2 idle\r\n");
    assert_true(h->session.closed);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static void
smtp_method(void **state)
{
    struct esmtp_host *h = esmtp_host_new();
    struct impel_batch b;

    (void)state;
    batch_init(&b, "text\r\n");
    esmtp_host_connect(h, "smtp");
    say(h, "220 hi\r\n");
    assert_true(said(h, "HELO own.test\r\n"));
    say(h, "250-mx\r\n250 PIPELINING\r\n");
    esmtp_host_lend(h, &b);
    assert_false(said(h, "RCPT"));
    say(h, "250 ok\r\n250 too early\r\n");
    assert_true(h->session.closed); /* nothing but MAIL was asked */
    assert_int_equal(b.verdict[0], IMPEL_RETRY);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static void
smuggled_dot(void **state)
{
    struct esmtp_host *h = esmtp_host_new();

    (void)state;
    esmtp_host_listen(h);
    say(h, "EHLO a\r\nMAIL FROM:<s@a>\r\nRCPT TO:<b@c>\r\nDATA\r\n");
    say(h, "one\r\n\n.\r\nMAIL FROM:<evil@a>\r\nRCPT TO:<b@c>\r\nDATA\r\n");
    say(h, "two\r\n.\r\nMAIL FROM:<evil@a>\r\n");
    assert_int_equal(h->committed, 0);
    assert_true(said(h, "550 5.6.0"));
    assert_false(said(h, "evil"));
    h->now += 5000;
    dialogue_listener.event(h->s, NULL, IMPEL_EV_TIMER, 0);
    assert_true(h->session.closed);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

/* RFC 8689 4.1: under TLS only, without a value, once. */
static void
requiretls_in(void **state)
{
    struct esmtp_host *h = esmtp_host_new();

    (void)state;
    esmtp_host_listen(h);
    say(h, "EHLO a\r\nMAIL FROM:<s@a> REQUIRETLS\r\n");
    assert_false(said(h, "REQUIRETLS"));
    assert_true(said(h, "555 5.5.4"));
    esmtp_host_end(h);
    esmtp_host_free(h);
    h = esmtp_host_new();
    h->tls = "TLS1.3";
    esmtp_host_listen(h);
    say(h, "EHLO a\r\nMAIL FROM:<s@a> REQUIRETLS=1\r\n");
    assert_true(said(h, "250-REQUIRETLS\r\n"));
    assert_true(said(h, "501 5.5.4 bad REQUIRETLS\r\n"));
    say(h, "MAIL FROM:<s@a> REQUIRETLS REQUIRETLS\r\n");
    assert_int_equal(h->incoming.needs, 0);
    say(h, "MAIL FROM:<s@a> requiretls\r\n");
    assert_int_equal(h->incoming.needs, IMPEL_NEED_TLS);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

/* A flight larger than any buffer, against a wire that is often full. */
static void
long_flight(void **state)
{
    enum { COUNT = 8 }; /* what a batch of the test host holds */
    static char names[COUNT][VERB_MAX_ADDRESS + 1];
    static struct impel_rcpt rcpt[COUNT];
    const struct impel_rcpt *list[COUNT];
    struct esmtp_host *h = esmtp_host_new();
    struct impel_batch b;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT; i++) {
        memset(names[i], 'x', VERB_MAX_ADDRESS);
        memcpy(names[i], "user", 4);
        names[i][4] = (char)('0' + i);
        names[i][64] = '@';
        for (size_t k = 127; k < VERB_MAX_ADDRESS - 1; k += 63)
            names[i][k] = '.';
        rcpt[i] = (struct impel_rcpt){.size = sizeof(rcpt[i]),
            .notify = 2,
            .address = {names[i], VERB_MAX_ADDRESS}};
        list[i] = &rcpt[i];
    }
    batch_init(&b, "text\r\n");
    b.envelope.rcpt = list;
    b.envelope.rcpt_count = COUNT;
    h->full_every = 2;
    esmtp_host_connect(h, "ESMTP");
    esmtp_host_settle(h);
    say(h, "220 hi\r\n");
    say(h, "250-mx\r\n250-PIPELINING\r\n250-DSN\r\n250 CHUNKING\r\n");
    esmtp_host_lend(h, &b);
    assert_true(said(h, "BDAT 6 LAST\r\ntext\r\n"));
    say(h, "250 ok\r\n");
    for (i = 0; i < COUNT; i++)
        say(h, i == 3 ? "550 5.1.1 no\r\n" : "250 ok\r\n");
    assert_false(b.ended);
    say(h, "250 2.0.0 taken\r\n");
    assert_true(b.ended);
    for (i = 0; i < COUNT; i++)
        assert_int_equal(b.verdict[i], i == 3 ? IMPEL_FAILED : IMPEL_DELIVERED);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *
text_of(size_t n)
{
    char *p = malloc(n + 1);
    size_t i;

    for (i = 0; i < n; i++)
        p[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : 'x';
    memcpy(p + n - 2, "\r\n", 3);
    return p;
}

static void
many_out(size_t count)
{
    struct esmtp_host *h = esmtp_host_new();
    char *body = text_of(5040);
    struct impel_batch b;
    double start = seconds();
    size_t i;

    esmtp_host_connect(h, "ESMTP");
    say(h, GREETING);
    for (i = 0; i < count; i++) {
        batch_init(&b, body);
        h->session.out.n = 0;
        esmtp_host_lend(h, &b);
        say(h, "250 ok\r\n250 ok\r\n250 2.0.0 taken\r\n");
        if (b.verdict[0] != IMPEL_DELIVERED)
            abort();
    }
    printf("# out: %zu messages, %.2f us each\n", count,
        (seconds() - start) * 1e6 / (double)count);
    esmtp_host_end(h);
    esmtp_host_free(h);
    free(body);
}

static void
many_in(size_t count)
{
    struct esmtp_host *h = esmtp_host_new();
    char *body = text_of(5040);
    double start = seconds();
    size_t i;

    esmtp_host_listen(h);
    say(h, "EHLO a\r\n");
    for (i = 0; i < count; i++) {
        h->session.out.n = h->taken.n = 0;
        say(h, "MAIL FROM:<s@a.example>\r\nRCPT TO:<b@c.example>\r\nDATA\r\n");
        say(h, body);
        say(h, ".\r\n");
    }
    if (h->committed != count)
        abort();
    printf("# in: %zu messages, %.2f us each\n", count,
        (seconds() - start) * 1e6 / (double)count);
    esmtp_host_end(h);
    esmtp_host_free(h);
    free(body);
}

/* A chunk for nothing has as much time as one for a message. */
static void
endless_chunk(void **state)
{
    struct esmtp_host *h = esmtp_host_new();
    int i;

    (void)state;
    h->option[OPT_IDLE_TIME] = 300 * 1000;
    h->option[OPT_BODY_TIME] = 3600 * 1000;
    esmtp_host_listen(h);
    say(h, "EHLO a\r\nBDAT 1000000\r\n");
    for (i = 0; i < 100 && !h->session.closed; i++) {
        h->now += 100 * 1000;
        if (h->session.due > 0 && h->now >= h->session.due) {
            h->session.due = 0;
            dialogue_listener.event(h->s, NULL, IMPEL_EV_TIMER, 0);
        }
        if (!h->session.closed)
            say(h, "x");
    }
    assert_true(h->session.closed);
    assert_in_range(i, 36, 38);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

/* A peer under TLS may be one whom somebody has put words into the mouth of
 * before: they are refused, or dropped, but never run. */
static void
starttls_and_more(void **state)
{
    static const char more[] = "STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n";

    (void)state;
    for (int policy = INJECTION_REJECT; policy <= INJECTION_IGNORE; policy++) {
        struct esmtp_host *h = esmtp_host_new();

        h->tls_may = true;
        h->option[OPT_INJECTION] = policy;
        esmtp_host_listen(h);
        say(h, "EHLO client.test\r\n");
        assert_true(said(h, "250-STARTTLS\r\n"));
        say(h, more);
        if (policy == INJECTION_REJECT) {
            assert_true(said(h, "554 5.7.0 "));
            assert_false(said(h, "220 2.0.0 "));
        } else {
            assert_true(said(h, "220 2.0.0 go ahead\r\n"));
            say(h, "RCPT TO:<a@example.net>\r\n");
            assert_true(said(h, "503 5.5.1 MAIL comes first\r\n"));
        }
        assert_false(said(h, "250 2.1.0"));
        esmtp_host_end(h);
        esmtp_host_free(h);
    }
}

/* The answer waits for room, and the handshake for the answer. */
static void
starttls_waits_for_room(void **state)
{
    struct esmtp_host *h = esmtp_host_new();
    char many[200 * 6 + 1] = "";

    (void)state;
    h->tls_may = true;
    h->full_every = 2;
    for (int i = 0; i < 200; i++)
        strcat(many, "NOOP\r\n");
    esmtp_host_listen(h);
    say(h, many);
    say(h, "STARTTLS\r\n");
    say(h, "EHLO client.test\r\n");
    assert_true(said(h, "220 2.0.0 go ahead\r\n250-own.test\r\n"));
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static void
starttls_that_fails(void **state)
{
    struct esmtp_host *h = esmtp_host_new();

    (void)state;
    h->tls_may = h->tls_fails = true;
    esmtp_host_listen(h);
    say(h, "STARTTLS\r\n");
    assert_true(h->session.closed);
    esmtp_host_end(h);
    esmtp_host_free(h);
    h = esmtp_host_new(); /* it is gone since EHLO */
    h->tls_may = true;
    esmtp_host_listen(h);
    h->tls_may = false;
    say(h, "STARTTLS\r\nNOOP\r\n");
    assert_true(said(h, "454 4.7.0 "));
    assert_true(said(h, "250 2.0.0 OK"));
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static void
long_sessions(void **state)
{
    (void)state;
    many_out(2000);
    many_in(2000);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unasked),
        cmocka_unit_test(idle_421), cmocka_unit_test(smtp_method),
        cmocka_unit_test(smuggled_dot), cmocka_unit_test(requiretls_in),
        cmocka_unit_test(long_flight), cmocka_unit_test(endless_chunk),
        cmocka_unit_test(starttls_and_more),
        cmocka_unit_test(starttls_waits_for_room),
        cmocka_unit_test(starttls_that_fails), cmocka_unit_test(long_sessions)};
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

    if (count > 0) {
        many_out(count);
        many_in(count);
        return 0;
    }
    return cmocka_run_group_tests_name("esmtp", tests, NULL, NULL);
}
