/* SPDX-License-Identifier: Apache-2.0 */
#include "result.h"

#include <stdio.h>
#include <string.h>

static void
set_status(struct impel_result *r)
{
    r->status[0] = r->verdict == IMPEL_DELIVERED ? 2
        : r->verdict == IMPEL_FAILED             ? 5
                                                 : 4;
    r->status[1] = r->status[2] = 0;
}

struct impel_result
result_make(int verdict, int blame, int stage, const char *text)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame = blame,
        .stage = stage,
        .retry_after = -1,
        .text = {text, strlen(text)}};

    set_status(&r);
    return r;
}

/* How far it reaches: 4xx of the class is about the message, but those that
 * are about us, our rate, or the place. */
static void
judge(int status, int *verdict, int *blame)
{
    *verdict = IMPEL_RETRY;
    *blame = IMPEL_BLAME_ROUTE;
    switch (status) {
    case 401: /* the token; somebody will mend it */
    case 403:
    case 404:
    case 405:
    case 407:
    case 421:
    case 429:
        return;
    case 408:
    case 425:
        *blame = IMPEL_BLAME_SESSION;
        return;
    case 410: /* gone, and the server knows that it is for good */
        *verdict = IMPEL_FAILED;
        *blame = IMPEL_BLAME_MESSAGE;
        return;
    case 502:
    case 503:
    case 504:
        *blame = IMPEL_BLAME_HOST;
        return;
    default:
        break;
    }
    if (status < 300)
        *verdict = IMPEL_DELIVERED;
    else if (status >= 400 && status < 500)
        *verdict = IMPEL_FAILED;
    if (status >= 400) /* a 500 may be about this message alone */
        *blame = IMPEL_BLAME_MESSAGE;
}

struct impel_result
result_of_status(int status, const char *reason, const char *said,
    int64_t retry_after, char text[RESULT_TEXT])
{
    int verdict, blame;
    struct impel_result r;

    judge(status, &verdict, &blame);
    (void)snprintf(text, RESULT_TEXT, "%s%s%s", reason[0] ? reason : "answer",
        said[0] ? ": " : "", said);
    r = result_make(verdict, blame, IMPEL_AT_FINAL, text);
    r.code = (uint16_t)status;
    if (verdict == IMPEL_RETRY)
        r.retry_after = retry_after;
    if (status == 503 && retry_after >= 0) /* said of all, not of an address */
        r.blame = IMPEL_BLAME_ROUTE;
    if (verdict == IMPEL_DELIVERED)
        r.blame = IMPEL_BLAME_RCPT;
    return r;
}

void
result_say(struct impel_result *r, int verdict, const char *text)
{
    r->verdict = verdict;
    r->blame = IMPEL_BLAME_RCPT;
    if (text[0])
        r->text = (struct impel_str){text, strlen(text)};
    else if (verdict != IMPEL_DELIVERED)
        r->text = (struct impel_str){"refused by the answer", 21};
    set_status(r);
}
