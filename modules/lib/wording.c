/* SPDX-License-Identifier: Apache-2.0
 *
 * wording.c - verdicts of the host as reply lines.
 */
#include "wording.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "line.h"
#include "reply.h"

/* The words of a text that may be a whole reply: "550 5.7.1 no" -> "no". */
static struct impel_str
plain_words(struct impel_str s)
{
    uint16_t status[3];
    size_t n;

    if (s.n >= 4 && s.p[0] >= '2' && s.p[0] <= '5' && s.p[1] >= '0' &&
        s.p[1] <= '9' && s.p[2] >= '0' && s.p[2] <= '9' &&
        (s.p[3] == ' ' || s.p[3] == '-'))
        s = (struct impel_str){s.p + 4, s.n - 4};
    n = reply_status(s, status);
    if (n > 0)
        s = (struct impel_str){s.p + n, s.n - n};
    while (s.n > 0 && *s.p == ' ')
        s = (struct impel_str){s.p + 1, s.n - 1};
    for (n = 0; n < s.n && s.p[n] != '\r' && s.p[n] != '\n'; n++)
        ;
    s.n = n;
    return s;
}

/* Append words behind what stands in line. */
static void
add_words(char *line, size_t size, struct impel_str words)
{
    size_t at = strlen(line), i;

    for (i = 0; i < words.n && at + 1 < size; i++) {
        unsigned char c = (unsigned char)words.p[i];

        line[at++] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    line[at] = '\0';
}

static void
refusal_codes(
    char *line, size_t size, const struct impel_result *r, const char *preset)
{
    int class = preset[0] - '0';
    uint16_t preset_status[3] = {0, 0, 0};
    const uint16_t *status = r->status;
    unsigned code = r->code;

    if (code / 100 != (unsigned)class)
        code =
            (unsigned)(class * 100 + (preset[1] - '0') * 10 + preset[2] - '0');
    (void)reply_status(line_str(preset + 4), preset_status); /* has one */
    if (status[0] != class || status[1] > 999 || status[2] > 999)
        status = preset_status;
    snprintf(line, size, "%u %u.%u.%u ", code, status[0], status[1], status[2]);
}

void
wording_verdict(char *line, size_t size, const struct impel_result *r,
    const struct wording *w, int with_text)
{
    struct impel_str words = plain_words(r->text);
    const char *preset = r->verdict == IMPEL_FAILED ? w->never : w->later;

    if (r->verdict == IMPEL_DELIVERED) {
        snprintf(line, size, "%s", w->yes);
        if (!with_text || words.n == 0)
            return;
        if (words.n >= 3 && memcmp(words.p, "OK ", 3) == 0)
            words = (struct impel_str){words.p + 3, words.n - 3};
        add_words(line, size, (struct impel_str){" ", 1});
        add_words(line, size, words);
        return;
    }
    refusal_codes(line, size, r, preset);
    add_words(line, size, words.n > 0 ? words : plain_words(line_str(preset)));
}
