/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/rename.h"

#include "base/macros.h"
#include "base/banned.h"

static const struct rename rename_rows[] = {
    {"max_resident_active_queue_size", "max_resident_active_queue", "0.1"},
    {"acctlog_log_mode", "acctlog_mode", "0.1"},
    {"bounce_behaviour", "bounce_behavior", "0.1"},
};

const struct rename *
rename_find(struct str old)
{
    for (size_t i = 0; i < ARRAY_SIZE(rename_rows); i++)
        if (str_ieq(old, str_of(rename_rows[i].old)))
            return &rename_rows[i];
    return NULL;
}
