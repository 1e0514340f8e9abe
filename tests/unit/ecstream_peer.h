/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream_peer.h - a server of ECSTREAM that tests play by hand, for a stream
 * of libimpel-ecstream on a socket pair: expect a frame, say one.
 *
 * Whatever waits for the library lets it run; what does not come within some
 * thousand turns fails the test.
 */
#ifndef IMPEL_ECSTREAM_PEER_H
#define IMPEL_ECSTREAM_PEER_H

#include "unit.h"

#include <impel/ecstream.h>

#include "frame.h"

enum { ANSWERS_MOST = 64, TURNS = 2000, PEER_BODY_SIZE = 19 };

/* The body of what peer_message() makes. */
extern const char peer_body[PEER_BODY_SIZE + 1];

struct seen { /* of one answer */
    const char *message;
    char key[65];
    size_t count;
    unsigned code[4];
    uint16_t status[4][3];
    char text[4][80];
    uint64_t receipt;
};
struct peer {
    struct ecstream *s;
    int fd;     /* the server's end; -1: none */
    int refuse; /* this many dials fail */
    unsigned dials;
    bool confirm_inside;
    struct frame_in is; /* the frame that was read last */
    uint8_t frame[FRAME_MOST + FRAME_HEAD];
    struct seen seen[ANSWERS_MOST];
    size_t answers;
};

struct ecstream_options peer_options(struct peer *w);
void peer_begin(struct peer *w, const struct ecstream_options *o);
void peer_end(struct peer *w);
int peer_turn(struct peer *w);
void peer_expect(struct peer *w, uint8_t type);
/* Nothing has come, whatever was done. */
void peer_expect_nothing(struct peer *w);
void peer_say(struct peer *w, struct frame_out *out);
void peer_put_z(struct frame_out *out, const char *z);
void peer_welcome(struct peer *w, uint32_t window, uint64_t octets);
void peer_put_group(
    struct frame_out *out, uint16_t code, const char *status, const char *text);
/* The same result for all of `count` recipients. */
void peer_result(struct peer *w, uint32_t tag, uint16_t code,
    const char *status, uint32_t count);
/* 250 for the first, 451 4.3.2 for the second. */
void peer_result_half_busy(struct peer *w, uint32_t tag);
void peer_farewell(
    struct peer *w, uint8_t type, uint16_t code, const char *status);
void peer_frame_alone(struct peer *w, uint8_t type);
/* MESSAGE with that tag; its key is what remains to be read. */
void peer_expect_message(struct peer *w, uint32_t tag, const char *key);
void peer_expect_tag(struct peer *w, uint8_t type, uint32_t tag);
void peer_expect_confirm(struct peer *w, uint32_t first, uint32_t count);
void peer_expect_whole(struct peer *w, uint32_t tag, const char *key);
void peer_wait_answers(struct peer *w, size_t count);
struct ecstream_message peer_message(const char *key, size_t rcpts);
void peer_post(struct peer *w, const char *key, size_t rcpts);

#endif
