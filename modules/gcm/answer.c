/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "line.h"
#include "outcome.h"
#include "pushrow.h"
#include "pushwords.h"

enum { GONE = 1, TOKEN = 2, QUOTA = 4, BODY_MOST = 16384 };

static const struct pushrow v1_rows[] = {
    {"INVALID_ARGUMENT", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"UNREGISTERED", FAILS, ON_DEVICE, GONE, {5, 1, 1}, 0},
    {"SENDER_ID_MISMATCH", FAILS, ON_DEVICE, 0, {5, 7, 1}, 0},
    {"QUOTA_EXCEEDED", AGAIN, ON_ROUTE, QUOTA, {4, 3, 2}, 60},
    {"UNAVAILABLE", AGAIN, ON_HOST, 0, {4, 3, 2}, 0},
    {"INTERNAL", AGAIN, ON_MESSAGE, 0, {4, 3, 0}, 0},
    /* of Apple's devices, or browsers, behind the same project */
    {"THIRD_PARTY_AUTH_ERROR", AGAIN, ON_DEVICE, 0, {4, 7, 8}, 0},
    {"APNS_AUTH_ERROR", AGAIN, ON_DEVICE, 0, {4, 7, 8}, 0},
    {"UNSPECIFIED_ERROR", AGAIN, ON_MESSAGE, 0, {4, 0, 0}, 0}};
static const struct pushrow v1_device = {"", FAILS, ON_DEVICE, 0, {5, 1, 1}, 0};
static const struct pushrow v1_device_quota = {
    "", AGAIN, ON_DEVICE, 0, {4, 2, 1}, 60};

static const struct pushrow legacy_rows[] = {
    {"MissingRegistration", FAILS, ON_DEVICE, 0, {5, 1, 3}, 0},
    {"InvalidRegistration", FAILS, ON_DEVICE, 0, {5, 1, 1}, 0},
    {"NotRegistered", FAILS, ON_DEVICE, GONE, {5, 1, 1}, 0},
    {"MismatchSenderId", FAILS, ON_DEVICE, 0, {5, 7, 1}, 0},
    {"InvalidPackageName", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"InvalidParameters", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"MessageTooBig", FAILS, ON_MESSAGE, 0, {5, 3, 4}, 0},
    {"InvalidDataKey", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"InvalidTtl", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"Unavailable", AGAIN, ON_MESSAGE, 0, {4, 3, 2}, 0},
    {"InternalServerError", AGAIN, ON_MESSAGE, 0, {4, 3, 0}, 0},
    {"DeviceMessageRateExceeded", AGAIN, ON_DEVICE, 0, {4, 2, 1}, 60},
    {"TopicsMessageRateExceeded", AGAIN, ON_DEVICE, 0, {4, 2, 1}, 60},
    {"InvalidApnsCredential", AGAIN, ON_DEVICE, 0, {4, 7, 8}, 0}};
/* Google calls others unknown, without saying for how long. */
static const struct pushrow legacy_unknown = {
    "", AGAIN, ON_MESSAGE, 0, {4, 0, 0}, 0};

/* Without a word of either, by the status alone. */
static const struct pushrow bad_request = {
    "", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0};
static const struct pushrow too_large = {
    "", FAILS, ON_MESSAGE, 0, {5, 3, 4}, 0};
static const struct pushrow unauthorized = {
    "", AGAIN, ON_ROUTE, TOKEN, {4, 7, 8}, 0};
static const struct pushrow refused = {"", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0};
static const struct pushrow many = {"", AGAIN, ON_ROUTE, QUOTA, {4, 3, 2}, 60};
static const struct pushrow busy = {"", AGAIN, ON_HOST, 0, {4, 3, 2}, 0};
static const struct pushrow nonsense = {"", AGAIN, ON_HOST, 0, {4, 5, 0}, 0};

static const struct pushrow *
row_of_status(int status)
{
    switch (status) {
    case 400:
        return &bad_request;
    case 401:
        return &unauthorized;
    case 413:
        return &too_large;
    case 429:
        return &many;
    default:
        /* 403, 404: another project, a path that is no more */
        return status / 100 == 5 ? &busy
            : status / 100 == 4  ? &refused
                                 : &nonsense;
    }
}

static void
fill(const struct pushrow *row, int status, int64_t after, struct answer *to)
{
    to->unregistered = row->flags & GONE;
    to->unauthorized = row->flags & TOKEN;
    to->quota = row->flags & QUOTA;
    to->after = after;
    to->result = pushrow_result(row, status, after, to->words);
}

static void
delivered(int status, struct answer *to)
{
    (void)snprintf(to->words, sizeof(to->words), "OK");
    to->result = outcome_internal(
        IMPEL_DELIVERED, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, "250 2.0.0 OK");
    to->result.code = (uint16_t)status;
}

static void
nothing_said(int status, struct answer *to)
{
    if (!to->words[0])
        (void)snprintf(to->words, sizeof(to->words),
            status >= 400 ? "[internal] an answer without a reason"
                          : "[internal] no answer of the service");
    to->result.text = line_str(to->words);
}

/* 200 with something that cannot be read: it may be under way. */
static void
no_answer(int status, struct answer *to)
{
    fill(&nonsense, status, -1, to);
    to->result.flags = IMPEL_UNCERTAIN;
    (void)snprintf(to->words, sizeof(to->words),
        "[internal] an answer that is not what the service says");
    to->result.text = line_str(to->words);
}

static json_t *
read_body(struct impel_str body)
{
    if (!body.n || body.n > BODY_MOST)
        return NULL;
    return json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
}

static void
copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from ? from : "");
    pushwords_clean(to);
}

/* --- FCM HTTP v1 --- */

static const char *
type_of(const json_t *detail)
{
    const char *type = json_string_value(json_object_get(detail, "@type"));
    const char *dot = type ? strrchr(type, '.') : NULL;

    return dot ? dot + 1 : "";
}

/* Does a text among those members speak of that? */
static bool
speaks_of(const json_t *list, const char *member, const char *word)
{
    size_t i;
    json_t *one;

    json_array_foreach(list, i, one)
    {
        const char *s = json_string_value(json_object_get(one, member));

        if (s && strcasestr(s, word))
            return true;
    }
    return false;
}

/* Is it the registration id that is wrong, or asked for too often? */
static const struct pushrow *
row_of_detail(const struct pushrow *row, const json_t *detail)
{
    const json_t *fields = json_object_get(detail, "fieldViolations");
    const json_t *limits = json_object_get(detail, "violations");

    if (row == &v1_rows[0] && strcmp(type_of(detail), "BadRequest") == 0 &&
        speaks_of(fields, "field", "message.token"))
        return &v1_device;
    if (row->flags & QUOTA && strcmp(type_of(detail), "QuotaFailure") == 0 &&
        (speaks_of(limits, "subject", "device") ||
            speaks_of(limits, "description", "device message rate") ||
            speaks_of(limits, "description", "topic message rate")))
        return &v1_device_quota;
    return row;
}

/* Google says it in one way or another. */
static const struct pushrow *
row_of_device(const struct pushrow *row, const json_t *error)
{
    const char *words = json_string_value(json_object_get(error, "message"));

    return row == &v1_rows[0] && words &&
            strcasestr(words, "registration token")
        ? &v1_device
        : row;
}

/* The code of FCM itself, else the status that Google's services share. */
static const struct pushrow *
row_of_error(int status, const json_t *error, const char **name)
{
    const json_t *details = json_object_get(error, "details");
    const struct pushrow *row = NULL;
    size_t i;
    json_t *one;

    *name = NULL;
    json_array_foreach(details, i,
        one) if (!*name && strcmp(type_of(one), "FcmError") == 0) *name =
        json_string_value(json_object_get(one, "errorCode"));
    row = pushrow_find(v1_rows, sizeof(v1_rows) / sizeof(v1_rows[0]), *name);
    if (!row && !*name) {
        *name = json_string_value(json_object_get(error, "status"));
        if (status == 400 || status >= 500) /* others mean something else */
            row = pushrow_find(
                v1_rows, sizeof(v1_rows) / sizeof(v1_rows[0]), *name);
    }
    if (!row)
        row = row_of_status(status);
    json_array_foreach(details, i, one) row = row_of_detail(row, one);
    return row_of_device(row, error);
}

void
answer_v1(int status, struct impel_str body, int64_t after, struct answer *to)
{
    json_t *root = read_body(body);
    const json_t *error = json_object_get(root, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *name = NULL;
    const struct pushrow *row;

    memset(to, 0, sizeof(*to));
    if (status / 100 == 2 && json_string_value(json_object_get(root, "name"))) {
        copy(to->id, sizeof(to->id),
            json_string_value(json_object_get(root, "name")));
        delivered(status, to);
    } else if (status / 100 == 2) {
        no_answer(status, to);
    } else {
        row = row_of_error(status, error, &name);
        fill(row, status, after, to);
        if (name || message)
            (void)snprintf(to->words, sizeof(to->words), "%.60s%s%.200s",
                name ? name : "", name && message ? ": " : "",
                message ? message : "");
        pushwords_clean(to->words);
        nothing_said(status, to);
    }
    json_decref(root);
}

/* --- the legacy protocol --- */

/* {"results":[{...}]}, or for topics the result itself. */
static const json_t *
result_of(const json_t *root)
{
    const json_t *results = json_object_get(root, "results");

    return json_is_array(results) ? json_array_get(results, 0) : root;
}

static void
read_id(const json_t *v, struct answer *to)
{
    if (json_is_integer(v))
        (void)snprintf(
            to->id, sizeof(to->id), "%lld", (long long)json_integer_value(v));
    else
        copy(to->id, sizeof(to->id), json_string_value(v));
}

static void
read_result(int status, const json_t *one, int64_t after, struct answer *to)
{
    const char *error = json_string_value(json_object_get(one, "error"));
    const char *other =
        json_string_value(json_object_get(one, "registration_id"));
    const struct pushrow *row;

    if (error) {
        row = pushrow_find(
            legacy_rows, sizeof(legacy_rows) / sizeof(legacy_rows[0]), error);
        fill(row ? row : &legacy_unknown, status, after, to);
        copy(to->words, sizeof(to->words), error);
        nothing_said(status, to);
        return;
    }
    read_id(json_object_get(one, "message_id"), to);
    if (!to->id[0]) {
        no_answer(status, to);
        return;
    }
    if (other && strlen(other) < sizeof(to->canonical))
        copy(to->canonical, sizeof(to->canonical), other);
    delivered(status, to);
}

void
answer_legacy(
    int status, struct impel_str body, int64_t after, struct answer *to)
{
    json_t *root = read_body(body);

    memset(to, 0, sizeof(*to));
    if (status / 100 == 2) {
        read_result(status, result_of(root), after, to);
    } else {
        fill(row_of_status(status), status, after, to);
        /* a page or a sentence, as it likes */
        if (body.n && body.p[0] != '<')
            (void)snprintf(to->words, sizeof(to->words), "%.*s",
                body.n > 120 ? 120 : (int)body.n, body.p);
        pushwords_clean(to->words);
        nothing_said(status, to);
    }
    json_decref(root);
}
