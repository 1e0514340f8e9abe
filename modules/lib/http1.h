/* SPDX-License-Identifier: Apache-2.0
 *
 * http1.h - messages of HTTP/1.1 (RFC 9112): a reader of requests and of
 * responses, and a writer of their heads.
 *
 * The reader takes octets as they come and keeps one message, whose size is
 * bounded.  What two readers might take for two different things it refuses: a
 * line that ends in a bare LF or has a bare CR, a folded field, a blank before
 * a colon, Content-Length twice or beside Transfer-Encoding, a coding other
 * than "chunked".  Not read are answers to HEAD and CONNECT, which have no body
 * whatever their fields say, and a change of the protocol (101).
 */
#ifndef IMPEL_LIB_HTTP1_H
#define IMPEL_LIB_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

enum {
    HTTP1_HEAD_MOST = 16384,  /* octets of the first line and all fields */
    HTTP1_FIELDS_MOST = 64,   /* fields */
    HTTP1_TARGET_MOST = 2048, /* octets of a request's target */
    HTTP1_CHUNK_LINE = 256,   /* octets before a chunk, extensions too */
    HTTP1_INTERIM_MOST = 8    /* answers 1xx that are passed over */
};
enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };
enum http1_step {
    HTTP1_MORE,  /* it is not whole yet */
    HTTP1_HEAD,  /* once: the head is whole, and a body follows */
    HTTP1_WHOLE, /* the message is whole; feed no more before http1_next() */
    HTTP1_BAD    /* http1_fault(); nothing that follows can be read */
};

struct http1_message {
    struct impel_str method, target; /* of a request */
    int status;                      /* of a response, 200 to 599 */
    struct impel_str reason;
    int minor; /* HTTP/1.minor: 0 or 1 */
    const struct impel_pair *field;
    size_t field_count;
    struct impel_str body; /* without its chunks; when it is WHOLE */
    bool keep;             /* another message may follow on this connection */
    bool expects;          /* of a request: the client waits for a 100 */
};

struct http1;
/* body_most: octets of a body.  NULL: no memory. */
struct http1 *http1_new(enum http1_kind kind, size_t body_most);
/* Takes octets up to the end of the head, of the message, or of what there is;
 * how many, and *step says where it stands. */
size_t http1_feed(
    struct http1 *h, const char *at, size_t n, enum http1_step *step);
/* The peer has closed: WHOLE if the end of a response is the connection's, MORE
 * if nothing had begun, else BAD. */
enum http1_step http1_end(struct http1 *h);
/* What was read, from HEAD on; good until http1_next(). */
const struct http1_message *http1_read(const struct http1 *h);
/* Right behind HEAD, or a WHOLE that came without it: the body is read and
 * bounded all the same, and not kept. */
void http1_drop(struct http1 *h);
/* Behind WHOLE: the next message. */
void http1_next(struct http1 *h);
/* Why it is BAD: a sentence, and the status that a server answers with. */
const char *http1_fault(const struct http1 *h, int *status);
/* Has anything of a message come? */
bool http1_has_begun(const struct http1 *h);
void http1_free(struct http1 *h); /* NULL is fine; a body is wiped */

/* The first field of that name, whatever its case; p NULL: none. */
struct impel_str http1_field(const struct http1_message *m, const char *name);
/* Is that one of the words between commas in all such fields? */
bool http1_has_word(
    const struct http1_message *m, const char *name, const char *word);

/* A head on its way out.  What does not fit, or would not be one field on one
 * line, makes it bad, and nothing of it may be sent. */
struct http1_out {
    char *at;
    size_t size, n;
    bool bad;
};
void http1_put_request(struct http1_out *o, const char *method,
    struct impel_str target, struct impel_str host);
void http1_put_status(struct http1_out *o, int status);
void http1_put_field(
    struct http1_out *o, const char *name, struct impel_str value);
/* Content-Length, and the empty line. */
void http1_put_end(struct http1_out *o, uint64_t length);
/* The path in a route such as "mm7://host:80/path?port=8080"; absent: there is
 * none. */
struct impel_str http1_path_of(struct impel_str uri);

#endif
