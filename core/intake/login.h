/* SPDX-License-Identifier: Apache-2.0
 *
 * login.h - who a peer is: logins at a listener (RFC 4954).
 *
 * The mechanisms are those of net/sasl.h, the users those of users.h.  Making a
 * hash of a password takes long, so a thread of a pool does it.  A login that
 * fails is told so a fixed time after its last word, whatever was wrong with
 * it; too many close the session, and then the address is not heard for a
 * while.
 *
 * On the session's loop.
 */
#ifndef IMPEL_LOGIN_H
#define IMPEL_LOGIN_H

#include "conf/generation.h"
#include "intake/intake_int.h"

/* As mechanisms() and sasl() of struct impel_intake. */
struct impel_str login_mechanisms(struct intake_session *is);
int login_step(
    struct intake_session *is, struct impel_sasl *q, struct impel_error *e);
/* It is somebody else's session from now on, or nobody's: what was known of a
 * login is forgotten, one that is under way has no end. */
void login_forget(struct intake_session *is);

/* Must this peer log in before it may send?  True: refuse it. */
bool login_is_missing(const struct intake_session *is);

/* generation_check_f: reads the password files. */
int login_check(void *arg, struct generation *g, struct conf_report *r);

/* The counts of logins; any thread. */
void login_get_stats(struct intake_stats *to);
/* After the loops stopped: the pool's threads end, files are forgotten. */
void login_fini(void);

#endif
