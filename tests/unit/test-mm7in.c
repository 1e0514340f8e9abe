/* SPDX-License-Identifier: Apache-2.0
 *
 * test-mm7in.c - what an MMSC asks, who it proves to be, and its messages as
 * mail.
 */
#include "unit.h"

#include "auth.h"
#include "call.h"
#include "letter.h"
#include "line.h"
#include "reportkey.h"
#include "soap.h"

#define ENVELOPE(body) \
    "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'>" \
    "<e:Header><m:TransactionID xmlns:m='urn:m'>t-1</m:TransactionID>" \
    "</e:Header><e:Body>" body "</e:Body></e:Envelope>"

static struct call call;
static struct soap_body soap;

/* --- parts --- */

static void
test_parts(void **state)
{
    struct parts p;
    struct part part;

    (void)state;
    assert_true(parts_begin(&p,
        line_str("before\r\n--b\r\nA: 1\r\n\r\none\r\n\r\n--b  \r\n\r\n--bc\r\n"
                 "--b\nno body\n--b--\r\nbehind\r\n--b\r\n"),
        "b"));
    assert_int_equal(parts_next(&p, &part), PARTS_PART);
    assert_int_equal(part.header.n, 6);
    assert_memory_equal(part.body.p, "one\r\n", 5);
    assert_int_equal(part.body.n, 5);
    assert_int_equal(parts_next(&p, &part), PARTS_PART);
    assert_int_equal(part.header.n, 0);
    assert_memory_equal(part.body.p, "--bc", 4);
    assert_int_equal(part.body.n, 4);
    assert_int_equal(parts_next(&p, &part), PARTS_PART);
    assert_int_equal(part.body.n, 0);
    assert_int_equal(parts_next(&p, &part), PARTS_END);
    assert_int_equal(parts_next(&p, &part), PARTS_END);
    assert_true(parts_begin(&p, line_str("--b\r\n\r\nhalf"), "b"));
    assert_int_equal(parts_next(&p, &part), PARTS_BROKEN);
    assert_false(parts_begin(&p, line_str("x--b\r\n"), "b"));
    assert_false(parts_begin(&p, line_str("--\r\n"), ""));
}

static void
test_what_is_attached(void **state)
{
    static const char type[] = "multipart/related; boundary=x";
    char many[20000] = "";

    (void)state;
    assert_null(soap_split(line_str(type),
        line_str("--x\r\nContent-ID: <a>\r\n\r\n1\r\n--x\r\nContent-Type: "
                 "text/xml\r\n\r\n<x/>\r\n--x\r\nContent-ID: <b>\r\n\r\n2\r\n"
                 "--x--\r\n"),
        &soap));
    assert_int_equal(soap.xml.n, 4);
    assert_int_equal(soap.count, 2);
    assert_ptr_equal(soap_find(&soap, "cid:b"), &soap.part[1]);
    assert_ptr_equal(soap_find(&soap, "a"), &soap.part[0]);
    assert_null(soap_find(&soap, "cid:c"));
    for (int i = 0; i <= SOAP_PARTS; i++)
        strcat(many, "--x\r\n\r\n.\r\n");
    strcat(many, "--x--\r\n");
    assert_string_equal(
        soap_split(line_str(type), line_str(many), &soap), "too many parts");
}

/* --- requests --- */

static int
read_call(const char *xml)
{
    const char *why = NULL;
    int rc = call_read(line_str(xml), &call, &why);

    assert_true((rc != 0) == (why != NULL));
    return rc;
}

static void
test_requests(void **state)
{
    (void)state;
    assert_int_equal(
        read_call(ENVELOPE(
            "<m:DeliveryReportReq xmlns:m='urn:m'><m:MM7Version>6.8.0"
            "</m:MM7Version><m:MMSRelayServerID>r</m:MMSRelayServerID>"
            "<m:MessageID> i d </m:MessageID><m:Date>d</m:Date>"
            "<m:MMStatus>Expired</m:MMStatus><m:StatusText>w</m:StatusText>"
            "</m:DeliveryReportReq>")),
        0);
    assert_int_equal(call.kind, CALL_REPORT);
    assert_string_equal(call.transaction, "t-1");
    assert_string_equal(call.schema, "urn:m");
    assert_string_equal(call.message_id, "i d");
    assert_string_equal(call.relay_server, "r");
    assert_string_equal(call.stamp, "d");
    assert_int_equal(
        read_call(ENVELOPE("<ReadReplyReq><MessageID>i</MessageID>"
                           "<MMStatus>Read</MMStatus></ReadReplyReq>")),
        0);
    assert_int_equal(call.kind, CALL_READ);
    assert_int_equal(
        read_call(ENVELOPE("<ReadReplyReq><MMStatus>Read</MMStatus>"
                           "</ReadReplyReq>")),
        CALL_FORMAT);
    assert_int_equal(read_call(ENVELOPE("<SubmitReq/>")), CALL_UNKNOWN);
    assert_int_equal(read_call(ENVELOPE("")), CALL_FORMAT);
    assert_int_equal(read_call("<x/>"), CALL_FORMAT);
    assert_int_equal(
        read_call("<!DOCTYPE x [<!ENTITY a 'b'>]>" ENVELOPE(
            "<ReadReplyReq><MessageID>&a;</MessageID><MMStatus>Read"
            "</MMStatus></ReadReplyReq>")),
        CALL_FORMAT);
}

static void
test_meanings(void **state)
{
    static const struct {
        const char *status;
        int verdict, code;
    } rows[] = {{"Retrieved", IMPEL_DELIVERED, 2}, {"expired", IMPEL_FAILED, 5},
        {"Rejected", IMPEL_FAILED, 5}, {"Unrecognised", IMPEL_FAILED, 5},
        {"Unreachable", IMPEL_FAILED, 5},
        {"DeliveryConditionNotMet", IMPEL_FAILED, 5},
        {"Deferred", IMPEL_RETRY, 4}, {"Indeterminate", IMPEL_UNTRIED, 0},
        {"Forwarded", IMPEL_UNTRIED, 0}, {"Other", IMPEL_UNTRIED, 0}};
    char words[CALL_WORDS];

    (void)state;
    memset(&call, 0, sizeof(call));
    call.kind = CALL_REPORT;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct impel_result r;

        (void)snprintf(call.status, sizeof(call.status), "%s", rows[i].status);
        r = call_result(&call, words);
        assert_int_equal(r.verdict, rows[i].verdict);
        assert_int_equal(r.status[0], rows[i].code);
        assert_non_null(strstr(words, rows[i].status));
    }
    call.kind = CALL_READ;
    (void)snprintf(call.status, sizeof(call.status), "Expired");
    assert_int_equal(call_result(&call, words).verdict, IMPEL_UNTRIED);
}

/* --- mail --- */

static const struct letter_names names = {{"from.test", 9}, {"to.test", 7},
    {"mms", 3}, {"someone@else.test", 17}, {"me.test", 7}};

static void
test_addresses(void **state)
{
    static const struct {
        const char *text;
        bool mail;
        const char *is; /* NULL: none */
    } rows[] = {{"+15551234567/TYPE=PLMN", false, "+15551234567@d.test"},
        {"28444", false, "28444@d.test"}, {"*1#", false, "*1#@d.test"},
        {"a b", false, NULL}, {"", false, NULL}, {"a..b", false, NULL},
        {"<x>", false, NULL}, {"x@y.test", true, "x@y.test"},
        {"x y@z.test", true, NULL}, {"x", true, NULL},
        {"<x@y.test>", true, NULL}, {"gr\xc3\xbcn@y.test", true, NULL}};
    char to[LETTER_ADDRESS];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_address a = {.mail = rows[i].mail};

        (void)snprintf(a.text, sizeof(a.text), "%s", rows[i].text);
        assert_int_equal(
            letter_address(&a, line_str("d.test"), to), rows[i].is != NULL);
        if (rows[i].is)
            assert_string_equal(to, rows[i].is);
    }
    memset(&call, 0, sizeof(call));
    assert_true(letter_sender(&call, &names, to));
    assert_string_equal(to, "mms@from.test");
    assert_true(letter_default(&names, to));
    assert_string_equal(to, "someone@else.test");
}

static char *
letter(const char *header, const char *body, size_t n, const char **wrong)
{
    static struct soap_body one = {.count = 1};
    struct text t = {NULL, 0, 0, false};
    char *copy;

    one.part[0] = (struct part){line_str(header), {body, n}};
    *wrong = letter_write(&call, &one, &names, 1795294996, &t);
    text_put(&t, "", 1);
    copy = strdup(t.p);
    text_wipe(&t);
    return copy;
}

static void
test_contents(void **state)
{
    static const struct {
        const char *header, *body, *has;
    } rows[] = {{"Content-Type: text/plain\r\n", "hi\r\n",
                    "\r\nContent-Type: text/plain\r\n\r\nhi\r\n"},
        {"", "caf\xc3\xa9",
            "Content-Type: application/octet-stream\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\nY2Fmw6k=\r\n"},
        {"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n",
            "a\nb",
            "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64"
            "\r\n\r\nYQpi\r\n"},
        {"Content-Type: x/y\r\nContent-Transfer-Encoding: base64\r\n"
         "Content-ID: <i>\r\n",
            "YQ==\r\n",
            "Content-ID: <i>\r\nContent-Type: x/y\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n"},
        {"Content-Type: x/y\r\nContent-Transfer-Encoding: base64\r\n", "YQ==\n",
            "Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n"},
        {"Content-Type: message/rfc822\r\n", "A: \xff\r\n",
            "Content-Type: application/octet-stream\r\n"},
        {"Content-Type: multipart/mixed; boundary=b\r\n",
            "--b\n\nx\n--b\nContent-Type: image/gif\n\n\x01\n--b--",
            "\r\n\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n"
            "Content-Type: image/gif\r\n\r\n\x01\r\n--b--\r\n"}};
    const char *wrong;

    (void)state;
    memset(&call, 0, sizeof(call));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *got =
            letter(rows[i].header, rows[i].body, strlen(rows[i].body), &wrong);

        assert_null(wrong);
        if (!strstr(got, rows[i].has))
            fail_msg("row %zu:\n%s", i, got);
        free(got);
    }
}

/* Nothing of what is there is lost where no Content says what it is. */
static void
test_content_that_is_not_named(void **state)
{
    static const char type[] = "multipart/related; boundary=x",
                      all[] = "--x\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n"
                              "--x\r\nContent-ID: <i>\r\n\r\nhi\r\n--x\r\n"
                              "Content-Type: image/gif\r\n\r\n\xff\r\n--x--";
    struct text t = {NULL, 0, 0, false};

    (void)state;
    memset(&call, 0, sizeof(call));
    assert_null(soap_split(line_str(type), line_str(all), &soap));
    (void)snprintf(call.href, sizeof(call.href), "cid:nobody");
    assert_null(letter_write(&call, &soap, &names, 1795294996, &t));
    text_put(&t, "", 1);
    assert_non_null(strstr(t.p,
        "\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\r\n\r\n--x\r\n"
        "Content-ID: <i>\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\n"
        "Content-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n"
        "\r\n/w==\r\n\r\n--x--\r\n"));
    text_wipe(&t);
    (void)snprintf(call.href, sizeof(call.href), "cid:i");
    assert_null(letter_write(&call, &soap, &names, 1795294996, &t));
    text_put(&t, "", 1);
    assert_null(strstr(t.p, "image/gif"));
    text_wipe(&t);
    memset(&call, 0, sizeof(call));
}

static void
test_contents_that_are_none(void **state)
{
    char deep[4000] = "", line[80];
    const char *wrong;
    char *got;

    (void)state;
    got = letter("Content-Type: multipart/mixed; boundary=b\r\n",
        "--b\r\n\r\nx\r\n", 10, &wrong);
    assert_string_equal(wrong, "a multipart that breaks off");
    free(got);
    got = letter("Content-Type: multipart/mixed; boundary=\"\xff\"\r\n",
        "--\xff\r\n\r\nx\r\n--\xff--", 15, &wrong);
    assert_string_equal(wrong, "a boundary that mail does not have");
    free(got);
    got = letter("Content-Transfer-Encoding: base64\r\n", "\xff\n", 2, &wrong);
    assert_string_equal(
        wrong, "a part is not in its Content-Transfer-Encoding");
    free(got);
    for (int i = 0; i < 12; i++) {
        (void)snprintf(line, sizeof(line),
            "--b%x\r\nContent-Type: multipart/mixed; boundary=b%x\r\n\r\n", i,
            i + 1);
        strcat(deep, line);
    }
    for (int i = 12; i >= 0; i--) {
        (void)snprintf(line, sizeof(line), "--b%x--\r\n", i);
        strcat(deep, line);
    }
    got = letter("Content-Type: multipart/mixed; boundary=b0\r\n", deep,
        strlen(deep), &wrong);
    assert_string_equal(wrong, "parts within parts within parts");
    free(got);
}

static void
test_fields(void **state)
{
    static const struct {
        const char *stamp, *date;
    } rows[] = {
        {"2026-11-21T21:15:00+01:00", "Sat, 21 Nov 2026 21:15:00 +0100"},
        {"2026-11-21T21:15:00.25Z", "Sat, 21 Nov 2026 21:15:00 +0000"},
        {"yesterday", "Sat, 21 Nov 2026 21:03:16 +0000"},
        {"2026-11-21T21:15:00+99:00", "Sat, 21 Nov 2026 21:03:16 +0000"}};
    const char *wrong;
    char *got;

    (void)state;
    memset(&call, 0, sizeof(call));
    (void)snprintf(call.subject, sizeof(call.subject), "a\r\nBcc: x@y.test");
    (void)snprintf(call.linked_id, sizeof(call.linked_id), "l\nX: y");
    got = letter("", "", 0, &wrong);
    assert_null(strstr(got, "\nBcc:"));
    assert_null(strstr(got, "\nX: y"));
    free(got);
    /* words of whole characters */
    for (int i = 0; i < 200; i++)
        memcpy(call.subject + 3 * i, "\xe2\x82\xac", 4);
    got = letter("", "", 0, &wrong);
    assert_non_null(strstr(got, "Subject: =?utf-8?B?4oKs4oKs"));
    assert_non_null(strstr(got, "?=\r\n =?utf-8?B?4oKs4oKs"));
    free(got);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(call.stamp, sizeof(call.stamp), "%s", rows[i].stamp);
        got = letter("", "", 0, &wrong);
        if (!strstr(got, rows[i].date))
            fail_msg("%s is\n%s", rows[i].stamp, got);
        free(got);
    }
}

/* --- logins, keys --- */

static void
test_basic(void **state)
{
    struct auth_who who = {{"joe", 3}, {"pa:ss", 5}};

    (void)state;
    assert_true(auth_is_basic(line_str("basic  am9lOnBhOnNz"), &who));
    assert_false(auth_is_basic(line_str("Basic am9lOnBhOnNt"), &who));
    assert_false(auth_is_basic(line_str("Basic am9lOnBhOnNz="), &who));
    assert_false(auth_is_basic(line_str("Basic "), &who));
    assert_false(auth_is_basic(line_str("Digest am9lOnBhOnNz"), &who));
}

/* Our client's answers are judged by our server. */
static void
test_digest(void **state)
{
    static const unsigned char secret[AUTH_SECRET] = {7}, other[AUTH_SECRET];
    struct auth_who who = {{"joe", 3}, {"secret", 6}};
    char ask[AUTH_VALUE_MOST], say[AUTH_VALUE_MOST];
    struct impel_str post = line_str("POST"), uri = line_str("/x?y");

    (void)state;
    for (int sha256 = 0; sha256 < 2; sha256++) {
        struct auth_digest d;

        auth_ask(secret, 1000, sha256, false, ask);
        assert_true(auth_challenge(line_str(ask), &d));
        assert_true(auth_answer(
            &d, who.user, who.password, "POST", uri, "0123456789abcdef", say));
        assert_int_equal(
            auth_judge(line_str(say), &who, post, uri, secret, 1000), AUTH_YES);
        assert_int_equal(auth_judge(line_str(say), &who, post, uri, secret,
                             1000 + AUTH_NONCE_MS),
            AUTH_YES);
        assert_int_equal(auth_judge(line_str(say), &who, post, uri, secret,
                             1001 + AUTH_NONCE_MS),
            AUTH_STALE);
        assert_int_equal(
            auth_judge(line_str(say), &who, post, uri, secret, 999),
            AUTH_STALE);
        assert_int_equal(
            auth_judge(line_str(say), &who, post, uri, other, 1000),
            AUTH_STALE);
        assert_int_equal(
            auth_judge(line_str(say), &who, post, line_str("/x"), secret, 1000),
            AUTH_NO);
        assert_int_equal(
            auth_judge(line_str(say), &who, line_str("GET"), uri, secret, 1000),
            AUTH_NO);
        who.password.n--;
        assert_int_equal(
            auth_judge(line_str(say), &who, post, uri, secret, 1000), AUTH_NO);
        who.password.n++;
    }
}

static void
test_keys(void **state)
{
    char one[REPORTKEY], two[REPORTKEY], id[300];
    struct impel_str a, b;

    (void)state;
    a = reportkey(line_str("mmsc"), "m-1", one);
    assert_int_equal(a.n, 8);
    assert_string_equal(one, "mmsc:m-1");
    memset(id, 'x', 255);
    id[255] = '\0';
    a = reportkey(line_str(""), id, one);
    id[254] = 'y';
    b = reportkey(line_str(""), id, two);
    assert_int_equal(a.n, 66);
    assert_int_equal(b.n, 66);
    assert_memory_not_equal(one, two, 66);
    assert_null(reportkey(line_str(""), "", one).p);
    assert_null(reportkey((struct impel_str){id, 65}, "m", one).p);
}

UNIT_MAIN(cmocka_unit_test(test_parts), cmocka_unit_test(test_what_is_attached),
    cmocka_unit_test(test_requests), cmocka_unit_test(test_meanings),
    cmocka_unit_test(test_addresses), cmocka_unit_test(test_contents),
    cmocka_unit_test(test_content_that_is_not_named),
    cmocka_unit_test(test_contents_that_are_none),
    cmocka_unit_test(test_fields), cmocka_unit_test(test_basic),
    cmocka_unit_test(test_digest), cmocka_unit_test(test_keys))
