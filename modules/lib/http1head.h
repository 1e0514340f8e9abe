/* SPDX-License-Identifier: Apache-2.0
 *
 * http1head.h - the lines of a head, for http1.c alone.
 */
#ifndef IMPEL_LIB_HTTP1HEAD_H
#define IMPEL_LIB_HTTP1HEAD_H

#include "http1.h"

enum http1_at {
    AT_FIRST,
    AT_FIELD,
    AT_BODY, /* left octets */
    AT_REST, /* up to the end of the connection */
    AT_SIZE, /* before a chunk */
    AT_CHUNK,
    AT_CHUNK_END,
    AT_TRAILER,
    AT_END,
    AT_BAD
};
struct http1 {
    struct http1_message m;
    enum http1_kind kind;
    enum http1_at at;
    size_t body_most;
    char *body;
    size_t body_n, body_room;
    uint64_t left;
    const char *fault;
    int status; /* of the fault */
    unsigned interim, trailers;
    bool cr, passed, begun, drops;
    size_t head_n, line; /* where the line begins */
    struct impel_pair field[HTTP1_FIELDS_MOST];
    char head[HTTP1_HEAD_MOST + HTTP1_CHUNK_LINE]; /* there is always room
                                                    * before a chunk */
};

enum head_body {
    HEAD_INTERIM, /* an answer 1xx: the answer follows */
    HEAD_EMPTY,
    HEAD_LENGTH, /* http1.left octets, one at least */
    HEAD_CHUNKS,
    HEAD_REST
};
/* A line without its end, which stays where it is in http1.head.  NULL; or what
 * is wrong, and *status unless it is 400. */
const char *http1head_first(
    struct http1 *h, const char *line, size_t n, int *status);
const char *http1head_field(
    struct http1 *h, const char *line, size_t n, int *status);
/* Is it a field? */
const char *http1head_check(const char *line, size_t n);
/* All fields are there: what body follows? */
const char *http1head_end(struct http1 *h, enum head_body *how, int *status);

#endif
