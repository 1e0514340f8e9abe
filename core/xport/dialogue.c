/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/dialogue.h"

#include <inttypes.h>

#include "base/macros.h"
#include "base/secret.h"
#include "base/banned.h"

enum { MECHANISM_MOST = 20 /* RFC 4422 3.1 */ };

static const char *const commands[] = {"EHLO", "HELO", "LHLO", "MAIL", "RCPT",
    "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "ETRN",
    "STARTTLS", "."};

void
dialogue_init(struct dialogue *d, dialogue_line_f *fn, void *arg)
{
    d->fn = fn;
    d->arg = arg;
}

/* --- what may be shown --- */

static void
print_octets(struct str s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < ' ' || c > '~' || c == '\\')
            buf_printf(to, "\\x%02x", (unsigned)c);
        else
            buf_char(to, (char)c);
    }
}

static bool
is_command(struct str word)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (str_ieq(word, str_of(commands[i])))
            return true;
    return false;
}

static bool
is_mechanism(struct str word)
{
    if (word.n == 0 || word.n > MECHANISM_MOST)
        return false;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                c == '_'))
            return false;
    }
    return true;
}

/* "AUTH MECHANISM secret"; a mechanism is written in capitals, so that what
 * stands there by mistake is not taken for one. */
static void
print_auth(struct str rest, struct buf *to)
{
    struct str mechanism = str_cut(&rest, ' ');

    buf_cstr(to, "AUTH ");
    if (is_mechanism(mechanism))
        buf_str(to, mechanism);
    else
        buf_cstr(to, "(hidden)");
    if (rest.p && rest.n)
        buf_cstr(to, " (hidden)");
}

/* True: it had a LOGIN. */
static bool
print_xclient(struct str rest, struct buf *to)
{
    bool had = false;

    buf_cstr(to, "XCLIENT");
    while (rest.p && rest.n) {
        struct str word = str_cut(&rest, ' ');

        buf_char(to, ' ');
        if (str_istarts(word, STR("LOGIN="))) {
            buf_cstr(to, "LOGIN=(hidden)");
            had = true;
        } else {
            print_octets(word, to);
        }
    }
    return had;
}

/* False: it is not shown. */
static bool
print_client(struct dialogue *d, struct str line, struct buf *to)
{
    struct str rest = line, word = str_cut(&rest, ' ');

    if (str_ieq(word, STR("AUTH"))) {
        print_auth(rest, to);
        d->hush = DIALOGUE_AUTH;
        return true;
    }
    if (d->hush == DIALOGUE_AUTH)
        return false;
    if (str_ieq(word, STR("XCLIENT"))) {
        if (print_xclient(rest, to))
            d->hush = DIALOGUE_LOGIN;
        return true;
    }
    if (!is_command(word))
        return false;
    print_octets(line, to);
    return true;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How much of a reply is its code: "535 5.7.8 " is 10; 0: it is no reply. */
static size_t
reply_code(struct str line)
{
    size_t n = 3, dots = 0;

    if (line.n < 3 || !is_digit(line.p[0]) || !is_digit(line.p[1]) ||
        !is_digit(line.p[2]))
        return 0;
    if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
        return 0;
    for (size_t i = 4; i < line.n && i < 14; i++) {
        if (line.p[i] == '.')
            dots++;
        else if (line.p[i] == ' ' && dots == 2)
            return i;
        else if (!is_digit(line.p[i]))
            break;
    }
    return n;
}

/* Is the exchange over that had a secret in it?  Replies to what was sent
 * before AUTH do not end it, unless they are refusals. */
static bool
ends_hush(enum dialogue_hush hush, struct str line)
{
    if (line.n > 3 && line.p[3] == '-')
        return false;
    if (line.p[0] == '4' || line.p[0] == '5')
        return true;
    if (hush == DIALOGUE_AUTH)
        return str_starts(line, STR("235"));
    return line.p[0] == '2';
}

static void
print_server(struct dialogue *d, struct str line, struct buf *to)
{
    size_t code;

    if (d->hush == DIALOGUE_OPEN) {
        print_octets(line, to);
        return;
    }
    code = reply_code(line);
    buf_add(to, line.p, code);
    buf_cstr(to, code ? " (hidden)" : "(hidden)");
    if (code && ends_hush(d->hush, line))
        d->hush = DIALOGUE_OPEN;
}

/* --- lines --- */

static void
dialogue_tell(struct dialogue *d, enum dialogue_side from, struct buf *line)
{
    d->fn(d->arg, from, buf_get(line));
    buf_fini(line);
}

void
dialogue_flush(struct dialogue *d)
{
    struct buf line = BUF_INIT;

    if (!d->hidden)
        return;
    buf_printf(&line, "(%" PRIu64 " octets are not shown)", d->hidden);
    d->hidden = 0;
    dialogue_tell(d, DIALOGUE_CLIENT, &line);
}

static void
dialogue_line(struct dialogue *d, enum dialogue_side from, bool ended)
{
    struct dialogue_part *part = &d->part[from];
    struct str text = buf_get(&part->text);
    struct buf line = BUF_INIT;
    bool shown = true;

    if (text.n && text.p[text.n - 1] == '\r')
        text.n--;
    if (from == DIALOGUE_CLIENT)
        shown = print_client(d, text, &line);
    if (shown) {
        dialogue_flush(d);
        if (from == DIALOGUE_SERVER)
            print_server(d, text, &line);
        if (part->over)
            buf_printf(&line, " (%" PRIu64 " octets more)", part->over);
        dialogue_tell(d, from, &line);
    } else {
        d->hidden += part->text.n + part->over + ended;
    }
    secret_wipe(part->text.p, part->text.n);
    buf_cut(&part->text, 0);
    part->over = 0;
}

void
dialogue_take(
    struct dialogue *d, enum dialogue_side from, const void *p, size_t n)
{
    struct dialogue_part *part = &d->part[from];
    struct str rest = str_make(p, n);

    if (!part->text.p) /* once: a buffer that grows would leave copies behind */
        buf_reserve(&part->text, DIALOGUE_LINE_MOST);
    while (rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t take = end ? (size_t)(end - rest.p) : rest.n;
        size_t keep = MIN_OF(take, (size_t)DIALOGUE_LINE_MOST - part->text.n);

        buf_add(&part->text, rest.p, keep);
        part->over += take - keep;
        take += end != NULL;
        rest.p += take;
        rest.n -= take;
        if (end)
            dialogue_line(d, from, true);
    }
}

void
dialogue_fini(struct dialogue *d)
{
    for (int side = 0; side < 2; side++) {
        if (d->part[side].text.n)
            dialogue_line(d, (enum dialogue_side)side, false);
        buf_fini(&d->part[side].text);
    }
    dialogue_flush(d);
}
