/* SPDX-License-Identifier: Apache-2.0
 *
 * mimetext.c - encodings of bodies and words, and charsets.
 *
 * The charsets are a list: the C library would load code for any name that a
 * message gives, and of what it has some was wrong for decades.
 */
#include <iconv.h>
#include <stdint.h>
#include <string.h>

#include "line.h"
#include "mime.h"

/* --- transfer encodings --- */

static int
base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int64_t
base64_decode(struct impel_str in, char *to)
{
    uint32_t bits = 0;
    unsigned have = 0, pads = 0;
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        int v = base64_value(c);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=' && have >= 2 && have + pads < 4) {
            pads++;
            continue;
        }
        if (v < 0 || pads)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        if (++have == 4) {
            to[n++] = (char)(bits >> 16);
            to[n++] = (char)(bits >> 8);
            to[n++] = (char)bits;
            have = 0;
        }
    }
    if (have == 1 || (pads && have + pads != 4))
        return -1;
    if (have == 2)
        to[n++] = (char)(bits >> 4);
    if (have == 3) {
        to[n++] = (char)(bits >> 10);
        to[n++] = (char)(bits >> 2);
    }
    return (int64_t)n;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Blanks at the end of a line are not the text's (RFC 2045 6.7, 3). */
static size_t
quoted_blanks(struct impel_str in, size_t i)
{
    size_t at = i;

    while (at < in.n && (in.p[at] == ' ' || in.p[at] == '\t'))
        at++;
    if (at < in.n && in.p[at] == '\r')
        at++;
    return at == in.n || in.p[at] == '\n' ? at : i;
}

static int64_t
quoted_decode(struct impel_str in, char *to)
{
    size_t n = 0, i = 0, end;

    while (i < in.n) {
        char c = in.p[i];

        if (c == ' ' || c == '\t') {
            end = quoted_blanks(in, i);
            if (end > i) { /* the line's end is kept as it is */
                i = end > i && in.p[end - 1] == '\r' ? end - 1 : end;
                continue;
            }
        }
        if (c != '=') {
            to[n++] = c;
            i++;
            continue;
        }
        end = quoted_blanks(in, i + 1);
        if (end < in.n && in.p[end] == '\n') { /* a soft end of line */
            i = end + 1;
        } else if (end >= in.n) {
            i = end;
        } else if (i + 2 < in.n && hex_value(in.p[i + 1]) >= 0 &&
            hex_value(in.p[i + 2]) >= 0) {
            to[n++] =
                (char)(hex_value(in.p[i + 1]) << 4 | hex_value(in.p[i + 2]));
            i += 3;
        } else {
            return -1;
        }
    }
    return (int64_t)n;
}

int64_t
mime_decode(enum mime_encoding encoding, struct impel_str in, char *to)
{
    switch (encoding) {
    case MIME_PLAIN:
        memmove(to, in.p, in.n);
        return (int64_t)in.n;
    case MIME_QUOTED:
        return quoted_decode(in, to);
    case MIME_BASE64:
        return base64_decode(in, to);
    default:
        return -1;
    }
}

/* --- charsets --- */

/* Octets of the character at p; 0: it is none. */
static size_t
utf8_length(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t want = u[0] < 0x80         ? 1
        : u[0] >= 0xc2 && u[0] < 0xe0 ? 2
        : u[0] >= 0xe0 && u[0] < 0xf0 ? 3
        : u[0] >= 0xf0 && u[0] < 0xf5 ? 4
                                      : 0;

    if (!want || want > n)
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    return want;
}

bool
mime_is_utf8(struct impel_str s)
{
    size_t n;

    for (size_t i = 0; i < s.n; i += n)
        if (!(n = utf8_length(s.p + i, s.n - i)))
            return false;
    return true;
}

static const char *const charsets[] = {"ISO-8859-1", "ISO-8859-2", "ISO-8859-3",
    "ISO-8859-4", "ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8",
    "ISO-8859-9", "ISO-8859-10", "ISO-8859-13", "ISO-8859-14", "ISO-8859-15",
    "ISO-8859-16", "windows-1250", "windows-1251", "windows-1252",
    "windows-1253", "windows-1254", "windows-1255", "windows-1256",
    "windows-1257", "windows-1258", "KOI8-R", "KOI8-U", "GB2312", "GBK",
    "GB18030", "Big5", "EUC-JP", "Shift_JIS", "ISO-2022-JP", "EUC-KR",
    "TIS-620"};

static int64_t
from_charset(const char *name, struct impel_str in, char *to, size_t size)
{
    iconv_t cd = iconv_open("UTF-8", name);
    char *from = (char *)(uintptr_t)in.p, *out = to;
    size_t left = in.n, room = size;
    bool fine;

    if (cd == (iconv_t)-1)
        return -1;
    fine = iconv(cd, &from, &left, &out, &room) != (size_t)-1 && !left &&
        iconv(cd, NULL, NULL, &out, &room) != (size_t)-1;
    (void)iconv_close(cd);
    return fine ? out - to : -1;
}

int64_t
mime_utf8(const char *charset, struct impel_str in, char *to, size_t size)
{
    struct impel_str name = line_str(charset);

    if (!name.n || line_same(name, "utf-8") || line_same(name, "utf8") ||
        line_same(name, "us-ascii")) {
        if (in.n > size || !mime_is_utf8(in))
            return -1;
        memmove(to, in.p, in.n);
        return (int64_t)in.n;
    }
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
        if (line_same(name, charsets[i]))
            return from_charset(charsets[i], in, to, size);
    return -1;
}

/* --- encoded words --- */

/* "=?charset?B?text?=" at p: its octets, decoded to UTF-8; 0: it is none. */
static size_t
word_take(struct impel_str in, char *to, size_t size, size_t *made)
{
    char charset[64], raw[256];
    const char *p = in.p + 2, *end = in.p + in.n, *q, *text;
    int64_t n;

    if (in.n < 8 || memcmp(in.p, "=?", 2) != 0)
        return 0;
    q = memchr(p, '?', (size_t)(end - p));
    if (!q || q == p || (size_t)(q - p) >= sizeof(charset) || end - q < 4 ||
        q[2] != '?')
        return 0;
    memcpy(charset, p, (size_t)(q - p));
    charset[q - p] = '\0';
    if (strchr(charset, '*')) /* a language, RFC 2231 5 */
        *strchr(charset, '*') = '\0';
    text = q + 3;
    p = text;
    while (p < end && *p != '?' && *p > ' ')
        p++;
    if (end - p < 2 || p[0] != '?' || p[1] != '=' ||
        (size_t)(p - text) > sizeof(raw))
        return 0;
    n = p - text;
    memcpy(raw, text, (size_t)n);
    if (q[1] == 'Q' || q[1] == 'q')
        for (int64_t i = 0; i < n; i++)
            raw[i] = raw[i] == '_' ? ' ' : raw[i];
    n = q[1] == 'B' || q[1] == 'b'
        ? mime_decode(MIME_BASE64, (struct impel_str){raw, (size_t)n}, raw)
        : q[1] == 'Q' || q[1] == 'q'
        ? mime_decode(MIME_QUOTED, (struct impel_str){raw, (size_t)n}, raw)
        : -1;
    if (n < 0)
        return 0;
    n = mime_utf8(charset, (struct impel_str){raw, (size_t)n}, to, size);
    if (n < 0)
        return 0;
    *made = (size_t)n;
    return (size_t)(p + 2 - in.p);
}

size_t
mime_words(struct impel_str value, char *to, size_t size)
{
    size_t n = 0, i = 0, used, made = 0, blanks = 0;
    bool word = false; /* the last thing was one; blanks follow */

    while (i < value.n) {
        struct impel_str rest = {value.p + i, value.n - i};
        size_t at = word ? n - blanks : n; /* between words blanks go */
        size_t one;

        if ((used = word_take(rest, to + at, size - at, &made)) > 0) {
            n = at + made;
            i += used;
            word = true;
            blanks = 0;
            continue;
        }
        one = utf8_length(rest.p, rest.n);
        if (n + (one ? one : 1) > size)
            break;
        memcpy(to + n, one ? rest.p : "?", one ? one : 1);
        n += one ? one : 1;
        i += one ? one : 1;
        if (rest.p[0] == ' ' || rest.p[0] == '\t')
            blanks++;
        else
            word = false, blanks = 0;
    }
    return n;
}
