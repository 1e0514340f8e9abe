/* SPDX-License-Identifier: Apache-2.0
 *
 * ordinary.h - the ordinary message in a container.
 *
 * A container (multipart/vnd.msys.mcmt) that was let in as one carries the
 * context value "mcmt", and has one part that is a whole message: its first one
 * of the type message/rfc822 (or message/global, or message/rfc2822 as some
 * write it).  That is what goes by mail; the parts beside it are for modules
 * that say IMPEL_MODULE_CONTAINER.
 */
#ifndef IMPEL_ORDINARY_H
#define IMPEL_ORDINARY_H

#include "base/err.h"
#include "loop/pool.h"
#include "spool/message.h"

/* Was it let in as a container? */
bool ordinary_is_in(const struct message *m);
/* The ordinary message, resident, behind the trace fields of the container and
 * with its envelope; what the bytes need of a host is looked at anew.  It
 * holds m; m's content must be loaded.  A large body is read, of at most
 * 64 MiB.  NULL: ERR_PROTO, there is none, or ERR_LIMIT, with the reason;
 * else a large body could not be read. */
struct message *ordinary_new(struct message *m, struct err *e);
/* Would that read a file?  No work for a loop's thread then. */
bool ordinary_takes_long(const struct message *m);
/* So it is done elsewhere.  The caller's; container is a reference, kept until
 * done(), which is called on home with what ordinary_new() has given: a
 * reference for the callee, or NULL and why. */
struct ordinary_work {
    struct message *container, *found;
    struct err error;
    void (*done)(struct ordinary_work *w);
    struct pool_job job;
};
void ordinary_begin(struct ordinary_work *w, struct mailbox *home);
/* Where it is in the container's bytes as they came; empty: *why.  binary:
 * lines may be anything. */
struct str ordinary_find(struct str container, bool binary, const char **why);

#endif
