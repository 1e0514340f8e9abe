/* SPDX-License-Identifier: Apache-2.0
 *
 * assign.h - what is said of the binding of a message while it is received.
 *
 * A field X-Binding of a trusted peer comes before the context of the peer,
 * the listen or the listener; what neither says, queue/choose.h finds by the
 * recipient's domain.  A trusted peer's X-Binding fields are taken out of the
 * header before it is stored, the first of them counts; every other octet
 * stays as it was.  From others they are a field like any other.
 */
#ifndef IMPEL_ASSIGN_H
#define IMPEL_ASSIGN_H

#include "conf/generation.h"

/* --- the header of a trusted peer's message, in pieces of any size --- */
struct assign;
struct assign *assign_new(void);
void assign_free(struct assign **a);
/* Appends what is to be kept of in.  Behind the header's blank line nothing is
 * left out any more: false, and it need not be called again. */
bool assign_filter(struct assign *a, struct str in, struct buf *kept);
/* There is no more: what was still looked at is kept. */
void assign_end(struct assign *a, struct buf *kept);
/* What the first field said, without spaces around; absent: there was none. */
struct str assign_said(const struct assign *a);

/* Is there a binding or a group of that name?  If not, a line in the log, once
 * for a name. */
bool assign_is_known(const struct generation *g, struct str name);
/* Of these recipients' domains one has no binding but "default", and there is
 * to be none (default_binding = none). */
bool assign_refuses(struct generation *g, struct str said, struct str domain);

#endif
