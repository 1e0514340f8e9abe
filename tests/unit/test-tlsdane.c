/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "certificates.h"
#include "conn_pair.h"
#include "net/conn.h"
#include "net/tlscache.h"
#include "net/tlsdane.h"
#include "net/tlsfile.h"

static char *folder;

/* --- records of certificates, made by GnuTLS and not by ourselves --- */

static gnutls_datum_t
read_der(const char *name, bool key)
{
    gnutls_datum_t pem, der;
    gnutls_x509_crt_t crt;
    gnutls_pubkey_t pub;

    assert_int_equal(
        gnutls_load_file(certificates_path(folder, name, "crt"), &pem), 0);
    gnutls_x509_crt_init(&crt);
    assert_int_equal(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM), 0);
    gnutls_free(pem.data);
    if (key) {
        gnutls_pubkey_init(&pub);
        assert_int_equal(gnutls_pubkey_import_x509(pub, crt, 0), 0);
        assert_int_equal(
            gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &der), 0);
        gnutls_pubkey_deinit(pub);
    } else {
        assert_int_equal(
            gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), 0);
    }
    gnutls_x509_crt_deinit(crt);
    return der;
}

/* "311 mx": usage, selector, matching type, of that certificate; "x11 mx"
 * with a bit changed; "311 !": too short. */
static void
rdata_add(const char *text, struct buf *to)
{
    gnutls_digest_algorithm_t how =
        text[2] == '1' ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;
    unsigned char digest[64];
    gnutls_datum_t der;

    for (int i = 0; i < 3; i++)
        buf_char(to, (char)(text[i] - '0'));
    if (text[4] == '!') {
        buf_cstr(to, "short");
        return;
    }
    der = read_der(text + 4 + (text[4] == '~'), text[1] == '1');
    if (text[2] == '0') {
        buf_add(to, der.data, der.size);
    } else {
        assert_int_equal(gnutls_hash_fast(how, der.data, der.size, digest), 0);
        if (text[4] == '~')
            digest[7] ^= 1;
        buf_add(to, digest, text[2] == '1' ? 32 : 64);
    }
    gnutls_free(der.data);
}

/* "311 mx,201 ca" */
static struct tlsa_set *
set_of(const char *text)
{
    struct str all = str_of(text), rdata[8] = {STR_NONE};
    struct buf b[8];
    struct tlsa_set *s;
    size_t n = 0;

    while (all.n) {
        char one[64];

        (void)str_copy(one, sizeof(one), str_cut(&all, ','));
        b[n] = (struct buf)BUF_INIT;
        rdata_add(one, &b[n]);
        rdata[n] = buf_get(&b[n]);
        n++;
    }
    s = tlsa_set_new(rdata, n);
    while (n)
        buf_fini(&b[--n]);
    return s;
}

/* --- handshakes --- */

/* NAME.chain: that certificate, the others behind it, and its key. */
static const char *
chain_of(const char *names)
{
    struct str all = str_of(names);
    const char *path;
    char one[64];
    FILE *f;

    (void)str_copy(one, sizeof(one), str_cut(&all, ' '));
    path = certificates_path(folder, one, "chain");
    f = fopen(path, "w");
    assert_non_null(f);
    for (const char *what = "crt"; what;) {
        gnutls_datum_t d;

        assert_int_equal(
            gnutls_load_file(certificates_path(folder, one, what), &d), 0);
        fwrite(d.data, 1, d.size, f);
        gnutls_free(d.data);
        what = strcmp(what, "crt") == 0 ? "key" : NULL;
    }
    while (all.n) {
        gnutls_datum_t d;

        (void)str_copy(one, sizeof(one), str_cut(&all, ' '));
        assert_int_equal(
            gnutls_load_file(certificates_path(folder, one, "crt"), &d), 0);
        fwrite(d.data, 1, d.size, f);
        gnutls_free(d.data);
    }
    fclose(f);
    return path;
}

static int
shake(struct world *w, const char *chain, struct tlsa_set *set,
    const char *name, const char *resume)
{
    struct tls_params s = {.server = true,
        .priority = "NORMAL",
        .certificate = str_of(chain_of(chain))};
    struct tls_params c = {.priority = "NORMAL",
        .verify = TLS_VERIFY_DANE,
        .tlsa = set,
        .sni = "mx.example.net",
        .name = {"base.example.net", name},
        .resume = str_of(resume)};
    struct err e = {0};

    tlsfile_drop();
    assert_int_equal(conn_secure(w->server.conn, &s, 5000, &e), 0);
    assert_int_equal(conn_secure(w->client.conn, &c, 5000, &e), 0);
    turn_until(w, &w->client.count[CONN_SECURED], 1);
    return w->client.error;
}

static void
test_who_fits(void **state)
{
    static const struct {
        const char *chain, *records, *name;
        enum tls_reason why;
        const char *tlsa; /* FINE */
    } rows[] = {
        /* usage 3: the key alone, whatever else is wrong */
        {"mx", "311 mx", "mx.example.net", TLS_FINE, "3 1 1"},
        {"mx", "312 mx", "mx.example.net", TLS_FINE, "3 1 2"},
        {"mx", "301 mx", "mx.example.net", TLS_FINE, "3 0 1"},
        {"mx", "302 mx", "mx.example.net", TLS_FINE, "3 0 2"},
        {"mx", "300 mx", "mx.example.net", TLS_FINE, "3 0 0"},
        {"mx", "310 mx", "mx.example.net", TLS_FINE, "3 1 0"},
        {"mx", "311 mx", "other.example.net", TLS_FINE, "3 1 1"},
        {"self", "311 self", "mx.example.net", TLS_FINE, "3 1 1"},
        {"old", "311 old", "mx.example.net", TLS_FINE, "3 1 1"},
        {"old", "301 old", "other.example.net", TLS_FINE, "3 0 1"},
        {"mx", "311 self", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx", "311 ~mx", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx", "300 self", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx", "310 self", "mx.example.net", TLS_TLSA_INVALID, NULL},
        /* only the peer's own, not one that is sent along */
        {"self mx", "311 mx", "mx.example.net", TLS_TLSA_INVALID, NULL},
        /* a change of keys */
        {"mx", "311 self,311 mx", "mx.example.net", TLS_FINE, "3 1 1"},
        {"self", "311 self,311 mx", "mx.example.net", TLS_FINE, "3 1 1"},
        {"old", "311 self,311 mx", "mx.example.net", TLS_TLSA_INVALID, NULL},
        /* the strongest digest only, unless it is no digest at all */
        {"mx", "312 ~mx,311 mx", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx", "312 mx,311 ~mx", "mx.example.net", TLS_FINE, "3 1 2"},
        {"mx", "312 !,311 mx", "mx.example.net", TLS_FINE, "3 1 1"},
        {"mx", "302 ~mx,311 mx", "mx.example.net", TLS_FINE, "3 1 1"},
        {"mx", "312 ~mx,310 mx", "mx.example.net", TLS_FINE, "3 1 0"},
        /* usage 2: chain, dates, name */
        {"mx ca", "201 ca", "mx.example.net", TLS_FINE, "2 0 1"},
        {"mx ca", "211 ca", "mx.example.net", TLS_FINE, "2 1 1"},
        {"mx ca", "210 ca", "mx.example.net", TLS_FINE, "2 1 0"},
        {"mx ca", "201 ca", "other.example.net", TLS_WRONG_NAME, NULL},
        {"old ca", "201 ca", "mx.example.net", TLS_EXPIRED, NULL},
        {"mx ca", "201 ~ca", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx", "201 ca", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx", "200 ca", "mx.example.net", TLS_FINE, "2 0 0"},
        {"mx", "200 alien", "mx.example.net", TLS_NOT_TRUSTED, NULL},
        {"below mid", "211 mid", "mx.example.net", TLS_FINE, "2 1 1"},
        {"below mid", "201 mid", "mx.example.net", TLS_FINE, "2 0 1"},
        {"below mid ca", "201 ca", "mx.example.net", TLS_FINE, "2 0 1"},
        {"below mid ca", "201 ca", "other.example.net", TLS_WRONG_NAME, NULL},
        /* its own certificate is no authority */
        {"self", "211 self", "mx.example.net", TLS_TLSA_INVALID, NULL},
        {"mx ca", "211 mx", "mx.example.net", TLS_TLSA_INVALID, NULL},
        /* either will do */
        {"mx ca", "311 self,201 ca", "mx.example.net", TLS_FINE, "2 0 1"},
        {"mx", "311 mx,201 ca", "other.example.net", TLS_FINE, "3 1 1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tlsa_set *set = set_of(rows[i].records);
        const struct tls_facts *f;
        struct world w;
        int rc;

        assert_true(set->count > 0);
        setup(&w);
        rc = shake(&w, rows[i].chain, set, rows[i].name, NULL);
        if (conn_tls_why(w.client.conn) != rows[i].why)
            fail_msg("%s with %s: %s, %s", rows[i].chain, rows[i].records,
                tlsreason_name(conn_tls_why(w.client.conn)),
                conn_tls_error(w.client.conn));
        assert_int_equal(rc == 0, rows[i].why == TLS_FINE);
        f = conn_tls(w.client.conn);
        if (rows[i].why == TLS_FINE) {
            assert_string_equal(f->how, "dane");
            assert_string_equal(f->tlsa, rows[i].tlsa);
        } else {
            assert_null(f);
            assert_true(strlen(conn_tls_error(w.client.conn)) > 20);
        }
        tlsa_set_unref(&set);
        teardown(&w);
    }
}

/* What GnuTLS as a server would not send: chains that are none. */
static void
test_chains_that_are_none(void **state)
{
    static const struct {
        const char *chain, *records;
        bool good;
    } rows[] = {{"mx ca", "201 ca", true}, {"mx alien ca", "201 ca", true},
        /* one that signed nothing of it is no authority for it */
        {"self ca", "201 ca", false}, {"self ca", "211 ca", false},
        {"mx alien", "211 alien", false}, {"mx ca alien", "201 alien", false},
        {"alienmx alien ca", "201 ca", false},
        {"alienmx mid ca", "211 mid", false}, {"below ca", "201 ca", false},
        /* nor is one that may not sign */
        {"byleaf mx ca", "211 mx", false}, {"byleaf mx", "201 mx", false},
        {"byleaf mx ca", "201 ca", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *names[] = {"mx.example.net", NULL};
        struct tlsa_set *set = set_of(rows[i].records);
        struct str all = str_of(rows[i].chain);
        gnutls_datum_t der[4];
        gnutls_x509_crt_t crt[4];
        struct tlsdane_chain chain = {der, crt, 0};
        struct tlsdane_found found;
        struct err e = {0};
        int rc;

        while (all.n) {
            char one[64];
            unsigned n = chain.n++;

            (void)str_copy(one, sizeof(one), str_cut(&all, ' '));
            der[n] = read_der(one, false);
            gnutls_x509_crt_init(&crt[n]);
            gnutls_x509_crt_import(crt[n], &der[n], GNUTLS_X509_FMT_DER);
        }
        rc = tlsdane_judge(set, &chain, names, &found, &e);
        if ((rc == 0) != rows[i].good)
            fail_msg("%s with %s: %s", rows[i].chain, rows[i].records, e.text);
        assert_int_equal(found.why, rows[i].good ? TLS_FINE : TLS_NOT_TRUSTED);
        tlsa_set_unref(&set);
        while (chain.n) {
            gnutls_x509_crt_deinit(crt[--chain.n]);
            gnutls_free(der[chain.n].data);
        }
    }
}

/* A ticket is no way around records that have changed. */
static void
test_resumption(void **state)
{
    static const struct {
        const char *records;
        bool good, resumed;
    } rows[] = {{"311 mx", true, false}, {"311 mx", true, true},
        {"311 mx,311 self", true, false}, {"311 self", false, false},
        {"311 mx", true, true}};

    (void)state;
    tlscache_drop();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tlsa_set *set = set_of(rows[i].records);
        struct world w;

        setup(&w);
        assert_int_equal(
            shake(&w, "mx", set, "mx.example.net", "192.0.2.1:25") == 0,
            rows[i].good);
        for (int k = 0; k < 10; k++) /* tickets come behind the handshake */
            loop_turn(w.loop, 5);
        if (rows[i].good)
            assert_int_equal(conn_tls(w.client.conn)->resumed, rows[i].resumed);
        tlsa_set_unref(&set);
        teardown(&w);
    }
    tlscache_drop();
}

/* --- records alone --- */

static void
test_print(void **state)
{
    struct str rdata[] = {STR("\3\1\1"
                              "12345678901234567890123456789012"),
        STR("\2\0\1"
            "ab345678901234567890123456789012"),
        STR("\3\1\1"
            "02345678901234567890123456789012"),
        STR("\3\1\1"
            "12345678901234567890123456789012")};
    struct tlsa_set *a = tlsa_set_new(rdata, 4), *b;
    struct buf x = BUF_INIT, y = BUF_INIT;

    (void)state;
    assert_int_equal(a->count, 3); /* each once */
    assert_int_equal(a->seen, 4);
    tlsa_set_print(a, &x);
    assert_int_equal(strncmp(x.p, "2 0 1 61623334", 14), 0);
    rdata[3] = rdata[0]; /* in any order */
    rdata[0] = rdata[2];
    b = tlsa_set_new(rdata, 4);
    tlsa_set_print(b, &y);
    assert_string_equal(x.p, y.p);
    buf_fini(&x);
    buf_fini(&y);
    tlsa_set_unref(&a);
    tlsa_set_unref(&b);
}

static void
test_what_is_no_certificate(void **state)
{
    gnutls_datum_t der = read_der("mx", false);
    struct str whole = str_make(der.data, der.size);
    struct str key = tlsa_key_of(whole);
    unsigned char *copy = malloc(der.size + 1);

    (void)state;
    assert_true(key.n > 50 && key.p > whole.p);
    for (size_t n = 0; n < whole.n; n++) { /* cut off anywhere */
        unsigned char *exact = malloc(n ? n : 1);

        memcpy(exact, der.data, n);
        assert_null(tlsa_key_of(str_make(exact, n)).p);
        free(exact);
    }
    memcpy(copy, der.data, der.size); /* something behind it */
    copy[der.size] = 0;
    assert_null(tlsa_key_of(str_make(copy, der.size + 1)).p);
    free(copy);
    gnutls_free(der.data);
}

static const struct certificate all[] = {{"ca", NULL, NULL, "Test CA", 100},
    {"alien", NULL, NULL, "Other CA", 100},
    {"mid", "ca", NULL, "Test CA 2", 50},
    {"mx", "ca", "mx.example.net", "mx", 50},
    {"below", "mid", "mx.example.net", "mx", 40},
    {"byleaf", "mx", "mx.example.net", "mx", 40},
    {"alienmx", "alien", "mx.example.net", "mx", 40},
    {"self", NULL, "mx.example.net", "self", 50},
    {"old", "ca", "mx.example.net", "old", -3}};

static int
make_all(void **state)
{
    (void)state;
    folder = certificates_folder();
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strcmp(all[i].name, "mid") == 0)
            certificates_make_authority(folder, &all[i]);
        else
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
        cmocka_unit_test(test_who_fits),
        cmocka_unit_test(test_chains_that_are_none),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_what_is_no_certificate),
    };

    return cmocka_run_group_tests(tests, make_all, remove_all);
}
