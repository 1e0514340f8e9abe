/* SPDX-License-Identifier: Apache-2.0
 *
 * test-gcm.c - which protocol is spoken, requests and answers of both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"
#include "data.h"
#include "gcm.h"
#include "notice.h"

static struct impel_str
str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* --- the host --- */

static struct {
    const char *application, *dest;
    int64_t ttl, dry, idle, priority;
} options;

static int
host_is_set(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return row == OPT_APPLICATION && options.application;
}

static int64_t
host_int(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    switch (row) {
    case OPT_TTL:
        return options.ttl;
    case OPT_DRY_RUN:
        return options.dry;
    case OPT_DELAY_WHILE_IDLE:
        return options.idle;
    case OPT_PRIORITY:
        return options.priority;
    default:
        return 0;
    }
}

static struct impel_str
host_str(const struct impel_scope *s, uint32_t row, uint32_t item)
{
    (void)s, (void)item;
    return row == OPT_APPLICATION && options.application
        ? str(options.application)
        : (struct impel_str){NULL, 0};
}

static struct impel_str
host_meta(struct impel_batch *b, const char *key)
{
    (void)b;
    assert_string_equal(key, "DLV_Dest_ID");
    return options.dest ? str(options.dest) : (struct impel_str){NULL, 0};
}

static const struct impel_host host = {.size = sizeof(host),
    .opt_is_set = host_is_set,
    .opt_int = host_int,
    .opt_str = host_str,
    .meta = host_meta};

static int
fresh(void **state)
{
    (void)state;
    memset(&options, 0, sizeof(options));
    options.ttl = -1;
    return 0;
}

/* --- which protocol --- */

static void
protocols(void **state)
{
    static const struct {
        int64_t option;
        const char *host;
        bool key, account;
        enum gcm_protocol want;
    } rows[] = {{PROTOCOL_AUTO, "fcm.googleapis.com", false, true, PROTOCOL_V1},
        {PROTOCOL_AUTO, "fcm.googleapis.com", true, true, PROTOCOL_V1},
        {PROTOCOL_AUTO, "fcm.googleapis.com", true, false, PROTOCOL_LEGACY},
        {PROTOCOL_AUTO, "fcm.googleapis.com", false, false, PROTOCOL_V1},
        {PROTOCOL_AUTO, "android.googleapis.com", true, true, PROTOCOL_LEGACY},
        {PROTOCOL_AUTO, "Android.Google.APIs.com", false, true,
            PROTOCOL_LEGACY},
        {PROTOCOL_AUTO, "gcm-http.googleapis.com.", true, true,
            PROTOCOL_LEGACY},
        {PROTOCOL_AUTO, "xandroid.googleapis.com", true, true, PROTOCOL_V1},
        {PROTOCOL_V1, "android.googleapis.com", true, false, PROTOCOL_V1},
        {PROTOCOL_LEGACY, "fcm.googleapis.com", false, true, PROTOCOL_LEGACY}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(gcm_protocol_of(rows[i].option, str(rows[i].host),
                             rows[i].key, rows[i].account),
            rows[i].want);
}

/* --- requests --- */

static const char *
make(const char *fields, const char *type, const char *payload,
    enum gcm_protocol protocol, char **body)
{
    struct gcm m = {.host = &host};
    struct push_found f = {.fields = str(fields),
        .type = type,
        .payload = payload ? str(payload) : (struct impel_str){NULL, 0},
        .subject = str("title"),
        .text = str("text")};
    struct notice n;
    const char *wrong = notice_make(&m, NULL, NULL, &f, protocol, &n);

    *body = wrong ? NULL
                  : notice_body(&n, protocol, n.device ? n.device : "DEVICE");
    notice_fini(&n);
    return wrong;
}

static void
made(const char *fields, const char *type, const char *payload,
    enum gcm_protocol protocol, const char *expected)
{
    char *body;

    assert_null(make(fields, type, payload, protocol, &body));
    assert_string_equal(body, expected);
    free(body);
}

#define GCM "message/vnd.msys.gcm"
#define FCM "message/vnd.msys.fcm"

static void
bodies_v1(void **state)
{
    (void)state;
    made("X-Registration-ID: a:b-c_d\r\n", GCM,
        " { \"s\" : \"t\\n\" , \"n\":1.50,\"b\":true,"
        "\"o\": {\"x\":[1, \"}\"]},\"z\":null, \"i\":12345678901234567890 "
        "}\r\n",
        PROTOCOL_V1,
        "{\"message\":{\"token\":\"a:b-c_d\",\"data\":{\"s\":\"t\\n\","
        "\"n\":\"1.50\",\"b\":\"true\",\"o\":\"{\\\"x\\\":[1, "
        "\\\"}\\\"]}\",\"z\":\"null\",\"i\":\"12345678901234567890\"}}}");
    made("X-Collapse-Key: k \"1\"\r\nX-Time-To-Live: 60\r\n"
         "X-Application-ID: com.example\r\nX-Dry-Run: true\r\n"
         "X-Delay-While-Idle: true\r\nX-GCM-Priority: High\r\n",
        GCM, "{}", PROTOCOL_V1,
        "{\"message\":{\"token\":\"DEVICE\",\"data\":{},\"android\":{"
        "\"collapse_key\":\"k \\\"1\\\"\",\"priority\":\"high\","
        "\"ttl\":\"60s\",\"restricted_package_name\":\"com.example\"}},"
        "\"validate_only\":true}");
    options.ttl = 0;
    options.application = "com.option";
    options.dry = 1;
    options.priority = PRIORITY_NORMAL;
    made("X-Dry-Run: no\r\n", NULL, NULL, PROTOCOL_V1,
        "{\"message\":{\"token\":\"DEVICE\",\"notification\":{"
        "\"title\":\"title\",\"body\":\"text\"},\"android\":{"
        "\"priority\":\"normal\",\"ttl\":\"0s\","
        "\"restricted_package_name\":\"com.option\"}}}");
    /* a message's own goes before options, and fields before it */
    made("X-Time-To-Live: 5\r\n", FCM,
        "{\"topic\":\"news\",\"android\":{\"ttl\":\"9s\",\"priority\":"
        "\"high\",\"notification\":{\"notification_count\":3}}}",
        PROTOCOL_V1,
        "{\"message\":{\"topic\":\"news\",\"android\":{\"ttl\":\"5s\","
        "\"priority\":\"high\",\"notification\":{\"notification_count\":3},"
        "\"restricted_package_name\":\"com.option\"}},"
        "\"validate_only\":true}");
}

static void
bodies_legacy(void **state)
{
    (void)state;
    made("X-Registration-ID: a\r\n", GCM, "{ \"n\":1.50}\r\n", PROTOCOL_LEGACY,
        "{\"registration_ids\":[\"a\"],\"data\":{ \"n\":1.50}}");
    made("X-Collapse-Key: k\r\nX-Time-To-Live: 60\r\n"
         "X-Application-ID: com.example\r\nX-Dry-Run: 1\r\n"
         "X-Delay-While-Idle: on\r\nX-GCM-Priority: normal\r\n",
        GCM, "{}", PROTOCOL_LEGACY,
        "{\"registration_ids\":[\"DEVICE\"],\"collapse_key\":\"k\","
        "\"priority\":\"normal\",\"time_to_live\":60,"
        "\"delay_while_idle\":true,\"restricted_package_name\":"
        "\"com.example\",\"dry_run\":true,\"data\":{}}");
    made("X-Registration-ID: /topics/news\r\n", FCM,
        "{\"data\":{\"a\":\"b\"},\"notification\":{\"title\":\"t\"}}",
        PROTOCOL_LEGACY,
        "{\"to\":\"/topics/news\",\"data\":{\"a\":\"b\"},"
        "\"notification\":{\"title\":\"t\"}}");
}

static void
targets(void **state)
{
    (void)state;
    made("To: xyz\r\n", GCM, "{}", PROTOCOL_V1,
        "{\"message\":{\"token\":\"xyz\",\"data\":{}}}");
    made("To: a@example.com\r\n", GCM, "{}", PROTOCOL_V1,
        "{\"message\":{\"token\":\"DEVICE\",\"data\":{}}}");
    made("X-Registration-ID: 'a' in topics && 'b' in topics\r\n", GCM, "{}",
        PROTOCOL_V1,
        "{\"message\":{\"condition\":\"'a' in topics && 'b' in topics\","
        "\"data\":{}}}");
    made("X-Registration-ID: /topics/a\r\n", GCM, "{}", PROTOCOL_V1,
        "{\"message\":{\"topic\":\"a\",\"data\":{}}}");
    options.dest = "meta";
    made("To: xyz\r\n", GCM, "{}", PROTOCOL_V1,
        "{\"message\":{\"token\":\"meta\",\"data\":{}}}");
    made("X-Registration-ID: own\r\n", GCM, "{}", PROTOCOL_V1,
        "{\"message\":{\"token\":\"own\",\"data\":{}}}");
}

static void
cannot(const char *fields, const char *type, const char *payload,
    enum gcm_protocol protocol, const char *words)
{
    char *body;
    const char *wrong = make(fields, type, payload, protocol, &body);

    assert_non_null(wrong);
    assert_non_null(strstr(wrong, words));
}

/* A field that is too long is no field that is not there. */
static void
long_fields(void **state)
{
    static const char *const names[] = {"X-Registration-ID", "X-Time-To-Live",
        "X-Application-ID", "X-GCM-Priority", "X-Collapse-Key", "X-Dry-Run",
        "X-Delay-While-Idle"};
    char field[NOTICE_DEVICE_MOST + 64];

    (void)state;
    options.dest = "meta";
    options.application = "com.option";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(field, sizeof(field), "%s: %0*d\r\n", names[i],
            NOTICE_DEVICE_MOST + 1, 1);
        cannot(field, GCM, "{}", PROTOCOL_V1, names[i]);
    }
}

static void
bad_messages(void **state)
{
    static char large[NOTICE_DATA_MOST + 32], topic[NOTICE_TOPIC_MOST + 64];

    (void)state;
    (void)snprintf(
        large, sizeof(large), "{\"a\":\"%0*d\"}", NOTICE_DATA_MOST - 7, 0);
    cannot("", GCM, large, PROTOCOL_V1, "4097 octets, and 4096");
    cannot("", GCM, large, PROTOCOL_LEGACY, "4097 octets, and 4096");
    (void)snprintf(
        topic, sizeof(topic), "{\"a\":\"%0*d\"}", NOTICE_TOPIC_MOST, 0);
    cannot("X-Registration-ID: /topics/a\r\n", GCM, topic, PROTOCOL_V1,
        "2048 are the most");
    cannot("", GCM, "", PROTOCOL_V1, "no JSON object");
    cannot("", GCM, "[1]", PROTOCOL_LEGACY, "no JSON object");
    cannot("", GCM, "{\"a\":", PROTOCOL_V1, "no JSON object");
    cannot("", FCM, "{\"score\":\"5\"}", PROTOCOL_V1, "\"score\" is no field");
    cannot("", FCM, "{\"data\":1}", PROTOCOL_V1, "no JSON object");
    cannot("", FCM, "{\"android\":{}}", PROTOCOL_LEGACY, "legacy protocol");
    cannot("", FCM, "{\"token\":\"a b\"}", PROTOCOL_V1, "token is neither");
    cannot("X-Registration-ID: a\"b\r\n", GCM, "{}", PROTOCOL_V1, "5.1.3");
    cannot(
        "X-Registration-ID: /topics/a/b\r\n", GCM, "{}", PROTOCOL_V1, "5.1.3");
    cannot("X-Time-To-Live: soon\r\n", GCM, "{}", PROTOCOL_V1, "To-Live");
    cannot("X-Time-To-Live: 2419201\r\n", GCM, "{}", PROTOCOL_V1, "To-Live");
    cannot("X-Dry-Run: perhaps\r\n", GCM, "{}", PROTOCOL_V1, "X-Dry-Run");
    cannot("X-Delay-While-Idle: 2\r\n", GCM, "{}", PROTOCOL_V1, "While-Idle");
    cannot(
        "X-Application-ID: a b\r\n", GCM, "{}", PROTOCOL_V1, "Application-ID");
    cannot("X-GCM-Priority: 10\r\n", GCM, "{}", PROTOCOL_V1, "Priority");
    cannot("X-Collapse-Key: a\x01\r\n", GCM, "{}", PROTOCOL_V1, "Collapse");
    options.dest = "a b";
    cannot("", GCM, "{}", PROTOCOL_V1, "DLV_Dest_ID");
}

static void
addresses(void **state)
{
    char to[80];

    (void)state;
    assert_true(notice_address(str("0123456789abcdef:GHI-_"), to));
    assert_true(notice_address(str("\"0123456789abcdef:GHI-_\""), to));
    assert_string_equal(to, "0123456789abcdef:GHI-_");
    assert_false(notice_address(str("ann"), to));
    assert_false(notice_address(str("0123456789abcdef ghijkl"), to));
    assert_false(notice_address(str(""), to));
}

/* --- answers --- */

#define FCM_ERROR(code) \
    "{\"@type\":\"type.googleapis.com/google.firebase.fcm.v1.FcmError\"," \
    "\"errorCode\":\"" code "\"}"
#define ERROR(status, details) \
    "{\"error\":{\"code\":0,\"message\":\"words\",\"status\":\"" status \
    "\",\"details\":[" details "]}}"
#define DETAIL(type, rest) \
    "{\"@type\":\"type.googleapis.com/google.rpc." type "\"," rest "}"

enum { GONE = 1, TOKEN = 2, QUOTA = 4 };
struct row {
    int status;
    const char *body;
    int64_t after;
    int verdict, blame, flags, code;
    int64_t retry;
};

static void
judged(const struct row *r, const struct answer *a)
{
    const struct impel_result *got = &a->result;

    if (got->verdict != r->verdict || got->blame != r->blame)
        fail_msg("%d %s: verdict %d, blame %d", r->status, r->body,
            got->verdict, got->blame);
    assert_int_equal(
        a->unregistered * GONE + a->unauthorized * TOKEN + a->quota * QUOTA,
        r->flags);
    assert_int_equal(
        got->status[0] * 100 + got->status[1] * 10 + got->status[2], r->code);
    assert_int_equal(got->retry_after, r->retry);
    assert_int_equal(got->code, r->status);
}

#define YES IMPEL_DELIVERED
#define NO IMPEL_FAILED
#define LATER IMPEL_RETRY
#define DEVICE IMPEL_BLAME_RCPT
#define MESSAGE IMPEL_BLAME_MESSAGE
#define HOST IMPEL_BLAME_HOST
#define ROUTE IMPEL_BLAME_ROUTE

static void
answers_v1(void **state)
{
    static const struct row rows[] = {
        {200, "{\"name\":\"projects/p/messages/1\"}", -1, YES, DEVICE, 0, 200,
            -1},
        {200, "{}", -1, LATER, HOST, 0, 450, -1},
        {404, ERROR("NOT_FOUND", FCM_ERROR("UNREGISTERED")), -1, NO, DEVICE,
            GONE, 511, -1},
        {404, ERROR("NOT_FOUND", ""), -1, LATER, ROUTE, 0, 478, -1},
        {404, "<html>", -1, LATER, ROUTE, 0, 478, -1},
        {400, ERROR("INVALID_ARGUMENT", FCM_ERROR("INVALID_ARGUMENT")), -1, NO,
            MESSAGE, 0, 560, -1},
        {400, ERROR("INVALID_ARGUMENT", ""), -1, NO, MESSAGE, 0, 560, -1},
        {400,
            ERROR("INVALID_ARGUMENT",
                FCM_ERROR("INVALID_ARGUMENT") "," DETAIL("BadRequest",
                    "\"fieldViolations\":[{\"field\":\"message.token\"}]")),
            -1, NO, DEVICE, 0, 511, -1},
        {400,
            "{\"error\":{\"status\":\"INVALID_ARGUMENT\",\"message\":\"The "
            "registration token is not valid\"}}",
            -1, NO, DEVICE, 0, 511, -1},
        {400, "", -1, NO, MESSAGE, 0, 560, -1},
        {403, ERROR("PERMISSION_DENIED", FCM_ERROR("SENDER_ID_MISMATCH")), -1,
            NO, DEVICE, 0, 571, -1},
        {403, ERROR("PERMISSION_DENIED", ""), -1, LATER, ROUTE, 0, 478, -1},
        {401, ERROR("UNAUTHENTICATED", ""), -1, LATER, ROUTE, TOKEN, 478, -1},
        {401, ERROR("UNAUTHENTICATED", FCM_ERROR("THIRD_PARTY_AUTH_ERROR")), -1,
            LATER, DEVICE, 0, 478, -1},
        {413, "", -1, NO, MESSAGE, 0, 534, -1},
        {429, ERROR("RESOURCE_EXHAUSTED", FCM_ERROR("QUOTA_EXCEEDED")), -1,
            LATER, ROUTE, QUOTA, 432, 60000},
        {429, ERROR("RESOURCE_EXHAUSTED", FCM_ERROR("QUOTA_EXCEEDED")), 90000,
            LATER, ROUTE, QUOTA, 432, 90000},
        {429,
            ERROR("RESOURCE_EXHAUSTED",
                FCM_ERROR("QUOTA_EXCEEDED") "," DETAIL("QuotaFailure",
                    "\"violations\":[{\"subject\":\"device:x\"}]")),
            -1, LATER, DEVICE, 0, 421, 60000},
        {429, "", -1, LATER, ROUTE, QUOTA, 432, 60000},
        {500, ERROR("INTERNAL", FCM_ERROR("INTERNAL")), -1, LATER, MESSAGE, 0,
            430, -1},
        {503, ERROR("UNAVAILABLE", FCM_ERROR("UNAVAILABLE")), -1, LATER, HOST,
            0, 432, -1},
        {503, ERROR("UNAVAILABLE", FCM_ERROR("UNAVAILABLE")), 5000, LATER,
            ROUTE, 0, 432, 5000},
        {502, "<html>", -1, LATER, HOST, 0, 432, -1},
        {302, "", -1, LATER, HOST, 0, 450, -1},
        {500, ERROR("", FCM_ERROR("SOMETHING_NEW")), -1, LATER, HOST, 0, 432,
            -1}};
    struct answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer_v1(rows[i].status, str(rows[i].body), rows[i].after, &a);
        judged(&rows[i], &a);
    }
    answer_v1(200, str(rows[0].body), -1, &a);
    assert_string_equal(a.id, "projects/p/messages/1");
    answer_v1(404, str(rows[2].body), -1, &a);
    assert_string_equal(a.words, "UNREGISTERED: words");
    answer_v1(200, str("{}"), -1, &a); /* it may be under way */
    assert_true(a.result.flags & IMPEL_UNCERTAIN);
}

#define RESULT(rest) \
    "{\"multicast_id\":1,\"success\":0,\"failure\":0,\"canonical_ids\":0," \
    "\"results\":[{" rest "}]}"

static void
answers_legacy(void **state)
{
    static const struct row rows[] = {
        {200, RESULT("\"message_id\":\"1:08\""), -1, YES, DEVICE, 0, 200, -1},
        {200, "{\"message_id\":123}", -1, YES, DEVICE, 0, 200, -1},
        {200, RESULT("\"error\":\"NotRegistered\""), -1, NO, DEVICE, GONE, 511,
            -1},
        {200, RESULT("\"error\":\"InvalidRegistration\""), -1, NO, DEVICE, 0,
            511, -1},
        {200, RESULT("\"error\":\"MissingRegistration\""), -1, NO, DEVICE, 0,
            513, -1},
        {200, RESULT("\"error\":\"MismatchSenderId\""), -1, NO, DEVICE, 0, 571,
            -1},
        {200, RESULT("\"error\":\"MessageTooBig\""), -1, NO, MESSAGE, 0, 534,
            -1},
        {200, RESULT("\"error\":\"InvalidDataKey\""), -1, NO, MESSAGE, 0, 560,
            -1},
        {200, RESULT("\"error\":\"InvalidTtl\""), -1, NO, MESSAGE, 0, 560, -1},
        {200, RESULT("\"error\":\"InvalidPackageName\""), -1, NO, MESSAGE, 0,
            560, -1},
        {200, RESULT("\"error\":\"Unavailable\""), 7000, LATER, MESSAGE, 0, 432,
            7000},
        {200, RESULT("\"error\":\"InternalServerError\""), -1, LATER, MESSAGE,
            0, 430, -1},
        {200, RESULT("\"error\":\"DeviceMessageRateExceeded\""), -1, LATER,
            DEVICE, 0, 421, 60000},
        {200, "{\"error\":\"TopicsMessageRateExceeded\"}", -1, LATER, DEVICE, 0,
            421, 60000},
        {200, RESULT("\"error\":\"Novelty\""), -1, LATER, MESSAGE, 0, 400, -1},
        {200, RESULT(""), -1, LATER, HOST, 0, 450, -1},
        {200, "[[[[", -1, LATER, HOST, 0, 450, -1},
        {400, "JSON_PARSING_ERROR", -1, NO, MESSAGE, 0, 560, -1},
        {401, "", -1, LATER, ROUTE, TOKEN, 478, -1},
        {404, "<html>", -1, LATER, ROUTE, 0, 478, -1},
        {500, "", -1, LATER, HOST, 0, 432, -1},
        {503, "", 3000, LATER, ROUTE, 0, 432, 3000}};
    struct answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer_legacy(rows[i].status, str(rows[i].body), rows[i].after, &a);
        judged(&rows[i], &a);
    }
    answer_legacy(200,
        str(RESULT("\"message_id\":\"m\",\"registration_id\":\"new\"")), -1,
        &a);
    assert_string_equal(a.id, "m");
    assert_string_equal(a.canonical, "new");
    answer_legacy(400, str("a\nb"), -1, &a);
    assert_string_equal(a.words, "a?b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(protocols, fresh),
        cmocka_unit_test_setup(bodies_v1, fresh),
        cmocka_unit_test_setup(bodies_legacy, fresh),
        cmocka_unit_test_setup(targets, fresh),
        cmocka_unit_test_setup(long_fields, fresh),
        cmocka_unit_test_setup(bad_messages, fresh),
        cmocka_unit_test_setup(addresses, fresh),
        cmocka_unit_test_setup(answers_v1, fresh),
        cmocka_unit_test_setup(answers_legacy, fresh)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
