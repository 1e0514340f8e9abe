/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - one outbound session, as client.c and pipeline.c share it.
 *
 * client.c has its life: greeting, idling, probing, parting.  starttls.c has
 * STARTTLS.  client_auth.c logs in.  xclient.c says whom a message came from.
 * pipeline.c has one transaction.  A transaction is two walks over the same
 * steps, one that sends and one that reads replies; the reader never overtakes
 * the sender, and neither goes back:
 *
 *     RSET?  MAIL  RCPT...  DATA  BODY  END      with DATA
 *     RSET?  MAIL  RCPT...  BDAT  BODY  END      with BDAT: one reply for both
 *
 * With PIPELINING the sender runs ahead as far as it can; without it, it waits
 * until nothing is outstanding.
 */
#ifndef IMPEL_LIB_CLIENT_H
#define IMPEL_LIB_CLIENT_H

#include <stdbool.h>

#include "capability.h"
#include "deadline.h"
#include "dialogue.h"
#include "limits.h"
#include "options.h"
#include "out.h"
#include "outcome.h"
#include "reply.h"

enum client_state {
    CLIENT_DIAL,
    CLIENT_BANNER,
    CLIENT_EHLO,
    CLIENT_HELO,
    CLIENT_STARTTLS,  /* was said */
    CLIENT_GO,        /* the host will have it: nothing more in clear */
    CLIENT_SHAKING,   /* until EV_TLS */
    CLIENT_AUTH,      /* a login's next reply is awaited */
    CLIENT_AUTH_WORK, /* the core makes its next word: until EV_LOGIN */
    CLIENT_READY,     /* nothing is outstanding */
    /* a batch is here, and is introduced (xclient.h) */
    CLIENT_XRESET,
    CLIENT_XCLIENT,
    CLIENT_XHELLO,
    CLIENT_BUSY, /* a transaction */
    CLIENT_PROBE,
    CLIENT_QUIT,
    CLIENT_DEAD /* closed() was called */
};
enum step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_BODY, STEP_END };

enum { RCPT_OPEN, RCPT_TAKEN /* LMTP: by the host */, RCPT_LEFT_OUT };

struct transaction {
    struct impel_batch *batch; /* NULL: none, or all was reported */
    const struct impel_envelope *envelope;
    enum step send, read;
    size_t send_rcpt, read_rcpt; /* next to send, next to be answered */
    size_t outstanding;          /* replies to come */
    size_t accepted, left;       /* recipients: taken by the peer; unreported */
    int64_t size;                /* of the body as it is sent; < 0: unknown */
    int form;
    bool bdat, pipelined, eager;
    bool eightbit, utf8, binary;
    bool answered;    /* a reply to this transaction was read */
    bool refused;     /* MAIL was: nothing else counts */
    bool go;          /* 354 */
    bool sending;     /* send_body() was called and EV_BODY is to come */
    bool early;       /* refused while a large body is being sent */
    bool body_out;    /* the final octet is on its way */
    int64_t over;     /* by when the body has to be out, whatever moves */
    bool kept;        /* what stands in keep is the result of keep_rcpt */
    size_t keep_rcpt; /* SIZE_MAX: of all that are left */
    struct outcome keep;
};

struct client {
    struct dialogue *module;
    const struct impel_host *host;
    struct impel_session *session;
    const struct impel_scope *scope;
    enum client_state state;
    bool plain;            /* method SMTP: HELO and nothing more */
    bool warm;             /* a transaction went through before */
    bool need_reset;       /* the last transaction was left open at the peer */
    bool parting;          /* close() came while busy */
    bool full;             /* output waits for EV_DRAINED */
    bool lost;             /* nothing can be sent any more */
    bool introduced;       /* the host took an XCLIENT */
    bool xclient_refused;  /* it did not, and is not asked again */
    bool secured;          /* TLS is up */
    bool in_clear;         /* it failed, or was refused: on without it */
    bool auth_said;        /* AUTH was */
    char mechanism[68];    /* of the login */
    struct impel_str held; /* its first words, for the host to ask for */
    char *line; /* of the login, not taken by the host yet; or NULL */
    size_t line_size;
    uint16_t port;
    struct capability capability;
    struct reply_scan scan;
    struct deadline deadline;
    struct transaction t;
    struct limits limits;
    /* what became of each recipient of the transaction, RCPT_*; LMTP: where to
     * look for the next that waits for a final reply */
    uint8_t *rcpt;
    size_t rcpt_room, final;
    struct out out;
};

/* client.c */
/* Connect, or once more. */
int client_dial(struct client *c, struct impel_error *e);
/* Nothing stands between the host and mail any more. */
void client_ready(struct client *c);
/* A peer that misbehaves, or a failure with words of our own. */
void client_fail_text(struct client *c, const char *text);
/* The session ends for this reason: open recipients are reported with it (or
 * with what is known better), then closed().  c is not touched any more. */
void client_fail(struct client *c, const struct impel_result *why);
void client_protocol_error(struct client *c);
/* The transaction is over and the stream in step. */
void client_finished(struct client *c);
/* Hand c->out to the host.  False: it waits, or the connection is gone. */
bool client_flush(struct client *c);
void client_wait(struct client *c, enum option_row timeout);
/* The greeting of the dialogue: "EHLO" or "LHLO". */
const char *client_hello_verb(const struct client *c);
/* One command outside a transaction; name: with ours. */
void client_say(
    struct client *c, enum client_state state, const char *verb, bool name);
/* The transaction that c->t names begins. */
void client_transact(struct client *c);

/* pipeline.c */
void pipeline_begin(struct client *c, struct impel_batch *batch,
    const struct impel_envelope *envelope);
void pipeline_reply(struct client *c, const struct reply *r);
/* Send what may be sent now. */
void pipeline_pump(struct client *c);
void pipeline_body_sent(struct client *c);
/* Output went on: if it is a body's, its time runs anew. */
void pipeline_moved(struct client *c);
/* Report what is left: with the peer's verdict if there is one, with UNCERTAIN
 * if it may have the message, else with r. */
void pipeline_abandon(struct client *c, const struct impel_result *r);
/* For the words of an internal response: "MAIL FROM", and the stage. */
const char *pipeline_doing(const struct client *c);
int pipeline_stage(const struct client *c);

#endif
