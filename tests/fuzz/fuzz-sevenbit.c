/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-sevenbit.c - a message made 7-bit (core/spool/sevenbit.c).  What comes
 * out has no octet above 127, is done with (made 7-bit again it is the same),
 * has no newline of its own making but CRLF, and means what it meant: a body
 * that is no multipart, decoded by a plain reader, is the one that went in.
 */
#include "parts.h"

#include "spool/sevenbit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Behind the first empty line; one of blanks continues a field. */
static struct str
body_of(struct str s)
{
    size_t at;

    if (str_starts(s, STR("\r\n")))
        return str_from(s, 2);
    at = str_find(s, STR("\r\n\r\n"), 0);
    return at == SIZE_MAX ? STR("") : str_from(s, at + 4);
}

static int
hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 55 : -1;
}

/* RFC 2045 6.7, nothing forgiven. */
static void
decode(struct str s, struct buf *to)
{
    size_t column = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n')
            column = 0;
        else
            must(s.p[i] == '\r' || ++column <= 76);
        if (s.p[i] != '=') {
            buf_char(to, s.p[i]);
            continue;
        }
        must(i + 2 < s.n);
        if (s.p[i + 1] != '\r') {
            must(hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0);
            buf_char(to, (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])));
        } else {
            must(s.p[i + 2] == '\n');
            column = 0;
        }
        i += 2;
    }
}

static bool
has_high(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 127)
            return true;
    return false;
}

static size_t
bare(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += (s.p[i] == '\n' && (!i || s.p[i - 1] != '\r')) ||
            (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'));
    return n;
}

/* Lines that end in CRLF only, as they do in the spool. */
static void
mend(struct str s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\n')
            buf_cstr(to, "\r\n");
        else if (s.p[i] != '\r')
            buf_char(to, s.p[i]);
}

static void
check(struct str from, struct str got)
{
    struct buf again = BUF_INIT, plain = BUF_INIT;

    must(!has_high(got) && bare(got) == 0);
    must(sevenbit_encode(got, false, &again, NULL) == 0);
    must(str_eq(buf_get(&again), got));
    if (!has_high(from)) {
        must(str_eq(from, got));
    } else if (str_chr(from, '/', 0) == SIZE_MAX) { /* no Content-Type */
        decode(body_of(got), &plain);
        must(str_eq(buf_get(&plain), body_of(from)));
    }
    buf_fini(&again);
    buf_fini(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct buf from = BUF_INIT, to = BUF_INIT;

    mend(str_make(data, n), &from);
    if (sevenbit_encode(buf_get(&from), false, &to, NULL) == 0)
        check(buf_get(&from), buf_get(&to));
    buf_cut(&to, 0);
    if (sevenbit_encode(str_make(data, n), true, &to, NULL) == 0)
        must(!has_high(buf_get(&to)) && bare(buf_get(&to)) == 0 &&
            (!to.n || !memchr(to.p, 0, to.n)));
    buf_fini(&from);
    buf_fini(&to);
    return 0;
}
