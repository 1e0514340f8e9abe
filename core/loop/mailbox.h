/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox.h - batched messages between loops and threads.
 *
 * A mail is a node inside an object that is already counted somewhere, so a
 * mailbox cannot grow without bound.  Many producers, one consumer.  Order is
 * kept per producer.
 *
 * From a loop's thread mail is gathered and handed over once at the end of the
 * turn, one chain per receiving mailbox; a wake-up is written only if the
 * consumer has said that it sleeps.  From other threads it is handed over at
 * once, unless they asked for mailbox_gather().  Posting to one's own loop
 * works: it is delivered in a later turn.
 */
#ifndef IMPEL_MAILBOX_H
#define IMPEL_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

struct mail;
/* Runs on the consumer.  The mail is in no mailbox any more: it may be posted
 * again or freed. */
typedef void mail_f(struct mail *m);
struct mail {
    struct mail *next;
    mail_f *deliver;
};
struct mailbox;

/* Set m->deliver and post.  The mail must not be in a mailbox. */
void mailbox_post(struct mailbox *to, struct mail *m, mail_f *deliver);
/* Hand over what this thread gathered; loops do it at the end of a turn.  A
 * thread with a mailbox of its own calls it after each round. */
void mailbox_flush(void);
/* on: from now on what this thread posts waits for mailbox_flush(), which
 * mailbox_take() does too before it looks.  For a thread that posts many at
 * once, as after a commit.  Off flushes.  Returns what was in force. */
bool mailbox_gather(bool on);

/* A mailbox of a thread that is no loop (spool writer, readers). */
struct mailbox *mailbox_new(void);
/* Only when every thread that posts to it is joined, or posts no more and has
 * returned from its last post.  What is still in it is forgotten. */
void mailbox_free(struct mailbox **m);
/* Take all that is there in the order of posting: a chain by next, or NULL.
 * wait_ms: how long to sleep for the first; 0 none, -1 for ever. */
struct mail *mailbox_take(struct mailbox *m, int64_t wait_ms);
/* Wake the consumer without mail (to stop it): the mailbox_take() that waits,
 * or the next one, returns NULL.  Any thread. */
void mailbox_wake(struct mailbox *m);

#endif
