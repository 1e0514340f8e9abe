/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - counters and gauges as Prometheus text, and `summary`.
 */
#ifndef IMPEL_METRICS_H
#define IMPEL_METRICS_H

#include "ctl/control.h"

void metrics_print(const struct control_config *on, struct buf *to);
void metrics_summary(
    const struct control_config *on, bool json, struct buf *to);
/* `health`: 0 well, 1 degraded (warnings), 2 ill; lines say what. */
int metrics_health(const struct control_config *on, bool json, struct buf *to);

#endif
