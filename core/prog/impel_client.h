/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_client.h - the other end of control.h: ask the daemon, print what it
 * says, and show at a terminal that it is at work.
 */
#ifndef IMPEL_IMPEL_CLIENT_H
#define IMPEL_IMPEL_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct impel_client;
struct impel_ask {
    const struct str *words;
    size_t count;
    bool json;
    bool bar;           /* progress on stderr */
    int64_t timeout_ms; /* of silence */
    /* Pieces of the text, as they come; all of them together end in LF. */
    void (*text)(void *arg, struct str piece);
    void *arg;
};
struct impel_answer {
    bool ok;
    int status;       /* ok */
    struct buf error; /* not ok; the caller's */
};

const char *impel_client_default_path(void);
/* ERR_CLOSED: nobody answers at path. */
int impel_client_open(
    const char *path, struct impel_client **to, struct err *e);
void impel_client_close(struct impel_client **c); /* NULL is allowed */
/* The daemon closes sessions that are idle: has it? */
bool impel_client_is_gone(const struct impel_client *c);
/* 0: answered, one way or the other.  ERR_CLOSED, ERR_TIMEOUT, ERR_PROTO: the
 * connection is of no use any more. */
int impel_client_ask(struct impel_client *c, const struct impel_ask *ask,
    struct impel_answer *to, struct err *e);

#endif
