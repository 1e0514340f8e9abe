/* SPDX-License-Identifier: Apache-2.0
 *
 * outcome.h - replies of a host as results for the core, and what the core is
 * told of a call that fails.
 *
 * A result borrows the reply's text; it is good for as long as input() is.
 */
#ifndef IMPEL_LIB_OUTCOME_H
#define IMPEL_LIB_OUTCOME_H

#include <impel/module.h>

#include "reply.h"

/* What a reply to the command of this stage (IMPEL_AT_*) means.  Verdict by
 * its class, blame by the stage; a 421 blames the session. */
struct impel_result outcome_reply(const struct reply *r, int stage);

/* Words of our own, a literal such as "451 4.4.2 [internal] no banner": code
 * and status are read from it. */
struct impel_result outcome_internal(
    int verdict, int blame, int stage, const char *text);

/* Why a connection did not come up, at EV_LOST: what TLS said, if it did.  The
 * result borrows text. */
enum { OUTCOME_TEXT = 300 };
struct impel_result outcome_unconnected(const struct impel_host *host,
    struct impel_session *session, char text[OUTCOME_TEXT]);

/* A result that outlives the reply it came from. */
struct outcome {
    struct impel_result result;
    char *copy; /* what result.text points at, or NULL */
};
void outcome_keep(struct outcome *o, const struct impel_result *r);
void outcome_drop(struct outcome *o);

/* What load(), check(), open() and their like return when they fail: code, an
 * IMPEL_E_*, with these words in *e. */
int outcome_refuse(struct impel_error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
