/* SPDX-License-Identifier: Apache-2.0
 *
 * sysio.h - every system call that touches the spool's files, in one table.
 *
 * The spool calls nothing else, so a test that replaces the table sees each
 * write, sync, rename and unlink in order and can fail or tear any of them.
 * Results are those of the system calls: -1 and errno.
 */
#ifndef IMPEL_SYSIO_H
#define IMPEL_SYSIO_H

#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/str.h"

struct sysio {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pwritev)(int fd, const struct iovec *iov, int count, off_t at);
    ssize_t (*pread)(int fd, void *to, size_t n, off_t at);
    int (*fdatasync)(int fd);
    int (*fsync_dir)(int fd);
    int (*fallocate)(int fd, off_t size);
    /* Begin to write out a part of a file, and do not wait for it. */
    int (*write_out)(int fd, off_t at, off_t n);
    int (*ftruncate)(int fd, off_t size);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*statvfs)(const char *path, struct statvfs *to);
};

extern const struct sysio sysio_real;
/* Tests only, while no spool is open; NULL: the real one. */
void sysio_set(const struct sysio *table);
const struct sysio *sysio_get(void);

/* All bytes, over short writes and EINTR: 0, or -1 and errno (ENOSPC where a
 * write makes no progress).  iov is used up. */
int sysio_write_all(int fd, struct iovec *iov, int count, off_t at);
/* Up to n bytes until the end of the file: the count, or -1 and errno. */
ssize_t sysio_read_all(int fd, void *to, size_t n, off_t at);
/* What errnum means to a caller: ERR_FULL (no space, over the quota, over the
 * limit of a file's size) or ERR_IO. */
int sysio_code(int errnum);

/* --- syncs ---
 * They never overlap: each takes its turn, and a commit goes before all that
 * wait.  What would keep the device busy for long (zeros of a new segment, a
 * large body) is therefore written out in parts, and synced when little is
 * left to do.  Any thread; -1 and errno as the system call. */
/* fdatasync of the segment that a commit was written to. */
int sysio_sync_commit(int fd);
/* fdatasync of any other file. */
int sysio_sync(int fd);
/* fsync of a directory by name. */
int sysio_sync_dir(const char *path);
/* The directory that holds path, to be freed. */
char *sysio_parent(const char *path);
/* fsync of it. */
int sysio_sync_parent(const char *path);

/* --- small files ---
 * A text, synced; -1 and errno. */
/* Over what is there, from its first octet; flags: of open(2), beside the way.
 */
int sysio_put(const char *path, int flags, mode_t mode, struct str text);
/* In place of the file that was there, by way of PATH.new: a crash leaves the
 * old one or the new one. */
int sysio_replace(const char *path, mode_t mode, struct str text);

#endif
