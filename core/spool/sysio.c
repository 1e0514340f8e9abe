/* SPDX-License-Identifier: Apache-2.0
 *
 * sysio.c - the real calls, and loops over short ones.
 */
#include "spool/sysio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/xmem.h"

#include "base/banned.h"

_Static_assert(sizeof(off_t) == 8, "FEATURES of Makefile.am make it so");

static int
real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags | O_CLOEXEC, mode);
}

static int
real_fallocate(int fd, off_t size)
{
    int r = fallocate(fd, 0, 0, size);
    if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        return 0; /* the zeros that follow allocate as well */
    return r;
}

/* Only a hint: where it cannot be had the sync does all of the work. */
static int
real_write_out(int fd, off_t at, off_t n)
{
    (void)sync_file_range(fd, at, n, SYNC_FILE_RANGE_WRITE);
    return 0;
}

const struct sysio sysio_real = {
    .open = real_open,
    .close = close,
    .pwritev = pwritev,
    .pread = pread,
    .fdatasync = fdatasync,
    .fsync_dir = fsync,
    .fallocate = real_fallocate,
    .write_out = real_write_out,
    .ftruncate = ftruncate,
    .rename = rename,
    .unlink = unlink,
    .mkdir = mkdir,
    .statvfs = statvfs,
};

static const struct sysio *table_in_force = &sysio_real;

void
sysio_set(const struct sysio *table)
{
    table_in_force = table ? table : &sysio_real;
}

const struct sysio *
sysio_get(void)
{
    return table_in_force;
}

/* Step over n bytes that were written. */
static void
iov_advance(struct iovec **iov, int *count, size_t n)
{
    while (*count && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        ++*iov;
        --*count;
    }
    if (*count) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

int
sysio_write_all(int fd, struct iovec *iov, int count, off_t at)
{
    iov_advance(&iov, &count, 0);
    while (count) {
        int some = count > IOV_MAX ? IOV_MAX : count;
        ssize_t n = sysio_get()->pwritev(fd, iov, some, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0) {
            errno = ENOSPC;
            return -1;
        }
        at += n;
        iov_advance(&iov, &count, (size_t)n);
    }
    return 0;
}

ssize_t
sysio_read_all(int fd, void *to, size_t n, off_t at)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r =
            sysio_get()->pread(fd, (char *)to + got, n - got, at + (off_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

int
sysio_code(int errnum)
{
    return errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG ? ERR_FULL
                                                                   : ERR_IO;
}

/* --- syncs --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t free;
    bool taken;
    unsigned commits; /* that wait */
} turn = {.lock = PTHREAD_MUTEX_INITIALIZER, .free = PTHREAD_COND_INITIALIZER};

static void
turn_take(bool commit)
{
    pthread_mutex_lock(&turn.lock);
    turn.commits += commit;
    while (turn.taken || (turn.commits && !commit))
        pthread_cond_wait(&turn.free, &turn.lock);
    turn.commits -= commit;
    turn.taken = true;
    pthread_mutex_unlock(&turn.lock);
}

static void
turn_give(void)
{
    pthread_mutex_lock(&turn.lock);
    turn.taken = false;
    pthread_cond_broadcast(&turn.free);
    pthread_mutex_unlock(&turn.lock);
}

static int
sync_in_turn(int fd, int (*sync)(int fd), bool commit)
{
    int r, saved;

    turn_take(commit);
    r = sync(fd);
    saved = errno;
    turn_give();
    errno = saved;
    return r;
}

int
sysio_sync_commit(int fd)
{
    return sync_in_turn(fd, sysio_get()->fdatasync, true);
}

int
sysio_sync(int fd)
{
    return sync_in_turn(fd, sysio_get()->fdatasync, false);
}

int
sysio_sync_dir(const char *path)
{
    int saved, r;
    int fd = sysio_get()->open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return -1;
    r = sync_in_turn(fd, sysio_get()->fsync_dir, false);
    saved = errno;
    (void)sysio_get()->close(fd); /* nothing was written through it */
    errno = saved;
    return r;
}

char *
sysio_parent(const char *path)
{
    size_t slash = str_rchr(str_of(path), '/');

    if (slash == SIZE_MAX)
        return xdup(".");
    return xdupn(path, slash ? slash : 1);
}

int
sysio_sync_parent(const char *path)
{
    char *parent = sysio_parent(path);
    int r = sysio_sync_dir(parent), saved = errno;

    free(parent);
    errno = saved;
    return r;
}

int
sysio_put(const char *path, int flags, mode_t mode, struct str text)
{
    struct iovec iov = {(void *)(uintptr_t)text.p, text.n};
    const struct sysio *io = sysio_get();
    int bad, keep, fd = io->open(path, O_WRONLY | flags, mode);

    bad = fd < 0 || sysio_write_all(fd, &iov, 1, 0) < 0 || sysio_sync(fd) < 0;
    keep = errno;
    if (fd >= 0)
        (void)io->close(fd); /* it was synced, or is of no use */
    errno = keep;
    return bad ? -1 : 0;
}

int
sysio_replace(const char *path, mode_t mode, struct str text)
{
    char *temp = xprintf("%s.new", path);
    bool bad = sysio_put(temp, O_CREAT | O_TRUNC, mode, text) < 0 ||
        sysio_get()->rename(temp, path) < 0 || sysio_sync_parent(path) < 0;
    int keep = errno;

    if (bad)
        (void)sysio_get()->unlink(temp); /* it may be gone */
    free(temp);
    errno = keep;
    return bad ? -1 : 0;
}
