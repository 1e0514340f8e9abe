/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/sendmail_smtp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/address.h"
#include "base/xmem.h"
#include "prog/inject_args.h"
#include "base/banned.h"

enum {
    WAIT_S = 300, /* for a reply, and for room to write (RFC 5321 4.5.3.2) */
    LINE_MOST = 4096,
    LINES_MOST = 100,
    SAID_MOST = 300, /* of a reply that is shown */
    SUBMIT_PORT = 25
};

struct sendmail_server {
    int fd;
    bool verbose;
    char input[LINE_MOST];
    size_t at, n;
    struct buf out, host;
    char said[SAID_MOST]; /* the last line of the last reply, after the code */
    bool eight_bit, size, utf8, dsn;
};

/* --- the connection --- */

static int
connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;
    if (!str_copy(to.sun_path, sizeof(to.sun_path), str_of(path))) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        int keep = errno;
        (void)close(fd);
        errno = keep;
        return -1;
    }
    return fd;
}

static int
connect_tcp(const char *host, unsigned port)
{
    struct addrinfo how = {.ai_socktype = SOCK_STREAM}, *list, *a;
    char number[8];
    int fd = -1;
    snprintf(number, sizeof(number), "%u", port ? port : SUBMIT_PORT);
    errno = EHOSTUNREACH;
    if (getaddrinfo(host, number, &how, &list) != 0)
        return -1;
    for (a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            int keep = errno;
            (void)close(fd);
            fd = -1;
            errno = keep;
        }
    }
    freeaddrinfo(list);
    return fd;
}

struct sendmail_server *
sendmail_adopt(int fd, bool verbose)
{
    struct sendmail_server *s = xnew(struct sendmail_server);
    struct timeval wait = {.tv_sec = WAIT_S};

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    s->fd = fd;
    s->verbose = verbose;
    return s;
}

int
sendmail_connect(
    const char *where, bool verbose, struct sendmail_server **to, struct err *e)
{
    char host[INJECT_HOST];
    uint16_t port;

    *to = NULL;
    if (inject_args_host(where, host, &port, e) < 0)
        return EX_CONFIG;
    int fd = host[0] == '/' ? connect_unix(host) : connect_tcp(host, port);
    if (fd < 0) {
        (void)err_errno(
            e, ERR_CLOSED, errno, "no server takes mail at %s", where);
        return EX_TEMPFAIL;
    }
    *to = sendmail_adopt(fd, verbose);
    return 0;
}

void
sendmail_close(struct sendmail_server **sp)
{
    struct sendmail_server *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    (void)close(s->fd);
    buf_fini(&s->out);
    buf_fini(&s->host);
    free(s);
}

static void
show(const struct sendmail_server *s, const char *sign, struct str line)
{
    if (!s->verbose)
        return;
    fprintf(stderr, "%s ", sign);
    line = str_trim(line);
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        fputc(c < ' ' || c == 127 ? '?' : c, stderr);
    }
    fputc('\n', stderr);
}

/* --- replies --- */

/* One line without its end; it stands until the next call. */
static int
read_line(struct sendmail_server *s, struct str *line, struct err *e)
{
    for (;;) {
        struct str have = str_make(s->input + s->at, s->n - s->at);
        size_t n = str_chr(have, '\n', 0);
        if (n != SIZE_MAX) {
            *line = str_trim(str_sub(have, 0, n));
            s->at += n + 1;
            return 0;
        }
        memmove(s->input, have.p, have.n);
        s->at = 0;
        s->n = have.n;
        if (s->n == sizeof(s->input))
            return err_set(e, ERR_PROTO, "the server says no SMTP");
        ssize_t got = read(s->fd, s->input + s->n, sizeof(s->input) - s->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return err_set(e, ERR_TIMEOUT, "the server does not answer");
        if (got <= 0)
            return err_set(e, ERR_CLOSED, "the server has gone away");
        s->n += (size_t)got;
    }
}

/* "250-TEXT" or "250 TEXT"; or 0. */
static unsigned
code_of(struct str line)
{
    unsigned code = 0;
    if (line.n < 3)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return 0;
        code = 10 * code + (unsigned)(line.p[i] - '0');
    }
    return line.n == 3 || line.p[3] == ' ' || line.p[3] == '-' ? code : 0;
}

static void
take_line(struct sendmail_server *s, struct str line, bool of_ehlo, bool first)
{
    struct str text = str_from(line, 4), word = str_cut(&text, ' ');
    if (!of_ehlo)
        return;
    if (first)
        buf_str(&s->host, word);
    s->eight_bit |= str_ieq(word, STR("8BITMIME"));
    s->size |= str_ieq(word, STR("SIZE"));
    s->utf8 |= str_ieq(word, STR("SMTPUTF8"));
    s->dsn |= str_ieq(word, STR("DSN"));
}

/* The code of the whole reply, whose last line is in s->said; < 0: ERR_*. */
static int
read_reply(struct sendmail_server *s, bool of_ehlo, struct err *e)
{
    struct str line;
    unsigned code = 0;
    for (int i = 0; i < LINES_MOST; i++) {
        if (read_line(s, &line, e) < 0)
            return e->code;
        unsigned is = code_of(line);
        show(s, "<<<", line);
        if (is < 200 || is > 599 || (code && is != code))
            return err_set(e, ERR_PROTO, "the server says no SMTP");
        code = is;
        if (of_ehlo && code == 250)
            take_line(s, line, of_ehlo, i == 0);
        if (line.n == 3 || line.p[3] == ' ') {
            (void)str_copy(s->said, sizeof(s->said), line);
            return (int)code;
        }
    }
    return err_set(e, ERR_PROTO, "a reply of the server has no end");
}

/* --- what is said --- */

static int
flush(struct sendmail_server *s, struct err *e)
{
    for (struct str rest = buf_get(&s->out); rest.n;) {
        ssize_t n = send(s->fd, rest.p, rest.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK
                ? err_set(e, ERR_TIMEOUT, "the server takes nothing")
                : err_set(e, ERR_CLOSED, "the server has gone away");
        rest = str_from(rest, (size_t)n);
    }
    buf_cut(&s->out, 0);
    return 0;
}

/* The command in s->out, and its reply. */
static int
ask(struct sendmail_server *s, struct err *e)
{
    show(s, ">>>", buf_get(&s->out));
    if (flush(s, e) < 0 && e->code != ERR_CLOSED)
        return e->code;
    return read_reply(s, false, e); /* it may have said why it went */
}

int
sendmail_status(unsigned code, bool of_rcpt)
{
    if (code < 400 || code / 100 == 4)
        return EX_TEMPFAIL;
    switch (code) {
    case 550:
    case 551:
    case 553:
        return of_rcpt ? EX_NOUSER : EX_UNAVAILABLE;
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
        return EX_PROTOCOL;
    case 530:
    case 535:
        return EX_NOPERM;
    case 556:
        return EX_NOHOST;
    default:
        return EX_UNAVAILABLE;
    }
}

/* What rc, a code or an ERR_*, means where `class` was hoped for: 0 or EX_*. */
static int
judge(struct sendmail_server *s, int rc, int class, bool of_rcpt,
    const char *what, struct err *e)
{
    if (rc / 100 == class)
        return 0;
    if (rc < 0) {
        err_prefix(e, "%s", what);
        return rc == ERR_PROTO ? EX_PROTOCOL : EX_TEMPFAIL;
    }
    (void)err_set(e, ERR_DENIED, "%s: the server says: %s", what, s->said);
    return sendmail_status((unsigned)rc, of_rcpt);
}

int
sendmail_greet(struct sendmail_server *s, struct err *e)
{
    char name[256] = "";
    int rc = judge(s, read_reply(s, false, e), 2, false, "greeting", e);
    if (rc)
        return rc;
    if (gethostname(name, sizeof(name) - 1) < 0 ||
        !address_is_domain(str_of(name), false))
        (void)str_copy(name, sizeof(name), STR("localhost"));
    buf_printf(&s->out, "EHLO %s\r\n", name);
    show(s, ">>>", buf_get(&s->out));
    if (flush(s, e) < 0)
        return EX_TEMPFAIL;
    rc = judge(s, read_reply(s, true, e), 2, false, "EHLO", e);
    if (rc == 0 && !address_is_domain(buf_get(&s->host), true)) {
        (void)err_set(e, ERR_PROTO, "the server's name is no domain: \"%.*s\"",
            STR_ARG(buf_get(&s->host)));
        rc = EX_PROTOCOL;
    }
    return rc;
}

struct str
sendmail_host(const struct sendmail_server *s)
{
    return buf_get(&s->host);
}

/* --- the envelope --- */

static bool
needs_utf8(const struct sendmail_envelope *v)
{
    bool ascii = str_is_ascii(v->sender);
    for (size_t i = 0; i < v->count && ascii; i++)
        ascii = str_is_ascii(str_of(v->rcpts[i]));
    return !ascii;
}

/* What was asked for and cannot be had is not left out in silence. */
static int
check_offers(const struct sendmail_server *s, const struct sendmail_envelope *v,
    struct err *e)
{
    const struct sendmail_args *o = v->options;
    const char *lacks = !s->utf8 && needs_utf8(v)      ? "SMTPUTF8"
        : !s->dsn && (o->notify || o->ret || o->envid) ? "DSN"
                                                       : NULL;
    if (!lacks)
        return 0;
    (void)err_set(e, ERR_DENIED, "the server does not offer %s", lacks);
    return EX_UNAVAILABLE;
}

static int
say_mail(struct sendmail_server *s, const struct sendmail_envelope *v,
    const struct sendmail_letter *l, struct err *e)
{
    const struct sendmail_args *o = v->options;
    bool eight = o->body == SENDMAIL_BODY_8BIT ||
        (o->body == SENDMAIL_BODY_ANY && l->text->eight_bit);

    buf_printf(&s->out, "MAIL FROM:<%.*s>", STR_ARG(v->sender));
    if (s->size)
        buf_printf(&s->out, " SIZE=%llu",
            (unsigned long long)(l->text->size + l->front.n));
    if (s->eight_bit && eight)
        buf_cstr(&s->out, " BODY=8BITMIME");
    if (needs_utf8(v))
        buf_cstr(&s->out, " SMTPUTF8");
    if (o->ret)
        buf_printf(&s->out, " RET=%s", o->ret);
    if (o->envid) {
        buf_cstr(&s->out, " ENVID=");
        address_xtext_encode(str_of(o->envid), &s->out);
    }
    buf_cstr(&s->out, "\r\n");
    return judge(s, ask(s, e), 2, false, "sender", e);
}

static void
put_notify(struct buf *to, unsigned notify)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    const char *sep = " NOTIFY=";
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (notify & 1U << i) {
            buf_printf(to, "%s%s", sep, words[i]);
            sep = ",";
        }
}

static int
say_rcpts(
    struct sendmail_server *s, const struct sendmail_envelope *v, struct err *e)
{
    for (size_t i = 0; i < v->count; i++) {
        buf_printf(&s->out, "RCPT TO:<%s>", v->rcpts[i]);
        put_notify(&s->out, v->options->notify);
        buf_cstr(&s->out, "\r\n");
        int rc = judge(s, ask(s, e), 2, true, v->rcpts[i], e);
        if (rc)
            return rc;
    }
    return 0;
}

/* --- the text --- */

/* Whole octets of lines that end in CRLF; *begins: the next is the first of a
 * line. */
static void
put_stuffed(struct buf *to, struct str s, bool *begins)
{
    while (s.n) {
        size_t n = str_chr(s, '\n', 0);
        n = n == SIZE_MAX ? s.n : n + 1;
        if (*begins && s.p[0] == '.')
            buf_char(to, '.');
        buf_str(to, str_sub(s, 0, n));
        *begins = s.p[n - 1] == '\n';
        s = str_from(s, n);
    }
}

static int
say_text(
    struct sendmail_server *s, const struct sendmail_letter *l, struct err *e)
{
    struct inject_reader *r = inject_reader_new(l->text);
    char block[16384];
    uint64_t at = 0;
    int64_t n = 0;
    bool begins = true;
    int rc = 0;

    buf_str(&s->out, buf_get(&l->front));
    while (rc == 0 && at < l->text->size &&
        (n = inject_reader_read(r, at, block, sizeof(block))) > 0) {
        put_stuffed(&s->out, str_make(block, (size_t)n), &begins);
        at += (uint64_t)n;
        rc = flush(s, e);
    }
    inject_reader_free(&r);
    if (rc == 0 && at < l->text->size)
        return err_set(e, ERR_IO, "the message cannot be read any more");
    return rc;
}

int
sendmail_send(struct sendmail_server *s, const struct sendmail_envelope *v,
    const struct sendmail_letter *l, struct err *e)
{
    int rc = check_offers(s, v, e);
    if (!rc)
        rc = say_mail(s, v, l, e);
    if (!rc)
        rc = say_rcpts(s, v, e);
    if (rc)
        return rc;
    buf_cstr(&s->out, "DATA\r\n");
    rc = judge(s, ask(s, e), 3, false, "message", e);
    if (rc)
        return rc;
    int text = say_text(s, l, e);
    if (text == ERR_IO)
        return EX_IOERR; /* without its end the server takes nothing */
    if (text < 0 && text != ERR_CLOSED)
        return EX_TEMPFAIL;
    show(s, ">>>", STR("."));
    buf_cstr(&s->out, ".\r\n");
    if (text == 0 && flush(s, e) < 0 && e->code != ERR_CLOSED)
        return EX_TEMPFAIL;
    rc = judge(s, read_reply(s, false, e), 2, false, "message", e);
    if (rc == 0 && text < 0) /* an answer to what it cannot have got */
        rc = EX_PROTOCOL;
    if (rc == 0) {
        buf_cstr(&s->out, "QUIT\r\n");
        (void)flush(s, NULL); /* it has the message, whatever it says now */
    }
    return rc;
}

/* --- -bs --- */

/* 1: some went over; 0: `from` has ended; < 0: ERR_*. */
static int
pass(int from, int to, struct err *e)
{
    char block[16384];
    ssize_t n = read(from, block, sizeof(block));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    if (n < 0)
        return err_errno(e, ERR_IO, errno, "reading");
    for (ssize_t done = 0, k; done<n; done += k> 0 ? k : 0) {
        k = write(to, block + done, (size_t)(n - done));
        if (k < 0 && errno != EINTR)
            return err_errno(e, ERR_IO, errno, "writing");
    }
    return n > 0;
}

int
sendmail_relay(struct sendmail_server *s, int in, int out, struct err *e)
{
    struct pollfd fds[2] = {
        {.fd = s->fd, .events = POLLIN}, {.fd = in, .events = POLLIN}};
    int rc = 1;

    while (rc > 0) {
        int n = poll(fds, 2, WAIT_S * 1000);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0) {
            (void)err_set(e, ERR_TIMEOUT, "nobody says anything");
            return EX_TEMPFAIL;
        }
        if (fds[0].revents)
            rc = pass(s->fd, out, e);
        if (rc > 0 && fds[1].revents && pass(in, s->fd, e) <= 0) {
            (void)shutdown(s->fd, SHUT_WR);
            fds[1].fd = -1;
        }
    }
    return rc < 0 ? EX_IOERR : 0;
}
