/* SPDX-License-Identifier: Apache-2.0
 *
 * Canonical forms of bodies and headers (examples of RFC 6376 3.4.5 and
 * RFC 8463 A.3), what is signed, keys, and whose domain signs.  That others
 * accept the signatures is shown in tests/scenario/test_dkim.py.
 */
#include "unit.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/xmem.h"
#include "xport/dkim.h"

/* --- bodies --- */

static char *
hash_in_steps(int form, struct str body, size_t step)
{
    struct bodyhash *h = bodyhash_new(form);
    uint8_t sum[BODYHASH_SIZE];
    struct buf text = BUF_INIT;

    for (size_t at = 0; at < body.n; at += step)
        bodyhash_add(h, str_sub(body, at, step));
    bodyhash_end(&h, sum);
    assert_null(h);
    base64_encode(&text, str_make(sum, sizeof(sum)));
    return buf_detach(&text, NULL);
}

static char *
hash_plainly(struct str text)
{
    uint8_t sum[BODYHASH_SIZE];
    struct buf to = BUF_INIT;

    assert_int_equal(
        gnutls_hash_fast(GNUTLS_DIG_SHA256, text.p, text.n, sum), 0);
    base64_encode(&to, str_make(sum, sizeof(sum)));
    return buf_detach(&to, NULL);
}

static void
test_bodies(void **state)
{
    static const struct {
        const char *body, *simple, *relaxed;
    } rows[] = {
        {"", "\r\n", ""},
        {"\r\n\r\n", "\r\n", ""},
        {" \t\r\n", " \t\r\n", ""},
        {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n",
            " C\r\nD E\r\n"}, /* RFC 6376 3.4.5 */
        {"a", "a\r\n", "a\r\n"},
        {"a\r\n\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
        {"a\r\n \t\r\n\r\n", "a\r\n \t\r\n", "a\r\n"},
        {"a\r\rb\nc\r", "a\r\rb\nc\r\r\n", "a\r\rb\nc\r\r\n"},
        {"a \r b\r\n", "a \r b\r\n", "a \r b\r\n"},
        {"\r\n\r\n x\t\ty \r\n", "\r\n\r\n x\t\ty \r\n", "\r\n\r\n x y\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *simple = hash_plainly(str_of(rows[i].simple));
        char *relaxed = hash_plainly(str_of(rows[i].relaxed));

        for (size_t step = 1; step < 30; step++) {
            char *s =
                hash_in_steps(BODYHASH_SIMPLE, str_of(rows[i].body), step);
            char *r =
                hash_in_steps(BODYHASH_RELAXED, str_of(rows[i].body), step);

            assert_string_equal(s, simple);
            assert_string_equal(r, relaxed);
            free(s);
            free(r);
        }
        free(simple);
        free(relaxed);
    }
}

/* bh= of the examples of RFC 6376 A.2 and RFC 8463 A.3. */
static void
test_known_sums(void **state)
{
    char *s = hash_in_steps(BODYHASH_SIMPLE,
        STR("Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\n"
            "Joe.\r\n"),
        7);
    char *r = hash_in_steps(BODYHASH_RELAXED,
        STR("Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\n"
            "Joe.\r\n"),
        7);

    (void)state;
    assert_string_equal(s, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    assert_string_equal(r, s);
    free(s);
    free(r);
}

/* --- signatures --- */

static struct dkim_key *
make_key(int kind, gnutls_pk_algorithm_t algorithm, unsigned bits, char **pem,
    gnutls_pubkey_t *public, struct err *e)
{
    gnutls_x509_privkey_t x;
    gnutls_privkey_t p;
    gnutls_datum_t text;
    struct dkim_key *k;

    assert_int_equal(gnutls_x509_privkey_init(&x), 0);
    assert_int_equal(gnutls_x509_privkey_generate(x, algorithm, bits, 0), 0);
    assert_int_equal(gnutls_x509_privkey_export2_pkcs8(
                         x, GNUTLS_X509_FMT_PEM, NULL, 0, &text),
        0);
    if (public) {
        assert_int_equal(gnutls_privkey_init(&p), 0);
        assert_int_equal(gnutls_privkey_import_x509(p, x, 0), 0);
        assert_int_equal(gnutls_pubkey_init(public), 0);
        assert_int_equal(gnutls_pubkey_import_privkey(*public, p, 0, 0), 0);
        gnutls_privkey_deinit(p);
    }
    k = dkimkey_parse(str_make(text.data, text.size), kind, e);
    if (pem)
        *pem = strndup((char *)text.data, text.size);
    gnutls_free(text.data);
    gnutls_x509_privkey_deinit(x);
    return k;
}

#define HEADER \
    "Received: from a\r\n" \
    "\tby b; now\r\n" \
    "From:  Joe SixPack <joe@football.example.com>\r\n" \
    "To: Suzie  Q <suzie@shopping.example.net>\r\n" \
    "Subject : Is dinner\r\n" \
    " \tready?  \r\n" \
    "X-Twice: one\r\n" \
    "x-twice: two\r\n" \
    "\r\n"

static const uint8_t body_sum[BODYHASH_SIZE] = {1, 2, 3};

/* The tag's value without white space. */
static char *
tag(const char *field, const char *name)
{
    char key[16];
    struct buf b = BUF_INIT;
    const char *p;

    snprintf(key, sizeof(key), "%s=", name);
    for (p = field; (p = strstr(p, key)) != NULL; p++)
        if (strchr("\t ;", p[-1]))
            break;
    assert_non_null(p);
    for (p += strlen(key); *p && *p != ';'; p++)
        if (!strchr(" \t\r\n", *p))
            buf_char(&b, *p);
    return buf_detach(&b, NULL);
}

/* What must have been hashed: these lines, then the field without b='s value.
 */
static void
assert_signs(const char *field, int form, const char *lines,
    gnutls_pubkey_t public, gnutls_sign_algorithm_t how)
{
    const char *end = strstr(field, "\tb=") + 3;
    struct buf data = BUF_INIT, signature = BUF_INIT;
    char *b = tag(field, "b");
    gnutls_datum_t in, sig;
    uint8_t sum[32];

    assert_int_equal(base64_decode(&signature, str_of(b)), 0);
    buf_cstr(&data, lines);
    if (form == BODYHASH_SIMPLE) {
        buf_add(&data, field, (size_t)(end - field));
    } else { /* "dkim-signature:", unfolded */
        bool space = false;

        buf_cstr(&data, "dkim-signature:");
        for (const char *p = field + strlen("DKIM-Signature: "); p < end; p++) {
            if (strchr("\r\n\t ", *p)) {
                space = true;
            } else {
                if (space)
                    buf_char(&data, ' ');
                space = false;
                buf_char(&data, *p);
            }
        }
    }
    in = (gnutls_datum_t){(unsigned char *)data.p, (unsigned)data.n};
    if (how == GNUTLS_SIGN_EDDSA_ED25519) {
        gnutls_hash_fast(GNUTLS_DIG_SHA256, in.data, in.size, sum);
        in = (gnutls_datum_t){sum, sizeof(sum)};
    }
    sig = (gnutls_datum_t){(unsigned char *)signature.p, (unsigned)signature.n};
    assert_int_equal(gnutls_pubkey_verify_data2(public, how, 0, &in, &sig), 0);
    free(b);
    buf_fini(&data);
    buf_fini(&signature);
}

static const struct str sign_names[] = {
    {"from", 4}, {"Subject", 7}, {"x-twice", 7}, {"cc", 2}, {"to", 2}};
static const struct str over_names[] = {{"from", 4}, {"Cc", 2}};
static const struct str skip_names[] = {{"TO", 2}};

static struct dkim_how
how_of(int form)
{
    return (struct dkim_how){.header_form = form,
        .body_form = BODYHASH_RELAXED,
        .domain = STR("football.example.com"),
        .selector = STR("brisbane"),
        .sign = sign_names,
        .over = over_names,
        .skip = skip_names,
        .sign_count = ARRAY_SIZE(sign_names),
        .over_count = ARRAY_SIZE(over_names),
        .skip_count = ARRAY_SIZE(skip_names)};
}

static void
sign_and_check(int form, int kind, const char *lines)
{
    bool rsa = kind == DKIMKEY_RSA;
    struct dkim_how how = how_of(form);
    struct buf field = BUF_INIT;
    gnutls_pubkey_t public;
    struct err e;
    struct dkim_key *k =
        make_key(kind, rsa ? GNUTLS_PK_RSA : GNUTLS_PK_EDDSA_ED25519,
            rsa ? 2048 : 256, NULL, &public, &e);
    char *t;

    assert_non_null(k);
    how.lifetime = rsa ? 3600 : 0;
    assert_int_equal(
        dkim_sign(&how, k, STR(HEADER), body_sum, 1528637909, &field, &e), 0);
    assert_signs(field.p, form, lines, public,
        rsa ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_EDDSA_ED25519);
    t = tag(field.p, "h");
    assert_string_equal(t, "from:from:subject:x-twice:x-twice:cc");
    free(t);
    t = tag(field.p, "a");
    assert_string_equal(t, rsa ? "rsa-sha256" : "ed25519-sha256");
    free(t);
    t = tag(field.p, "bh");
    assert_string_equal(t, "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    free(t);
    assert_true(!rsa == !strstr(field.p, "x=1528641509;"));
    for (struct str rest = buf_get(&field); rest.n;)
        assert_true(str_cut(&rest, '\n').n <= 79);
    gnutls_pubkey_deinit(public);
    dkimkey_unref(&k);
    buf_fini(&field);
}

static void
test_signatures(void **state)
{
    static const char relaxed[] =
        "from:Joe SixPack <joe@football.example.com>\r\n"
        "subject:Is dinner ready?\r\n"
        "x-twice:two\r\n"
        "x-twice:one\r\n";
    static const char simple[] =
        "From:  Joe SixPack <joe@football.example.com>\r\n"
        "Subject : Is dinner\r\n"
        " \tready?  \r\n"
        "x-twice: two\r\n"
        "X-Twice: one\r\n";

    (void)state;
    sign_and_check(BODYHASH_RELAXED, DKIMKEY_RSA, relaxed);
    sign_and_check(BODYHASH_SIMPLE, DKIMKEY_RSA, simple);
    sign_and_check(BODYHASH_RELAXED, DKIMKEY_ED25519, relaxed);
}

/* Many names are folded; nothing is signed without a From; too many fields. */
static void
test_edges(void **state)
{
    struct str many[60];
    struct dkim_how how = how_of(BODYHASH_RELAXED);
    struct buf field = BUF_INIT, header = BUF_INIT;
    struct err e;
    struct dkim_key *k =
        make_key(DKIMKEY_RSA, GNUTLS_PK_RSA, 1024, NULL, NULL, &e);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = str_of(xprintf("x-field-with-a-long-name-%zu", i));
    how.over = many;
    how.over_count = ARRAY_SIZE(many);
    assert_int_equal(
        dkim_sign(&how, k, STR("From: a@b.test"), body_sum, 1, &field, &e), 0);
    for (struct str rest = buf_get(&field); rest.n;)
        assert_true(str_cut(&rest, '\n').n <= 79);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        free((void *)(uintptr_t)many[i].p);
    how = how_of(BODYHASH_RELAXED);
    buf_cut(&field, 0);
    assert_int_equal(dkim_sign(&how, k, STR("Subject: x\r\n\r\nFrom: a@b\r\n"),
                         body_sum, 1, &field, &e),
        ERR_INVAL);
    assert_int_equal(field.n, 0);
    for (int i = 0; i <= DKIM_FIELDS_MAX; i++)
        buf_cstr(&header, "From: a@b.test\r\n");
    assert_int_equal(
        dkim_sign(&how, k, buf_get(&header), body_sum, 1, &field, &e),
        ERR_LIMIT);
    buf_fini(&header);
    buf_fini(&field);
    dkimkey_unref(&k);
}

/* --- keys --- */

static void
test_keys(void **state)
{
    struct err e;
    struct dkim_key *k;

    (void)state;
    k = make_key(DKIMKEY_RSA, GNUTLS_PK_RSA, 768, NULL, NULL, &e);
    assert_null(k);
    assert_non_null(strstr(e.text, "too short"));
    k = make_key(DKIMKEY_RSA, GNUTLS_PK_EDDSA_ED25519, 256, NULL, NULL, &e);
    assert_null(k);
    assert_non_null(strstr(e.text, "no RSA key"));
    k = make_key(DKIMKEY_ED25519, GNUTLS_PK_RSA, 1024, NULL, NULL, &e);
    assert_null(k);
    assert_non_null(strstr(e.text, "no Ed25519 key"));
    assert_null(dkimkey_parse(STR("what?"), DKIMKEY_RSA, &e));
    assert_int_equal(e.code, ERR_CONF);
    assert_null(dkimkey_parse(STR(""), DKIMKEY_RSA, &e));
}

static void
put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Read once, again when it has changed and the time is over; what is missing
 * is not looked for all the time. */
static void
test_key_files(void **state)
{
    const struct dkimkey_times times = {.found = 1000, .missing = 5000};
    char path[] = "/tmp/dkim-test-XXXXXX", *pem;
    struct dkim_key *a, *b, *made;
    struct err e;

    (void)state;
    close(mkstemp(path));
    unlink(path);
    clock_fake(1000000, 0);
    assert_null(dkimkey_get(path, DKIMKEY_RSA, &times, &e));
    assert_int_equal(e.code, ERR_NOTFOUND);
    made = make_key(DKIMKEY_RSA, GNUTLS_PK_RSA, 1024, &pem, NULL, &e);
    put_file(path, pem);
    assert_null(dkimkey_get(path, DKIMKEY_RSA, &times, &e));
    assert_int_equal(e.code, ERR_NOTFOUND);
    clock_advance(5000);
    a = dkimkey_get(path, DKIMKEY_RSA, &times, &e);
    assert_non_null(a);
    clock_advance(1000);
    b = dkimkey_get(path, DKIMKEY_RSA, &times, &e);
    assert_ptr_equal(a, b);
    dkimkey_unref(&b);
    put_file(path, "no key any more");
    b = dkimkey_get(path, DKIMKEY_RSA, &times, &e);
    assert_ptr_equal(a, b); /* it is not looked at yet */
    dkimkey_unref(&b);
    clock_advance(1000);
    assert_null(dkimkey_get(path, DKIMKEY_RSA, &times, &e));
    assert_int_equal(e.code, ERR_CONF);
    dkimkey_forget_all();
    put_file(path, pem);
    dkimkey_set_most(1);
    b = dkimkey_get(path, DKIMKEY_RSA, &times, &e);
    assert_non_null(b);
    assert_null(dkimkey_get(path, DKIMKEY_ED25519, &times, &e));
    dkimkey_unref(&a);
    dkimkey_unref(&b);
    dkimkey_unref(&made);
    dkimkey_forget_all();
    unlink(path);
    free(pem);
    clock_real();
}

/* --- From --- */

static void
test_from(void **state)
{
    static const struct {
        const char *header, *domain;
    } rows[] = {
        {"From: a@b.test\r\n", "b.test"},
        {"Sender: x@y\r\nfrom: <a@B.test>\r\n\r\nFrom: c@d\r\n", "B.test"},
        {"From: \"Joe, at x@y <z@q>\" (c@d) <a@b.test>, e@f.test\r\n",
            "b.test"},
        {"From: a@b.test, c@d.test\r\n", "b.test"},
        {"From: Joe\r\n <a@b.test\r\n >\r\n", "b.test"},
        {"From: \"a\\\"@x\"@b.test\r\n", "b.test"},
        {"From: nobody\r\n", NULL},
        {"From: a@\r\n", NULL},
        {"From:\r\n", NULL},
        {"To: a@b.test\r\n\r\nFrom: a@b.test\r\n", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str d = dkim_from_domain(str_of(rows[i].header));

        if (rows[i].domain)
            assert_true(str_eq(d, str_of(rows[i].domain)));
        else
            assert_null(d.p);
    }
}

UNIT_MAIN(cmocka_unit_test(test_bodies), cmocka_unit_test(test_known_sums),
    cmocka_unit_test(test_signatures), cmocka_unit_test(test_edges),
    cmocka_unit_test(test_keys), cmocka_unit_test(test_key_files),
    cmocka_unit_test(test_from))
