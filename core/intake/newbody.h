/* SPDX-License-Identifier: Apache-2.0
 *
 * newbody.h - a body that a filter gives in place of the one that came.
 *
 * Lines end in CRLF whatever the filter sent: a CR or an LF alone would let
 * the next server see the end of the message somewhere else.
 */
#ifndef IMPEL_NEWBODY_H
#define IMPEL_NEWBODY_H

#include "intake/receive_int.h"

struct newbody;
/* most: octets that it may have, 0: no limit.  room(): newbody_add() may be
 * called again. */
struct newbody *newbody_new(
    struct impel_incoming *m, uint64_t most, void (*room)(void *), void *arg);
/* 0; IMPEL_E_AGAIN: nothing was taken, room() follows; FULL: too large; CLOSED:
 * it could not be stored. */
int newbody_add(struct newbody *b, struct str piece);
/* All of it is there: done() is called when it can be read, perhaps at once; 0
 * or a negative ERR_*. */
void newbody_settle(
    struct newbody *b, void (*done)(void *, int result), void *arg);
/* A message with it as its content, no header; once, after it settled well.
 * *b becomes NULL. */
struct message *newbody_take(struct newbody **b);
void newbody_free(struct newbody **b); /* at any time */

#endif
