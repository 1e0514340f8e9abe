/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of libimpel-ecstream: addresses are tried in their order.  The file
 * is compiled in here, with a getaddrinfo() that says what a test wants.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 3 };
static struct sockaddr_in addresses[ADDRESSES];
static struct addrinfo list[ADDRESSES];
static size_t address_count;
static int numeric_asked, lists_freed;

static int
fake_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **to)
{
    assert_string_equal(host, "mta.test");
    assert_string_equal(service, "1825");
    assert_int_equal(hints->ai_family, AF_INET);
    if (hints->ai_flags & AI_NUMERICHOST) {
        numeric_asked++;
        return EAI_NONAME;
    }
    if (!address_count)
        return EAI_AGAIN;
    for (size_t i = 0; i < address_count; i++)
        list[i] = (struct addrinfo){.ai_family = AF_INET,
            .ai_addr = (struct sockaddr *)&addresses[i],
            .ai_addrlen = sizeof(addresses[i]),
            .ai_next = i + 1 < address_count ? &list[i + 1] : NULL};
    *to = list;
    return 0;
}

static void
fake_freeaddrinfo(struct addrinfo *is)
{
    assert_ptr_equal(is, list);
    lists_freed++;
}

#define getaddrinfo fake_getaddrinfo
#define freeaddrinfo fake_freeaddrinfo
#include "../../lib/ecstream/plug.c"

/* A socket on 127.0.0.1: listening, or one that nobody listens on. */
static int
make_address(size_t i, bool listens)
{
    socklen_t n = sizeof(addresses[i]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    addresses[i] = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)&addresses[i], n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addresses[i], &n), 0);
    if (listens)
        assert_int_equal(listen(fd, 5), 0);
    address_count = i + 1;
    return fd;
}

static const struct ecstream_options options = {
    .host = "mta.test", .port = 1825, .family = AF_INET};

static int
wait_connected(struct plug *p)
{
    int rc = PLUG_AGAIN;

    for (int i = 0; i < 100 && rc == PLUG_AGAIN; i++) {
        struct pollfd one = {.fd = p->fd, .events = POLLOUT};

        (void)poll(&one, 1, 20);
        rc = plug_connected(p);
    }
    return rc;
}

static void
test_next_address(void **state)
{
    struct plug p;
    int fds[] = {
        make_address(0, false), make_address(1, false), make_address(2, true)};
    int peer;
    char octet;

    (void)state;
    plug_init(&p);
    assert_int_equal(plug_dial(&p, &options), PLUG_DONE);
    assert_int_equal(wait_connected(&p), PLUG_DONE);
    assert_null(p.next);
    peer = accept(fds[2], NULL, NULL);
    assert_int_equal(plug_write(&p, "x", 1), 1);
    assert_int_equal(read(peer, &octet, 1), 1);
    assert_int_equal(plug_read(&p, &octet, 1), PLUG_AGAIN);
    close(peer);
    for (int i = 0; i < 100 && plug_read(&p, &octet, 1) == PLUG_AGAIN; i++)
        usleep(1000);
    assert_int_equal(plug_read(&p, &octet, 1), PLUG_FAILED);
    assert_string_equal(p.error, "the server has closed it");
    lists_freed = 0;
    plug_close(&p);
    plug_close(&p);
    assert_int_equal(lists_freed, 1);
    assert_int_equal(p.fd, -1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* One that takes too long is left for the next. */
static void
test_skip(void **state)
{
    struct plug p;
    int fds[] = {make_address(0, true), make_address(1, true)}, peer;

    (void)state;
    plug_init(&p);
    assert_int_equal(plug_dial(&p, &options), PLUG_DONE);
    assert_non_null(p.next);
    assert_int_equal(plug_skip(&p), PLUG_DONE);
    assert_null(p.next);
    assert_int_equal(wait_connected(&p), PLUG_DONE);
    peer = accept(fds[1], NULL, NULL);
    assert_true(peer >= 0);
    close(peer);
    assert_int_equal(plug_skip(&p), PLUG_FAILED);
    plug_close(&p);
    close(fds[0]);
    close(fds[1]);
}

static void
test_none_left(void **state)
{
    struct plug p;
    int fds[] = {make_address(0, false), make_address(1, false)};

    (void)state;
    plug_init(&p);
    if (plug_dial(&p, &options) == PLUG_DONE)
        assert_int_equal(wait_connected(&p), PLUG_FAILED);
    assert_string_equal(p.error, "Connection refused");
    plug_close(&p);
    address_count = 0;
    numeric_asked = 0;
    assert_int_equal(plug_dial(&p, &options), PLUG_FAILED);
    assert_int_equal(numeric_asked, 1);
    assert_true(p.error[0]);
    plug_close(&p);
    close(fds[0]);
    close(fds[1]);
}

static void
test_paths(void **state)
{
    struct ecstream_options o = {.host = "/nonexistent/socket"};
    char path[200];
    struct plug p;

    (void)state;
    plug_init(&p);
    assert_int_equal(plug_dial(&p, &o), PLUG_FAILED);
    assert_string_equal(p.error, "No such file or directory");
    memset(path, '/', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    o.host = path;
    assert_int_equal(plug_dial(&p, &o), PLUG_FAILED);
    assert_string_equal(p.error, "File name too long");
    plug_close(&p);
}

UNIT_MAIN(cmocka_unit_test(test_next_address), cmocka_unit_test(test_skip),
    cmocka_unit_test(test_none_left), cmocka_unit_test(test_paths))
