/* SPDX-License-Identifier: Apache-2.0
 *
 * dsn.h - the text of delivery status notifications (RFC 3461 to 3464; 6533
 * where the message or an address is internationalised).
 *
 * Pure: who is told, and what is written.  notice.h stores it.
 */
#ifndef IMPEL_DSN_H
#define IMPEL_DSN_H

#include "conf/scope.h"
#include "spool/message.h"
#include "xport/result.h"

enum dsn_action {
    DSN_FAILED,
    DSN_DELIVERED,
    DSN_RELAYED,
    DSN_DELAYED,
    DSN_HANDED /* relayed, and RFC 2852 wants that said */
};
struct dsn_rcpt { /* one recipient's fate */
    uint32_t rcpt;
    const struct result *result;
};
struct dsn_report {
    const struct message *message; /* envelope at least */
    enum dsn_action action;
    struct str reporting; /* our host name */
    struct str from;      /* mailerdaemon; empty: mailer-daemon@reporting */
    struct str to;        /* who is told */
    struct str mta;       /* the host that said it; empty: nobody did */
    int64_t now;          /* wall ms */
    int64_t until;        /* DSN_DELAYED: when it is given up; 0: not known */
    uint64_t id;          /* of the notification */
    uint64_t chance;      /* a random number, by which who wrote the message
                             cannot know where its part of the report ends */
    int original;         /* QUEUE_ORIGINAL_* as dsn_original() says */
    bool eight_bit;       /* what is returned has bytes above 127 */
    size_t count;
    const struct dsn_rcpt *rcpt;
};

/* Does the recipient's NOTIFY ask for it? */
bool dsn_is_wanted(const struct rcpt *r, enum dsn_action action);
/* Who is told: the sender, or mdn_failures_notify for the null sender; empty:
 * nobody. */
struct str dsn_address(
    const struct message *m, const struct scope *s, enum dsn_action action);
/* bounces_inline_original, RET, and RFC 3461 6.2 */
int dsn_original(
    const struct message *m, const struct scope *s, enum dsn_action action);
/* RFC 6533 forms are needed. */
bool dsn_is_global(const struct dsn_report *d);
/* Everything up to the returned message, and what follows it. */
void dsn_print_head(const struct dsn_report *d, struct buf *to);
void dsn_print_tail(const struct dsn_report *d, struct buf *to);

#endif
