/* SPDX-License-Identifier: Apache-2.0
 *
 * str.h - borrowed bytes: a pointer and a length, no NUL promised.
 *
 * The same shape as struct impel_str.  p NULL means absent, n 0 with p set
 * means empty.  Nothing here allocates.
 */
#ifndef IMPEL_STR_H
#define IMPEL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR_NONE ((struct str){NULL, 0})
/* A string literal. */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
/* For printf("%.*s"): STR_ARG(s).  Longer than INT_MAX is cut. */
#define STR_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), (s).p

static inline struct str
str_of(const char *z) /* NULL: absent */
{
    return (struct str){z, z ? strlen(z) : 0};
}
static inline struct str
str_make(const void *p, size_t n)
{
    return (struct str){(const char *)p, n};
}

bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII case folded */
int str_cmp(struct str a, struct str b);  /* bytes, then length */
int str_icmp(struct str a, struct str b);
bool str_starts(struct str s, struct str with);
bool str_istarts(struct str s, struct str with);
bool str_ends(struct str s, struct str with);
bool str_iends(struct str s, struct str with);

/* No byte above 126: neither one of eight bits, nor DEL. */
bool str_is_ascii(struct str s);

/* From byte at on, at most n bytes; out of range gives an empty one. */
struct str str_sub(struct str s, size_t at, size_t n);
struct str str_from(struct str s, size_t at);

/* Index of c or of the sub-string, from byte `from` on; SIZE_MAX: none. */
size_t str_chr(struct str s, char c, size_t from);
size_t str_rchr(struct str s, char c);
size_t str_find(struct str s, struct str what, size_t from);

/* Without space, tab, CR and LF at both ends. */
struct str str_trim(struct str s);

/* Cut *s at the first c: what stands before is returned and *s keeps what
 * stands behind.  Without c all is returned and *s becomes absent. */
struct str str_cut(struct str *s, char c);

/* FNV-free hash of the bytes (XXH3, seeded once per process); the second
 * folds ASCII case. */
uint64_t str_hash(struct str s);
uint64_t str_ihash(struct str s);

/* Copy into a fixed array with a NUL, cut if too long; true if it fitted. */
bool str_copy(char *to, size_t size, struct str s);

/* The name among count names that is nearest to s (edit distance of at most
 * a third of its length), or NULL: "did you mean". */
const char *str_nearest(struct str s, const char *const *names, size_t count);

#endif
