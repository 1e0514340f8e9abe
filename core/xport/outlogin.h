/* SPDX-License-Identifier: Apache-2.0
 *
 * outlogin.h - logins at hosts that mail goes to: login() of struct impel_host.
 *
 * What a file must be read for, or a password made a key of, a thread of a pool
 * does.
 */
#ifndef IMPEL_OUTLOGIN_H
#define IMPEL_OUTLOGIN_H

struct impel_session;
struct impel_sasl;
struct impel_error;
struct outlogin;

/* On the session's loop, as login(). */
int outlogin_step(
    struct impel_session *s, struct impel_sasl *q, struct impel_error *e);
/* The session is gone, or begins anew. */
void outlogin_free(struct outlogin **l);

#endif
