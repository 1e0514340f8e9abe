/* SPDX-License-Identifier: Apache-2.0
 *
 * needs.h - what a message needs of hosts further on, once all of it is known.
 */
#ifndef IMPEL_NEEDS_H
#define IMPEL_NEEDS_H

#include "spool/content.h"
#include "spool/message.h"

/* The client said SMTPUTF8.  Is it needed?  Not if nothing but domains of
 * addresses is other than ASCII: those have A-labels for hosts without the
 * extension (RFC 6531 3.2).  header: of the message; f: of all of it. */
bool needs_utf8(const struct envelope *env, const struct content_facts *f,
    struct str header);

#endif
