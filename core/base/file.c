/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/secret.h"
#include "base/banned.h"

static int
file_fail(struct err *e, int code)
{
    return err_set(e, code, "%s", libc_error_text(errno));
}

/* n bytes at most; there may be less by now. */
static int
file_take(int fd, size_t n, struct buf *to, struct err *e)
{
    size_t end = to->n + n;

    buf_reserve(to, n + 1); /* to see whether more follows */
    for (;;) {
        ssize_t got = read(fd, to->p + to->n, end + 1 - to->n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_fail(e, ERR_IO);
        if (got == 0)
            break;
        to->n += (size_t)got;
        if (to->n > end)
            return err_set(e, ERR_CONF, "it grows while it is read");
    }
    to->p[to->n] = '\0';
    return 0;
}

static int
file_take_checked(
    int fd, size_t most, struct stat *st, struct buf *to, struct err *e)
{
    size_t was = to->n;
    int rc;

    if (fstat(fd, st) < 0)
        return file_fail(e, ERR_IO);
    if (!S_ISREG(st->st_mode))
        return err_set(e, ERR_CONF, "it is no regular file");
    if ((uintmax_t)st->st_size > most)
        return err_set(e, ERR_CONF, "it is larger than %zu bytes", most);
    rc = file_take(fd, (size_t)st->st_size, to, e);
    if (rc < 0) {
        secret_wipe(to->p + was, to->n - was);
        buf_cut(to, was);
    }
    return rc;
}

int
file_read(const char *path, size_t most, struct stat *st, struct buf *to,
    struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;
    struct stat mine;

    if (fd < 0)
        return file_fail(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO);
    rc = file_take_checked(fd, most, st ? st : &mine, to, e);
    (void)close(fd); /* it was only read */
    return rc;
}
