/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/jsontext.h"

#include <stdlib.h>
#include "base/bug.h"
#include "base/utf8.h"
#include "base/banned.h"

static void
add_ascii(struct buf *to, char c)
{
    if (c == '"' || c == '\\') {
        buf_char(to, '\\');
        buf_char(to, c);
    } else if (c == '\n')
        buf_cstr(to, "\\n");
    else if (c == '\t')
        buf_cstr(to, "\\t");
    else if ((unsigned char)c < 0x20 || c == 0x7f)
        buf_printf(to, "\\u%04x", (unsigned)(unsigned char)c);
    else
        buf_char(to, c);
}

/* How many bytes at the start stand for themselves. */
static size_t
plain_length(struct str s)
{
    size_t n = 0;
    for (; n < s.n; n++) {
        unsigned char c = (unsigned char)s.p[n];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            break;
    }
    return n;
}

void
jsontext_str(struct buf *to, struct str s)
{
    buf_reserve(to, s.n + 2);
    buf_char(to, '"');
    while (s.n) {
        size_t n = plain_length(s);
        if (n == 0 && (n = utf8_length(s)) == 1)
            add_ascii(to, s.p[0]);
        else if (n == 0)
            buf_cstr(to, "\xef\xbf\xbd");
        else
            buf_add(to, s.p, n);
        s = str_from(s, n ? n : 1);
    }
    buf_char(to, '"');
}

struct str
jsontext_head(struct str s, size_t n)
{
    if (s.n <= n)
        return s;
    for (size_t back = 0; back < 4 && back < n; back++)
        if (((unsigned char)s.p[n - back] & 0xc0) != 0x80)
            return str_sub(s, 0, n - back);
    return str_sub(s, 0, n); /* no text at all: any place will do */
}

json_t *
jsontext_value(struct str s)
{
    struct buf quoted = BUF_INIT;
    jsontext_str(&quoted, s);
    json_t *j =
        json_loadb(quoted.p, quoted.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    buf_fini(&quoted);
    BUG_ON(!j);
    return j;
}

static int
add_piece(const char *p, size_t n, void *to)
{
    buf_add(to, p, n);
    return 0;
}

void
jsontext_take(struct buf *to, json_t *j)
{
    (void)json_dump_callback(j, add_piece, to, 0); /* a buf takes all */
    json_decref(j);
}
