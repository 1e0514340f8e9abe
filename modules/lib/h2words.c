/* SPDX-License-Identifier: Apache-2.0
 *
 * h2words.c - what answers say, and connections agree on.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "h2.h"
#include "line.h"

enum { RETRY_MOST_MS = 86400 * 1000 };

struct impel_str
h2_header(const struct h2_answer *a, const char *name)
{
    for (size_t i = 0; i < a->header_count; i++)
        if (line_same(a->header[i].key, name))
            return a->header[i].value;
    return (struct impel_str){NULL, 0};
}

int64_t
h2_retry_after(const struct h2_answer *a, int64_t wall)
{
    struct impel_str v = h2_header(a, "retry-after");
    char date[40];
    struct tm tm = {0};
    const char *end;
    int64_t ms = 0;
    size_t i = 0;

    if (!v.n || v.n >= sizeof(date))
        return -1;
    for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
        if (ms < RETRY_MOST_MS)
            ms = ms * 10 + (v.p[i] - '0') * 1000;
    if (i < v.n) {
        memcpy(date, v.p, v.n);
        date[v.n] = '\0';
        end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (!end || *end)
            return -1;
        ms = (int64_t)timegm(&tm) * 1000 - wall;
    }
    return ms < 0 ? 0 : ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms;
}

const char *
h2_fault(const struct impel_host *host, struct impel_session *session)
{
    struct impel_str version = host->info(session, IMPEL_INFO_TLS_VERSION);
    struct impel_str alpn = host->info(session, IMPEL_INFO_ALPN);

    if (!version.n)
        return "451 4.7.5 [internal] the connection has no TLS";
    /* RFC 9113 9.2 */
    if (!line_same(version, "TLS1.3") && !line_same(version, "TLS1.2"))
        return "451 4.7.5 [internal] HTTP/2 wants TLS 1.2 or newer";
    if (!line_same(alpn, "h2"))
        return "451 4.7.5 [internal] the server does not speak HTTP/2 (ALPN)";
    return NULL;
}
