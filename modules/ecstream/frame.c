/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

/* --- in --- */

static uint64_t
load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

bool
frame_head(const void *p, size_t n, uint32_t *length, uint8_t *type)
{
    const uint8_t *at = p;

    if (n < FRAME_HEAD)
        return false;
    *length = (uint32_t)load(at, 4);
    *type = at[4];
    return true;
}

static uint64_t
take(struct frame_in *in, size_t n)
{
    uint64_t v;

    if (in->bad || in->n < n) {
        in->bad = true;
        return 0;
    }
    v = load(in->p, n);
    in->p += n;
    in->n -= n;
    return v;
}

uint8_t
frame_u8(struct frame_in *in)
{
    return (uint8_t)take(in, 1);
}

uint16_t
frame_u16(struct frame_in *in)
{
    return (uint16_t)take(in, 2);
}

uint32_t
frame_u32(struct frame_in *in)
{
    return (uint32_t)take(in, 4);
}

uint64_t
frame_u64(struct frame_in *in)
{
    return take(in, 8);
}

struct impel_str
frame_octets(struct frame_in *in, size_t n)
{
    struct impel_str s = {"", 0};

    if (in->bad || in->n < n) {
        in->bad = true;
        return s;
    }
    s.p = (const char *)in->p;
    s.n = n;
    in->p += n;
    in->n -= n;
    return s;
}

struct impel_str
frame_blob(struct frame_in *in)
{
    return frame_octets(in, frame_u16(in));
}

struct impel_str
frame_text(struct frame_in *in)
{
    struct impel_str s = frame_blob(in);

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
            in->bad = true;
    return s;
}

bool
frame_is_done(const struct frame_in *in)
{
    return !in->bad && in->n == 0;
}

enum frame_got
frame_gather(struct frame_out *part, struct impel_str in, size_t *used,
    uint8_t *type, struct impel_str *payload)
{
    struct impel_str head =
        part->n ? (struct impel_str){(const char *)part->p, part->n} : in;
    uint32_t length;
    size_t whole;

    *used = 0;
    if (!frame_head(head.p, head.n, &length, type))
        return FRAME_MORE;
    if (!length || length > FRAME_MOST)
        return FRAME_TOO_LONG;
    whole = FRAME_HEAD - 1 + length;
    *used = whole - part->n < in.n ? whole - part->n : in.n;
    if (part->n || *used < whole) {
        frame_put(part, in.p, *used);
        if (part->failed)
            return FRAME_NO_MEMORY;
        if (part->n < whole)
            return FRAME_MORE;
        in.p = (const char *)part->p;
    }
    *payload = (struct impel_str){in.p + FRAME_HEAD, whole - FRAME_HEAD};
    return FRAME_WHOLE;
}

/* --- out --- */

uint8_t *
frame_room(struct frame_out *out, size_t n)
{
    size_t want = out->n + n, size = out->size ? out->size : 64;
    uint8_t *p;

    if (out->failed || want < n)
        return NULL;
    if (want <= out->size)
        return out->p + out->n;
    while (size < want)
        size *= 2;
    p = realloc(out->p, size);
    if (!p) {
        out->failed = true;
        return NULL;
    }
    out->p = p;
    out->size = size;
    return p + out->n;
}

void
frame_put(struct frame_out *out, const void *p, size_t n)
{
    uint8_t *to = n ? frame_room(out, n) : NULL;

    if (!to)
        return;
    memcpy(to, p, n);
    out->n += n;
}

static void
store(uint8_t *to, uint64_t v, size_t n)
{
    for (size_t i = n; i > 0; i--, v >>= 8)
        to[i - 1] = (uint8_t)v;
}

static void
put_number(struct frame_out *out, uint64_t v, size_t n)
{
    uint8_t octets[8];

    store(octets, v, n);
    frame_put(out, octets, n);
}

void
frame_put_u8(struct frame_out *out, uint8_t v)
{
    put_number(out, v, 1);
}

void
frame_put_u16(struct frame_out *out, uint16_t v)
{
    put_number(out, v, 2);
}

void
frame_put_u32(struct frame_out *out, uint32_t v)
{
    put_number(out, v, 4);
}

void
frame_put_u64(struct frame_out *out, uint64_t v)
{
    put_number(out, v, 8);
}

void
frame_put_text(struct frame_out *out, struct impel_str s)
{
    size_t n = s.n < 65535 ? s.n : 65535, at;

    frame_put_u16(out, (uint16_t)n);
    at = out->n;
    frame_put(out, s.p, n);
    for (; at < out->n; at++)
        if (out->p[at] == '\0' || out->p[at] == '\r' || out->p[at] == '\n')
            out->p[at] = ' ';
}

void
frame_set_u16(struct frame_out *out, size_t at, uint16_t v)
{
    if (!out->failed)
        store(out->p + at, v, 2);
}

void
frame_begin(struct frame_out *out, enum frame_type type)
{
    out->begun = out->n;
    frame_put_u32(out, 0);
    frame_put_u8(out, (uint8_t)type);
}

void
frame_end(struct frame_out *out)
{
    if (!out->failed)
        store(out->p + out->begun, out->n - out->begun - 4, 4);
}

int
frame_flush(struct frame_out *out, const struct impel_host *host,
    struct impel_session *session)
{
    int rc;

    if (out->failed)
        return IMPEL_E_NOMEM;
    if (!out->n)
        return 0;
    rc = host->write(session, out->p, out->n);
    if (rc == 0)
        out->n = 0;
    return rc;
}

void
frame_out_fini(struct frame_out *out)
{
    free(out->p);
    memset(out, 0, sizeof(*out));
}
