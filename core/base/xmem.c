/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xmem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/sum.h"
#include "base/banned.h"

static void *
xmem_need(void *p)
{
    if (!p)
        bug_panic(__FILE__, __LINE__, __func__, "out of memory");
    return p;
}

void *
xmalloc(size_t n)
{
    return xmem_need(malloc(n ? n : 1));
}

void *
xcalloc(size_t count, size_t size)
{
    if (!count || !size)
        count = size = 1;
    return xmem_need(calloc(count, size)); /* calloc checks the product */
}

void *
xrealloc(void *p, size_t n)
{
    return xmem_need(realloc(p, n ? n : 1));
}

void *
xgrow(void *p, size_t count, size_t size)
{
    size_t n;

    if (!sum_mul(count, size, &n))
        bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    return xrealloc(p, n);
}

char *
xdup(const char *s)
{
    return xdupn(s, strlen(s));
}

char *
xdupn(const void *p, size_t n)
{
    size_t size;
    char *to;

    if (!sum_add(n, 1, &size))
        bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    to = xmalloc(size);
    if (n)
        memcpy(to, p, n);
    to[n] = '\0';
    return to;
}

char *
xprintf(const char *fmt, ...)
{
    va_list ap;
    char *to = NULL;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&to, fmt, ap);
    va_end(ap);
    return xmem_need(n < 0 ? NULL : to);
}

void *
xtry(size_t n)
{
    return malloc(n ? n : 1);
}
