/* SPDX-License-Identifier: Apache-2.0
 *
 * test-oauth.c - accounts, access tokens, quotas.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <jansson.h>

#include "account.h"
#include "gcm.h"
#include "jws_support.h"
#include "oauth.h"
#include "quota.h"

#define WALL ((int64_t)1700000000 * 1000)
#define TOKEN_URI "https://oauth2.example/token"

static char rsa[JWS_PEM_MOST], ecdsa[JWS_PEM_MOST], small[JWS_PEM_MOST];
static gnutls_pubkey_t public_key;

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* A key file; to be freed. */
static char *
key_file(const char *pem, const char *email)
{
    json_t *root = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "type",
        "service_account", "project_id", "app-1", "private_key_id", "kid1",
        "private_key", pem, "client_email", email, "token_uri", TOKEN_URI);
    char *text = json_dumps(root, 0);

    json_decref(root);
    return text;
}

/* --- the host --- */

static int64_t clock_ms;
static int64_t counts[COUNT_MAX];
static struct {
    impel_fetched_f *fn;
    void *arg;
    char url[256], body[ACCOUNT_FORM_MOST];
    int begun, rc;
} asked;
static uint64_t woken[8];
static size_t woken_count;

static int64_t
host_now(void)
{
    return clock_ms;
}

static void
host_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    (void)i;
    counts[counter] += by;
}

static int
host_fetch(struct impel_instance *i, const struct impel_fetch *f,
    impel_fetched_f *fn, void *arg)
{
    (void)i;
    asked.begun++;
    asked.fn = fn;
    asked.arg = arg;
    (void)snprintf(asked.url, sizeof(asked.url), "%s", f->url);
    (void)snprintf(
        asked.body, sizeof(asked.body), "%.*s", (int)f->body.n, f->body.p);
    assert_string_equal(f->method, "POST");
    assert_int_equal(f->header_count, 1);
    return asked.rc;
}

static int
host_wake(struct impel_instance *i, uint64_t session, int64_t arg)
{
    (void)i, (void)arg;
    woken[woken_count++ % 8] = session;
    return 0;
}

static void IMPEL_PRINTF(4, 5) host_log(struct impel_instance *i,
    struct impel_session *s, int level, const char *fmt, ...)
{
    (void)i, (void)s, (void)level, (void)fmt;
}

static const struct impel_host host = {.size = sizeof(host),
    .now = host_now,
    .count = host_count,
    .fetch = host_fetch,
    .wake = host_wake,
    .log = host_log};

static const struct oauth_counters counters = {
    COUNT_TOKENS, COUNT_TOKENS_FAILED, COUNT_TOKENS_REFUSED};

static int
fresh(void **state)
{
    (void)state;
    clock_ms = 1000000;
    memset(&counts, 0, sizeof(counts));
    memset(&asked, 0, sizeof(asked));
    woken_count = 0;
    return 0;
}

/* --- accounts --- */

/* What the token endpoint makes of the form. */
static void
verify_form(const char *form, const char *email)
{
    static const char grant[] = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3A"
                                "grant-type%3Ajwt-bearer&assertion=";
    const char *token = form + sizeof(grant) - 1, *dot, *last;
    unsigned char text[1024], raw[1024];
    gnutls_datum_t data, signature;
    json_t *claims;

    assert_memory_equal(form, grant, sizeof(grant) - 1);
    dot = strchr(token, '.');
    last = strrchr(token, '.');
    (void)jws_decode(token, (size_t)(dot - token), text);
    assert_string_equal(
        text, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"kid1\"}");
    (void)jws_decode(dot + 1, (size_t)(last - dot - 1), text);
    claims = json_loads((char *)text, 0, NULL);
    assert_string_equal(
        json_string_value(json_object_get(claims, "iss")), email);
    assert_string_equal(
        json_string_value(json_object_get(claims, "aud")), TOKEN_URI);
    assert_string_equal(json_string_value(json_object_get(claims, "scope")),
        "https://www.googleapis.com/auth/firebase.messaging");
    assert_int_equal(
        json_integer_value(json_object_get(claims, "iat")), WALL / 1000);
    assert_int_equal(
        json_integer_value(json_object_get(claims, "exp")), WALL / 1000 + 3600);
    json_decref(claims);
    signature.data = raw;
    signature.size = (unsigned)jws_decode(last + 1, strlen(last + 1), raw);
    data = (gnutls_datum_t){
        (unsigned char *)(uintptr_t)token, (unsigned)(last - token)};
    assert_int_equal(gnutls_pubkey_verify_data2(public_key,
                         GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature),
        0);
}

static void
accounts(void **state)
{
    static char form[ACCOUNT_FORM_MOST];
    char *file = key_file(rsa, "a\"b@app-1.example");
    struct account a;

    (void)state;
    assert_null(account_read(str(file), &a));
    assert_string_equal(a.project, "app-1");
    assert_true(account_form(&a, WALL, form));
    verify_form(form, "a\"b@app-1.example");
    account_fini(&a);
    free(file);
}

static void
bad_account(const char *text, const char *words)
{
    struct account a;
    const char *wrong = account_read(str(text), &a);

    assert_non_null(wrong);
    assert_non_null(strstr(wrong, words));
    account_fini(&a);
}

static void
bad_accounts(void **state)
{
    static const struct {
        const char *member, *value, *words;
    } rows[] = {{"type", "authorized_user", "type service_account"},
        {"client_email", "", "client_email"},
        {"private_key_id", "a b", "private_key_id"},
        {"project_id", "../x", "project_id"},
        {"token_uri", "http://x/", "token_uri"},
        {"private_key", "nonsense", "PEM form"}};
    char *file = key_file(rsa, "a@b"), *changed;

    (void)state;
    bad_account("file", "no JSON object");
    bad_account("[]", "no JSON object");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *root = json_loads(file, 0, NULL);

        json_object_set_new(root, rows[i].member, json_string(rows[i].value));
        changed = json_dumps(root, 0);
        bad_account(changed, rows[i].words);
        free(changed);
        json_decref(root);
    }
    free(file);
    file = key_file(ecdsa, "a@b");
    bad_account(file, "RSA");
    free(file);
    file = key_file(small, "a@b");
    bad_account(file, "2048");
    free(file);
}

/* --- access tokens --- */

static char *file_a;
static char token[OAUTH_TOKEN_MOST], why[OAUTH_WHY_MOST];

static uint64_t
want(struct oauth *o, uint64_t session)
{
    return oauth_token(o, str(file_a), WALL, session, token, why);
}

static void
answer(int status, const char *body)
{
    struct impel_fetched a = {.size = sizeof(a), .status = status};

    if (status)
        a.body = str(body);
    else
        a.error = str("the host has no address");
    asked.fn(asked.arg, &a);
}

static void
new_oauth(struct oauth *o)
{
    assert_int_equal(oauth_init(o, &host, NULL, &counters), 0);
}

/* One request, however many want a token, and all of them are woken. */
static void
one_for_all(void **state)
{
    struct oauth o;
    uint64_t number;

    (void)state;
    new_oauth(&o);
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(want(&o, i), 0);
        assert_string_equal(why, "");
    }
    assert_int_equal(asked.begun, 1);
    assert_string_equal(asked.url, TOKEN_URI);
    verify_form(asked.body, "a@b");
    answer(200,
        "{\"access_token\":\"ya29.x\",\"expires_in\":3599,"
        "\"token_type\":\"Bearer\"}");
    assert_int_equal(woken_count, 5);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(woken[i - 1], i);
    number = want(&o, 1);
    assert_true(number > 0);
    assert_string_equal(token, "Bearer ya29.x");
    clock_ms += 3599000 - OAUTH_AHEAD_MS - 1;
    assert_int_equal(want(&o, 1), number);
    assert_int_equal(asked.begun, 1);
    /* the old one serves while another is fetched, by one of them */
    clock_ms += 1;
    assert_int_equal(want(&o, 1), number);
    assert_int_equal(want(&o, 2), number);
    assert_int_equal(asked.begun, 2);
    answer(200, "{\"access_token\":\"ya29.y\",\"expires_in\":3599}");
    assert_true(want(&o, 1) > number);
    assert_string_equal(token, "Bearer ya29.y");
    assert_int_equal(counts[COUNT_TOKENS], 2);
    assert_int_equal(woken_count, 5);
    oauth_fini(&o);
}

/* Others are told why, and nobody asks again too soon. */
static void
failures(void **state)
{
    static const struct {
        int status;
        const char *body, *words;
    } rows[] = {{0, "", "no address"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\"}",
            "invalid_grant: gone"},
        {500, "<html>", "status 500"}, {200, "{}", "access_token"},
        {200, "{\"access_token\":\"a b\",\"expires_in\":1}", "access_token"},
        {200, "{\"access_token\":\"ab\"}", "expires_in"},
        {200, "[[[[", "access_token"}};
    struct oauth o;
    int64_t wait = OAUTH_FIRST_MS;

    (void)state;
    new_oauth(&o);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(want(&o, 7), 0);
        assert_string_equal(why, "");
        assert_int_equal(asked.begun, i + 1);
        answer(rows[i].status, rows[i].body);
        assert_int_equal(woken_count, i + 1);
        assert_int_equal(want(&o, 7), 0);
        assert_non_null(strstr(why, rows[i].words));
        clock_ms += wait - 1;
        assert_int_equal(want(&o, 7), 0);
        assert_non_null(strstr(why, rows[i].words));
        clock_ms += 1;
        wait = wait * 2 > OAUTH_LAST_MS ? OAUTH_LAST_MS : wait * 2;
    }
    assert_int_equal(counts[COUNT_TOKENS_FAILED], 7);
    asked.rc = IMPEL_E_FULL;
    assert_int_equal(want(&o, 7), 0);
    assert_int_equal(woken_count, 8);
    assert_int_equal(want(&o, 7), 0);
    assert_non_null(strstr(why, "cannot be made"));
    oauth_fini(&o);
}

/* A renewal that fails does not take away what is still good. */
static void
late_renewal(void **state)
{
    struct oauth o;
    uint64_t number;

    (void)state;
    new_oauth(&o);
    (void)want(&o, 1);
    answer(200, "{\"access_token\":\"a\",\"expires_in\":3600}");
    clock_ms += 3600000 - OAUTH_AHEAD_MS;
    number = want(&o, 1);
    answer(503, "");
    assert_int_equal(want(&o, 1), number);
    assert_int_equal(asked.begun, 2);
    clock_ms += OAUTH_FIRST_MS;
    assert_int_equal(want(&o, 1), number);
    assert_int_equal(asked.begun, 3);
    clock_ms += OAUTH_AHEAD_MS - OAUTH_FIRST_MS;
    assert_int_equal(want(&o, 1), 0); /* expired, and one is under way */
    assert_string_equal(why, "");
    assert_int_equal(asked.begun, 3);
    answer(200, "{\"access_token\":\"b\",\"expires_in\":3600}");
    assert_true(want(&o, 1) > number);
    oauth_fini(&o);
}

static void
revoked(void **state)
{
    struct oauth o;
    uint64_t first, second;

    (void)state;
    new_oauth(&o);
    (void)want(&o, 1);
    answer(200, "{\"access_token\":\"a\",\"expires_in\":3600}");
    first = want(&o, 1);
    assert_true(oauth_refused(&o, str(file_a), first));
    assert_true(oauth_refused(&o, str(file_a), first)); /* another session */
    assert_int_equal(counts[COUNT_TOKENS_REFUSED], 1);
    assert_int_equal(want(&o, 2), 0);
    assert_int_equal(asked.begun, 2);
    answer(200, "{\"access_token\":\"b\",\"expires_in\":3600}");
    second = want(&o, 2);
    assert_true(second != first);
    assert_true(oauth_refused(&o, str(file_a), first));
    /* and this one, too: it is not the token */
    assert_false(oauth_refused(&o, str(file_a), second));
    assert_int_equal(want(&o, 2), second);
    clock_ms += OAUTH_FORCED_MS;
    assert_true(oauth_refused(&o, str(file_a), second));
    oauth_fini(&o);
}

static void
many_accounts(void **state)
{
    struct oauth o;
    char name[16];

    (void)state;
    new_oauth(&o);
    (void)want(&o, 1);
    answer(200, "{\"access_token\":\"a\",\"expires_in\":3600}");
    for (int i = 0; i < OAUTH_ACCOUNTS; i++) {
        clock_ms++;
        (void)snprintf(name, sizeof(name), "%d@b", i);
        char *file = key_file(rsa, name);

        assert_int_equal(oauth_token(&o, str(file), WALL, 9, token, why), 0);
        assert_string_equal(why, "");
        free(file);
    }
    /* all of them are being fetched, and the first has gone */
    assert_int_equal(want(&o, 1), 0);
    assert_non_null(strstr(why, "too many accounts"));
    oauth_fini(&o);
}

/* --- many loops --- */

enum { LOOPS = 4, TIMES = 500 };
static struct oauth *shared;
static struct quota shared_quota;
static atomic_int wrong; /* cmocka judges on its own thread only */

static void *
loop_asks(void *arg)
{
    char mine[OAUTH_TOKEN_MOST], reason[OAUTH_WHY_MOST];
    uint64_t project = quota_project(str("p")), number;

    for (uint64_t i = 0; i < TIMES; i++) {
        number = oauth_token(
            shared, str(file_a), WALL, (uint64_t)(uintptr_t)arg, mine, reason);
        wrong += reason[0] || (number && strcmp(mine, "Bearer a") != 0);
        (void)quota_refused(&shared_quota, project, (int64_t)i, -1);
        quota_taken(&shared_quota, project, (int64_t)i);
    }
    return NULL;
}

static void
from_all_loops(void)
{
    pthread_t loop[LOOPS];

    for (uintptr_t i = 0; i < LOOPS; i++)
        assert_int_equal(
            pthread_create(&loop[i], NULL, loop_asks, (void *)(i + 1)), 0);
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_join(loop[i], NULL), 0);
    assert_int_equal(wrong, 0);
}

/* Whoever comes first asks for a token, and nobody else does. */
static void
many_loops(void **state)
{
    struct oauth o;

    (void)state;
    new_oauth(&o);
    shared = &o;
    assert_int_equal(quota_init(&shared_quota), 0);
    from_all_loops();
    assert_int_equal(asked.begun, 1);
    answer(200, "{\"access_token\":\"a\",\"expires_in\":3600}");
    assert_int_equal(woken_count, LOOPS * TIMES);
    from_all_loops();
    assert_int_equal(asked.begun, 1);
    quota_fini(&shared_quota);
    oauth_fini(&o);
}

/* --- quotas --- */

static void
quotas(void **state)
{
    struct quota q;
    uint64_t one = quota_project(str("one")), two = quota_project(str("two"));

    (void)state;
    assert_int_equal(quota_init(&q), 0);
    quota_taken(&q, one, 0);
    assert_int_equal(quota_refused(&q, one, 0, -1), 60000);
    /* those that were under way */
    assert_int_equal(quota_refused(&q, one, 1000, -1), 59000);
    quota_taken(&q, one, 2000);
    assert_int_equal(quota_refused(&q, two, 2000, -1), 60000);
    assert_int_equal(quota_refused(&q, one, 60000, -1), 120000);
    assert_int_equal(quota_refused(&q, one, 180000, -1), 240000);
    quota_taken(&q, one, 420000);
    assert_int_equal(quota_refused(&q, one, 420000, -1), 60000);
    /* what Google says counts */
    assert_int_equal(quota_refused(&q, one, 480000, 5000), 5000);
    for (int64_t t = 0, i = 0; i < 20; i++)
        t += quota_refused(&q, two, 1000000 + t, -1);
    assert_int_equal(quota_refused(&q, two, (int64_t)1 << 40, -1), 3600000);
    quota_fini(&q);
}

static int
start(void **state)
{
    (void)state;
    jws_new_key(GNUTLS_PK_RSA, 2048, rsa, &public_key);
    jws_new_key(GNUTLS_PK_RSA, 1024, small, NULL);
    jws_new_key(GNUTLS_PK_ECDSA,
        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), ecdsa, NULL);
    file_a = key_file(rsa, "a@b");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    gnutls_pubkey_deinit(public_key);
    free(file_a);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(accounts, fresh),
        cmocka_unit_test_setup(bad_accounts, fresh),
        cmocka_unit_test_setup(one_for_all, fresh),
        cmocka_unit_test_setup(failures, fresh),
        cmocka_unit_test_setup(late_renewal, fresh),
        cmocka_unit_test_setup(revoked, fresh),
        cmocka_unit_test_setup(many_accounts, fresh),
        cmocka_unit_test_setup(many_loops, fresh),
        cmocka_unit_test_setup(quotas, fresh)};

    return cmocka_run_group_tests(tests, start, stop);
}
