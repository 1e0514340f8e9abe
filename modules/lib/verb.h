/* SPDX-License-Identifier: Apache-2.0
 *
 * verb.h - SMTP command lines: read by listeners, written by clients.
 *
 * Reading never trusts a byte: a line is parsed in place and nothing is
 * accepted that could be taken for something else further on.  Writing refuses
 * what could end a line early: out_put() gets checked text only.
 */
#ifndef IMPEL_LIB_VERB_H
#define IMPEL_LIB_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

#include "out.h"

enum verb {
    VERB_UNKNOWN,
    VERB_HELO,
    VERB_EHLO,
    VERB_LHLO,
    VERB_MAIL,
    VERB_RCPT,
    VERB_DATA,
    VERB_BDAT,
    VERB_RSET,
    VERB_NOOP,
    VERB_QUIT,
    VERB_VRFY,
    VERB_EXPN,
    VERB_HELP,
    VERB_STARTTLS,
    VERB_AUTH,
    VERB_XCLIENT
};

enum {
    VERB_MAX_ADDRESS = 320, /* 64 + @ + 255; RFC 5321 4.5.3.1 */
    VERB_MAX_ENVID = 100,   /* RFC 3461 4.4 */
    VERB_MAX_ORIGINAL = 500,
    VERB_MAX_COMMAND = 1024 /* what a verb_put_*() may need */
};
enum { /* RFC 3461 NOTIFY and RET as the ABI carries them; 0: not given */
    VERB_NOTIFY_NEVER = 1,
    VERB_NOTIFY_SUCCESS = 2,
    VERB_NOTIFY_FAILURE = 4,
    VERB_NOTIFY_DELAY = 8,
    VERB_RET_HDRS = 1,
    VERB_RET_FULL = 2
};

/* The verb of a line (without its end), in any case.  *args is what follows
 * the blanks behind it, trailing blanks included. */
enum verb verb_parse(struct impel_str line, struct impel_str *args);

/* Cut blanks at the end; true if there were any. */
bool verb_cut_blanks(struct impel_str *args);

/* "FROM:<path>" or "TO:<path>" at the start of *args; keyword with its colon,
 * blanks behind which are taken only if asked for.
 * *address is what stands in the brackets without a source route, *args what
 * follows the path and the blanks behind it.  False: syntax. */
bool verb_path(struct impel_str *args, const char *keyword, bool blanks,
    struct impel_str *address);

/* Fit to be a mailbox: local part, @, domain or literal; without @ only if
 * unqualified is allowed.  No byte that could end a command line or a path. */
bool verb_is_mailbox(struct impel_str a, bool utf8, bool unqualified);

/* True if s holds a byte above 127. */
bool verb_is_utf8(struct impel_str s);

/* The next esmtp-param of *args: 1 found, 0 none left, -1 syntax.  value.p is
 * NULL if there is no "=". */
int verb_param(
    struct impel_str *args, struct impel_str *key, struct impel_str *value);

/* Decimal digits only, at least one, at most max. */
bool verb_number(struct impel_str s, uint64_t max, uint64_t *value);

/* "NEVER" or a list of SUCCESS, FAILURE, DELAY. */
bool verb_notify(struct impel_str s, uint32_t *bits);

/* xtext (RFC 3461 4) that hides no control character; utf8: RFC 6533 too. */
bool verb_is_xtext(struct impel_str s, bool utf8);
/* An ORCPT value: address type, semicolon, xtext. */
bool verb_is_original(struct impel_str s, bool utf8);

/* "BDAT" arguments: a size and perhaps LAST.  False: syntax or overflow, after
 * which nobody can say where the next command begins. */
bool verb_bdat(struct impel_str args, uint64_t *size, bool *last);

struct verb_mail {
    struct impel_str sender; /* empty: the null sender */
    int64_t size;            /* < 0: say nothing */
    bool eightbit, utf8;
    bool requiretls, binary;
    uint32_t by; /* IMPEL_BY_*; 0: say nothing */
    int64_t by_seconds;
    int32_t ret;
    struct impel_str envid; /* xtext; absent: say nothing */
};
/* Text was checked with verb_is_mailbox(); DSN values that are not fit are
 * left out.  Room for VERB_MAX_COMMAND must be there. */
void verb_put_mail(struct out *o, const struct verb_mail *m);
void verb_put_rcpt(struct out *o, struct impel_str address, bool dsn,
    uint32_t notify, struct impel_str original, bool utf8);

#endif
