/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - a connection to APNs (pushconn.h): session.c has what both
 * protocols share, http.c and binary.c speak.
 */
#ifndef IMPEL_APN_SESSION_H
#define IMPEL_APN_SESSION_H

#include "apn.h"
#include "notice.h"
#include "pushconn.h"
#include "pushh2.h"
#include "reason.h"

extern const struct pushh2_speech http_speech;
extern const struct pushconn_speech binary_speech;

/* As the reason says: events and counters too.  id: what Apple calls it. */
void session_answered(
    struct pushconn_request *r, struct reason *reason, struct impel_str id);

#endif
