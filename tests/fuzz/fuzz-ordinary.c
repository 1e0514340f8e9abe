/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-ordinary.c - the ordinary message in a container
 * (core/spool/ordinary.c).  What is found lies within, behind a line, and is
 * found again in a container that is made of it.
 */
#include "parts.h"

#include "spool/ordinary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(struct str from, bool binary)
{
    const char *why = NULL;
    struct str got = ordinary_find(from, binary, &why), again;
    struct buf other = BUF_INIT;

    if (!got.n) {
        must(why != NULL);
        return;
    }
    must(got.p > from.p && got.p + got.n <= from.p + from.n);
    must(got.p[-1] == '\n');
    if (binary || str_find(got, STR("--Zz"), 0) != SIZE_MAX)
        return;
    buf_cstr(&other,
        "Content-Type: multipart/vnd.msys.mcmt; boundary=Zz\r\n\r\n"
        "--Zz\r\nContent-Type: message/rfc822\r\n\r\n");
    buf_str(&other, got);
    buf_cstr(&other, "\r\n--Zz--\r\n");
    again = ordinary_find(buf_get(&other), binary, &why);
    must(str_eq(again, got));
    buf_fini(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    check(str_make(data, n), false);
    check(str_make(data, n), true);
    return 0;
}
