/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/mcmt.h"

#include "intake/intake_options.h"
#include "intake/trace.h"
#include "base/banned.h"

bool
mcmt_is_container(struct str header)
{
    struct str type = trace_content_type(header);
    struct str name = STR("multipart/vnd.msys.mcmt");

    if (!str_istarts(type, name))
        return false;
    return type.n == name.n || strchr("; \t\r\n(", type.p[name.n]);
}

bool
mcmt_is_allowed(const struct scope *s, struct str protocol)
{
    int64_t says = scope_int(s, OPT(intake_options, INTAKE_MCMT_RECEPTION));

    return says == MCMT_ALLOW ||
        (says == MCMT_PASSTHRU && str_ieq(protocol, STR("ecstream")));
}
