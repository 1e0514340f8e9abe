/* SPDX-License-Identifier: Apache-2.0
 *
 * content.c - build a content while it is received, and know its facts.
 */
#include "spool/content_int.h"

#include <stdlib.h>
#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "spool/large.h"
#include "spool/spool_int.h"

#include "base/banned.h"

enum {
    HEADER_KEPT = 64 * 1024,
    FIRST_BLOCK = 8 * 1024 - 1, /* with a NUL behind it */
    EXPECT_MOST = 32 * 1024     /* what is only announced takes no more */
};

/* --- facts --- */

/* Octets side by side: the compiler makes the machine's vectors of them. */
#define OCTETS uint8_t __attribute__((vector_size(16)))

static size_t
octets_sum(OCTETS v)
{
    size_t sum = 0;

    for (size_t i = 0; i < sizeof(v); i++)
        sum += v[i];
    return sum;
}

static bool
octets_any(OCTETS v, uint8_t bits)
{
    uint8_t any = 0;

    for (size_t i = 0; i < sizeof(v); i++)
        any |= v[i];
    return (any & bits) != 0;
}

/* What does not depend on lines: 8-bit bytes, NUL, the number of CRs, which
 * are counted in each place of a vector by itself, up to 255. */
static void
watch_bytes(struct content_watch *w, const uint8_t *p, size_t n, bool *high)
{
    OCTETS any = {0}, nul = {0}, v;
    size_t i = 0, cr = 0;
    uint8_t last = 0;

    while (n - i >= sizeof(v)) {
        size_t blocks = MIN_OF((n - i) / sizeof(v), (size_t)255);
        OCTETS count = {0};

        for (; blocks; blocks--, i += sizeof(v)) {
            memcpy(&v, p + i, sizeof(v));
            any |= v;
            nul |= (OCTETS)(v == 0);
            count -= (OCTETS)(v == '\r'); /* where it is so stands -1 */
        }
        cr += octets_sum(count);
    }
    for (; i < n; i++) {
        last |= p[i];
        w->nul = w->nul || p[i] == 0;
        cr += p[i] == '\r';
    }
    w->cr += cr;
    w->nul = w->nul || octets_any(nul, 0xff);
    *high = (last & 0x80) || octets_any(any, 0x80);
}

static void
watch_end_line(struct content_watch *w, bool crlf)
{
    uint64_t octets = w->line - (crlf && w->line ? 1 : 0);
    if (crlf)
        w->crlf++;
    else
        w->bare_lf = true;
    w->last_crlf = crlf;
    if (octets > w->max_line)
        w->max_line = octets > UINT32_MAX ? UINT32_MAX : (uint32_t)octets;
    w->line = 0;
}

/* Up to the end of p, or just behind the header's blank line. */
static size_t
watch_lines(struct content_watch *w, const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n) {
        const uint8_t *lf = memchr(p + at, '\n', n - at);
        bool crlf;
        if (w->line == 0 && p[at] == '.')
            w->dot_lines++;
        if (!lf) {
            w->line += n - at;
            w->last = p[n - 1];
            return n;
        }
        w->line += (size_t)(lf - (p + at));
        crlf = w->line && (lf > p ? lf[-1] : w->last) == '\r';
        at = (size_t)(lf - p) + 1;
        if (!w->header_ended && w->line == (crlf ? 1u : 0u)) {
            w->header_ended = true;
            w->header_size = w->total + at;
            watch_end_line(w, crlf);
            w->last = '\n';
            return at;
        }
        watch_end_line(w, crlf);
        w->last = '\n';
    }
    return at;
}

void
content_watch_add(struct content_watch *w, const void *from, size_t n)
{
    const uint8_t *p = from;
    while (n) {
        bool in_header = !w->header_ended, high;
        size_t took = watch_lines(w, p, n);
        watch_bytes(w, p, took, &high);
        w->eight_bit = w->eight_bit || high;
        w->header_eight_bit = w->header_eight_bit || (high && in_header);
        w->total += took;
        p += took;
        n -= took;
    }
}

void
content_watch_facts(const struct content_watch *w, struct content_facts *f)
{
    memset(f, 0, sizeof(*f));
    f->body_size = f->size = w->total;
    f->header_size = w->header_ended ? w->header_size : w->total;
    f->dot_lines = w->dot_lines;
    f->max_line = w->max_line;
    if (w->line > f->max_line)
        f->max_line = w->line > UINT32_MAX ? UINT32_MAX : (uint32_t)w->line;
    f->eight_bit = w->eight_bit;
    f->header_eight_bit = w->header_eight_bit;
    f->nul = w->nul;
    f->bare_cr = w->cr > w->crlf;
    f->bare_lf = w->bare_lf;
    f->ends_crlf = w->total && w->line == 0 && w->last_crlf;
}

/* --- a content --- */

struct content *
content_new(void)
{
    struct content *c = xnew(struct content);
    c->magic = CONTENT_MAGIC;
    return c;
}

void
content_get_facts(const struct content *c, struct content_facts *f)
{
    CHECK(c, CONTENT_MAGIC);
    *f = c->facts;
}

void
content_free(struct content **to)
{
    struct content *c = *to;
    *to = NULL;
    if (!c)
        return;
    CHECK(c, CONTENT_MAGIC);
    large_free(&c->large);
    buf_fini(&c->prefix);
    buf_fini(&c->body);
    buf_fini(&c->head);
    c->magic = 0;
    free(c);
}

uint64_t
content_resident(const struct content *c)
{
    return sizeof(*c) + c->prefix.size + c->body.size + c->head.size;
}

enum { /* facts on disk */
    FACT_EIGHT_BIT = 1,
    FACT_HEADER_EIGHT_BIT = 2,
    FACT_NUL = 4,
    FACT_BARE_CR = 8,
    FACT_BARE_LF = 16,
    FACT_ENDS_CRLF = 32
};

void
content_put_head(const struct content *c, struct record_accept *to)
{
    const struct content_facts *f = &c->facts;
    to->prefix_size = (uint32_t)c->prefix.n;
    to->body_size = c->body.n;
    if (c->large) {
        to->large_size = large_size(c->large);
        to->large_sum = large_sum(c->large);
    }
    to->fact_body = f->body_size;
    to->fact_header = f->header_size;
    to->fact_dots = f->dot_lines;
    to->fact_line = f->max_line;
    to->fact_flags = (f->eight_bit ? FACT_EIGHT_BIT : 0) |
        (f->header_eight_bit ? FACT_HEADER_EIGHT_BIT : 0) |
        (f->nul ? FACT_NUL : 0) | (f->bare_cr ? FACT_BARE_CR : 0) |
        (f->bare_lf ? FACT_BARE_LF : 0) | (f->ends_crlf ? FACT_ENDS_CRLF : 0);
}

void
content_set_head(struct content *c, const struct record_accept *from)
{
    struct content_facts *f = &c->facts;
    f->body_size = from->fact_body;
    f->size = from->fact_body + from->prefix_size;
    f->header_size = from->fact_header;
    f->dot_lines = from->fact_dots;
    f->max_line = from->fact_line;
    f->eight_bit = from->fact_flags & FACT_EIGHT_BIT;
    f->header_eight_bit = from->fact_flags & FACT_HEADER_EIGHT_BIT;
    f->nul = from->fact_flags & FACT_NUL;
    f->bare_cr = from->fact_flags & FACT_BARE_CR;
    f->bare_lf = from->fact_flags & FACT_BARE_LF;
    f->ends_crlf = from->fact_flags & FACT_ENDS_CRLF;
    f->large = from->large_size != 0;
}

/* --- building --- */

struct content_builder {
    struct spool *spool;
    uint64_t id;
    struct mailbox *home;
    content_room_f *room;
    void *arg;
    struct content *content;
    size_t expected; /* 0: not known */
    struct content_watch watch;
    struct buf header; /* kept apart once the body is large */
    struct bodyhash *sum[BODYHASH_FORMS]; /* or NULL */
};

static _Atomic unsigned sum_forms;

void
content_sum_bodies(unsigned forms)
{
    atomic_store(&sum_forms, forms);
}

static void
builder_begin_sums(struct content_builder *b)
{
    unsigned forms = atomic_load(&sum_forms);

    for (int i = 0; i < BODYHASH_FORMS; i++)
        if (forms & 1u << i)
            b->sum[i] = bodyhash_new(i);
}

struct content_builder *
content_builder_new(struct spool *s, uint64_t id, struct mailbox *home,
    content_room_f *room, void *arg)
{
    struct content_builder *b = xnew(struct content_builder);
    b->spool = s;
    b->id = id;
    b->home = home;
    b->room = room;
    b->arg = arg;
    b->content = content_new();
    builder_begin_sums(b);
    return b;
}

void
content_builder_expect(struct content_builder *b, uint64_t octets)
{
    b->expected = (size_t)MIN_OF(octets, (uint64_t)EXPECT_MOST);
}

/* Of what came now, what stands behind the header. */
static void
builder_sum(struct content_builder *b, struct str part)
{
    uint64_t before = b->watch.total - part.n, header = b->watch.header_size;

    if (!b->watch.header_ended)
        return;
    if (header > before)
        part = str_from(part, (size_t)(header - before));
    for (int i = 0; i < BODYHASH_FORMS; i++)
        if (b->sum[i] && part.n)
            bodyhash_add(b->sum[i], part);
}

static void
builder_room(void *arg, int result)
{
    struct content_builder *b = arg;
    if (b->room)
        b->room(b->arg, result);
}

static int
builder_spill(struct content_builder *b, struct err *e)
{
    struct content *c = b->content;
    size_t keep = c->body.n;

    if (b->watch.header_ended && b->watch.header_size < keep)
        keep = (size_t)b->watch.header_size;
    buf_add(&b->header, c->body.p, MIN_OF(keep, (size_t)HEADER_KEPT));
    c->large = large_new(b->spool, b->id, b->home);
    large_on_room(c->large, builder_room, b);
    return large_add(c->large, &c->body, e);
}

int
content_builder_add(
    struct content_builder *b, const void *p, size_t n, struct err *e)
{
    struct content *c = b->content;
    int r;

    content_watch_add(&b->watch, p, n);
    builder_sum(b, str_make(p, n));
    if (!c->body.size)
        buf_fit(&c->body, MAX_OF(b->expected ? b->expected : FIRST_BLOCK, n));
    buf_add(&c->body, p, n);
    if (!c->large) {
        if (c->body.n <= b->spool->large_threshold)
            return 0;
        r = builder_spill(b, e);
    } else {
        r = large_add(c->large, &c->body, e);
    }
    if (c->body.size > LARGE_STEP)
        buf_fini(&c->body);
    return r;
}

void
content_builder_facts(const struct content_builder *b, struct content_facts *f)
{
    content_watch_facts(&b->watch, f);
    f->large = b->content->large != NULL;
}

struct str
content_builder_header(const struct content_builder *b)
{
    struct str s = buf_get(b->content->large ? &b->header : &b->content->body);
    if (b->watch.header_ended && s.n > b->watch.header_size)
        s.n = (size_t)b->watch.header_size;
    if (s.n > HEADER_KEPT)
        s.n = HEADER_KEPT;
    return s;
}

static void
builder_free(struct content_builder **to)
{
    for (int i = 0; i < BODYHASH_FORMS; i++)
        bodyhash_free(&(*to)->sum[i]);
    buf_fini(&(*to)->header);
    free(*to);
    *to = NULL;
}

static void
builder_end_sums(struct content_builder *b, struct message *m)
{
    uint8_t sum[BODYHASH_SIZE];

    for (int i = 0; i < BODYHASH_FORMS; i++) {
        if (!b->sum[i])
            continue;
        bodyhash_end(&b->sum[i], sum);
        m->env.body_sum[i] = message_str(m, str_make(sum, sizeof(sum)));
    }
}

void
content_builder_finish(struct content_builder **to, struct message *m)
{
    struct content_builder *b = *to;
    struct content *c = b->content;

    content_builder_facts(b, &c->facts);
    builder_end_sums(b, m);
    if (c->large) {
        large_on_room(c->large, NULL, NULL);
        buf_fini(&c->body); /* its bytes are the file's */
    }
    buf_shrink(&c->body);
    buf_shrink(&c->prefix);
    BUG_ON(m->content);
    m->content = c;
    builder_free(to);
}

void
content_builder_abandon(struct content_builder **to)
{
    if (!*to)
        return;
    content_free(&(*to)->content);
    builder_free(to);
}

/* --- once it is built --- */

void
content_prepend(struct content *c, struct str fields)
{
    struct buf *p = &c->prefix;
    size_t old = p->n;

    CHECK(c, CONTENT_MAGIC);
    buf_fit(p, fields.n);
    if (old)
        memmove(p->p + fields.n, p->p, old);
    if (fields.n)
        memcpy(p->p, fields.p, fields.n);
    p->n = old + fields.n;
    p->p[p->n] = 0;
    buf_shrink(p);
    c->facts.size += fields.n;
}

bool
content_settle(struct content *c, content_settled_f *done, void *arg)
{
    CHECK(c, CONTENT_MAGIC);
    if (!c->large)
        return false;
    large_commit(c->large, done, arg);
    return true;
}

void
content_rename(struct content *c, uint64_t id)
{
    CHECK(c, CONTENT_MAGIC);
    if (c->large)
        large_rename(c->large, id);
}

void
content_move(struct message *from, struct message *to)
{
    BUG_ON(to->content || !from->content);
    to->content = from->content;
    from->content = NULL;
    for (int i = 0; i < BODYHASH_FORMS; i++) {
        struct str sum = from->env.body_sum[i];
        if (sum.p)
            to->env.body_sum[i] = message_str(to, sum);
    }
}
