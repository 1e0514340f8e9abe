/* SPDX-License-Identifier: Apache-2.0
 *
 * test-apn.c - provider tokens, answers, frames and words of notifications.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "apn.h"
#include "binary.h"
#include "jws_support.h"
#include "notice.h"
#include "reason.h"

enum { NOW = 1700000000 };
#define WALL ((int64_t)NOW * 1000)

static char pem[JWS_PEM_MOST];
static gnutls_pubkey_t public_key;

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* --- provider tokens --- */

/* What a verifier makes of it: claims; the signature is good. */
static void
verify(const char *value, const char *want)
{
    const char *token = value + 7, *dot, *last;
    unsigned char text[512], raw[512];
    gnutls_datum_t data, der, r, s;

    assert_memory_equal(value, "bearer ", 7);
    dot = strchr(token, '.');
    last = strrchr(token, '.');
    (void)jws_decode(token, (size_t)(dot - token), text);
    assert_string_equal(text, "{\"alg\":\"ES256\",\"kid\":\"KEY1234567\"}");
    (void)jws_decode(dot + 1, (size_t)(last - dot - 1), text);
    assert_string_equal(text, want);
    assert_int_equal(jws_decode(last + 1, strlen(last + 1), raw), 64);
    r = (gnutls_datum_t){raw, 32};
    s = (gnutls_datum_t){raw + 32, 32};
    assert_int_equal(gnutls_encode_rs_value(&der, &r, &s), 0);
    data = (gnutls_datum_t){
        (unsigned char *)(uintptr_t)token, (unsigned)(last - token)};
    assert_int_equal(gnutls_pubkey_verify_data2(
                         public_key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der),
        0);
    gnutls_free(der.data);
}

static struct provider_key
good_key(void)
{
    return (struct provider_key){
        str(pem), str("KEY1234567"), str("TEAM123456")};
}

/* One for an hour, of each key, renewed in time. */
static void
tokens(void **state)
{
    struct provider p;
    struct provider_key key = good_key(), other = good_key();
    char one[PROVIDER_TOKEN_MOST], two[PROVIDER_TOKEN_MOST];
    const char *why;
    uint64_t number;

    (void)state;
    assert_int_equal(provider_init(&p), 0);
    number = provider_token(&p, &key, WALL, one, &why);
    assert_true(number > 0);
    assert_null(why);
    verify(one, "{\"iss\":\"TEAM123456\",\"iat\":1700000000}");
    assert_int_equal(
        provider_token(&p, &key, WALL + PROVIDER_RENEW_MS - 1, two, &why),
        number);
    assert_string_equal(one, two);
    other.team_id = str("OTHER");
    assert_true(provider_token(&p, &other, WALL, two, &why) > 0);
    verify(two, "{\"iss\":\"OTHER\",\"iat\":1700000000}");
    assert_true(
        provider_token(&p, &key, WALL + PROVIDER_RENEW_MS, two, &why) > number);
    verify(two, "{\"iss\":\"TEAM123456\",\"iat\":1700002700}");
    /* the clock was set back: one of the future is of no use */
    assert_true(provider_token(&p, &key, WALL - 5000, two, &why) > number + 1);
    verify(two, "{\"iss\":\"TEAM123456\",\"iat\":1699999995}");
    provider_fini(&p);
}

/* Signatures whose halves begin with zeros have 64 octets all the same. */
static void
signatures(void **state)
{
    struct provider p;
    struct provider_key key = good_key();
    char token[PROVIDER_TOKEN_MOST], want[80];
    const char *why;

    (void)state;
    assert_int_equal(provider_init(&p), 0);
    for (int64_t i = 0; i < 600; i++) {
        assert_true(provider_token(&p, &key, WALL + i * PROVIDER_RENEW_MS,
                        token, &why) > 0);
        (void)snprintf(want, sizeof(want),
            "{\"iss\":\"TEAM123456\",\"iat\":%lld}",
            (long long)(NOW + i * (PROVIDER_RENEW_MS / 1000)));
        verify(token, want);
    }
    provider_fini(&p);
}

static void
expired(void **state)
{
    struct provider p;
    struct provider_key key = good_key();
    char token[PROVIDER_TOKEN_MOST];
    const char *why;
    uint64_t first, second;

    (void)state;
    assert_int_equal(provider_init(&p), 0);
    first = provider_token(&p, &key, WALL, token, &why);
    assert_true(provider_expired(&p, &key, first, WALL));
    assert_true(provider_expired(&p, &key, first, WALL)); /* another session */
    second = provider_token(&p, &key, WALL + 1, token, &why);
    assert_true(second != first);
    assert_true(provider_expired(&p, &key, first, WALL + 2));
    /* and again within 20 minutes: our clock is wrong, or theirs */
    assert_false(provider_expired(&p, &key, second, WALL + 3));
    assert_int_equal(provider_token(&p, &key, WALL + 4, token, &why), second);
    assert_true(provider_expired(&p, &key, second, WALL + PROVIDER_FORCED_MS));
    provider_fini(&p);
}

static void
many_keys(void **state)
{
    struct provider p;
    struct provider_key key = good_key();
    char token[PROVIDER_TOKEN_MOST], id[20];
    const char *why;
    uint64_t first;

    (void)state;
    assert_int_equal(provider_init(&p), 0);
    first = provider_token(&p, &key, WALL, token, &why);
    for (int i = 0; i < PROVIDER_KEYS + 5; i++) {
        (void)snprintf(id, sizeof(id), "K%d", i);
        key.key_id = str(id);
        assert_true(provider_token(&p, &key, WALL + 10 + i, token, &why) > 0);
    }
    key = good_key(); /* it had to go, and is made again */
    assert_true(provider_token(&p, &key, WALL + 9999, token, &why) >= first);
    verify(token, "{\"iss\":\"TEAM123456\",\"iat\":1700000009}");
    provider_fini(&p);
}

static void
bad_keys(void **state)
{
    static char rsa[JWS_PEM_MOST], p384[JWS_PEM_MOST];
    struct provider_key key = good_key();

    (void)state;
    jws_new_key(GNUTLS_PK_RSA, 2048, rsa, NULL);
    jws_new_key(GNUTLS_PK_ECDSA,
        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), p384, NULL);
    assert_null(provider_check(&key));
    key.pem = str(rsa);
    assert_non_null(strstr(provider_check(&key), "ES256"));
    key.pem = str(p384);
    assert_non_null(strstr(provider_check(&key), "ES256"));
    key.pem = str("nonsense");
    assert_non_null(strstr(provider_check(&key), "PEM"));
    key = good_key();
    key.key_id = str("\"}");
    assert_non_null(strstr(provider_check(&key), "apn_key_id"));
    key = good_key();
    key.team_id = str("");
    assert_non_null(strstr(provider_check(&key), "apn_team_id"));
}

/* --- answers --- */

static struct reason
answer(int status, const char *body, const char *retry)
{
    static struct impel_pair p;
    static struct reason r;
    struct h2_answer a = {.status = status, .body = str(body)};

    p = (struct impel_pair){str("retry-after"), str(retry)};
    a.header = &p;
    a.header_count = retry[0] ? 1 : 0;
    reason_of(&a, WALL, &r);
    return r;
}

static void
reasons(void **state)
{
    struct reason r;

    (void)state;
    r = answer(200, "", "");
    assert_int_equal(r.result.verdict, IMPEL_DELIVERED);
    r = answer(
        410, "{\"reason\":\"Unregistered\",\"timestamp\":1600000000123}", "");
    assert_int_equal(r.result.verdict, IMPEL_FAILED);
    assert_int_equal(r.result.blame, IMPEL_BLAME_RCPT);
    assert_int_equal(r.result.code, 410);
    assert_int_equal(
        r.result.status[0] * 100 + r.result.status[1] * 10 + r.result.status[2],
        511);
    assert_true(r.unregistered);
    assert_int_equal(r.since, 1600000000123);
    assert_string_equal(r.words, "Unregistered");
    r = answer(403, "{\"reason\":\"ExpiredProviderToken\"}", "");
    assert_true(r.expired);
    assert_int_equal(r.result.blame, IMPEL_BLAME_ROUTE);
    r = answer(429, "{\"reason\":\"TooManyRequests\"}", "");
    assert_int_equal(r.result.retry_after, 60000);
    r = answer(429, "{\"reason\":\"TooManyRequests\"}", "90");
    assert_int_equal(r.result.retry_after, 90000);
    assert_int_equal(r.result.blame, IMPEL_BLAME_RCPT);
    r = answer(429, "{\"reason\":\"TooManyRequests\"}", "2");
    assert_int_equal(r.result.retry_after, 2000);
    r = answer(429, "{\"reason\":\"TooManyRequests\"}", "0");
    assert_int_equal(r.result.retry_after, 60000);
    r = answer(503, "{\"reason\":\"ServiceUnavailable\"}", "");
    assert_int_equal(r.result.blame, IMPEL_BLAME_HOST);
    assert_int_equal(r.result.retry_after, -1);
    r = answer(503, "{\"reason\":\"ServiceUnavailable\"}", "5");
    assert_int_equal(r.result.blame, IMPEL_BLAME_ROUTE);
    assert_int_equal(r.result.retry_after, 5000);
    r = answer(302, "", "");
    assert_int_equal(r.result.verdict, IMPEL_RETRY);
    r = answer(404, "<html>", "");
    assert_int_equal(r.result.verdict, IMPEL_FAILED);
    assert_non_null(strstr(r.words, "without a reason"));
    /* the name counts before the number */
    r = answer(400, "{\"reason\":\"InternalServerError\"}", "");
    assert_int_equal(r.result.verdict, IMPEL_RETRY);
    r = answer(500, "{\"reason\":\"a\\nb\\u0000\"}", "");
    assert_null(strchr(r.words, '\n'));
    r = answer(400, "{\"reason\":\"x\",\"reason\":\"y\"}", "");
    assert_int_equal(r.result.verdict, IMPEL_FAILED);
}

static void
statuses(void **state)
{
    static const struct {
        int status, verdict, blame;
    } rows[] = {{1, IMPEL_RETRY, IMPEL_BLAME_MESSAGE},
        {2, IMPEL_FAILED, IMPEL_BLAME_RCPT},
        {5, IMPEL_FAILED, IMPEL_BLAME_RCPT},
        {7, IMPEL_FAILED, IMPEL_BLAME_MESSAGE},
        {8, IMPEL_FAILED, IMPEL_BLAME_RCPT},
        {10, IMPEL_RETRY, IMPEL_BLAME_SESSION},
        {128, IMPEL_RETRY, IMPEL_BLAME_MESSAGE},
        {255, IMPEL_RETRY, IMPEL_BLAME_MESSAGE}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reason r;

        reason_binary((uint8_t)rows[i].status, &r);
        assert_int_equal(r.result.verdict, rows[i].verdict);
        assert_int_equal(r.result.blame, rows[i].blame);
    }
}

/* --- frames --- */

static void
frames(void **state)
{
    struct notice n = {.payload = (char *)(uintptr_t) "{}",
        .payload_n = 2,
        .expiration = 0x01020304};
    uint8_t to[BINARY_FRAME_MOST], status;
    uint32_t id;
    static const uint8_t want[] = {2, 0, 0, 0, 28, 1, 0, 2, 0xab, 0x09, 2, 0, 2,
        '{', '}', 3, 0, 4, 0, 0, 1, 2, 4, 0, 4, 1, 2, 3, 4, 5, 0, 1, 10};

    (void)state;
    assert_int_equal(binary_frame(&n, "ab09", 258, to), sizeof(want));
    assert_memory_equal(to, want, sizeof(want));
    n.expiration = (int64_t)1 << 40;
    memcpy(n.priority, "5", 2);
    assert_int_equal(binary_frame(&n, "ab09", 258, to), sizeof(want));
    assert_memory_equal(to + 25, "\xff\xff\xff\xff", 4);
    assert_int_equal(to[32], 5);
    assert_true(binary_error(
        (const uint8_t *)"\x08\x07\x00\x01\x02\x03", &status, &id));
    assert_int_equal(status, 7);
    assert_int_equal(id, 0x010203);
    assert_false(binary_error(
        (const uint8_t *)"\x07\x07\x00\x01\x02\x03", &status, &id));
}

static void
devices(void **state)
{
    char to[NOTICE_TOKEN_MOST + 1];
    char long_one[NOTICE_TOKEN_MOST + 3];

    (void)state;
    assert_true(notice_token(str("ABcd09"), to));
    assert_string_equal(to, "abcd09");
    assert_false(notice_token(str(""), to));
    assert_false(notice_token(str("abc"), to));
    assert_false(notice_token(str("ab/."), to));
    assert_false(notice_token((struct impel_str){"ab\0\0", 4}, to));
    memset(long_one, 'a', sizeof(long_one));
    long_one[sizeof(long_one) - 1] = '\0';
    assert_false(notice_token(str(long_one), to));
    long_one[NOTICE_TOKEN_MOST] = '\0';
    assert_true(notice_token(str(long_one), to));
}

static int
start(void **state)
{
    (void)state;
    jws_new_key(GNUTLS_PK_ECDSA,
        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), pem, &public_key);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    gnutls_pubkey_deinit(public_key);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens),
        cmocka_unit_test(signatures), cmocka_unit_test(expired),
        cmocka_unit_test(many_keys), cmocka_unit_test(bad_keys),
        cmocka_unit_test(reasons), cmocka_unit_test(statuses),
        cmocka_unit_test(frames), cmocka_unit_test(devices)};

    return cmocka_run_group_tests(tests, start, stop);
}
