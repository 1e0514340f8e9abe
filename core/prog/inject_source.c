/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xmem.h"
#include "prog/inject_mbox.h"
#include "base/banned.h"

static const char *const maildir_folders[] = {"new", "cur"};

struct inject_source {
    const struct inject_args *o;
    size_t path; /* of those that were named */
    DIR *folder;
    char *folder_path; /* what is in it is named after it */
    char *maildir;     /* NULL: none */
    size_t maildir_at; /* which of its folders */
    struct inject_mbox *mbox;
    int mbox_fd;
    char *mbox_path;
    char *name;
    uint64_t weight;
};

struct inject_source *
inject_source_new(const struct inject_args *o)
{
    struct inject_source *s = xnew(struct inject_source);
    s->o = o;
    s->mbox_fd = -1;
    return s;
}

static void
close_folder(struct inject_source *s)
{
    if (s->folder)
        (void)closedir(s->folder);
    s->folder = NULL;
    xfree(&s->folder_path);
}

static void
close_mbox(struct inject_source *s)
{
    if (s->mbox_fd >= 0)
        (void)close(s->mbox_fd);
    s->mbox_fd = -1;
    xfree(&s->mbox);
    xfree(&s->mbox_path);
}

void
inject_source_free(struct inject_source **sp)
{
    struct inject_source *s = *sp;
    *sp = NULL;
    close_folder(s);
    close_mbox(s);
    free(s->maildir);
    free(s->name);
    free(s);
}

const char *
inject_source_name(const struct inject_source *s)
{
    return s->name ? s->name : "";
}

uint64_t
inject_source_weight(const struct inject_source *s)
{
    return s->weight;
}

/* --- files --- */

/* What comes through a pipe is on disk first: it is read twice, and may be
 * sent again. */
static int
copy_to_disk(int from, struct err *e)
{
    int to = inject_text_scratch(e);
    char block[65536];
    ssize_t n = 0;
    if (to < 0)
        return err_prefix(e, "a file for the standard input");
    while ((n = read(from, block, sizeof(block))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || write(to, block, (size_t)n) != n) {
            (void)err_errno(e, ERR_IO, errno, "storing the standard input");
            (void)close(to);
            return e->code;
        }
    }
    return to;
}

/* A descriptor that pread() works on, and its octets. */
static int
open_file(const char *path, uint64_t *size, struct err *e)
{
    bool input = str_eq(str_of(path), STR("-"));
    struct stat st;
    int fd =
        input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_errno(e, ERR_IO, errno, "%s", path);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        int kept = input ? copy_to_disk(fd, e)
                         : err_set(e, ERR_INVAL, "%s is no file", path);
        (void)close(fd);
        if (kept < 0)
            return e->code;
        fd = kept;
    }
    if (fstat(fd, &st) < 0) {
        (void)close(fd);
        return err_errno(e, ERR_IO, errno, "%s", path);
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

int
inject_source_one(const char *path, struct inject_text **to, struct err *e)
{
    uint64_t size;
    int fd = open_file(path, &size, e);
    if (fd < 0)
        return e->code;
    int rc = inject_text_open(fd, 0, size, INJECT_QUOTING_NONE, to, e);
    if (rc < 0)
        err_prefix(e, "%s", path);
    (void)close(fd);
    return rc;
}

static bool
begins_as_mbox(int fd)
{
    char p[INJECT_MBOX_FROM];
    ssize_t n = pread(fd, p, sizeof(p), 0);
    return n > 0 && inject_mbox_is_from(str_make(p, (size_t)n));
}

static void
set_name(struct inject_source *s, char *name, uint64_t weight)
{
    free(s->name);
    s->name = name;
    s->weight = weight;
}

static int
next_of_mbox(struct inject_source *s, struct inject_text **to, struct err *e)
{
    uint64_t at, length;
    int rc = inject_mbox_next(s->mbox, &at, &length, e);
    if (rc <= 0) {
        if (rc < 0)
            err_prefix(e, "%s", s->mbox_path);
        close_mbox(s);
        return rc;
    }
    set_name(s, xprintf("%s, octet %llu", s->mbox_path, (unsigned long long)at),
        length);
    rc = inject_text_open(s->mbox_fd, at, length, s->o->quoting, to, e);
    if (rc < 0)
        return err_prefix(e, "%s", s->name);
    return 1;
}

/* A file: a message, or an mbox that is begun with (*to is NULL then). */
static int
take_file(struct inject_source *s, const char *path, bool may_be_mbox,
    struct inject_text **to, struct err *e)
{
    uint64_t size;
    *to = NULL;
    set_name(s, xdup(path), 0);
    int fd = open_file(path, &size, e);
    if (fd < 0)
        return e->code;
    if (may_be_mbox && s->o->mbox != INJECT_MBOX_NEVER &&
        (s->o->mbox == INJECT_MBOX_ALWAYS || begins_as_mbox(fd))) {
        s->mbox_fd = fd;
        s->mbox_path = xdup(path);
        s->mbox = xmalloc(sizeof(*s->mbox));
        inject_mbox_init(s->mbox, fd);
        return 0;
    }
    s->weight = size;
    int rc = inject_text_open(fd, 0, size, INJECT_QUOTING_NONE, to, e);
    if (rc < 0)
        err_prefix(e, "%s", path);
    (void)close(fd);
    return rc < 0 ? rc : 1;
}

/* --- folders --- */

static int
open_folder(struct inject_source *s, char *path, struct err *e)
{
    s->folder = opendir(path);
    s->folder_path = path;
    if (s->folder)
        return 0;
    (void)err_errno(e, ERR_IO, errno, "%s", path);
    close_folder(s);
    return e->code;
}

static bool
is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_maildir(const char *path)
{
    bool all = true;
    for (size_t i = 0; i < ARRAY_SIZE(maildir_folders); i++) {
        char *inside = xprintf("%s/%s", path, maildir_folders[i]);
        all = all && is_folder(inside);
        free(inside);
    }
    return all;
}

/* The next plain file of the folder; NULL: there is none. */
static char *
next_of_folder(struct inject_source *s)
{
    struct dirent *entry;
    struct stat st;
    while ((entry = readdir(s->folder)) != NULL) {
        if (entry->d_name[0] == '.' ||
            fstatat(dirfd(s->folder), entry->d_name, &st, 0) < 0 ||
            !S_ISREG(st.st_mode))
            continue;
        return xprintf("%s/%s", s->folder_path, entry->d_name);
    }
    return NULL;
}

/* Whatever comes next is opened: 1 with a text; 0: ask again. */
static int
take_folder(struct inject_source *s, struct inject_text **to, struct err *e)
{
    char *path = next_of_folder(s);
    if (!path) {
        close_folder(s);
        return 0;
    }
    int rc = take_file(s, path, false, to, e);
    free(path);
    return rc;
}

static int
take_maildir(struct inject_source *s, struct err *e)
{
    if (s->maildir_at == ARRAY_SIZE(maildir_folders)) {
        xfree(&s->maildir);
        return 0;
    }
    return open_folder(
        s, xprintf("%s/%s", s->maildir, maildir_folders[s->maildir_at++]), e);
}

static int
take_path(struct inject_source *s, struct inject_text **to, struct err *e)
{
    const char *path = s->o->paths[s->path++];
    if (is_maildir(path)) {
        s->maildir = xdup(path);
        s->maildir_at = 0;
        return 0;
    }
    if (is_folder(path))
        return open_folder(s, xdup(path), e);
    return take_file(s, path, true, to, e);
}

int
inject_source_next(
    struct inject_source *s, struct inject_text **to, struct err *e)
{
    int rc = 0;
    while (rc == 0) {
        if (s->mbox)
            rc = next_of_mbox(s, to, e);
        else if (s->folder)
            rc = take_folder(s, to, e);
        else if (s->maildir)
            rc = take_maildir(s, e);
        else if (s->path < s->o->path_count)
            rc = take_path(s, to, e);
        else
            return 0;
    }
    return rc;
}

/* --- how much there is --- */

static uint64_t
size_of_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct stat st;
    uint64_t total = 0;
    if (!folder)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(folder), entry->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode))
            total += (uint64_t)st.st_size;
    (void)closedir(folder);
    return total;
}

static uint64_t
size_of(const char *path)
{
    struct stat st;
    uint64_t total = 0;
    if (is_maildir(path)) {
        for (size_t i = 0; i < ARRAY_SIZE(maildir_folders); i++) {
            char *inside = xprintf("%s/%s", path, maildir_folders[i]);
            total += size_of_folder(inside);
            free(inside);
        }
        return total;
    }
    if (is_folder(path))
        return size_of_folder(path);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size
                                                       : 0;
}

uint64_t
inject_source_total(const struct inject_args *o)
{
    uint64_t total = 0;
    if (o->list)
        return size_of(o->list);
    for (size_t i = 0; i < o->path_count; i++)
        total += size_of(o->paths[i]);
    return total;
}
