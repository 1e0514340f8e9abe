/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - answers of HTTP/1.1 (RFC 9112), read as they come.
 *
 * One answer is kept, and no more of it than the bounds below.  What has two
 * meanings is refused: two lengths, a length beside a coding, a coding other
 * than "chunked", a field that is folded or has a blank before its colon.
 */
#ifndef WEBHOOK_HTTP_H
#define WEBHOOK_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

enum {
    HTTP_LINE_MOST = 8192,  /* octets of one line of the head */
    HTTP_HEAD_MOST = 32768, /* of all of them */
    HTTP_BODY_MOST = 65536, /* of the body; more than that is bad */
    HTTP_INTERIM_MOST = 8   /* answers 1xx before the answer */
};
enum http_step {
    HTTP_MORE,
    HTTP_DONE, /* status, and what stands below it, may be read */
    HTTP_BAD   /* why says why; nothing that follows can be read */
};
enum http_phase {
    PHASE_STATUS,
    PHASE_FIELDS,
    PHASE_LENGTH, /* a body of that length */
    PHASE_CLOSE,  /* up to the end of the connection */
    PHASE_CHUNK,  /* the line before a chunk */
    PHASE_DATA,   /* the chunk */
    PHASE_CRLF,   /* the line behind it */
    PHASE_TRAILER,
    PHASE_END,
    PHASE_BAD
};

struct http {
    enum http_phase phase;
    const char *why;
    int status;          /* 200 to 599 */
    char reason[128];    /* printable ASCII */
    bool json;           /* the body is application/json */
    bool keep;           /* another request may follow */
    int64_t retry_after; /* ms from now; < 0: the server says nothing */
    char *body;          /* with a NUL behind it */
    size_t body_n;

    char line[HTTP_LINE_MOST];
    size_t line_n, head_n;
    uint64_t left; /* of the body, or of a chunk */
    int interim, minor;
    bool has_length, chunked;
};

void http_init(struct http *h);
void http_fini(struct http *h);
/* Before the answer to the next request. */
void http_next(struct http *h);
/* Takes octets until the answer is whole; how many. */
size_t http_feed(struct http *h, const char *p, size_t n, enum http_step *step);
/* The server says no more: DONE, if that is the end of an answer. */
enum http_step http_end(struct http *h);
/* Has anything of an answer come? */
bool http_has_begun(const struct http *h);

#endif
