/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/requiretls.h"

#include "base/banned.h"

/* Words of our own about TLS, as starttls.c and sessiontls.c say them. */
static struct str
words_of(const struct result *why)
{
    struct str text = str_of(why->text ? why->text : "");
    size_t at = str_find(text, STR("[internal]"), 0);

    if (why->verdict != IMPEL_RETRY || why->stage != IMPEL_AT_TLS ||
        why->status[0] != 4 || why->status[1] != 7 || at == SIZE_MAX)
        return STR_NONE;
    return str_from(text, at);
}

bool
requiretls_fails(const struct queue *q, struct hop *hop)
{
    const struct result *why;
    struct str words;

    if (q->tls != MESSAGE_TLS_REQUIRED || !q->said || !q->said->failures)
        return false;
    why = &q->said->why;
    words = words_of(why);
    if (!words.n)
        return false;
    hop->code = 550;
    hop->status[0] = 5;
    hop->status[1] = 7;
    hop->status[2] = why->status[2] == 30 ? 30 : 10;
    (void)str_copy(hop->text, sizeof(hop->text), words);
    return true;
}
