/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - a connection to Google's service (pushconn.h): session.c has what
 * both protocols share, v1.c and legacy.c speak.
 */
#ifndef IMPEL_GCM_SESSION_H
#define IMPEL_GCM_SESSION_H

#include "answer.h"
#include "gcm.h"
#include "notice.h"
#include "pushconn.h"
#include "pushh2.h"

extern const struct pushh2_speech v1_speech;
extern const struct pushconn_speech legacy_speech;

/* Behind pushconn_open(): whom it speaks for. */
void v1_opened(struct pushconn *c, const char *project);
void legacy_opened(struct pushconn *c, const struct impel_peer *peer);

enum gcm_protocol session_protocol(const struct pushconn *c);
/* The body of a request, to be freed; NULL: no memory, and it has ended. */
char *session_body(struct pushconn_request *r);
/* As the answer says: events and counters too.  project: quota_project(). */
void session_answered(
    struct pushconn_request *r, struct answer *a, uint64_t project);

#endif
