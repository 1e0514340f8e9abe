/* SPDX-License-Identifier: Apache-2.0
 *
 * sum.h - integer arithmetic that says when it does not fit.
 *
 * Each returns true and stores the result, or false and stores nothing that
 * may be used.  For every operand that a peer or a file chose.
 */
#ifndef IMPEL_SUM_H
#define IMPEL_SUM_H

#include <stdbool.h>

#define sum_add(a, b, to) (!__builtin_add_overflow(a, b, to))
#define sum_mul(a, b, to) (!__builtin_mul_overflow(a, b, to))

#endif
