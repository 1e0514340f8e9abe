/* SPDX-License-Identifier: Apache-2.0 */
#include "reason.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "pushrow.h"
#include "pushwords.h"

enum { GONE = 1, EXPIRED = 2 };

/* What is our own fault, key or certificate or topic, waits and is told of: it
 * would fail all mail of the domain. */
static const struct pushrow rows[] = {
    {"BadCollapseId", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"BadDeviceToken", FAILS, ON_DEVICE, 0, {5, 1, 1}, 0},
    {"BadExpirationDate", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"BadMessageId", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"BadPriority", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"BadTopic", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"DeviceTokenNotForTopic", FAILS, ON_DEVICE, 0, {5, 1, 1}, 0},
    {"DuplicateHeaders", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"IdleTimeout", AGAIN, ON_SESSION, 0, {4, 4, 2}, 0},
    {"InvalidPushType", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"MissingDeviceToken", FAILS, ON_DEVICE, 0, {5, 1, 3}, 0},
    {"MissingTopic", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"PayloadEmpty", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"TopicDisallowed", FAILS, ON_MESSAGE, 0, {5, 7, 1}, 0},
    {"BadCertificate", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0},
    {"BadCertificateEnvironment", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0},
    {"ExpiredProviderToken", AGAIN, ON_ROUTE, EXPIRED, {4, 7, 8}, 0},
    {"Forbidden", FAILS, ON_MESSAGE, 0, {5, 7, 1}, 0},
    {"InvalidProviderToken", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0},
    {"MissingProviderToken", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0},
    {"UnrelatedKeyIdInToken", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0},
    {"BadEnvironmentKeyIdInToken", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0},
    {"BadPath", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"MethodNotAllowed", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0},
    {"ExpiredToken", FAILS, ON_DEVICE, GONE, {5, 1, 1}, 0},
    {"Unregistered", FAILS, ON_DEVICE, GONE, {5, 1, 1}, 0},
    {"PayloadTooLarge", FAILS, ON_MESSAGE, 0, {5, 3, 4}, 0},
    {"TooManyProviderTokenUpdates", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 1200},
    {"TooManyRequests", AGAIN, ON_DEVICE, 0, {4, 2, 1}, 60},
    {"InternalServerError", AGAIN, ON_MESSAGE, 0, {4, 3, 0}, 0},
    {"ServiceUnavailable", AGAIN, ON_HOST, 0, {4, 3, 2}, 0},
    {"Shutdown", AGAIN, ON_SESSION, 0, {4, 3, 2}, 0}};
/* Reasons that the list has not, by their class. */
static const struct pushrow unknown_5xx = {"", AGAIN, ON_HOST, 0, {4, 3, 0}, 0};
static const struct pushrow unknown_429 = {
    "", AGAIN, ON_DEVICE, 0, {4, 2, 1}, 60};
static const struct pushrow unknown_410 = {
    "", FAILS, ON_DEVICE, GONE, {5, 1, 1}, 0};
static const struct pushrow unknown_403 = {
    "", AGAIN, ON_ROUTE, 0, {4, 7, 8}, 0};
static const struct pushrow unknown_413 = {
    "", FAILS, ON_MESSAGE, 0, {5, 3, 4}, 0};
static const struct pushrow unknown_4xx = {
    "", FAILS, ON_MESSAGE, 0, {5, 0, 0}, 0};
/* what is no answer of APNs at all */
static const struct pushrow nonsense = {"", AGAIN, ON_HOST, 0, {4, 5, 0}, 0};

static const struct pushrow *
row_of(int code, const char *name)
{
    const struct pushrow *known =
        pushrow_find(rows, sizeof(rows) / sizeof(rows[0]), name);

    if (known)
        return known;
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
fill(const struct pushrow *row, int code, int64_t after, struct reason *to)
{
    to->unregistered = row->flags & GONE;
    to->expired = row->flags & EXPIRED;
    to->result = pushrow_result(row, code, after, to->words);
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
    pushwords_clean(to->words);
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
    fill(row_of(a->status, to->words), a->status, after, to);
    if (!to->words[0])
        (void)snprintf(to->words, sizeof(to->words),
            a->status >= 400 ? "[internal] an answer without a reason"
                             : "[internal] no answer of APNs");
    to->result.text = line_str(to->words);
}

void
reason_binary(uint8_t status, struct reason *to)
{
    static const struct {
        uint8_t status;
        struct pushrow row;
    } known[] = {{1, {"Processing error", AGAIN, ON_MESSAGE, 0, {4, 3, 0}, 0}},
        {2, {"Missing device token", FAILS, ON_DEVICE, 0, {5, 1, 3}, 0}},
        {3, {"Missing topic", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0}},
        {4, {"Missing payload", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0}},
        {5, {"Invalid token size", FAILS, ON_DEVICE, 0, {5, 1, 3}, 0}},
        {6, {"Invalid topic size", FAILS, ON_MESSAGE, 0, {5, 6, 0}, 0}},
        {7, {"Invalid payload size", FAILS, ON_MESSAGE, 0, {5, 3, 4}, 0}},
        {8, {"Invalid token", FAILS, ON_DEVICE, 0, {5, 1, 1}, 0}},
        {10, {"Shutdown", AGAIN, ON_SESSION, 0, {4, 3, 2}, 0}}};
    static const struct pushrow unknown = {
        "", AGAIN, ON_MESSAGE, 0, {4, 3, 0}, 0};
    const struct pushrow *row = &unknown;

    memset(to, 0, sizeof(*to));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].status == status)
            row = &known[i].row;
    (void)snprintf(to->words, sizeof(to->words), "%s (status %u)",
        row->name[0] ? row->name : "Unknown error", status);
    fill(row, row->verdict == FAILS ? 550 : 451, -1, to);
}
