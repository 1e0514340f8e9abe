/* SPDX-License-Identifier: Apache-2.0
 *
 * sendmail_letter.h - what programs write into sendmail's standard input,
 * as a message: a header that is one, recipients found in it, blind copies
 * taken out, missing fields put in front.
 */
#ifndef IMPEL_SENDMAIL_LETTER_H
#define IMPEL_SENDMAIL_LETTER_H

#include "prog/inject_text.h"
#include "prog/sendmail_args.h"

struct sendmail_letter {
    struct inject_text *text;
    struct inject_addresses rcpts; /* may be without a domain */
    struct buf front;              /* fields that stand before the text */
    bool has_from, has_date, has_id;
};
/* All of `from`, to its end or (unless o->dots) a line that is one dot.  A
 * first line "From ..." of an mbox is left out, and a text whose header ends
 * without an empty line gets one.  ERR_INVAL: recipients in the header make no
 * sense, or there are none; ERR_LIMIT; ERR_IO. */
int sendmail_letter_read(const struct sendmail_args *o, int from,
    struct sendmail_letter *to, struct err *e);
void sendmail_letter_fini(struct sendmail_letter *l);

struct sendmail_user { /* who calls */
    unsigned long uid;
    const char *login, *name; /* name: may be NULL */
};
/* Fill front.  host: what the server calls itself; mailbox: the address that a
 * missing From has. */
void sendmail_letter_complete(struct sendmail_letter *l,
    const struct sendmail_user *user, struct str host, struct str mailbox);

/* local@host, if it is without a domain; to be freed. */
char *sendmail_qualify(struct str address, struct str host);

/* Without blanks and line ends that would begin another field: a word, a
 * quoted string, or words of RFC 2047. */
void sendmail_phrase(struct str name, struct buf *to);

/* Copy a text as above from one descriptor to another.  For the letter, and the
 * fuzzer. */
int sendmail_copy(int from, int to, bool dots, struct err *e);

#endif
