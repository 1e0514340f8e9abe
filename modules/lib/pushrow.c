/* SPDX-License-Identifier: Apache-2.0 */
#include "pushrow.h"

#include <string.h>

#include "line.h"

const struct pushrow *
pushrow_find(const struct pushrow *row, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (strcmp(row[i].name, name) == 0)
            return &row[i];
    return NULL;
}

struct impel_result
pushrow_result(
    const struct pushrow *row, int code, int64_t after, const char *text)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = row->verdict,
        .blame = row->blame,
        .stage = IMPEL_AT_FINAL,
        .code = (uint16_t)code,
        .retry_after = row->retry_s ? (int64_t)row->retry_s * 1000 : -1,
        .text = line_str(text)};

    for (int i = 0; i < 3; i++)
        r.status[i] = row->status[i];
    if (after <= 0)
        return r;
    r.retry_after = after;
    if (r.blame == IMPEL_BLAME_HOST)
        r.blame = IMPEL_BLAME_ROUTE;
    return r;
}
