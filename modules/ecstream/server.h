/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - a connection that brings mail: server.c has its frames and its
 * life, receipt.c the messages.
 *
 * One message at a time is set up: its sender and recipients are judged before
 * the next frame is looked at.  Bodies may alternate, commits overlap.
 */
#ifndef IMPEL_ECSTREAM_SERVER_H
#define IMPEL_ECSTREAM_SERVER_H

#include "ecstream.h"
#include "tags.h"

enum server_state {
    SERVER_HELLO, /* nothing was said yet */
    SERVER_GREET, /* the host thinks about the client */
    SERVER_OPEN,
    SERVER_SETUP, /* the host thinks about an envelope */
    SERVER_LAST,  /* BYE was said: answers, and the end */
    SERVER_PARTING,
    SERVER_LOST, /* commits under way are waited for */
    SERVER_DEAD
};
struct server {
    struct ecstream *module;
    const struct impel_host *host;
    struct impel_session *session;
    const struct impel_scope *scope;
    enum server_state state;
    bool full;      /* output: EV_DRAINED follows */
    bool no_credit; /* body(): EV_CREDIT follows */
    bool going;     /* GOAWAY was said */
    uint8_t stream[FRAME_STREAM];
    struct frame_out out;
    size_t results_at; /* of the open RESULTS frame's count; 0: none is open */
    uint16_t results;
    struct frame_out whole; /* a frame larger than the host's input */
    /* the BODY frame under way */
    uint64_t body_left;
    struct receipt *body_of; /* NULL: skipped */
    struct tags tags;
    uint32_t last_tag;
    size_t window, counted; /* messages */
    uint64_t octets_window, octets;
    size_t committing, waiting;
    struct receipt *setup;
    struct frame_out envelope; /* its MESSAGE frame */
    bool answers_due;          /* TIMER_ANSWERS runs */
    struct receipt *spare;     /* kept to be used again */
    size_t spare_count;
};

struct rcpt {
    uint32_t number;
    uint16_t code; /* 0: not known yet */
    uint8_t status[3];
    bool taken; /* by this message, not by one before */
    char *text; /* NULL: none, or the receipt's words */
};
enum receipt_state {
    RECEIPT_SENDER,
    RECEIPT_RCPTS,
    RECEIPT_BODY,
    RECEIPT_WAIT, /* for another message of this key, after END */
    RECEIPT_COMMIT,
    RECEIPT_ANSWERED
};
struct receipt {
    uint32_t tag;
    enum receipt_state state;
    bool flying;
    struct flying_wait wait;
    struct flight flight;
    struct impel_str words; /* lent: of the commit, for all that were taken */
    struct impel_incoming *in;
    char key[FRAME_STREAM + FRAME_KEY_MOST];
    size_t key_n;
    struct frame_out was; /* numbers taken by messages before, as stored */
    uint64_t octets;
    size_t rcpt_count, asked, verdicts, accepted;
    struct rcpt *rcpt;
    uint32_t *places; /* of those that the host was asked about; when it is
                         answered, `asked` numbers that have a 2xx */
    struct rcpt one;  /* most messages have no more: rcpt and places are here */
    uint32_t one_place;
    struct receipt *next; /* of server.spare */
};

/* --- receipt.c --- */
/* A MESSAGE frame: false: it is none, or makes no sense. */
bool receipt_begin(struct server *s, struct impel_str payload);
/* sender's and recipients' verdicts */
void receipt_judged(
    struct server *s, size_t rcpt, const struct impel_result *r);
/* Octets taken, 0: wait for credit. */
size_t receipt_body(
    struct server *s, struct receipt *m, const char *p, size_t n);
void receipt_end(struct server *s, struct receipt *m);
/* EV_WAKE of a key that it waits for. */
void receipt_woken(struct server *s, struct receipt *m);
void receipt_abandon(struct server *s, struct receipt *m);
void receipt_final(
    struct server *s, struct receipt *m, const struct impel_result *r);
void receipt_confirm(struct server *s, struct receipt *m);
/* Whatever state it is in; not while it is committing. */
void receipt_free(struct server *s, struct receipt *m);
/* Those that are kept, and what is kept with them. */
void receipt_fini(struct server *s);

/* --- server_frames.c --- */
uint32_t server_most_rcpts(const struct server *s); /* of one message */
/* greet()'s answer. */
void server_greeted(struct server *s, const struct impel_result *r);
/* Octets used; 0: more has to come. */
size_t server_take(struct server *s, struct impel_str in);

/* --- server.c --- */
/* The same answer, to be sent when this turn ends. */
void server_answer(struct server *s, const struct receipt *m);
/* No answer is put into the frame that is open; another frame may begin. */
void server_results_end(struct server *s);
/* ERROR with that text, and the end; wrong: it was the client's mistake. */
void server_refuse(struct server *s, const char *text);
void server_wrong(struct server *s, const char *text);

#endif
