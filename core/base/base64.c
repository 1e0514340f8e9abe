/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include "base/err.h"
#include "base/banned.h"

static const char base64_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
base64_write(struct buf *to, struct str from, const char *letters, bool padded)
{
    buf_reserve(to, from.n / 3 * 4 + 4);
    for (size_t i = 0; i < from.n; i += 3) {
        size_t have = MIN_OF(from.n - i, (size_t)3);
        uint32_t v = 0;
        char four[4];
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < have ? (unsigned char)from.p[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= have ? letters[v >> (18 - 6 * k) & 63] : '=';
        buf_add(to, four, padded ? 4 : have + 1);
    }
}

void
base64_encode(struct buf *to, struct str from)
{
    base64_write(to, from, base64_std, true);
}

void
base64url_encode(struct buf *to, struct str from)
{
    base64_write(to, from, base64_url, false);
}

/* The letter's value, or 64. */
static uint32_t
base64_value(char c, const char *letters)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    return c == letters[62] ? 62 : c == letters[63] ? 63 : 64;
}

/* One group of 2 to 4 letters.  Bits that belong to no byte must be 0: one
 * text for one value. */
static int
base64_group(struct buf *to, struct str s, const char *letters)
{
    uint32_t v = 0;
    char three[3];

    if (s.n < 2)
        return ERR_INVAL;
    for (size_t k = 0; k < 4; k++) {
        uint32_t six = k < s.n ? base64_value(s.p[k], letters) : 0;
        if (six > 63)
            return ERR_INVAL;
        v = v << 6 | six;
    }
    for (size_t k = 0; k < 3; k++)
        three[k] = (char)(v >> (16 - 8 * k) & 255);
    if ((s.n < 3 && three[1]) || (s.n < 4 && three[2]))
        return ERR_INVAL;
    buf_add(to, three, s.n - 1);
    return 0;
}

static int
base64_read(struct buf *to, struct str from, const char *letters, bool padded)
{
    size_t was = to->n, pad = 0;

    while (pad < 2 && pad < from.n && from.p[from.n - 1 - pad] == '=')
        pad++;
    if ((padded || pad) && from.n % 4)
        return ERR_INVAL;
    from.n -= pad;
    buf_reserve(to, from.n / 4 * 3 + 3);
    for (size_t i = 0; i < from.n; i += 4) {
        if (base64_group(to, str_sub(from, i, 4), letters)) {
            buf_cut(to, was);
            return ERR_INVAL;
        }
    }
    return 0;
}

int
base64_decode(struct buf *to, struct str from)
{
    return base64_read(to, from, base64_std, true);
}

int
base64url_decode(struct buf *to, struct str from)
{
    return base64_read(to, from, base64_url, false);
}
