/* SPDX-License-Identifier: Apache-2.0
 *
 * render.c - forms of a content, made while they are read.
 */
#include "spool/render.h"

#include <stdlib.h>
#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/pool.h"
#include "spool/content_int.h"
#include "spool/large.h"
#include "spool/sevenbit.h"
#include "spool/spool_int.h"

#include "base/banned.h"

enum { FORM_DOTTED = 1, FORM_SEVENBIT = 2 }; /* IMPEL_BODY_* */
enum { SEVENBIT_MAX = 64 << 20 };
enum { PART_PREFIX, PART_OVERLAY, PART_BODY, PARTS };

struct window { /* a piece of a large body; outlives a render that goes */
    struct pool_job job;
    struct render *render; /* NULL: gone while the read was under way */
    struct message *message;
    struct large_pass *pass;
    uint64_t at;
    size_t n;
    int result;
    char bytes[LARGE_STEP];
};
struct render {
    uint32_t magic;
    bool dotted, ends_crlf;
    struct message *message;
    struct content *content;
    struct buf prefix, seven;
    struct str part[PARTS]; /* body: absent if it is large */
    uint64_t large, raw, size;
    struct window *window;
    bool under_way;
    int failed;
    render_ready_f *ready;
    void *ready_arg;
    /* DOTTED: where the next byte comes from */
    uint64_t raw_at, out_at;
    size_t tail_at;
    bool line_start, stuffed;
};

/* The body, whole, in 7 bits.  A large one is read here: rare enough. */
static int
render_sevenbit(struct render *r, struct err *e)
{
    struct content *c = r->content;
    struct buf all = BUF_INIT;
    struct str s;
    int res = 0;

    if (c->facts.size > SEVENBIT_MAX)
        return err_set(e, ERR_LIMIT, "too large to be made 7-bit");
    buf_str(&all, buf_get(&c->prefix));
    if (c->large) {
        struct large_pass *pass = large_pass_new(c->large);
        uint64_t at = 0;
        int64_t n;
        buf_reserve(&all, (size_t)c->facts.body_size + LARGE_STEP);
        while (
            (n = large_pass_read(pass, at, all.p + all.n, LARGE_STEP, e)) > 0) {
            at += (uint64_t)n;
            all.n += (size_t)n;
            buf_reserve(&all, LARGE_STEP);
        }
        res = n < 0 ? (int)n : 0;
        large_pass_free(&pass);
    } else {
        buf_str(&all, buf_get(&c->body));
    }
    s = buf_get(&all);
    if (!res)
        res = sevenbit_encode(s, message_is_binary(r->message), &r->seven, e);
    buf_fini(&all);
    if (res)
        return res;
    r->part[PART_OVERLAY] = STR("");
    r->part[PART_BODY] = buf_get(&r->seven);
    return 0;
}

static uint64_t
count_dots(struct str s, bool line_start)
{
    uint64_t n = 0;
    for (size_t at = 0; at < s.n;) {
        size_t lf;
        n += line_start && s.p[at] == '.';
        lf = str_chr(s, '\n', at);
        if (lf == SIZE_MAX)
            break;
        at = lf + 1;
        line_start = true;
    }
    return n;
}

/* All but the dots of a body that is as it was received. */
static void
render_measure(struct render *r)
{
    const struct content_facts *f = &r->content->facts;
    bool as_received = !r->seven.p;
    uint64_t dots = 0;
    bool start = true;

    r->raw = r->large;
    for (int i = 0; i < PARTS; i++) {
        struct str s = r->part[i];
        r->raw += s.n;
        if (!r->dotted)
            continue;
        if (i == PART_BODY && as_received && start)
            dots += f->dot_lines;
        else
            dots += count_dots(s, start);
        if (s.n)
            start = s.p[s.n - 1] == '\n';
    }
    r->size = r->raw;
    if (as_received && f->body_size) {
        r->ends_crlf = f->ends_crlf;
    } else {
        struct str s = r->part[PART_BODY];
        for (int i = PART_OVERLAY; !s.n && i >= 0; i--)
            s = r->part[i];
        r->ends_crlf = s.n ? str_ends(s, STR("\r\n")) : true;
    }
    if (r->dotted)
        r->size += dots + (r->ends_crlf ? 3 : 5);
}

struct render *
render_new(struct message *m, int form, struct str prefix, struct err *e)
{
    struct render *r = xnew(struct render);
    struct content *c = m->content;

    CHECK(c, CONTENT_MAGIC);
    r->magic = RENDER_MAGIC;
    r->message = message_ref(m);
    r->content = c;
    r->dotted = form & FORM_DOTTED;
    r->line_start = true;
    buf_str(&r->prefix, prefix);
    r->part[PART_PREFIX] = buf_get(&r->prefix);
    r->part[PART_OVERLAY] = buf_get(&c->prefix);
    r->part[PART_BODY] = buf_get(&c->body);
    if (form & FORM_SEVENBIT && (c->facts.eight_bit || message_is_binary(m))) {
        if (render_sevenbit(r, e)) {
            render_free(&r);
            return NULL;
        }
    } else if (c->large) {
        r->part[PART_BODY] = STR("");
        r->large = large_size(c->large);
    }
    render_measure(r);
    return r;
}

static void
window_free(struct window *w)
{
    if (!w)
        return;
    large_pass_free(&w->pass);
    free(w);
}

void
render_free(struct render **to)
{
    struct render *r = *to;
    *to = NULL;
    if (!r)
        return;
    CHECK(r, RENDER_MAGIC);
    if (r->under_way)
        r->window->render = NULL; /* its end frees it */
    else
        window_free(r->window);
    buf_fini(&r->prefix);
    buf_fini(&r->seven);
    message_unref(&r->message);
    r->magic = 0;
    free(r);
}

uint64_t
render_size(const struct render *r)
{
    return r->size;
}

bool
render_pieces(const struct render *r, struct str piece[2])
{
    int n = 0;

    piece[0] = piece[1] = STR("");
    if (r->dotted || r->large)
        return false;
    for (int i = 0; i < PARTS; i++) {
        if (!r->part[i].n)
            continue;
        if (n == 2)
            return false;
        piece[n++] = r->part[i];
    }
    return true;
}

static int
each_large(struct render *r, render_piece_f *fn, void *arg, struct err *e)
{
    struct large_pass *pass = large_pass_new(r->content->large);
    char *part = xmalloc(LARGE_STEP);
    uint64_t at = 0;
    int64_t n = 0;

    while (at < r->large) {
        n = large_pass_read(pass, at, part, LARGE_STEP, e);
        if (n <= 0 || !fn(arg, str_make(part, (size_t)n)))
            break;
        at += (uint64_t)n;
    }
    free(part);
    large_pass_free(&pass);
    return n < 0 ? (int)n : 0;
}

int
render_each(struct render *r, render_piece_f *fn, void *arg, struct err *e)
{
    CHECK(r, RENDER_MAGIC);
    for (int i = 0; i < PARTS; i++) {
        if (r->part[i].n && !fn(arg, r->part[i]))
            return 0;
    }
    return r->large ? each_large(r, fn, arg, e) : 0;
}

/* --- large bodies --- */

static void
window_work(struct pool_job *j)
{
    struct window *w = CONTAINER_OF(j, struct window, job);
    struct err e;
    int64_t n = large_pass_read(w->pass, w->at, w->bytes, sizeof(w->bytes), &e);

    w->n = n > 0 ? (size_t)n : 0;
    w->result = n < 0 ? (int)n : n == 0 ? ERR_DAMAGED : 0;
}

static void
window_done(struct pool_job *j)
{
    struct window *w = CONTAINER_OF(j, struct window, job);
    struct render *r = w->render;

    message_unref(&w->message);
    if (!r) {
        window_free(w);
        return;
    }
    r->under_way = false;
    r->failed = w->result;
    if (r->ready)
        r->ready(r->ready_arg, w->result);
}

static int
window_start(struct render *r, uint64_t at, struct mailbox *home,
    render_ready_f *ready, void *arg)
{
    struct window *w = r->window;
    if (r->failed)
        return r->failed;
    r->ready = ready;
    r->ready_arg = arg;
    if (r->under_way)
        return ERR_AGAIN;
    if (!w) {
        w = r->window = xmalloc(sizeof(*w));
        memset(&w->job, 0, sizeof(w->job));
        w->pass = large_pass_new(r->content->large);
    }
    w->render = r;
    w->message = message_ref(r->message);
    w->at = at;
    w->n = 0;
    r->under_way = true;
    pool_submit(large_spool(r->content->large)->readers, &w->job, home,
        window_work, window_done);
    return ERR_AGAIN;
}

/* --- reading --- */

/* Bytes of the raw form from `at` on, borrowed; empty: at the end.  0, or
 * ERR_AGAIN and s->p NULL. */
static bool
render_span(
    const struct render *r, uint64_t at, struct str *s, uint64_t *large_at)
{
    for (int i = 0; i < PARTS; i++) {
        if (at < r->part[i].n) {
            *s = str_from(r->part[i], (size_t)at);
            return true;
        }
        at -= r->part[i].n;
    }
    *s = STR("");
    if (at >= r->large)
        return true;
    if (!r->under_way && r->window && at >= r->window->at &&
        at - r->window->at < r->window->n) {
        size_t skip = (size_t)(at - r->window->at);
        *s = str_make(r->window->bytes + skip, r->window->n - skip);
        return true;
    }
    *large_at = at;
    return false;
}

static size_t
copy_plain(struct render *r, struct str s, char *to, size_t n)
{
    n = MIN_OF(n, s.n);
    memcpy(to, s.p, n);
    r->raw_at += n;
    return n;
}

/* Some bytes of one line, a dot before it where needed. */
static size_t
copy_stuffed(struct render *r, struct str s, char *to, size_t n)
{
    size_t lf;
    if (r->line_start && s.p[0] == '.' && !r->stuffed) {
        to[0] = '.';
        r->stuffed = true;
        return 1;
    }
    lf = str_chr(s, '\n', 0);
    if (lf != SIZE_MAX)
        s.n = lf + 1;
    n = copy_plain(r, s, to, n);
    r->line_start = to[n - 1] == '\n';
    r->stuffed = false;
    return n;
}

static size_t
copy_tail(struct render *r, char *to, size_t n)
{
    struct str tail = r->ends_crlf ? STR(".\r\n") : STR("\r\n.\r\n");
    tail = str_from(tail, r->tail_at);
    n = MIN_OF(n, tail.n);
    memcpy(to, tail.p, n);
    r->tail_at += n;
    return n;
}

/* The next bytes in sequence. */
static int64_t
render_next(struct render *r, char *to, size_t n, uint64_t *large_at)
{
    size_t got = 0;
    while (got < n) {
        struct str s;
        size_t one;
        if (!render_span(r, r->raw_at, &s, large_at))
            return got ? (int64_t)got : ERR_AGAIN;
        if (s.n)
            one = r->dotted ? copy_stuffed(r, s, to + got, n - got)
                            : copy_plain(r, s, to + got, n - got);
        else
            one = r->dotted ? copy_tail(r, to + got, n - got) : 0;
        if (!one)
            break;
        got += one;
        r->out_at += one;
    }
    return (int64_t)got;
}

static void
render_rewind(struct render *r)
{
    r->raw_at = r->out_at = 0;
    r->tail_at = 0;
    r->line_start = true;
    r->stuffed = false;
}

int64_t
render_read(struct render *r, uint64_t at, void *to, size_t n,
    struct mailbox *home, render_ready_f *ready, void *arg)
{
    char skip[4096];
    uint64_t large_at = 0;
    int64_t got = 0;

    CHECK(r, RENDER_MAGIC);
    if (at >= r->size)
        return 0;
    if (!r->dotted)
        r->raw_at = r->out_at = at;
    else if (at < r->out_at)
        render_rewind(r);
    while (r->out_at < at && got >= 0)
        got = render_next(r, skip,
            (size_t)MIN_OF(at - r->out_at, (uint64_t)sizeof(skip)), &large_at);
    if (got >= 0)
        got = render_next(r, to, n, &large_at);
    if (got == ERR_AGAIN)
        return window_start(r, large_at, home, ready, arg);
    return got;
}
