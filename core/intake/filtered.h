/* SPDX-License-Identifier: Apache-2.0
 *
 * filtered.h - a whole message shown to the filters, and what they make of it.
 *
 * It begins when the client has sent its last octet, and ends in
 * receive_submit(), receive_refuse() or receive_drop().  One filter after the
 * other sees header and body as the one before has left them.  A large body is
 * read from its file in pieces, and what replaces it goes to a file again, so
 * no body is ever whole in memory that was not so before.  What a filter has
 * changed holds when it has said yes to the end, all of it or nothing.
 */
#ifndef IMPEL_FILTERED_H
#define IMPEL_FILTERED_H

#include "intake/receive_int.h"

enum { FILTERED_RCPTS_MOST = 64 /* that filters may add to a message */ };

struct filtered *filtered_begin(struct impel_incoming *m);
/* The message goes, in whatever state.  *f becomes NULL. */
void filtered_free(struct filtered **f);

#endif
