/* SPDX-License-Identifier: Apache-2.0
 *
 * server_params.h - extensions of MAIL that name a time, and LIMITS: what is
 * said of them to who connects, and their parameters.
 */
#ifndef IMPEL_LIB_SERVER_PARAMS_H
#define IMPEL_LIB_SERVER_PARAMS_H

#include "server.h"

/* The lines of the reply to EHLO. */
void params_put(struct server *s);
/* Is it one of ours?  *wrong: NULL, or the refusal.  seen: as of MAIL, bits 8
 * and up. */
bool params_take(struct server *s, struct impel_sender *sender, uint32_t *seen,
    struct impel_str key, struct impel_str value, const char **wrong);
/* All were read; NULL, or why they do not go together. */
const char *params_clash(const struct impel_sender *sender);

#endif
