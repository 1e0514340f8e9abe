/* SPDX-License-Identifier: Apache-2.0
 *
 * out.c - a small fixed buffer in front of host->write().
 */
#include "out.h"

#include <string.h>

void
out_put(struct out *o, const void *p, size_t n)
{
    if (n > OUT_SIZE - o->n) {
        o->overflow = true;
        return;
    }
    if (n > 0)
        memcpy(o->p + o->n, p, n);
    o->n += n;
}

void
out_text(struct out *o, const char *z)
{
    out_put(o, z, strlen(z));
}

void
out_str(struct out *o, struct impel_str s)
{
    out_put(o, s.p, s.n);
}

void
out_number(struct out *o, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    out_put(o, digits + at, sizeof(digits) - at);
}

int
out_flush(
    struct out *o, const struct impel_host *host, struct impel_session *session)
{
    int rc;

    if (o->overflow)
        return IMPEL_E_INVAL;
    if (o->n == 0)
        return 0;
    rc = host->write(session, o->p, o->n);
    if (rc == 0)
        o->n = 0;
    return rc;
}
