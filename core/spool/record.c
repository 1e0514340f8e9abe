/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c - encode and decode ACCEPT, ATTEMPT, DONE, COPY, ABORT, STATE.
 */
#include "spool/record.h"

#include <xxhash.h>
#include "base/macros.h"

#include "base/banned.h"

const char *
record_type_name(int type)
{
    static const char *const name[RECORD_TYPES] = {
        "HOLE", "ACCEPT", "ATTEMPT", "DONE", "COPY", "ABORT", "STATE"};
    return type >= 0 && type < RECORD_TYPES ? name[type] : "?";
}

uint64_t
record_sum(const void *p, size_t n)
{
    return XXH3_64bits(p, n);
}

void
record_head_encode(const struct record_head *h, uint64_t segment_id,
    uint8_t to[RECORD_HEAD], uint64_t *sum_out)
{
    wire_store32(to, h->length);
    to[4] = h->type;
    to[5] = h->flags;
    to[6] = to[7] = 0;
    wire_store64(to + 8, h->lsn);
    wire_store64(to + 16, h->id);
    wire_store64(to + 24, h->payload_sum);
    *sum_out = XXH3_64bits_withSeed(to, 32, segment_id);
    wire_store64(to + 32, *sum_out);
}

bool
record_head_decode(const uint8_t *p, size_t n, uint64_t segment_id,
    struct record_head *h, uint64_t *sum_out)
{
    if (n < RECORD_HEAD)
        return false;
    h->length = wire_load32(p);
    h->type = p[4];
    h->flags = p[5];
    h->lsn = wire_load64(p + 8);
    h->id = wire_load64(p + 16);
    h->payload_sum = wire_load64(p + 24);
    *sum_out = wire_load64(p + 32);
    return h->length >= RECORD_HEAD && h->length <= n &&
        *sum_out == XXH3_64bits_withSeed(p, 32, segment_id);
}

void
record_put_runs(struct buf *b, const uint32_t *rcpt, size_t count)
{
    size_t at = b->n;
    uint32_t runs = 0;

    wire_put32(b, 0);
    for (size_t i = 0; i < count;) {
        size_t n = 1;
        while (i + n < count && rcpt[i + n] == rcpt[i] + n)
            n++;
        wire_put32(b, rcpt[i]);
        wire_put32(b, (uint32_t)n);
        runs++;
        i += n;
    }
    wire_store32(b->p + at, runs);
}

static bool
run_is_good(uint32_t first, uint32_t count)
{
    return count && count <= RECORD_RCPT_MAX && first < RECORD_RCPT_MAX &&
        first + count <= RECORD_RCPT_MAX;
}

bool
record_get_runs(struct wire *w, struct record_runs *to)
{
    uint64_t sum = 0;
    struct wire look;

    to->left = wire_get32(w);
    if (w->bad || to->left > RECORD_RCPT_MAX)
        return false;
    to->w = wire_get_part(w, (size_t)to->left * 8);
    look = to->w;
    for (uint32_t i = 0; i < to->left && !look.bad; i++) {
        uint32_t first = wire_get32(&look), count = wire_get32(&look);
        sum += count;
        if (!run_is_good(first, count) || sum > RECORD_RCPT_MAX)
            return false;
    }
    return !look.bad && !w->bad;
}

bool
record_next_run(struct record_runs *r, struct record_run *to)
{
    if (!r->left)
        return false;
    r->left--;
    to->first = wire_get32(&r->w);
    to->count = wire_get32(&r->w);
    return !r->w.bad;
}

void
record_put_accept(struct buf *b, const struct record_accept *a)
{
    wire_put32(b, a->head_size);
    wire_put32(b, a->prefix_size);
    wire_put64(b, a->body_size);
    wire_put64(b, a->large_size);
    wire_put64(b, a->large_sum);
    wire_put64(b, a->fact_body);
    wire_put64(b, a->fact_header);
    wire_put64(b, a->fact_dots);
    wire_put32(b, a->fact_line);
    wire_put32(b, a->fact_flags);
    wire_put64(b, (uint64_t)a->received);
    wire_put64(b, (uint64_t)a->deadline);
    wire_put64(b, (uint64_t)a->hold_until);
    wire_put64(b, a->connection);
    wire_put32(b, a->needs);
    wire_put32(b, (a->ret & 255u) | (a->by & 255u) << 8);
    wire_put32(b, a->rcpt_count);
    wire_put32(b, a->meta_count);
}

void
record_end_accept(struct buf *b, size_t at, uint32_t head_size)
{
    wire_store32(b->p + at, head_size);
}

int
record_get_accept(const uint8_t *p, size_t n, struct record_accept *to)
{
    struct wire w = wire_of(p, n);

    to->head_size = wire_get32(&w);
    to->prefix_size = wire_get32(&w);
    to->body_size = wire_get64(&w);
    to->large_size = wire_get64(&w);
    to->large_sum = wire_get64(&w);
    to->fact_body = wire_get64(&w);
    to->fact_header = wire_get64(&w);
    to->fact_dots = wire_get64(&w);
    to->fact_line = wire_get32(&w);
    to->fact_flags = wire_get32(&w);
    to->received = (int64_t)wire_get64(&w);
    to->deadline = (int64_t)wire_get64(&w);
    to->hold_until = (int64_t)wire_get64(&w);
    to->connection = wire_get64(&w);
    to->needs = wire_get32(&w);
    to->by = wire_get32(&w);
    to->ret = to->by & 255u;
    to->by = to->by >> 8 & 255u;
    to->rcpt_count = wire_get32(&w);
    to->meta_count = wire_get32(&w);
    if (w.bad || to->head_size < RECORD_ACCEPT_FIXED || to->head_size > n ||
        to->rcpt_count > RECORD_RCPT_MAX || to->rcpt_count > to->head_size ||
        to->meta_count > to->head_size)
        return ERR_DAMAGED;
    to->rest =
        wire_of(p + RECORD_ACCEPT_FIXED, to->head_size - RECORD_ACCEPT_FIXED);
    return 0;
}

static void
put_place(struct buf *b, struct spool_place at)
{
    wire_put32(b, at.segment);
    wire_put32(b, at.offset);
}

static struct spool_place
get_place(struct wire *w)
{
    struct spool_place at;
    at.segment = wire_get32(w);
    at.offset = wire_get32(w);
    return at;
}

static bool
state_same(const struct rcpt_state *a, const struct rcpt_state *b)
{
    return a->code == b->code && a->stage == b->stage &&
        !memcmp(a->status, b->status, sizeof(a->status)) &&
        str_eq(a->text, b->text);
}

static void
put_group(struct buf *b, const struct rcpt_state *s, uint32_t count)
{
    wire_put32(b, s->rcpt);
    wire_put32(b, count);
    wire_put32(b, s->code | (uint32_t)s->status[0] << 16);
    wire_put32(b, s->status[1] | (uint32_t)s->status[2] << 16);
    wire_put32(b, s->stage);
    wire_put_str(b, s->text.p ? str_sub(s->text, 0, RECORD_TEXT_MAX) : s->text);
}

/* Tagged as those of an ACCEPT (envelope.c), and left out where there are
 * none. */
enum { EXTRA_MOVED = 1 };

static void
put_attempt_extras(struct buf *b, const struct attempt *a)
{
    if (!a->moved.n)
        return;
    wire_put32(b, 1);
    wire_put32(b, EXTRA_MOVED);
    wire_put_str(b, a->moved);
}

static int
get_attempt_extras(struct wire *w, struct record_attempt *to)
{
    uint32_t count = w->n ? wire_get32(w) : 0;

    to->moved = STR_NONE;
    for (uint32_t i = 0; i < count && !w->bad; i++) {
        uint32_t tag = wire_get32(w);
        struct str text = wire_get_str(w);

        if (tag == EXTRA_MOVED)
            to->moved = text;
    }
    return w->bad ? ERR_DAMAGED : 0;
}

void
record_put_attempt(struct buf *b, const struct attempt *a)
{
    size_t at;
    uint32_t groups = 0;

    put_place(b, a->accept);
    put_place(b, a->before);
    wire_put64(b, (uint64_t)a->next_attempt);
    wire_put32(b, a->retries);
    wire_put_str(b, a->domain);
    at = b->n;
    wire_put32(b, 0);
    for (size_t i = 0; i < a->rcpt_count;) {
        size_t n = 1;
        while (i + n < a->rcpt_count &&
            a->rcpt[i + n].rcpt == a->rcpt[i].rcpt + n &&
            state_same(&a->rcpt[i], &a->rcpt[i + n]))
            n++;
        put_group(b, &a->rcpt[i], (uint32_t)n);
        groups++;
        i += n;
    }
    wire_store32(b->p + at, groups);
    put_attempt_extras(b, a);
}

static bool
get_group(struct wire *w, struct record_group *g)
{
    uint32_t a, b;
    memset(g, 0, sizeof(*g));
    g->run.first = g->state.rcpt = wire_get32(w);
    g->run.count = wire_get32(w);
    a = wire_get32(w);
    b = wire_get32(w);
    g->state.code = (uint16_t)a;
    g->state.status[0] = (uint16_t)(a >> 16);
    g->state.status[1] = (uint16_t)b;
    g->state.status[2] = (uint16_t)(b >> 16);
    g->state.stage = (uint8_t)wire_get32(w);
    g->state.text = wire_get_str(w);
    return !w->bad && run_is_good(g->run.first, g->run.count) &&
        g->state.text.n <= RECORD_TEXT_MAX;
}

int
record_get_attempt(const uint8_t *p, size_t n, struct record_attempt *to)
{
    struct wire w = wire_of(p, n);
    struct record_group g;
    uint64_t sum = 0;

    to->accept = get_place(&w);
    to->before = get_place(&w);
    to->next_attempt = (int64_t)wire_get64(&w);
    to->retries = wire_get32(&w);
    to->domain = wire_get_str(&w);
    to->group_count = wire_get32(&w);
    to->groups = w;
    if (w.bad || !to->domain.p)
        return ERR_DAMAGED;
    for (uint32_t i = 0; i < to->group_count; i++) {
        if (!get_group(&w, &g) || (sum += g.run.count) > RECORD_RCPT_MAX)
            return ERR_DAMAGED;
    }
    return get_attempt_extras(&w, to);
}

bool
record_next_group(struct record_attempt *a, struct record_group *to)
{
    if (!a->group_count)
        return false;
    a->group_count--;
    return get_group(&a->groups, to);
}

void
record_put_done(struct buf *b, const struct finish *f)
{
    put_place(b, f->accept);
    put_place(b, f->attempt);
    record_put_runs(b, f->rcpt, f->rcpt_count);
}

int
record_get_done(const uint8_t *p, size_t n, struct record_done *to)
{
    struct wire w = wire_of(p, n);
    to->accept = get_place(&w);
    to->attempt = get_place(&w);
    if (!record_get_runs(&w, &to->runs) || w.bad)
        return ERR_DAMAGED;
    to->all = to->runs.left == 0;
    return 0;
}

size_t
record_put_copy(struct buf *b, struct spool_place source, uint64_t as_of,
    const uint32_t *done, size_t done_count)
{
    size_t at = b->n;
    wire_put32(b, 0); /* where the ACCEPT's payload begins */
    wire_put32(b, 0); /* attempts */
    put_place(b, source);
    wire_put64(b, as_of);
    record_put_runs(b, done, done_count);
    return at;
}

void
record_put_copy_attempt(
    struct buf *b, uint64_t lsn, const void *payload, size_t n)
{
    wire_put64(b, lsn);
    wire_put32(b, (uint32_t)n);
    buf_add(b, payload, n);
}

void
record_end_copy(struct buf *b, size_t at, uint32_t attempt_count)
{
    while ((b->n - at) % 8)
        buf_char(b, 0);
    wire_store32(b->p + at, (uint32_t)(b->n - at));
    wire_store32(b->p + at + 4, attempt_count);
}

int
record_get_copy(const uint8_t *p, size_t n, struct record_copy *to)
{
    struct wire w = wire_of(p, n);
    uint32_t head = wire_get32(&w);

    if (w.bad || head < RECORD_COPY_FIXED || head > n)
        return ERR_DAMAGED;
    w.n = head - 4;
    to->attempt_count = wire_get32(&w);
    to->source = get_place(&w);
    to->as_of = wire_get64(&w);
    if (!record_get_runs(&w, &to->done))
        return ERR_DAMAGED;
    to->attempts = w;
    to->accept = p + head;
    to->accept_n = n - head;
    for (uint32_t i = 0; i < to->attempt_count; i++) {
        struct record_attempt a;
        struct wire part;
        (void)wire_get64(&w); /* the LSN may be anything */
        part = wire_get_part(&w, wire_get32(&w));
        if (w.bad || record_get_attempt(part.p, part.n, &a))
            return ERR_DAMAGED;
    }
    return 0;
}

bool
record_next_copied(
    struct record_copy *c, uint64_t *lsn, const uint8_t **p, size_t *n)
{
    struct wire part;
    if (!c->attempt_count)
        return false;
    c->attempt_count--;
    *lsn = wire_get64(&c->attempts);
    part = wire_get_part(&c->attempts, wire_get32(&c->attempts));
    *p = part.p;
    *n = part.n;
    return !c->attempts.bad;
}

void
record_put_abort(struct buf *b, const struct record_abort *a)
{
    wire_put32(b, a->segment);
    wire_put32(b, a->offset);
    wire_put64(b, a->segment_id);
    wire_put64(b, a->commit);
}

int
record_get_abort(const uint8_t *p, size_t n, struct record_abort *to)
{
    struct wire w = wire_of(p, n);
    to->segment = wire_get32(&w);
    to->offset = wire_get32(&w);
    to->segment_id = wire_get64(&w);
    to->commit = wire_get64(&w);
    return w.bad ? ERR_DAMAGED : 0;
}

void
record_put_state(struct buf *b, const struct record_state *s)
{
    wire_put64(b, (uint64_t)s->expiry);
    wire_put_str(b, s->ns);
    wire_put_str(b, s->key);
    wire_put_str(b, s->value);
}

int
record_get_state(const uint8_t *p, size_t n, struct record_state *to)
{
    struct wire w = wire_of(p, n);
    to->expiry = (int64_t)wire_get64(&w);
    to->ns = wire_get_str(&w);
    to->key = wire_get_str(&w);
    to->value = wire_get_str(&w);
    return w.bad || !to->ns.p || !to->key.p ? ERR_DAMAGED : 0;
}
