/* SPDX-License-Identifier: Apache-2.0
 *
 * shim.c - stands between a program and the file system (LD_PRELOAD).
 *
 * Calls that change files, and reads by position, are judged by the rules of
 * the file that SHIM_CONTROL names (rules.h): done, done slowly, done in part,
 * refused, or the end of the process.  What is no file under a name (sockets,
 * pipes) is left alone.  Threads: all.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "rules.h"

/* The function of this name that would be called without the shim. */
#define REAL(type, name, ...) \
    static type (*real_##name)(__VA_ARGS__); \
    if (!real_##name) \
    *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

/* Descriptors of files that were opened for writing: write() on others is not
 * even looked at. */
enum { FILES_MOST = 1 << 16 };
static _Atomic bool is_file[FILES_MOST];

static void
mark_file(int fd, int flags)
{
    if (fd >= 0 && fd < FILES_MOST && (flags & O_ACCMODE) != O_RDONLY)
        is_file[fd] = true;
}

static bool
known_file(int fd)
{
    return fd >= 0 && fd < FILES_MOST && is_file[fd];
}

static int64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct turn { /* one call */
    struct shim_verdict v;
    int64_t begun;
};

static struct turn
judge(enum shim_call call, const char *path)
{
    struct turn t = {.begun = now_us()};
    t.v = rules_judge(call, path);
    if (t.v.die) {
        (void)kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
    return t;
}

/* The rest of the time that the call shall take; errno is kept. */
static void
turn_end(const struct turn *t)
{
    int saved = errno;
    int64_t left = t->begun + t->v.slow_us - now_us();
    if (left > 0) {
        struct timespec wait = {left / 1000000, left % 1000000 * 1000};
        while (nanosleep(&wait, &wait) < 0 && errno == EINTR)
            ;
    }
    errno = saved;
}

static struct turn
turn_path(enum shim_call call, const char *path)
{
    struct turn none = {{0}, 0};
    int saved = errno;
    rules_look();
    if (rules_concern(call))
        none = judge(call, path);
    errno = saved;
    return none;
}

static struct turn
turn_fd(enum shim_call call, int fd)
{
    struct turn none = {{0}, 0};
    char link[64], path[PATH_MAX];
    int saved = errno;
    ssize_t n;

    rules_look();
    if (rules_concern(call)) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        if (path[0] == '/')
            none = judge(call, path);
    }
    errno = saved;
    return none;
}

/* Do `call` unless the verdict is against it. */
#define TURN(t, result, call) \
    do { \
        if ((t).v.error) { \
            (result) = -1; \
            errno = (t).v.error; \
        } else { \
            (result) = (call); \
        } \
        turn_end(&(t)); \
    } while (0)

/* --- names --- */

static int
do_open(int (*real)(int, const char *, int, ...), int at, const char *path,
    int flags, mode_t mode)
{
    struct turn t = turn_path(flags & O_CREAT ? SHIM_CREATE : SHIM_OPEN, path);
    int fd;
    TURN(t, fd, real(at, path, flags, mode));
    mark_file(fd, flags);
    return fd;
}

static mode_t
mode_of(int flags, va_list ap)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0;
}

/* Of each function there is one with 64 at its end, and programs may call
 * either; where long has 32 bits only that one takes offsets of 64. */
#define OPENING(name, name_at) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(int, name_at, int, const char *, int, ...); \
        va_list ap; \
        va_start(ap, flags); \
        mode_t mode = mode_of(flags, ap); \
        va_end(ap); \
        return do_open(real_##name_at, AT_FDCWD, path, flags, mode); \
    }
#define OPENING_AT(name) \
    int name(int at, const char *path, int flags, ...) \
    { \
        REAL(int, name, int, const char *, int, ...); \
        va_list ap; \
        va_start(ap, flags); \
        mode_t mode = mode_of(flags, ap); \
        va_end(ap); \
        return do_open(real_##name, at, path, flags, mode); \
    }
OPENING(open, openat)
OPENING(open64, openat64)
OPENING_AT(openat)
OPENING_AT(openat64)

int
close(int fd)
{
    REAL(int, close, int);
    if (fd >= 0 && fd < FILES_MOST)
        is_file[fd] = false;
    return real_close(fd);
}

int
rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    struct turn t = turn_path(SHIM_RENAME, to);
    int r;
    TURN(t, r, real_rename(from, to));
    return r;
}

int
unlink(const char *path)
{
    REAL(int, unlink, const char *);
    struct turn t = turn_path(SHIM_UNLINK, path);
    int r;
    TURN(t, r, real_unlink(path));
    return r;
}

int
mkdir(const char *path, mode_t mode)
{
    REAL(int, mkdir, const char *, mode_t);
    struct turn t = turn_path(SHIM_MKDIR, path);
    int r;
    TURN(t, r, real_mkdir(path, mode));
    return r;
}

#define ASKING(name, type) \
    int name(const char *path, struct type *to) \
    { \
        REAL(int, name, const char *, struct type *); \
        struct turn t = turn_path(SHIM_STATVFS, path); \
        int r; \
        TURN(t, r, real_##name(path, to)); \
        return r; \
    }
ASKING(statvfs, statvfs)
ASKING(statvfs64, statvfs64)

/* --- descriptors --- */

#define ON_FD(name, call) \
    int name(int fd) \
    { \
        REAL(int, name, int); \
        struct turn t = turn_fd(call, fd); \
        int r; \
        TURN(t, r, real_##name(fd)); \
        return r; \
    }
ON_FD(fsync, SHIM_SYNC)
ON_FD(fdatasync, SHIM_SYNC)

int
flock(int fd, int operation)
{
    REAL(int, flock, int, int);
    struct turn t = turn_fd(SHIM_LOCK, fd);
    int r;
    TURN(t, r, real_flock(fd, operation));
    return r;
}

#define CUTTING(name, off) \
    int name(int fd, off size) \
    { \
        REAL(int, name, int, off); \
        struct turn t = turn_fd(SHIM_TRUNCATE, fd); \
        int r; \
        TURN(t, r, real_##name(fd, size)); \
        return r; \
    }
CUTTING(ftruncate, off_t)
CUTTING(ftruncate64, off64_t)

#define ALLOCATING(name, off) \
    int name(int fd, int mode, off at, off n) \
    { \
        REAL(int, name, int, int, off, off); \
        struct turn t = turn_fd(SHIM_ALLOCATE, fd); \
        int r; \
        TURN(t, r, real_##name(fd, mode, at, n)); \
        return r; \
    }
ALLOCATING(fallocate, off_t)
ALLOCATING(fallocate64, off64_t)

/* --- bytes --- */

#define READING(name, off) \
    ssize_t name(int fd, void *to, size_t n, off at) \
    { \
        REAL(ssize_t, name, int, void *, size_t, off); \
        struct turn t = turn_fd(SHIM_READ, fd); \
        ssize_t r; \
        TURN(t, r, real_##name(fd, to, n, at)); \
        return r; \
    }
READING(pread, off_t)
READING(pread64, off64_t)

/* A short write of nothing is one that made no progress. */
static size_t
allowed(const struct turn *t, size_t n)
{
    return t->v.is_short && t->v.bytes < n ? t->v.bytes : n;
}

#define WRITING_AT(name, off) \
    ssize_t name(int fd, const void *from, size_t n, off at) \
    { \
        REAL(ssize_t, name, int, const void *, size_t, off); \
        struct turn t = turn_fd(SHIM_WRITE, fd); \
        ssize_t r; \
        TURN(t, r, real_##name(fd, from, allowed(&t, n), at)); \
        return r; \
    }
WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)

ssize_t
write(int fd, const void *from, size_t n)
{
    REAL(ssize_t, write, int, const void *, size_t);
    struct turn t = {{0}, 0};
    ssize_t r;
    if (!known_file(fd))
        return real_write(fd, from, n);
    t = turn_fd(SHIM_WRITE, fd);
    TURN(t, r, real_write(fd, from, allowed(&t, n)));
    return r;
}

/* The first bytes of iov. */
static int
iov_cut(struct iovec *to, const struct iovec *iov, int count, size_t n)
{
    int used = 0;
    for (; used < count && n; used++) {
        to[used] = iov[used];
        if (to[used].iov_len > n)
            to[used].iov_len = n;
        n -= to[used].iov_len;
    }
    return used;
}

ssize_t
writev(int fd, const struct iovec *iov, int count)
{
    REAL(ssize_t, writev, int, const struct iovec *, int);
    struct iovec cut[IOV_MAX];
    struct turn t = {{0}, 0};
    ssize_t r;
    if (!known_file(fd))
        return real_writev(fd, iov, count);
    t = turn_fd(SHIM_WRITE, fd);
    if (t.v.is_short) {
        count = iov_cut(cut, iov, count, t.v.bytes);
        iov = cut;
    }
    TURN(t, r, real_writev(fd, iov, count));
    return r;
}

#define WRITING_MANY_AT(name, off) \
    ssize_t name(int fd, const struct iovec *iov, int count, off at) \
    { \
        REAL(ssize_t, name, int, const struct iovec *, int, off); \
        struct iovec cut[IOV_MAX]; \
        struct turn t = turn_fd(SHIM_WRITE, fd); \
        ssize_t r; \
        if (t.v.is_short) { \
            count = iov_cut(cut, iov, count, t.v.bytes); \
            iov = cut; \
        } \
        TURN(t, r, real_##name(fd, iov, count, at)); \
        return r; \
    }
WRITING_MANY_AT(pwritev, off_t)
WRITING_MANY_AT(pwritev64, off64_t)

#define WRITING_MANY_AT_WITH(name, off) \
    ssize_t name( \
        int fd, const struct iovec *iov, int count, off at, int flags) \
    { \
        REAL(ssize_t, name, int, const struct iovec *, int, off, int); \
        struct iovec cut[IOV_MAX]; \
        struct turn t = turn_fd(SHIM_WRITE, fd); \
        ssize_t r; \
        if (t.v.is_short) { \
            count = iov_cut(cut, iov, count, t.v.bytes); \
            iov = cut; \
        } \
        TURN(t, r, real_##name(fd, iov, count, at, flags)); \
        return r; \
    }
WRITING_MANY_AT_WITH(pwritev2, off_t)
WRITING_MANY_AT_WITH(pwritev64v2, off64_t)
