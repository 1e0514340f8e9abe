/* SPDX-License-Identifier: Apache-2.0
 *
 * num.h - numbers, sizes and durations as text.
 *
 * Parsers take the whole string or fail with ERR_INVAL; no sign unless said,
 * no spaces, no locale.
 */
#ifndef IMPEL_NUM_H
#define IMPEL_NUM_H

#include "base/buf.h"
#include "base/str.h"

int num_u64(struct str s, uint64_t *to);
int num_i64(struct str s, int64_t *to); /* an optional '-' */
int num_hex(struct str s, uint64_t *to);
int num_octal(struct str s, uint64_t *to);
int num_double(struct str s, double *to);
/* Plain seconds, or with a unit: ms s m h d w ("90", "15m", "500ms").  to is
 * in milliseconds. */
int num_duration(struct str s, int64_t *to);
/* Plain bytes, or with k, K, M, G, T (powers of 1024). */
int num_size(struct str s, int64_t *to);

/* In decimal, without the formatter: for lines that each message costs. */
void num_print(struct buf *b, uint64_t n);
void num_print_duration(struct buf *b, int64_t ms); /* "1h30m", "250ms" */
void num_print_size(struct buf *b, int64_t bytes);  /* "4.2 MB" */

#endif
