/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/declare.h"

#include "ctl/ctl_options.h"
#include "intake/auth_options.h"
#include "intake/intake_options.h"
#include "queue/adaptive_options.h"
#include "queue/maillog_options.h"
#include "queue/queue_options.h"
#include "queue/tlsrpt_options.h"
#include "route/route_options.h"
#include "route/sts_options.h"
#include "spool/spool_options.h"
#include "xport/dkim_options.h"
#include "xport/outlogin_options.h"
#include "xport/registry.h"
#include "xport/tlsin_options.h"
#include "xport/xport_options.h"
#include "base/banned.h"

int
declare_options(const char *modules, struct err *e)
{
    struct option_set *const sets[] = {&spool_options, &route_options,
        &sts_options, &xport_options, &tlsin_options, &dkim_options,
        &outlogin_options, &queue_options, &adaptive_options, &maillog_options,
        &tlsrpt_options, &intake_options, &auth_options, &ctl_options};
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        int rc = option_add(sets[i], e);
        if (rc < 0)
            return rc;
    }
    int rc = registry_open(modules, e);
    return rc < 0 ? rc : registry_declare(e);
}
