/* SPDX-License-Identifier: Apache-2.0
 *
 * spooldir.c - layout, lock and version of the spool's directory.
 */
#include "spool/spooldir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/num.h"
#include "base/xmem.h"
#include "spool/export.h"
#include "spool/sysio.h"

#include "base/banned.h"

#define VERSION_WORD "impel-spool "

static int
make_dir(const char *path, int mode, struct err *e)
{
    mode_t m = (mode_t)(mode | (mode & 0444) >> 2); /* r brings x */
    if (sysio_get()->mkdir(path, m) == 0 || errno == EEXIST)
        return 0;
    return err_errno(e, sysio_code(errno), errno, "making %s", path);
}

static int
take_lock(struct spooldir *d, bool read_only, int mode, struct err *e)
{
    char *path = xprintf("%s/lock", d->path);
    int r = 0;

    if (read_only)
        d->lock = sysio_get()->open(path, O_RDONLY | O_NONBLOCK, 0);
    if (d->lock < 0 && (!read_only || errno == ENOENT))
        d->lock = sysio_get()->open(path, O_RDWR | O_CREAT, (mode_t)mode);
    if (d->lock < 0)
        r = err_errno(e, ERR_IO, errno, "%s", path);
    else if (flock(d->lock, LOCK_EX | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK
            ? err_set(e, ERR_BUSY, "%s: another process uses this spool", path)
            : err_errno(e, ERR_IO, errno, "locking %s", path);
    free(path);
    return r;
}

static int
parse_version(
    struct spooldir *d, const char *path, struct str text, struct err *e)
{
    struct str line = str_cut(&text, '\n');
    uint64_t version, start;

    if (!str_starts(line, STR(VERSION_WORD)) ||
        num_u64(str_from(line, sizeof(VERSION_WORD) - 1), &version))
        return err_set(e, ERR_VERSION, "%s is not a spool's", path);
    if (version != SPOOLDIR_VERSION)
        return err_set(e, ERR_VERSION,
            "%s: version %" PRIu64 ", this program has version %d", path,
            version, SPOOLDIR_VERSION);
    line = str_cut(&text, '\n');
    if (!str_starts(line, STR("start ")) ||
        num_u64(str_from(line, 6), &start) || start >= 1 << 24)
        return err_set(
            e, ERR_DAMAGED, "%s: no good line \"start NUMBER\"", path);
    d->start = (uint32_t)start;
    line = str_cut(&text, '\n');
    if (!str_starts(line, STR("id ")) || line.n != 19 ||
        num_hex(str_from(line, 3), &d->id))
        d->id = 0; /* an older version has written it */
    return 0;
}

static int
read_version(struct spooldir *d, const char *path, struct err *e)
{
    char text[256];
    ssize_t n;
    int fd = sysio_get()->open(path, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOTFOUND, "%s: no spool here", path);
    if (fd < 0)
        return err_errno(e, ERR_IO, errno, "%s", path);
    n = sysio_read_all(fd, text, sizeof(text), 0);
    if (n < 0)
        err_errno(e, ERR_IO, errno, "reading %s", path);
    (void)sysio_get()->close(fd); /* only read */
    return n < 0 ? ERR_IO
                 : parse_version(d, path, str_make(text, (size_t)n), e);
}

/* The new start counter is on disk before any id is made from it.  Where there
 * is no room for a second file the old one is written over, so that mail on a
 * full disk can be sent, which is what makes room: the text is no shorter than
 * before and within a sector, so a crash leaves the one or the other. */
static int
write_version(struct spooldir *d, const char *path, int mode, struct err *e)
{
    char *text = xprintf(VERSION_WORD "%d\nstart %u\nid %016" PRIx64 "\n",
        SPOOLDIR_VERSION, d->start, d->id);
    int r = sysio_replace(path, (mode_t)mode, str_of(text));

    if (r && d->start > 1 && sysio_code(errno) == ERR_FULL) {
        log_notice(LOG_SPOOL, "spool-version-in-place", "file=%s", path);
        r = sysio_put(path, 0, (mode_t)mode, str_of(text));
    }
    if (r)
        r = err_errno(e, sysio_code(errno), errno, "writing %s", path);
    free(text);
    return r;
}

/* Without its counter, ids would be given out a second time. */
static int
version_missing(struct spooldir *d, const char *path, struct err *e)
{
    uint32_t *list;
    size_t count;
    int r = spooldir_list(d, SPOOLDIR_SEGMENT, &list, &count, e);

    free(list);
    if (!r && count)
        r = err_set(e, ERR_DAMAGED,
            "%s is missing, but there are segments of messages", path);
    return r;
}

static int
give_id(struct spooldir *d, struct err *e)
{
    if (!d->id && getrandom(&d->id, sizeof(d->id), 0) != sizeof(d->id))
        return err_errno(e, ERR_IO, errno, "random numbers");
    d->id = d->id ? d->id : 1;
    return 0;
}

static int
open_version(struct spooldir *d, bool read_only, int mode, struct err *e)
{
    char *path = xprintf("%s/version", d->path);
    int r = read_version(d, path, e);

    if (r == ERR_NOTFOUND && !read_only)
        r = version_missing(d, path, e);
    if (!r && !read_only)
        r = give_id(d, e);
    if (!r && !read_only) {
        d->start++;
        r = d->start >= 1 << 24
            ? err_set(e, ERR_LIMIT, "%s: opened too often", path)
            : write_version(d, path, mode, e);
    }
    free(path);
    return r;
}

static int
make_layout(struct spooldir *d, int mode, struct err *e)
{
    const char *const dir[] = {d->segments, d->large, d->quarantine};
    for (size_t i = 0; i < ARRAY_SIZE(dir); i++) {
        if (make_dir(dir[i], mode, e))
            return e ? e->code : ERR_IO;
    }
    if (sysio_sync_dir(d->path) < 0)
        return err_errno(e, ERR_IO, errno, "syncing %s", d->path);
    return 0;
}

/* Its own name, too, whoever made it.  A parent that we may not read was not
 * made by us. */
static int
sync_own_name(const char *path, struct err *e)
{
    size_t n = strlen(path);
    char *up;
    int r = 0;

    while (n > 1 && path[n - 1] == '/')
        n--;
    up = xprintf("%.*s/..", (int)n, path);
    if (sysio_sync_dir(up) < 0 && errno != EACCES && errno != EPERM)
        r = err_errno(e, ERR_IO, errno, "syncing %s", up);
    free(up);
    return r;
}

int
spooldir_open(const char *path, bool read_only, int mode, struct spooldir **to,
    struct err *e)
{
    struct spooldir *d = xnew(struct spooldir);
    struct err own;
    int r = 0;

    e = e ? e : &own;
    d->lock = -1;
    d->path = xdup(path);
    d->segments = xprintf("%s/segments", path);
    d->large = xprintf("%s/large", path);
    d->quarantine = xprintf("%s/quarantine", path);
    if (!read_only)
        r = export_refuses(path, e);
    if (!r && !read_only)
        r = make_dir(path, mode, e);
    if (!r && !read_only)
        r = sync_own_name(path, e);
    if (!r && read_only) /* nothing is made where no spool is */
        r = open_version(d, read_only, mode, e);
    if (!r)
        r = take_lock(d, read_only, mode, e);
    if (!r && !read_only)
        r = make_layout(d, mode, e);
    if (!r && !read_only)
        r = open_version(d, read_only, mode, e);
    if (r)
        spooldir_close(&d);
    *to = d;
    return r;
}

void
spooldir_close(struct spooldir **to)
{
    struct spooldir *d = *to;
    *to = NULL;
    if (!d)
        return;
    if (d->lock >= 0)
        (void)sysio_get()->close(d->lock); /* releases the lock */
    free(d->path);
    free(d->segments);
    free(d->large);
    free(d->quarantine);
    free(d);
}

char *
spooldir_segment_path(const struct spooldir *d, uint32_t number)
{
    return xprintf("%s/%08" PRIx32 ".seg", d->segments, number);
}

char *
spooldir_index_path(const struct spooldir *d, uint32_t number)
{
    return xprintf("%s/%08" PRIx32 ".idx", d->segments, number);
}

char *
spooldir_spare_path(const struct spooldir *d, uint32_t number)
{
    return xprintf("%s/spare-%08" PRIx32, d->segments, number);
}

char *
spooldir_large_path(const struct spooldir *d, uint64_t id)
{
    return xprintf("%s/%02x/%016" PRIx64, d->large, (unsigned)(id & 0xff), id);
}

static bool
name_number(const char *name, enum spooldir_kind kind, uint32_t *number)
{
    static const char *const end[] = {".seg", ".idx", ""};
    struct str s = str_of(name);
    uint64_t v;

    if (kind == SPOOLDIR_SPARE) {
        if (!str_starts(s, STR("spare-")))
            return false;
        s = str_from(s, 6);
    }
    if (s.n != 8 + strlen(end[kind]) || !str_ends(s, str_of(end[kind])) ||
        num_hex(str_sub(s, 0, 8), &v))
        return false;
    *number = (uint32_t)v;
    return true;
}

static int
number_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int
spooldir_list(const struct spooldir *d, enum spooldir_kind kind,
    uint32_t **list, size_t *count, struct err *e)
{
    DIR *dir = opendir(d->segments);
    struct dirent *entry;
    uint32_t number;
    size_t size = 0;

    *list = NULL;
    *count = 0;
    if (!dir)
        return err_errno(e, ERR_IO, errno, "%s", d->segments);
    while ((entry = readdir(dir)) != NULL) {
        if (!name_number(entry->d_name, kind, &number))
            continue;
        if (*count == size)
            *list = xgrow(*list, size = size ? 2 * size : 64, sizeof(**list));
        (*list)[(*count)++] = number;
    }
    closedir(dir);
    if (*count)
        qsort(*list, *count, sizeof(**list), number_cmp);
    return 0;
}

int
spooldir_sync_segments(const struct spooldir *d, struct err *e)
{
    if (sysio_sync_dir(d->segments) < 0)
        return err_errno(e, ERR_IO, errno, "syncing %s", d->segments);
    return 0;
}

int
spooldir_make_large_dir(
    const struct spooldir *d, const char *path, struct err *e)
{
    char *parent = sysio_parent(path);
    int r = make_dir(parent, 0750, e);

    if (!r && sysio_sync_dir(d->large) < 0)
        r = err_errno(e, ERR_IO, errno, "syncing %s", d->large);
    free(parent);
    return r;
}

static int
each_in(const char *path, spooldir_large_f *fn, void *arg)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    uint64_t id;
    int r = 0;

    while (dir && !r && (entry = readdir(dir)) != NULL) {
        struct str name = str_of(entry->d_name);
        char *file;
        if (name.n != 16 || num_hex(name, &id))
            continue;
        file = xprintf("%s/%s", path, entry->d_name);
        r = fn(arg, id, file);
        free(file);
    }
    if (dir)
        closedir(dir);
    return r;
}

int
spooldir_each_large(
    const struct spooldir *d, spooldir_large_f *fn, void *arg, struct err *e)
{
    DIR *dir = opendir(d->large);
    struct dirent *entry;
    uint64_t v;
    int r = 0;

    if (!dir)
        return err_errno(e, ERR_IO, errno, "%s", d->large);
    while (!r && (entry = readdir(dir)) != NULL) {
        char *path;
        if (strlen(entry->d_name) != 2 || num_hex(str_of(entry->d_name), &v))
            continue;
        path = xprintf("%s/%s", d->large, entry->d_name);
        r = each_in(path, fn, arg);
        free(path);
    }
    closedir(dir);
    return r;
}

int
spooldir_free_space(
    const struct spooldir *d, uint64_t *bytes, uint64_t *inodes, struct err *e)
{
    struct statvfs v;
    if (sysio_get()->statvfs(d->path, &v) < 0)
        return err_errno(e, ERR_IO, errno, "%s", d->path);
    *bytes = (uint64_t)v.f_bavail * v.f_frsize;
    *inodes = v.f_files ? (uint64_t)v.f_favail : UINT64_MAX;
    return 0;
}

int
spooldir_quarantine(const struct spooldir *d, uint32_t segment, uint32_t offset,
    const void *p, size_t n, struct err *e)
{
    char *path =
        xprintf("%s/%08" PRIx32 "-%08" PRIx32, d->quarantine, segment, offset);
    struct iovec iov = {(void *)(uintptr_t)p, n};
    int r = 0, fd = sysio_get()->open(path, O_WRONLY | O_CREAT | O_EXCL, 0640);

    if (fd < 0 ? errno != EEXIST : sysio_write_all(fd, &iov, 1, 0) < 0) {
        r = err_errno(e, sysio_code(errno), errno, "writing %s", path);
        log_warn(LOG_SPOOL, "spool-quarantine-failed", "file=%s", path);
    }
    if (fd >= 0)
        (void)sysio_get()->close(fd); /* a copy for people; may be short */
    free(path);
    return r;
}
