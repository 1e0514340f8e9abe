/* SPDX-License-Identifier: Apache-2.0 */
#include "reason.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

enum { GONE = 1, EXPIRED = 2 };
struct row {
    const char *name;
    uint8_t verdict, blame;
    uint8_t flags;
    uint16_t status[3];
    int32_t retry_s; /* at least; 0: as the queue likes */
};
#define P IMPEL_FAILED
#define T IMPEL_RETRY
#define DEVICE IMPEL_BLAME_RCPT
#define MESSAGE IMPEL_BLAME_MESSAGE
#define HOST IMPEL_BLAME_HOST
#define ROUTE IMPEL_BLAME_ROUTE
#define SESSION IMPEL_BLAME_SESSION

/* What is our own fault, key or certificate or topic, waits and is told of: it
 * would fail all mail of the domain. */
static const struct row rows[] = {
    {"BadCollapseId", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"BadDeviceToken", P, DEVICE, 0, {5, 1, 1}, 0},
    {"BadExpirationDate", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"BadMessageId", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"BadPriority", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"BadTopic", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"DeviceTokenNotForTopic", P, DEVICE, 0, {5, 1, 1}, 0},
    {"DuplicateHeaders", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"IdleTimeout", T, SESSION, 0, {4, 4, 2}, 0},
    {"InvalidPushType", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"MissingDeviceToken", P, DEVICE, 0, {5, 1, 3}, 0},
    {"MissingTopic", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"PayloadEmpty", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"TopicDisallowed", P, MESSAGE, 0, {5, 7, 1}, 0},
    {"BadCertificate", T, ROUTE, 0, {4, 7, 8}, 0},
    {"BadCertificateEnvironment", T, ROUTE, 0, {4, 7, 8}, 0},
    {"ExpiredProviderToken", T, ROUTE, EXPIRED, {4, 7, 8}, 0},
    {"Forbidden", P, MESSAGE, 0, {5, 7, 1}, 0},
    {"InvalidProviderToken", T, ROUTE, 0, {4, 7, 8}, 0},
    {"MissingProviderToken", T, ROUTE, 0, {4, 7, 8}, 0},
    {"UnrelatedKeyIdInToken", T, ROUTE, 0, {4, 7, 8}, 0},
    {"BadEnvironmentKeyIdInToken", T, ROUTE, 0, {4, 7, 8}, 0},
    {"BadPath", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"MethodNotAllowed", P, MESSAGE, 0, {5, 6, 0}, 0},
    {"ExpiredToken", P, DEVICE, GONE, {5, 1, 1}, 0},
    {"Unregistered", P, DEVICE, GONE, {5, 1, 1}, 0},
    {"PayloadTooLarge", P, MESSAGE, 0, {5, 3, 4}, 0},
    {"TooManyProviderTokenUpdates", T, ROUTE, 0, {4, 7, 8}, 1200},
    {"TooManyRequests", T, DEVICE, 0, {4, 2, 1}, 60},
    {"InternalServerError", T, MESSAGE, 0, {4, 3, 0}, 0},
    {"ServiceUnavailable", T, HOST, 0, {4, 3, 2}, 0},
    {"Shutdown", T, SESSION, 0, {4, 3, 2}, 0}};
/* Reasons that the list has not, by their class. */
static const struct row unknown_5xx = {"", T, HOST, 0, {4, 3, 0}, 0};
static const struct row unknown_429 = {"", T, DEVICE, 0, {4, 2, 1}, 60};
static const struct row unknown_410 = {"", P, DEVICE, GONE, {5, 1, 1}, 0};
static const struct row unknown_403 = {"", T, ROUTE, 0, {4, 7, 8}, 0};
static const struct row unknown_413 = {"", P, MESSAGE, 0, {5, 3, 4}, 0};
static const struct row unknown_4xx = {"", P, MESSAGE, 0, {5, 0, 0}, 0};
/* what is no answer of APNs at all */
static const struct row nonsense = {"", T, HOST, 0, {4, 5, 0}, 0};

static const struct row *
row_of(int code, const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    switch (code) {
    case 403:
        return &unknown_403;
    case 410:
        return &unknown_410;
    case 413:
        return &unknown_413;
    case 429:
        return &unknown_429;
    default:
        return code / 100 == 5 ? &unknown_5xx
            : code / 100 == 4  ? &unknown_4xx
                               : &nonsense;
    }
}

static void
fill(const struct row *row, int code, struct reason *to)
{
    to->unregistered = row->flags & GONE;
    to->expired = row->flags & EXPIRED;
    to->result = (struct impel_result){.size = sizeof(to->result),
        .verdict = row->verdict,
        .blame = row->blame,
        .stage = IMPEL_AT_FINAL,
        .code = (uint16_t)code,
        .retry_after = row->retry_s ? (int64_t)row->retry_s * 1000 : -1,
        .text = line_str(to->words)};
    for (int i = 0; i < 3; i++)
        to->result.status[i] = row->status[i];
}

/* {"reason": "...", "timestamp": ms}; strangers write it, too. */
static void
read_body(struct impel_str body, struct reason *to)
{
    json_error_t e;
    json_t *root = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &e);
    const char *name = json_string_value(json_object_get(root, "reason"));
    json_t *when = json_object_get(root, "timestamp");

    if (name)
        (void)snprintf(to->words, sizeof(to->words), "%s", name);
    if (json_is_integer(when) && json_integer_value(when) > 0)
        to->since = json_integer_value(when);
    json_decref(root);
    for (char *p = to->words; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

void
reason_of(const struct h2_answer *a, int64_t wall, struct reason *to)
{
    int64_t after = h2_retry_after(a, wall);

    memset(to, 0, sizeof(*to));
    if (a->status / 100 == 2) {
        to->result = outcome_internal(
            IMPEL_DELIVERED, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, "250 2.0.0 OK");
        to->result.code = (uint16_t)a->status;
        return;
    }
    if (a->body.n && a->body.n <= 4096)
        read_body(a->body, to);
    fill(row_of(a->status, to->words), a->status, to);
    if (!to->words[0])
        (void)snprintf(to->words, sizeof(to->words),
            a->status >= 400 ? "[internal] an answer without a reason"
                             : "[internal] no answer of APNs");
    to->result.text = line_str(to->words);
    if (after > to->result.retry_after)
        to->result.retry_after = after;
    /* another address of the service is no way around it */
    if (after > 0 && to->result.blame == IMPEL_BLAME_HOST)
        to->result.blame = IMPEL_BLAME_ROUTE;
}

void
reason_binary(uint8_t status, struct reason *to)
{
    static const struct {
        uint8_t status;
        struct row row;
    } known[] = {{1, {"Processing error", T, MESSAGE, 0, {4, 3, 0}, 0}},
        {2, {"Missing device token", P, DEVICE, 0, {5, 1, 3}, 0}},
        {3, {"Missing topic", P, MESSAGE, 0, {5, 6, 0}, 0}},
        {4, {"Missing payload", P, MESSAGE, 0, {5, 6, 0}, 0}},
        {5, {"Invalid token size", P, DEVICE, 0, {5, 1, 3}, 0}},
        {6, {"Invalid topic size", P, MESSAGE, 0, {5, 6, 0}, 0}},
        {7, {"Invalid payload size", P, MESSAGE, 0, {5, 3, 4}, 0}},
        {8, {"Invalid token", P, DEVICE, 0, {5, 1, 1}, 0}},
        {10, {"Shutdown", T, SESSION, 0, {4, 3, 2}, 0}}};
    static const struct row unknown = {"", T, MESSAGE, 0, {4, 3, 0}, 0};
    const struct row *row = &unknown;

    memset(to, 0, sizeof(*to));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].status == status)
            row = &known[i].row;
    (void)snprintf(to->words, sizeof(to->words), "%s (status %u)",
        row->name[0] ? row->name : "Unknown error", status);
    fill(row, row->verdict == P ? 550 : 451, to);
}
