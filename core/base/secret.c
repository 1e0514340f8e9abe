/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "base/banned.h"

void
secret_set(struct secret *s, struct str value)
{
    char *copy = xdupn(value.p, value.n); /* first: value may be s's own */

    secret_fini(s);
    s->p = copy;
    s->n = value.n;
}

struct str
secret_get(const struct secret *s)
{
    return str_make(s->p, s->n);
}

bool
secret_eq(const struct secret *s, struct str v)
{
    unsigned char differ = s->n != v.n;

    /* All of v is looked at, whatever its length: the time tells nothing. */
    for (size_t i = 0; i < v.n; i++) {
        char mine = s->n ? s->p[i % s->n] : 0;
        differ |= (unsigned char)(mine ^ v.p[i]);
    }
    return !differ;
}

void
secret_fini(struct secret *s)
{
    if (s->p)
        secret_wipe(s->p, s->n);
    free(s->p);
    *s = (struct secret){NULL, 0};
}

void
secret_wipe(void *p, size_t n)
{
    if (n)
        explicit_bzero(p, n);
}
