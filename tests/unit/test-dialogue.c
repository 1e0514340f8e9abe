/* SPDX-License-Identifier: Apache-2.0
 *
 * test-dialogue.c - which lines of a conversation are shown, and which are not.
 */
#include "unit.h"

#include "base/xmem.h"
#include "xport/dialogue.h"

static struct dialogue d;
static struct buf shown;

static void
keep(void *arg, enum dialogue_side from, struct str line)
{
    assert_ptr_equal(arg, &d);
    buf_cstr(&shown, from == DIALOGUE_CLIENT ? "> " : "< ");
    buf_str(&shown, line);
    buf_char(&shown, '\n');
}

static int
set_up(void **state)
{
    (void)state;
    d = (struct dialogue){.fn = NULL};
    dialogue_init(&d, keep, &d);
    buf_cut(&shown, 0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    dialogue_fini(&d);
    buf_fini(&shown);
    return 0;
}

static void
client(const char *text)
{
    dialogue_take(&d, DIALOGUE_CLIENT, text, strlen(text));
}

static void
server(const char *text)
{
    dialogue_take(&d, DIALOGUE_SERVER, text, strlen(text));
}

/* What was shown since the last time. */
static void
expect(const char *want)
{
    assert_str(buf_get(&shown), want);
    buf_cut(&shown, 0);
}

static void
test_plain(void **state)
{
    (void)state;
    server("220 mx.test ESMTP\r\n");
    client("EHLO me.test\r\n");
    server("250-mx.test\r\n250 PIPELINING\r\n");
    client("MAIL FROM:<a@b.test> SIZE=9\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
    server("250 2.1.0 ok\r\n");
    client("QUIT\r\n");
    expect("< 220 mx.test ESMTP\n> EHLO me.test\n< 250-mx.test\n"
           "< 250 PIPELINING\n> MAIL FROM:<a@b.test> SIZE=9\n"
           "> RCPT TO:<c@d.test>\n> DATA\n< 250 2.1.0 ok\n> QUIT\n");
}

/* A line may come octet by octet; without an end it comes at the end. */
static void
test_pieces(void **state)
{
    static const char text[] = "NOOP 1\r\n\nRSET\nQUIT";

    (void)state;
    for (const char *p = text; *p; p++)
        dialogue_take(&d, DIALOGUE_CLIENT, p, 1);
    dialogue_take(&d, DIALOGUE_CLIENT, "", 0);
    expect("> NOOP 1\n> (1 octets are not shown)\n> RSET\n");
    dialogue_fini(&d);
    expect("> QUIT\n");
}

static void
test_printable(void **state)
{
    (void)state;
    server("250 \xff\x1b[31m\\ ok\r\r\n");
    expect("< 250 \\xff\\x1b[31m\\x5c ok\\x0d\n");
    dialogue_take(&d, DIALOGUE_SERVER, "250 \0x\r\n", 8);
    expect("< 250 \\x00x\n");
}

static void
test_long(void **state)
{
    char *line = xmalloc(100000);

    (void)state;
    memset(line, 'x', 100000);
    memcpy(line, "250 ", 4);
    dialogue_take(&d, DIALOGUE_SERVER, line, 60000);
    dialogue_take(&d, DIALOGUE_SERVER, line, 40000);
    assert_int_equal(shown.n, 0);
    server("\r\n");
    assert_int_equal(
        shown.n, 2 + DIALOGUE_LINE_MOST + strlen(" (99001 octets more)") + 1);
    assert_non_null(strstr(shown.p, " (99001 octets more)\n"));
    buf_cut(&shown, 0);
    /* No secret is in what is cut off, and no buffer grew for it. */
    assert_true(d.part[DIALOGUE_SERVER].text.size <= 2 * DIALOGUE_LINE_MOST);
    memcpy(line, "AUTH PLAIN ", 11);
    dialogue_take(&d, DIALOGUE_CLIENT, line, 100000);
    client("\r\n");
    expect("> AUTH PLAIN (hidden) (99001 octets more)\n");
    free(line);
}

static void
test_auth(void **state)
{
    (void)state;
    client("AUTH PLAIN c2VjcmV0\r\n");
    server("235 2.7.0 c2VjcmV0 accepted\r\n");
    expect("> AUTH PLAIN (hidden)\n< 235 2.7.0 (hidden)\n");
    server("250 open again\r\n");
    client("RSET\r\n");
    expect("< 250 open again\n> RSET\n");
}

/* Whatever stands behind AUTH is a secret, verbs too, until it is decided. */
static void
test_auth_login(void **state)
{
    (void)state;
    client("auth LOGIN\r\n");
    server("334 VXNlcm5hbWU6\r\n");
    client("dXNlcg==\r\n");
    server("334 UGFzc3dvcmQ6\r\n");
    client("QUIT\r\n"); /* is base64, too */
    server("250 late\r\n");
    client("MAIL\r\n");
    server("535-5.7.8 dXNlcg== is not\r\n");
    client("NOOP\r\n");
    server("535 5.7.8 known here\r\n");
    client("NOOP\r\n");
    expect("> AUTH LOGIN\n< 334 (hidden)\n> (10 octets are not shown)\n"
           "< 334 (hidden)\n> (6 octets are not shown)\n< 250 (hidden)\n"
           "> (6 octets are not shown)\n< 535-5.7.8 (hidden)\n"
           "> (6 octets are not shown)\n< 535 5.7.8 (hidden)\n> NOOP\n");
}

static void
test_auth_odd(void **state)
{
    (void)state;
    client("AUTH c2VjcmV0IHBhc3N3b3Jk\r\n");
    client("AUTH\r\n");
    client("AUTH  c2VjcmV0\r\n");
    client("AUTH CRAM-MD5 =\r\nc2VjcmV0\r\nAUTHc2VjcmV0\r\n");
    server("c2VjcmV0 what?\r\n50 c2VjcmV0\r\n5000 c2VjcmV0\r\n");
    expect("> AUTH (hidden)\n> AUTH (hidden)\n> AUTH (hidden) (hidden)\n"
           "> AUTH CRAM-MD5 (hidden)\n> (24 octets are not shown)\n"
           "< (hidden)\n< (hidden)\n< (hidden)\n");
}

static void
test_xclient(void **state)
{
    (void)state;
    client("XCLIENT NAME=a.test ADDR=192.0.2.1\r\n");
    server("220 welcome\r\n");
    client("xclient login=joe ADDR=192.0.2.1 LOGIN=jim\r\n");
    server("550 5.7.0 joe may not\r\n");
    client("XCLIENT LOGIN=joe\r\n");
    server("220-joe\r\n220 joe\r\n");
    client("EHLO me.test\r\n");
    server("250 ok\r\n");
    expect("> XCLIENT NAME=a.test ADDR=192.0.2.1\n< 220 welcome\n"
           "> XCLIENT LOGIN=(hidden) ADDR=192.0.2.1 LOGIN=(hidden)\n"
           "< 550 5.7.0 (hidden)\n> XCLIENT LOGIN=(hidden)\n"
           "< 220 (hidden)\n< 220 (hidden)\n> EHLO me.test\n< 250 ok\n");
}

/* What is no command is counted, however many lines it has. */
static void
test_content(void **state)
{
    (void)state;
    client("Subject: s\r\n\r\nc2VjcmV0\r\n..\r\n.\r\nQUIT\r\n");
    expect("> (28 octets are not shown)\n> .\n> QUIT\n");
    client("Authorization: Bearer x\r\n");
    dialogue_flush(&d);
    dialogue_flush(&d);
    expect("> (25 octets are not shown)\n");
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_plain, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_printable, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_auth, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_auth_login, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_auth_odd, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_xclient, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_content, set_up, tear_down))
