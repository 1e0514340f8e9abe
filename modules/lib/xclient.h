/* SPDX-License-Identifier: Apache-2.0
 *
 * xclient.h - XCLIENT: tell a host whom a message came from.
 *
 * It is said before each message, with every attribute the host lists, so that
 * none of the client before is left standing; a 220 puts the session back to
 * where it was before EHLO, which is said again.  Each step waits for its
 * reply.  Before XCLIENT an open transaction is reset.
 *
 * A host that refuses the command is not asked again on this connection:
 * ifavailable goes on without, required puts the message off.  One that refuses
 * the client puts it off in any case.  But once a client was named, a
 * message goes no further until its own is: else it would pass for another's.
 */
#ifndef IMPEL_LIB_XCLIENT_H
#define IMPEL_LIB_XCLIENT_H

#include "client.h"

enum { XCLIENT_NO, XCLIENT_IFAVAILABLE, XCLIENT_REQUIRED };
enum { XCLIENT_MAX = 512 }; /* octets of the command, its end included */

/* The command for this envelope, with the attributes of `offered`
 * (CAPABILITY_XCLIENT_*).  Never longer than XCLIENT_MAX: names that do not
 * fit are said to be unavailable. */
void xclient_put(
    struct out *o, uint32_t offered, const struct impel_envelope *e);

/* A client was named, and another cannot be: Postfix asks whether the named one
 * may do so.  No message is to follow the one that is under way. */
bool xclient_is_spent(const struct client *c);
/* c->t has batch and envelope; the session is ready.  True: the transaction
 * may begin.  False: commands are on their way, or the batch was reported. */
bool xclient_begin(struct client *c);
/* The reply to one of them; the transaction begins after the last. */
void xclient_reply(struct client *c, const struct reply *r);

#endif
