/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-proxyproto.c - the header of a balancer: whole and byte by byte must
 * agree, and never more than was there is used.
 */
#include <stdlib.h>
#include <string.h>

#include "net/proxyproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum proxyproto_result whole, part = PROXYPROTO_MORE;
    struct proxyproto a, b;
    const char *why;
    size_t i;

    whole = proxyproto_parse(data, n, &a, &why);
    for (i = 0; i <= n && part == PROXYPROTO_MORE; i++)
        part = proxyproto_parse(data, i, &b, &why);
    if (whole != part)
        abort();
    if (whole == PROXYPROTO_MORE && n >= PROXYPROTO_MOST)
        abort();
    if (whole != PROXYPROTO_OK)
        return 0;
    if (a.size > n || a.size != b.size || a.named != b.named || i - 1 != a.size)
        abort();
    if (data[0] == 'P' && a.named && memchr(data, 0, a.size))
        abort();
    return 0;
}
