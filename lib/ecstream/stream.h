/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.h - what the files of libimpel-ecstream share: stream.c has the life
 * of a stream and its connections, taking.c the frames of the server,
 * letter.c the messages, answer.c what becomes of them, plug.c and plug_tls.c
 * the socket.
 *
 * A letter is in one place: the line `todo` (to be sent on this connection or
 * the next), `later` (to be sent again at a time), or the tags (MESSAGE is out;
 * then answered and to be confirmed).  A connection that is lost empties the
 * tags: what was not answered stands in `todo` again, in its order.
 */
#ifndef IMPEL_ECSTREAM_STREAM_H
#define IMPEL_ECSTREAM_STREAM_H

#include <impel/ecstream.h>

#include "frame.h"
#include "plug.h"
#include "tags.h"

enum { LETTER_TRIES = 10 }; /* of one whose key is taken elsewhere */

struct letter {
    struct letter *next;
    uint8_t *envelope; /* MESSAGE without its tag */
    size_t envelope_n, key_n;
    size_t rcpt_count;
    struct ecstream_result *results; /* one for each, while it is answered */
    bool needs_tls;
    const uint8_t *body;
    int64_t (*read)(void *arg, uint64_t at, void *to, size_t n);
    void *arg;
    uint64_t size;
    /* on this connection */
    uint32_t tag;
    uint64_t at; /* octets of the body that are out */
    bool ended, told;
    bool telling, confirmed; /* answered() runs; it has confirmed */
    /* tags of tries before, to be confirmed with the last */
    uint32_t held[LETTER_TRIES];
    unsigned held_count, tries;
    int64_t due; /* in `later` */
};
struct line {
    struct letter *first, **last;
};
enum stream_state {
    STREAM_DOWN, /* no connection; the next one not before retry_at */
    STREAM_DIALS,
    STREAM_TLS,
    STREAM_WELCOME, /* HELLO is out */
    STREAM_OPEN,
    STREAM_PARTING, /* BYE is out */
    STREAM_OVER     /* `over` says how it ended */
};
struct ecstream {
    struct ecstream_options o; /* texts are copies */
    char *texts[8];            /* those, to be freed */
    struct plug_tls *tls;      /* NULL: none */
    char error[ECSTREAM_ERROR_SIZE];
    enum stream_state state;
    int over;
    bool closing;
    /* the connection */
    struct plug plug;
    uint32_t connection; /* which one this is, from 1 on */
    struct frame_out out;
    size_t out_at;
    uint8_t *in;
    size_t in_n, in_size;
    bool more;   /* run() has left something that no poll() tells of */
    bool broken; /* nothing can be written; the last words are read */
    bool going;  /* GOAWAY was said */
    bool heard;  /* RESULTS came */
    unsigned going_code;
    bool probing;
    int64_t deadline;    /* of connecting and parting */
    int64_t next_at;     /* another address is tried, if there is one */
    int64_t progress_at; /* octets went or came */
    /* connections that failed */
    int64_t retry_at, bad_since;
    unsigned fails;
    /* After a connection that brought no answer: so many messages may be open,
     * twice as many with each answer; 0: the window alone counts.  So a bad
     * line, or a server that breaks over a message, is got past. */
    size_t slow;
    bool reached; /* some connection was answered */
    /* what the server has said */
    struct ecstream_server server;
    /* messages */
    struct line todo, later;
    struct letter *current; /* half sent: it is in the tags */
    size_t count;           /* letters without an answer */
    size_t letter_octets;   /* what these cost, without bodies */
    struct tags tags;
    size_t told_count, held_count;
    uint32_t last_tag;
    uint64_t octets; /* of bodies sent and not answered */
    uint64_t next_key, key_salt;
    /* tags to be confirmed when this turn ends */
    uint32_t *confirm;
    size_t confirm_n, confirm_size;
    /* of an answer, while it is told */
    char *words;
    size_t words_n, words_size;
};

/* --- stream.c --- */
int64_t stream_clock(void); /* ms, never back */
void stream_log(struct ecstream *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Of ecstream_error(); returns code. */
int stream_error(struct ecstream *s, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* This connection is of no more use; another follows if it may. */
void stream_lose(struct ecstream *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* No other follows: all that is open is answered with code 0. */
void stream_fail(struct ecstream *s, int code);

/* --- taking.c --- */
/* Frames that are in; false: the connection was given up over them. */
bool taking_run(struct ecstream *s);
void taking_hello(struct ecstream *s);

/* --- letter.c --- */
/* A letter of m in *to, or ECSTREAM_E_*. */
int letter_new(
    struct ecstream *s, const struct ecstream_message *m, struct letter **to);
void letter_free(struct ecstream *s, struct letter *l);
/* All but what is needed until it is confirmed goes. */
void letter_trim(struct ecstream *s, struct letter *l);
void letter_add(struct line *to, struct letter *l);
struct letter *letter_take(struct line *from); /* or NULL */
/* Frames of what waits, as far as windows and output allow. */
void letter_send_all(struct ecstream *s);
/* Would that do anything, if the output is empty? */
bool letter_may_send(const struct ecstream *s);
/* To `later`: the server is busy with its key. */
void letter_put_off(struct ecstream *s, struct letter *l);
/* Those of `later` whose time has come go to `todo`. */
void letter_again(struct ecstream *s, int64_t now);
/* The connection is gone. */
void letter_return_all(struct ecstream *s);

/* --- answer.c --- */
/* RESULTS; false: it makes no sense. */
bool answer_take(struct ecstream *s, struct impel_str payload);
/* The same for each recipient, not from the server; the letter is gone. */
void answer_all(
    struct ecstream *s, struct letter *l, const struct ecstream_result *r);
/* CONFIRM for what was asked. */
void answer_confirm(struct ecstream *s);
/* false: no memory. */
bool answer_confirm_tag(struct ecstream *s, uint32_t tag);

#endif
