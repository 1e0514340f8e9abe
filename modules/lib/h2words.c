/* SPDX-License-Identifier: Apache-2.0
 *
 * h2words.c - what answers say, and connections agree on.
 */
#include "h2.h"
#include "line.h"
#include "retryafter.h"

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
    return retryafter_read(h2_header(a, "retry-after"), wall);
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
