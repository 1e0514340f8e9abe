/* SPDX-License-Identifier: Apache-2.0
 *
 * http1out.c - heads on their way out.
 */
#include <stdio.h>
#include <string.h>

#include "http1.h"

static void
put(struct http1_out *o, const char *at, size_t n)
{
    if (n > o->size - o->n) {
        o->bad = true;
        return;
    }
    if (n)
        memcpy(o->at + o->n, at, n);
    o->n += n;
}

static void
put_text(struct http1_out *o, const char *z)
{
    put(o, z, strlen(z));
}

/* Nothing that would end the line, and with low ' ' no blank either. */
static void
put_clean(struct http1_out *o, struct impel_str s, bool blanks)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < ' ' && c != '\t') || c == 127 ||
            (!blanks && (c == ' ' || c == '\t' || c > 127)))
            o->bad = true;
    }
    put(o, s.p, s.n);
}

void
http1_put_request(struct http1_out *o, const char *method,
    struct impel_str target, struct impel_str host)
{
    put_text(o, method);
    put_text(o, " ");
    if (!target.n || !host.n)
        o->bad = true;
    put_clean(o, target, false);
    put_text(o, " HTTP/1.1\r\nHost: ");
    put_clean(o, host, false);
    put_text(o, "\r\n");
}

static const char *
reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {{100, "Continue"}, {200, "OK"}, {400, "Bad Request"},
        {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
        {405, "Method Not Allowed"}, {408, "Request Timeout"},
        {411, "Length Required"}, {413, "Content Too Large"},
        {414, "URI Too Long"}, {415, "Unsupported Media Type"},
        {417, "Expectation Failed"}, {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"}, {501, "Not Implemented"},
        {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "";
}

void
http1_put_status(struct http1_out *o, int status)
{
    char line[24];

    if (status < 100 || status > 599)
        o->bad = true;
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %03d ", status % 1000);
    put_text(o, line);
    put_text(o, reason_of(status));
    put_text(o, "\r\n");
}

void
http1_put_field(struct http1_out *o, const char *name, struct impel_str value)
{
    put_text(o, name);
    put_text(o, ": ");
    put_clean(o, value, true);
    put_text(o, "\r\n");
}

void
http1_put_end(struct http1_out *o, uint64_t length)
{
    char line[48];

    (void)snprintf(line, sizeof(line), "Content-Length: %llu\r\n\r\n",
        (unsigned long long)length);
    put_text(o, line);
}

struct impel_str
http1_path_of(struct impel_str uri)
{
    struct impel_str none = {NULL, 0};
    const char *end, *at = uri.n ? memmem(uri.p, uri.n, "://", 3) : NULL;

    if (!at)
        return none;
    end = memchr(at, '?', (size_t)(uri.p + uri.n - at));
    if (!end)
        end = uri.p + uri.n;
    at = memchr(at + 3, '/', (size_t)(end - at - 3));
    return at ? (struct impel_str){at, (size_t)(end - at)} : none;
}
