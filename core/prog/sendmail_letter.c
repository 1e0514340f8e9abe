/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/sendmail_letter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "base/xmem.h"
#include "base/banned.h"

enum {
    RCPTS_MOST = 10000,
    WORD_OCTETS = 45, /* of a name: 60 of base64, within RFC 2047's 75 */
    RANDOM_OCTETS = 12
};

/* --- from the standard input to a file --- */

struct copy {
    int from, to;
    bool dots;
    char block[65536]; /* a line that is longer comes in pieces */
    size_t at, n;
    bool end;    /* of the input */
    bool within; /* the next piece goes on in a line */
    bool header, field, first, skip;
};

/* A line, or as much of it as the block has room for; 0: there is no more. */
static int
copy_take(struct copy *c, struct str *piece, struct err *e)
{
    for (;;) {
        struct str have = str_make(c->block + c->at, c->n - c->at);
        size_t line = str_chr(have, '\n', 0);
        if (line != SIZE_MAX || c->end || have.n == sizeof(c->block)) {
            *piece = str_sub(have, 0, line == SIZE_MAX ? have.n : line + 1);
            c->at += piece->n;
            return piece->n > 0;
        }
        memmove(c->block, have.p, have.n);
        c->at = 0;
        c->n = have.n;
        ssize_t got = read(c->from, c->block + c->n, sizeof(c->block) - c->n);
        if (got < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, errno, "reading the message");
        c->end = got == 0;
        c->n += got > 0 ? (size_t)got : 0;
    }
}

static int
copy_put(struct copy *c, struct str s, struct err *e)
{
    while (s.n) {
        ssize_t done = write(c->to, s.p, s.n);
        if (done < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, errno, "storing the message");
        s = str_from(s, done > 0 ? (size_t)done : 0);
    }
    return 0;
}

static bool
is_field(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] > ' ' && s.p[n] < 127 && s.p[n] != ':')
        n++;
    if (!n)
        return false;
    while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
        n++;
    return n < s.n && s.p[n] == ':';
}

/* Alone: with blanks behind it, it is text. */
static bool
is_dot(struct str line)
{
    return str_eq(line, STR(".\n")) || str_eq(line, STR(".\r\n")) ||
        str_eq(line, STR("."));
}

/* The beginning of a line: false: it is the end of the message. */
static bool
copy_look(struct copy *c, struct str line, struct str *before)
{
    *before = STR("");
    if (!c->dots && is_dot(line))
        return false;
    c->skip = c->first &&
        (str_starts(line, STR("From ")) || str_starts(line, STR(">From ")));
    c->first = false;
    if (!c->header || c->skip)
        return true;
    if (line.p[0] == '\n' || str_starts(line, STR("\r\n"))) {
        c->header = false;
    } else if (is_field(line)) {
        c->field = true;
    } else if (!c->field || (line.p[0] != ' ' && line.p[0] != '\t')) {
        c->header = false; /* a text without a header, or without its end */
        *before = STR("\n");
    }
    return true;
}

int
sendmail_copy(int from, int to, bool dots, struct err *e)
{
    struct copy *c = xnew(struct copy);
    struct str piece, before = STR("");
    int rc;

    c->from = from;
    c->to = to;
    c->dots = dots;
    c->header = c->first = true;
    while ((rc = copy_take(c, &piece, e)) > 0) {
        if (!c->within && !copy_look(c, piece, &before)) {
            rc = 0;
            break;
        }
        c->within = !str_ends(piece, STR("\n"));
        if (c->skip)
            continue;
        if (copy_put(c, before, e) < 0 || copy_put(c, piece, e) < 0) {
            rc = e->code;
            break;
        }
        before = STR("");
    }
    /* a header alone ends, too */
    if (rc == 0 && c->header)
        rc = copy_put(c, c->within ? STR("\n\n") : STR("\n"), e);
    free(c);
    return rc;
}

/* --- the header --- */

static int
addresses_of(struct sendmail_letter *l, struct str name, struct err *e)
{
    struct buf value = BUF_INIT;
    size_t at = 0;
    int rc = 0;
    while (rc == 0 &&
        inject_address_field(inject_text_head(l->text), name, &at, &value))
        rc = inject_address_parse(buf_get(&value), &l->rcpts, e);
    if (rc < 0)
        err_prefix(e, "%.*s", STR_ARG(name));
    buf_fini(&value);
    if (rc == 0 && l->rcpts.count > RCPTS_MOST)
        rc = err_set(e, ERR_LIMIT, "more than %d recipients", RCPTS_MOST);
    return rc;
}

static bool
has_field(const struct sendmail_letter *l, struct str name)
{
    struct buf value = BUF_INIT;
    size_t at = 0;
    bool has =
        inject_address_field(inject_text_head(l->text), name, &at, &value);
    buf_fini(&value);
    return has;
}

/* A message that is sent on is for those it is sent on to. */
static int
take_rcpts(struct sendmail_letter *l, struct err *e)
{
    static const struct str names[2][3] = {{{"To", 2}, {"Cc", 2}, {"Bcc", 3}},
        {{"Resent-To", 9}, {"Resent-Cc", 9}, {"Resent-Bcc", 10}}};
    bool resent = false;

    for (size_t i = 0; i < 3; i++)
        resent |= has_field(l, names[1][i]);
    for (size_t i = 0; i < 3; i++)
        if (addresses_of(l, names[resent][i], e) < 0)
            return e->code;
    return 0;
}

static int
letter_take(
    const struct sendmail_args *o, struct sendmail_letter *l, struct err *e)
{
    for (size_t i = 0; i < o->rcpts.count; i++)
        inject_address_add(&l->rcpts, str_of(o->rcpts.is[i]));
    if (o->read_recipients && take_rcpts(l, e) < 0)
        return e->code;
    if (!l->rcpts.count)
        return err_set(e, ERR_INVAL, "the header names no recipient");
    inject_text_drop(l->text, STR("Bcc"));
    inject_text_drop(l->text, STR("Resent-Bcc"));
    l->has_from = has_field(l, STR("From"));
    l->has_date = has_field(l, STR("Date"));
    l->has_id = has_field(l, STR("Message-ID"));
    return inject_text_finish(l->text, e);
}

int
sendmail_letter_read(const struct sendmail_args *o, int from,
    struct sendmail_letter *to, struct err *e)
{
    struct stat st;
    int rc, fd = inject_text_scratch(e);

    *to = (struct sendmail_letter){.rcpts = {.bare = true}};
    if (fd < 0)
        return err_prefix(e, "a file for the message");
    rc = sendmail_copy(from, fd, o->dots, e);
    if (rc == 0 && fstat(fd, &st) < 0)
        rc = err_errno(e, ERR_IO, errno, "the message");
    if (rc == 0)
        rc = inject_text_open(
            fd, 0, (uint64_t)st.st_size, INJECT_QUOTING_NONE, &to->text, e);
    (void)close(fd);
    if (rc == 0)
        rc = letter_take(o, to, e);
    return rc;
}

void
sendmail_letter_fini(struct sendmail_letter *l)
{
    inject_text_unref(&l->text);
    inject_address_fini(&l->rcpts);
    buf_fini(&l->front);
}

/* --- fields that are missing --- */

char *
sendmail_qualify(struct str address, struct str host)
{
    struct address a;
    bool bare = address.n &&
        address_parse(address, ADDRESS_UTF8 | ADDRESS_NO_DOMAIN, &a, NULL) ==
            0 &&
        !a.domain.p;
    return bare ? xprintf("%.*s@%.*s", STR_ARG(address), STR_ARG(host))
                : xdupn(address.p, address.n);
}

static void
put_encoded(struct str s, struct buf *to)
{
    while (s.n) {
        size_t n = 0, next;
        while ((next = utf8_length(str_from(s, n))) && n + next <= WORD_OCTETS)
            n += next;
        buf_cstr(to, "=?utf-8?B?");
        base64_encode(to, str_sub(s, 0, n));
        buf_cstr(to, "?=");
        s = str_from(s, n);
        if (s.n)
            buf_cstr(to, "\r\n ");
    }
}

void
sendmail_phrase(struct str name, struct buf *to)
{
    struct buf clean = BUF_INIT;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        buf_char(&clean, c < ' ' || c == 127 ? ' ' : name.p[i]);
    }
    struct str s = str_trim(buf_get(&clean));
    if (!str_is_ascii(s) && utf8_is_valid(s)) {
        put_encoded(s, to);
    } else {
        buf_char(to, '"');
        for (size_t i = 0; i < s.n; i++) {
            if (s.p[i] == '"' || s.p[i] == '\\')
                buf_char(to, '\\');
            buf_char(to, (unsigned char)s.p[i] > 126 ? '?' : s.p[i]);
        }
        buf_char(to, '"');
    }
    buf_fini(&clean);
}

static void
put_id(struct buf *to, struct str host)
{
    unsigned char random[RANDOM_OCTETS] = {0};
    (void)getrandom(random, sizeof(random), 0); /* the time is in it, too */
    buf_printf(to, "Message-ID: <%llx.", (unsigned long long)clock_wall());
    for (size_t i = 0; i < sizeof(random); i++)
        buf_printf(to, "%02x", random[i]);
    buf_printf(to, "@%.*s>\r\n", STR_ARG(host));
}

void
sendmail_letter_complete(struct sendmail_letter *l,
    const struct sendmail_user *user, struct str host, struct str mailbox)
{
    struct buf *to = &l->front;
    buf_printf(to, "Received: by %.*s (impel-sendmail, from uid %lu)\r\n\t; ",
        STR_ARG(host), user->uid);
    clock_print_rfc5322(to, clock_wall());
    buf_cstr(to, "\r\n");
    if (!l->has_date) {
        buf_cstr(to, "Date: ");
        clock_print_rfc5322(to, clock_wall());
        buf_cstr(to, "\r\n");
    }
    if (!l->has_from) {
        buf_cstr(to, "From: ");
        if (user->name) {
            sendmail_phrase(str_of(user->name), to);
            buf_char(to, ' ');
        }
        buf_printf(to, "<%.*s>\r\n", STR_ARG(mailbox));
    }
    if (!l->has_id)
        put_id(to, host);
}
