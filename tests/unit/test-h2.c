/* SPDX-License-Identifier: Apache-2.0
 *
 * test-h2.c - HTTP/2 as a client, with a server in the same program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "h2.h"

/* --- the host: two pipes in memory --- */

enum { PIPE = 1 << 20, MARKS = 64 };
static char to_client[PIPE], to_server[PIPE];
static size_t to_client_n, to_server_n, to_server_room;
static const char *tls_version, *tls_alpn;

static struct impel_str
host_input(struct impel_session *s)
{
    (void)s;
    return (struct impel_str){to_client, to_client_n};
}

static void
host_consume(struct impel_session *s, size_t n)
{
    (void)s;
    assert_true(n <= to_client_n);
    memmove(to_client, to_client + n, to_client_n - n);
    to_client_n -= n;
}

static int
host_write(struct impel_session *s, const void *p, size_t n)
{
    (void)s;
    if (n > to_server_room - to_server_n)
        return IMPEL_E_FULL;
    memcpy(to_server + to_server_n, p, n);
    to_server_n += n;
    return 0;
}

static struct impel_str
host_info(struct impel_session *s, int what)
{
    const char *z = what == IMPEL_INFO_ALPN ? tls_alpn
        : what == IMPEL_INFO_TLS_VERSION    ? tls_version
                                            : NULL;

    (void)s;
    return (struct impel_str){z, z ? strlen(z) : 0};
}

static const struct impel_host host = {.size = sizeof(host),
    .input = host_input,
    .consume = host_consume,
    .write = host_write,
    .info = host_info};

/* --- the server --- */

static nghttp2_session *server;
static int32_t asked[4096]; /* streams whose request is whole */
static size_t asked_n;
static size_t asked_octets;
static char asked_path[100], asked_secret[100];

static int
server_frame(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
    (void)ng, (void)arg;
    if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
        f->hd.flags & NGHTTP2_FLAG_END_STREAM)
        asked[asked_n++] = f->hd.stream_id;
    return 0;
}

static int
server_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p,
    size_t n, void *arg)
{
    (void)ng, (void)flags, (void)id, (void)p, (void)arg;
    asked_octets += n;
    return 0;
}

static int
server_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
    void *arg)
{
    char *to = name_n == 5 && memcmp(name, ":path", 5) == 0 ? asked_path
        : name_n == 6 && memcmp(name, "secret", 6) == 0     ? asked_secret
                                                            : NULL;

    (void)ng, (void)f, (void)flags, (void)arg;
    if (to) {
        assert_true(value_n < 100);
        memcpy(to, value, value_n);
        to[value_n] = '\0';
    }
    return 0;
}

static void
server_begin(uint32_t streams)
{
    nghttp2_session_callbacks *c;
    nghttp2_settings_entry e = {
        NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};

    assert_int_equal(nghttp2_session_callbacks_new(&c), 0);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, server_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, server_data);
    nghttp2_session_callbacks_set_on_header_callback(c, server_header);
    assert_int_equal(nghttp2_session_server_new(&server, c, NULL), 0);
    nghttp2_session_callbacks_del(c);
    assert_int_equal(nghttp2_submit_settings(server, 0, &e, 1), 0);
}

static void
server_settings(uint32_t streams)
{
    nghttp2_settings_entry e = {
        NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};

    assert_int_equal(nghttp2_submit_settings(server, 0, &e, 1), 0);
}

static void
server_turn(void)
{
    const uint8_t *p;
    ssize_t n;

    n = nghttp2_session_mem_recv(
        server, (const uint8_t *)to_server, to_server_n);
    assert_true(n == (ssize_t)to_server_n);
    to_server_n = 0;
    while ((n = nghttp2_session_mem_send(server, &p)) > 0) {
        assert_true((size_t)n <= PIPE - to_client_n);
        memcpy(to_client + to_client_n, p, (size_t)n);
        to_client_n += (size_t)n;
    }
}

static const char *say;
static size_t say_n;

static ssize_t
say_read(nghttp2_session *ng, int32_t id, uint8_t *to, size_t n,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    size_t *at = source->ptr;

    (void)ng, (void)id, (void)arg;
    if (n > say_n - *at)
        n = say_n - *at;
    memcpy(to, say + *at, n);
    *at += n;
    if (*at == say_n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

#define NV(n, v) \
    { \
        (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), \
            strlen(v), 0 \
    }

static size_t said_at;

static void
server_says(int32_t id, const char *status, const char *body)
{
    nghttp2_nv nv[] = {
        NV(":status", status), NV("apns-id", "ABC"), NV("retry-after", "7")};
    nghttp2_data_provider p = {{.ptr = &said_at}, say_read};

    say = body;
    say_n = body ? strlen(body) : 0;
    said_at = 0;
    assert_int_equal(
        nghttp2_submit_response(server, id, nv, 3, body ? &p : NULL), 0);
    server_turn();
}

/* --- the client --- */

static struct h2 *h;
static uint32_t room;
static int rooms, goaways, pongs;
static struct told {
    int count;
    enum h2_end end;
    int status;
    uint32_t error;
    char body[100];
    size_t body_n;
    int64_t retry;
    bool too_large;
} told[MARKS];
static bool again; /* each answer makes a request */

static int32_t
ask(int mark, const char *body)
{
    struct h2_field field[] = {
        {{"secret", 6}, {"me", 2}, false}, {{"x-n", 3}, {"1", 1}, true}};
    struct h2_request r = {.method = {"POST", 4},
        .scheme = {"https", 5},
        .authority = {"a.test", 6},
        .path = {"/3/device/00", 12},
        .field = field,
        .field_count = 2,
        .body = {body, strlen(body)}};

    return h2_request(h, &r, &told[mark]);
}

static void
client_answer(void *arg, void *mark, const struct h2_answer *a)
{
    struct told *t = mark;

    assert_ptr_equal(arg, &host);
    t->count++;
    t->end = a->end;
    t->status = a->status;
    t->error = a->error;
    t->too_large = a->too_large;
    t->body_n = a->body.n;
    (void)snprintf(t->body, sizeof(t->body), "%.*s", (int)a->body.n, a->body.p);
    t->retry = h2_retry_after(a, 0);
    if (a->status == 200 && !a->too_large && a->end == H2_ANSWERED)
        assert_memory_equal(h2_header(a, "apns-id").p, "ABC", 3);
    assert_null(h2_header(a, "none").p);
    if (again)
        assert_true(ask(MARKS - 1, "more") > 0);
}

static void
client_room(void *arg, uint32_t streams)
{
    (void)arg;
    room = streams;
    rooms++;
}

static void
client_goaway(void *arg, uint32_t error, struct impel_str words)
{
    (void)arg, (void)error;
    assert_true(words.n < 100);
    goaways++;
}

static void
client_pong(void *arg)
{
    (void)arg;
    pongs++;
}

static const struct h2_calls calls = {
    client_answer, client_room, client_goaway, client_pong};

/* Until nothing moves. */
static void
turn(void)
{
    const char *why = NULL;

    for (int i = 0; i < 20; i++) {
        assert_int_equal(h2_flush(h), 0);
        server_turn();
        assert_int_equal(h2_input(h, &why), 0);
    }
}

static int
begin(void **state)
{
    (void)state;
    to_client_n = to_server_n = asked_n = asked_octets = 0;
    to_server_room = PIPE;
    rooms = goaways = pongs = 0;
    again = false;
    memset(told, 0, sizeof(told));
    tls_version = "TLS1.3";
    tls_alpn = "h2";
    server_begin(100);
    h = h2_new(&host, NULL, &calls, (void *)(uintptr_t)&host);
    assert_non_null(h);
    turn();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    h2_free(h);
    nghttp2_session_del(server);
    return 0;
}

static void
answers(void **state)
{
    (void)state;
    assert_int_equal(rooms, 1);
    assert_int_equal(room, 100);
    assert_true(ask(0, "{\"aps\":1}") > 0);
    turn();
    assert_true(ask(1, "") > 0);
    turn();
    assert_int_equal(asked_n, 2);
    assert_int_equal(asked_octets, 9);
    assert_string_equal(asked_path, "/3/device/00");
    assert_string_equal(asked_secret, "me");
    assert_int_equal(h2_open(h), 2);
    server_says(asked[1], "410", "{\"reason\":\"Unregistered\"}");
    turn();
    assert_int_equal(told[1].count, 1);
    assert_int_equal(told[1].end, H2_ANSWERED);
    assert_int_equal(told[1].status, 410);
    assert_string_equal(told[1].body, "{\"reason\":\"Unregistered\"}");
    assert_int_equal(told[1].retry, 7000);
    assert_int_equal(told[0].count, 0);
    again = true;
    server_says(asked[0], "200", NULL);
    turn();
    again = false;
    assert_int_equal(told[0].count, 1);
    assert_int_equal(told[0].status, 200);
    assert_int_equal(asked_n, 3);
    h2_ping(h);
    turn();
    assert_int_equal(pongs, 1);
    assert_int_equal(h2_open(h), 1);
    h2_end(h);
    assert_int_equal(told[MARKS - 1].end, H2_BROKEN);
    assert_int_equal(h2_flush(h), IMPEL_E_CLOSED);
}

/* Those that have no place wait here, in order. */
static void
streams(void **state)
{
    (void)state;
    server_settings(1);
    turn();
    assert_int_equal(room, 1);
    for (int i = 0; i < 5; i++)
        assert_true(ask(i, "x") > 0);
    turn();
    assert_int_equal(asked_n, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(asked_n, i + 1);
        server_says(asked[i], "200", NULL);
        turn();
        assert_int_equal(told[i].count, 1);
    }
    server_settings(0);
    turn();
    assert_int_equal(room, 0);
    assert_true(ask(5, "x") > 0);
    turn();
    assert_int_equal(asked_n, 5);
    server_settings(70000);
    turn();
    assert_int_equal(room, H2_STREAMS_MOST);
    assert_int_equal(asked_n, 6);
}

static void
goaway(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(ask(i, "x") > 0);
    turn();
    server_settings(3);
    turn();
    assert_true(ask(3, "waits") > 0);
    assert_int_equal(asked_n, 3);
    (void)nghttp2_submit_goaway(
        server, 0, asked[1], NGHTTP2_NO_ERROR, (const uint8_t *)"Shutdown", 8);
    turn();
    assert_int_equal(goaways, 1);
    assert_int_equal(told[0].count, 0);
    assert_int_equal(told[2].count, 1);
    assert_int_equal(told[2].end, H2_UNTOUCHED);
    assert_int_equal(told[3].count, 1);
    assert_int_equal(told[3].end, H2_UNTOUCHED);
    assert_int_equal(ask(4, "x"), IMPEL_E_CLOSED);
    assert_false(h2_is_over(h));
    server_says(asked[0], "200", NULL);
    turn();
    assert_int_equal(told[0].end, H2_ANSWERED);
    h2_end(h);
    assert_int_equal(told[1].count, 1);
    assert_int_equal(told[1].end, H2_BROKEN);
    assert_int_equal(told[2].count, 1);
    assert_int_equal(h2_open(h), 0);
}

static void
resets(void **state)
{
    nghttp2_nv early[] = {NV(":status", "103")};
    nghttp2_nv half[] = {NV(":status", "200")};
    int32_t id;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_true((id = ask(i, "x")) > 0);
    turn();
    (void)nghttp2_submit_rst_stream(
        server, 0, asked[0], NGHTTP2_REFUSED_STREAM);
    (void)nghttp2_submit_rst_stream(
        server, 0, asked[1], NGHTTP2_INTERNAL_ERROR);
    (void)nghttp2_submit_headers(server, 0, asked[2], NULL, early, 1, NULL);
    (void)nghttp2_submit_headers(server, 0, asked[2], NULL, half, 1, NULL);
    turn();
    assert_int_equal(told[0].end, H2_UNTOUCHED);
    assert_int_equal(told[1].end, H2_BROKEN);
    assert_int_equal(told[1].error, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(told[2].count, 0);
    assert_true(h2_forget(h, id));
    turn();
    assert_int_equal(told[3].count, 0);
    h2_end(h); /* half an answer is none */
    assert_int_equal(told[2].end, H2_BROKEN);
    assert_int_equal(told[2].status, 200);
    assert_int_equal(told[3].count, 0);
}

/* Of what waits here the server never hears. */
static void
forgotten(void **state)
{
    int32_t first, second;

    (void)state;
    server_settings(1);
    turn();
    assert_true((first = ask(0, "x")) > 0);
    assert_true((second = ask(1, "x")) > 0);
    turn();
    assert_false(h2_forget(h, second));
    assert_true(h2_forget(h, first));
    assert_true(h2_forget(h, first + 100));
    turn();
    assert_int_equal(asked_n, 1);
    assert_int_equal(h2_open(h), 0);
    assert_int_equal(told[0].count + told[1].count, 0);
}

static void
huge_answers(void **state)
{
    char *big = malloc(H2_BODY_MOST + 2);
    nghttp2_nv nv[H2_HEADERS_MOST + 2];

    (void)state;
    assert_non_null(big);
    memset(big, 'a', H2_BODY_MOST + 1);
    big[H2_BODY_MOST + 1] = '\0';
    assert_true(ask(0, "x") > 0);
    assert_true(ask(1, "x") > 0);
    assert_true(ask(2, "x") > 0);
    turn();
    server_says(asked[0], "500", big);
    turn();
    assert_int_equal(told[0].end, H2_ANSWERED);
    assert_int_equal(told[0].status, 500);
    assert_true(told[0].too_large);
    assert_int_equal(told[0].body_n, 0);
    server_says(asked[1], "200", big + 1);
    turn();
    assert_int_equal(told[1].body_n, H2_BODY_MOST);
    assert_false(told[1].too_large);
    for (int i = 0; i < H2_HEADERS_MOST + 2; i++)
        nv[i] = (nghttp2_nv)NV("x-a", "b");
    nv[0] = (nghttp2_nv)NV(":status", "200");
    (void)nghttp2_submit_response(
        server, asked[2], nv, H2_HEADERS_MOST + 2, NULL);
    turn();
    assert_int_equal(told[2].count, 1);
    assert_true(told[2].too_large);
    free(big);
}

static void
back_pressure(void **state)
{
    char *big = malloc(60001);
    const char *why;

    (void)state;
    assert_non_null(big);
    memset(big, 'a', 60000);
    big[60000] = '\0';
    to_server_room = 40000;
    assert_true(ask(0, big) > 0);
    assert_int_equal(h2_flush(h), IMPEL_E_FULL);
    assert_int_equal(h2_flush(h), IMPEL_E_FULL);
    for (int i = 0; i < 10; i++) {
        server_turn();
        assert_int_equal(h2_input(h, &why), 0);
        (void)h2_flush(h);
    }
    assert_int_equal(asked_n, 1);
    assert_int_equal(asked_octets, 60000);
    free(big);
}

static void
no_http2(void **state)
{
    static const char *const says[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
        "+OK an answer of another protocol\r\n", "220 mx.test ESMTP\r\n"};
    const char *why;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int rc = 0;

        h2_free(h);
        h = h2_new(&host, NULL, &calls, (void *)(uintptr_t)&host);
        to_client_n = strlen(says[i]);
        memcpy(to_client, says[i], to_client_n);
        rc = h2_input(h, &why);
        if (rc == 0) { /* it says so to the peer first */
            to_server_n = 0;
            assert_int_equal(h2_flush(h), 0);
        }
        assert_true(rc == IMPEL_E_INVAL || h2_is_over(h));
        to_client_n = to_server_n = 0;
    }
    assert_null(h2_fault(&host, NULL));
    tls_alpn = NULL;
    assert_non_null(strstr(h2_fault(&host, NULL), "ALPN"));
    tls_alpn = "http/1.1";
    assert_non_null(strstr(h2_fault(&host, NULL), "ALPN"));
    tls_version = "TLS1.1";
    assert_non_null(strstr(h2_fault(&host, NULL), "1.2"));
    tls_version = NULL;
    assert_non_null(strstr(h2_fault(&host, NULL), "no TLS"));
}

/* What a stranger wrote makes no second field. */
static void
bad_fields(void **state)
{
    struct h2_field f = {{"x-a", 3}, {"b\r\nx: y", 7}, false};
    struct h2_request r = {.method = {"POST", 4},
        .scheme = {"https", 5},
        .authority = {"a.test", 6},
        .path = {"/", 1},
        .field = &f,
        .field_count = 1};

    (void)state;
    assert_int_equal(h2_request(h, &r, NULL), IMPEL_E_INVAL);
    f.value = (struct impel_str){"b", 1};
    f.name = (struct impel_str){"X-A", 3};
    assert_int_equal(h2_request(h, &r, NULL), IMPEL_E_INVAL);
    f.name = (struct impel_str){"x-a", 3};
    r.path = (struct impel_str){"/ b", 3};
    assert_int_equal(h2_request(h, &r, NULL), IMPEL_E_INVAL);
    r.path = (struct impel_str){"/b", 2};
    assert_true(h2_request(h, &r, NULL) > 0);
}

static int64_t
retry(const char *value, int64_t wall)
{
    struct impel_pair p = {{"retry-after", 11}, {value, strlen(value)}};
    struct h2_answer a = {.header = &p, .header_count = 1};

    return h2_retry_after(&a, wall);
}

static void
retry_after(void **state)
{
    struct h2_answer none = {.status = 200};

    (void)state;
    assert_int_equal(h2_retry_after(&none, 0), -1);
    assert_int_equal(retry("0", 0), 0);
    assert_int_equal(retry("120", 0), 120000);
    assert_int_equal(retry("99999999999999999999", 0), 86400000);
    assert_int_equal(retry("12x", 0), -1);
    assert_int_equal(retry("-1", 0), -1);
    assert_int_equal(retry("", 0), -1);
    assert_int_equal(
        retry("Sun, 06 Nov 1994 08:49:37 GMT", 784111767000), 10000);
    assert_int_equal(retry("Sun, 06 Nov 1994 08:49:37 GMT", 784111777001), 0);
    assert_int_equal(retry("Sun, 06 Nov 1994 08:49:37", 0), -1);
}

/* Few words, many frames that want an answer: we hang up. */
static void
floods(void **state)
{
    static const char ping[] = "\0\0\x08\6\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const char *why = NULL;
    int rc = 0;

    (void)state;
    to_server_room = 0;
    for (int i = 0; i < 5000 && rc == 0; i++) {
        memcpy(to_client, ping, 17);
        to_client_n = 17;
        rc = h2_input(h, &why);
    }
    assert_int_equal(rc, IMPEL_E_INVAL);
    assert_non_null(why);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {TEST(answers), TEST(streams),
        TEST(goaway), TEST(resets), TEST(forgotten), TEST(huge_answers),
        TEST(back_pressure), TEST(no_http2), TEST(bad_fields),
        TEST(retry_after), TEST(floods)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
