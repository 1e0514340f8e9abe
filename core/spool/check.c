/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c - `impel spool check` and `dump`: read a spool without the daemon
 * and without changing anything in it.
 */
#include "spool/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/utf8.h"
#include "base/xmem.h"
#include "spool/envelope.h"
#include "spool/index.h"
#include "spool/large.h"
#include "spool/segment.h"
#include "spool/spooldir.h"

#include "base/banned.h"

#define SEGMENT_MAX ((size_t)1 << 31)

struct check {
    struct spooldir *dir;
    spool_say_f *say;
    spool_progress_f *progress;
    void *arg;
    bool dump, bodies;
    uint32_t number;
    struct segment_scan *scan;
    uint64_t records, messages, bad, torn;
    struct record_abort *aborts;
    size_t abort_count;
    struct spool_place before; /* what the newer hot segment follows */
    bool newer;
    uint32_t *list;
    size_t count;
};

static void say(struct check *c, const char *fmt, ...) ATTR_PRINTF(2, 3);
static void
say(struct check *c, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    if (c->say)
        c->say(c->arg, buf_get(&b));
    buf_fini(&b);
}

static void
wrong(struct check *c, const char *what)
{
    c->bad++;
    say(c, "WRONG: %s", what);
}

/* --- dump --- */

/* Bytes of strangers, and of keys, on an operator's terminal: one line, no
 * controls. */
static void
put_safe(struct buf *b, struct str s)
{
    while (s.n) {
        size_t n = utf8_printable(s);
        if (n)
            buf_add(b, s.p, n);
        else
            buf_printf(b, "\\x%02x", (unsigned char)*s.p);
        s = str_from(s, n ? n : 1);
    }
}

/* Lines on one line. */
static void
put_lines(struct buf *b, const char *name, struct str text)
{
    buf_printf(b, " %s=\"", name);
    while (text.n) {
        put_safe(b, str_cut(&text, '\n'));
        buf_cstr(b, text.n ? "; " : "");
    }
    buf_char(b, '"');
}

static void
put_time(struct buf *b, const char *name, int64_t wall)
{
    if (!wall)
        return;
    buf_printf(b, " %s=", name);
    clock_print_iso(b, wall);
}

static void
put_runs(struct buf *b, struct record_runs r)
{
    struct record_run run;
    const char *sep = " rcpt=";
    while (record_next_run(&r, &run)) {
        buf_printf(b, "%s%u", sep, run.first);
        if (run.count > 1)
            buf_printf(b, "-%u", run.first + run.count - 1);
        sep = ",";
    }
}

static void
put_accept(struct buf *b, uint64_t id, const uint8_t *p, size_t n, bool bodies)
{
    struct message *m = message_new(id);
    struct record_accept h;

    if (envelope_decode(p, n, &h, m)) {
        buf_cstr(b, " UNREADABLE");
        message_unref(&m);
        return;
    }
    buf_cstr(b, " from=<");
    put_safe(b, m->env.sender);
    buf_cstr(b, "> to=");
    for (size_t i = 0; i < m->env.rcpt_count && i < 100; i++) {
        buf_cstr(b, i ? ",<" : "<");
        put_safe(b, m->env.rcpt[i].address);
        buf_char(b, '>');
    }
    if (m->env.rcpt_count > 100)
        buf_printf(b, ",... (%zu)", m->env.rcpt_count);
    buf_cstr(b, " binding=");
    put_safe(b, m->env.binding);
    buf_printf(b, " size=%" PRIu64, h.fact_body + h.prefix_size);
    put_time(b, "received", h.received);
    put_time(b, "deadline", h.deadline);
    put_time(b, "held", h.hold_until);
    if (h.large_size)
        buf_printf(b, " large=%" PRIu64, h.large_size);
    if (bodies && h.head_size <= n) {
        buf_char(b, '\n');
        buf_add(b, p + h.head_size, n - h.head_size);
    }
    message_unref(&m);
}

static void
put_attempt(struct buf *b, const uint8_t *p, size_t n)
{
    struct record_attempt a;
    struct record_group g;
    if (record_get_attempt(p, n, &a)) {
        buf_cstr(b, " UNREADABLE");
        return;
    }
    buf_cstr(b, " domain=");
    put_safe(b, a.domain);
    buf_printf(b, " retries=%u", a.retries);
    put_time(b, "next", a.next_attempt);
    if (a.moved.n)
        put_lines(b, "moved", a.moved);
    while (record_next_group(&a, &g)) {
        buf_printf(b, " %u-%u: %u %u.%u.%u \"", g.run.first,
            g.run.first + g.run.count - 1, g.state.code, g.state.status[0],
            g.state.status[1], g.state.status[2]);
        put_safe(b, g.state.text);
        buf_char(b, '"');
    }
}

static void
put_payload(struct buf *b, const struct segment_record *r, bool bodies)
{
    struct record_done d;
    struct record_copy c;
    struct record_abort a;
    struct record_state s;

    if (r->head.type == RECORD_ACCEPT)
        put_accept(b, r->head.id, r->payload, r->payload_n, bodies);
    else if (r->head.type == RECORD_ATTEMPT)
        put_attempt(b, r->payload, r->payload_n);
    else if (r->head.type == RECORD_DONE &&
        !record_get_done(r->payload, r->payload_n, &d)) {
        buf_cstr(b, d.all ? " all" : "");
        put_runs(b, d.runs);
    } else if (r->head.type == RECORD_COPY &&
        !record_get_copy(r->payload, r->payload_n, &c)) {
        buf_printf(b, " source=%08x:%u as-of=%" PRIu64 " attempts=%u",
            c.source.segment, c.source.offset, c.as_of, c.attempt_count);
        put_runs(b, c.done);
        put_accept(b, r->head.id, c.accept, c.accept_n, bodies);
    } else if (r->head.type == RECORD_ABORT &&
        !record_get_abort(r->payload, r->payload_n, &a)) {
        buf_printf(b, " segment=%08x offset=%u commit=%" PRIu64, a.segment,
            a.offset, a.commit);
    } else if (r->head.type == RECORD_STATE &&
        !record_get_state(r->payload, r->payload_n, &s)) {
        buf_char(b, ' ');
        put_safe(b, s.ns);
        buf_char(b, '/');
        put_safe(b, s.key);
        buf_printf(b, s.value.p ? " bytes=%zu" : " removed", s.value.n);
        put_time(b, "expiry", s.expiry);
    }
}

static void
dump_record(struct check *c, const struct segment_record *r)
{
    struct buf b = BUF_INIT;
    char id[MESSAGE_ID_SIZE] = "-";
    if (r->head.id)
        message_id_print(r->head.id, id);
    buf_printf(&b, "%08x:%u %s lsn=%" PRIu64 " id=%s bytes=%u", c->number,
        r->offset, record_type_name(r->head.type), r->head.lsn, id,
        r->head.length);
    put_payload(&b, r, c->bodies);
    if (c->say)
        c->say(c->arg, buf_get(&b));
    buf_fini(&b);
}

/* --- check --- */

static void
check_large(struct check *c, uint64_t id, const struct record_accept *h)
{
    struct err e;
    char *path = spooldir_large_path(c->dir, id);
    /* A finished message's file is gone, which is right. */
    int r = large_verify(path, h->large_size, h->large_sum, &e);
    char text[MESSAGE_ID_SIZE];

    free(path);
    if (!r)
        return;
    message_id_print(id, text);
    if (r == ERR_DAMAGED &&
        str_find(str_of(e.text), STR("differ"), 0) == SIZE_MAX)
        say(c, "message %s: no file (finished, or lost): %s", text, e.text);
    else
        wrong(c, e.text);
}

static void
on_record(void *arg, const struct segment_record *r)
{
    struct check *c = arg;
    struct index one = {0};
    const uint8_t *p = r->payload;
    size_t n = r->payload_n;
    struct record_copy copy;
    struct record_accept h;
    char text[120];

    c->records++;
    if (c->dump) {
        dump_record(c, r);
        return;
    }
    if (index_add(&one, &r->head, r->offset, p, n)) {
        snprintf(text, sizeof(text),
            "segment %08x, record at %u: %s cannot be decoded", c->number,
            r->offset, record_type_name(r->head.type));
        wrong(c, text);
    } else if (r->head.type == RECORD_ACCEPT || r->head.type == RECORD_COPY) {
        c->messages++;
        if (r->head.type == RECORD_COPY && !record_get_copy(p, n, &copy)) {
            p = copy.accept;
            n = copy.accept_n;
        }
        if (!record_get_accept(p, n, &h) && h.large_size)
            check_large(c, r->head.id, &h);
    }
    index_fini(&one);
}

static void
on_bad(void *arg, uint32_t offset, uint32_t n, bool torn)
{
    struct check *c = arg;
    if (torn)
        c->torn++;
    else
        c->bad++;
    say(c, "%s: segment %08x, %u bytes at %u%s", torn ? "torn" : "WRONG",
        c->number, n, offset,
        torn ? ": the end of an unfinished commit" : " are damaged");
}

/* ABORTs of a segment are wanted before those it speaks of are read. */
static void
note_abort(void *arg, const struct segment_record *r)
{
    struct check *c = arg;
    struct record_abort a;
    if (r->head.type != RECORD_ABORT ||
        record_get_abort(r->payload, r->payload_n, &a))
        return;
    c->aborts = xgrow(c->aborts, c->abort_count + 1, sizeof(*c->aborts));
    c->aborts[c->abort_count++] = a;
}

/* Compare with the index beside it, if there is one. */
static void
check_index(struct check *c, const struct segment_scan *s)
{
    struct index_head h = {.number = c->number, .segment_id = s->head.id};
    struct index ix;
    struct err e;
    char *path = spooldir_index_path(c->dir, c->number);
    int r = index_load(&ix, &h, path, false, &e);

    if (r == 0) {
        if (h.last > s->last)
            wrong(c, "the index names frames that are not there");
        index_fini(&ix);
    } else if (r != ERR_NOTFOUND) {
        wrong(c, e.text);
    }
    free(path);
}

/* Behind the end that the index of a segment names there is nothing but a
 * commit that failed; recovery goes by it, too. */
static uint32_t
end_by_index(struct check *c, uint64_t segment_id)
{
    struct index_head h = {.number = c->number, .segment_id = segment_id};
    struct index ix;
    char *path = spooldir_index_path(c->dir, c->number);
    int r = index_load(&ix, &h, path, false, NULL);

    free(path);
    if (r)
        return 0;
    index_fini(&ix);
    return h.end;
}

static void
set_bounds(struct check *c, struct segment_scan *s)
{
    struct segment_head h;

    if (segment_head_decode(s->image, s->n, &h, NULL))
        return;
    s->stop = end_by_index(c, h.id);
    for (size_t i = 0; i < c->abort_count; i++) {
        if (c->aborts[i].segment == c->number &&
            c->aborts[i].segment_id == h.id)
            s->stop = c->aborts[i].offset;
    }
    if (c->newer && c->before.segment == c->number)
        s->known = c->before.offset + 1;
}

static int
read_one(struct check *c, bool aborts_only, struct err *e)
{
    char *path = spooldir_segment_path(c->dir, c->number);
    struct segment_scan s = {.arg = c};
    int r = segment_load(path, SEGMENT_MAX, &s.image, &s.n, e);

    c->scan = &s;
    s.record = aborts_only ? note_abort : on_record;
    s.bad = aborts_only || c->dump ? NULL : on_bad;
    if (!r)
        set_bounds(c, &s);
    if (!r && segment_scan(&s, e)) {
        if (!aborts_only)
            wrong(c, e->text);
    } else if (!r && !aborts_only) {
        if (!c->dump)
            check_index(c, &s);
        if (s.head.kind == SEGMENT_HOT && s.frame_count && !s.frames[0].gap) {
            c->newer = true;
            c->before = s.frames[0].head.before;
        }
    }
    segment_scan_fini(&s);
    free(s.image);
    free(path);
    return r;
}

static int
check_begin(struct check *c, const char *dir, struct err *e)
{
    int r = spooldir_open(dir, true, 0640, &c->dir, e);
    if (r)
        return r;
    return spooldir_list(c->dir, SPOOLDIR_SEGMENT, &c->list, &c->count, e);
}

/* Newest first for a check, oldest first for people. */
static int
check_run(struct check *c, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < c->count && !r; i++) {
        c->number = c->list[i];
        r = read_one(c, true, e);
    }
    for (size_t i = 0; i < c->count && !r; i++) {
        c->number = c->list[c->dump ? i : c->count - 1 - i];
        r = read_one(c, false, e);
        if (c->progress)
            c->progress(c->arg, i + 1, c->count);
    }
    return r;
}

static void
check_end(struct check *c)
{
    spooldir_close(&c->dir);
    free(c->list);
    free(c->aborts);
}

int
spool_check(const char *dir, spool_say_f *fn, spool_progress_f *progress,
    void *arg, struct err *e)
{
    struct check c = {.say = fn, .progress = progress, .arg = arg};
    int r = check_begin(&c, dir, e);

    if (!r)
        r = check_run(&c, e);
    if (!r)
        say(&c,
            "%zu segments, %" PRIu64 " records, %" PRIu64
            " messages (finished ones included), %" PRIu64
            " torn ends, %" PRIu64 " wrong",
            c.count, c.records, c.messages, c.torn, c.bad);
    if (!r && c.bad)
        r = err_set(e, ERR_DAMAGED, "%" PRIu64 " things are wrong", c.bad);
    check_end(&c);
    return r;
}

int
spool_dump(const char *dir, bool bodies, spool_say_f *fn,
    spool_progress_f *progress, void *arg, struct err *e)
{
    struct check c = {.say = fn,
        .progress = progress,
        .arg = arg,
        .dump = true,
        .bodies = bodies};
    int r = check_begin(&c, dir, e);

    if (!r)
        r = check_run(&c, e);
    check_end(&c);
    return r;
}
