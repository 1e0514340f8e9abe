/* SPDX-License-Identifier: Apache-2.0
 *
 * test-authdialogue.c - AUTH as the modules carry it, both ways; the words of
 * a login are those of esmtp_host.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "esmtp_host.h"

static void
say(struct esmtp_host *h, const char *z)
{
    esmtp_host_feed(h, z, strlen(z));
}

/* What the module has said since it was asked last. */
static void
expect(struct esmtp_host *h, const char *z)
{
    struct text *out = &h->session.out;

    if (out->n != strlen(z) || memcmp(out->p, z, out->n) != 0)
        fail_msg("said '%.*s', not '%s'", (int)out->n, out->p ? out->p : "", z);
    out->n = 0;
}

static bool
said(struct esmtp_host *h, const char *z)
{
    return memmem(h->session.out.p, h->session.out.n, z, strlen(z)) != NULL;
}

static void
finish(struct esmtp_host *h)
{
    esmtp_host_end(h);
    esmtp_host_free(h);
}

static struct esmtp_host *
greeted(void)
{
    struct esmtp_host *h = esmtp_host_new();

    h->logins = true;
    esmtp_host_listen(h);
    say(h, "EHLO c\r\n");
    assert_true(said(h, "250-AUTH PLAIN LOGIN\r\n"));
    h->session.out.n = 0;
    return h;
}

static void
server_words(void **state)
{
    struct esmtp_host *h = greeted();

    (void)state;
    say(h, "AUTH\r\n");
    expect(h, "501 5.5.4 syntax is AUTH mechanism [response]\r\n");
    say(h, "AUTH PLAIN a b\r\n");
    expect(h, "501 5.5.4 syntax is AUTH mechanism [response]\r\n");
    say(h, "AUTH CRAM-MD5\r\n");
    expect(h, "504 5.5.4 mechanism is not offered\r\n");
    say(h, "AUTH PLAIN no\r\n");
    expect(h, "535 5.7.8 login failed\r\n");
    say(h, "AUTH PLAIN\r\n");
    expect(h, "334 \r\n");
    say(h, "more\r\n");
    expect(h, "334 bW9yZQ==\r\n");
    say(h, "*\r\n");
    expect(h, "501 5.7.0 login was cancelled\r\n");
    say(h, "AUTH LOGIN =\r\n");
    expect(h, "235 2.7.0 logged in\r\n");
    say(h, "AUTH LOGIN\r\n");
    expect(h, "503 5.5.1 you have logged in already\r\n");
    finish(h);
}

static void
server_lines(void **state)
{
    struct esmtp_host *h = greeted();
    char line[13000];

    (void)state;
    h->option[OPT_MAX_LINE_LENGTH] = 512;
    memset(line, 'A', sizeof(line));
    memcpy(line, "AUTH PLAIN ", 11);
    memcpy(line + 12286, "\r\n", 3);
    say(h, line);
    expect(h, "235 2.7.0 logged in\r\n");
    finish(h);
    h = greeted();
    say(h, "AUTH PLAIN\r\n");
    h->session.out.n = 0;
    memset(line, 'A', sizeof(line));
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    say(h, line);
    expect(h, "500 5.5.2 line is too long\r\n");
    say(h, "NOOP\r\n"); /* no answer to a challenge any more */
    expect(h, "250 2.0.0 OK\r\n");
    say(h, "AUTH PLAIN\r\n");
    h->session.out.n = 0;
    say(h, "ab\n");
    expect(h, "500 5.5.2 a line ends in CRLF, not in LF\r\n");
    say(h, "NOOP\r\n");
    expect(h, "250 2.0.0 OK\r\n");
    finish(h);
}

static void
server_order(void **state)
{
    struct esmtp_host *h = greeted();

    (void)state;
    say(h, "MAIL FROM:<a@b.test> AUTH=c+3Dd@e.test\r\n");
    assert_true(said(h, "250 2.1.0"));
    h->session.out.n = 0;
    say(h, "AUTH PLAIN\r\n");
    expect(h, "503 5.5.1 a message is open\r\n");
    say(h, "RSET\r\nMAIL FROM:<a@b.test> AUTH=+\r\n");
    expect(h, "250 2.0.0 OK\r\n501 5.5.4 bad AUTH\r\n");
    finish(h);
    h = esmtp_host_new(); /* nobody may log in */
    esmtp_host_listen(h);
    say(h, "EHLO c\r\n");
    assert_false(said(h, "AUTH"));
    h->session.out.n = 0;
    say(h, "AUTH PLAIN =\r\n");
    expect(h, "502 5.5.1 not offered\r\n");
    finish(h);
}

/* --- at hosts --- */

static struct esmtp_host *
connected(const char *offer)
{
    struct esmtp_host *h = esmtp_host_new();

    h->logins = true;
    esmtp_host_connect(h, "ESMTP");
    say(h, "220 hi\r\n");
    h->session.out.n = 0;
    say(h, offer);
    return h;
}

static void
client_words(void **state)
{
    struct esmtp_host *h = connected("250-mx\r\n250 AUTH LOGIN PLAIN\r\n");

    (void)state;
    expect(h, "AUTH PLAIN c2VjcmV0\r\n");
    assert_int_equal(h->session.ready, 0);
    say(h, "334 abcd\r\n");
    expect(h, "c2VjcmV0\r\n");
    say(h, "334 slow\r\n"); /* EV_LOGIN brings the answer */
    expect(h, "c2VjcmV0\r\n");
    h->now = 2;
    say(h, "235 ok\r\n");
    assert_int_equal(h->session.ready, 1);
    finish(h);
}

static void
client_refusals(void **state)
{
    static const char *const rows[] = {"535 5.7.8 no\r\n", "454 later\r\n",
        "421 bye\r\n", "334 bad\r\n", "334-a\r\n334 b\r\n", "250 what\r\n",
        "500 what?\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct esmtp_host *h = connected("250-mx\r\n250 AUTH PLAIN\r\n");

        h->session.out.n = 0;
        say(h, rows[i]);
        assert_true(h->session.closed);
        assert_int_equal(h->session.ready, 0);
        if (strcmp(rows[i], "334 bad\r\n") == 0)
            expect(h, "*\r\n");
        finish(h);
    }
}

static void
client_needs_it(void **state)
{
    static const char *const rows[] = {"250-mx\r\n250 AUTH CRAM-MD5\r\n",
        "250-mx\r\n250 PIPELINING\r\n", "500 no\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct esmtp_host *h = connected(rows[i]);

        if (i == 2)
            say(h, "250 mx\r\n"); /* to HELO */
        assert_true(h->session.closed);
        finish(h);
    }
}

/* The host has not proven itself: yes is not enough. */
static void
client_is_not_content(void **state)
{
    struct esmtp_host *h = connected("250-mx\r\n250 AUTH PLAIN\r\n");

    (void)state;
    h->now = 1;
    say(h, "235 ok\r\n");
    assert_true(h->session.closed);
    assert_int_equal(h->session.ready, 0);
    finish(h);
}

/* The host takes no more just now: the line goes later, once and whole. */
static void
client_waits_for_room(void **state)
{
    struct esmtp_host *h = connected("250-mx\r\n250 AUTH PLAIN\r\n");

    (void)state;
    h->session.out.n = 0;
    h->full_every = 2;
    h->writes = 1; /* the next is refused */
    say(h, "334 abcd\r\n");
    expect(h, "c2VjcmV0\r\n");
    say(h, "235 ok\r\n");
    assert_int_equal(h->session.ready, 1);
    finish(h);
}

/* Nothing was asked that this could be the answer to. */
static void
client_is_answered_too_often(void **state)
{
    struct esmtp_host *h = connected("250-mx\r\n250 AUTH PLAIN\r\n");

    (void)state;
    h->full_every = 2;
    h->writes = 1; /* the next is refused */
    say(h, "334 abcd\r\n334 abcd\r\n");
    assert_true(h->session.closed);
    finish(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(server_words),
        cmocka_unit_test(client_waits_for_room),
        cmocka_unit_test(client_is_answered_too_often),
        cmocka_unit_test(server_lines), cmocka_unit_test(server_order),
        cmocka_unit_test(client_words), cmocka_unit_test(client_refusals),
        cmocka_unit_test(client_needs_it),
        cmocka_unit_test(client_is_not_content)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
