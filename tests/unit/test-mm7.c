/* SPDX-License-Identifier: Apache-2.0
 *
 * test-mm7.c - what an MMSC answers and asks, and text for XML.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"
#include "auth.h"
#include "text.h"

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

static const char *
read_answer(struct impel_str body, struct answer *to)
{
    return answer_read((struct impel_str){NULL, 0}, body, to);
}

#define SOAP(header, body) \
    "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'>" \
    "<e:Header>" header "</e:Header><e:Body>" body "</e:Body></e:Envelope>"
#define STATUS(code, text) \
    "<Status><StatusCode>" code "</StatusCode><StatusText>" text \
    "</StatusText></Status>"

static void
answers(void **state)
{
    struct answer a;

    (void)state;
    assert_null(read_answer(
        str(SOAP("<m:TransactionID xmlns:m='x'>t 1</m:TransactionID>",
            "<SubmitRsp xmlns='x'><MM7Version>6.8.0</MM7Version>" STATUS(
                " 1000\n", "a&#10; &lt;b&amp;") "<MessageID>m-1</MessageID>"
                                                "</SubmitRsp>")),
        &a));
    assert_int_equal(a.code, 1000);
    assert_false(a.fault);
    assert_string_equal(a.text, "a <b&");
    assert_string_equal(a.message_id, "m-1");
    assert_string_equal(a.transaction, "t 1");
    assert_null(read_answer(str(SOAP("",
                                "<e:Fault><faultstring>bad"
                                "</faultstring><detail><RSErrorRsp>" STATUS(
                                    "4006", "x") "</RSErrorRsp>"
                                                 "</detail></e:Fault>")),
        &a));
    assert_true(a.fault);
    assert_int_equal(a.code, 4006);
    assert_string_equal(a.text, "x");
    assert_null(read_answer(
        str(SOAP("", "<e:Fault><faultstring>bad</faultstring></e:Fault>")),
        &a));
    assert_int_equal(a.code, 0);
    assert_string_equal(a.text, "bad");
}

/* As some MMSCs send it: a part of a multipart, with or without others. */
static void
answer_in_a_part(void **state)
{
    static const char xml[] = SOAP("",
        "<SubmitRsp>" STATUS(
            "1000", "") "<MessageID>7</MessageID></SubmitRsp>");
    struct impel_str type = str("multipart/related; boundary=\"b b\"");
    struct answer a;
    char body[2000];
    int n = snprintf(body, sizeof(body),
        "--b b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b b\r\n"
        "Content-Type: text/xml; charset=utf-8\r\n\r\n%s\r\n--b b--\r\n",
        xml);

    (void)state;
    assert_null(answer_read(type, (struct impel_str){body, (size_t)n}, &a));
    assert_int_equal(a.code, 1000);
    assert_string_equal(a.message_id, "7");
    assert_string_equal(
        answer_read(type, (struct impel_str){body, (size_t)n - 10}, &a),
        "a multipart that breaks off");
    assert_string_equal(answer_read(type, str("--b b\r\n\r\nx\r\n--b b--"), &a),
        "a multipart without XML");
    assert_string_equal(answer_read(str("multipart/related"), str(xml), &a),
        "a multipart without parts");
}

/* Each entity ten of the one before: a thousand million characters. */
static const char bomb[] =
    "<!DOCTYPE x [<!ENTITY a '0123456789'>"
    "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
    "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
    "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
    "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>"
    "<!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"
    "<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>"
    "<!ENTITY h '&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;'>"
    "<!ENTITY i '&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;'>]>" SOAP(
        "", "<SubmitRsp>" STATUS("1000", "&i;") "</SubmitRsp>");

static void
no_answers(void **state)
{
    static const struct {
        const char *in, *why;
    } rows[] = {{"", "nothing, or too much"},
        {"no", "no XML, or XML with a DOCTYPE"},
        {bomb, "no XML, or XML with a DOCTYPE"},
        {"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" SOAP(
             "", "<SubmitRsp>" STATUS("1000", "") "</SubmitRsp>"),
            "no XML, or XML with a DOCTYPE"},
        {SOAP("", "<SubmitRsp>" STATUS("1000", "&x;") "</SubmitRsp>"),
            "no XML, or XML with a DOCTYPE"},
        {SOAP("", "") "<x/>", "no XML, or XML with a DOCTYPE"},
        {"<x/>", "no SOAP envelope"},
        {SOAP("", ""), "a SOAP envelope without a body"},
        {SOAP("", "<CancelRsp/>"), "an answer to another request"},
        {SOAP("", "<SubmitRsp/>"), "an answer without a StatusCode"},
        {SOAP("", "<SubmitRsp>" STATUS("0100", "") "</SubmitRsp>"),
            "an answer without a StatusCode"},
        {SOAP("", "<SubmitRsp>" STATUS("10000", "") "</SubmitRsp>"),
            "an answer without a StatusCode"},
        {SOAP("", "<SubmitRsp>" STATUS("1e03", "") "</SubmitRsp>"),
            "an answer without a StatusCode"}};
    struct answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(read_answer(str(rows[i].in), &a), rows[i].why);
}

/* Long texts are cut behind a character. */
static void
long_texts(void **state)
{
    char in[2000] = "";
    struct answer a;

    (void)state;
    (void)strcat(in,
        "<e:Envelope xmlns:e='x'><e:Body><SubmitRsp><Status>"
        "<StatusCode>3000</StatusCode><StatusText>a");
    for (int i = 0; i < 300; i++)
        (void)strcat(in, "\xc3\xa9");
    (void)strcat(in,
        "</StatusText></Status></SubmitRsp></e:Body>"
        "</e:Envelope>");
    assert_null(read_answer(str(in), &a));
    assert_int_equal(strlen(a.text), 255);
    assert_int_equal((unsigned char)a.text[254], 0xa9);
}

static void
verdicts(void **state)
{
    static const struct {
        int code;
        int verdict, blame;
    } rows[] = {{1000, IMPEL_DELIVERED, IMPEL_BLAME_RCPT},
        {1100, IMPEL_DELIVERED, IMPEL_BLAME_RCPT},
        {2002, IMPEL_FAILED, IMPEL_BLAME_RCPT},
        {2003, IMPEL_FAILED, IMPEL_BLAME_RCPT},
        {2537, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {3000, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {3001, IMPEL_RETRY, IMPEL_BLAME_RCPT},
        {3004, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {4000, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {4001, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {4005, IMPEL_RETRY, IMPEL_BLAME_MESSAGE},
        {4006, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {4008, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {5000, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {9999, IMPEL_RETRY, IMPEL_BLAME_HOST}};
    char words[ANSWER_CODE_TEXT];
    struct impel_result r;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer a = {.code = rows[i].code, .text = "words"};

        r = answer_result(&a, words);
        assert_int_equal(r.verdict, rows[i].verdict);
        assert_int_equal(r.blame, rows[i].blame);
        assert_true((r.verdict == IMPEL_DELIVERED) == (r.status[0] == 2));
        a.fault = true; /* and none of them is a success within a fault */
        r = answer_result(&a, words);
        assert_int_not_equal(r.verdict, IMPEL_DELIVERED);
    }
}

static void
statuses(void **state)
{
    static const struct {
        int status;
        int verdict, blame;
    } rows[] = {{200, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {302, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {400, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {401, IMPEL_RETRY, IMPEL_BLAME_ROUTE},
        {403, IMPEL_RETRY, IMPEL_BLAME_ROUTE},
        {408, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {413, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {429, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {500, IMPEL_RETRY, IMPEL_BLAME_HOST},
        {503, IMPEL_RETRY, IMPEL_BLAME_HOST}};
    char words[ANSWER_CODE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct impel_result r = answer_http(rows[i].status, NULL, words);

        assert_int_equal(r.verdict, rows[i].verdict);
        assert_int_equal(r.blame, rows[i].blame);
    }
}

/* RFC 7617 2; padding of all three lengths. */
static void
basic(void **state)
{
    char to[AUTH_VALUE_MOST], longest[AUTH_WORD_MOST + 2];

    (void)state;
    assert_true(auth_basic(str("Aladdin"), str("open sesame"), to));
    assert_string_equal(to, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_true(auth_basic(str("a"), str(""), to));
    assert_string_equal(to, "Basic YTo=");
    assert_true(auth_basic(str("a"), str("b"), to));
    assert_string_equal(to, "Basic YTpi");
    assert_false(auth_basic(str("a:b"), str(""), to));
    memset(longest, 'x', sizeof(longest));
    assert_true(auth_basic((struct impel_str){longest, AUTH_WORD_MOST},
        (struct impel_str){longest, AUTH_WORD_MOST}, to));
    assert_false(auth_basic(
        (struct impel_str){longest, AUTH_WORD_MOST + 1}, str(""), to));
}

/* RFC 7616 3.9.1 */
#define CHALLENGE \
    "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", " \
    "algorithm=%s, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", " \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
static void
digest(void **state)
{
    static const struct {
        const char *name, *response;
    } rows[] = {{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
        {"SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db58"
            "56cb6c1"}};
    char in[400], to[AUTH_VALUE_MOST];
    struct auth_digest d;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(in, sizeof(in), CHALLENGE, rows[i].name);
        assert_true(auth_challenge(str(in), &d));
        assert_true(auth_answer(&d, str("Mufasa"), str("Circle of Life"), "GET",
            str("/dir/index.html"),
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", to));
        assert_non_null(strstr(to, rows[i].response));
        assert_non_null(strstr(to, "nc=00000001"));
        assert_true(auth_answer(&d, str("Mufasa"), str("x"), "GET", str("/"),
            "0123456789abcdef", to));
        assert_non_null(strstr(to, "nc=00000002"));
    }
    assert_false(auth_answer(
        &d, str("a\"b"), str("x"), "GET", str("/"), "0123456789abcdef", to));
}

static void
no_challenges(void **state)
{
    static const char *const rows[] = {"", "Basic realm=\"x\"", "Digest",
        "Digest ", "Digest realm=\"x\"", "Digest nonce=\"", "Digest nonce=\"\\",
        "Digestnonce=\"x\"", "Digest nonce=\"x\", algorithm=MD5-sess",
        "Digest nonce=\"x\", qop=\"auth-int\""};
    struct auth_digest d = {.nonce = "kept"};
    char in[600] = "Digest nonce=\"";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_false(auth_challenge(str(rows[i]), &d));
    memset(in + 14, 'x', 500);
    (void)strcpy(in + 514, "\"");
    assert_false(auth_challenge(str(in), &d));
    assert_string_equal(d.nonce, "kept");
    assert_true(
        auth_challenge(str("digest ,nonce=a,realm=\"\\\"\",STALE=TRUE"), &d));
    assert_string_equal(d.realm, "\"");
    assert_true(d.stale);
    assert_false(d.qop);
}

static void
texts(void **state)
{
    char *to = text_for_xml(str("a\x01\tb\xc3\xa9\xef\xbf\xbf\x7f"));
    struct text t = {NULL, 0, 0, false};

    (void)state;
    assert_string_equal(to, "a?\tb\xc3\xa9????");
    free(to);
    to = text_for_xml(str("a\xff\xc3\xa9"));
    assert_string_equal(to, "a???");
    free(to);
    assert_true(text_is_prefix(str("SOAP-ENV")));
    assert_false(text_is_prefix(str("1a")));
    assert_false(text_is_prefix(str("a b")));
    assert_false(text_is_prefix(str("")));
    assert_false(text_is_line(str("a\r\nb")));
    for (int i = 0; i < 3000; i++)
        text_z(&t, "abc");
    assert_int_equal(t.n, 9000);
    assert_memory_equal(t.p + 8997, "abc", 3);
    text_wipe(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers),
        cmocka_unit_test(answer_in_a_part), cmocka_unit_test(no_answers),
        cmocka_unit_test(long_texts), cmocka_unit_test(verdicts),
        cmocka_unit_test(statuses), cmocka_unit_test(basic),
        cmocka_unit_test(digest), cmocka_unit_test(no_challenges),
        cmocka_unit_test(texts)};

    return cmocka_run_group_tests_name("mm7", tests, NULL, NULL);
}
