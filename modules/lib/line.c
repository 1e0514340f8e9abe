/* SPDX-License-Identifier: Apache-2.0
 *
 * line.c - protocol lines out of the bytes that input() lends.
 */
#include "line.h"

#include <string.h>
#include <strings.h>

enum line_result
line_find(struct line *l, const char *p, size_t n, size_t max,
    struct impel_str *text, size_t *used)
{
    size_t end = n < max ? n : max, size;
    const char *lf = NULL;

    if (l->seen < end)
        lf = memchr(p + l->seen, '\n', end - l->seen);
    if (!lf) {
        l->seen = end;
        return n >= max ? LINE_LONG : LINE_MORE;
    }
    l->seen = 0;
    size = (size_t)(lf - p);
    *used = size + 1;
    if (size > 0 && p[size - 1] == '\r') {
        *text = (struct impel_str){p, size - 1};
        return LINE_OK;
    }
    *text = (struct impel_str){p, size};
    return LINE_BARE;
}

bool
line_is_clean(struct impel_str s, bool utf8)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            return false;
    }
    return true;
}

bool
line_same(struct impel_str s, const char *word)
{
    size_t n = strlen(word);

    return s.n == n && strncasecmp(s.p, word, n) == 0;
}

int
line_truth(struct impel_str s)
{
    static const char *const words[] = {
        "false", "true", "no", "yes", "0", "1", "off", "on"};

    for (int i = 0; i < 8; i++)
        if (line_same(s, words[i]))
            return i % 2;
    return -1;
}

struct impel_str
line_str(const char *z)
{
    return (struct impel_str){z, z ? strlen(z) : 0};
}
