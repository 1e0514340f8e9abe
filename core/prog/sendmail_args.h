/* SPDX-License-Identifier: Apache-2.0
 *
 * sendmail_args.h - the options of `impel-sendmail`: those that programs give
 * to /usr/sbin/sendmail.
 *
 * Options end at the first word that is none: what follows are recipients, even
 * if they look like options, so whoever controls one cannot give any.
 */
#ifndef IMPEL_SENDMAIL_ARGS_H
#define IMPEL_SENDMAIL_ARGS_H

#include <stdbool.h>

#include "base/err.h"
#include "prog/inject_address.h"

enum sendmail_mode {
    SENDMAIL_SEND,  /* a message from the standard input */
    SENDMAIL_SMTP,  /* -bs: SMTP on standard input and output */
    SENDMAIL_QUEUE, /* -bp, mailq */
    SENDMAIL_FLUSH, /* -q */
    SENDMAIL_NONE,  /* -bi, newaliases: there is nothing to do */
    SENDMAIL_VERSION,
    SENDMAIL_HELP
};
enum { /* of notify, as of RFC 3461 */
    SENDMAIL_NOTIFY_NEVER = 1,
    SENDMAIL_NOTIFY_SUCCESS = 2,
    SENDMAIL_NOTIFY_FAILURE = 4,
    SENDMAIL_NOTIFY_DELAY = 8
};
enum sendmail_body {
    SENDMAIL_BODY_ANY,
    SENDMAIL_BODY_7BIT,
    SENDMAIL_BODY_8BIT
};

struct sendmail_args {
    enum sendmail_mode mode;
    bool read_recipients; /* -t */
    bool dots;            /* -i: a line of one dot is text */
    bool verbose;
    bool sender_given;
    char *sender;     /* as given; empty: the null sender */
    const char *name; /* -F */
    const char *envid;
    const char *ret; /* "FULL", "HDRS"; NULL: not given */
    unsigned notify; /* 0: not given */
    enum sendmail_body body;
    struct inject_addresses rcpts; /* may be without a domain */
};

/* o is to be given to sendmail_args_fini() in any case.  ERR_INVAL: not used as
 * it can be; ERR_NOTFOUND: what is asked for is not there. */
int sendmail_args_parse(
    int argc, char **argv, struct sendmail_args *o, struct err *e);
void sendmail_args_fini(struct sendmail_args *o);

struct buf;
/* The options as lines, or as the source of a manual page. */
void sendmail_args_print(bool man, struct buf *to);

#endif
