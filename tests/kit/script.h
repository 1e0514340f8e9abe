/* SPDX-License-Identifier: Apache-2.0
 *
 * script.h - a conversation as a text file: messages, what the peer says and
 * expects, what must come out.  The notation is in docs/testing.md.
 */
#ifndef IMPEL_KIT_SCRIPT_H
#define IMPEL_KIT_SCRIPT_H

#include <regex.h>
#include <stdbool.h>

#include <impel/module.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    SCRIPT_MAX_RCPTS = 1000,
    SCRIPT_MAX_MESSAGES = 64,
    SCRIPT_MAX_SESSIONS = 16,
    SCRIPT_MAX_ROWS = 2000, /* steps, acts, options, answers: each */
    SCRIPT_UNLENT = 100     /* a verdict: the module never got it */
};

/* What must come out; 0 or NULL: anything. */
struct script_want {
    int verdict, blame, stage, code;
    int status[3];
    bool uncertain;
    const char *text; /* a pattern */
};
struct script_rcpt {
    struct impel_rcpt rcpt;
    struct script_want want;
};
struct script_message {
    const char *name;
    int line;
    struct impel_str sender, envid;
    struct impel_str client_addr, client_helo, client_proto, client_login;
    struct impel_str client_mechanism, client_tls; /* filters */
    uint32_t client_port;
    uint32_t needs;
    int32_t ret;
    size_t rcpt_count;
    struct script_rcpt *rcpt;
    struct buf body;
    const char *meta_key; /* a context value, or NULL */
    struct impel_str meta_value;
};

enum script_step_kind {
    STEP_SAY = 1,  /* to the module */
    STEP_EXPECT,   /* a line from the module */
    STEP_MAYBE,    /* the same; if another comes, skip it and its answers */
    STEP_BODY,     /* the message in DOTTED form, from the module */
    STEP_CHUNK,    /* the message in RAW form, from the module */
    STEP_HALF,     /* half of it is here; nothing is taken yet */
    STEP_ACCEPTED, /* the peer has said (or heard) that it is taken */
    STEP_TLS,      /* the handshake is done */
    STEP_TLS_FAILS,
    STEP_TLS_VERIFIED,
    STEP_TLS_REQUIRETLS,
    STEP_WAIT,
    STEP_DROP,
    STEP_PACKET, /* its length in four octets, and octets, from the module */
    STEP_OCTETS  /* these, from the module */
};
struct script_step {
    enum script_step_kind kind;
    int line;
    struct impel_str text;
    bool is_regex;
    regex_t regex;
    struct script_message *message;
    int64_t ms;
};

enum script_act_kind {
    ACT_LEND = 1,
    ACT_PROBE,
    ACT_CANCEL,
    ACT_CLOSE,
    ACT_TELL /* filters: a step */
};
struct script_act {
    enum script_act_kind kind;
    int line;
    struct script_message *message;
    bool now;
    int step, answer; /* IMPEL_STEP_*; what must be answered, 0: anything */
    size_t rcpt;
    struct script_want want; /* of the answer's result */
};

struct script_session {
    int line;
    size_t step_count, act_count;
    struct script_step *step;
    struct script_act *act;
    int dial_errno; /* the connection is refused with it */
    int dial_port;  /* expected; 0: any */
    int dial_tls;   /* expected; -1: any */
    /* of packets: octets of the length, how many octets behind it are there
     * beside those it counts, and how many in front of it */
    int frame_length, frame_more, frame_before;
    bool has_closed;
    struct script_want closed;
    size_t received_count; /* listeners: messages that must have come in */
    struct script_message **received;
    size_t change_count; /* filters: what must hold in the end, in words */
    struct impel_str *change;
};

/* Listeners: what the host says to a call. */
enum { SCRIPT_AT_CLIENT = 100 }; /* a stage: set_peer(), told as AT_CONNECT */
struct script_answer {
    int stage;
    const char *glob; /* of the address or name; NULL: any */
    struct script_want say;
    int64_t ms;
};
struct script_fetch { /* what is answered to fetch() */
    const char *glob; /* of the URL */
    int status;       /* 0: it fails, body says why */
    struct impel_str body;
};
struct script_value { /* a durable one that the module finds */
    struct impel_str key, value;
};
struct script_option {
    const char *name, *value;
    int line;
    bool used;
};

struct script {
    const char *path, *title;
    struct arena *arena;
    const char *listener; /* stanza; NULL: a transport's script, or: */
    bool filter;          /* a filter's */
    const char *method, *host, *addr, *uri;
    int port;
    bool trusted;  /* listeners: the peer may speak for other clients */
    bool alone;    /* its sessions mind each other: not played beside itself */
    bool stranger; /* listeners: the peer may not send to any domain */
    size_t option_count, message_count, session_count, answer_count;
    struct script_option *option;
    struct script_message *message;
    struct script_session *session;
    size_t value_count;
    struct script_value *value;
    size_t fetch_count;
    struct script_fetch *fetch;
    struct script_answer *answer;
};

/* Read a file.  On failure nothing is left behind. */
int script_read(const char *path, struct script **s, struct err *e);
/* The script that is played when none is named: one message, two recipients,
 * a peer that connects and stays silent. */
struct script *script_builtin(const char *method);
void script_free(struct script **s);

/* '*' stands for any run of characters; all else for itself. */
bool script_glob(const char *glob, struct impel_str text);
bool script_step_matches(const struct script_step *step, struct impel_str line);
bool script_packet_fits(struct impel_str pattern, struct impel_str packet);
const char *script_answer_name(int answer);
const char *script_verdict_name(int verdict);
const char *script_stage_name(int stage);
const char *script_blame_name(int blame);

#endif
