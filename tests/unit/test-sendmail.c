/* SPDX-License-Identifier: Apache-2.0
 *
 * impel-sendmail: its options, what becomes of a text, what it says to a
 * server and what a program is told.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xmem.h"
#include "prog/sendmail_smtp.h"

/* --- options --- */

enum { WORDS = 20 };

static int
parse(struct sendmail_args *o, const char *line)
{
    static char copy[300];
    char *argv[WORDS + 1] = {NULL}, *save = NULL;
    struct err e;
    int argc = 0, rc;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *w = strtok_r(copy, " ", &save); w && argc < WORDS;
         w = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
    rc = sendmail_args_parse(argc, argv, o, &e);
    if (rc < 0)
        assert_int_equal(rc, e.code);
    return rc;
}

static int
status_of(const char *line)
{
    struct sendmail_args o;
    int rc = parse(&o, line);

    sendmail_args_fini(&o);
    return rc;
}

static void
test_what_programs_give(void **state)
{
    struct sendmail_args o;

    (void)state;
    /* Debian's cron, PHP, mutt, mailx, git */
    assert_int_equal(
        parse(&o, "sendmail -FCronDaemon -i -B8BITMIME -oem root"), 0);
    assert_string_equal(o.name, "CronDaemon");
    assert_true(o.dots);
    assert_int_equal(o.body, SENDMAIL_BODY_8BIT);
    assert_false(o.sender_given);
    assert_int_equal(o.rcpts.count, 1);
    assert_string_equal(o.rcpts.is[0], "root");
    sendmail_args_fini(&o);
    assert_int_equal(parse(&o, "sendmail -t -i"), 0);
    assert_true(o.read_recipients && o.dots);
    sendmail_args_fini(&o);
    assert_int_equal(
        parse(&o, "sendmail -oi -oem -f me@x.test -- a@x.test b@y.test"), 0);
    assert_true(o.dots);
    assert_string_equal(o.sender, "me@x.test");
    assert_int_equal(o.rcpts.count, 2);
    sendmail_args_fini(&o);
    assert_int_equal(parse(&o,
                         "sendmail -Am -Cfile -d0.1 -G -h 5 -L tag -m -n "
                         "-O a=b -odb a@x.test"),
        0);
    assert_int_equal(o.rcpts.count, 1);
    assert_false(o.dots);
    sendmail_args_fini(&o);
    assert_int_equal(
        parse(&o, "sendmail -N success,delay -R hdrs -V id=1 -r '' a@x.test"),
        0);
    assert_int_equal(o.notify, SENDMAIL_NOTIFY_SUCCESS | SENDMAIL_NOTIFY_DELAY);
    assert_string_equal(o.ret, "HDRS");
    assert_string_equal(o.envid, "id=1");
    assert_true(o.sender_given);
    assert_string_equal(o.sender, "");
    sendmail_args_fini(&o);
}

/* Whoever controls an address has no options. */
static void
test_options_end(void **state)
{
    struct sendmail_args o;

    (void)state;
    assert_int_equal(
        parse(&o, "sendmail -i a@x.test -OQueueDirectory=/ -X/x"), 0);
    assert_int_equal(o.rcpts.count, 3);
    assert_string_equal(o.rcpts.is[1], "-OQueueDirectory=/");
    sendmail_args_fini(&o);
    assert_int_equal(parse(&o, "sendmail -- -f@x.test"), 0);
    assert_string_equal(o.rcpts.is[0], "-f@x.test");
    assert_false(o.sender_given);
    sendmail_args_fini(&o);
}

static void
test_modes_and_errors(void **state)
{
    static const struct {
        const char *line;
        enum sendmail_mode mode;
    } modes[] = {
        {"/usr/bin/mailq", SENDMAIL_QUEUE},
        {"newaliases", SENDMAIL_NONE},
        {"sendmail -bp", SENDMAIL_QUEUE},
        {"sendmail -bs", SENDMAIL_SMTP},
        {"sendmail -bi", SENDMAIL_NONE},
        {"sendmail -q", SENDMAIL_FLUSH},
        {"sendmail -q30m", SENDMAIL_FLUSH},
        {"sendmail --help", SENDMAIL_HELP},
        {"sendmail --version", SENDMAIL_VERSION},
    };
    struct sendmail_args o;

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(parse(&o, modes[i].line), 0);
        assert_int_equal(o.mode, modes[i].mode);
        sendmail_args_fini(&o);
    }
    assert_int_equal(status_of("sendmail"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -i"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -bs a@x.test"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -k a@x.test"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -f"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -f a@b,c@d e@f"), ERR_INVAL);
    assert_int_equal(status_of("sendmail a..b@x.test"), ERR_INVAL);
    assert_int_equal(status_of("sendmail a@x.test\nDATA"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -N never,delay a@b"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -N x a@b"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -R x a@b"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -B x a@b"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -V a\rb a@b"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -F a\nb a@b"), ERR_INVAL);
    assert_int_equal(status_of("sendmail -bd"), ERR_NOTFOUND);
    assert_int_equal(status_of("sendmail -bv a@b"), ERR_NOTFOUND);
}

/* --- texts --- */

static int
file_of(const char *octets, size_t n)
{
    int fd = memfd_create("unit", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, n), n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void
copy_is(const char *from, bool dots, const char *want)
{
    int in = file_of(from, strlen(from)), out = file_of("", 0);
    char got[300] = "";
    struct err e;

    assert_int_equal(sendmail_copy(in, out, dots, &e), 0);
    assert_true(pread(out, got, sizeof(got) - 1, 0) >= 0);
    assert_string_equal(got, want);
    close(in);
    close(out);
}

static void
test_copies(void **state)
{
    (void)state;
    copy_is("A: b\n\nx\n", false, "A: b\n\nx\n");
    copy_is("A: b\r\n c\r\n\r\nx", false, "A: b\r\n c\r\n\r\nx");
    /* no header, half a header, a header alone */
    copy_is("hello\n", false, "\nhello\n");
    copy_is("A: b\nhello: \nhow are you?\n", false,
        "A: b\nhello: \n\nhow are you?\n");
    copy_is("A: b\n", false, "A: b\n\n");
    copy_is("A: b", false, "A: b\n\n");
    copy_is("", false, "\n");
    copy_is(" folded\n", false, "\n folded\n");
    copy_is(": x\n", false, "\n: x\n");
    /* of an mbox */
    copy_is("From me Sat\nA: b\n\nFrom x\n", false, "A: b\n\nFrom x\n");
    copy_is(">From me Sat\nA: b\n\n", false, "A: b\n\n");
    /* dots */
    copy_is("A: b\n\nx\n.\ny\n", false, "A: b\n\nx\n");
    copy_is("A: b\n\nx\n.\r\ny\n", false, "A: b\n\nx\n");
    copy_is("A: b\n\nx\n.\ny\n", true, "A: b\n\nx\n.\ny\n");
    copy_is(
        "A: b\n\n..\n. \n\t.\n.\r \n", false, "A: b\n\n..\n. \n\t.\n.\r \n");
    copy_is("A: b\n\nx\n.", false, "A: b\n\nx\n");
    copy_is(".\nx\n", false, "\n");
}

/* A line that is longer than what is read at once is one line. */
static void
test_a_long_line(void **state)
{
    enum { LENGTH = 200000 };
    char *text = malloc(LENGTH + 10), *got = malloc(LENGTH + 10);
    struct err e;
    int in, out;

    (void)state;
    memcpy(text, "A: b\n\n", 6);
    memset(text + 6, '.', LENGTH - 6);
    text[LENGTH - 1] = '\n';
    in = file_of(text, LENGTH);
    out = file_of("", 0);
    assert_int_equal(sendmail_copy(in, out, false, &e), 0);
    assert_int_equal(pread(out, got, LENGTH + 10, 0), LENGTH);
    assert_memory_equal(got, text, LENGTH);
    close(in);
    close(out);
    free(text);
    free(got);
}

static int
letter_of(const char *text, bool t, const char *rcpt, struct sendmail_letter *l)
{
    struct sendmail_args o = {.read_recipients = t, .rcpts = {.bare = true}};
    struct err e;
    int fd = file_of(text, strlen(text)), rc;

    if (rcpt)
        inject_address_add(&o.rcpts, str_of(rcpt));
    rc = sendmail_letter_read(&o, fd, l, &e);
    close(fd);
    inject_address_fini(&o.rcpts);
    return rc;
}

/* What is read is in a file that no name leads to. */
static void
test_a_file_without_a_name(void **state)
{
    static const char folder[] = "sendmail-test.tmp";
    const char *was = getenv("TMPDIR");
    char *before = was ? xdup(was) : NULL;
    struct sendmail_letter l;
    struct stat st;
    struct err e;
    int fd;

    (void)state;
    (void)mkdir(folder, 0700);
    setenv("TMPDIR", folder, 1);
    fd = inject_text_scratch(&e);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_int_equal(rmdir(folder), 0); /* it is empty */
    assert_int_equal(inject_text_scratch(&e), ERR_IO);
    assert_non_null(strstr(e.text, folder));
    assert_int_equal(letter_of("A: b\n\n", false, "a@x.test", &l), ERR_IO);
    sendmail_letter_fini(&l);
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
}

static void
test_recipients(void **state)
{
    struct sendmail_letter l;

    (void)state;
    assert_int_equal(letter_of("To: root, B <b@x.test>\nCc: b@x.test\n"
                               "bcc: c@x.test,\n d@x.test\n\nx\n",
                         true, "e@x.test", &l),
        0);
    assert_int_equal(l.rcpts.count, 5);
    assert_string_equal(l.rcpts.is[0], "e@x.test");
    assert_string_equal(l.rcpts.is[1], "root");
    assert_string_equal(l.rcpts.is[4], "d@x.test");
    assert_str(inject_text_head(l.text),
        "To: root, B <b@x.test>\r\nCc: b@x.test\r\n\r\n");
    sendmail_letter_fini(&l);
    /* sent on: not to those it was for */
    assert_int_equal(letter_of("To: a@x.test\nResent-To: b@x.test\n"
                               "Resent-Bcc: c@x.test\nBcc: d@x.test\n\n",
                         true, NULL, &l),
        0);
    assert_int_equal(l.rcpts.count, 2);
    assert_string_equal(l.rcpts.is[0], "b@x.test");
    assert_str(inject_text_head(l.text),
        "To: a@x.test\r\nResent-To: b@x.test\r\n\r\n");
    sendmail_letter_fini(&l);
    /* blind copies are nobody's, without -t too */
    assert_int_equal(
        letter_of("Bcc: d@x.test\nA: b\n\n", false, "a@x.test", &l), 0);
    assert_int_equal(l.rcpts.count, 1);
    assert_str(inject_text_head(l.text), "A: b\r\n\r\n");
    sendmail_letter_fini(&l);
    assert_int_equal(letter_of("Subject: x\n\n", true, NULL, &l), ERR_INVAL);
    sendmail_letter_fini(&l);
    assert_int_equal(letter_of("To: John Doe\n\n", true, NULL, &l), ERR_INVAL);
    sendmail_letter_fini(&l);
    assert_int_equal(
        letter_of("To: undisclosed-recipients:;\n\n", true, NULL, &l),
        ERR_INVAL);
    sendmail_letter_fini(&l);
}

static void
phrase_is(const char *name, const char *want)
{
    struct buf got = BUF_INIT;

    sendmail_phrase(str_of(name), &got);
    assert_str(buf_get(&got), want);
    buf_fini(&got);
}

static void
test_phrases(void **state)
{
    (void)state;
    phrase_is("Jo Do", "\"Jo Do\"");
    phrase_is("a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"");
    phrase_is("a\r\nBcc: x", "\"a  Bcc: x\"");
    phrase_is("Jos\xc3\xa9", "=?utf-8?B?Sm9zw6k=?=");
    phrase_is("\xc3\xa9\n\xc3\xa9", "=?utf-8?B?w6kgw6k=?=");
    phrase_is("\xe9", "\"?\"");
    /* characters stay whole: 22 of two octets in a word of 45 */
    phrase_is("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
              "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
              "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
        "=?utf-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q="
        "?=\r\n =?utf-8?B?w6Q=?=");
}

static void
test_missing_fields(void **state)
{
    struct sendmail_user user = {.uid = 33, .login = "www", .name = "The Web"};
    struct sendmail_letter l;
    struct str front;

    (void)state;
    assert_int_equal(letter_of("hello\n", false, "a@x.test", &l), 0);
    sendmail_letter_complete(&l, &user, STR("mx.test"), STR("www@mx.test"));
    front = buf_get(&l.front);
    assert_true(str_starts(front,
        STR("Received: by mx.test (impel-sendmail, from uid 33)\r\n\t; ")));
    assert_true(str_find(front, STR("\r\nFrom: \"The Web\" <www@mx.test>\r\n"),
                    0) != SIZE_MAX);
    assert_true(str_find(front, STR("\r\nDate: "), 0) != SIZE_MAX);
    assert_true(str_find(front, STR("\r\nMessage-ID: <"), 0) != SIZE_MAX);
    assert_true(str_ends(front, STR("@mx.test>\r\n")));
    sendmail_letter_fini(&l);
    assert_int_equal(letter_of("from: a\ndate : b\nMESSAGE-ID: c\n\n", false,
                         "a@x.test", &l),
        0);
    sendmail_letter_complete(&l, &user, STR("mx.test"), STR("www@mx.test"));
    assert_int_equal(str_find(buf_get(&l.front), STR("From:"), 0), SIZE_MAX);
    assert_int_equal(str_find(buf_get(&l.front), STR("Date:"), 0), SIZE_MAX);
    assert_int_equal(str_find(buf_get(&l.front), STR("-ID:"), 0), SIZE_MAX);
    sendmail_letter_fini(&l);
}

static void
test_qualified(void **state)
{
    static const struct {
        const char *address, *want;
    } all[] = {{"root", "root@mx.test"}, {"a@b.c", "a@b.c"}, {"", ""},
        {"\"a@b\"", "\"a@b\"@mx.test"}};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char *got = sendmail_qualify(str_of(all[i].address), STR("mx.test"));
        assert_string_equal(got, all[i].want);
        free(got);
    }
}

/* --- a server --- */

#define HELLO "220 x\r\n250-mx.test hi\r\n250-SIZE 99\r\n250-8BITMIME\r\n"

/* The server has said all of `says` before it is asked.  What it was told is in
 * heard. */
static int
talk(const char *says, const struct sendmail_args *o, const char *text,
    char heard[1000], struct err *e)
{
    char *rcpts[] = {(char *)(uintptr_t) "a@x.test", (char *)(uintptr_t) "b@y"};
    struct sendmail_envelope v = {
        .options = o, .sender = STR("me@z"), .rcpts = rcpts, .count = 2};
    struct sendmail_letter l;
    struct sendmail_server *s;
    ssize_t n;
    int fds[2], status;

    assert_int_equal(letter_of(text, false, "a@x.test", &l), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], says, strlen(says)), strlen(says));
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    s = sendmail_adopt(fds[0], false);
    status = sendmail_greet(s, e);
    if (!status)
        status = sendmail_send(s, &v, &l, e);
    sendmail_close(&s);
    n = recv(fds[1], heard, 999, MSG_WAITALL);
    heard[n > 0 ? n : 0] = '\0';
    close(fds[1]);
    sendmail_letter_fini(&l);
    return status;
}

static void
test_what_is_said(void **state)
{
    struct sendmail_args o = {
        .notify = SENDMAIL_NOTIFY_FAILURE | SENDMAIL_NOTIFY_DELAY,
        .ret = "FULL",
        .envid = "a b"};
    char heard[1000];
    struct err e;

    (void)state;
    assert_int_equal(
        talk(HELLO "250 DSN\r\n250 s\r\n250 a\r\n250 b\r\n354 go\r\n"
                   "250 2.0.0 done\r\n",
            &o, "A: b\n\n.x\n..\ny \xe4\n", heard, &e),
        0);
    assert_non_null(strstr(heard,
        "MAIL FROM:<me@z> SIZE=21 BODY=8BITMIME RET=FULL ENVID=a+20b\r\n"
        "RCPT TO:<a@x.test> NOTIFY=FAILURE,DELAY\r\n"
        "RCPT TO:<b@y> NOTIFY=FAILURE,DELAY\r\n"
        "DATA\r\n"
        "A: b\r\n\r\n..x\r\n...\r\ny \xe4\r\n.\r\n"
        "QUIT\r\n"));
}

static void
test_refusals(void **state)
{
    static const struct {
        const char *says;
        int status;
        const char *why;
    } all[] = {
        {"", EX_TEMPFAIL, "gone away"},
        {"554 no\r\n", EX_UNAVAILABLE, "554 no"},
        {"421 later\r\n", EX_TEMPFAIL, "421 later"},
        {"hello\r\n", EX_PROTOCOL, "no SMTP"},
        {"2200 x\r\n", EX_PROTOCOL, "no SMTP"},
        {"220 x\r\n250-a.b\r\n251 c\r\n", EX_PROTOCOL, "no SMTP"},
        {"220 x\r\n250 not;a;name\r\n", EX_PROTOCOL, "no domain"},
        {"220 x\r\n502 what\r\n", EX_PROTOCOL, "502"},
        {HELLO "250 X\r\n550 5.7.1 you\r\n", EX_UNAVAILABLE, "sender"},
        {HELLO "250 X\r\n530 login\r\n", EX_NOPERM, "sender"},
        {HELLO "250 X\r\n452 full\r\n", EX_TEMPFAIL, "452 full"},
        {HELLO "250 X\r\n250 s\r\n250 a\r\n550 5.1.1 b?\r\n", EX_NOUSER,
            "b@y: the server says: 550 5.1.1 b?"},
        {HELLO "250 X\r\n250 s\r\n250 a\r\n250 b\r\n250 ?\r\n", EX_TEMPFAIL,
            "250 ?"},
        {HELLO "250 X\r\n250 s\r\n250 a\r\n250 b\r\n354 go\r\n554 spam\r\n",
            EX_UNAVAILABLE, "554 spam"},
        {HELLO "250 X\r\n250 s\r\n250 a\r\n250 b\r\n354 go\r\n451 no\r\n",
            EX_TEMPFAIL, "451 no"},
        {HELLO "250 X\r\n250 s\r\n250 a\r\n250 b\r\n354 go\r\n", EX_TEMPFAIL,
            "gone away"},
    };
    struct sendmail_args o = {0}, dsn = {.notify = SENDMAIL_NOTIFY_NEVER};
    char heard[1000];
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(
            talk(all[i].says, &o, "A: b\n\n", heard, &e), all[i].status);
        if (!strstr(e.text, all[i].why))
            fail_msg("'%s' is not in '%s'", all[i].why, e.text);
    }
    assert_int_equal(
        talk(HELLO "250 X\r\n", &dsn, "A: b\n\n", heard, &e), EX_UNAVAILABLE);
    assert_non_null(strstr(e.text, "does not offer DSN"));
    assert_null(strstr(heard, "MAIL"));
}

static void
test_endless_replies(void **state)
{
    enum { SIZE = 100 * 12 + 1 };
    char *says = malloc(SIZE), heard[1000];
    struct sendmail_args o = {0};
    struct err e;

    (void)state;
    for (int i = 0; i < 100; i++)
        memcpy(says + i * 12, "220-again  \n", 13);
    assert_int_equal(talk(says, &o, "\n", heard, &e), EX_PROTOCOL);
    assert_non_null(strstr(e.text, "no end"));
    free(says);
    says = malloc(5001);
    memset(says, '2', 5000);
    says[5000] = '\0';
    assert_int_equal(talk(says, &o, "\n", heard, &e), EX_PROTOCOL);
    free(says);
}

UNIT_MAIN(cmocka_unit_test(test_what_programs_give),
    cmocka_unit_test(test_options_end), cmocka_unit_test(test_modes_and_errors),
    cmocka_unit_test(test_copies), cmocka_unit_test(test_a_long_line),
    cmocka_unit_test(test_a_file_without_a_name),
    cmocka_unit_test(test_recipients), cmocka_unit_test(test_phrases),
    cmocka_unit_test(test_missing_fields), cmocka_unit_test(test_qualified),
    cmocka_unit_test(test_what_is_said), cmocka_unit_test(test_refusals),
    cmocka_unit_test(test_endless_replies))
