/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/banned.h"

int
pidfile_open(const char *path, int *fd, struct err *e)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0)
        return err_errno(e, ERR_IO, errno, "%s", path);
    /* flock, unlike fcntl locks, is inherited over the fork */
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    int rc = errno == EWOULDBLOCK
        ? err_set(e, ERR_BUSY, "%s is held by a running impeld", path)
        : err_errno(e, ERR_IO, errno, "%s: lock", path);
    close(*fd);
    *fd = -1;
    return rc;
}

int
pidfile_write(int fd, const char *path, struct err *e)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return err_errno(e, ERR_IO, errno, "%s: write", path);
    return 0;
}

void
pidfile_remove(const char *path, int *fd)
{
    if (*fd < 0)
        return;
    (void)unlink(path); /* gone, or in a directory of root: as it is */
    close(*fd);
    *fd = -1;
}
