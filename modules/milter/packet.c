/* SPDX-License-Identifier: Apache-2.0
 *
 * packet.c - packets of the milter protocol.
 */
#include "packet.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 4 };

/* --- in --- */

static uint32_t
get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
        p[3];
}

static bool
in_room(struct packet_in *in, size_t n)
{
    unsigned char *p;

    if (n <= in->size)
        return true;
    p = realloc(in->p, n);
    if (!p)
        return false;
    in->p = p;
    in->size = n;
    return true;
}

/* Up to n octets in all are to be kept. */
static size_t
in_fill(struct packet_in *in, size_t n, const unsigned char *p, size_t have)
{
    size_t more = n - in->n < have ? n - in->n : have;

    memcpy(in->p + in->n, p, more);
    in->n += more;
    return more;
}

enum packet_state
packet_take(struct packet_in *in, const void *from, size_t n, size_t *used,
    int *command, struct impel_str *data)
{
    const unsigned char *p = from;
    uint32_t size;

    *used = 0;
    if (!in_room(in, 512))
        return PACKET_BAD;
    if (in->n < HEAD && n > 0)
        *used = in_fill(in, HEAD, p, n);
    if (in->n < HEAD)
        return PACKET_MORE;
    size = get32(in->p);
    if (size == 0 || size > PACKET_MOST || !in_room(in, HEAD + (size_t)size))
        return PACKET_BAD;
    if (n > *used)
        *used += in_fill(in, HEAD + (size_t)size, p + *used, n - *used);
    if (in->n < HEAD + (size_t)size)
        return PACKET_MORE;
    *command = in->p[HEAD];
    *data = (struct impel_str){(const char *)in->p + HEAD + 1, size - 1};
    return PACKET_WHOLE;
}

void
packet_next(struct packet_in *in)
{
    in->n = 0;
    if (in->size <= 4096)
        return;
    free(in->p); /* large ones are rare */
    in->p = NULL;
    in->size = 0;
}

void
packet_fini(struct packet_in *in)
{
    free(in->p);
    memset(in, 0, sizeof(*in));
}

/* --- taken apart --- */

static bool
take_u32(struct impel_str *s, uint32_t *to)
{
    if (s->n < 4)
        return false;
    *to = get32((const unsigned char *)s->p);
    s->p += 4;
    s->n -= 4;
    return true;
}

/* Up to the next NUL, which must be there. */
static bool
take_text(struct impel_str *s, struct impel_str *to)
{
    const char *nul = s->n ? memchr(s->p, '\0', s->n) : NULL;

    if (!nul)
        return false;
    *to = (struct impel_str){s->p, (size_t)(nul - s->p)};
    s->n -= to->n + 1;
    s->p = nul + 1;
    return true;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
code_begins(struct impel_str s)
{
    return s.n >= 3 && (s.p[0] == '4' || s.p[0] == '5') && is_digit(s.p[1]) &&
        s.p[1] <= '5' && is_digit(s.p[2]) &&
        (s.n == 3 || s.p[3] == ' ' || s.p[3] == '-');
}

/* "4.7.1 " at the front; how many octets it takes, 0: none. */
static size_t
take_status(struct impel_str s, char class, uint16_t status[3])
{
    uint16_t got[3] = {0, 0, 0};
    size_t at = 0, digits;

    for (int i = 0; i < 3; i++) {
        for (digits = 0; at < s.n && is_digit(s.p[at]); at++, digits++) {
            if (digits == 3)
                return 0;
            got[i] = (uint16_t)(got[i] * 10 + (s.p[at] - '0'));
        }
        if (!digits || (i < 2 && (at >= s.n || s.p[at++] != '.')))
            return 0;
    }
    if ((at < s.n && s.p[at] != ' ') || got[0] != class - '0')
        return 0;
    memcpy(status, got, sizeof(got));
    return at < s.n ? at + 1 : at;
}

/* Words of one line behind what stands in to->text; "%%" means "%". */
static void
add_words(struct packet_said *to, struct impel_str s)
{
    size_t n = strlen(to->text), i;

    if (n && n + 1 < sizeof(to->text))
        to->text[n++] = ' ';
    for (i = 0; i < s.n && n + 1 < sizeof(to->text); i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '%' && i + 1 < s.n && s.p[i + 1] == '%')
            i++;
        to->text[n++] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    to->text[n] = '\0';
}

/* An SMTP reply of one line or several, all with the same code. */
static const char *
parse_reply(struct impel_str all, struct packet_said *to)
{
    char code[3];
    bool first = true;

    if (!code_begins(all))
        return "a reply without a code of 4xx or 5xx";
    memcpy(code, all.p, 3);
    to->code = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 +
        (code[2] - '0'));
    while (all.n) {
        const char *lf = memchr(all.p, '\n', all.n);
        struct impel_str line = {all.p, lf ? (size_t)(lf - all.p) : all.n};
        size_t skip;

        all = (struct impel_str){
            all.p + line.n + (lf != NULL), all.n - line.n - (lf != NULL)};
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (!code_begins(line) || memcmp(line.p, code, 3) != 0)
            return "a reply whose lines do not agree";
        skip = line.n > 4 ? 4 : line.n;
        line = (struct impel_str){line.p + skip, line.n - skip};
        skip = take_status(line, code[0], to->status);
        add_words(to, (struct impel_str){line.p + skip, line.n - skip});
        first = false;
    }
    return first ? "an empty reply" : NULL;
}

static const char *
parse_options(struct impel_str data, struct packet_said *to)
{
    uint32_t stage;
    struct impel_str names;

    if (!take_u32(&data, &to->index) || !take_u32(&data, &to->actions) ||
        !take_u32(&data, &to->steps))
        return "options that are too short";
    while (data.n) {
        if (!take_u32(&data, &stage) || !take_text(&data, &names))
            return "a list of macros that is cut off";
        if (stage < MACRO_STAGES)
            to->macros[stage] = names;
    }
    return NULL;
}

/* Texts that end in a NUL, and nothing else. */
static const char *
parse_texts(struct impel_str data, struct impel_str *one, struct impel_str *two)
{
    if (!take_text(&data, one) || (two && !take_text(&data, two)) || data.n)
        return "a text without its end, or more than there should be";
    return NULL;
}

/* An address; its arguments, if there are some, follow as one more text. */
static const char *
parse_address(struct impel_str data, struct packet_said *to)
{
    if (!take_text(&data, &to->name))
        return "an address without its end";
    if (data.n && (!take_text(&data, &to->value) || data.n))
        return "arguments of an address without their end";
    return NULL;
}

const char *
packet_parse(int command, struct impel_str data, struct packet_said *to)
{
    memset(to, 0, sizeof(*to));
    to->command = command;
    switch (command) {
    case SAID_CONTINUE:
    case SAID_ACCEPT:
    case SAID_REJECT:
    case SAID_TEMPFAIL:
    case SAID_DISCARD:
    case SAID_SHUTDOWN:
    case SAID_CONN_FAIL:
    case SAID_PROGRESS:
    case SAID_SKIP:
        return data.n ? "an answer with data" : NULL;
    case SAID_REPLY: {
        const char *bad = parse_texts(data, &to->value, NULL);

        return bad ? bad : parse_reply(to->value, to);
    }
    case SAID_OPTIONS:
        return parse_options(data, to);
    case SAID_INSERT_HEADER:
    case SAID_CHANGE_HEADER:
        if (!take_u32(&data, &to->index))
            return "a header without its place";
        return parse_texts(data, &to->name, &to->value);
    case SAID_ADD_HEADER:
        return parse_texts(data, &to->name, &to->value);
    case SAID_ADD_RCPT:
    case SAID_REMOVE_RCPT:
        return parse_texts(data, &to->name, NULL);
    case SAID_ADD_RCPT_ARGS:
    case SAID_SENDER:
        return parse_address(data, to);
    case SAID_QUARANTINE:
        return parse_texts(data, &to->value, NULL);
    case SAID_BODY:
        to->value = data;
        return NULL;
    default:
        return "a command that is not known";
    }
}

/* --- out --- */

static bool
out_more(struct packet_out *o, size_t n)
{
    size_t size = o->size ? o->size : 512;
    unsigned char *p;

    if (n <= o->size - o->n)
        return true;
    while (size - o->n < n)
        size *= 2;
    p = realloc(o->p, size);
    if (!p) {
        o->failed = true;
        return false;
    }
    o->p = p;
    o->size = size;
    return true;
}

void
packet_bytes(struct packet_out *o, const void *p, size_t n)
{
    if (n == 0 || !out_more(o, n))
        return;
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

void
packet_byte(struct packet_out *o, int byte)
{
    unsigned char c = (unsigned char)byte;

    packet_bytes(o, &c, 1);
}

void
packet_u32(struct packet_out *o, uint32_t v)
{
    unsigned char p[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
        (unsigned char)(v >> 8), (unsigned char)v};

    packet_bytes(o, p, sizeof(p));
}

void
packet_u16(struct packet_out *o, uint16_t v)
{
    packet_byte(o, v >> 8);
    packet_byte(o, v & 0xff);
}

void
packet_begin(struct packet_out *o, int command)
{
    o->start = o->n;
    packet_u32(o, 0);
    packet_byte(o, command);
}

void
packet_text(struct packet_out *o, struct impel_str s)
{
    if (s.n && memchr(s.p, '\0', s.n))
        o->failed = true; /* it would be read as two */
    packet_bytes(o, s.p, s.n);
    packet_byte(o, 0);
}

void
packet_word(struct packet_out *o, const char *z)
{
    packet_bytes(o, z, strlen(z) + 1);
}

void
packet_value(struct packet_out *o, struct impel_str value)
{
    size_t from = 0, i;

    if (value.n && memchr(value.p, '\0', value.n))
        o->failed = true;
    for (i = 0; i + 1 < value.n; i++) {
        if (value.p[i] != '\r' || value.p[i + 1] != '\n')
            continue;
        packet_bytes(o, value.p + from, i - from);
        from = i + 1;
    }
    if (from < value.n)
        packet_bytes(o, value.p + from, value.n - from);
    packet_byte(o, 0);
}

void
packet_end(struct packet_out *o)
{
    size_t size = o->n - o->start - HEAD;

    if (o->failed || o->n < o->start + HEAD)
        return;
    o->p[o->start] = (unsigned char)(size >> 24);
    o->p[o->start + 1] = (unsigned char)(size >> 16);
    o->p[o->start + 2] = (unsigned char)(size >> 8);
    o->p[o->start + 3] = (unsigned char)size;
}

void
packet_out_fini(struct packet_out *o)
{
    free(o->p);
    memset(o, 0, sizeof(*o));
}
