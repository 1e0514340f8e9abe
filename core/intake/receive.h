/* SPDX-License-Identifier: Apache-2.0
 *
 * receive.h - parts to message; stored, then acknowledged.
 *
 * The FINAL DELIVERED verdict is given in one place, in the spool's answer:
 * that is where "250 means on disk" is kept.  Loop thread only.
 */
#ifndef IMPEL_RECEIVE_H
#define IMPEL_RECEIVE_H

#include "intake/intake_int.h"
#include "spool/content.h"

/* Set up and take down what a loop counts of messages in reception. */
void receive_loop_init(struct intake_loop *il);
void receive_loop_fini(struct intake_loop *il);

struct impel_incoming *receive_begin(struct intake_session *is, uint64_t tag);
/* Each answers through session_verdict(), later; < 0 (IMPEL_E_*) if the call
 * makes no sense now. */
int receive_sender(struct impel_incoming *m, const struct impel_sender *from);
int receive_recipient(struct impel_incoming *m, const struct impel_rcpt *to);
int receive_meta(
    struct impel_incoming *m, struct impel_str key, struct impel_str value);
int receive_body(struct impel_incoming *m, const void *p, size_t n);
/* Both as the table of struct impel_intake says. */
int receive_keep(
    struct impel_incoming *m, struct impel_str value, int64_t expiry);
int receive_commit(struct impel_incoming *m, struct impel_str key);
void receive_abandon(struct impel_incoming *m);
/* The session goes away: open messages are dropped, those already with the
 * spool go on without it. */
/* Of the message that was begun last; empty: there is none. */
struct str receive_open_sender(const struct intake_session *is);
void receive_session_gone(struct intake_session *is);

#endif
