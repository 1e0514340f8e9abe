/* SPDX-License-Identifier: Apache-2.0
 *
 * line.h - protocol lines out of the bytes that input() lends.
 *
 * For every module that speaks in lines.  Nothing is copied; a struct line
 * keeps how far a look got, so that a line that arrives byte by byte is looked
 * at once, not once per byte.
 */
#ifndef IMPEL_LIB_LINE_H
#define IMPEL_LIB_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include <impel/module.h>

enum line_result {
    LINE_MORE, /* no end in sight, and still short enough */
    LINE_OK,   /* ended by CRLF */
    LINE_BARE, /* ended by an LF alone */
    LINE_LONG  /* longer than max; nothing was found within it */
};

struct line {
    size_t seen; /* bytes from the start that hold no LF */
};

/* Look for the first line in p[0..n).  On OK and BARE, *text is the line
 * without its end and *used what to consume, its end included, and the look
 * starts afresh.  max counts the end too. */
enum line_result line_find(struct line *l, const char *p, size_t n, size_t max,
    struct impel_str *text, size_t *used);

/* True if s has no byte below a space, no DEL, and (unless utf8) none above:
 * nothing that could end a line early or upset a terminal. */
bool line_is_clean(struct impel_str s, bool utf8);

/* ASCII case folded. */
bool line_same(struct impel_str s, const char *word);

/* A word for yes or no, as in files of options.  1; 0; -1: it is none. */
int line_truth(struct impel_str s);

struct impel_str line_str(const char *z);

#endif
