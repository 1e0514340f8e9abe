/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "certificates.h"
#include "fake_dns.h"
#include "net/accept.h"
#include "net/conn.h"
#include "net/fetch.h"

/* A server of HTTPS in the loop of the test, and what it was asked. */
struct world;
struct peer {
    struct world *world;
    struct conn *conn;
    size_t seen;
};
struct world {
    struct loop *loop;
    struct dns *dns;
    struct fetcher *fetcher;
    struct acceptor *acceptor;
    uint16_t port;
    const char *certificate; /* NULL: no TLS, and silent */
    const char *answer;      /* NULL: nothing */
    struct peer peer[16];
    size_t peers;
    struct buf asked;
    /* the last answer */
    int answers;
    enum fetch_outcome outcome;
    int status;
    struct buf type, body, error;
};

static char *folder;

static void
on_event(void *arg, struct conn *c, enum conn_event event, int error)
{
    struct peer *p = arg;
    struct world *w = p->world;
    struct str in = conn_input(c);

    (void)error;
    if (event != CONN_INPUT || !w->certificate)
        return;
    buf_str(&w->asked, str_from(in, p->seen));
    p->seen = in.n;
    if (!w->answer || str_find(in, STR("\r\n\r\n"), 0) == SIZE_MAX)
        return;
    if (str_starts(in, STR("POST")) && !str_ends(in, STR("END")))
        return;
    conn_consume(c, in.n);
    p->seen = 0;
    (void)conn_write(c, w->answer, strlen(w->answer)); /* it may have left */
    conn_finish(&p->conn, clock_mono() + 2000);
}

static void
on_accept(
    void *arg, int fd, const struct netaddr *peer, const struct netaddr *local)
{
    struct world *w = arg;
    struct peer *p = &w->peer[w->peers++];
    struct err e = {0};
    struct tls_params params = {.server = true, .priority = "NORMAL"};

    assert_true(w->peers <= ARRAY_SIZE(w->peer));
    p->world = w;
    p->conn = conn_accepted(w->loop, fd, peer, local, on_event, p);
    if (!w->certificate)
        return;
    params.certificate =
        str_of(certificates_path(folder, w->certificate, "pem"));
    assert_int_equal(conn_secure(p->conn, &params, 5000, &e), 0);
}

static void
setup_with(struct world *w, const struct fetch_limits *limits)
{
    struct accept_config c = {.backlog = 16};
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct netaddr at;
    struct err e = {0};
    int fd;

    memset(w, 0, sizeof(*w));
    fake_dns_reset();
    w->certificate = "host";
    w->answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                "Content-Length: 5\r\n\r\nhello";
    w->loop = loop_new("test", &e);
    w->dns = dns_new(w->loop, &(struct dns_config){0}, &e);
    assert_int_equal(netaddr_parse(STR("127.0.0.1"), true, &c.at, &e), 0);
    assert_int_equal(accept_open(&c, &fd, &e), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&ss, &n), 0);
    netaddr_from_sockaddr(&at, (struct sockaddr *)(void *)&ss);
    w->port = at.port;
    w->acceptor = acceptor_new(w->loop, fd, on_accept, w);
    w->fetcher = fetcher_new(w->dns, w->loop, limits, &e);
    assert_non_null(w->fetcher);
    fetcher_set_ca(w->fetcher, str_of(certificates_path(folder, "ca", "crt")));
    assert_int_equal(fetcher_start(w->fetcher, &e), 0);
    fake_dns_add("host.example", DNS_A, 60, 0, "127.0.0.1");
    fake_dns_say("host.example", DNS_AAAA, DNS_NODATA);
}

static void
setup(struct world *w)
{
    setup_with(w, NULL);
}

static void
teardown(struct world *w)
{
    fetcher_stop(w->fetcher);
    for (size_t i = 0; i < w->peers; i++)
        conn_free(&w->peer[i].conn);
    acceptor_free(&w->acceptor);
    for (int i = 0; i < 3; i++)
        loop_turn(w->loop, 0);
    fetcher_free(&w->fetcher);
    conn_drop_finishing(w->loop);
    dns_free(&w->dns);
    loop_free(&w->loop);
    buf_fini(&w->asked);
    buf_fini(&w->type);
    buf_fini(&w->body);
    buf_fini(&w->error);
}

static void
on_done(void *arg, const struct fetch_answer *a)
{
    struct world *w = arg;

    w->answers++;
    w->outcome = a->outcome;
    w->status = a->status;
    buf_cut(&w->type, 0);
    buf_cut(&w->body, 0);
    buf_cut(&w->error, 0);
    buf_str(&w->type, a->type.p ? a->type : STR("-"));
    buf_str(&w->body, a->body);
    buf_cstr(&w->error, a->error);
}

static void
wait_for(struct world *w, int answers)
{
    int64_t end = clock_mono() + 10000;

    while (w->answers < answers && clock_mono() < end)
        loop_turn(w->loop, 20);
    assert_int_equal(w->answers, answers);
}

static char url[256];

static struct fetch_request
request(struct world *w, const char *host, const char *path)
{
    struct buf b = BUF_INIT;

    buf_printf(&b, "https://%s:%u%s", host, w->port, path);
    (void)str_copy(url, sizeof(url), buf_get(&b));
    buf_fini(&b);
    return (struct fetch_request){.url = url, .timeout_ms = 5000, .most = 1000};
}

static struct fetch *
begin(struct world *w, const struct fetch_request *r)
{
    struct err e = {0};
    struct fetch *f = fetch_begin(w->fetcher, w->loop, r, on_done, w, &e);

    assert_non_null(f);
    return f;
}

static enum fetch_outcome
get(struct world *w, const char *host)
{
    struct fetch_request r = request(w, host, "/x");

    (void)begin(w, &r);
    wait_for(w, w->answers + 1);
    return w->outcome;
}

static void
test_url(void **state)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
    } rows[] = {{"https://a.example/x?y=1", "a.example", 443},
        {"HTTPS://a.example:8443", "a.example", 8443},
        {"https://[::1]:1/", "::1", 1},
        {"https://127.0.0.1/", "127.0.0.1", 443},
        {"http://a.example/", NULL, 0}, {"file:///etc/passwd", NULL, 0},
        {"https://u:p@a.example/", NULL, 0}, {"https://", NULL, 0},
        {"https://a.example/ x", NULL, 0},
        {"https://a.example/\r\nX: y", NULL, 0},
        {"https://a.example:0/", NULL, 0},
        {"https://a.example:65536/", NULL, 0},
        {"https://a.example/#f", NULL, 0},
        {"https://b\303\274.example/", NULL, 0},
        {"https://[fe80::1%25lo]/", NULL, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *host = NULL;
        uint16_t port = 0;
        struct err e = {0};
        int rc = fetch_url_parse(rows[i].url, &host, &port, &e);

        if (rc != (rows[i].host ? 0 : ERR_INVAL))
            fail_msg("%s: %d", rows[i].url, rc);
        assert_int_equal(port, rows[i].port);
        if (rows[i].host)
            assert_string_equal(host, rows[i].host);
        free(host);
    }
}

static void
test_get(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    /* nothing of the environment counts */
    setenv("https_proxy", "http://127.0.0.1:1/", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
    assert_int_equal(get(&w, "host.example"), FETCH_ANSWERED);
    unsetenv("https_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(w.status, 200);
    assert_string_equal(buf_get(&w.type).p, "text/plain");
    assert_string_equal(buf_get(&w.body).p, "hello");
    assert_string_equal(buf_get(&w.error).p, "");
    assert_true(str_starts(buf_get(&w.asked), STR("GET /x HTTP/1.1\r\n")));
    assert_int_not_equal(
        str_find(buf_get(&w.asked), STR("Host: host.example:"), 0), SIZE_MAX);
    w.answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(get(&w, "host.example"), FETCH_ANSWERED);
    assert_int_equal(w.status, 404);
    assert_string_equal(buf_get(&w.type).p, "-");
    assert_int_equal(w.peers, 2); /* each has a connection of its own */
    teardown(&w);
}

static void
test_post(void **state)
{
    static const struct fetch_header header[] = {
        {{"Content-Type", 12}, {"application/json", 16}},
        {{"Authorization", 13}, {"Bearer x", 8}}};
    struct world w;
    struct fetch_request r;
    struct str asked;

    (void)state;
    setup(&w);
    r = request(&w, "host.example", "/token");
    r.method = "POST";
    r.body = STR("{\"a\":1}END");
    r.header = header;
    r.header_count = 2;
    (void)begin(&w, &r);
    wait_for(&w, 1);
    assert_int_equal(w.outcome, FETCH_ANSWERED);
    asked = buf_get(&w.asked);
    assert_true(str_starts(asked, STR("POST /token HTTP/1.1\r\n")));
    assert_true(str_ends(asked, STR("\r\n\r\n{\"a\":1}END")));
    assert_int_not_equal(
        str_find(asked, STR("\r\nContent-Type: application/json\r\n"), 0),
        SIZE_MAX);
    assert_int_not_equal(
        str_find(asked, STR("\r\nAuthorization: Bearer x\r\n"), 0), SIZE_MAX);
    assert_int_not_equal(
        str_find(asked, STR("\r\nContent-Length: 10\r\n"), 0), SIZE_MAX);
    teardown(&w);
}

static void
test_certificates(void **state)
{
    static const struct {
        const char *certificate;
        enum fetch_outcome want;
    } rows[] = {{"host", FETCH_ANSWERED}, {"other", FETCH_CERTIFICATE},
        {"expired", FETCH_CERTIFICATE}, {"alone", FETCH_CERTIFICATE}};
    struct world w;

    (void)state;
    setup(&w);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        w.certificate = rows[i].certificate;
        buf_cut(&w.asked, 0);
        assert_int_equal(get(&w, "host.example"), rows[i].want);
        /* nothing was said to whom is not trusted */
        assert_int_equal(w.asked.n > 0, rows[i].want == FETCH_ANSWERED);
        assert_int_equal(w.error.n > 0, rows[i].want != FETCH_ANSWERED);
    }
    fetcher_set_ca(w.fetcher, STR("/nonexistent/ca.pem"));
    w.certificate = "host";
    assert_int_equal(get(&w, "host.example"), FETCH_FAILED);
    teardown(&w);
}

static void
test_failures(void **state)
{
    struct world w;
    struct fetch_request r;

    (void)state;
    setup(&w);
    assert_int_equal(get(&w, "nobody.example"), FETCH_NAME);
    assert_int_not_equal(
        str_find(buf_get(&w.error), STR("nobody.example has no address"), 0),
        SIZE_MAX);
    fake_dns_add("away.example", DNS_A, 60, 0, "127.0.0.99");
    assert_int_equal(get(&w, "away.example"), FETCH_CONNECT);
    w.answer = "SSH-2.0-x\r\n";
    assert_int_equal(get(&w, "host.example"), FETCH_PROTOCOL);
    w.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
    assert_int_equal(get(&w, "host.example"), FETCH_PROTOCOL);
    assert_int_equal(w.body.n, 0); /* half an answer is none */
    w.answer = NULL;
    r = request(&w, "host.example", "/");
    r.timeout_ms = 100;
    (void)begin(&w, &r);
    wait_for(&w, w.answers + 1);
    assert_int_equal(w.outcome, FETCH_TIMEOUT);
    w.certificate = NULL; /* silent where TLS should begin */
    (void)begin(&w, &r);
    wait_for(&w, w.answers + 1);
    assert_int_equal(w.outcome, FETCH_TIMEOUT);
    fake_dns_hold(true);
    (void)begin(&w, &r);
    wait_for(&w, w.answers + 1);
    assert_int_equal(w.outcome, FETCH_TIMEOUT);
    teardown(&w);
}

static void
test_too_big(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n01234567890",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n"};
    struct world w;
    struct fetch_request r;

    (void)state;
    setup(&w);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        w.answer = answers[i];
        for (size_t most = 10; most < 12; most++) {
            r = request(&w, "host.example", "/");
            r.most = most;
            (void)begin(&w, &r);
            wait_for(&w, w.answers + 1);
            assert_int_equal(
                w.outcome, most == 10 ? FETCH_TOO_BIG : FETCH_ANSWERED);
            assert_int_equal(w.body.n, most == 10 ? 0 : 11);
        }
    }
    teardown(&w);
}

/* A header without end is no way round the bound. */
static void
test_long_header(void **state)
{
    struct world w;
    struct fetch_request r;
    struct buf b = BUF_INIT;

    (void)state;
    setup(&w);
    for (int many = 0; many < 2; many++) {
        buf_cut(&b, 0);
        buf_cstr(&b, "HTTP/1.1 200 OK\r\n");
        buf_cstr(&b, "X-Long: ");
        while (b.n < 2000000)
            buf_cstr(&b, many ? "x\r\nX-More: 12345678901" : "12345678901");
        buf_cstr(&b, "\r\nContent-Length: 0\r\n\r\n");
        w.answer = buf_get(&b).p;
        r = request(&w, "host.example", "/");
        (void)begin(&w, &r);
        wait_for(&w, many + 1);
        if (many)
            assert_int_equal(w.outcome, FETCH_TOO_BIG);
        else /* of one line libcurl has a bound of its own */
            assert_int_not_equal(w.outcome, FETCH_ANSWERED);
    }
    buf_fini(&b);
    teardown(&w);
}

static void
test_redirect(void **state)
{
    static const struct fetch_header secret = {
        {"Authorization", 13}, {"Bearer x", 8}};
    struct buf to = BUF_INIT;
    struct world w;
    struct fetch_request r;

    (void)state;
    setup(&w);
    buf_printf(&to,
        "HTTP/1.1 302 Found\r\nLocation: https://two.example.net:%u/y\r\n"
        "Content-Length: 0\r\n\r\n",
        w.port);
    w.answer = buf_get(&to).p;
    assert_int_equal(get(&w, "host.example"), FETCH_ANSWERED);
    assert_int_equal(w.status, 302); /* not followed */
    assert_int_equal(fake_dns_asked("two.example.net", DNS_A), 0);
    r = request(&w, "one.example.net", "/");
    r.redirects = 2;
    r.header = &secret;
    r.header_count = 1;
    buf_cut(&w.asked, 0);
    fake_dns_add("one.example.net", DNS_A, 60, 0, "127.0.0.1");
    fake_dns_add("two.example.net", DNS_A, 60, 0, "127.0.0.1");
    w.certificate = "both";
    (void)begin(&w, &r);
    wait_for(&w, 2);
    assert_int_equal(w.outcome, FETCH_ANSWERED);
    assert_int_equal(w.status, 302); /* the third one */
    assert_int_equal(w.peers, 4);
    {
        struct str asked = buf_get(&w.asked);
        size_t at = str_find(asked, STR("Bearer"), 0);

        assert_int_not_equal(at, SIZE_MAX); /* once, not to the other */
        assert_int_equal(str_find(asked, STR("Bearer"), at + 1), SIZE_MAX);
    }
    w.answer = "HTTP/1.1 302 Found\r\nLocation: http://two.example.net/\r\n"
               "Content-Length: 0\r\n\r\n";
    (void)begin(&w, &r);
    wait_for(&w, 3);
    assert_int_equal(w.outcome, FETCH_PROTOCOL); /* never in clear */
    buf_fini(&to);
    teardown(&w);
}

static void
refused(struct world *w, struct fetch_request r, int code)
{
    struct err e = {0};

    assert_null(fetch_begin(w->fetcher, w->loop, &r, on_done, w, &e));
    assert_int_equal(e.code, code);
}

static void
test_refused(void **state)
{
    static const struct fetch_header bad[] = {{{"A", 1}, {"x\r\nB: y", 7}},
        {{"A: B", 4}, {"x", 1}}, {{"", 0}, {"x", 1}}};
    struct fetch_request r, good;
    struct world w;

    (void)state;
    setup(&w);
    good = request(&w, "host.example", "/");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        r = good;
        r.header = &bad[i];
        r.header_count = 1;
        refused(&w, r, ERR_INVAL);
    }
    r = good, r.method = "CONNECT";
    refused(&w, r, ERR_INVAL);
    r = good, r.timeout_ms = 0;
    refused(&w, r, ERR_INVAL);
    r = good, r.most = FETCH_BODY_MAX + 1;
    refused(&w, r, ERR_INVAL);
    r = good, r.url = "http://host.example/";
    refused(&w, r, ERR_INVAL);
    fetcher_stop(w.fetcher);
    refused(&w, good, ERR_CLOSED);
    assert_int_equal(w.answers, 0);
    teardown(&w);
}

static void
test_limits(void **state)
{
    struct world w;
    struct fetch_request r;
    struct fetch_stats st;

    (void)state;
    setup_with(&w, &(struct fetch_limits){.most = 2, .waiting = 5});
    r = request(&w, "host.example", "/");
    w.answer = NULL;
    for (int i = 0; i < 5; i++)
        (void)begin(&w, &r);
    refused(&w, r, ERR_FULL);
    for (int64_t end = clock_mono() + 300; clock_mono() < end;)
        loop_turn(w.loop, 20);
    assert_int_equal(w.peers, 2);
    fetcher_get_stats(w.fetcher, &st);
    assert_int_equal(st.open, 2);
    assert_int_equal(st.waiting, 3);
    w.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (int i = 0; i < 2; i++) /* those that were held get theirs */
        on_event(&w.peer[i], w.peer[i].conn, CONN_INPUT, 0);
    wait_for(&w, 5);
    assert_int_equal(w.peers, 5);
    for (int i = 0; i < 3; i++)
        loop_turn(w.loop, 0);
    fetcher_get_stats(w.fetcher, &st);
    assert_int_equal(st.open + st.waiting, 0);
    assert_int_equal(st.answered, 5);
    teardown(&w);
}

static void
test_cancel(void **state)
{
    struct world w;
    struct fetch_request r;
    struct fetch *f;
    struct fetch_stats st = {0};

    (void)state;
    setup(&w);
    r = request(&w, "host.example", "/");
    w.answer = NULL;
    /* at once; while its name is looked up; while it waits for an answer */
    for (int stage = 0; stage < 3; stage++) {
        fake_dns_hold(stage == 1);
        f = begin(&w, &r);
        for (int64_t end = clock_mono() + (stage ? 300 : 0);
             clock_mono() < end;)
            loop_turn(w.loop, 10);
        fetch_cancel(&f);
        assert_null(f);
        fake_dns_hold(false);
    }
    for (int64_t end = clock_mono() + 5000; clock_mono() < end;) {
        loop_turn(w.loop, 10);
        fetcher_get_stats(w.fetcher, &st);
        if (!st.open && !st.waiting)
            break;
    }
    assert_int_equal(st.open + st.waiting, 0);
    assert_int_equal(w.answers, 0);
    teardown(&w);
}

/* In every place that a request can be in when the daemon ends. */
static void
test_stop(void **state)
{
    struct world w;
    struct fetch_request r;

    (void)state;
    setup_with(&w, &(struct fetch_limits){.most = 2});
    w.answer = NULL;
    r = request(&w, "host.example", "/");
    (void)begin(&w, &r);
    for (int64_t end = clock_mono() + 5000; !w.asked.n && clock_mono() < end;)
        loop_turn(w.loop, 10);
    fake_dns_hold(true);
    for (int i = 0; i < 3; i++)
        (void)begin(&w, &r);
    for (int i = 0; i < 10; i++)
        loop_turn(w.loop, 10);
    (void)begin(&w, &r);
    fetcher_stop(w.fetcher);
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.outcome, FETCH_STOPPED);
    teardown(&w);
    assert_int_equal(w.answers, 5);
}

static const struct certificate certificates[] = {
    {"ca", NULL, NULL, "Test CA", 30},
    {"host", "ca", "host.example", "host.example", 30},
    {"other", "ca", "other.example", "other.example", 30},
    {"both", "ca", "*.example.net", "both", 30},
    {"expired", "ca", "host.example", "host.example", -1},
    {"alone", NULL, "host.example", "host.example", 30}};

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_long_header),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_stop),
    };
    int failed;

    folder = certificates_folder();
    for (size_t i = 0; i < ARRAY_SIZE(certificates); i++)
        certificates_make(folder, &certificates[i]);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_remove(folder);
    return failed;
}
