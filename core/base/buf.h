/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.h - growing bytes that are owned.
 *
 * {NULL, 0, 0} is a valid empty buffer (BUF_INIT, or zeroed memory).  p[n] is
 * always NUL once something was appended, so p may go to libc.  Growth never
 * fails; callers bound what a peer can make them append.
 */
#ifndef IMPEL_BUF_H
#define IMPEL_BUF_H

#include <stdarg.h>
#include <string.h>
#include "base/macros.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n;    /* bytes in use */
    size_t size; /* bytes allocated */
};
/* clang-format off */
#define BUF_INIT {NULL, 0, 0}
/* clang-format on */

void buf_grow(struct buf *b, size_t more); /* buf_reserve()'s, without room */
/* room for more bytes and NUL */
static inline void
buf_reserve(struct buf *b, size_t more)
{
    if (more >= b->size - b->n)
        buf_grow(b, more);
}
/* The same, and no more than that if there is none yet: no power of two. */
void buf_fit(struct buf *b, size_t more);
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}
static inline void
buf_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}
static inline void
buf_cstr(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}
static inline void
buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}
void buf_printf(struct buf *b, const char *fmt, ...) ATTR_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) ATTR_PRINTF(2, 0);
void buf_cut(struct buf *b, size_t n); /* keep the first n bytes */
void buf_shrink(struct buf *b); /* it grows no more: give back the room */
void buf_consume(struct buf *b, size_t n); /* drop the first n bytes */
struct str buf_get(const struct buf *b);   /* borrows; p never NULL */
/* The bytes, NUL-ended, to be freed by the caller; b is empty after. */
char *buf_detach(struct buf *b, size_t *n);
void buf_fini(struct buf *b);
/* The same for what is secret: all that was allocated is overwritten.  What
 * growing left behind is not, so reserve before. */
void buf_wipe(struct buf *b);

#endif
