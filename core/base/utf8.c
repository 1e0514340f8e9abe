/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include "base/banned.h"

size_t
utf8_length(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n;

    if (!s.n || p[0] < 0x80)
        return s.n > 0;
    n = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (!n || p[0] > 0xf4 || n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

size_t
utf8_printable(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = utf8_length(s);

    if (n == 1 && (p[0] < ' ' || p[0] == 127))
        return 0;
    if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return 0;
    if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8)
        return 0;
    return n;
}

bool
utf8_is_valid(struct str s)
{
    while (s.n) {
        size_t n = utf8_length(s);

        if (!n)
            return false;
        s = str_from(s, n);
    }
    return true;
}
