/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-sendmail.c - what programs write into impel-sendmail, and what a server
 * answers (behind the first NUL).  Whatever comes in, the header that goes out
 * is fields up to an empty line, and each recipient is an address.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "prog/sendmail_smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 60000 };

static void
must(bool it)
{
    if (!it)
        abort();
}

static int
file_of(const uint8_t *data, size_t n)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    must(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void
check_header(struct str head)
{
    bool any = false;

    while (head.n) {
        struct str line = str_cut(&head, '\n');
        bool fold = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
        if (!line.n || str_eq(line, STR("\r")))
            break;
        must(fold ? any : str_chr(line, ':', 0) != SIZE_MAX);
        any = true;
    }
}

static void
check_letter(struct sendmail_letter *l)
{
    struct sendmail_user user = {.uid = 1, .login = "u", .name = "a\r\nb: \"c"};

    check_header(inject_text_head(l->text));
    for (size_t i = 0; i < l->rcpts.count; i++) {
        struct address a;
        char *whole = sendmail_qualify(str_of(l->rcpts.is[i]), STR("host.x"));
        must(address_parse(str_of(whole), ADDRESS_UTF8, &a, NULL) == 0);
        must(a.domain.p != NULL);
        free(l->rcpts.is[i]);
        l->rcpts.is[i] = whole;
    }
    sendmail_letter_complete(l, &user, STR("host.x"), STR("u@host.x"));
    check_header(buf_get(&l->front));
}

/* All that the server will ever say is there before it is asked. */
static void
try_server(const uint8_t *data, size_t n, const struct sendmail_args *o,
    const struct sendmail_letter *l)
{
    struct sendmail_envelope v = {.options = o,
        .sender = STR("u@host.x"),
        .rcpts = l->rcpts.is,
        .count = l->rcpts.count};
    struct sendmail_server *s;
    struct err e;
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    must(send(fds[1], data, n, MSG_NOSIGNAL) == (ssize_t)n);
    (void)shutdown(fds[1], SHUT_WR);
    s = sendmail_adopt(fds[0], false);
    if (sendmail_greet(s, &e) == 0)
        (void)sendmail_send(s, &v, l, &e);
    sendmail_close(&s);
    (void)close(fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sendmail_args o = {.read_recipients = true};
    struct sendmail_letter l;
    struct err e;
    const uint8_t *said;
    size_t text;
    int fd;

    if (n > MOST)
        n = MOST;
    said = n ? memchr(data, 0, n) : NULL;
    text = said ? (size_t)(said - data) : n;
    o.dots = n && (data[0] & 1);
    fd = file_of(data, text);
    if (sendmail_letter_read(&o, fd, &l, &e) == 0) {
        check_letter(&l);
        if (said && l.rcpts.count < 100)
            try_server(said + 1, n - text - 1, &o, &l);
    }
    sendmail_letter_fini(&l);
    (void)close(fd);
    return 0;
}
