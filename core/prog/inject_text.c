/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#include "base/xmem.h"
#include "base/banned.h"

enum { BLOCK = 65536, AHEAD = 4096 };

/* Not O_TMPFILE, which some file systems do not have, such as those of
 * containers on older kernels: a name for as long as it takes. */
int
inject_text_scratch(struct err *e)
{
    const char *said = secure_getenv("TMPDIR");
    const char *folder = said && said[0] ? said : "/tmp";
    char *name = xprintf("%s/impel-XXXXXX", folder);
    int fd = mkostemp(name, O_CLOEXEC);

    if (fd < 0)
        fd = err_errno(e, ERR_IO, errno, "%s", folder);
    else
        (void)unlink(name);
    free(name);
    return fd;
}

/* --- what is read becomes what is sent --- */

struct convert {
    enum inject_quoting quoting;
    bool begun; /* something was put out, whose last octet is `last` */
    char last;
};

/* At the beginning of a line: octets of '>' to be left out.  SIZE_MAX: more
 * has to be seen. */
static size_t
quote_of(enum inject_quoting quoting, struct str s, bool end)
{
    size_t run = 0;
    if (quoting == INJECT_QUOTING_NONE || !s.n || s.p[0] != '>')
        return 0;
    while (run < s.n && s.p[run] == '>')
        run++;
    if (run + 5 > s.n && !end && s.n < AHEAD)
        return SIZE_MAX;
    if (quoting == INJECT_QUOTING_MBOXO && run > 1)
        return 0;
    return str_starts(str_from(s, run), STR("From ")) ? 1 : 0;
}

static void
put_octets(struct convert *c, const char *p, size_t n, struct buf *out)
{
    if (!n)
        return;
    buf_add(out, p, n);
    c->begun = true;
    c->last = p[n - 1];
}

/* As much of `in` as can be judged; how much that was.  end: nothing follows:
 * then all, and the last line gets an end. */
static size_t
convert(struct convert *c, struct str in, bool end, struct buf *out)
{
    size_t at = 0;
    while (at < in.n) {
        struct str rest = str_from(in, at);
        if (!c->begun || c->last == '\n') {
            size_t skip = quote_of(c->quoting, rest, end);
            if (skip == SIZE_MAX)
                return at;
            at += skip;
            rest = str_from(in, at);
        }
        size_t n = str_chr(rest, '\n', 0);
        if (n == SIZE_MAX) {
            put_octets(c, rest.p, rest.n, out);
            at = in.n;
            break;
        }
        put_octets(c, rest.p, n, out);
        if (!c->begun || c->last != '\r')
            put_octets(c, "\r", 1, out);
        put_octets(c, "\n", 1, out);
        at += n + 1;
    }
    if (end && c->begun && c->last != '\n') {
        bool half = c->last == '\r';
        put_octets(c, half ? "\n" : "\r\n", half ? 1 : 2, out);
    }
    return at;
}

/* --- a text --- */

/* Exactly n octets: a file that has become shorter is an error. */
static int
read_exactly(int fd, uint64_t at, char *to, size_t n, struct err *e)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, ERR_IO, errno, "reading");
        if (got == 0)
            return err_set(e, ERR_IO, "the file is shorter than it was");
        done += (size_t)got;
    }
    return 0;
}

/* Octets up to and with the empty line; SIZE_MAX: there is none. */
static size_t
head_of(struct str s)
{
    size_t at = 0;
    while (at < s.n) {
        if (s.p[at] == '\n')
            return at + 1;
        if (s.p[at] == '\r' && at + 1 < s.n && s.p[at + 1] == '\n')
            return at + 2;
        at = str_chr(s, '\n', at);
        if (at == SIZE_MAX)
            break;
        at++;
    }
    return SIZE_MAX;
}

/* The first octets of the file, as far as they are kept. */
static int
text_load(struct inject_text *t, int fd, struct err *e)
{
    bool small = t->length <= INJECT_TEXT_SMALL;
    size_t n = small                   ? (size_t)t->length
        : t->length < INJECT_TEXT_HEAD ? (size_t)t->length
                                       : INJECT_TEXT_HEAD;
    struct buf raw = BUF_INIT;
    struct convert c = {.quoting = t->quoting};
    buf_reserve(&raw, n);
    int rc = read_exactly(fd, t->at, raw.p, n, e);
    raw.n = rc < 0 ? 0 : n;
    size_t head = head_of(buf_get(&raw));
    if (rc == 0 && !small && head == SIZE_MAX)
        rc = err_set(e, ERR_LIMIT, "the header is longer than %d octets",
            INJECT_TEXT_HEAD);
    if (rc == 0 && !small) {
        raw.n = head;
        t->fd = dup(fd);
        if (t->fd < 0)
            rc = err_errno(e, ERR_IO, errno, "another descriptor");
    }
    if (rc == 0) {
        (void)convert(&c, buf_get(&raw), true, &t->memory);
        t->at += raw.n;
        t->length -= raw.n;
    }
    buf_fini(&raw);
    return rc;
}

int
inject_text_open(int fd, uint64_t at, uint64_t length,
    enum inject_quoting quoting, struct inject_text **to, struct err *e)
{
    struct inject_text *t = xnew(struct inject_text);
    t->refs = 1;
    t->fd = -1;
    t->at = at;
    t->length = length;
    t->quoting = quoting;
    int rc = text_load(t, fd, e);
    if (rc < 0) {
        inject_text_unref(&t);
        return rc;
    }
    t->head = head_of(buf_get(&t->memory));
    if (t->head == SIZE_MAX)
        t->head = t->memory.n;
    *to = t;
    return 0;
}

struct str
inject_text_head(const struct inject_text *t)
{
    return str_sub(buf_get(&t->memory), 0, t->head);
}

/* A field with the lines that continue it. */
static size_t
field_length(struct str s)
{
    size_t at = 0;
    do {
        at = str_chr(s, '\n', at);
        if (at == SIZE_MAX)
            return s.n;
        at++;
    } while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'));
    return at;
}

static bool
field_is(struct str s, struct str name)
{
    if (!str_istarts(s, name))
        return false;
    s = str_from(s, name.n);
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    return s.n && s.p[0] == ':';
}

void
inject_text_drop(struct inject_text *t, struct str name)
{
    struct buf kept = BUF_INIT;
    struct str all = buf_get(&t->memory);
    size_t head = 0;
    for (size_t at = 0, n; at < t->head; at += n) {
        struct str rest = str_sub(all, at, t->head - at);
        n = field_length(rest);
        if (!field_is(rest, name))
            buf_str(&kept, str_sub(rest, 0, n));
    }
    if (kept.n < t->head) {
        head = kept.n;
        buf_str(&kept, str_from(all, t->head));
        buf_fini(&t->memory);
        t->memory = kept;
        t->head = head;
    } else {
        buf_fini(&kept);
    }
}

/* What it costs to look at each octet, once. */
struct sum {
    gnutls_hash_hd_t hash;
    bool eight_bit;
};

static void
sum_add(struct sum *s, const char *p, size_t n)
{
    (void)gnutls_hash(s->hash, p, n);
    for (size_t i = 0; i < n && !s->eight_bit; i++)
        s->eight_bit = (unsigned char)p[i] > 127;
}

int
inject_text_finish(struct inject_text *t, struct err *e)
{
    struct sum s = {0};
    if (gnutls_hash_init(&s.hash, GNUTLS_DIG_SHA256) < 0)
        return err_set(e, ERR_LIMIT, "no SHA-256");
    sum_add(&s, t->memory.p, t->memory.n);
    t->size = t->memory.n;
    int rc = 0;
    if (t->fd >= 0) {
        struct inject_reader *r = inject_reader_new(t);
        char block[BLOCK];
        int64_t n;
        t->size = UINT64_MAX; /* up to the end of the file */
        uint64_t at = t->memory.n;
        while ((n = inject_reader_read(r, at, block, sizeof(block))) > 0) {
            sum_add(&s, block, (size_t)n);
            at += (uint64_t)n;
        }
        if (n < 0)
            rc = err_set(e, ERR_IO, "the file cannot be read");
        t->size = at;
        inject_reader_free(&r);
    }
    gnutls_hash_deinit(s.hash, t->hash);
    t->eight_bit = s.eight_bit;
    return rc;
}

struct inject_text *
inject_text_ref(struct inject_text *t)
{
    t->refs++;
    return t;
}

void
inject_text_unref(struct inject_text **tp)
{
    struct inject_text *t = *tp;
    *tp = NULL;
    if (!t || --t->refs)
        return;
    if (t->fd >= 0)
        (void)close(t->fd);
    buf_fini(&t->memory);
    free(t);
}

/* --- reading --- */

struct inject_reader {
    struct inject_text *text;
    uint64_t at; /* octets that were given */
    struct convert convert;
    uint64_t raw_at; /* octets of the file's part that were taken */
    struct buf raw, out;
    size_t out_at;
    bool end;
};

struct inject_reader *
inject_reader_new(struct inject_text *t)
{
    struct inject_reader *r = xnew(struct inject_reader);
    r->text = inject_text_ref(t);
    return r;
}

void
inject_reader_free(struct inject_reader **rp)
{
    struct inject_reader *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    inject_text_unref(&r->text);
    buf_fini(&r->raw);
    buf_fini(&r->out);
    free(r);
}

static void
reader_rewind(struct inject_reader *r)
{
    r->at = r->raw_at = 0;
    r->out_at = 0;
    r->end = false;
    r->convert = (struct convert){.quoting = r->text->quoting};
    buf_cut(&r->raw, 0);
    buf_cut(&r->out, 0);
}

/* More in `out`, unless the file's part is over. */
static int
reader_fill(struct inject_reader *r)
{
    struct err e;
    buf_cut(&r->out, 0);
    r->out_at = 0;
    while (!r->out.n && !r->end) {
        uint64_t left = r->text->length - r->raw_at;
        size_t n = left < BLOCK ? (size_t)left : BLOCK;
        buf_reserve(&r->raw, n);
        if (read_exactly(r->text->fd, r->text->at + r->raw_at,
                r->raw.p + r->raw.n, n, &e) < 0)
            return -1;
        r->raw.n += n;
        r->raw_at += n;
        r->end = r->raw_at == r->text->length;
        size_t used = convert(&r->convert, buf_get(&r->raw), r->end, &r->out);
        buf_consume(&r->raw, used);
    }
    return 0;
}

static int64_t
reader_memory(struct inject_reader *r, void *to, size_t n)
{
    struct str rest = str_from(buf_get(&r->text->memory), (size_t)r->at);
    size_t some = rest.n < n ? rest.n : n;
    memcpy(to, rest.p, some);
    r->at += some;
    return (int64_t)some;
}

int64_t
inject_reader_read(struct inject_reader *r, uint64_t at, void *to, size_t n)
{
    if (at != r->at && at == r->text->memory.n) {
        reader_rewind(r);
        r->at = at;
    } else if (at != r->at || at == 0) {
        if (at != 0)
            return -1;
        reader_rewind(r);
    }
    if (r->at < r->text->memory.n)
        return reader_memory(r, to, n);
    if (r->text->fd < 0)
        return 0;
    if (r->out_at == r->out.n && reader_fill(r) < 0)
        return -1;
    struct str rest = str_from(buf_get(&r->out), r->out_at);
    size_t some = rest.n < n ? rest.n : n;
    if (some)
        memcpy(to, rest.p, some);
    r->out_at += some;
    r->at += some;
    return (int64_t)some;
}
