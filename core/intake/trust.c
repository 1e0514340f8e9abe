/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/trust.h"

#include "intake/intake_options.h"
#include "base/banned.h"

bool
trust_has(const struct scope *scope, const struct cidr *peer)
{
    struct cidr from = *peer;

    if (!from.family) /* a unix socket has no address */
        return false;
    cidr_unmap(&from);
    return scope_cidr_has(
        scope, OPT(intake_options, INTAKE_TRUSTED_PEERS), &from);
}
