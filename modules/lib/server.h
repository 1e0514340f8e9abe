/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - one inbound session, as server.c, server_command.c and
 * server_data.c share it.
 *
 * server.c has its life: banner, turns, verdicts, time, parting.
 * server_command.c has the commands, server_auth.c AUTH, server_data.c the
 * bodies, server_tls.c STARTTLS.  Input is taken
 * strictly in order and nothing is taken while a verdict is awaited, so
 * pipelined commands need no queue of their own.
 */
#ifndef IMPEL_LIB_SERVER_H
#define IMPEL_LIB_SERVER_H

#include <stdbool.h>

#include "deadline.h"
#include "dialogue.h"
#include "line.h"
#include "options.h"
#include "out.h"
#include "verb.h"

enum server_state {
    SERVER_COMMAND,
    SERVER_LONG, /* inside a command line that is too long */
    SERVER_DATA,
    SERVER_BDAT,
    SERVER_STARTTLS, /* was said; not answered yet */
    SERVER_GO,       /* the answer is on its way */
    SERVER_SHAKING,
    SERVER_AUTH,    /* the next line is no command: an answer to 334 */
    SERVER_PARTING, /* the last word was said; what comes in is thrown away */
    SERVER_DEAD     /* closed() was called */
};
enum server_wait {
    WAIT_NOTHING,
    WAIT_GREET,
    WAIT_CLIENT, /* the one that XCLIENT named */
    WAIT_SENDER,
    WAIT_RCPT,
    WAIT_COMMIT,
    WAIT_LOGIN
};
enum { SERVER_LINE_MAX = 512 }; /* of a reply, RFC 5321 4.5.3.1.5 */

struct refusal {                /* why the open message will not be taken */
    char text[SERVER_LINE_MAX]; /* "552 5.3.4 too large"; empty: it will */
};

/* By XCLIENT; what one leaves out stands as the one before has said it. */
struct named {
    bool offered; /* to who has connected: whom it names does not matter */
    bool port_said, local_port_said;
    uint16_t port, local_port;
    const char *proto; /* NULL: that of the session */
};

struct server {
    struct dialogue *module;
    const struct impel_host *host;
    struct impel_session *session;
    const struct impel_scope *scope;
    enum server_state state;
    enum server_wait wait;
    uint32_t offered; /* CAPABILITY_* */
    int stage;        /* IMPEL_AT_* of the command that is being read */
    uint32_t commands, errors, receptions;
    uint64_t recipients; /* named in the session, refused ones included */
    bool greeted, esmtp; /* after HELO or EHLO; EHLO */
    bool auth_offered, logged_in;
    bool hello_esmtp; /* which of the two waits for its verdict */
    bool full;        /* output waits for EV_DRAINED */
    bool no_credit;   /* body() said AGAIN */
    bool last;        /* the last word was said: over when it is out */
    bool closing;     /* close() came: 421 at the next command */
    struct named named;
    uint16_t peer_port; /* of who has connected */
    bool eof;           /* the peer will say no more, and may listen still */
    bool tls;           /* all that is said now is behind TLS */
    struct line line;
    size_t thrown; /* bytes of a long line, or while parting */

    /* the message */
    struct impel_incoming *in; /* NULL: none, or refused on its way */
    uint64_t tag;
    bool mail;          /* MAIL was accepted */
    bool utf8;          /* its SMTPUTF8 */
    bool binary;        /* its BODY=BINARYMIME: octets, and no lines */
    bool bdat;          /* BDAT was used for it */
    bool line_start;    /* the next byte of its body begins a line */
    bool cr;            /* the last BDAT chunk ended in a CR */
    bool chunk_last;    /* LAST was said */
    bool chunk_ignored; /* a chunk for nothing: its octets only go by */
    bool smuggling;     /* a bare newline was seen: part after the reply */
    size_t rcpt_tried, rcpt_accepted;
    uint64_t chunk_left, chunk_size, body_bytes, wasted_bytes;
    int64_t body_until, session_until; /* host clock; 0: no end */
    struct refusal refusal;
    size_t echoes; /* LMTP: how often `echo` is still to be said */
    struct refusal echo;

    struct deadline deadline;
    struct out out;
};

/* server.c */
/* Put one reply line into the output buffer. */
void server_reply(struct server *s, const char *line);
/* The reply to a whole message: in LMTP once for each recipient that was taken
 * (RFC 2033 4.2).  What does not fit waits, and the input with it. */
void server_reply_each(struct server *s, size_t rcpts, const char *line);
/* Say this and end the session. */
void server_bye(struct server *s, const char *line);
/* The same of what the peer did: the host hears of it. */
void server_turn_out(struct server *s, const char *line);
/* What this module refuses by itself, for the host's log.  stage: IMPEL_AT_*,
 * rcpt: an address, or empty; line: with code and enhanced code. */
void server_rejected(
    struct server *s, int stage, struct impel_str rcpt, const char *line);
/* A command that was wrong in syntax or order. */
void server_error(struct server *s, const char *line);
/* Wait for a verdict. */
void server_await(struct server *s, enum server_wait wait);
/* Forget the message, if any; an open one is abandoned. */
void server_reset(struct server *s);
/* Say the banner and begin as on a new connection, but for what the session
 * was named. */
void server_restart(struct server *s);
void server_deadline(struct server *s, enum option_row timeout);
/* End it at once, with a sentence for the log. */
void server_cut(struct server *s, const char *text);
/* CAPABILITY_* that the session is offered, as it is now. */
uint32_t server_offer(struct server *s);

/* server_command.c */
/* A command line; line has no end and no control character. */
void command_line(struct server *s, struct impel_str line);
void command_greeted(struct server *s);
/* Blanks at the end of a command: false if there are any and they are an
 * error. */
bool command_cut_blanks(struct server *s, struct impel_str *args);

/* server_xclient.c */
void command_xclient(struct server *s, struct impel_str args);

/* server_tls.c */
void command_starttls(struct server *s, struct impel_str args);
/* Would STARTTLS be taken now? */
bool server_may_tls(struct server *s);
/* "esmtps" and the like (RFC 3848): what a message comes by.  login: somebody
 * has proved who he is (AUTH). */
const char *server_protocol(const struct server *s, bool login);
/* STARTTLS was said, and n octets have come behind it: how many are done with.
 * The answer follows when there are none. */
size_t server_tls_take(struct server *s, size_t n);
void server_tls_go(struct server *s); /* the answer is out: begin */
void server_tls_done(struct server *s, int64_t arg); /* EV_TLS */
/* server_auth.c */
/* A line of the reply to EHLO, if logins are offered. */
void auth_offer(struct server *s);
void command_auth(struct server *s, struct impel_str args);
/* How long a line may be that begins so; 0: as any other. */
size_t auth_line_max(const struct server *s, const char *p, size_t n);
/* The answer to a challenge; line has no end. */
void server_auth_line(struct server *s, struct impel_str line);
/* A login that is under way has no end. */
void auth_abandon(struct server *s);
void auth_verdict(struct server *s, const struct impel_result *r);
/* A parameter of MAIL (RFC 4954 5): NULL, or what is wrong with it. */
const char *auth_sender(struct impel_str value);

/* server_data.c */
void data_begin(struct server *s);
void bdat_begin(struct server *s, uint64_t size, bool last);
/* Take body bytes; how many are done with.  0: more are needed, or the session
 * waits for something. */
size_t data_take(struct server *s, const char *p, size_t n);
size_t bdat_take(struct server *s, const char *p, size_t n);
/* The message will not be taken; what it is told stands in line. */
void data_refuse(struct server *s, const char *line);
void data_committed(struct server *s, const char *line, bool accepted);

#endif
