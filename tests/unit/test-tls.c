/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "certificates.h"
#include "conn_pair.h"
#include "net/conn.h"
#include "net/tlscache.h"
#include "net/tlsfile.h"
#include "net/tlsticket.h"
#include "net/tlswords.h"

static char *folder;

static struct tls_params
server_of(const char *name)
{
    return (struct tls_params){.server = true,
        .priority = "NORMAL",
        .certificate = str_of(certificates_path(folder, name, "pem"))};
}

static struct tls_params
client_of(enum tls_verify verify, const char *name)
{
    return (struct tls_params){.priority = "NORMAL",
        .verify = verify,
        .ca = str_of(certificates_path(folder, "ca", "crt")),
        .sni = "mx.example.net",
        .name = {name, "example.net"},
        .resume = STR("")};
}

/* Both ends shake hands; what the client's comes to. */
static int
shake(struct world *w, const struct tls_params *client,
    const struct tls_params *server)
{
    struct err e = {0};

    assert_int_equal(conn_secure(w->server.conn, server, 5000, &e), 0);
    assert_int_equal(conn_secure(w->client.conn, client, 5000, &e), 0);
    turn_until(w, &w->client.count[CONN_SECURED], 1);
    return w->client.error;
}

static void
test_words(void **state)
{
    static const struct {
        const char *ciphers, *protocols, *want;
    } rows[] = {{NULL, NULL, "NORMAL"}, {"DEFAULT", NULL, "NORMAL"},
        {"SECURE256", "+ALL:-TLSv1.0:-TLSv1.1",
            "SECURE256:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3"},
        {NULL, "TLSv1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3"},
        {NULL, "+all:-sslv3:!TLSv1:-tlsv1.1:-TLSv1.2",
            "NORMAL:-VERS-ALL:+VERS-TLS1.3"},
        {NULL, "TLSv1.4", NULL}, {NULL, "SSLv3", NULL},
        {NULL, "+ALL:-ALL", NULL}};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b = BUF_INIT;
        int rc = tlswords_print(
            str_of(rows[i].ciphers), str_of(rows[i].protocols), &b, &e);

        assert_int_equal(rc, rows[i].want ? 0 : ERR_CONF);
        if (rows[i].want) {
            assert_string_equal(b.p, rows[i].want);
            assert_non_null(tlswords_priority(b.p, &e));
            assert_ptr_equal(
                tlswords_priority(b.p, &e), tlswords_priority(b.p, &e));
        }
        buf_fini(&b);
    }
    assert_null(tlswords_priority("HIGH:!aNULL", &e));
    assert_non_null(strstr(e.text, "HIGH"));
}

static void
test_both_ways(void **state)
{
    enum { N = 3000000 };
    struct world w;
    struct tls_params c = client_of(TLS_VERIFY_HOST, "mx.example.net");
    struct tls_params s = server_of("mx");
    char *p = malloc(N);
    int64_t end = clock_mono() + 20000;
    const struct tls_facts *f;

    (void)state;
    for (size_t i = 0; i < N; i++)
        p[i] = (char)(i * 7 + i / 1000);
    setup(&w);
    assert_null(conn_tls(w.client.conn));
    assert_int_equal(conn_write(w.server.conn, "220 go\r\n", 8), 0);
    turn_until(&w, &w.client.count[CONN_INPUT], 1);
    assert_int_equal(shake(&w, &c, &s), 0);
    f = conn_tls(w.client.conn);
    assert_string_equal(f->protocol, "TLS1.3");
    assert_string_equal(f->how, "host");
    assert_string_equal(f->peer, "mx.example.net");
    assert_true(strstr(f->cipher, "TLS_") == f->cipher);
    assert_false(f->resumed);
    turn_until(&w, &w.server.count[CONN_SECURED], 1);
    assert_memory_equal(
        f->binding, conn_tls(w.server.conn)->binding, sizeof(f->binding));
    buf_cut(&w.client.got, 0);
    assert_int_equal(conn_write(w.client.conn, p, N), 0);
    assert_int_equal(conn_write(w.server.conn, p, N), 0);
    while ((w.client.got.n < N || w.server.got.n < N) && clock_mono() < end)
        loop_turn(w.loop, 20);
    assert_int_equal(w.client.got.n, N);
    assert_int_equal(w.server.got.n, N);
    assert_memory_equal(w.client.got.p, p, N);
    assert_memory_equal(w.server.got.p, p, N);
    conn_finish(&w.client.conn, 2000);
    turn_until(&w, &w.server.count[CONN_LOST], 1);
    assert_int_equal(w.server.error, 0);
    teardown(&w);
    free(p);
}

/* What both know is agreed on, and nothing if there is nothing such. */
static void
test_alpn(void **state)
{
    static const char *const ours[] = {"h2", "http/1.1", NULL};
    static const char *const same[] = {"x", "http/1.1", NULL};
    static const char *const others[] = {"x", NULL};
    const char *const *const theirs[] = {ours, same, others, NULL};
    const char *const wants[] = {"h2", "http/1.1", "", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
        struct world w;
        struct tls_params c = client_of(TLS_VERIFY_HOST, "mx.example.net");
        struct tls_params s = server_of("mx");

        c.alpn = ours;
        s.alpn = theirs[i];
        setup(&w);
        assert_int_equal(shake(&w, &c, &s), 0);
        assert_string_equal(conn_tls(w.client.conn)->alpn, wants[i]);
        teardown(&w);
    }
}

/* The input is not read before there is room, whatever GnuTLS has of it. */
static void
test_back_pressure(void **state)
{
    struct world w;
    struct tls_params c = client_of(TLS_VERIFY_NO, NULL), s = server_of("mx");
    static char block[40000];

    (void)state;
    setup(&w);
    assert_int_equal(shake(&w, &c, &s), 0);
    turn_until(&w, &w.server.count[CONN_SECURED], 1);
    conn_read_enable(w.client.conn, false);
    assert_int_equal(conn_write(w.server.conn, block, sizeof(block)), 0);
    for (int i = 0; i < 5; i++)
        loop_turn(w.loop, 1);
    assert_int_equal(w.client.got.n, 0);
    conn_read_enable(w.client.conn, true);
    for (int i = 0; i < 200 && w.client.got.n < sizeof(block); i++)
        loop_turn(w.loop, 20);
    assert_int_equal(w.client.got.n, sizeof(block));
    teardown(&w);
}

static void
test_who_is_verified(void **state)
{
    static const struct {
        const char *server, *name;
        enum tls_verify verify;
        const char *how, *why; /* how NULL: refused, why says so */
    } rows[] = {{"mx", "mx.example.net", TLS_VERIFY_HOST, "host", NULL},
        {"mx", "other.example.net", TLS_VERIFY_CA, "ca", NULL},
        {"mx", "other.example.net", TLS_VERIFY_HOST, NULL, "not for other"},
        {"domain", "other.example.net", TLS_VERIFY_HOST, "host", NULL},
        {"cn", "cn.example.net", TLS_VERIFY_HOST, "host", NULL},
        {"mx", "other.example.net", TLS_VERIFY_OPTIONAL, "none", NULL},
        {"mx", "mx.example.net", TLS_VERIFY_OPTIONAL, "host", NULL},
        {"self", "mx.example.net", TLS_VERIFY_OPTIONAL, "none", NULL},
        {"self", "mx.example.net", TLS_VERIFY_CA, NULL, "NOT trusted"},
        {"self", "mx.example.net", TLS_VERIFY_NO, "none", NULL},
        {"old", "mx.example.net", TLS_VERIFY_CA, NULL, "expired"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;
        struct tls_params c = client_of(rows[i].verify, rows[i].name);
        struct tls_params s = server_of(rows[i].server);
        int rc;

        setup(&w);
        rc = shake(&w, &c, &s);
        if (rows[i].how) {
            assert_int_equal(rc, 0);
            assert_string_equal(conn_tls(w.client.conn)->how, rows[i].how);
        } else {
            assert_int_equal(rc, -EPROTO);
            if (!strstr(conn_tls_error(w.client.conn), rows[i].why))
                fail_msg("%s", conn_tls_error(w.client.conn));
            assert_null(conn_tls(w.client.conn));
            assert_int_equal(conn_write(w.client.conn, "x", 1), ERR_CLOSED);
            turn_until(&w, &w.server.count[CONN_LOST], 1);
        }
        assert_int_equal(w.client.count[CONN_LOST], 0);
        teardown(&w);
    }
}

static bool
resumed(const char *priority, const struct tls_params *params)
{
    struct world w;
    struct tls_params c = *params, s = server_of("mx");
    bool was;

    c.priority = priority;
    setup(&w);
    assert_int_equal(shake(&w, &c, &s), 0);
    turn_until(&w, &w.server.count[CONN_SECURED], 1);
    assert_int_equal(conn_write(w.server.conn, "hello", 5), 0);
    turn_until(&w, &w.client.count[CONN_INPUT], 1);
    was = conn_tls(w.client.conn)->resumed;
    assert_string_equal(conn_tls(w.client.conn)->how, "host");
    assert_int_equal(conn_tls(w.server.conn)->resumed, was);
    teardown(&w);
    return was;
}

static void
test_resumption(void **state)
{
    static const char *const words[] = {
        "NORMAL", "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct tls_params c = client_of(TLS_VERIFY_HOST, "mx.example.net");

        c.resume = STR("192.0.2.1:25");
        tlscache_drop();
        assert_false(resumed(words[i], &c));
        assert_true(tlscache_count() > 0);
        assert_true(resumed(words[i], &c));
        assert_true(resumed(words[i], &c));
        c.resume = STR("192.0.2.2:25"); /* another host */
        assert_false(resumed(words[i], &c));
        c.resume = STR("192.0.2.1:25"); /* other names to verify */
        c.name[1] = "example.org";
        assert_false(resumed(words[i], &c));
    }
    tlscache_drop();
}

static void
test_cache_is_bounded(void **state)
{
    struct secret got;
    char key[32];

    (void)state;
    tlscache_drop();
    for (int i = 0; i < TLSCACHE_EACH + 3; i++) {
        snprintf(key, sizeof(key), "%d", i);
        tlscache_put(STR("one"), str_of(key), 1);
    }
    assert_int_equal(tlscache_count(), TLSCACHE_EACH);
    assert_true(tlscache_take(STR("one"), &got, 1));
    assert_true(str_eq(secret_get(&got), STR("10"))); /* the newest */
    secret_fini(&got);
    for (int i = 0; i < TLSCACHE_MOST + 10; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        tlscache_put(str_of(key), STR("x"), 1);
    }
    assert_int_equal(tlscache_count(), TLSCACHE_MOST);
    assert_false(tlscache_take(STR("one"), &got, 1));
    assert_false(tlscache_take(STR("key 9"), &got, 1));
    assert_false(tlscache_take(STR("key 500"), &got, 1 + TLSCACHE_LIFE_MS));
    assert_int_equal(tlscache_count(), 0);
    tlscache_put(STR("a"), str_make(key, TLSCACHE_DATA_MAX + 1), 1);
    assert_int_equal(tlscache_count(), 0);
}

/* A name asked for chooses; others get the first certificate. */
static void
test_server_name(void **state)
{
    static const struct {
        const char *ask, *name; /* NULL: refused, since it is not for it */
    } rows[] = {{"mx.example.net", "mx.example.net"},
        {"wild.example.org", "wild.example.org"},
        {"WILD.Example.ORG", "WILD.Example.ORG"},
        {"cn.example.net", "cn.example.net"}, {"no.example.com", NULL},
        {NULL, "mx.example.net"}};
    char *wild = strdup(certificates_path(folder, "wild", "pem"));
    char *cn = strdup(certificates_path(folder, "cn", "crt"));
    char *key = strdup(certificates_path(folder, "cn", "key"));
    struct tls_named named[] = {
        {str_of(wild), STR_NONE}, {str_of(cn), str_of(key)}};

    (void)state;
    certificates_make(folder,
        &(struct certificate){"wild", "ca", "*.example.org", "wild", 10});
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        const char *ask = rows[i / 2].ask, *name = rows[i / 2].name;
        struct tls_params c = client_of(TLS_VERIFY_HOST,
            name      ? name
                : ask ? ask
                      : "");
        struct tls_params s = server_of("mx");
        struct world w;

        if (i % 2)
            c.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
        c.sni = ask;
        c.name[1] = NULL;
        s.named = named;
        s.named_count = ARRAY_SIZE(named);
        setup(&w);
        assert_int_equal(shake(&w, &c, &s), name ? 0 : -EPROTO);
        if (name)
            assert_string_equal(conn_tls(w.client.conn)->peer, name);
        teardown(&w);
    }
    free(wild);
    free(cn);
    free(key);
}

/* One name with two kinds of keys: each client has what it can verify. */
static void
test_two_keys(void **state)
{
    static const char *const words[] = {"NORMAL",
        "NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-ECDHE-ECDSA:-SIGN-ALL:+SIGN-RSA-SHA256",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:-SIGN-ALL:"
        "+SIGN-ECDSA-SHA256"};
    char *rsa = strdup(certificates_path(folder, "rsa", "pem"));
    struct tls_named named[] = {{str_of(rsa), STR_NONE}};

    (void)state;
    certificates_make(folder,
        &(struct certificate){"rsa", "ca", "mx.example.net", "rsa", 10});
    for (size_t i = 0; i < 3 * ARRAY_SIZE(words); i++) {
        struct tls_params c = client_of(TLS_VERIFY_HOST, "mx.example.net");
        struct tls_params s = server_of("mx");
        struct world w;

        c.priority = words[i / 3];
        c.sni = i % 3 == 0 ? "mx.example.net"
            : i % 3 == 1   ? NULL
                           : "other.test";
        s.named = named;
        s.named_count = 1;
        setup(&w);
        if (shake(&w, &c, &s))
            fail_msg("%s: %s", words[i / 3], conn_tls_error(w.client.conn));
        teardown(&w);
    }
    free(rsa);
}

static void
test_named_files(void **state)
{
    struct tls_named gone = {STR("/nonexistent/x.pem"), STR_NONE};
    struct tls_params s = server_of("mx");
    struct err e = {0};
    struct world w;

    (void)state;
    s.named = &gone;
    s.named_count = 1;
    setup(&w);
    assert_int_equal(conn_secure(w.server.conn, &s, 5000, &e), ERR_CONF);
    assert_non_null(strstr(e.text, "/nonexistent/x.pem"));
    teardown(&w);
}

/* A ticket of a key that is gone makes a full handshake, and a new ticket. */
static void
test_tickets_rotate(void **state)
{
    struct tls_params c = client_of(TLS_VERIFY_HOST, "mx.example.net");

    (void)state;
    c.resume = STR("192.0.2.9:25");
    tlscache_drop();
    assert_false(resumed("NORMAL", &c));
    assert_true(resumed("NORMAL", &c));
    tlsticket_drop();
    assert_false(resumed("NORMAL", &c));
    assert_true(resumed("NORMAL", &c));
}

static void
test_peer_talks_no_tls(void **state)
{
    struct world w;
    struct tls_params c = client_of(TLS_VERIFY_NO, NULL);
    struct err e = {0};

    (void)state;
    setup(&w);
    assert_int_equal(conn_secure(w.client.conn, &c, 5000, &e), 0);
    assert_int_equal(conn_write(w.client.conn, "x", 1), ERR_AGAIN);
    assert_int_equal(
        conn_write(w.server.conn, "454 I do not speak that\r\n", 25), 0);
    turn_until(&w, &w.client.count[CONN_SECURED], 1);
    assert_int_equal(w.client.error, -EPROTO);
    assert_true(conn_tls_error(w.client.conn)[0] != '\0');
    teardown(&w);
    setup(&w); /* silence */
    assert_int_equal(conn_secure(w.client.conn, &c, 50, &e), 0);
    turn_until(&w, &w.client.count[CONN_SECURED], 1);
    assert_int_equal(w.client.error, -ETIMEDOUT);
    teardown(&w);
    setup(&w); /* it hangs up */
    assert_int_equal(conn_secure(w.client.conn, &c, 5000, &e), 0);
    conn_free(&w.server.conn);
    turn_until(&w, &w.client.count[CONN_SECURED], 1);
    assert_string_equal(conn_tls_error(w.client.conn), "connection lost");
    teardown(&w);
}

static void
test_clear_text_before(void **state)
{
    struct world w;
    struct tls_params c = client_of(TLS_VERIFY_NO, NULL), s = server_of("mx");
    struct err e = {0};

    (void)state;
    setup(&w);
    assert_int_equal(conn_write(w.server.conn, "220\r\n250 x\r\n", 12), 0);
    conn_read_enable(w.client.conn, true);
    turn_until(&w, &w.client.count[CONN_INPUT], 1);
    /* on_event() has taken it: here is one more octet, in clear */
    assert_int_equal(conn_write(w.server.conn, "2", 1), 0);
    loop_turn(w.loop, 0);
    assert_int_equal(conn_secure(w.client.conn, &c, 5000, &e), 0);
    assert_int_equal(conn_secure(w.server.conn, &s, 5000, &e), 0);
    turn_until(&w, &w.client.count[CONN_SECURED], 1);
    assert_int_equal(w.client.error, -EPROTO);
    teardown(&w);
}

/* What goes before the handshake, in clear, can no longer be sent. */
static void
test_lost_before(void **state)
{
    struct world w;
    struct tls_params s = server_of("mx");
    int64_t end;

    (void)state;
    setup(&w);
    conn_free(&w.client.conn);
    assert_int_equal(conn_write(w.server.conn, "220 go ahead\r\n", 14), 0);
    assert_int_equal(conn_secure(w.server.conn, &s, 50, NULL), 0);
    turn_until(&w, &w.server.count[CONN_LOST], 1);
    assert_int_equal(w.server.error, -EPIPE);
    assert_int_equal(conn_write(w.server.conn, "x", 1), ERR_CLOSED);
    for (end = clock_mono() + 120; clock_mono() < end;) /* all its patience */
        loop_turn(w.loop, 20);
    assert_int_equal(w.server.count[CONN_SECURED], 0);
    teardown(&w);
}

static void
on_event_kept(void *arg, struct conn *c, enum conn_event event, int error)
{
    (void)arg, (void)c, (void)event, (void)error;
}

static void
test_unread_input_is_refused(void **state)
{
    struct world w;
    struct tls_params s = server_of("mx");
    struct netaddr none = {0};
    struct err e = {0};
    struct conn *c;
    int fd[2];

    (void)state;
    setup(&w);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    c = conn_accepted(w.loop, fd[0], &none, &none, on_event_kept, NULL);
    assert_int_equal(write(fd[1], "RSET\r\n", 6), 6);
    while (!conn_input(c).n)
        loop_turn(w.loop, 20);
    assert_int_equal(conn_secure(c, &s, 5000, &e), ERR_PROTO);
    assert_null(conn_tls(c));
    conn_free(&c);
    close(fd[1]);
    teardown(&w);
}

static void
test_client_certificate(void **state)
{
    struct world w;
    struct tls_params c = client_of(TLS_VERIFY_NO, NULL), s = server_of("mx");

    (void)state;
    s.ask = true;
    s.verify = TLS_VERIFY_OPTIONAL;
    s.ca = str_of(certificates_path(folder, "ca", "crt"));
    setup(&w);
    assert_int_equal(shake(&w, &c, &s), 0);
    turn_until(&w, &w.server.count[CONN_SECURED], 1);
    assert_string_equal(conn_tls(w.server.conn)->how, "none");
    teardown(&w);
    c.certificate = str_of(certificates_path(folder, "client", "crt"));
    c.key = str_of(certificates_path(folder, "client", "key"));
    setup(&w);
    assert_int_equal(shake(&w, &c, &s), 0);
    turn_until(&w, &w.server.count[CONN_SECURED], 1);
    assert_string_equal(conn_tls(w.server.conn)->how, "ca");
    assert_string_equal(conn_tls(w.server.conn)->peer, "CN=a client");
    teardown(&w);
    s.verify = TLS_VERIFY_CA; /* one without is refused */
    c.certificate = c.key = STR_NONE;
    setup(&w);
    (void)shake(&w, &c, &s);
    turn_until(&w, &w.server.count[CONN_SECURED], 1);
    assert_int_equal(w.server.error, -EPROTO);
    teardown(&w);
}

static void
test_files(void **state)
{
    struct str crt = str_of(certificates_path(folder, "again", "crt"));
    struct str key = str_of(certificates_path(folder, "again", "key"));
    struct str other = str_of(certificates_path(folder, "mx", "key"));
    struct tls_pair *first, *same, *next;
    struct err e = {0};

    (void)state;
    certificates_make(folder,
        &(struct certificate){"again", "ca", "first.test", "first", 10});
    assert_int_equal(tls_pair_get(crt, key, &first, &e), 0);
    assert_int_equal(tls_pair_get(crt, key, &same, &e), 0);
    assert_ptr_equal(first, same);
    assert_true(tls_pair_names(first, "first.test"));
    certificates_make(
        folder, &(struct certificate){"again", "ca", "next.test", "next", 10});
    tls_pair_put(&same); /* what is on disk counts after a reload only */
    assert_int_equal(tls_pair_get(crt, key, &same, &e), 0);
    assert_ptr_equal(first, same);
    assert_int_equal(tlsfile_read_certificate(crt, &e), 0);
    assert_int_equal(tlsfile_read_key(key, &e), 0);
    assert_int_equal(tls_pair_get(crt, key, &next, &e), 0);
    assert_true(tls_pair_names(next, "next.test"));
    assert_true(tls_pair_names(first, "first.test"));
    tls_pair_put(&first);
    tls_pair_put(&same);
    tls_pair_put(&next);
    assert_int_equal(tls_pair_get(crt, other, &next, &e), ERR_CONF);
    assert_non_null(strstr(e.text, "make no pair"));
    assert_int_equal(tlsfile_read_key(crt, &e), ERR_CONF);
    assert_int_equal(tlsfile_read_ca(key, &e), ERR_CONF);
    assert_int_equal(tlsfile_read_certificate(key, &e), ERR_CONF);
    assert_int_equal(tlsfile_read_certificate(STR("/nowhere"), &e), ERR_CONF);
    assert_non_null(strstr(e.text, "/nowhere"));
    assert_int_equal(tlsfile_read_ca(str_of(folder), &e), ERR_CONF);
}

static void
copy(const char *from, const char *to)
{
    char command[600];

    snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static bool
joins_as(struct tls_pair *const *pair, size_t n, const struct tls_pair *as)
{
    struct tls_pair *p = tls_pair_join(pair, n), *got = p;
    tls_pair_put(&p);
    return got == as;
}

/* Of the same files there is one that joins them, and the last one only. */
static void
test_files_that_are_joined(void **state)
{
    const struct certificate one = {"join", "ca", "join.test", "join", 10};
    char *path = strdup(certificates_path(folder, "join", "pem"));
    struct tls_pair *pair[3], *first;

    (void)state;
    certificates_make(folder, &one);
    assert_int_equal(tls_pair_get(str_of(path), STR_NONE, &pair[1], NULL), 0);
    pair[0] = pair[1]; /* any two */
    assert_true(joins_as(pair, 1, pair[0]));
    first = tls_pair_join(pair, 2);
    assert_true(joins_as(pair, 2, first));
    certificates_make(folder, &one); /* with another key */
    assert_int_equal(tlsfile_read_certificate(str_of(path), NULL), 0);
    assert_int_equal(tls_pair_get(str_of(path), STR_NONE, &pair[2], NULL), 0);
    assert_false(joins_as(pair + 1, 2, first)); /* of the new files ... */
    assert_false(joins_as(pair, 2, first));     /* ... which took its place */
    tls_pair_put(&first);
    tls_pair_put(&pair[1]);
    tls_pair_put(&pair[2]);
    free(path);
}

/* A reload that is refused takes nothing from those who are served. */
static void
test_files_that_are_of_no_use(void **state)
{
    char *path = strdup(certificates_path(folder, "late", "crt"));
    char *key_path = strdup(certificates_path(folder, "late", "key"));
    struct str crt = str_of(path), key = str_of(key_path);
    struct tls_pair *pair;
    struct tls_ca *ca, *same;
    struct err e = {0};

    (void)state;
    certificates_make(
        folder, &(struct certificate){"late", "ca", "late.test", "late", 10});
    assert_int_equal(tlsfile_read_certificate(crt, &e), 0);
    assert_int_equal(tlsfile_read_key(key, &e), 0);
    assert_int_equal(tlsfile_check_pair(crt, key, &e), 0);
    /* the new certificate is there, its key is not yet */
    copy(certificates_path(folder, "cn", "crt"), path);
    assert_int_equal(tlsfile_read_certificate(crt, &e), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tlsfile_check_pair(crt, key, &e), ERR_CONF);
        assert_int_equal(tls_pair_get(crt, key, &pair, &e), 0);
        assert_true(tls_pair_names(pair, "late.test"));
        tls_pair_put(&pair);
    }
    copy("/dev/null", path);
    assert_int_equal(tlsfile_read_certificate(crt, &e), ERR_CONF);
    assert_int_equal(tls_pair_get(crt, key, &pair, &e), 0);
    tls_pair_put(&pair);
    copy(certificates_path(folder, "cn", "crt"), path);
    copy(certificates_path(folder, "cn", "key"), key_path);
    assert_int_equal(tlsfile_read_certificate(crt, &e), 0);
    assert_int_equal(tlsfile_read_key(key, &e), 0);
    assert_int_equal(tls_pair_get(crt, key, &pair, &e), 0);
    assert_true(tls_pair_names(pair, "cn.example.net"));
    tls_pair_put(&pair);
    copy(certificates_path(folder, "ca", "crt"), path); /* authorities too */
    assert_int_equal(tlsfile_read_ca(crt, &e), 0);
    assert_int_equal(tls_ca_get(crt, &ca, &e), 0);
    copy("/dev/null", path);
    assert_int_equal(tlsfile_read_ca(crt, &e), ERR_CONF);
    assert_int_equal(tls_ca_get(crt, &same, &e), 0);
    assert_ptr_equal(ca, same);
    tls_ca_put(&ca);
    tls_ca_put(&same);
    free(path);
    free(key_path);
}

static int
make_all(void **state)
{
    static const struct certificate all[] = {{"ca", NULL, NULL, "ca", 10},
        {"mx", "ca", "mx.example.net", "mx", 10},
        {"domain", "ca", "example.net", "domain", 10},
        {"cn", "ca", NULL, "cn.example.net", 10},
        {"client", "ca", NULL, "a client", 10},
        {"old", "ca", "mx.example.net", "old", -1},
        {"self", NULL, "mx.example.net", "self", 10}};

    (void)state;
    folder = certificates_folder();
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        certificates_make(folder, &all[i]);
    return 0;
}

static int
remove_all(void **state)
{
    (void)state;
    tlsfile_drop();
    certificates_remove(folder);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_who_is_verified),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_two_keys),
        cmocka_unit_test(test_named_files),
        cmocka_unit_test(test_tickets_rotate),
        cmocka_unit_test(test_peer_talks_no_tls),
        cmocka_unit_test(test_clear_text_before),
        cmocka_unit_test(test_lost_before),
        cmocka_unit_test(test_unread_input_is_refused),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_files_that_are_joined),
        cmocka_unit_test(test_files_that_are_of_no_use),
    };

    return cmocka_run_group_tests(tests, make_all, remove_all);
}
