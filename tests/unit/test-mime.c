/* SPDX-License-Identifier: Apache-2.0
 *
 * test-mime.c - parts of messages, and what push services get of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mime.h"
#include "push.h"

/* What the reader tells, as a text. */
struct told {
    char text[4096];
    size_t n;
    const char *take; /* the type to take */
    bool enter;
};

static void
tell(struct told *t, const char *p, size_t n)
{
    assert_true(t->n + n < sizeof(t->text));
    memcpy(t->text + t->n, p, n);
    t->n += n;
    t->text[t->n] = '\0';
}

static enum mime_choice
told_part(void *arg, const struct mime_part *part)
{
    struct told *t = arg;
    char line[300];
    int n =
        snprintf(line, sizeof(line), "%u:%s ", part->depth, part->type.name);

    tell(t, line, (size_t)n);
    if (t->take && strcmp(part->type.name, t->take) == 0) {
        tell(t, "[", 1);
        return MIME_TAKE;
    }
    if (t->enter && strcmp(part->type.name, "message/rfc822") == 0)
        return MIME_ENTER;
    return MIME_SKIP;
}

static void
told_body(void *arg, const char *p, size_t n)
{
    tell(arg, p, n);
}

static void
told_end(void *arg, bool whole)
{
    tell(arg, whole ? "] " : "!] ", whole ? 2 : 3);
}

static const struct mime_calls calls = {told_part, told_body, told_end};

/* In pieces of that size. */
static const char *
read_in(const char *message, size_t step, struct told *t)
{
    struct mime *m = mime_new(&calls, t);
    const char *wrong = NULL;
    size_t n = strlen(message);

    assert_non_null(m);
    for (size_t i = 0; i < n && !wrong; i += step)
        wrong = mime_feed(m, message + i, n - i < step ? n - i : step);
    if (!wrong)
        wrong = mime_end(m);
    mime_free(m);
    return wrong;
}

static void
check(const char *message, const char *take, const char *want)
{
    static const size_t steps[] = {100000, 1, 2, 3, 7, 64};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct told t = {.take = take};
        const char *wrong = read_in(message, steps[i], &t);

        if (wrong) {
            tell(&t, "wrong: ", 7);
            tell(&t, wrong, strlen(wrong));
        }
        assert_string_equal(t.text, want);
    }
}

static void
parts(void **state)
{
    (void)state;
    check(
        "Subject: a\r\n\r\nbody\r\n", "text/plain", "0:text/plain [body\r\n] ");
    check("\r\nbody", "text/plain", "0:text/plain [body] ");
    check("Subject: a", "text/plain", "0:text/plain [] ");
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
          "preamble\r\n--b\r\n\r\none\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\n"
          "two\r\n--b--\r\nepilogue\r\n--b\r\n\r\nthree\r\n--b--\r\n",
        "text/plain", "0:multipart/mixed 1:text/plain [one\r\n] 1:a/b ");
    check("Content-Type: multipart/mixed; boundary=\"b b\"\n\n"
          "--b b \nContent-Type: A/B\n\ntwo\n--bb\n--b b--",
        "a/b", "0:multipart/mixed 1:a/b [two\n--bb] ");
    /* what only looks like one */
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
          "-\r\n--\r\n--bc\r\n-- b\r\n --b\r\nx--b\r\n--b-\r\n\r\r\n--b--\r\n",
        "text/plain",
        "0:multipart/mixed 1:text/plain [-\r\n--\r\n--bc\r\n-- b\r\n --b\r\n"
        "x--b\r\n--b-\r\n\r] ");
}

static void
nested_parts(void **state)
{
    (void)state;
    check("Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\n"
          "Content-Type: multipart/b; boundary=i\r\n\r\n--i\r\n\r\nin\r\n"
          "--o\r\nContent-Type: x/y\r\n\r\nout\r\n--o--\r\n",
        "text/plain", "0:multipart/a 1:multipart/b 2:text/plain [in] 1:x/y ");
    check("Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\n"
          "Content-Type: multipart/b; boundary=i\r\n\r\n--i\r\n\r\nin\r\n"
          "--o--\r\n",
        "multipart/b", "0:multipart/a 1:multipart/b [--i\r\n\r\nin] ");
    /* a part that has only a header, and one that has nothing */
    check("Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\nA: b\r\n--o\r\n"
          "--o\r\n\r\n--o--\r\n",
        "text/plain", "0:multipart/a 1:text/plain [] ");
    /* broken off */
    check("Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\n\r\nhalf",
        "text/plain", "0:multipart/a 1:text/plain [half!] ");
}

static void
limits(void **state)
{
    struct told t = {.take = NULL};
    char text[8192] = "";
    size_t n = 0;
    char *big;

    (void)state;
    check("Content-Type: multipart/a\r\n\r\n", "",
        "0:multipart/a wrong: a multipart without a boundary");
    check("Content-Type: multipart\r\n\r\n", "",
        "wrong: a Content-Type that cannot be read");
    for (int i = 0; i <= MIME_DEPTH; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
            "Content-Type: multipart/a; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    assert_string_equal(read_in(text, 1000, &t), "too many parts within parts");
    t = (struct told){.enter = true};
    for (n = 0; n < 60 * 32; n += 32)
        memcpy(text + n, "Content-Type: message/rfc822\r\n\r\n", 33);
    assert_string_equal(
        read_in(text, 1000, &t), "too many messages within messages");
    big = malloc(MIME_HEADER_MOST + 10);
    assert_non_null(big);
    memset(big, 'a', MIME_HEADER_MOST + 1);
    big[MIME_HEADER_MOST + 1] = '\0';
    assert_string_equal(read_in(big, 4096, &t), "a header that is too long");
    free(big);
    {
        struct mime *m = mime_new(&calls, &t);
        const char *wrong = NULL;
        int i;

        t = (struct told){.take = NULL};
        (void)mime_feed(m, "Content-Type: multipart/a; boundary=b\n\n", 39);
        for (i = 0; !wrong && i < 5000; i++) {
            t.n = 0;
            wrong = mime_feed(m, "--b\n\n", 5);
        }
        assert_int_equal(i, MIME_PARTS_MOST);
        assert_string_equal(wrong, "too many parts");
        mime_free(m);
    }
}

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

static void
fields(void **state)
{
    struct mime_type t;
    char to[40], large[1200];

    (void)state;
    assert_true(mime_field(
        str("A: b\r\nX-Y:  c\r\n\td \r\nx-y: e\r\n"), "x-Y", to, sizeof(to)));
    assert_string_equal(to, "c\td");
    assert_false(mime_field(str("A: b\r\n X-Y: c"), "X-Y", to, sizeof(to)));
    assert_false(mime_field(str("A: b"), "A", to, 1));
    assert_true(mime_field(str("A: b"), "A", to, 2));
    assert_false(
        mime_field((struct impel_str){"A: b\0c", 6}, "A", to, sizeof(to)));
    assert_true(mime_type_of(
        str("content-type: Text/HTML (a (b) \\)) ; charset = \"utf-8\" ;"
            " boundary=\"a\\\"b\"; x=y; charset=z\nContent-Transfer-Encoding: "
            "BASE64"),
        &t));
    assert_string_equal(t.name, "text/html");
    assert_string_equal(t.charset, "utf-8");
    assert_string_equal(t.boundary, "a\"b");
    assert_int_equal(t.encoding, MIME_BASE64);
    assert_false(mime_type_of(str("Content-Type: a/b; c=\"d"), &t));
    assert_false(mime_type_of(str("Content-Type: a/b; =d"), &t));
    assert_true(mime_type_of(str("Content-Type: \r\nA: b"), &t));
    assert_string_equal(t.name, "text/plain");
    assert_true(mime_type_of(str("Content-Transfer-Encoding: x-uue"), &t));
    assert_int_equal(t.encoding, MIME_UNKNOWN);
    (void)snprintf(
        large, sizeof(large), "Content-Type: a/b; boundary=c; d=%01000d", 0);
    assert_false(mime_type_of(str(large), &t));
    (void)snprintf(
        large, sizeof(large), "Content-Transfer-Encoding: %0100d", 0);
    assert_true(mime_type_of(str(large), &t));
    assert_int_equal(t.encoding, MIME_UNKNOWN);
    assert_int_equal(mime_look(str("A: b"), "A", to, 2), 1);
    assert_int_equal(mime_look(str("A: b"), "A", to, 1), -1);
    assert_int_equal(mime_look(str("A: b"), "B", to, 2), 0);
}

static void
decoded(enum mime_encoding how, const char *in, const char *want)
{
    char to[400];
    int64_t n = mime_decode(how, str(in), to);

    if (!want) {
        assert_int_equal(n, -1);
        return;
    }
    assert_int_equal(n, strlen(want));
    assert_memory_equal(to, want, strlen(want));
}

static void
encodings(void **state)
{
    (void)state;
    decoded(MIME_BASE64, "", "");
    decoded(MIME_BASE64, "YQ==", "a");
    decoded(MIME_BASE64, "YW\r\nI=", "ab");
    decoded(MIME_BASE64, "YWJj\r\n", "abc");
    decoded(MIME_BASE64, "YWJjZGVm", "abcdef");
    decoded(MIME_BASE64, "YWI", "ab");
    decoded(MIME_BASE64, "Y", NULL);
    decoded(MIME_BASE64, "YQ=", NULL);
    decoded(MIME_BASE64, "Y===", NULL);
    decoded(MIME_BASE64, "YQ==YQ==", NULL);
    decoded(MIME_BASE64, "Y*Q=", NULL);
    decoded(
        MIME_QUOTED, "a=3D=C3=A9 =\r\nb  \r\nc=\n=41", "a=\xc3\xa9 b\r\ncA");
    decoded(MIME_QUOTED, "a=", "a");
    decoded(MIME_QUOTED, "a= \t\r\nb c", "ab c");
    decoded(MIME_QUOTED, "a=4", NULL);
    decoded(MIME_QUOTED, "a=GG", NULL);
    decoded(MIME_PLAIN, "a=3D", "a=3D");
    decoded(MIME_UNKNOWN, "a", NULL);
}

static void
charsets(void **state)
{
    char to[64];

    (void)state;
    assert_int_equal(mime_utf8("", str("a\xc3\xa9"), to, 64), 3);
    assert_int_equal(mime_utf8("", str("a\xe9"), to, 64), -1);
    assert_int_equal(mime_utf8("ISO-8859-1", str("a\xe9"), to, 64), 3);
    assert_memory_equal(to, "a\xc3\xa9", 3);
    assert_int_equal(mime_utf8("windows-1252", str("\x80"), to, 64), 3);
    assert_memory_equal(to, "\xe2\x82\xac", 3);
    assert_int_equal(mime_utf8("iso-8859-1", str("a\xe9"), to, 2), -1);
    assert_int_equal(mime_utf8("utf-8", str("abc"), to, 2), -1);
    assert_int_equal(mime_utf8("utf-7", str("a"), to, 64), -1);
    assert_int_equal(mime_utf8("../x", str("a"), to, 64), -1);
    assert_int_equal(mime_utf8("euc-jp", str("\xff\xff"), to, 64), -1);
    assert_false(mime_is_utf8(str("\xc0\x80")));
    assert_false(mime_is_utf8(str("\xed\xa0\x80")));
    assert_false(mime_is_utf8(str("\xf4\x90\x80\x80")));
    assert_false(mime_is_utf8(str("\xe2\x82")));
    assert_true(mime_is_utf8(str("\xf0\x9f\x98\x80")));
}

static void
worded(const char *in, size_t size, const char *want)
{
    char to[200];
    size_t n = mime_words(str(in), to, size);

    assert_int_equal(n, strlen(want));
    assert_memory_equal(to, want, n);
}

static void
words(void **state)
{
    (void)state;
    worded("plain words", 200, "plain words");
    worded("=?utf-8?B?w6k=?=", 200, "\xc3\xa9");
    worded("=?iso-8859-1?q?=E9_t=E9?=  =?UTF-8*fr?Q?x?= y", 200,
        "\xc3\xa9 t\xc3\xa9x y");
    worded("a =?utf-8?B?YQ==?= b", 200, "a a b");
    worded("=?x?B?YQ==?= =?utf-8?X?a?= =?utf-8?B?*?= =?", 200,
        "=?x?B?YQ==?= =?utf-8?X?a?= =?utf-8?B?*?= =?");
    worded("\xe9\xc3\xa9", 200, "?\xc3\xa9");
    worded("ab\xc3\xa9", 3, "ab");
    worded("=?utf-8?B?w6nDqQ==?=x", 3, "=?u");
}

/* --- push.h --- */

#define MCMT "Content-Type: multipart/vnd.msys.mcmt; boundary=B\r\n\r\n"
#define RFC822 \
    "--B\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?B?w6k=?=\r\n" \
    "Content-Type: multipart/alternative; boundary=I\r\n\r\n" \
    "--I\r\nContent-Type: text/html\r\n\r\n<p>no\r\n--I\r\n" \
    "Content-Type: text/plain; charset=iso-8859-1\r\n" \
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nt=E9xt=\r\n!\r\n" \
    "--I--\r\n"
#define APN \
    "--B\r\nContent-Type: message/vnd.msys.apn\r\n\r\n" \
    "X-Device-Token: 00\r\nContent-Transfer-Encoding: base64\r\n\r\n" \
    "eyJhIjox\r\nfQ==\r\n"

static const char *const apn[] = {"message/vnd.msys.apn", NULL};

#define NEVER "550 5.6.0 [internal] "

/* "fields|payload", "subject/text" or the fault behind NEVER. */
static void
pushed(const char *message, struct push_want want, const char *expect)
{
    static const size_t steps[] = {100000, 1, 5};

    want.types = apn;
    for (size_t i = 0; i < 3; i++) {
        struct push *p = push_new(&want);
        struct push_found f;
        char got[400];
        const char *fault;
        size_t n = strlen(message), at = 0;

        while (at < n &&
            push_feed(p, message + at, n - at < steps[i] ? n - at : steps[i]))
            at += steps[i];
        fault = push_end(p, &f);
        if (fault)
            (void)snprintf(got, sizeof(got), "%s",
                strncmp(fault, NEVER, strlen(NEVER)) ? fault
                                                     : fault + strlen(NEVER));
        else if (f.payload.p)
            (void)snprintf(got, sizeof(got), "%.*s|%.*s", (int)f.fields.n,
                f.fields.p, (int)f.payload.n, f.payload.p);
        else
            (void)snprintf(got, sizeof(got), "%.*s/%.*s", (int)f.subject.n,
                f.subject.p, (int)f.text.n, f.text.p);
        assert_string_equal(got, expect);
        push_free(p);
    }
}

static void
containers(void **state)
{
    struct push_want want = {.most = 100, .container = true};
    const char *part = "X-Device-Token: 00\r\n"
                       "Content-Transfer-Encoding: base64\r\n|{\"a\":1}";

    (void)state;
    pushed(MCMT RFC822 APN "--B--\r\n", want, part);
    pushed(MCMT APN RFC822 "--B--\r\n", want, part);
    want.convert = true;
    pushed(MCMT RFC822 APN "--B--\r\n", want, part);
    pushed(MCMT RFC822 "--B--\r\n", want, "\xc3\xa9/t\xc3\xa9xt!");
    want.convert = false;
    pushed(MCMT RFC822 "--B--\r\n", want,
        "the container has no part message/vnd.msys.apn");
    pushed(MCMT APN, want, "the message breaks off within the part");
    pushed(MCMT "--B\r\nContent-Type: message/vnd.msys.apn\r\n\r\n{}\r\n--B--",
        want,
        "the part message/vnd.msys.apn has no empty line behind its fields");
    want.most = 6;
    pushed(MCMT APN "--B--\r\n", want,
        "the payload in message/vnd.msys.apn is larger than 6 octets");
    want.most = 100;
    want.container = false;
    pushed(MCMT APN "--B--\r\n", want,
        "no part message/vnd.msys.apn: the message was not let in as a "
        "container (mcmt_reception), and push_convert is off");
}

static void
converted(void **state)
{
    struct push_want want = {.most = 100, .convert = true};
    size_t n = PUSH_TEXT_MOST * 5;
    char *big = malloc(n + 100);
    struct push *p;
    struct push_found f;

    (void)state;
    pushed("Subject: a\r\n b\r\n\r\ntext \r\n\r\n", want, "a b/text");
    pushed("Subject: a\r\nContent-Type: image/png\r\n\r\ntext", want, "a/");
    pushed("Content-Type: image/png\r\n\r\ntext", want,
        "there is neither a subject nor a text to make a notification of");
    pushed("Content-Type: text/plain; charset=x-none\r\n\r\ntext", want,
        "the text is not in its charset x-none");
    pushed("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
           "Content-Disposition: attachment\r\n\r\nno\r\n--b\r\n\r\nyes\r\n"
           "--b--\r\n",
        want, "/yes");
    pushed("Subject: =?utf-8?Q?a=00b=07?=\r\n"
           "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
           "t=00e\r\n\tx=1Bt=7F\r\n",
        want, "ab/te\r\n\txt");
    /* a long one is cut between characters */
    want.types = apn;
    assert_non_null(big);
    for (size_t every = 999; every < 2 * n; every += n) {
        memcpy(big, "A: b\r\n\r\n", 8);
        for (size_t i = 8; i + 3 <= n; i += 3)
            memcpy(big + i, (i + 1) % every ? "\xe2\x82\xac" : "ab\n", 3);
        p = push_new(&want);
        (void)push_feed(p, big, n - 1);
        assert_null(push_end(p, &f));
        assert_true(f.cut);
        assert_in_range(f.text.n, PUSH_TEXT_MOST - 3, PUSH_TEXT_MOST);
        assert_true(mime_is_utf8(f.text));
        push_free(p);
    }
    free(big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts),
        cmocka_unit_test(nested_parts), cmocka_unit_test(limits),
        cmocka_unit_test(fields), cmocka_unit_test(encodings),
        cmocka_unit_test(charsets), cmocka_unit_test(words),
        cmocka_unit_test(containers), cmocka_unit_test(converted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
