/* SPDX-License-Identifier: Apache-2.0
 *
 * macros.h - compiler attributes and the few macros that everything uses.
 */
#ifndef IMPEL_MACROS_H
#define IMPEL_MACROS_H

#include <stddef.h>

#if defined(__GNUC__)
#define ATTR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ATTR_NORETURN __attribute__((noreturn))
#define ATTR_NONNULL_RET __attribute__((returns_nonnull))
#define ATTR_COLD __attribute__((cold))
#define ATTR_MUST_USE __attribute__((warn_unused_result))
#define ATTR_UNUSED __attribute__((unused))
#else
#define ATTR_PRINTF(f, a)
#define ATTR_NORETURN
#define ATTR_NONNULL_RET
#define ATTR_COLD
#define ATTR_MUST_USE
#define ATTR_UNUSED
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The object of the given type whose member m is at p. */
#define CONTAINER_OF(p, type, m) \
    ((type *)(void *)((char *)(p)-offsetof(type, m)))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif
