/* SPDX-License-Identifier: Apache-2.0
 *
 * test-proxied.c - sessions through a PROXY server, which the test plays: what
 * it is sent, and who is blamed for what it does.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fake_spool.h"
#include "net/proxyproto.h"
#include "session_kit.h"
#include "toy_module.h"
#include "xport/hostapi.h"
#include "xport/session_int.h"

static struct module *module;
static int server = -1;
static uint16_t port;

/* To a host that nothing could reach without the server. */
static struct session *
open_by(const char *to, const char *seen)
{
    struct session_request r = {.loop = loop,
        .module = module,
        .method = "TOY",
        .host = STR("mx.test"),
        .ehlo_name = "me.example",
        .id = 42};

    assert_int_equal(netaddr_parse(str_of(to), false, &r.to, NULL), 0);
    assert_int_equal(cidr_parse(str_of(seen), 0, &r.seen, NULL), 0);
    assert_int_equal(cidr_parse(STR("127.0.0.1"), 0, &r.proxy.ip, NULL), 0);
    r.proxy.port = port;
    return session_open(&r, loop_mailbox(loop), &kit_events, NULL);
}

/* What the server has read, at least n octets. */
static size_t
server_read(int fd, void *to, size_t n, size_t most)
{
    int64_t end = clock_mono() + 5000;
    size_t have = 0;

    while (have < n && clock_mono() < end) {
        ssize_t got = recv(fd, (char *)to + have, most - have, MSG_DONTWAIT);

        have += got > 0 ? (size_t)got : 0;
        loop_turn(loop, 5);
    }
    assert_true(have >= n);
    return have;
}

static int
server_accept(struct netaddr *from)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    int fd = accept(server, (struct sockaddr *)(void *)&ss, &n);

    assert_true(fd >= 0);
    netaddr_from_sockaddr(from, (struct sockaddr *)(void *)&ss);
    return fd;
}

static void
test_header(void **state)
{
    static const struct {
        const char *to, *seen, *head;
        size_t size;
    } row[] = {{"192.0.2.25:2525", "198.51.100.1", "192.0.2.25", 28},
        {"[2001:db8::25]:25", "2001:db8::1", "2001:db8::25", 52}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        int was = ready_count, ended = closed_count;
        struct session *s = open_by(row[i].to, row[i].seen);
        char got[512];
        struct buf text = BUF_INIT;
        struct netaddr from, want;
        struct proxyproto h;
        const char *reason;
        size_t n;
        int fd;

        until(&ready_count, was + 1);
        kit_lend(s, "x", 1);
        fd = server_accept(&from);
        n = server_read(fd, got, row[i].size + 4, sizeof(got));
        assert_int_equal(proxyproto_parse(got, n, &h, &reason), PROXYPROTO_OK);
        assert_int_equal(h.size, row[i].size);
        assert_int_equal(
            netaddr_parse(str_of(row[i].to), false, &want, NULL), 0);
        assert_true(h.named && netaddr_eq(&h.local, &want));
        assert_int_equal(h.peer.port, from.port);
        cidr_print(&h.peer.ip, &text);
        assert_str(buf_get(&text), row[i].seen);
        assert_memory_equal(got + h.size, "MSG ", 4);
        /* the host is the host still */
        buf_cut(&text, 0);
        session_print(s, &text);
        assert_non_null(strstr(text.p, row[i].head));
        assert_non_null(strstr(text.p, " by PROXY server 127.0.0.1:"));
        buf_fini(&text);
        assert_int_equal(close(fd), 0);
        until(&closed_count, ended + 1);
        assert_non_null(
            strstr(closed_why.text, "connection lost (by PROXY server "));
        assert_int_not_equal(closed_why.blame, IMPEL_BLAME_ROUTE);
        result_fini(&closed_why);
    }
    assert_int_equal(back_count, 2);
}

/* The server is down: no word about the host. */
static void
test_refused(void **state)
{
    uint16_t was = port;
    int fd;
    char text[80];

    (void)state;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    /* Bound and not listening: nobody else has that port meanwhile. */
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&at, &n), 0);
    port = ntohs(at.sin_port);
    (void)open_by("127.0.0.1:25", "198.51.100.1");
    until(&closed_count, 1);
    assert_int_equal(closed_why.verdict, IMPEL_RETRY);
    assert_int_equal(closed_why.blame, IMPEL_BLAME_ROUTE);
    assert_int_equal(closed_why.stage, IMPEL_AT_CONNECT);
    assert_int_equal(closed_why.code, 451);
    (void)snprintf(text, sizeof(text),
        "[internal] PROXY server 127.0.0.1:%u: Connection refused", port);
    assert_string_equal(closed_why.text, text);
    assert_int_equal(close(fd), 0);
    port = was;
}

/* No address of the host's family to be seen as: nothing is dialled. */
static void
test_no_source(void **state)
{
    (void)state;
    (void)open_by("[2001:db8::25]:25", "198.51.100.1");
    until(&closed_count, 1);
    assert_int_equal(closed_why.verdict, IMPEL_RETRY);
    assert_non_null(strstr(closed_why.text, "for the PROXY server"));
}

static int
setup(void **state)
{
    (void)state;
    ready_count = back_count = closed_count = 0;
    toy_flaw = TOY_GOOD;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    result_fini(&closed_why);
    assert_int_equal(fake_messages, 0);
    assert_int_equal(session_count_outbound(), 0);
    return 0;
}

static int
start(void **state)
{
    static const struct session_limits quick = {300, 100, 100, 100};
    static struct loop *loops[1];
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    struct err e;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_mask(LOG_LEVEL_WARNING, 0);
    session_set_limits(&quick);
    loop = loops[0] = loop_new("home", &e);
    hostapi_set_loops(loops, 1);
    module = toy_module();
    server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)(void *)&at, n) < 0 ||
        listen(server, 8) < 0 ||
        getsockname(server, (struct sockaddr *)(void *)&at, &n) < 0)
        return -1;
    port = ntohs(at.sin_port);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    conn_drop_finishing(loop);
    loop_free(&loop);
    toy_module_free(&module);
    return close(server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_source, setup, teardown),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
