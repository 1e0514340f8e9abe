/* SPDX-License-Identifier: Apache-2.0
 *
 * xmem.h - memory for small things: never NULL, the process ends instead.
 *
 * What is sized by a peer or a file is bounded by an option before it comes
 * here.  xtry() is for large things that may fail softly.
 */
#ifndef IMPEL_XMEM_H
#define IMPEL_XMEM_H

#include <stddef.h>
#include "base/macros.h"

void *xmalloc(size_t n) ATTR_NONNULL_RET;
void *xcalloc(size_t count, size_t size) ATTR_NONNULL_RET; /* checked */
void *xrealloc(void *p, size_t n) ATTR_NONNULL_RET;
/* Room for count elements of size, the product checked. */
void *xgrow(void *p, size_t count, size_t size) ATTR_NONNULL_RET;
char *xdup(const char *s) ATTR_NONNULL_RET;            /* NUL-ended */
char *xdupn(const void *p, size_t n) ATTR_NONNULL_RET; /* adds a NUL */
char *xprintf(const char *fmt, ...) ATTR_PRINTF(1, 2) ATTR_NONNULL_RET;
void *xtry(size_t n); /* or NULL */

/* One zeroed object of type t. */
#define xnew(t) ((t *)xcalloc(1, sizeof(t)))

/* Free *pp and set it to NULL; the pointer may be NULL already. */
#define xfree(pp) \
    do { \
        free(*(pp)); \
        *(pp) = NULL; \
    } while (0)

#endif
