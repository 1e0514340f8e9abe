/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/libc.h"
#include "base/banned.h"

static ATTR_PRINTF(2, 0) void err_format(
    struct err *e, const char *fmt, va_list ap)
{
    if (vsnprintf(e->text, sizeof(e->text), fmt, ap) < 0)
        e->text[0] = '\0';
}

int
err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return code;
    e->code = code;
    va_start(ap, fmt);
    err_format(e, fmt, ap);
    va_end(ap);
    return code;
}

int
err_errno(struct err *e, int code, int errnum, const char *fmt, ...)
{
    va_list ap;
    char room[128];
    size_t n;

    if (!e)
        return code;
    e->code = code;
    va_start(ap, fmt);
    err_format(e, fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    (void)snprintf(e->text + n, sizeof(e->text) - n, ": %s",
        libc_error_print(errnum, room, sizeof(room))); /* cut is fine */
    return code;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
    va_list ap;
    char was[sizeof(e->text)];
    size_t n;

    if (!e)
        return ERR_INVAL;
    memcpy(was, e->text, sizeof(was));
    was[sizeof(was) - 1] = '\0';
    va_start(ap, fmt);
    err_format(e, fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    (void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", was);
    return e->code;
}
