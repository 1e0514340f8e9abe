/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h - the frames of ECSTREAM, version 1, in and out (docs/ecstream.md).
 *
 * Readers trust nothing: what is not there reads as 0 or empty and leaves
 * `bad` set, so a payload is judged once, at its end.
 */
#ifndef IMPEL_ECSTREAM_FRAME_H
#define IMPEL_ECSTREAM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

enum frame_type {
    FRAME_HELLO = 0x01,
    FRAME_MESSAGE = 0x02,
    FRAME_BODY = 0x03,
    FRAME_END = 0x04,
    FRAME_ABANDON = 0x05,
    FRAME_CONFIRM = 0x06,
    FRAME_PING = 0x07,
    FRAME_BYE = 0x08,
    FRAME_WELCOME = 0x81,
    FRAME_RESULTS = 0x82,
    FRAME_WINDOW = 0x83,
    FRAME_GOAWAY = 0x84,
    FRAME_PONG = 0x85,
    FRAME_PARTED = 0x86, /* the server's BYE */
    FRAME_ERROR = 0x87
};
enum {
    FRAME_VERSION = 1,
    FRAME_HEAD = 5,      /* LENGTH and TYPE */
    FRAME_MOST = 262144, /* behind LENGTH, of all but BODY */
    FRAME_KEY_MOST = 64,
    FRAME_STREAM = 16,
    FRAME_OPTIONAL = 0xc0, /* types from here on may be skipped */
    FRAME_FLAG_8BIT = 1,
    FRAME_FLAG_UTF8 = 2,
    FRAME_FLAG_TLS = 4,
    FRAME_FLAGS = 7
};
#define FRAME_MAGIC "ECSTREAM"

/* --- in --- */
struct frame_in {
    const uint8_t *p;
    size_t n;
    bool bad;
};
/* The head of the frame at p: false if n octets do not hold it. */
bool frame_head(const void *p, size_t n, uint32_t *length, uint8_t *type);
uint8_t frame_u8(struct frame_in *in);
uint16_t frame_u16(struct frame_in *in);
uint32_t frame_u32(struct frame_in *in);
uint64_t frame_u64(struct frame_in *in);
struct impel_str frame_octets(struct frame_in *in, size_t n);
struct impel_str frame_blob(struct frame_in *in); /* a key: any octets */
struct impel_str frame_text(struct frame_in *in); /* no NUL, CR, LF */
/* All was there, and there is no more. */
bool frame_is_done(const struct frame_in *in);

enum frame_got {
    FRAME_MORE, /* it is not whole yet */
    FRAME_WHOLE,
    FRAME_TOO_LONG, /* or it has no type */
    FRAME_NO_MEMORY
};
struct frame_out;
/* The frame that begins in `in`, or that `part` has the beginning of.  *used:
 * how many octets of `in` are done with.  FRAME_WHOLE: *payload lies in `in` or
 * in `part`, which is to be emptied (frame_out_fini()) when it was read. */
enum frame_got frame_gather(struct frame_out *part, struct impel_str in,
    size_t *used, uint8_t *type, struct impel_str *payload);

/* --- out --- */
struct frame_out { /* zeroed memory is empty */
    uint8_t *p;
    size_t n, size, begun;
    bool failed; /* no memory: nothing of it is of use */
};
void frame_begin(struct frame_out *out, enum frame_type type);
void frame_end(struct frame_out *out); /* LENGTH is known now */
void frame_put(struct frame_out *out, const void *p, size_t n);
void frame_put_u8(struct frame_out *out, uint8_t v);
void frame_put_u16(struct frame_out *out, uint16_t v);
void frame_put_u32(struct frame_out *out, uint32_t v);
void frame_put_u64(struct frame_out *out, uint64_t v);
/* Cut at 65,535 octets; NUL, CR and LF become blanks. */
void frame_put_text(struct frame_out *out, struct impel_str s);
/* Write over what stands at `at`. */
void frame_set_u16(struct frame_out *out, size_t at, uint16_t v);
/* Room for n more octets behind p + n, or NULL. */
uint8_t *frame_room(struct frame_out *out, size_t n);
void frame_out_fini(struct frame_out *out);
/* All to the host: 0; IMPEL_E_FULL: all is kept until EV_DRAINED; another
 * IMPEL_E_*: the connection is of no more use. */
int frame_flush(struct frame_out *out, const struct impel_host *host,
    struct impel_session *session);

#endif
