/* SPDX-License-Identifier: Apache-2.0
 *
 * index.c - entries of records, in memory and in a file.
 */
#include "spool/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <xxhash.h>
#include "base/xmem.h"
#include "spool/envelope.h"
#include "spool/packer.h"
#include "spool/sysio.h"

#include "base/banned.h"

#define INDEX_WORD "IMPELIX1"
enum { INDEX_FORMAT = 3, INDEX_HEAD = 128, INDEX_SUMMED = 120 };

void
index_fini(struct index *ix)
{
    buf_fini(&ix->entries);
    buf_fini(&ix->strings);
    buf_fini(&ix->marks);
    free(ix->slots);
    memset(ix, 0, sizeof(*ix));
}

/* --- strings --- */

static struct str
string_at(const struct index *ix, uint32_t number)
{
    struct wire w;
    if (number >= ix->strings.n)
        return STR("");
    w = wire_of(ix->strings.p + number, ix->strings.n - number);
    return wire_get_str(&w);
}

static void
strings_rehash(struct index *ix)
{
    size_t size = ix->slot_count ? ix->slot_count * 2 : 64;
    uint32_t *slots = xcalloc(size, sizeof(*slots));
    uint32_t at = 0;

    while (at < ix->strings.n) {
        struct str s = string_at(ix, at);
        size_t i = (size_t)XXH3_64bits(s.p, s.n) & (size - 1);
        while (slots[i])
            i = (i + 1) & (size - 1);
        slots[i] = at + 1;
        at += 4 + (uint32_t)s.n;
    }
    free(ix->slots);
    ix->slots = slots;
    ix->slot_count = size;
}

static uint32_t
string_number(struct index *ix, struct str s)
{
    size_t i;
    uint32_t at;

    if (!s.p)
        s = STR("");
    if (ix->string_count * 2 >= ix->slot_count)
        strings_rehash(ix);
    i = (size_t)XXH3_64bits(s.p, s.n) & (ix->slot_count - 1);
    for (; ix->slots[i]; i = (i + 1) & (ix->slot_count - 1)) {
        if (str_eq(string_at(ix, ix->slots[i] - 1), s))
            return ix->slots[i] - 1;
    }
    at = (uint32_t)ix->strings.n;
    wire_put_str(&ix->strings, s);
    ix->string_count++;
    ix->slots[i] = at + 1;
    return at;
}

/* --- adding --- */

static void
put_run_list(struct buf *b, struct record_runs r)
{
    wire_put32(b, r.left);
    buf_add(b, r.w.p, r.w.n);
}

/* Runs of recipients with one domain, in the order of the message. */
static int
put_domains(struct index *ix, const struct record_accept *a)
{
    struct buf *b = &ix->entries;
    struct envelope_scan scan;
    struct str domain;
    uint32_t runs = 0, last = 0, count = 0;
    size_t at;

    if (envelope_scan(a, &scan))
        return ERR_DAMAGED;
    wire_put32(b, string_number(ix, scan.binding));
    wire_put32(b, a->rcpt_count);
    at = b->n;
    wire_put32(b, 0);
    while (envelope_next_domain(&scan, &domain)) {
        uint32_t number = string_number(ix, domain);
        if (count && number == last) {
            count++;
            wire_store32(b->p + b->n - 4, count);
            continue;
        }
        wire_put32(b, number);
        wire_put32(b, 1);
        last = number;
        count = 1;
        runs++;
    }
    wire_store32(b->p + at, runs);
    return scan.rcpts.bad ? ERR_DAMAGED : 0;
}

static int
put_accept(struct index *ix, const uint8_t *p, size_t n)
{
    struct record_accept a;
    struct buf *b = &ix->entries;

    if (record_get_accept(p, n, &a))
        return ERR_DAMAGED;
    wire_put64(b, (uint64_t)a.received);
    /* a negative one: nothing fails at it */
    wire_put64(
        b, a.by & BY_NOTIFY ? 0 - (uint64_t)a.deadline : (uint64_t)a.deadline);
    wire_put64(b, (uint64_t)a.hold_until);
    wire_put64(b, a.fact_body + a.prefix_size);
    return put_domains(ix, &a);
}

static int
put_attempt(struct index *ix, uint64_t lsn, const uint8_t *p, size_t n)
{
    struct buf *b = &ix->entries;
    struct record_attempt a;
    struct record_group g;
    uint32_t runs = 0;
    size_t at;

    if (record_get_attempt(p, n, &a))
        return ERR_DAMAGED;
    wire_put64(b, lsn);
    wire_put64(b, (uint64_t)a.next_attempt);
    wire_put32(b, a.retries);
    wire_put32(b, string_number(ix, a.domain));
    wire_put32(b, string_number(ix, a.moved));
    at = b->n;
    wire_put32(b, 0);
    while (record_next_group(&a, &g)) {
        wire_put32(b, g.run.first);
        wire_put32(b, g.run.count);
        runs++;
    }
    wire_store32(b->p + at, runs);
    return 0;
}

static int
put_copy(struct index *ix, const uint8_t *p, size_t n)
{
    struct record_copy c;
    uint64_t lsn;
    const uint8_t *one;
    size_t one_n;

    if (record_get_copy(p, n, &c) || put_accept(ix, c.accept, c.accept_n))
        return ERR_DAMAGED;
    wire_put64(&ix->entries, c.as_of);
    put_run_list(&ix->entries, c.done);
    wire_put32(&ix->entries, c.attempt_count);
    while (record_next_copied(&c, &lsn, &one, &one_n)) {
        if (put_attempt(ix, lsn, one, one_n))
            return ERR_DAMAGED;
    }
    return 0;
}

static int
put_done(struct index *ix, const uint8_t *p, size_t n)
{
    struct record_done d;
    if (record_get_done(p, n, &d))
        return ERR_DAMAGED;
    put_run_list(&ix->entries, d.runs);
    return 0;
}

static void
put_mark(struct index *ix, const struct record_head *h, uint32_t offset,
    const uint8_t *p, size_t n)
{
    wire_put32(&ix->marks, h->type);
    wire_put32(&ix->marks, offset);
    wire_put64(&ix->marks, h->lsn);
    wire_put_str(&ix->marks, str_make(p, n));
}

/* The place another record is named by, where it stands in each type. */
static struct spool_place
entry_ref(int type, const uint8_t *p, size_t n)
{
    struct spool_place ref = {0, 0};
    size_t at = type == RECORD_COPY ? 8 : 0;
    if (type != RECORD_COPY && type != RECORD_DONE && type != RECORD_ATTEMPT)
        return ref;
    if (n >= at + 8) {
        ref.segment = wire_load32(p + at);
        ref.offset = wire_load32(p + at + 4);
    }
    return ref;
}

int
index_add(struct index *ix, const struct record_head *h, uint32_t offset,
    const uint8_t *p, size_t n)
{
    struct buf *b = &ix->entries;
    struct spool_place ref = entry_ref(h->type, p, n);
    size_t at = b->n;
    int r = 0;

    wire_put32(b, 0);
    wire_put32(b, h->type | (uint32_t)h->flags << 8);
    wire_put32(b, offset);
    wire_put32(b, h->length);
    wire_put64(b, h->lsn);
    wire_put64(b, h->id);
    wire_put32(b, ref.segment);
    wire_put32(b, ref.offset);
    if (h->type == RECORD_ACCEPT)
        r = put_accept(ix, p, n);
    else if (h->type == RECORD_COPY)
        r = put_copy(ix, p, n);
    else if (h->type == RECORD_ATTEMPT)
        r = put_attempt(ix, h->lsn, p, n);
    else if (h->type == RECORD_DONE)
        r = put_done(ix, p, n);
    if (r) {
        buf_cut(b, at);
        return r;
    }
    if (h->type == RECORD_STATE || h->type == RECORD_ABORT)
        put_mark(ix, h, offset, p, n);
    wire_store32(b->p + at, (uint32_t)(b->n - at));
    ix->entry_count++;
    return 0;
}

/* --- reading --- */

static void
get_attempt(const struct index *ix, struct wire *w, struct index_attempt *to)
{
    to->lsn = wire_get64(w);
    to->next_attempt = (int64_t)wire_get64(w);
    to->retries = wire_get32(w);
    to->domain = string_at(ix, wire_get32(w));
    to->moved = string_at(ix, wire_get32(w));
    if (!record_get_runs(w, &to->runs))
        w->bad = true;
}

static void
get_accept(const struct index *ix, struct wire *w, struct index_entry *to)
{
    to->received = (int64_t)wire_get64(w);
    to->deadline = (int64_t)wire_get64(w);
    to->only_told = to->deadline < 0 && to->deadline != INT64_MIN;
    if (to->deadline < 0)
        to->deadline = to->only_told ? -to->deadline : 0;
    to->hold_until = (int64_t)wire_get64(w);
    to->size = wire_get64(w);
    to->binding = string_at(ix, wire_get32(w));
    to->rcpt_count = wire_get32(w);
    to->domain_runs = wire_get32(w);
    if (to->rcpt_count > RECORD_RCPT_MAX || to->domain_runs > to->rcpt_count) {
        w->bad = true;
        return;
    }
    to->domains = wire_get_part(w, (size_t)to->domain_runs * 8);
    if (to->type != RECORD_COPY)
        return;
    to->as_of = wire_get64(w);
    if (!record_get_runs(w, &to->runs))
        w->bad = true;
    to->attempt_count = wire_get32(w);
    to->attempts = *w;
}

bool
index_next(const struct index *ix, size_t *at, struct index_entry *to)
{
    struct wire w;
    uint32_t size, word;

    if (*at >= ix->entries.n)
        return false;
    w = wire_of(ix->entries.p + *at, ix->entries.n - *at);
    size = wire_get32(&w);
    if (size < 40 || size > w.n + 4)
        return false;
    w.n = size - 4;
    memset(to, 0, sizeof(*to));
    word = wire_get32(&w);
    to->type = (uint8_t)word;
    to->flags = (uint8_t)(word >> 8);
    to->offset = wire_get32(&w);
    to->length = wire_get32(&w);
    to->lsn = wire_get64(&w);
    to->id = wire_get64(&w);
    to->ref.segment = wire_get32(&w);
    to->ref.offset = wire_get32(&w);
    if (to->type == RECORD_ACCEPT || to->type == RECORD_COPY)
        get_accept(ix, &w, to);
    else if (to->type == RECORD_ATTEMPT)
        get_attempt(ix, &w, &to->attempt);
    else if (to->type == RECORD_DONE && !record_get_runs(&w, &to->runs))
        w.bad = true;
    *at += size;
    return !w.bad;
}

bool
index_next_domain(
    const struct index *ix, struct index_entry *e, struct str *d, uint32_t *n)
{
    if (!e->domain_runs)
        return false;
    e->domain_runs--;
    *d = string_at(ix, wire_get32(&e->domains));
    *n = wire_get32(&e->domains);
    return !e->domains.bad;
}

bool
index_next_attempt(
    const struct index *ix, struct index_entry *e, struct index_attempt *to)
{
    if (!e->attempt_count)
        return false;
    e->attempt_count--;
    get_attempt(ix, &e->attempts, to);
    return !e->attempts.bad;
}

bool
index_next_mark(const struct index *ix, size_t *at, struct index_mark *to)
{
    struct wire w;
    struct str s;

    if (*at >= ix->marks.n)
        return false;
    w = wire_of(ix->marks.p + *at, ix->marks.n - *at);
    to->type = (uint8_t)wire_get32(&w);
    to->offset = wire_get32(&w);
    to->lsn = wire_get64(&w);
    s = wire_get_str(&w);
    to->payload = (const uint8_t *)s.p;
    to->n = s.n;
    *at = ix->marks.n - w.n;
    return !w.bad;
}

/* --- the file --- */

static uint64_t
part_sum(const struct buf *b, uint64_t seed)
{
    return XXH3_64bits_withSeed(b->p ? b->p : "", b->n, seed);
}

static void
head_encode(
    const struct index *ix, const struct index_head *h, uint8_t to[INDEX_HEAD])
{
    memset(to, 0, INDEX_HEAD);
    memcpy(to, INDEX_WORD, 8);
    wire_store32(to + 8, INDEX_FORMAT);
    wire_store32(to + 12, h->number);
    wire_store64(to + 16, h->segment_id);
    wire_store32(to + 24, h->end);
    wire_store32(to + 28, h->last);
    wire_store64(to + 32, h->commit);
    wire_store64(to + 40, h->max_lsn);
    wire_store64(to + 48, ix->entries.n);
    wire_store64(to + 56, ix->strings.n);
    wire_store64(to + 64, ix->marks.n);
    wire_store32(to + 72, ix->entry_count);
    wire_store32(to + 76, h->kind);
    wire_store64(to + 80, part_sum(&ix->entries, h->segment_id));
    wire_store64(to + 88, part_sum(&ix->strings, h->segment_id));
    wire_store64(to + 96, part_sum(&ix->marks, h->segment_id));
    wire_store64(to + 104, h->damaged);
    wire_store64(to + INDEX_SUMMED,
        XXH3_64bits_withSeed(to, INDEX_SUMMED, h->segment_id));
}

/* The three parts as they stand in the file. */
static void
pack_parts(const struct index *ix, struct index *to)
{
    struct packer *p = packer_new();

    packer_add(p, &to->entries, ix->entries.p, ix->entries.n);
    packer_add(p, &to->strings, ix->strings.p, ix->strings.n);
    packer_add(p, &to->marks, ix->marks.p, ix->marks.n);
    to->entry_count = ix->entry_count;
    packer_free(&p);
}

int
index_save(const struct index *ix, const struct index_head *h, const char *path,
    int mode, struct err *e)
{
    const struct sysio *io = sysio_get();
    char *temp = xprintf("%s.new", path);
    uint8_t head[INDEX_HEAD];
    struct index packed = {0};
    struct iovec iov[4] = {{head, INDEX_HEAD}};
    int bad, fd = io->open(temp, O_WRONLY | O_CREAT | O_TRUNC, (mode_t)mode);

    pack_parts(ix, &packed);
    iov[1] = (struct iovec){packed.entries.p, packed.entries.n};
    iov[2] = (struct iovec){packed.strings.p, packed.strings.n};
    iov[3] = (struct iovec){packed.marks.p, packed.marks.n};
    head_encode(&packed, h, head);
    bad = fd < 0 || sysio_write_all(fd, iov, 4, 0) < 0 || sysio_sync(fd) < 0;
    if (bad)
        err_errno(e, sysio_code(errno), errno, "writing %s", temp);
    if (fd >= 0)
        (void)io->close(fd); /* it was synced */
    if (!bad && io->rename(temp, path) < 0) {
        err_errno(e, ERR_IO, errno, "renaming to %s", path);
        bad = 1;
    }
    if (bad && fd >= 0)
        (void)io->unlink(temp); /* only made to be renamed */
    index_fini(&packed);
    free(temp);
    return bad ? ERR_IO : 0;
}

static bool
head_decode(const uint8_t *p, size_t n, struct index_head *h)
{
    if (n < INDEX_HEAD || memcmp(p, INDEX_WORD, 8) ||
        wire_load32(p + 8) != INDEX_FORMAT ||
        wire_load32(p + 12) != h->number ||
        wire_load64(p + 16) != h->segment_id ||
        wire_load64(p + INDEX_SUMMED) !=
            XXH3_64bits_withSeed(p, INDEX_SUMMED, h->segment_id))
        return false;
    h->end = wire_load32(p + 24);
    h->last = wire_load32(p + 28);
    h->commit = wire_load64(p + 32);
    h->max_lsn = wire_load64(p + 40);
    h->kind = wire_load32(p + 76);
    h->damaged = wire_load64(p + 104);
    return true;
}

int
index_find_id(const char *path, uint64_t *segment_id)
{
    uint8_t p[INDEX_HEAD];
    struct index_head h;
    int fd = sysio_get()->open(path, O_RDONLY, 0);
    bool good = fd >= 0 && sysio_read_all(fd, p, sizeof(p), 0) == sizeof(p);

    if (fd >= 0)
        (void)sysio_get()->close(fd); /* only read */
    if (!good)
        return ERR_NOTFOUND;
    h.number = wire_load32(p + 12);
    h.segment_id = wire_load64(p + 16);
    if (!head_decode(p, sizeof(p), &h))
        return ERR_DAMAGED;
    *segment_id = h.segment_id;
    return 0;
}

/* Read, check and unpack one part of the file; parts follow each other. */
static bool
load_part(int fd, uint64_t *at, uint64_t n, uint64_t sum, uint64_t seed,
    struct buf *to)
{
    uint64_t from = *at;
    struct buf b = BUF_INIT;
    bool good;

    *at += n;
    if (n > (uint64_t)1 << 31)
        return false;
    if (!to)
        return true;
    buf_reserve(&b, (size_t)n);
    good = sysio_read_all(fd, b.p, (size_t)n, (off_t)from) == (ssize_t)n &&
        XXH3_64bits_withSeed(b.p, (size_t)n, seed) == sum &&
        !packer_unpack(to, b.p, (size_t)n);
    buf_fini(&b);
    return good;
}

static bool
load_parts(struct index *ix, struct index_head *h, int fd, bool marks_only)
{
    uint8_t p[INDEX_HEAD];
    uint64_t at = INDEX_HEAD;

    if (sysio_read_all(fd, p, sizeof(p), 0) != sizeof(p) ||
        !head_decode(p, sizeof(p), h))
        return false;
    ix->entry_count = wire_load32(p + 72);
    return load_part(fd, &at, wire_load64(p + 48), wire_load64(p + 80),
               h->segment_id, marks_only ? NULL : &ix->entries) &&
        load_part(fd, &at, wire_load64(p + 56), wire_load64(p + 88),
            h->segment_id, marks_only ? NULL : &ix->strings) &&
        load_part(fd, &at, wire_load64(p + 64), wire_load64(p + 96),
            h->segment_id, &ix->marks);
}

int
index_load(struct index *ix, struct index_head *h, const char *path,
    bool marks_only, struct err *e)
{
    int r = 0, fd = sysio_get()->open(path, O_RDONLY, 0);

    memset(ix, 0, sizeof(*ix));
    if (fd < 0)
        return err_errno(
            e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, errno, "%s", path);
    if (!load_parts(ix, h, fd, marks_only)) {
        index_fini(ix);
        r = err_set(e, ERR_DAMAGED, "%s: checksums do not match", path);
    }
    (void)sysio_get()->close(fd); /* only read */
    return r;
}
