/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/secretref.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum { SECRETREF_MAX = 65536 };

static int
secretref_slurp(int fd, const char *path, struct buf *to, struct err *e)
{
    size_t was = to->n;
    struct stat st;

    if (fstat(fd, &st))
        return err_errno(e, ERR_CONF, errno, "secret file %s", path);
    if (!S_ISREG(st.st_mode) || st.st_size > SECRETREF_MAX)
        return err_set(e, ERR_CONF,
            "secret file %s is not a regular file of at most %d bytes", path,
            SECRETREF_MAX);
    for (;;) {
        char part[4096];
        ssize_t n = read(fd, part, sizeof(part));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_CONF, errno, "secret file %s", path);
        if (n == 0)
            break;
        buf_add(to, part, (size_t)n);
        explicit_bzero(part, sizeof(part));
        if (to->n - was > SECRETREF_MAX)
            return err_set(e, ERR_CONF, "secret file %s is too long", path);
    }
    if (to->n > was && to->p[to->n - 1] == '\n')
        buf_cut(to, to->n - 1);
    return 0;
}

static int
secretref_file(struct str name, struct buf *to, struct err *e)
{
    char path[PATH_MAX];
    int fd, rc;

    if (!str_copy(path, sizeof(path), name) || path[0] != '/')
        return err_set(
            e, ERR_CONF, "file: takes an absolute path, as file:/etc/secret");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_errno(e, ERR_CONF, errno, "secret file %s", path);
    rc = secretref_slurp(fd, path, to, e);
    (void)close(fd); /* it was only read */
    return rc;
}

static int
secretref_env(struct str name, struct buf *to, struct err *e)
{
    char z[256];
    const char *v;

    if (!name.n || !str_copy(z, sizeof(z), name))
        return err_set(e, ERR_CONF, "env: takes a name, as env:SMTP_PASSWORD");
    v = getenv(z);
    if (!v)
        return err_set(e, ERR_CONF, "env:%s is not in the environment", z);
    buf_cstr(to, v);
    return 0;
}

int
secretref_read(struct str ref, struct buf *to, struct err *e)
{
    if (str_starts(ref, STR("file:")))
        return secretref_file(str_from(ref, 5), to, e);
    if (str_starts(ref, STR("env:")))
        return secretref_env(str_from(ref, 4), to, e);
    buf_str(to, ref);
    return 0;
}
