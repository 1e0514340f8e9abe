/* SPDX-License-Identifier: Apache-2.0
 *
 * mangle.c - the peer's words as they should not be: too early, too long, with
 * a NUL, with bare LF, or changed as the bytes of a plan say, which a generator
 * or a fuzzer has made.
 */
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "world.h"
#include "base/banned.h"

enum { MANGLE_LONG = 65536, MANGLE_MOST = 1024 * 1024 };

/* The plan's next byte; 0 behind the last. */
static unsigned
mangle_byte(struct world *w)
{
    return w->bytes_used < w->plan.byte_count ? w->plan.bytes[w->bytes_used++]
                                              : 0;
}

/* A place in n bytes. */
static size_t
mangle_place(struct world *w, size_t n)
{
    size_t at = mangle_byte(w) << 8;

    at |= mangle_byte(w);
    return n ? at % n : 0;
}

static void
mangle_fill(struct buf *to, unsigned byte, size_t n)
{
    while (n--)
        buf_char(to, (char)byte);
}

/* Another text of the session. */
static struct impel_str
mangle_other(struct world *w, const struct script_session *t)
{
    size_t from = mangle_byte(w);

    for (size_t i = 0; i < t->step_count; i++) {
        const struct script_step *step = &t->step[(from + i) % t->step_count];

        if (step->kind == STEP_SAY)
            return step->text;
    }
    return (struct impel_str){NULL, 0};
}

static void
mangle_raw(struct world *w, struct buf *to)
{
    size_t n = mangle_byte(w);

    n = MIN_OF(n, w->plan.byte_count - w->bytes_used);
    buf_add(to, (const char *)w->plan.bytes + w->bytes_used, n);
    w->bytes_used += n;
}

/* Half of the choices leave the words as they are, so that conversations get
 * somewhere. */
static void
mangle_words(struct world *w, const struct script_session *t,
    struct impel_str text, struct buf *to)
{
    size_t begin = to->n, at, n;
    unsigned how = mangle_byte(w) % 16;
    struct impel_str other;

    switch (how) {
    case 8: /* another octet */
        buf_add(to, text.p, text.n);
        at = mangle_place(w, text.n);
        if (text.n)
            to->p[begin + at] = (char)mangle_byte(w);
        break;
    case 9: /* more of one */
        at = mangle_place(w, text.n);
        buf_add(to, text.p, at);
        n = mangle_byte(w);
        if (w->plan.wire != WIRE_BYTES)
            n *= n;
        mangle_fill(to, mangle_byte(w), n);
        buf_add(to, text.p + at, text.n - at);
        break;
    case 10: /* a piece is missing */
        at = mangle_place(w, text.n);
        n = mangle_byte(w);
        n = MIN_OF(n, text.n - at);
        buf_add(to, text.p, at);
        buf_add(to, text.p + at + n, text.n - at - n);
        break;
    case 11: /* the end is */
        buf_add(to, text.p, mangle_place(w, text.n));
        break;
    case 12: /* twice */
        buf_add(to, text.p, text.n);
        buf_add(to, text.p, text.n);
        break;
    case 13:
        other = mangle_other(w, t);
        buf_add(to, other.p, other.n);
        break;
    case 14:
        mangle_raw(w, to);
        break;
    case 15:
        break; /* nothing */
    default:
        buf_add(to, text.p, text.n);
        break;
    }
}

static void
mangle_lines(struct impel_str text, struct buf *to)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n')
            continue;
        buf_char(to, text.p[i]);
    }
}

bool
mangle_hurries(const struct world *w)
{
    return w->plan.inject == INJECT_EARLY && w->words - 1 == w->plan.at;
}

void
mangle_say(struct world *w, const struct script_session *t,
    struct impel_str text, struct buf *to)
{
    bool now = w->words++ == w->plan.at;
    size_t half = text.n / 2;

    if (w->plan.inject == INJECT_WORDS && to->n < MANGLE_MOST) {
        mangle_words(w, t, text, to);
        return;
    }
    switch (now ? w->plan.inject : INJECT_NONE) {
    case INJECT_LONG:
        buf_add(to, text.p, half);
        mangle_fill(to, 'x', MANGLE_LONG);
        buf_add(to, text.p + half, text.n - half);
        break;
    case INJECT_NUL:
        buf_add(to, text.p, half);
        buf_char(to, '\0');
        buf_add(to, text.p + half, text.n - half);
        break;
    case INJECT_BARE:
        mangle_lines(text, to);
        break;
    default:
        buf_add(to, text.p, text.n);
        break;
    }
}
