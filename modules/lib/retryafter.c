/* SPDX-License-Identifier: Apache-2.0 */
#include "retryafter.h"

#include <string.h>
#include <time.h>

#include "calendar.h"

int64_t
retryafter_read(struct impel_str v, int64_t wall)
{
    char date[40];
    struct tm tm = {0};
    const char *end;
    int64_t ms = 0;
    size_t i = 0;

    if (!v.n || v.n >= sizeof(date))
        return -1;
    for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
        if (ms < RETRYAFTER_MOST_MS)
            ms = ms * 10 + (v.p[i] - '0') * 1000;
    if (i < v.n) {
        memcpy(date, v.p, v.n);
        date[v.n] = '\0';
        end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (!end || *end)
            return -1;
        ms = calendar_seconds(&tm) * 1000 - wall;
    }
    return ms < 0 ? 0 : ms > RETRYAFTER_MOST_MS ? RETRYAFTER_MOST_MS : ms;
}
