/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk.c - the table of calls, and what would be left of them.
 */
#include "sim_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bug.h"
#include "base/macros.h"
#include "base/xmem.h"
#include "spool/sysio.h"

enum { FDS = 4096, SECTOR = 512 };

struct change { /* of one file's contents */
    uint64_t at;
    size_t n;
    char *bytes; /* NULL: the size becomes `at` */
};
struct file {
    char *bytes;
    size_t n;
    struct change *changes;
    size_t change_count;
};
struct name {
    char *path;
    struct file *file;
};
struct names {
    struct name *list;
    size_t count;
};
struct dirop {
    char *from, *to; /* from NULL: made; to NULL: removed */
    struct file *file;
};

static struct {
    pthread_mutex_t lock;
    char root[256];
    struct names live, durable;
    struct dirop *ops;
    size_t op_count;
    struct file **files;
    size_t file_count;
    struct file *of_fd[FDS];
    char *dir_of_fd[FDS];
    uint64_t calls, crash_at, fail_at, fail_count;
    int fail_errno;
    bool crashed;
} sim = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct file *
names_find(const struct names *n, const char *path)
{
    for (size_t i = 0; i < n->count; i++) {
        if (!strcmp(n->list[i].path, path))
            return n->list[i].file;
    }
    return NULL;
}

static void
names_remove(struct names *n, const char *path)
{
    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->list[i].path, path))
            continue;
        free(n->list[i].path);
        n->list[i] = n->list[--n->count];
        return;
    }
}

static void
names_put(struct names *n, const char *path, struct file *f)
{
    names_remove(n, path);
    n->list = xgrow(n->list, n->count + 1, sizeof(*n->list));
    n->list[n->count++] = (struct name){xdup(path), f};
}

static void
names_apply(struct names *n, const struct dirop *o)
{
    if (o->from)
        names_remove(n, o->from);
    if (o->to)
        names_put(n, o->to, o->file);
}

static struct file *
file_new(void)
{
    struct file *f = xnew(struct file);
    sim.files = xgrow(sim.files, sim.file_count + 1, sizeof(struct file *));
    sim.files[sim.file_count++] = f;
    return f;
}

static void
contents_apply(char **bytes, size_t *n, const struct change *c)
{
    size_t end = c->bytes ? c->at + c->n : c->at;
    if (end > *n || !c->bytes) {
        *bytes = xrealloc(*bytes, end + 1);
        if (end > *n)
            memset(*bytes + *n, 0, end - *n);
        *n = end;
    }
    if (c->bytes)
        memcpy(*bytes + c->at, c->bytes, c->n);
}

static void
changes_drop(struct file *f)
{
    for (size_t i = 0; i < f->change_count; i++)
        free(f->changes[i].bytes);
    f->change_count = 0;
}

static void
file_change(
    struct file *f, uint64_t at, const struct iovec *iov, int count, size_t n)
{
    struct change *c;
    f->changes = xgrow(f->changes, f->change_count + 1, sizeof(*c));
    c = &f->changes[f->change_count++];
    *c = (struct change){.at = at, .n = n};
    if (!iov)
        return;
    c->bytes = xmalloc(n + 1);
    for (size_t done = 0; done < n; iov++, count--) {
        size_t one = MIN_OF(iov->iov_len, n - done);
        BUG_ON(!count);
        if (one)
            memcpy(c->bytes + done, iov->iov_base, one);
        done += one;
    }
}

static void
op_push(const char *from, const char *to, struct file *f)
{
    struct dirop *o;
    sim.ops = xgrow(sim.ops, sim.op_count + 1, sizeof(*o));
    o = &sim.ops[sim.op_count++];
    *o = (struct dirop){from ? xdup(from) : NULL, to ? xdup(to) : NULL, f};
    names_apply(&sim.live, o);
}

/* One more change: 0 go on, 1 it fails, 2 it is cut short. */
static int
step(void)
{
    sim.calls++;
    if (sim.crash_at && sim.calls == sim.crash_at)
        sim.crashed = true;
    if (!sim.fail_at || sim.calls < sim.fail_at ||
        sim.calls >= sim.fail_at + sim.fail_count)
        return 0;
    errno = sim.fail_errno;
    return sim.fail_errno ? 1 : 2;
}

static int
sim_open(const char *path, int flags, mode_t mode)
{
    int fd;
    struct file *f;

    pthread_mutex_lock(&sim.lock);
    f = names_find(&sim.live, path);
    if (flags & O_CREAT && !f && !strstr(path, "/lock") && step() == 1) {
        pthread_mutex_unlock(&sim.lock);
        return -1;
    }
    fd = sysio_real.open(path, flags, mode);
    if (fd >= 0 && flags & O_DIRECTORY) {
        sim.dir_of_fd[fd] = xdup(path);
    } else if (fd >= 0 && !strstr(path, "/lock")) {
        if ((!f || flags & O_TRUNC) && !sim.crashed) {
            f = file_new();
            op_push(NULL, path, f);
        }
        sim.of_fd[fd] = f;
    }
    pthread_mutex_unlock(&sim.lock);
    return fd;
}

static int
sim_close(int fd)
{
    int r;
    pthread_mutex_lock(&sim.lock);
    xfree(&sim.dir_of_fd[fd]);
    sim.of_fd[fd] = NULL;
    r = close(fd);
    pthread_mutex_unlock(&sim.lock);
    return r;
}

static ssize_t
sim_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    ssize_t n = -1;
    int how;

    pthread_mutex_lock(&sim.lock);
    how = step();
    if (how == 2 && iov[0].iov_len > 1) {
        struct iovec half = {iov[0].iov_base, iov[0].iov_len / 2};
        n = pwritev(fd, &half, 1, at);
    } else if (how != 1) {
        n = pwritev(fd, iov, count, at);
    }
    if (n > 0 && !sim.crashed && sim.of_fd[fd])
        file_change(sim.of_fd[fd], (uint64_t)at, iov, count, (size_t)n);
    pthread_mutex_unlock(&sim.lock);
    return n;
}

static int
sim_fdatasync(int fd)
{
    struct file *f;
    int how;
    pthread_mutex_lock(&sim.lock);
    how = step();
    f = sim.of_fd[fd];
    if (how != 1 && f && !sim.crashed) {
        for (size_t i = 0; i < f->change_count; i++)
            contents_apply(&f->bytes, &f->n, &f->changes[i]);
        changes_drop(f);
    }
    pthread_mutex_unlock(&sim.lock);
    return how == 1 ? -1 : 0;
}

static bool
is_in(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return path && !strncmp(path, dir, n) && path[n] == '/' &&
        !strchr(path + n + 1, '/');
}

static int
sim_fsync_dir(int fd)
{
    size_t kept = 0;
    int how;
    pthread_mutex_lock(&sim.lock);
    how = step();
    for (size_t i = 0; how != 1 && !sim.crashed && i < sim.op_count; i++) {
        struct dirop *o = &sim.ops[i];
        const char *path = o->to ? o->to : o->from;
        if (!is_in(path, sim.dir_of_fd[fd])) {
            sim.ops[kept++] = *o;
            continue;
        }
        names_apply(&sim.durable, o);
        free(o->from);
        free(o->to);
    }
    if (how != 1 && !sim.crashed)
        sim.op_count = kept;
    pthread_mutex_unlock(&sim.lock);
    return how == 1 ? -1 : 0;
}

static int
set_size(int fd, off_t size, bool grow_only)
{
    struct stat st;
    int r, how;
    pthread_mutex_lock(&sim.lock);
    how = step();
    r = how == 1 ? -1 : fstat(fd, &st);
    if (r == 0 && (!grow_only || st.st_size < size)) {
        r = ftruncate(fd, size);
        if (r == 0 && !sim.crashed && sim.of_fd[fd])
            file_change(sim.of_fd[fd], (uint64_t)size, NULL, 0, 0);
    }
    pthread_mutex_unlock(&sim.lock);
    return r;
}

static int
sim_fallocate(int fd, off_t size)
{
    return set_size(fd, size, true);
}

/* It promises nothing, so nothing comes of it. */
static int
sim_write_out(int fd, off_t at, off_t n)
{
    (void)fd;
    (void)at;
    (void)n;
    return 0;
}

static int
sim_ftruncate(int fd, off_t size)
{
    return set_size(fd, size, false);
}

static int
sim_rename(const char *from, const char *to)
{
    int r, how;
    pthread_mutex_lock(&sim.lock);
    how = step();
    r = how == 1 ? -1 : rename(from, to);
    if (r == 0 && !sim.crashed)
        op_push(from, to, names_find(&sim.live, from));
    pthread_mutex_unlock(&sim.lock);
    return r;
}

static int
sim_unlink(const char *path)
{
    int r, how;
    pthread_mutex_lock(&sim.lock);
    how = step();
    r = how == 1 ? -1 : unlink(path);
    if (r == 0 && !sim.crashed)
        op_push(path, NULL, NULL);
    pthread_mutex_unlock(&sim.lock);
    return r;
}

static const struct sysio table = {
    .open = sim_open,
    .close = sim_close,
    .pwritev = sim_pwritev,
    .pread = pread,
    .fdatasync = sim_fdatasync,
    .fsync_dir = sim_fsync_dir,
    .fallocate = sim_fallocate,
    .write_out = sim_write_out,
    .ftruncate = sim_ftruncate,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = mkdir,
    .statvfs = statvfs,
};

/* --- begin, end --- */

static void
file_read(struct file *f, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        abort();
    f->n = (size_t)st.st_size;
    f->bytes = xmalloc(f->n + 1);
    if (read(fd, f->bytes, f->n) != (ssize_t)f->n)
        abort();
    close(fd);
}

static void
tree_read(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        char *sub;
        struct stat st;
        if (e->d_name[0] == '.' || !strcmp(e->d_name, "lock"))
            continue;
        sub = xprintf("%s/%s", path, e->d_name);
        if (stat(sub, &st) == 0 && S_ISDIR(st.st_mode)) {
            tree_read(sub);
        } else {
            struct file *f = file_new();
            file_read(f, sub);
            names_put(&sim.live, sub, f);
            names_put(&sim.durable, sub, f);
        }
        free(sub);
    }
    if (d)
        closedir(d);
}

void
sim_begin(const char *dir)
{
    snprintf(sim.root, sizeof(sim.root), "%s", dir);
    sim.crashed = false;
    sim.calls = sim.crash_at = sim.fail_at = 0;
    tree_read(dir);
    sysio_set(&table);
}

static void
names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->list[i].path);
    free(n->list);
    memset(n, 0, sizeof(*n));
}

void
sim_end(void)
{
    sysio_set(NULL);
    names_free(&sim.live);
    names_free(&sim.durable);
    for (size_t i = 0; i < sim.op_count; i++) {
        free(sim.ops[i].from);
        free(sim.ops[i].to);
    }
    xfree(&sim.ops);
    sim.op_count = 0;
    for (size_t i = 0; i < sim.file_count; i++) {
        changes_drop(sim.files[i]);
        free(sim.files[i]->changes);
        free(sim.files[i]->bytes);
        free(sim.files[i]);
    }
    xfree(&sim.files);
    sim.file_count = 0;
}

void
sim_crash_at(uint64_t n)
{
    pthread_mutex_lock(&sim.lock);
    sim.crash_at = n ? sim.calls + n : 0;
    pthread_mutex_unlock(&sim.lock);
}

void
sim_crash_now(void)
{
    pthread_mutex_lock(&sim.lock);
    sim.crashed = true;
    pthread_mutex_unlock(&sim.lock);
}

bool
sim_is_crashed(void)
{
    bool is;
    pthread_mutex_lock(&sim.lock);
    is = sim.crashed;
    pthread_mutex_unlock(&sim.lock);
    return is;
}

void
sim_if_running(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&sim.lock);
    if (!sim.crashed)
        fn(arg);
    pthread_mutex_unlock(&sim.lock);
}

void
sim_fail(uint64_t n, uint64_t count, int error)
{
    pthread_mutex_lock(&sim.lock);
    sim.fail_at = n;
    sim.fail_count = count;
    sim.fail_errno = error;
    pthread_mutex_unlock(&sim.lock);
}

uint64_t
sim_calls(void)
{
    return sim.calls;
}

/* --- after a crash --- */

static uint64_t
dice(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *seed >> 33;
}

/* Any subset of what was written since the last sync. */
static void
file_make(const struct file *f, const char *path, uint64_t *seed)
{
    char *bytes = xmalloc(f->n + 1);
    size_t n = f->n;
    unsigned grain = dice(seed) % 2 ? SECTOR : 4096;
    unsigned keep = (unsigned)(dice(seed) % 5); /* 0: nothing, 4: all */
    int fd;

    if (f->n)
        memcpy(bytes, f->bytes, f->n);
    for (size_t i = 0; i < f->change_count; i++) {
        struct change c = f->changes[i], part;
        if (!c.bytes) {
            if (keep)
                contents_apply(&bytes, &n, &c);
            continue;
        }
        for (size_t at = 0; at < c.n; at += part.n) {
            part.at = c.at + at;
            part.n = MIN_OF(grain - part.at % grain, c.n - at);
            part.bytes = c.bytes + at;
            if (keep == 4 || (keep && dice(seed) % 4 < keep))
                contents_apply(&bytes, &n, &part);
        }
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
    free(bytes);
}

static void
make_parents(const char *path)
{
    char *p = xdup(path);
    for (char *s = p + 1; *s; s++) {
        if (*s != '/')
            continue;
        *s = 0;
        (void)mkdir(p, 0755);
        *s = '/';
    }
    free(p);
}

void
sim_make(const char *to, uint64_t seed)
{
    struct names n = {0};
    size_t ops;

    pthread_mutex_lock(&sim.lock);
    for (size_t i = 0; i < sim.durable.count; i++)
        names_put(&n, sim.durable.list[i].path, sim.durable.list[i].file);
    ops = sim.op_count ? dice(&seed) % (sim.op_count + 1) : 0;
    for (size_t i = 0; i < ops; i++)
        names_apply(&n, &sim.ops[i]);
    for (size_t i = 0; i < n.count; i++) {
        char *path = xprintf("%s%s", to, n.list[i].path + strlen(sim.root));
        make_parents(path);
        file_make(n.list[i].file, path, &seed);
        free(path);
    }
    names_free(&n);
    pthread_mutex_unlock(&sim.lock);
}
