/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/assign.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/xmem.h"
#include "queue/choose.h"
#include "queue/queue_options.h"
#include "base/banned.h"

enum {
    HELD_MAX = 64,   /* of a line that may be the field yet */
    VALUE_MAX = 320, /* no name is longer */
    WARNED = 64      /* names that are remembered */
};
enum where { AT_LINE, IN_NAME, IN_KEPT, IN_DROPPED, AT_END };

struct assign {
    enum where where;
    bool dropped; /* the field before this line was */
    bool blank;   /* the line has but a CR so far */
    unsigned fields;
    size_t held_n, value_n;
    char held[HELD_MAX], value[VALUE_MAX];
};

static const struct str field = {"x-binding", 9};

struct assign *
assign_new(void)
{
    return xnew(struct assign);
}

void
assign_free(struct assign **a)
{
    free(*a);
    *a = NULL;
}

static void
assign_release(struct assign *a, struct buf *kept)
{
    buf_add(kept, a->held, a->held_n);
    a->held_n = 0;
}

/* Of the field's text; what is too long is no name, and must not become one
 * by being cut. */
static void
assign_take_value(struct assign *a, struct str s)
{
    size_t n = MIN_OF(s.n, VALUE_MAX - a->value_n);

    if (a->fields > 1)
        return;
    memcpy(a->value + a->value_n, s.p, n);
    a->value_n += n;
}

/* The rest of a line, or of what there is of it. */
static struct str
assign_line(struct assign *a, struct str s)
{
    size_t lf = str_chr(s, '\n', 0);

    if (lf == SIZE_MAX)
        return s;
    a->dropped = a->where == IN_DROPPED;
    a->where = AT_LINE;
    return str_sub(s, 0, lf + 1);
}

/* One octet of a line that is the field's so far; false: it is not. */
static bool
assign_name(struct assign *a, char c)
{
    char low = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    bool same = a->held_n < field.n ? low == field.p[a->held_n]
                                    : c == ' ' || c == '\t' || c == ':';

    if (!same || a->held_n == HELD_MAX)
        return false;
    if (c == ':') {
        a->where = IN_DROPPED;
        a->held_n = 0;
        a->fields++;
    } else {
        a->held[a->held_n++] = c;
    }
    return true;
}

/* How a line begins. */
static void
assign_begin_line(struct assign *a, char c)
{
    a->blank = c == '\r';
    if (c == ' ' || c == '\t') /* it belongs to the line before */
        a->where = a->dropped ? IN_DROPPED : IN_KEPT;
    else
        a->where = IN_NAME;
}

/* Whether the header ends with this octet. */
static bool
assign_is_end(struct assign *a, char c)
{
    bool end = c == '\n' && (a->where == AT_LINE || a->blank);

    if (a->where != AT_LINE)
        a->blank = false;
    return end;
}

bool
assign_filter(struct assign *a, struct str in, struct buf *kept)
{
    while (in.n && a->where != AT_END) {
        struct str line;

        if (assign_is_end(a, in.p[0])) {
            a->where = AT_END;
            break;
        }
        if (a->where == AT_LINE)
            assign_begin_line(a, in.p[0]);
        if (a->where == IN_NAME) {
            if (assign_name(a, in.p[0])) {
                in = str_from(in, 1);
                continue;
            }
            assign_release(a, kept);
            a->where = IN_KEPT;
        }
        if (a->blank) { /* the next octet tells */
            buf_char(kept, in.p[0]);
            in = str_from(in, 1);
            continue;
        }
        bool drop = a->where == IN_DROPPED;
        line = assign_line(a, in);
        if (drop)
            assign_take_value(a, line);
        else
            buf_str(kept, line);
        in = str_from(in, line.n);
    }
    buf_str(kept, in);
    return a->where != AT_END;
}

void
assign_end(struct assign *a, struct buf *kept)
{
    assign_release(a, kept);
}

struct str
assign_said(const struct assign *a)
{
    struct str s = str_make(a->value, a->value_n);

    if (!a->fields)
        return STR_NONE;
    while (s.n && (unsigned char)s.p[0] <= ' ')
        s = str_from(s, 1);
    while (s.n && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

bool
assign_is_known(const struct generation *g, struct str name)
{
    static _Atomic uint64_t warned[WARNED];
    uint64_t hash = str_hash(name) | 1;

    if (choose_is_name(g, name))
        return true;
    if (atomic_exchange(&warned[(hash >> 8) % WARNED], hash) != hash)
        log_warn(LOG_NET, "binding-unknown", "name=\"%.*s\"",
            (int)MIN_OF(name.n, (size_t)64), name.n ? name.p : "");
    return false;
}

bool
assign_refuses(struct generation *g, struct str said, struct str domain)
{
    return scope_int(generation_global(g),
               OPT(queue_options, QUEUE_DEFAULT_BINDING)) ==
        QUEUE_DEFAULT_NONE &&
        str_eq(choose_binding(g, said, 0, domain), STR("default"));
}
