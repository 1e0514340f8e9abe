/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_spool.h - what tests of sessions put in place of the spool: a message
 * that is made of one string.
 */
#ifndef IMPEL_FAKE_SPOOL_H
#define IMPEL_FAKE_SPOOL_H

#include "spool/message.h"

/* A message with that many recipients; the body is content until freed. */
struct message *fake_message(uint32_t rcpts, const char *body, size_t size);
extern _Atomic int fake_messages; /* alive */
/* How often reading a body says "not yet" before it goes on. */
extern _Atomic int fake_body_again;
/* Who has asked last for what was handed over to be on disk; call it. */
extern void (*fake_barrier)(void *arg);
extern void *fake_barrier_arg;
/* The one awaited value: its key and its record; empty: there is none. */
extern struct buf fake_awaited_key, fake_awaited;
extern bool fake_state_full; /* no value is taken */
/* Reading fails from this octet on; 0: never. */
extern _Atomic uint64_t fake_body_bad;
extern _Atomic int fake_body_bad_code; /* how; ERR_IO */
/* Messages are containers; their ordinary one is fake_ordinary, or there is
 * none. */
enum { FAKE_PLAIN, FAKE_CONTAINER, FAKE_LARGE_CONTAINER };
extern int fake_container;
extern const char *fake_ordinary;
/* What was asked for of a large one: done() is the test's to call. */
extern struct ordinary_work *fake_work;

#endif
