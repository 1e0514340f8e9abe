/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/needs.h"

#include "intake/trace.h"
#include "base/banned.h"

/* All before the domain. */
static bool
local_is_ascii(struct str address)
{
    size_t at = str_rchr(address, '@');

    return str_is_ascii(at == SIZE_MAX ? address : str_sub(address, 0, at));
}

bool
needs_utf8(const struct envelope *env, const struct content_facts *f,
    struct str header)
{
    if (f->header_eight_bit || !str_is_ascii(header) ||
        !local_is_ascii(env->sender))
        return true;
    for (size_t i = 0; i < env->rcpt_count; i++)
        if (!local_is_ascii(env->rcpt[i].address) ||
            !str_is_ascii(env->rcpt[i].original))
            return true;
    /* parts have headers too */
    return f->eight_bit && trace_has_parts(header);
}
