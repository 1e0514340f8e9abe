/* SPDX-License-Identifier: Apache-2.0 */
#include "route/method.h"

#include <stdatomic.h>

#include "base/macros.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { METHOD_OTHER_MAX = 64 };

static const struct {
    const char *name, *scheme, *schemes;
    bool http;
} methods[] = {
    [METHOD_ESMTP] = {"ESMTP", "smtp", "smtp", false},
    [METHOD_SMTP] = {"SMTP", "smtp", "smtp", false},
    [METHOD_LMTP] = {"LMTP", "lmtp", "lmtp", false},
    [METHOD_ECSTREAM] = {"ECSTREAM", "ecstream", "ecstream", false},
    [METHOD_APN] = {"APN", "apn", "apn or http", true},
    [METHOD_GCM] = {"GCM", "gcm", "gcm or http", true},
    [METHOD_MM7] = {"MM7", "mm7", "mm7 or http", true},
};

/* Names are never taken back, so readers need only the count. */
static char *others[METHOD_OTHER_MAX];
static _Atomic int other_count;

static bool
method_is_http(struct str scheme)
{
    return str_ieq(scheme, STR("http")) || str_ieq(scheme, STR("https"));
}

const char *
method_name(int method)
{
    if (method >= 0 && method < (int)ARRAY_SIZE(methods))
        return methods[method].name;
    if (method >= METHOD_OTHER && method - METHOD_OTHER < other_count)
        return others[method - METHOD_OTHER];
    return NULL;
}

int
method_find(struct str name)
{
    for (int i = 0; i < (int)ARRAY_SIZE(methods); i++)
        if (str_ieq(name, str_of(methods[i].name)))
            return i;
    for (int i = 0; i < other_count; i++)
        if (str_ieq(name, str_of(others[i])))
            return METHOD_OTHER + i;
    return -1;
}

int
method_add(const char *name)
{
    int at = method_find(str_of(name));

    if (at >= 0)
        return at;
    if (other_count == METHOD_OTHER_MAX)
        return -1;
    at = other_count;
    others[at] = xdup(name);
    other_count = at + 1;
    return METHOD_OTHER + at;
}

bool
method_takes_scheme(int method, struct str scheme)
{
    const char *name = method_name(method);

    if (!name)
        return false;
    if (method >= METHOD_OTHER)
        return str_ieq(scheme, str_of(name));
    return str_ieq(scheme, str_of(methods[method].scheme)) ||
        (methods[method].http && method_is_http(scheme));
}

bool
method_has_scheme(struct str scheme)
{
    for (int i = 0; i < (int)ARRAY_SIZE(methods); i++)
        if (method_takes_scheme(i, scheme))
            return true;
    return method_find(scheme) >= METHOD_OTHER;
}

const char *
method_schemes(int method)
{
    const char *name = method_name(method);

    if (method >= 0 && method < (int)ARRAY_SIZE(methods))
        return methods[method].schemes;
    return name ? name : "none";
}
