/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/qualify.h"

#include "intake/intake_options.h"
#include "route/binding.h"
#include "base/banned.h"

static struct str
qualify(struct arena *arena, struct str a, struct str domain)
{
    if (!a.n || !domain.n || str_rchr(a, '@') != SIZE_MAX)
        return a;
    return str_of(
        arena_printf(arena, "%.*s@%.*s", STR_ARG(a), STR_ARG(domain)));
}

struct str
qualify_sender(
    const struct intake_session *is, struct arena *arena, struct str a)
{
    return qualify(arena, a,
        scope_str(is->scope,
            OPT(intake_options, INTAKE_DOMAIN_FOR_UNQUALIFIED_SENDER_ADDRESS)));
}

struct str
qualify_recipient(const struct intake_session *is, struct arena *arena,
    struct str a, bool *to_us)
{
    const struct scope *s = is->scope;
    struct str domain = scope_str(s,
        OPT(intake_options, INTAKE_DOMAIN_FOR_UNQUALIFIED_RECIPIENT_ADDRESSES));
    struct str postmaster =
        scope_str(s, OPT(intake_options, INTAKE_POSTMASTER));

    *to_us = str_ieq(a, STR("postmaster"));
    if (!*to_us)
        return qualify(arena, a, domain);
    if (postmaster.n)
        return postmaster;
    return qualify(arena, a, domain.n ? domain : binding_hostname(s));
}
