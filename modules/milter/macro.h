/* SPDX-License-Identifier: Apache-2.0
 *
 * macro.h - what a filter is told of client and message beside the commands.
 */
#ifndef IMPEL_MILTER_MACRO_H
#define IMPEL_MILTER_MACRO_H

#include "milter.h"
#include "packet.h"

struct macro_source {
    const struct milter *module;
    struct impel_session *session;
    const struct impel_scope *scope;
    const struct impel_step *step;
};
/* The packet of a stage (0: connect ... 6: end of header) for a command, before
 * which it goes.  asked: names that the filter wants there, or absent: those of
 * the options.  Macros without a value are left out; without any there is no
 * packet. */
void macro_put(struct packet_out *o, const struct macro_source *m, int stage,
    int command, struct impel_str asked);

#endif
