/* SPDX-License-Identifier: Apache-2.0 */
#include "route/marks.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/banned.h"

/* The rows belong to a layer above, which may be missing in tests. */
static const char *const names[] = {"tls", "tls_ifavailable_fallback",
    "tls_verify", "tls_ca", "tls_certificate", "tls_key", "tls_ciphers",
    "tls_protocols"};
static uint32_t ids[ARRAY_SIZE(names)];

static bool
marks_find(void)
{
    uint32_t first = ids[0];

    if (first < option_count() && strcmp(option_get(first)->name, "tls") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        ids[i] = option_find(str_of(names[i]));
        if (ids[i] == UINT32_MAX)
            return false;
    }
    return true;
}

uint64_t
marks_of(const struct scope *s, struct str domain, bool dane)
{
    struct buf b = BUF_INIT;
    uint64_t hash;

    if (!marks_find() || (!scope_int(s, ids[0]) && !dane))
        return dane;
    if (dane)
        buf_cstr(&b, "dane|");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct str v = i < 3 ? STR_NONE : scope_str(s, ids[i]);

        if (i < 3)
            buf_printf(&b, "%lld|", (long long)scope_int(s, ids[i]));
        else
            buf_printf(&b, "%.*s|", (int)v.n, v.p ? v.p : "");
    }
    if (scope_int(s, ids[2])) /* a certificate may be good for one only */
        buf_str(&b, domain);
    hash = str_hash(buf_get(&b));
    buf_fini(&b);
    return hash ? hash : 1;
}

struct str
marks_name(char to[MARKS_NAME_MAX], struct str binding, uint64_t marks)
{
    int n;

    if (!marks)
        return binding;
    n = snprintf(to, MARKS_NAME_MAX, "%.*s\n%016" PRIx64,
        (int)MIN_OF(binding.n, (size_t)256), binding.p, marks);
    return str_make(to, (size_t)n);
}
