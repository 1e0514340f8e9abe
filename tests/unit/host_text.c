/* SPDX-License-Identifier: Apache-2.0 */
#include "host_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
host_must(bool kept, const char *what)
{
    if (!kept) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

void
text_add(struct text *t, const void *p, size_t n)
{
    if (t->n + n > t->room) {
        t->room = (t->n + n) * 2;
        t->p = realloc(t->p, t->room);
        MUST(t->p != NULL);
    }
    if (n > 0)
        memcpy(t->p + t->n, p, n);
    t->n += n;
}

void
text_str(struct text *t, struct impel_str s)
{
    text_add(t, s.p, s.n);
    text_add(t, "\n", 1);
}
