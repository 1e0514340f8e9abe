/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-reply.c - replies of a host: whole and byte by byte must agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capability.h"
#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *p = (const char *)data;
    struct reply_scan whole = {0}, bytes = {0};
    struct reply a, b;
    struct capability c;
    enum reply_result ra, rb = REPLY_MORE;
    size_t i;
    uint32_t k;

    ra = reply_parse(&whole, p, n, &a);
    for (i = 0; i <= n && rb == REPLY_MORE; i++)
        rb = reply_parse(&bytes, p, i, &b);
    if (ra != rb || (ra == REPLY_OK && (a.used != b.used || a.used > n)))
        abort();
    if (ra != REPLY_OK)
        return 0;
    for (k = 0; k < a.lines + 1; k++) {
        struct impel_str line = reply_line(&a, k);

        if (k < a.lines ? !line.p : line.p != NULL)
            abort();
        if (line.n > 0 && memchr(line.p, '\n', line.n))
            abort();
    }
    capability_parse(&c, &a);
    return 0;
}
