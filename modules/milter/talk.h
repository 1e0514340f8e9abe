/* SPDX-License-Identifier: Apache-2.0
 *
 * talk.h - one conversation with one filter, as talk.c, put.c and said.c share
 * it: its life and answers, what it says to the filter, what it hears.
 */
#ifndef IMPEL_MILTER_TALK_H
#define IMPEL_MILTER_TALK_H

#include "deadline.h"
#include "macro.h"
#include "milter.h"
#include "packet.h"

enum talk_state {
    TALK_DIALING,
    TALK_OPTIONS, /* ours are sent */
    TALK_OPEN,
    TALK_DEAD /* closed() was called */
};
enum { /* what of a step is next; HEADER has several parts */
    PART_FIRST,
    PART_FIELDS,
    PART_EOH,
    PART_BODY,
    PART_DONE
};

struct talk {
    const struct milter *module;
    const struct impel_host *host;
    struct impel_session *session;
    const struct impel_scope *scope;
    enum talk_state state;
    struct target target;
    struct deadline deadline;
    struct packet_in in;
    struct packet_out out; /* not taken by the host yet */
    struct packet_said said;
    int command; /* of the packet in `in`, 0: none is whole */
    struct impel_str data;
    uint32_t version, actions, steps;
    char *macros[MACRO_STAGES]; /* that the filter asked for, or NULL */

    struct impel_step step; /* under way if .step is not 0 */
    int part;
    size_t at;    /* field, or octet of the body */
    bool waiting; /* for the filter's answer */
    bool full;    /* output waits for EV_DRAINED */
    bool credit;  /* a piece of a body waits for EV_CREDIT */
    bool message; /* it knows of one that has not ended */
    bool settled; /* its last word was CONTINUE to the end of a message */
    bool used;    /* by a client before this one */
    bool leaving; /* QUIT stands in the output */
};

/* --- talk.c --- */
void talk_count(const struct talk *t, enum milter_counter c);
struct impel_str talk_words(const char *z);
/* status: "4.7.1". */
void talk_result(struct impel_result *r, int code, const char *status,
    struct impel_str text);
/* To the step under way, which is over. */
void talk_answer(struct talk *t, int what, const struct impel_result *r);
void talk_refuse(
    struct talk *t, int what, int code, const char *status, const char *text);
/* It is out of order: what the operator wants then, and the end. */
void talk_fail(struct talk *t, const char *why);
/* How long the filter may take for what the step said last. */
int64_t talk_step_ms(const struct talk *t);

/* --- put.c --- */
/* The next packet of the step into the output.  false: all of it is said. */
bool put_part(struct talk *t);
/* A command without data, behind the macros of a stage, or none (-1). */
void put_plain(struct talk *t, int stage, int command);

/* --- said.c --- */
/* The packet that has come.  false: it has to wait for EV_CREDIT. */
bool said_take(struct talk *t);

#endif
