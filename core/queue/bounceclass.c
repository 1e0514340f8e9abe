/* SPDX-License-Identifier: Apache-2.0
 *
 * bounceclass.c - what kind of failure a result is, in Momentum's classes.
 */
#include "queue/maillog.h"

#include "base/banned.h"

static const struct {
    int code;
    const char *name;
} classes[] = {{1, "Undetermined"}, {10, "Invalid Recipient"},
    {20, "Soft Bounce"}, {21, "DNS Failure"}, {22, "Mailbox Full"},
    {23, "Too Large"}, {24, "Timeout"}, {25, "Admin Failure"},
    {30, "Generic Bounce: No RCPT"}, {40, "Generic Bounce"}, {50, "Mail Block"},
    {51, "Spam Block"}, {52, "Spam Content"}, {53, "Prohibited Attachment"},
    {54, "Relaying Denied"}, {60, "Auto-Reply"}, {70, "Transient Failure"},
    {80, "Subscribe"}, {90, "Unsubscribe"}, {100, "Challenge-Response"}};

/* RFC 3463 subject and detail; detail -1: any other. */
static const struct {
    int subject, detail, class_code;
} by_status[] = {{1, 0, 10}, {1, 1, 10}, {1, 2, 10}, {1, 3, 10}, {1, 6, 10},
    {1, 10, 10}, {1, -1, 25}, {2, 1, 10}, {2, 2, 22}, {2, 3, 23}, {2, 4, 25},
    {2, -1, 40}, {3, 1, 20}, {3, 2, 20}, {3, 4, 23}, {3, 0, 20}, {3, -1, 25},
    {4, 0, 20}, {4, 1, 24}, {4, 2, 24}, {4, 3, 21}, {4, 4, 21}, {4, 5, 20},
    {4, 6, 25}, {4, 7, 24}, {4, -1, 20}, {5, 3, 25}, {5, -1, 25}, {6, -1, 40},
    {7, 5, 25}, {7, 6, 25}, {7, -1, 50}};

/* Words that say more than the codes do; in lower case. */
static const struct {
    const char *word;
    int class_code;
} by_word[] = {{"relay", 54}, {"spam", 51}, {"blacklist", 51},
    {"blocklist", 51}, {"attachment", 53}, {"over quota", 22},
    {"mailbox full", 22}};

const char *
maillog_bounce_class_name(int class_code)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (classes[i].code == class_code)
            return classes[i].name;
    return classes[0].name;
}

static bool
class_has_word(struct str text, struct str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (str_ieq(str_sub(text, i, word.n), word))
            return true;
    return false;
}

static int
class_by_word(const struct result *r)
{
    struct str text = str_of(r->text ? r->text : "");

    if (str_find(text, STR("[internal]"), 0) != SIZE_MAX)
        return r->status[1] == 7 ? 25 : 0; /* our own doing */
    for (size_t i = 0; i < ARRAY_SIZE(by_word); i++)
        if (class_has_word(text, str_of(by_word[i].word)))
            return by_word[i].class_code;
    return 0;
}

static int
class_by_status(const struct result *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(by_status); i++)
        if (by_status[i].subject == r->status[1] &&
            (by_status[i].detail == r->status[2] || by_status[i].detail < 0))
            return by_status[i].class_code;
    return 0;
}

static int
class_by_code(const struct result *r)
{
    switch (r->code) {
    case 550:
    case 553:
        return r->stage == IMPEL_AT_RCPT ? 10 : 50;
    case 551:
        return 54;
    case 552:
        return r->stage == IMPEL_AT_RCPT ? 22 : 23;
    case 554:
        return 50;
    default:
        break;
    }
    if (r->stage != IMPEL_AT_LOGIN && result_stage_is_early(r->stage))
        return 24;
    return r->code >= 400 && r->code < 500 ? 70 : 1;
}

int
maillog_bounce_class(const struct result *r)
{
    bool soft = r->code >= 400 && r->code < 500;
    int c = class_by_word(r);

    if (!c && r->status[0])
        c = class_by_status(r);
    if (!c && r->status[0])
        c = 40;
    if (!c)
        c = class_by_code(r);
    if (soft && (c == 10 || c == 40 || c == 50 || c == 25))
        return 70;
    return c;
}
