/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c - writes down every change of the files below one folder, in order
 * (LD_PRELOAD), for a replayer that makes of it what a power loss could leave.
 *
 * RECORD_ROOT is the folder, RECORD_TO the file that is appended to.  An entry
 * is struct entry and then two texts or bytes, of `a` and `b` octets:
 *   CREATE  a = path         a file of this name is open, maybe a new one
 *   MKDIR   a = path
 *   RENAME  a = from, b = to
 *   UNLINK  a = path
 *   WRITE   b = bytes        at; b is 0 for n zeros
 *   SIZE                     the size is n now
 *   GROW                     the size is at least n now
 *   BEGIN                    a sync of the file begins
 *   SYNC    a = path         it has ended well; path only if it is a folder
 * ino tells files apart; one that CREATE finds under another name, or under
 * none, is new.  A change is written down when it is made and before the
 * program hears of it; so what is on record at a BEGIN is covered by the next
 * SYNC of that thread, and what comes later need not be.  Threads: all.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE, MKDIR, RENAME, UNLINK, WRITE, SIZE, GROW, BEGIN, SYNC };

struct entry {
    uint32_t kind, thread; /* the latter for BEGIN and SYNC */
    uint64_t ino, at, n;
    uint32_t a, b;
};

/* The function of this name that would be called without us. */
#define REAL(type, name, ...) \
    static type (*real_##name)(__VA_ARGS__); \
    if (!real_##name) \
    *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

enum { FILES_MOST = 1 << 16 };
static uint64_t ino_of[FILES_MOST]; /* of those below the root; 0: another */
static bool is_folder[FILES_MOST];

static const char *root;
static size_t root_n;
static int to = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void
begin(void)
{
    const char *name = getenv("RECORD_TO");
    root = getenv("RECORD_ROOT");
    if (!root || !name)
        return;
    root_n = strlen(root);
    to = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool
below_root(const char *path)
{
    return to >= 0 && !strncmp(path, root, root_n) &&
        (path[root_n] == '/' || !path[root_n]);
}

static uint64_t
ours(int fd)
{
    return fd >= 0 && fd < FILES_MOST ? ino_of[fd] : 0;
}

/* One entry is one write, so that a kill leaves whole ones but the last. */
static void
put(struct entry e, const char *a, const struct iovec *iov, int count)
{
    REAL(ssize_t, write, int, const void *, size_t);
    int saved = errno;
    size_t n = sizeof(e), all;
    char *p;

    e.a = a ? (uint32_t)strlen(a) : 0;
    all = n + e.a + e.b;
    p = malloc(all);
    if (!p)
        abort();
    memcpy(p, &e, sizeof(e));
    memcpy(p + n, a ? a : "", e.a);
    for (n += e.a; n < all && count; iov++, count--) {
        size_t part = iov->iov_len < all - n ? iov->iov_len : all - n;
        memcpy(p + n, iov->iov_base, part);
        n += part;
    }
    pthread_mutex_lock(&lock);
    if (real_write(to, p, all) != (ssize_t)all)
        abort(); /* a record with a hole is worth nothing */
    pthread_mutex_unlock(&lock);
    free(p);
    errno = saved;
}

/* --- names --- */

static void
opened(int fd, const char *path, int flags)
{
    struct stat64 st;
    if (fd < 0 || fd >= FILES_MOST || !below_root(path) || fstat64(fd, &st) < 0)
        return;
    is_folder[fd] = S_ISDIR(st.st_mode);
    if (flags & O_CREAT)
        put((struct entry){.kind = CREATE, .ino = st.st_ino}, path, NULL, 0);
    if (flags & O_TRUNC)
        put((struct entry){.kind = SIZE, .ino = st.st_ino}, NULL, NULL, 0);
    ino_of[fd] = st.st_ino;
}

#define OPENING(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(int, name, const char *, int, ...); \
        va_list ap; \
        int fd; \
        va_start(ap, flags); \
        fd = real_##name(path, flags, \
            flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0); \
        va_end(ap); \
        opened(fd, path, flags); \
        return fd; \
    }
OPENING(open)
OPENING(open64)

int
close(int fd)
{
    REAL(int, close, int);
    if (fd >= 0 && fd < FILES_MOST)
        ino_of[fd] = 0;
    return real_close(fd);
}

int
mkdir(const char *path, mode_t mode)
{
    REAL(int, mkdir, const char *, mode_t);
    int r = real_mkdir(path, mode);
    if (r == 0 && below_root(path))
        put((struct entry){.kind = MKDIR}, path, NULL, 0);
    return r;
}

int
unlink(const char *path)
{
    REAL(int, unlink, const char *);
    int r = real_unlink(path);
    if (r == 0 && below_root(path))
        put((struct entry){.kind = UNLINK}, path, NULL, 0);
    return r;
}

int
rename(const char *from, const char *new)
{
    REAL(int, rename, const char *, const char *);
    int r = real_rename(from, new);
    if (r == 0 && below_root(new)) {
        struct iovec iov = {(void *)(uintptr_t) new, strlen(new)};
        put((struct entry){.kind = RENAME, .b = (uint32_t)iov.iov_len}, from,
            &iov, 1);
    }
    return r;
}

/* --- contents --- */

static bool
all_zero(const struct iovec *iov, int count)
{
    for (; count; iov++, count--) {
        const char *p = iov->iov_base;
        if (iov->iov_len && (p[0] || memcmp(p, p + 1, iov->iov_len - 1) != 0))
            return false;
    }
    return true;
}

static void
wrote(int fd, const struct iovec *iov, int count, off64_t at, ssize_t n)
{
    struct entry e = {.kind = WRITE, .ino = ours(fd)};
    if (!e.ino || n <= 0)
        return;
    e.at = (uint64_t)at;
    e.n = (uint64_t)n;
    e.b = all_zero(iov, count) ? 0 : (uint32_t)n;
    put(e, NULL, iov, count);
}

static void
sized(int fd, enum kind kind, off64_t n)
{
    if (ours(fd))
        put((struct entry){.kind = kind, .ino = ours(fd), .n = (uint64_t)n},
            NULL, NULL, 0);
}

#define WRITING_AT(name, off) \
    ssize_t name(int fd, const void *from, size_t n, off at) \
    { \
        REAL(ssize_t, name, int, const void *, size_t, off); \
        ssize_t r = real_##name(fd, from, n, at); \
        struct iovec iov = {(void *)(uintptr_t)from, n}; \
        wrote(fd, &iov, 1, at, r); \
        return r; \
    }
WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)

#define WRITING_MANY_AT(name, off) \
    ssize_t name(int fd, const struct iovec *iov, int count, off at) \
    { \
        REAL(ssize_t, name, int, const struct iovec *, int, off); \
        ssize_t r = real_##name(fd, iov, count, at); \
        wrote(fd, iov, count, at, r); \
        return r; \
    }
WRITING_MANY_AT(pwritev, off_t)
WRITING_MANY_AT(pwritev64, off64_t)

/* Nothing below the root is written without a position; if that changes, the
 * record would be wrong. */
ssize_t
write(int fd, const void *from, size_t n)
{
    REAL(ssize_t, write, int, const void *, size_t);
    if (ours(fd))
        abort();
    return real_write(fd, from, n);
}

#define CUTTING(name, off) \
    int name(int fd, off n) \
    { \
        REAL(int, name, int, off); \
        int r = real_##name(fd, n); \
        if (r == 0) \
            sized(fd, SIZE, n); \
        return r; \
    }
CUTTING(ftruncate, off_t)
CUTTING(ftruncate64, off64_t)

#define ALLOCATING(name, off) \
    int name(int fd, int mode, off at, off n) \
    { \
        REAL(int, name, int, int, off, off); \
        int r = real_##name(fd, mode, at, n); \
        if (r == 0 && mode && ours(fd)) \
            abort(); \
        if (r == 0) \
            sized(fd, GROW, at + n); \
        return r; \
    }
ALLOCATING(fallocate, off_t)
ALLOCATING(fallocate64, off64_t)

static int
synced(int (*real)(int), int fd)
{
    struct entry e = {.kind = BEGIN, .ino = ours(fd)};
    char link[64], path[PATH_MAX] = "";
    int r;

    e.thread = (uint32_t)gettid();
    if (!e.ino)
        return real(fd);
    if (is_folder[fd]) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        (void)!readlink(link, path, sizeof(path) - 1);
    }
    put(e, path, NULL, 0);
    r = real(fd);
    e.kind = SYNC;
    if (r == 0)
        put(e, path, NULL, 0);
    return r;
}

#define SYNCING(name) \
    int name(int fd) \
    { \
        REAL(int, name, int); \
        return synced(real_##name, fd); \
    }
SYNCING(fsync)
SYNCING(fdatasync)
