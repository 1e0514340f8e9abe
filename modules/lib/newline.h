/* SPDX-License-Identifier: Apache-2.0
 *
 * newline.h - lines of a message as they stream by: dots unstuffed, the end of
 * data found, and every CR or LF that stands alone.
 *
 * Smuggling lives on two parties that disagree on what ends a line.  Here only
 * CRLF does, only CRLF.CRLF ends a message, and a dot is taken off only behind
 * a CRLF.
 */
#ifndef IMPEL_LIB_NEWLINE_H
#define IMPEL_LIB_NEWLINE_H

#include <stdbool.h>
#include <stddef.h>

enum newline_what {
    NEWLINE_MORE, /* the rest cannot be judged yet; skip is 0 */
    NEWLINE_DOT,  /* a stuffed dot, to be skipped */
    NEWLINE_END,  /* ".\r\n" at the start of a line, to be skipped */
    NEWLINE_BARE  /* a CR or LF that stands alone, to be skipped or mended */
};
struct newline {
    enum newline_what what;
    size_t run;      /* clean bytes at the start, for the message */
    size_t skip;     /* bytes behind them that are not */
    bool line_start; /* does the next byte begin a line? */
};

/* Look at p[0..n).  line_start: p begins a line.  dotted: DATA, else BDAT.
 * With MORE, a CR at the very end, or a dot at the start of a line whose
 * meaning is open, is left out of run. */
void newline_scan(
    const char *p, size_t n, bool line_start, bool dotted, struct newline *l);

#endif
