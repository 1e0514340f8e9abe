/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_run.h - messages from their sources to the server, until all are
 * answered.
 */
#ifndef IMPEL_INJECT_RUN_H
#define IMPEL_INJECT_RUN_H

#include "prog/inject_args.h"

struct inject_sums {
    uint64_t messages;   /* that were sent */
    uint64_t before;     /* that the journal had the last answer of */
    uint64_t unreadable; /* that were not sent: nothing to read, nobody to get
                          * it */
    uint64_t accepted, temporary, permanent; /* recipients */
    uint64_t unanswered;
    double seconds;
    bool interrupted;
};
/* All that o says.  0: it went on to the end, whatever became of the messages;
 * ERR_*: it could not, with the reason; sums has what was done in any case. */
int inject_run(
    const struct inject_args *o, struct inject_sums *sums, struct err *e);

#endif
