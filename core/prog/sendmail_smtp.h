/* SPDX-License-Identifier: Apache-2.0
 *
 * sendmail_smtp.h - one message by SMTP to the server of this machine, and
 * what a program is told by an exit status (sysexits.h).
 *
 * Blocking, with a limit on each wait.  All recipients are taken, or nothing is
 * sent.
 */
#ifndef IMPEL_SENDMAIL_SMTP_H
#define IMPEL_SENDMAIL_SMTP_H

#include "prog/sendmail_letter.h"

struct sendmail_server;
/* where: a path, "unix:PATH", or HOST[:PORT].  verbose: what is said goes to
 * the standard error.  0; else EX_TEMPFAIL (nobody answers), EX_CONFIG (where
 * makes no sense), with the reason. */
int sendmail_connect(const char *where, bool verbose,
    struct sendmail_server **to, struct err *e);
/* The same on a connected socket, which becomes its own: for tests. */
struct sendmail_server *sendmail_adopt(int fd, bool verbose);
void sendmail_close(struct sendmail_server **s);
/* 220, EHLO.  0 or EX_*. */
int sendmail_greet(struct sendmail_server *s, struct err *e);
/* What it calls itself in the answer to EHLO. */
struct str sendmail_host(const struct sendmail_server *s);

struct sendmail_envelope {
    const struct sendmail_args *options;
    struct str sender; /* whole; empty: the null sender */
    char *const *rcpts;
    size_t count;
};
/* 0: it is on the server's disk.  EX_TEMPFAIL: later; EX_NOUSER and others:
 * never, and e says what of it. */
int sendmail_send(struct sendmail_server *s, const struct sendmail_envelope *v,
    const struct sendmail_letter *l, struct err *e);

/* -bs: octets both ways until the server parts, or the input ends and the
 * server has nothing more to say. */
int sendmail_relay(struct sendmail_server *s, int in, int out, struct err *e);

/* The exit status for a reply, of a recipient or else. */
int sendmail_status(unsigned code, bool of_rcpt);

#endif
