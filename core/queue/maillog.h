/* SPDX-License-Identifier: Apache-2.0
 *
 * maillog.h - mainlog, rejectlog, bouncelog, paniclog: Momentum's record
 * formats (momentum-modules.md section 5), '@'-separated, so that existing
 * log tools read them; and the same events as JSON lines when asked.
 *
 * Any thread.  Records go to the log writer; a full log disk stops no mail.
 * ec_logger and bounce_logger stanzas of the generation in force say which
 * files there are; maillog_open() adopts a new generation.
 */
#ifndef IMPEL_MAILLOG_H
#define IMPEL_MAILLOG_H

#include "conf/generation.h"
#include "spool/message.h"
#include "xport/result.h"

int maillog_open(struct generation *g, struct err *e);
void maillog_close(void);
void maillog_reopen(void);
void maillog_heartbeat(void); /* called by a timer each second: M records */

struct maillog_outcome {           /* one recipient's attempt */
    const struct message *message; /* NULL: not loaded */
    uint64_t id;
    uint32_t rcpt; /* index: the logged id is id + index */
    struct str domain, binding, group;
    struct str peer_addr; /* "" none */
    uint64_t connection;  /* outbound, 0: none */
    uint64_t size, bytes_sent;
    uint32_t retries;
    int64_t age_ms;
    bool aside; /* bounce_pattern: not in the bouncelog */
    const struct result *result;
};
/* R for each recipient, with the binding that g gives it. */
void maillog_reception(const struct message *m, struct generation *g);
void maillog_delivery(const struct maillog_outcome *o);  /* D */
void maillog_transient(const struct maillog_outcome *o); /* T, bouncelog T */
void maillog_permanent(const struct maillog_outcome *o); /* P, bouncelog B */
struct maillog_report { /* a bounce that came as mail (out of band) */
    uint64_t id;        /* of the report */
    uint64_t connection;
    struct str original; /* the address that bounced */
    struct str sender;   /* of what bounced: where the report came to */
    struct str binding, group, peer_addr;
    uint64_t size;
    bool delayed; /* not failed for good */
    const struct result *result;
    struct str text; /* as the report has it */
};
void maillog_reported(const struct maillog_report *r); /* bouncelog B, T */
/* rejectlog.  text: the reply; phase: "rcptto"; helo, sender, rcpt: as far as
 * they are known. */
struct maillog_rejection {
    uint64_t connection;
    struct str peer, local; /* address and port */
    bool can_relay;
    struct str helo, sender, rcpt, phase, text;
};
void maillog_rejection(const struct maillog_rejection *r);

/* Momentum's bounce class of a result (momentum-modules.md 5.1), from stage
 * and enhanced code by a table. */
int maillog_bounce_class(const struct result *r);
const char *maillog_bounce_class_name(int class_code);

#endif
