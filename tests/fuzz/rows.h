/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - the options of the core's layers, for targets that read values.
 */
#ifndef IMPEL_FUZZ_ROWS_H
#define IMPEL_FUZZ_ROWS_H

#include <stdlib.h>

#include "base/err.h"
#include "base/macros.h"
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
#include "xport/tlsin_options.h"
#include "xport/xport_options.h"

/* Once, before the first input. */
static inline void
rows_add(void)
{
    static struct option_set *const sets[] = {&spool_options, &route_options,
        &sts_options, &xport_options, &tlsin_options, &dkim_options,
        &outlogin_options, &queue_options, &adaptive_options, &maillog_options,
        &tlsrpt_options, &intake_options, &auth_options, &ctl_options};
    static bool done;

    for (size_t i = 0; !done && i < ARRAY_SIZE(sets); i++)
        if (option_add(sets[i], NULL) < 0)
            abort();
    done = true;
}

#endif
