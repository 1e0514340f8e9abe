/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/oob.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

enum oob_state {
    OOB_HEADER,  /* of the message */
    OOB_BETWEEN, /* until the next boundary */
    OOB_PART,    /* header of a part */
    OOB_STATUS,  /* fields of the delivery-status part */
    OOB_OVER
};
enum { BOUNDARY_MAX = 70 }; /* RFC 2046 5.1.1 */

struct oob {
    enum oob_state state;
    bool wanted; /* of this header: its Content-Type is what is looked for */
    bool first;  /* group of fields: about the message, not a recipient */
    size_t seen;
    struct buf line, field;
    char boundary[BOUNDARY_MAX + 1];
    struct oob_rcpt now, *rcpt;
    size_t count;
};

struct oob *
oob_new(void)
{
    return xnew(struct oob);
}

static void
oob_clear(struct oob_rcpt *r)
{
    free(r->original);
    free(r->final);
    free(r->diagnostic);
    *r = (struct oob_rcpt){0};
}

void
oob_free(struct oob **op)
{
    struct oob *o = *op;

    *op = NULL;
    if (!o)
        return;
    for (size_t i = 0; i < o->count; i++)
        oob_clear(&o->rcpt[i]);
    oob_clear(&o->now);
    buf_fini(&o->line);
    buf_fini(&o->field);
    free(o->rcpt);
    free(o);
}

/* --- the Content-Type of a header --- */

/* The value of a parameter, out of its quotes; absent: there is none. */
static struct str
oob_parameter(struct str value, struct str name)
{
    while (value.n) {
        struct str one = str_trim(str_cut(&value, ';'));
        size_t at = str_chr(one, '=', 0);
        struct str v;

        if (at == SIZE_MAX || !str_ieq(str_trim(str_sub(one, 0, at)), name))
            continue;
        v = str_trim(str_from(one, at + 1));
        if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
            v = str_sub(v, 1, v.n - 2);
        return v;
    }
    return STR_NONE;
}

static void
oob_content_type(struct oob *o, struct str value)
{
    struct str rest = value, type = str_trim(str_cut(&rest, ';'));

    if (o->state == OOB_PART) {
        o->wanted = str_ieq(type, STR("message/delivery-status")) ||
            str_ieq(type, STR("message/global-delivery-status"));
        return;
    }
    o->wanted = str_ieq(type, STR("multipart/report")) &&
        str_ieq(
            oob_parameter(rest, STR("report-type")), STR("delivery-status")) &&
        str_copy(o->boundary, sizeof(o->boundary),
            oob_parameter(rest, STR("boundary"))) &&
        o->boundary[0];
}

/* --- the fields of a recipient --- */

/* "rfc822; user@x.test": the address, or NULL. */
static char *
oob_address(struct str value)
{
    size_t at = str_chr(value, ';', 0);
    struct address a;
    struct str s;

    if (at == SIZE_MAX)
        return NULL;
    s = str_trim(str_from(value, at + 1));
    if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        s = str_sub(s, 1, s.n - 2);
    if (!s.n || address_parse(s, ADDRESS_UTF8, &a, NULL) < 0)
        return NULL;
    return xdupn(s.p, s.n);
}

static enum oob_action
oob_action(struct str value)
{
    size_t at = str_chr(value, '(', 0); /* a comment may follow */

    if (at != SIZE_MAX)
        value = str_trim(str_sub(value, 0, at));
    if (str_ieq(value, STR("failed")))
        return OOB_FAILED;
    return str_ieq(value, STR("delayed")) ? OOB_DELAYED : OOB_OTHER;
}

static uint16_t
oob_digits(struct str *s)
{
    unsigned n = 0;
    size_t i = 0;

    while (i < s->n && i < 3 && isdigit((unsigned char)s->p[i]))
        n = n * 10 + (unsigned)(s->p[i++] - '0');
    *s = str_from(*s, i);
    return (uint16_t)n;
}

static void
oob_status(struct oob_rcpt *r, struct str value)
{
    for (int i = 0; i < 3; i++) {
        r->status[i] = oob_digits(&value);
        if (i < 2 && (!value.n || value.p[0] != '.')) {
            r->status[0] = 0;
            return;
        }
        if (i < 2)
            value = str_from(value, 1);
    }
}

/* "smtp; 550 5.1.1 No such user" */
static void
oob_diagnostic(struct oob_rcpt *r, struct str value)
{
    size_t at = str_chr(value, ';', 0);
    bool smtp = false;

    if (at != SIZE_MAX) {
        smtp = str_ieq(str_trim(str_sub(value, 0, at)), STR("smtp"));
        value = str_trim(str_from(value, at + 1));
    }
    free(r->diagnostic);
    r->diagnostic = xdupn(value.n ? value.p : "", value.n);
    if (!smtp || value.n < 3)
        return;
    r->code = oob_digits(&value);
    if (r->code < 400 || r->code > 599)
        r->code = 0;
}

static void
oob_rcpt_field(struct oob_rcpt *r, struct str name, struct str value)
{
    if (str_ieq(name, STR("Original-Recipient")) && !r->original)
        r->original = oob_address(value);
    else if (str_ieq(name, STR("Final-Recipient")) && !r->final)
        r->final = oob_address(value);
    else if (str_ieq(name, STR("Action")))
        r->action = oob_action(value);
    else if (str_ieq(name, STR("Status")))
        oob_status(r, value);
    else if (str_ieq(name, STR("Diagnostic-Code")))
        oob_diagnostic(r, value);
}

/* A blank line, or the end of the part. */
static void
oob_end_group(struct oob *o)
{
    bool any = o->now.original || o->now.final;

    if (!o->first && any && o->count < OOB_RCPTS_MAX) {
        o->rcpt = xgrow(o->rcpt, o->count + 1, sizeof(*o->rcpt));
        o->rcpt[o->count++] = o->now;
        o->now = (struct oob_rcpt){0};
    }
    oob_clear(&o->now);
    o->first = false;
}

/* --- lines --- */

/* A field is whole once the line after it is seen. */
static void
oob_end_field(struct oob *o)
{
    struct str field = buf_get(&o->field), name, value;
    size_t at = str_chr(field, ':', 0);

    if (at != SIZE_MAX) {
        name = str_trim(str_sub(field, 0, at));
        value = str_trim(str_from(field, at + 1));
        if (o->state == OOB_STATUS)
            oob_rcpt_field(&o->now, name, value);
        else if (str_ieq(name, STR("Content-Type")))
            oob_content_type(o, value);
    }
    buf_cut(&o->field, 0);
}

static void
oob_end_header(struct oob *o)
{
    if (o->state == OOB_HEADER)
        o->state = o->wanted ? OOB_BETWEEN : OOB_OVER;
    else
        o->state = o->wanted ? OOB_STATUS : OOB_BETWEEN;
    o->wanted = false;
    o->first = true;
}

static bool
oob_is_boundary(const struct oob *o, struct str line)
{
    return o->state != OOB_HEADER && str_starts(line, STR("--")) &&
        str_starts(str_from(line, 2), str_of(o->boundary));
}

static void
oob_line(struct oob *o, struct str line)
{
    if (oob_is_boundary(o, line)) {
        oob_end_field(o);
        if (o->state == OOB_STATUS)
            oob_end_group(o);
        o->state = o->count || o->state == OOB_STATUS ? OOB_OVER : OOB_PART;
        o->wanted = false;
        return;
    }
    if (o->state == OOB_BETWEEN)
        return;
    if (line.n && (line.p[0] == ' ' || line.p[0] == '\t')) {
        if (o->field.n + line.n <= OOB_LINE_MAX)
            buf_str(&o->field, line);
        return;
    }
    oob_end_field(o);
    buf_str(&o->field, line);
    if (line.n)
        return;
    if (o->state == OOB_STATUS)
        oob_end_group(o);
    else
        oob_end_header(o);
}

void
oob_feed(struct oob *o, const char *p, size_t n)
{
    while (n && o->state != OOB_OVER) {
        struct str some = str_make(p, n);
        size_t at = str_chr(some, '\n', 0);
        size_t take = at == SIZE_MAX ? n : at + 1;
        size_t room = OOB_LINE_MAX - o->line.n;

        buf_add(&o->line, p, MIN_OF(at == SIZE_MAX ? take : at, room));
        p += take;
        n -= take;
        o->seen += take;
        if (o->seen > OOB_BYTES_MAX)
            o->state = OOB_OVER;
        if (at == SIZE_MAX)
            return;
        if (o->line.n && o->line.p[o->line.n - 1] == '\r')
            buf_cut(&o->line, o->line.n - 1);
        oob_line(o, buf_get(&o->line));
        buf_cut(&o->line, 0);
    }
}

size_t
oob_finish(struct oob *o)
{
    if (o->state == OOB_STATUS) {
        oob_line(o, buf_get(&o->line));
        oob_end_field(o);
        oob_end_group(o);
    }
    o->state = OOB_OVER;
    return o->count;
}

const struct oob_rcpt *
oob_rcpt(const struct oob *o, size_t i)
{
    return i < o->count ? &o->rcpt[i] : NULL;
}

bool
oob_is_bounce(const struct oob *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->rcpt[i].action != OOB_OTHER)
            return true;
    return false;
}

static bool
oob_is_suppressed(struct str address, struct str list)
{
    while (list.n) {
        struct str one = str_trim(str_cut(&list, ','));

        if (one.n &&
            (one.p[0] == '@' ? str_iends(address, one) : str_ieq(address, one)))
            return true;
    }
    return false;
}

struct str
oob_original(const struct oob_rcpt *r, struct str suppressed)
{
    if (r->original && !oob_is_suppressed(str_of(r->original), suppressed))
        return str_of(r->original);
    if (r->final && !oob_is_suppressed(str_of(r->final), suppressed))
        return str_of(r->final);
    return STR_NONE;
}
