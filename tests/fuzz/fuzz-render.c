/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-render.c - how a content goes out (core/spool/render.c): raw, with dots,
 * in 7 bits, behind fields that were added, read in any pieces.  A receiver
 * that has only RFC 5321 4.5.2 to go by finds one end of data, the last octet,
 * and before it what was stored; sizes are known before.
 */
#include "parts.h"

#include <impel/module.h>

#include "spool/content_int.h"
#include "spool/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Lines that end in CRLF only, as they do in the spool; the last may lack its
 * end. */
static void
mend(struct str s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\n')
            buf_cstr(to, "\r\n");
        else if (s.p[i] != '\r')
            buf_char(to, s.p[i]);
}

static struct message *
message_of(struct str fields, struct str body)
{
    struct message *m = message_new(7);
    struct content *c = m->content = content_new();
    struct content_watch w = {0};

    mend(fields, &c->prefix);
    mend(body, &c->body);
    content_watch_add(&w, c->body.p, c->body.n);
    content_watch_facts(&w, &c->facts);
    c->facts.size += c->prefix.n;
    must(!c->facts.bare_cr && !c->facts.bare_lf);
    return m;
}

/* All of a form, in pieces of as many octets as the input says. */
static void
read_all(struct render *r, unsigned step, struct buf *to)
{
    char piece[64];
    uint64_t at = 0;
    int64_t got;

    while ((got = render_read(r, at, piece, 1 + step * (at + 1) % sizeof(piece),
                NULL, NULL, NULL)) > 0) {
        buf_add(to, piece, (size_t)got);
        at += (uint64_t)got;
    }
    must(got == 0 && at == render_size(r) && to->n == at);
}

/* What a receiver makes of it. */
static void
receive(struct str s, struct buf *to)
{
    bool start = true;

    for (size_t i = 0; i < s.n; i++) {
        if (start && s.p[i] == '.') {
            if (i + 2 < s.n && s.p[i + 1] == '\r' && s.p[i + 2] == '\n') {
                must(i + 3 == s.n);
                return;
            }
            i++;
            must(i < s.n);
        }
        must(s.p[i] != '\n' || (i && s.p[i - 1] == '\r'));
        must(s.p[i] != '\r' || (i + 1 < s.n && s.p[i + 1] == '\n'));
        start = s.p[i] == '\n';
        buf_char(to, s.p[i]);
    }
    must(!"an end");
}

static void
check_dotted(struct message *m, int form, struct str prefix, unsigned step,
    struct str raw)
{
    struct render *r = render_new(m, form | IMPEL_BODY_DOTTED, prefix, NULL);
    struct buf out = BUF_INIT, got = BUF_INIT;

    must(r != NULL);
    read_all(r, step, &out);
    receive(buf_get(&out), &got);
    if (raw.n && !str_ends(raw, STR("\r\n"))) {
        must(got.n == raw.n + 2);
        buf_cut(&got, raw.n);
    }
    must(str_eq(buf_get(&got), raw));
    render_free(&r);
    buf_fini(&out);
    buf_fini(&got);
}

static void
check_form(struct message *m, int form, struct str prefix, unsigned step)
{
    struct render *r = render_new(m, form, prefix, NULL);
    struct buf raw = BUF_INIT;

    if (!r) {
        must(form == IMPEL_BODY_SEVENBIT);
        return;
    }
    read_all(r, step, &raw);
    if (form == IMPEL_BODY_RAW) {
        must(str_starts(buf_get(&raw), prefix));
        must(raw.n == prefix.n + m->content->prefix.n + m->content->body.n);
        must(str_ends(buf_get(&raw), buf_get(&m->content->body)));
    }
    check_dotted(m, form, prefix, step, buf_get(&raw));
    render_free(&r);
    buf_fini(&raw);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_make(data, n);
    unsigned step = part_choice(&rest, 256);
    struct buf prefix = BUF_INIT;
    struct message *m;
    struct str fields;

    mend(part_next(&rest), &prefix);
    fields = part_next(&rest);
    m = message_of(fields, rest.p ? rest : STR(""));
    check_form(m, IMPEL_BODY_RAW, buf_get(&prefix), step);
    check_form(m, IMPEL_BODY_SEVENBIT, buf_get(&prefix), step);
    message_unref(&m);
    buf_fini(&prefix);
    return 0;
}
