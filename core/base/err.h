/* SPDX-License-Identifier: Apache-2.0
 *
 * err.h - why something failed for a reason outside this program.
 *
 * A function that can fail so returns int: 0, or a negative ERR_*, and fills
 * the caller's struct err (fixed size, no allocation) with one sentence for
 * the operator.  Callers add context on the way up with err_prefix().  A NULL
 * struct err is allowed everywhere: the code alone is wanted.
 */
#ifndef IMPEL_ERR_H
#define IMPEL_ERR_H

#include "base/macros.h"

enum {
    ERR_OK = 0,
    ERR_INVAL = -1, /* a value is not one of those allowed */
    ERR_NOTFOUND = -2,
    ERR_CONF = -3,    /* the configuration is wrong */
    ERR_IO = -4,      /* a file or a socket failed */
    ERR_LIMIT = -5,   /* a bound was met: memory, length, count */
    ERR_PROTO = -6,   /* the other side broke its protocol */
    ERR_DAMAGED = -7, /* bytes on disk do not match their checksum */
    ERR_VERSION = -8, /* made for another version */
    ERR_BUSY = -9,    /* held by somebody else */
    ERR_CLOSED = -10,
    ERR_DENIED = -11,
    ERR_TIMEOUT = -12,
    ERR_AGAIN = -13, /* not now: a callback follows */
    ERR_FULL = -14   /* no space: disk, queue, buffer */
};

struct err {
    int code;
    char text[500];
};

/* Fill e and return code, so that one writes: return err_set(e, ...). */
int err_set(struct err *e, int code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* The same, with ": " and the text of errnum (an errno) appended. */
int err_errno(struct err *e, int code, int errnum, const char *fmt, ...)
    ATTR_PRINTF(4, 5);

/* Put "context: " before the text that is there; returns e's code, or
 * ERR_INVAL without e.  The text is cut at its end if it grows too long. */
int err_prefix(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
