/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c - octets that grow, and text as XML has it.
 */
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mime.h"

void
text_put(struct text *t, const char *at, size_t n)
{
    size_t room = t->room ? t->room : 1024;
    char *grown;

    if (t->failed || n == 0)
        return;
    while (room - t->n < n)
        room *= 2;
    if (room != t->room) {
        grown = malloc(room);
        if (!grown) {
            t->failed = true;
            return;
        }
        if (t->n)
            memcpy(grown, t->p, t->n);
        if (t->p)
            explicit_bzero(t->p, t->room);
        free(t->p);
        t->p = grown;
        t->room = room;
    }
    memcpy(t->p + t->n, at, n);
    t->n += n;
}

void
text_z(struct text *t, const char *z)
{
    text_put(t, z, strlen(z));
}

void
text_str(struct text *t, struct impel_str s)
{
    text_put(t, s.p, s.n);
}

void
text_wipe(struct text *t)
{
    if (t->p)
        explicit_bzero(t->p, t->room);
    free(t->p);
    *t = (struct text){NULL, 0, 0, false};
}

void
text_base64(struct text *t, const void *in, size_t n, size_t line)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                  "qrstuvwxyz0123456789+/";
    const unsigned char *p = in;
    size_t column = 0;
    char four[4];

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = 0;

        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < n ? p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n - i ? letters[v >> (18 - 6 * k) & 63] : '=';
        text_put(t, four, 4);
        column += 4;
        if (line && (column == line || n - i <= 3)) {
            text_z(t, "\r\n");
            column = 0;
        }
    }
    explicit_bzero(four, sizeof(four));
}

char *
text_for_xml(struct impel_str s)
{
    char *to = malloc(s.n + 1);
    bool utf8 = mime_is_utf8(s);

    if (!to)
        return NULL;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool blank = c == '\t' || c == '\n' || c == '\r';

        to[i] = (c < ' ' && !blank) || c == 127 || (c > 127 && !utf8) ? '?'
                                                                      : (char)c;
    }
    to[s.n] = '\0';
    /* U+FFFE and U+FFFF are UTF-8, and nothing to XML */
    for (char *p = to; (p = strstr(p, "\xef\xbf")) != NULL; p += 3)
        if (p[2] == '\xbe' || p[2] == '\xbf')
            memcpy(p, "???", 3);
    return to;
}

bool
text_is_prefix(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (letter || c == '_')
            continue;
        if (i == 0 || !c || !strchr("0123456789.-", c))
            return false;
    }
    return s.n > 0 && s.n <= 64;
}

bool
text_is_line(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 127)
            return false;
    return true;
}
