/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c - `impel spool export`, and what others ask of an export.
 */
#include "spool/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/xmem.h"
#include "spool/exportlist.h"
#include "spool/spooldir.h"
#include "spool/sysio.h"

#include "base/banned.h"

enum { BLOCK = 1 << 20, LIST_MOST = 256 << 20 };

/* --- asked by others --- */

int
export_refuses(const char *dir, struct err *e)
{
    char *exported = xprintf("%s/exported", dir);
    char *list = xprintf("%s/export", dir);
    int r = 0;

    if (access(exported, F_OK) == 0)
        r = err_set(e, ERR_DENIED,
            "%s: the mail of this spool was exported (that file says where "
            "to); move the spool away, or remove the file if the export is "
            "not going to be imported",
            exported);
    else if (access(list, F_OK) == 0)
        r = err_set(e, ERR_DENIED,
            "%s: this is an export, to be taken over by `impel spool import`",
            list);
    free(exported);
    free(list);
    return r;
}

static int
open_file(const char *path, uint64_t *size, struct err *e)
{
    struct stat st;
    int fd = sysio_get()->open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);

    if (fd < 0)
        return err_errno(e,
            errno == ENOENT || errno == ELOOP ? ERR_DAMAGED : ERR_IO, errno,
            "%s", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        (void)sysio_get()->close(fd); /* only read */
        return err_set(e, ERR_DAMAGED, "%s is no file", path);
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

static int
verify_file(const char *dir, const struct exportlist_file *f, char *block,
    const _Atomic bool *stop, struct err *e)
{
    char *path = xprintf("%s/%.*s", dir, STR_ARG(f->path));
    char sum[EXPORTLIST_SUM + 1];
    uint64_t size, at = 0;
    int r = 0, fd = open_file(path, &size, e);
    void *state = exportlist_sum_new();

    if (fd < 0)
        r = fd;
    else if (size != f->size)
        r = err_set(e, ERR_DAMAGED,
            "%s has %llu octets, %llu were exported: copy it again", path,
            (unsigned long long)size, (unsigned long long)f->size);
    while (!r && at < size) {
        ssize_t n = sysio_read_all(fd, block, BLOCK, (off_t)at);
        if (n <= 0)
            r = err_errno(e, ERR_IO, n ? errno : EIO, "reading %s", path);
        else if (atomic_load(stop))
            r = err_set(e, ERR_CLOSED, "it was stopped");
        else
            exportlist_sum_add(state, block, (size_t)n);
        at += n > 0 ? (uint64_t)n : 0;
    }
    exportlist_sum_end(state, sum);
    if (!r && !str_eq(str_of(sum), str_of(f->sum)))
        r = err_set(e, ERR_DAMAGED,
            "%s is not as it was exported: copy it again", path);
    if (fd >= 0)
        (void)sysio_get()->close(fd); /* only read */
    free(path);
    return r;
}

/* None that the list does not know: it would be read as well. */
static int
verify_segments(const char *dir, size_t count, struct err *e)
{
    char *path = xprintf("%s/segments", dir);
    DIR *d = opendir(path);
    struct dirent *entry;
    size_t found = 0;
    int r = d ? 0 : err_errno(e, ERR_DAMAGED, errno, "%s", path);

    while (d && (entry = readdir(d)) != NULL)
        found += str_ends(str_of(entry->d_name), STR(".seg"));
    if (d)
        closedir(d);
    if (!r && found != count)
        r = err_set(e, ERR_DAMAGED, "%s: %zu segments, %zu were exported", path,
            found, count);
    free(path);
    return r;
}

int
export_verify(const char *dir, const _Atomic bool *stop, struct err *e)
{
    char *path = xprintf("%s/export", dir), *block = NULL;
    struct exportlist list = {0};
    struct buf text = BUF_INIT;
    int r = access(path, F_OK) < 0 && errno == ENOENT ? ERR_NOTFOUND : 0;

    if (!r)
        r = file_read(path, LIST_MOST, NULL, &text, e);
    if (r == 0) {
        r = exportlist_parse(buf_get(&text), &list, e);
        if (r)
            err_prefix(e, "%s", path);
    }
    if (r == 0)
        r = verify_segments(dir, list.segments, e);
    if (r == 0)
        block = xmalloc(BLOCK);
    for (size_t i = 0; r == 0 && i < list.count; i++)
        r = verify_file(dir, &list.file[i], block, stop, e);
    exportlist_fini(&list);
    buf_fini(&text);
    free(block);
    free(path);
    return r == ERR_NOTFOUND ? 0 : r;
}

/* --- made --- */

struct export
{
    char *dir, *to, *part;
    struct spooldir *from, *made;
    bool own; /* what is made is given to the spool's owner */
    uid_t uid;
    gid_t gid;
    char **path; /* of the files that belong to it, in the directory */
    size_t count, size;
    uint64_t bytes, done, total;
    struct buf list;
    char *block;
    spool_progress_f *progress;
    void *arg;
};

static int
export_failed(int errnum, struct err *e, const char *what, const char *path)
{
    return err_errno(e, sysio_code(errnum), errnum, "%s %s", what, path);
}

/* A program of root's leaves nothing that the daemon cannot read. */
static int
export_give(const struct export *x, const char *path, struct err *e)
{
    if (!x->own || lchown(path, x->uid, x->gid) == 0)
        return 0;
    return export_failed(errno, e, "giving away", path);
}

static void
export_note(struct export *x, char *path)
{
    if (x->count == x->size) {
        x->size = x->size ? 2 * x->size : 64;
        x->path = xgrow(x->path, x->size, sizeof(*x->path));
    }
    x->path[x->count++] = path;
}

static int
note_large(void *arg, uint64_t id, const char *path)
{
    struct export *x = arg;
    (void)id;
    export_note(x, xdup(path + strlen(x->dir) + 1));
    return 0;
}

static int
path_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is in the spool. */
static int
export_look(struct export *x, struct err *e)
{
    uint32_t *segment;
    size_t count;
    int r = spooldir_list(x->from, SPOOLDIR_SEGMENT, &segment, &count, e);

    for (size_t i = 0; i < count && !r; i++)
        export_note(x, xprintf("segments/%08x.seg", segment[i]));
    free(segment);
    if (!r)
        r = spooldir_each_large(x->from, note_large, x, e);
    export_note(x, xdup("version"));
    qsort(x->path, x->count, sizeof(*x->path), path_order);
    for (size_t i = 0; i < x->count && !r; i++) {
        char *path = xprintf("%s/%s", x->dir, x->path[i]);
        struct stat st;
        if (stat(path, &st) < 0)
            r = export_failed(errno, e, "looking at", path);
        else
            x->total += (uint64_t)st.st_size;
        free(path);
    }
    return r;
}

static int
drop_large(void *arg, uint64_t id, const char *path)
{
    (void)arg;
    (void)id;
    (void)sysio_get()->unlink(path); /* what is left shows when it is listed */
    return 0;
}

/* Nothing of a run that was cut off stays. */
static int
export_clear(struct export *x, struct err *e)
{
    uint32_t *segment;
    size_t count;
    int r = spooldir_list(x->made, SPOOLDIR_SEGMENT, &segment, &count, e);

    for (size_t i = 0; i < count && !r; i++) {
        char *path = spooldir_segment_path(x->made, segment[i]);
        if (sysio_get()->unlink(path) < 0)
            r = export_failed(errno, e, "removing", path);
        free(path);
    }
    free(segment);
    return r ? r : spooldir_each_large(x->made, drop_large, x, e);
}

static int
export_open(struct export *x, struct err *e)
{
    char *list = xprintf("%s/export", x->part);
    char *own = xprintf("%s/export", x->dir);
    struct stat st;
    int r = 0;

    if (access(own, F_OK) == 0)
        r = err_set(e, ERR_DENIED,
            "%s is an export: copy that directory as it is", x->dir);
    else if (lstat(x->to, &st) == 0)
        r = err_set(e, ERR_BUSY, "%s is there already", x->to);
    if (!r)
        r = spooldir_open(x->dir, true, 0640, &x->from, e);
    if (!r && !x->from->id)
        r = err_set(e, ERR_VERSION,
            "%s/version has no line \"id\": an older version has written it; "
            "start impeld on it once",
            x->dir);
    if (!r && stat(x->dir, &st) == 0) {
        x->own = geteuid() == 0;
        x->uid = st.st_uid;
        x->gid = st.st_gid;
    }
    if (!r && sysio_get()->unlink(list) < 0 && errno != ENOENT)
        r = export_failed(errno, e, "removing", list);
    if (!r)
        r = spooldir_open(x->part, false, 0640, &x->made, e);
    if (!r)
        r = export_clear(x, e);
    free(own);
    free(list);
    return r;
}

static int
copy_bytes(struct export *x, int from, int to, struct exportlist_file *f)
{
    void *sum = exportlist_sum_new();
    ssize_t n;

    while ((n = sysio_read_all(from, x->block, BLOCK, (off_t)f->size)) > 0) {
        struct iovec iov = {x->block, (size_t)n};
        exportlist_sum_add(sum, x->block, (size_t)n);
        if (sysio_write_all(to, &iov, 1, (off_t)f->size) < 0)
            break;
        f->size += (uint64_t)n;
        x->done += (uint64_t)n;
        if (x->progress)
            x->progress(x->arg, x->done, x->total);
    }
    int keep = errno;
    exportlist_sum_end(sum, f->sum);
    errno = keep;
    return n == 0 ? sysio_sync(to) : -1;
}

/* The version under another name at first, so that what is opened again has
 * never half of one; all else is removed then (export_clear()). */
static int
copy_file(struct export *x, const char *name, struct err *e)
{
    const struct sysio *io = sysio_get();
    struct exportlist_file f = {.path = str_of(name)};
    bool aside = str_eq(f.path, STR("version"));
    char *from = xprintf("%s/%s", x->dir, name);
    char *to = xprintf("%s/%s", x->part, name);
    char *temp = xprintf("%s%s", to, aside ? ".new" : "");
    uint64_t size;
    int r = 0, in = open_file(from, &size, e), out = -1;

    if (in < 0)
        r = in;
    if (!r && str_starts(f.path, STR("large/")))
        r = spooldir_make_large_dir(x->made, to, e);
    if (!r && (out = io->open(temp, O_WRONLY | O_CREAT | O_TRUNC, 0640)) < 0)
        r = export_failed(errno, e, "making", temp);
    if (!r && copy_bytes(x, in, out, &f) < 0)
        r = export_failed(errno, e, "copying", from);
    if (out >= 0)
        (void)io->close(out); /* it was synced */
    if (in >= 0)
        (void)io->close(in); /* only read */
    if (!r)
        r = export_give(x, temp, e);
    if (!r && aside && io->rename(temp, to) < 0)
        r = export_failed(errno, e, "renaming", temp);
    if (!r && sysio_sync_parent(to) < 0)
        r = export_failed(errno, e, "syncing the directory of", to);
    if (!r)
        exportlist_add(&x->list, &f);
    x->bytes += f.size;
    free(from);
    free(to);
    free(temp);
    return r;
}

static int
put_file(const struct export *x, const char *dir, const char *name,
    struct str text, struct err *e)
{
    char *path = xprintf("%s/%s", dir, name);
    struct iovec iov = {(void *)(uintptr_t)text.p, text.n};
    const struct sysio *io = sysio_get();
    int r = 0, fd = io->open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

    if (fd < 0 || sysio_write_all(fd, &iov, 1, 0) < 0 || sysio_sync(fd) < 0)
        r = export_failed(errno, e, "writing", path);
    if (fd >= 0)
        (void)io->close(fd); /* it was synced, or is of no use */
    if (!r)
        r = export_give(x, path, e);
    if (!r && sysio_sync_dir(dir) < 0)
        r = export_failed(errno, e, "syncing", dir);
    free(path);
    return r;
}

static int
each_dir(const struct export *x,
    int (*fn)(const struct export *x, const char *path, struct err *e),
    struct err *e)
{
    const char *const dir[] = {
        x->made->segments, x->made->large, x->made->quarantine, x->made->path};
    char last[3] = "";
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(dir) && !r; i++)
        r = fn(x, dir[i], e);
    for (size_t i = 0; i < x->count && !r; i++) {
        struct str name = str_of(x->path[i]);
        if (!str_starts(name, STR("large/")) ||
            str_eq(str_sub(name, 6, 2), str_of(last)))
            continue;
        (void)str_copy(last, sizeof(last), str_sub(name, 6, 2));
        char *path = xprintf("%s/large/%s", x->part, last);
        r = fn(x, path, e);
        free(path);
    }
    return r;
}

static int
export_list(struct export *x, struct err *e)
{
    char *lock = xprintf("%s/lock", x->part);
    int r = export_give(x, lock, e);

    free(lock);
    if (!r)
        r = each_dir(x, export_give, e);
    exportlist_end(&x->list, x->count);
    return r ? r : put_file(x, x->part, "export", buf_get(&x->list), e);
}

/* In this order: a crash in between leaves a spool that nobody opens and an
 * export that is not there, and the same command mends it. */
static int
export_publish(struct export *x, bool keep, struct err *e)
{
    struct buf mark = BUF_INIT;
    int r = 0;

    buf_printf(&mark, "to %s\nat ", x->to);
    clock_print_iso(&mark, clock_wall());
    buf_char(&mark, '\n');
    if (!keep)
        r = put_file(x, x->dir, "exported", buf_get(&mark), e);
    buf_fini(&mark);
    if (!r && sysio_get()->rename(x->part, x->to) < 0)
        r = export_failed(errno, e, "renaming", x->part);
    if (!r && sysio_sync_parent(x->to) < 0)
        r = export_failed(errno, e, "syncing the directory of", x->to);
    return r;
}

static void
export_free(struct export *x)
{
    spooldir_close(&x->from);
    spooldir_close(&x->made);
    for (size_t i = 0; i < x->count; i++)
        free(x->path[i]);
    free(x->path);
    free(x->dir);
    free(x->to);
    free(x->part);
    free(x->block);
    buf_fini(&x->list);
}

static void
export_say(const struct export *x, bool keep, spool_say_f *say)
{
    struct buf line = BUF_INIT;

    buf_printf(&line, "%zu files, %llu octets are in %s", x->count,
        (unsigned long long)x->bytes, x->to);
    say(x->arg, buf_get(&line));
    buf_cut(&line, 0);
    if (keep)
        buf_printf(&line, "%s is as it was: its mail is in both now", x->dir);
    else
        buf_printf(&line,
            "%s is marked as exported: no impeld opens it any more", x->dir);
    say(x->arg, buf_get(&line));
    buf_fini(&line);
}

/* Without slashes at its end. */
static char *
trimmed(const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    return xdupn(path, n);
}

int
spool_export(const char *dir, const char *to, bool keep, spool_say_f *say,
    spool_progress_f *progress, void *arg, struct err *e)
{
    struct export x = {.progress = progress, .arg = arg};
    int r;

    x.dir = trimmed(dir);
    x.to = trimmed(to);
    x.part = xprintf("%s.part", x.to);
    x.block = xmalloc(BLOCK);
    r = export_open(&x, e);
    if (!r)
        r = export_look(&x, e);
    if (!r)
        exportlist_begin(&x.list, x.from->id, clock_wall());
    for (size_t i = 0; i < x.count && !r; i++)
        r = copy_file(&x, x.path[i], e);
    if (!r)
        r = export_list(&x, e);
    if (!r)
        r = export_publish(&x, keep, e);
    if (r && x.made)
        (void)export_clear(&x, NULL); /* room for others, as far as it goes */
    if (!r && say)
        export_say(&x, keep, say);
    export_free(&x);
    return r;
}
