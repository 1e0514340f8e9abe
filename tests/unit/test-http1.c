/* SPDX-License-Identifier: Apache-2.0
 *
 * test-http1.c - messages of HTTP/1.1: each one whole, octet by octet, and in
 * threes must come out alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http1.h"

enum { MOST = 40 };

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* All messages of a connection as one text: "METHOD TARGET fields|body|keep".
 */
static void
tell(const struct http1_message *m, enum http1_kind kind, char *to, size_t size)
{
    size_t n = strlen(to);

    if (kind == HTTP1_REQUEST)
        n += (size_t)snprintf(to + n, size - n, "%.*s %.*s", (int)m->method.n,
            m->method.p, (int)m->target.n, m->target.p);
    else
        n += (size_t)snprintf(to + n, size - n, "%d %.*s", m->status,
            (int)m->reason.n, m->reason.p);
    for (size_t i = 0; i < m->field_count; i++)
        n += (size_t)snprintf(to + n, size - n, " %.*s=%.*s",
            (int)m->field[i].key.n, m->field[i].key.p, (int)m->field[i].value.n,
            m->field[i].value.p);
    (void)snprintf(to + n, size - n, " |%.*s|%s\n", (int)m->body.n, m->body.p,
        m->keep ? "keep" : "close");
}

static void
tell_fault(const struct http1 *h, char *to, size_t size)
{
    int status;
    const char *why = http1_fault(h, &status);

    (void)snprintf(
        to + strlen(to), size - strlen(to), "BAD %d %s\n", status, why);
}

static void
run(enum http1_kind kind, const char *in, size_t n, size_t step, char *to,
    size_t size)
{
    struct http1 *h = http1_new(kind, MOST);
    enum http1_step at = HTTP1_MORE;
    bool head = false;

    assert_non_null(h);
    to[0] = '\0';
    for (size_t i = 0, end; i < n && at != HTTP1_BAD; i = end) {
        end = i + step < n ? i + step : n;
        for (size_t j = i; j < end && at != HTTP1_BAD;) {
            j += http1_feed(h, in + j, end - j, &at);
            if (at == HTTP1_HEAD) {
                assert_false(head);
                head = true;
            } else if (at == HTTP1_WHOLE) {
                tell(http1_read(h), kind, to, size);
                http1_next(h);
                assert_false(http1_has_begun(h));
                head = false;
            }
        }
    }
    if (at != HTTP1_BAD)
        at = http1_end(h);
    if (at == HTTP1_BAD)
        tell_fault(h, to, size);
    else if (at == HTTP1_WHOLE)
        tell(http1_read(h), kind, to, size);
    http1_free(h);
}

static void
alike(enum http1_kind kind, const char *in, const char *out)
{
    static const size_t steps[] = {100000, 1, 3};
    char to[4096];

    for (size_t i = 0; i < 3; i++) {
        run(kind, in, strlen(in), steps[i], to, sizeof(to));
        assert_string_equal(to, out);
    }
}

#define REQUEST(in, out) alike(HTTP1_REQUEST, in, out)
#define RESPONSE(in, out) alike(HTTP1_RESPONSE, in, out)
#define HOST "Host: a\r\n"

static void
requests(void **state)
{
    (void)state;
    REQUEST("", "");
    REQUEST("GET / HTTP/1.1\r\n" HOST "\r\n", "GET / Host=a ||keep\n");
    REQUEST("POST /x?y HTTP/1.1\r\nhost:\t a \r\ncontent-length: 3\r\n\r\nabc"
            "GET / HTTP/1.0\r\nEmpty:\r\n\r\n",
        "POST /x?y host=a content-length=3 |abc|keep\nGET / Empty= ||close\n");
    REQUEST("\r\nGET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n",
        "GET / Connection=x, Keep-Alive ||keep\n");
    REQUEST("GET / HTTP/1.1\r\n" HOST "Connection: x\r\nconnection: close\r\n"
            "\r\n",
        "GET / Host=a Connection=x connection=close ||close\n");
    REQUEST("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
        "POST / Host=a Content-Length=0 ||keep\n");
}

static void
chunks(void **state)
{
    (void)state;
    REQUEST("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
            "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
            "GET / HTTP/1.1\r\n" HOST "\r\n",
        "POST / Host=a Transfer-Encoding=Chunked |abc0123456789|keep\n"
        "GET / Host=a ||keep\n");
    RESPONSE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "200 OK Transfer-Encoding=chunked ||keep\n");
}

#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static void
bad_chunks(void **state)
{
    (void)state;
    REQUEST(CHUNKED "\r\n", "BAD 400 a chunk without a size\n");
    REQUEST(CHUNKED "x\r\n", "BAD 400 a chunk without a size\n");
    REQUEST(CHUNKED "-1\r\n", "BAD 400 a chunk without a size\n");
    REQUEST(CHUNKED "1 2\r\n", "BAD 400 a chunk without a size\n");
    REQUEST(CHUNKED "0000000000000001\r\na\r\n",
        "BAD 400 a chunk without a size\n");
    REQUEST(CHUNKED "29\r\n", "BAD 413 the body is larger than is allowed\n");
    REQUEST(CHUNKED "fffffffffffffff\r\n",
        "BAD 413 the body is larger than is allowed\n");
    REQUEST(CHUNKED "28\r\n0123456789012345678901234567890123456789\r\n1\r\n",
        "BAD 413 the body is larger than is allowed\n");
    REQUEST(CHUNKED "1\nabc", "BAD 400 a line ends in a bare LF\n");
    REQUEST(CHUNKED "1\r\nab\r\n", "BAD 400 a chunk is longer than its size\n");
    REQUEST(CHUNKED "1\r\na\r\n0\r\nx y: z\r\n",
        "BAD 400 a line that is no field\n");
    REQUEST(CHUNKED "1\r\na",
        "BAD 400 the connection has ended within a message\n");
}

static void
responses(void **state)
{
    (void)state;
    RESPONSE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
             "HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n",
        "200 OK Content-Length=2 |hi|keep\n401  Content-Length=0 ||keep\n");
    RESPONSE("HTTP/1.0 500\r\n\r\nall the rest", "500  |all the rest|close\n");
    RESPONSE("HTTP/1.1 200 OK\r\n\r\n", "200 OK ||close\n");
    RESPONSE("HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
        "204 None ||keep\n");
    RESPONSE("HTTP/1.1 304 No\r\nContent-Length: 9999\r\n\r\n"
             "HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        "304 No Content-Length=9999 ||keep\n"
        "304 No Transfer-Encoding=chunked ||keep\n");
    RESPONSE("HTTP/1.1 200 OK\r\n\r\n01234567890123456789012345678901234567890",
        "BAD 413 the body is larger than is allowed\n");
    RESPONSE("HTTP/1.1 101 X\r\n", "BAD 400 a status that no answer has\n");
    RESPONSE("HTTP/1.1 099 X\r\n", "BAD 400 a status that no answer has\n");
    RESPONSE("HTTP/1.1 2000\r\n", "BAD 400 no status line\n");
    RESPONSE("HTTP/2.0 200 OK\r\n", "BAD 505 another version of HTTP\n");
    RESPONSE("ICY 200 Okay, then\r\n", "BAD 400 no version of HTTP\n");
    RESPONSE("220 hello\r\n", "BAD 400 no status line\n");
}

/* What one reader takes for one thing and the next for another. */
static void
smuggling(void **state)
{
    (void)state;
#define LINE "POST / HTTP/1.1\r\n"
    REQUEST(LINE HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "BAD 400 both Content-Length and Transfer-Encoding\n");
    REQUEST(LINE HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "BAD 400 Content-Length twice\n");
    REQUEST(LINE HOST "Content-Length: 1, 1\r\n\r\n",
        "BAD 400 Content-Length is no number\n");
    REQUEST(LINE HOST "Content-Length: +1\r\n\r\n",
        "BAD 400 Content-Length is no number\n");
    REQUEST(LINE HOST "Content-Length:\r\n\r\n",
        "BAD 400 Content-Length is no number\n");
    REQUEST(LINE HOST "Content-Length: 18446744073709551617\r\n\r\n",
        "BAD 400 Content-Length is no number\n");
    REQUEST(LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
        "BAD 501 another Transfer-Encoding than chunked\n");
    REQUEST(LINE HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"
                      "\r\n",
        "BAD 501 another Transfer-Encoding than chunked\n");
    REQUEST("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "BAD 400 Transfer-Encoding in HTTP/1.0\n");
    REQUEST(LINE "Host: a\nX: y\r\n\r\n", "BAD 400 a line ends in a bare LF\n");
    REQUEST(LINE "Host: a\rX: y\r\n\r\n", "BAD 400 a bare CR in a line\n");
    REQUEST(LINE "X: y\r\n z\r\n", "BAD 400 a folded field\n");
    REQUEST(LINE "X : y\r\n", "BAD 400 a line that is no field\n");
    REQUEST(LINE ": y\r\n", "BAD 400 a line that is no field\n");
    REQUEST(LINE "X: \x01\r\n", "BAD 400 a control octet in a line\n");
    REQUEST(LINE HOST HOST "\r\n", "BAD 400 not one field Host\n");
    REQUEST(LINE "\r\n", "BAD 400 not one field Host\n");
}

static void
bad_requests(void **state)
{
    (void)state;
    REQUEST("GET\r\n", "BAD 400 no request line\n");
    REQUEST("GET /\r\n", "BAD 400 no request line\n");
    REQUEST("GET  HTTP/1.1\r\n", "BAD 400 no request line\n");
    REQUEST("G,T / HTTP/1.1\r\n", "BAD 400 no request line\n");
    REQUEST("GET / x HTTP/1.1\r\n", "BAD 400 no version of HTTP\n");
    REQUEST("GET /\xe9 HTTP/1.1\r\n", "BAD 400 the target is no URI\n");
    REQUEST("GET / HTTP/3.1\r\n", "BAD 505 another version of HTTP\n");
    REQUEST("\r\n\r\nGET / HTTP/1.1\r\n", "BAD 400 no request line\n");
    REQUEST("GET / HTTP/1.1\r\n",
        "BAD 400 the connection has ended within a message\n");
    REQUEST("POST / HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n",
        "BAD 413 the body is larger than is allowed\n");
}

static const char *
fault_of(enum http1_kind kind, const char *in, size_t n, int *status)
{
    struct http1 *h = http1_new(kind, MOST);
    enum http1_step at = HTTP1_MORE;
    const char *why;

    for (size_t i = 0; i < n;) {
        i += http1_feed(h, in + i, n - i, &at);
        if (at == HTTP1_BAD)
            break;
    }
    why = at == HTTP1_BAD ? http1_fault(h, status) : NULL;
    http1_free(h);
    return why;
}

static void
limits(void **state)
{
    char in[HTTP1_HEAD_MOST + 400];
    size_t n;
    int status = 0;

    (void)state;
    memset(in, 'a', sizeof(in));
    memcpy(in, "GET /", 5);
    assert_string_equal(fault_of(HTTP1_REQUEST, in, sizeof(in), &status),
        "the fields are larger than is allowed");
    assert_int_equal(status, 431);
    memcpy(in + 6 + HTTP1_TARGET_MOST, " HTTP/1.1\r\n", 11);
    assert_string_equal(fault_of(HTTP1_REQUEST, in, sizeof(in), &status),
        "the target is too long");
    assert_int_equal(status, 414);
    n = (size_t)snprintf(in, sizeof(in), "GET / HTTP/1.1\r\n");
    for (int i = 0; i < HTTP1_FIELDS_MOST; i++)
        n += (size_t)snprintf(in + n, sizeof(in) - n, "a: b\r\n");
    assert_null(fault_of(HTTP1_REQUEST, in, n, &status));
    n += (size_t)snprintf(in + n, sizeof(in) - n, "a: b\r\n");
    assert_string_equal(
        fault_of(HTTP1_REQUEST, in, n, &status), "too many fields");
    n = (size_t)snprintf(in, sizeof(in), "%s1;", CHUNKED);
    memset(in + n, 'a', 300);
    assert_string_equal(fault_of(HTTP1_REQUEST, in, n + 300, &status),
        "the line before a chunk is too long");
    n = 0;
    for (int i = 0; i <= HTTP1_INTERIM_MOST; i++)
        n += (size_t)snprintf(in + n, sizeof(in) - n, "HTTP/1.1 102 x\r\n\r\n");
    assert_string_equal(
        fault_of(HTTP1_RESPONSE, in, n, &status), "too many interim answers");
}

/* A head that fills its buffer still has room for chunks. */
static void
full_head(void **state)
{
    char in[HTTP1_HEAD_MOST + 400];
    struct http1 *h = http1_new(HTTP1_REQUEST, MOST);
    enum http1_step at;
    size_t n = (size_t)snprintf(in, sizeof(in),
               "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nX: "),
           lines = 3;

    (void)state;
    while (n < HTTP1_HEAD_MOST + 2 * lines)
        in[n++] = 'a';
    n += (size_t)snprintf(in + n, sizeof(in) - n, "\r\n\r\n");
    assert_int_equal(http1_feed(h, in, n, &at), n);
    assert_int_equal(at, HTTP1_HEAD);
    (void)http1_feed(h, "1;abc\r\nx\r\n0\r\n\r\n", 17, &at);
    assert_int_equal(at, HTTP1_WHOLE);
    assert_int_equal(http1_read(h)->body.n, 1);
    http1_free(h);
}

static void
words(void **state)
{
    static const char in[] = "GET / HTTP/1.1\r\n" HOST
                             "Expect: 100-Continue\r\nA: x,  y \r\na: z\r\n"
                             "Content-Length: 1\r\n\r\n";
    struct http1 *h = http1_new(HTTP1_REQUEST, MOST);
    const struct http1_message *m = http1_read(h);
    enum http1_step at;

    (void)state;
    assert_int_equal(http1_feed(h, in, sizeof(in) - 1, &at), sizeof(in) - 1);
    assert_int_equal(at, HTTP1_HEAD);
    assert_true(m->expects);
    assert_int_equal(http1_field(m, "EXPECT").n, 12);
    assert_null(http1_field(m, "Expec").p);
    assert_true(http1_has_word(m, "A", "Y"));
    assert_true(http1_has_word(m, "A", "z"));
    assert_false(http1_has_word(m, "A", ""));
    assert_false(http1_has_word(m, "B", "z"));
    http1_free(h);
}

static void
heads(void **state)
{
    char to[200];
    struct http1_out o = {to, sizeof(to), 0, false};

    (void)state;
    http1_put_request(&o, "POST", str("/mms"), str("[::1]:80"));
    http1_put_field(&o, "SOAPAction", str("\"\""));
    http1_put_end(&o, 1234567);
    assert_false(o.bad);
    to[o.n] = '\0';
    assert_string_equal(to,
        "POST /mms HTTP/1.1\r\nHost: [::1]:80\r\n"
        "SOAPAction: \"\"\r\n"
        "Content-Length: 1234567\r\n\r\n");
    o.n = 0;
    http1_put_status(&o, 404);
    http1_put_end(&o, 0);
    to[o.n] = '\0';
    assert_string_equal(
        to, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

static void
bad_heads(void **state)
{
    char to[60];
    struct http1_out o = {to, sizeof(to), 0, false};

    (void)state;
    http1_put_field(&o, "X", str("a\r\nY: b"));
    assert_true(o.bad);
    o = (struct http1_out){to, sizeof(to), 0, false};
    http1_put_request(&o, "GET", str("/a b"), str("h"));
    assert_true(o.bad);
    o = (struct http1_out){to, sizeof(to), 0, false};
    http1_put_request(&o, "GET", str("/"), str("h\tx"));
    assert_true(o.bad);
    o = (struct http1_out){to, sizeof(to), 0, false};
    http1_put_request(&o, "GET", str(""), str("h"));
    assert_true(o.bad);
    o = (struct http1_out){to, sizeof(to), 0, false};
    http1_put_request(
        &o, "GET", str("/0123456789012345678901234567890123456789"), str("h"));
    assert_true(o.bad);
    assert_true(o.n <= sizeof(to));
}

/* Of one whose body nobody wants nothing is kept; what follows is as ever. */
static void
dropped(void **state)
{
    static const char all[] =
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy"
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "20\r\n01234567890123456789012345678901\r\n9\r\n";
    struct http1 *h = http1_new(HTTP1_REQUEST, MOST);
    enum http1_step at;
    size_t n = strlen(all), used = 0;
    int status;

    (void)state;
    assert_non_null(h);
    for (int i = 0; i < 3; i++) {
        used += http1_feed(h, all + used, n - used, &at);
        assert_int_equal(at, HTTP1_HEAD);
        if (i != 1)
            http1_drop(h);
        do
            used += http1_feed(h, all + used, n - used, &at);
        while (at == HTTP1_MORE && used < n);
        if (i == 2)
            break;
        assert_int_equal(at, HTTP1_WHOLE);
        assert_int_equal(http1_read(h)->body.n, i == 1 ? 2 : 0);
        assert_true(http1_read(h)->keep);
        http1_next(h);
    }
    assert_int_equal(at, HTTP1_BAD);
    (void)http1_fault(h, &status);
    assert_int_equal(status, 413);
    http1_free(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests),
        cmocka_unit_test(chunks), cmocka_unit_test(bad_chunks),
        cmocka_unit_test(responses), cmocka_unit_test(smuggling),
        cmocka_unit_test(bad_requests), cmocka_unit_test(limits),
        cmocka_unit_test(full_head), cmocka_unit_test(words),
        cmocka_unit_test(heads), cmocka_unit_test(bad_heads),
        cmocka_unit_test(dropped)};

    return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
