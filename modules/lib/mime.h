/* SPDX-License-Identifier: Apache-2.0
 *
 * mime.h - the parts of a message, as its octets stream by (RFC 2045, 2046).
 *
 * The reader keeps one header and the beginning of a line, whatever the size of
 * the message; what a part's body is good for is its taker's affair, who bounds
 * it.  Lines end in LF; a CR before it belongs to the end.  Beyond the limits
 * below a message is refused, not guessed at.
 */
#ifndef IMPEL_LIB_MIME_H
#define IMPEL_LIB_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include <impel/module.h>

enum {
    MIME_DEPTH = 8,           /* parts within parts */
    MIME_PARTS_MOST = 1000,   /* of a message */
    MIME_HEADER_MOST = 65536, /* octets of one header */
    MIME_BOUNDARY_MOST = 200, /* RFC 2046 says 70 */
    MIME_TYPE_MOST = 128      /* "multipart/mixed" */
};
enum mime_encoding {
    MIME_PLAIN, /* 7bit, 8bit, binary, or not said */
    MIME_QUOTED,
    MIME_BASE64,
    MIME_UNKNOWN
};

/* What a header says of its body.  Names are in small letters; a header
 * without Content-Type is "text/plain". */
struct mime_type {
    char name[MIME_TYPE_MOST];
    char charset[64]; /* "" not said */
    char boundary[MIME_BOUNDARY_MOST + 1];
    enum mime_encoding encoding;
};
struct mime_part {
    struct mime_type type;
    struct impel_str header; /* without the empty line; lent for the call */
    unsigned depth;          /* 0: the message itself */
};
enum mime_choice {
    MIME_SKIP,  /* of a multipart the parts follow all the same */
    MIME_TAKE,  /* its body comes as it stands, parts within it unseen */
    MIME_ENTER, /* a message within the message: its own part() is next */
    MIME_PASS   /* nothing within it is looked at */
};
struct mime_calls {
    enum mime_choice (*part)(void *arg, const struct mime_part *part);
    /* Of the part that was taken.  The line end before a boundary is the
     * boundary's.  Then end(): whole is false if the message broke off. */
    void (*body)(void *arg, const char *p, size_t n);
    void (*end)(void *arg, bool whole);
};

struct mime;
extern const char mime_no_memory[]; /* what is wrong when there is none */
/* NULL: no memory. */
struct mime *mime_new(const struct mime_calls *calls, void *arg);
/* The next octets.  NULL; or what is wrong with the message, a constant text,
 * and no call comes any more. */
const char *mime_feed(struct mime *m, const char *p, size_t n);
/* That was all.  The same. */
const char *mime_end(struct mime *m);
void mime_free(struct mime *m);

/* --- headers --- */

/* The first field of that name in a header, unfolded, without blanks around it,
 * and ended by a NUL.  false: there is none; or it does not fit, and to is "":
 * nothing is cut. */
bool mime_field(
    struct impel_str header, const char *name, char *to, size_t size);
/* The same, for whom these are two things.  1: it is there; 0: there is none;
 * -1: it does not fit. */
int mime_look(struct impel_str header, const char *name, char *to, size_t size);
/* What Content-Type and Content-Transfer-Encoding say; false: they cannot be
 * read. */
bool mime_type_of(struct impel_str header, struct mime_type *to);
/* A header and what follows its empty line (or absent: there is none). */
void mime_split(
    struct impel_str message, struct impel_str *header, struct impel_str *body);

/* --- bodies, in memory --- */

/* In place of an encoding the octets; to has room for in.n of them, and may be
 * in.p.  -1: it is not what it says; else how many. */
int64_t mime_decode(enum mime_encoding encoding, struct impel_str in, char *to);
/* UTF-8 of a text in that charset ("" is US-ASCII, and 8-bit text without a
 * charset is UTF-8 if it can be).  -1: a charset that is not known here, text
 * that is not of it, or more than size; else how many octets. */
int64_t mime_utf8(
    const char *charset, struct impel_str in, char *to, size_t size);
/* A field's value with its encoded words (RFC 2047) as UTF-8; words that cannot
 * be read stay as they are, and what is no UTF-8 becomes '?'.  As many octets
 * as fit, no character is cut. */
size_t mime_words(struct impel_str value, char *to, size_t size);
/* Is it UTF-8, with no more than one way to write each character? */
bool mime_is_utf8(struct impel_str s);

#endif
