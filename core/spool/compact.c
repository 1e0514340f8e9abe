/* SPDX-License-Identifier: Apache-2.0
 *
 * compact.c - copy the living out of old segments.
 */
#include "spool/compact.h"
#include "spool/spool_int.h"
#include "base/banned.h"
int
compact_start(struct spool *s, struct compactor **to, struct err *e)
{
    (void)s;
    (void)e;
    *to = NULL;
    return 0;
}
void
compact_stop(struct compactor **c)
{
    *c = NULL;
}
