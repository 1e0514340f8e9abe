/* SPDX-License-Identifier: Apache-2.0
 *
 * test-jwt.c - tokens signed by keys that are made here.
 */
#include "unit.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "base/base64.h"
#include "base/xmem.h"
#include "intake/jwt.h"

enum { RSA, EC, ED, SIGNERS };

static gnutls_privkey_t signer[SIGNERS];
static const struct {
    gnutls_pk_algorithm_t kind;
    unsigned bits;
    const char *name;
    gnutls_sign_algorithm_t sign;
} kinds[SIGNERS] = {{GNUTLS_PK_RSA, 2048, "RS256", GNUTLS_SIGN_RSA_SHA256},
    {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), "ES256",
        GNUTLS_SIGN_ECDSA_SHA256},
    {GNUTLS_PK_EDDSA_ED25519, 0, "EdDSA", GNUTLS_SIGN_EDDSA_ED25519}};

static void
add_member(struct buf *to, const char *name, const gnutls_datum_t *d)
{
    buf_printf(to, ",\"%s\":\"", name);
    base64url_encode(to, str_make(d->data, d->size));
    buf_char(to, '"');
}

/* Without the zero that GnuTLS puts before a number whose first bit is set. */
static gnutls_datum_t
bare(gnutls_datum_t d, unsigned size)
{
    if (d.size > size)
        return (gnutls_datum_t){d.data + (d.size - size), size};
    return d;
}

static struct jwt_keys *
made_keys(const char *more)
{
    gnutls_datum_t a, b, c;
    gnutls_ecc_curve_t curve;
    struct buf text = BUF_INIT;
    struct jwt_keys *k;
    struct err e = {0};

    buf_printf(&text, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\"%s", more);
    assert_int_equal(gnutls_privkey_export_rsa_raw(signer[RSA], &a, &b, NULL,
                         NULL, NULL, NULL, NULL, NULL),
        0);
    add_member(&text, "n", &a);
    add_member(&text, "e", &b);
    gnutls_free(a.data);
    gnutls_free(b.data);
    buf_cstr(&text, "},{\"kty\":\"EC\",\"crv\":\"P-256\"");
    assert_int_equal(
        gnutls_privkey_export_ecc_raw(signer[EC], &curve, &a, &b, &c), 0);
    gnutls_datum_t x = bare(a, 32), y = bare(b, 32);
    add_member(&text, "x", &x);
    add_member(&text, "y", &y);
    gnutls_free(a.data);
    gnutls_free(b.data);
    gnutls_free(c.data);
    buf_cstr(&text, "},{\"kty\":\"OKP\",\"crv\":\"Ed25519\"");
    assert_int_equal(
        gnutls_privkey_export_ecc_raw(signer[ED], &curve, &a, NULL, &c), 0);
    add_member(&text, "x", &a);
    gnutls_free(a.data);
    gnutls_free(c.data);
    buf_cstr(&text, "},{\"kty\":\"RSA\",\"use\":\"enc\"}]}");
    k = jwt_parse(buf_get(&text), &e);
    if (!k)
        fail_msg("%s in %s", e.text, text.p);
    buf_fini(&text);
    return k;
}

static void
add_signature(struct buf *to, int by)
{
    gnutls_datum_t data = {(unsigned char *)to->p, (unsigned)to->n}, sig, r, s;
    unsigned char raw[64] = {0};

    assert_int_equal(
        gnutls_privkey_sign_data2(signer[by], kinds[by].sign, 0, &data, &sig),
        0);
    buf_char(to, '.');
    if (by != EC) {
        base64url_encode(to, str_make(sig.data, sig.size));
    } else {
        assert_int_equal(gnutls_decode_rs_value(&sig, &r, &s), 0);
        gnutls_datum_t br = bare(r, 32), bs = bare(s, 32);
        memcpy(raw + 32 - br.size, br.data, br.size);
        memcpy(raw + 64 - bs.size, bs.data, bs.size);
        base64url_encode(to, str_make(raw, sizeof(raw)));
        gnutls_free(r.data);
        gnutls_free(s.data);
    }
    gnutls_free(sig.data);
}

static char *
made_token(int by, const char *algorithm, const char *more, const char *claims)
{
    struct buf b = BUF_INIT, head = BUF_INIT;

    buf_printf(&head, "{\"alg\":\"%s\"%s}", algorithm, more);
    base64url_encode(&b, buf_get(&head));
    buf_char(&b, '.');
    base64url_encode(&b, str_of(claims));
    add_signature(&b, by);
    buf_fini(&head);
    return buf_detach(&b, NULL);
}

/* The name, or "!" and why not; freed by the caller. */
static char *
checked(const struct jwt_keys *k, const char *token)
{
    struct jwt_want want = {.issuer = STR("https://id.test"),
        .audience = STR("mail"),
        .claim = STR("email"),
        .now = 1000000};
    struct buf name = BUF_INIT;
    struct err e = {0};
    int rc = jwt_check(k, str_of(token), &want, &name, &e);

    if (rc == 0)
        return buf_detach(&name, NULL);
    assert_int_equal(rc, ERR_DENIED);
    buf_fini(&name);
    return xprintf("!%s", e.text);
}

static void
expect(int by, const char *algorithm, const char *more, const char *claims,
    const char *want)
{
    struct jwt_keys *k = made_keys("");
    char *token = made_token(by, algorithm, more, claims);
    char *got = checked(k, token);

    assert_string_equal(got, want);
    free(got);
    free(token);
    jwt_put(&k);
}

#define CLAIMS(aud, exp, rest) \
    "{\"iss\":\"https://id.test\",\"aud\":" aud ",\"exp\":" exp rest "}"
#define GOOD \
    CLAIMS("\"mail\"", "1000100", ",\"email\":\"al@x.test\",\"nbf\":999000")

static void
algorithms(void **state)
{
    static const char no[] = "!not signed by a key that is known";

    (void)state;
    for (int i = 0; i < SIGNERS; i++)
        expect(i, kinds[i].name, "", GOOD, "al@x.test");
    expect(RSA, "RS256", ",\"kid\":\"r\"", GOOD, "al@x.test");
    expect(RSA, "RS256", ",\"kid\":\"other\"", GOOD, no);
    expect(RSA, "none", "", GOOD, no);
    expect(RSA, "HS256", "", GOOD, no);
    expect(RSA, "ES256", "", GOOD, no);
    expect(RSA, "RS384", "", GOOD, no);
    expect(EC, "EdDSA", "", GOOD, no);
    expect(RSA, "RS256", ",\"crit\":[\"x\"]", GOOD, "!no token");
}

static void
claims(void **state)
{
    static const struct {
        const char *claims, *want;
    } rows[] = {
        {CLAIMS("[\"x\",\"mail\"]", "1000100", ",\"email\":\"a\""), "a"},
        {CLAIMS("[\"x\"]", "1000100", ",\"email\":\"a\""), "!another audience"},
        {CLAIMS("{}", "1000100", ",\"email\":\"a\""), "!another audience"},
        {"{\"iss\":\"https://evil.test\",\"aud\":\"mail\",\"exp\":1000100,"
         "\"email\":\"a\"}",
            "!another issuer"},
        {CLAIMS("\"mail\"", "999940", ",\"email\":\"a\""), "!expired"},
        {CLAIMS("\"mail\"", "999941", ",\"email\":\"a\""), "a"},
        {CLAIMS("\"mail\"", "\"1000100\"", ",\"email\":\"a\""), "!expired"},
        {"{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"email\":\"a\"}",
            "!expired"},
        {CLAIMS("\"mail\"", "1000100", ",\"email\":\"a\",\"nbf\":1000061"),
            "!not valid yet"},
        {CLAIMS("\"mail\"", "1000100", ",\"sub\":\"a\""), "!no name"},
        {CLAIMS("\"mail\"", "1000100",
             ",\"email\":\"a\",\"email_verified\":false"),
            "!an address that was not verified"},
        {"[]", "!no claims"}, {"", "!no claims"},
        {CLAIMS("\"mail\"", "1", ",\"exp\":1000100,\"email\":\"a\""),
            "!no claims"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect(ED, "EdDSA", "", rows[i].claims, rows[i].want);
}

/* Each octet of a token counts. */
static void
changed(void **state)
{
    struct jwt_keys *k = made_keys(",\"alg\":\"RS256\"");
    char *token = made_token(ED, "EdDSA", "", GOOD);
    size_t n = strlen(token);

    (void)state;
    for (size_t i = 0; i + 1 < n; i++) {
        char was = token[i], *got;

        token[i] = was == 'A' ? 'B' : 'A';
        got = checked(k, token);
        assert_int_equal(got[0], '!');
        free(got);
        token[i] = was;
    }
    for (size_t i = 0; i < n; i++) {
        char was = token[i], *got;

        token[i] = 0;
        got = checked(k, token);
        assert_int_equal(got[0], '!');
        free(got);
        token[i] = was;
    }
    free(token);
    jwt_put(&k);
}

static void
bad_files(void **state)
{
    static const char *const bad[] = {"", "{}", "[]", "{\"keys\":[]}",
        "{\"keys\":[{}]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\","
        "\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}]}",
        "{\"keys\":[{\"use\":\"enc\"}]}"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct jwt_keys *k = jwt_parse(str_of(bad[i]), &e);

        if (k)
            fail_msg("was taken: %s", bad[i]);
    }
    assert_int_equal(jwt_read(STR("/nonexistent/x"), &e), ERR_CONF);
    assert_null(jwt_get(STR("/nonexistent/x"), &e));
    jwt_drop();
}

static int
make_signers(void **state)
{
    (void)state;
    for (int i = 0; i < SIGNERS; i++)
        if (gnutls_privkey_init(&signer[i]) < 0 ||
            gnutls_privkey_generate(
                signer[i], kinds[i].kind, kinds[i].bits, 0) < 0)
            return -1;
    return 0;
}

static int
drop_signers(void **state)
{
    (void)state;
    for (int i = 0; i < SIGNERS; i++)
        gnutls_privkey_deinit(signer[i]);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(algorithms),
        cmocka_unit_test(claims), cmocka_unit_test(changed),
        cmocka_unit_test(bad_files)};

    return cmocka_run_group_tests(tests, make_signers, drop_signers);
}
