/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_password.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"
#include "intake/users.h"
#include "base/banned.h"

enum { LINE_MAX_SIZE = 1024 };

/* Byte by byte into memory that is wiped: stdio would keep a copy. */
static int
read_line(char to[LINE_MAX_SIZE], size_t *n, struct err *e)
{
    char c;
    ssize_t got;

    *n = 0;
    while ((got = read(STDIN_FILENO, &c, 1)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, ERR_IO, errno, "reading the password");
        if (c == '\n')
            break;
        if (*n == LINE_MAX_SIZE)
            return err_set(e, ERR_INVAL, "the password is too long");
        to[(*n)++] = c;
    }
    return 0;
}

static int
ask(const char *prompt, char to[LINE_MAX_SIZE], size_t *n, struct err *e)
{
    struct termios was, quiet;
    bool terminal = tcgetattr(STDIN_FILENO, &was) == 0;
    int rc;

    if (terminal) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        (void)fputs(prompt, stderr);
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
            return err_errno(e, ERR_IO, errno, "turning the echo off");
    }
    rc = read_line(to, n, e);
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        (void)fputs("\n", stderr);
    }
    return rc;
}

int
impel_password(struct str name, struct buf *to, struct err *e)
{
    char first[LINE_MAX_SIZE], second[LINE_MAX_SIZE];
    size_t n = 0, again = 0;
    int rc = ask("Password: ", first, &n, e);

    if (rc == 0 && isatty(STDIN_FILENO)) {
        rc = ask("Once more: ", second, &again, e);
        if (rc == 0 && !str_eq(str_make(first, n), str_make(second, again)))
            rc = err_set(e, ERR_INVAL, "the two are not the same");
    }
    if (rc == 0)
        rc = users_make_line(name, str_make(first, n), to, e);
    secret_wipe(first, sizeof(first));
    secret_wipe(second, sizeof(second));
    return rc;
}
