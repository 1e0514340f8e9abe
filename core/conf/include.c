/* SPDX-License-Identifier: Apache-2.0
 *
 * include.c - files of a tree and where they are looked for (MC 1.4).
 *
 * An include is replaced by what the file holds, at its place.  A relative
 * path is looked for beside the including file, then along the search path.
 */
#include "conf/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "base/banned.h"

#define INCLUDE_DEFAULT_PATH \
    "/etc/impel:/etc/impel/conf/global:/etc/impel/conf/default"

/* A file that is being read, to notice one that includes itself. */
struct include_open {
    dev_t dev;
    ino_t ino;
    int depth;
    const struct include_open *up;
};

static void include_path(struct tree *t, struct node *parent, const char *path,
    const struct include_open *up, struct report_at at);

static int
include_fail(
    struct tree *t, struct report_at at, const char *path, const char *why)
{
    conf_report_add(t->report, REPORT_ERROR, at, "%s: %s", path, why);
    return ERR_CONF;
}

static int
include_slurp(struct tree *t, int fd, const char *path, struct report_at at,
    struct buf *to)
{
    for (;;) {
        ssize_t n;

        buf_reserve(to, 65536);
        n = read(fd, to->p + to->n, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return include_fail(t, at, path, strerror(errno));
        if (n == 0)
            break;
        to->n += (size_t)n;
        t->bytes += (size_t)n;
        if (to->n > TREE_FILE_MAX || t->bytes > TREE_BYTES_MAX)
            return include_fail(t, at, path, "too large for a configuration");
    }
    return 0;
}

/* Replace each include below parent by what it names. */
static void include_expand(
    struct tree *t, struct node *parent, const struct include_open *open);

/* Where text stands: beside the including file, else on the search path. */
static bool
include_search(const struct node *n, char *to, size_t size)
{
    const char *env = getenv("EC_CONF_SEARCH_PATH");
    struct str dirs = str_of(env ? env : INCLUDE_DEFAULT_PATH);
    struct str file = str_of(n->at.file), path = n->text;
    size_t slash = str_rchr(file, '/');
    struct str dir = slash == SIZE_MAX ? STR(".") : str_sub(file, 0, slash);

    if (slash == 0)
        dir = STR("/");
    while (dir.p) {
        int len = snprintf(to, size, "%.*s/%.*s", STR_ARG(dir), STR_ARG(path));

        if (len > 0 && (size_t)len < size && access(to, F_OK) == 0)
            return true;
        do
            dir = dirs.p ? str_cut(&dirs, ':') : STR_NONE;
        while (dir.p && !dir.n);
    }
    return false;
}

static void
include_one(struct tree *t, struct node *into, const struct node *n,
    const struct include_open *open)
{
    char path[PATH_MAX];
    struct str text = n->text;
    struct node bare = *n;

    if (str_istarts(text, STR("file://")))
        text = str_from(text, 7);
    else if (str_find(text, STR("://"), 0) != SIZE_MAX) {
        conf_report_add(t->report, REPORT_ERROR, n->value_at,
            "include takes a path or file://, not '%.*s'", STR_ARG(text));
        return;
    }
    bare.text = text;
    if (!text.n || text.n >= sizeof(path) || memchr(text.p, 0, text.n)) {
        conf_report_add(
            t->report, REPORT_ERROR, n->value_at, "include takes a path");
        return;
    }
    if (text.p[0] == '/') {
        (void)str_copy(path, sizeof(path), text); /* length was checked */
    } else if (!include_search(&bare, path, sizeof(path))) {
        conf_report_add(t->report, REPORT_ERROR, n->value_at,
            "cannot find %.*s beside %s, nor on the search path "
            "(EC_CONF_SEARCH_PATH)",
            STR_ARG(text), n->at.file);
        return;
    }
    include_path(t, into, path, open, n->value_at);
}

static void
include_expand(
    struct tree *t, struct node *parent, const struct include_open *open)
{
    struct node *n = parent->first;

    parent->first = parent->last = NULL;
    while (n) {
        struct node *next = n->next;

        n->next = NULL;
        if (n->kind == NODE_INCLUDE) {
            include_one(t, parent, n, open);
        } else {
            if (parent->last)
                parent->last->next = n;
            else
                parent->first = n;
            parent->last = n;
            if (n->kind == NODE_STANZA && n->first)
                include_expand(t, n, open);
        }
        n = next;
    }
}

static void
include_text(struct tree *t, struct node *parent, const char *path,
    struct str text, const struct include_open *open)
{
    struct node part = {.kind = NODE_STANZA, .keyword = parent->keyword};

    tree_parse(t, &part, text, tree_is_yaml(path), path);
    if (open)
        include_expand(t, &part, open);
    if (!part.first)
        return;
    if (parent->last)
        parent->last->next = part.first;
    else
        parent->first = part.first;
    parent->last = part.last;
}

static int
include_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the folder, sorted; dot-files are skipped. */
static char **
include_names(DIR *d, size_t *count)
{
    struct dirent *entry;
    char **names = NULL;
    size_t n = 0, size = 0;

    while (n < TREE_FILES_MAX && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (n == size) {
            size = size ? size * 2 : 16;
            names = xgrow(names, size, sizeof(*names));
        }
        names[n++] = xdup(entry->d_name);
    }
    if (n)
        qsort(names, n, sizeof(*names), include_compare);
    *count = n;
    return names;
}

/* Each file in it, in the order of their names; folders in it are left. */
static void
include_folder(struct tree *t, struct node *parent, const char *path,
    const struct include_open *up, struct report_at at)
{
    DIR *d = opendir(path);
    size_t count;
    char **names;

    if (!d) {
        (void)include_fail(t, at, path, strerror(errno));
        return;
    }
    names = include_names(d, &count);
    (void)closedir(d); /* it was only read */
    for (size_t i = 0; i < count; i++) {
        char *file = xprintf("%s/%s", path, names[i]);
        struct stat st;

        if (stat(file, &st) || !S_ISDIR(st.st_mode))
            include_path(t, parent, file, up, at);
        free(file);
        free(names[i]);
    }
    free(names);
}

static bool
include_again(const struct include_open *up, const struct stat *st)
{
    for (; up; up = up->up)
        if (up->dev == st->st_dev && up->ino == st->st_ino)
            return true;
    return false;
}

static void
include_file(struct tree *t, struct node *parent, const char *path,
    const struct include_open *up, struct report_at at)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct include_open open_now = {.up = up, .depth = up ? up->depth + 1 : 0};
    struct buf text = BUF_INIT;
    struct stat st;

    if (fd < 0 || fstat(fd, &st)) {
        (void)include_fail(t, at, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        (void)include_fail(t, at, path, "not a regular file");
    } else if (include_again(up, &st)) {
        (void)include_fail(t, at, path, "includes itself");
    } else if (open_now.depth > TREE_INCLUDES_MAX ||
        ++t->files > TREE_FILES_MAX) {
        (void)include_fail(t, at, path, "too many files, or too deep");
    } else if (include_slurp(t, fd, path, at, &text) == 0) {
        open_now.dev = st.st_dev;
        open_now.ino = st.st_ino;
        include_text(t, parent, path, buf_get(&text), &open_now);
    }
    if (fd >= 0)
        (void)close(fd); /* it was only read */
    buf_fini(&text);
}

static void
include_path(struct tree *t, struct node *parent, const char *path,
    const struct include_open *up, struct report_at at)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        include_folder(t, parent, path, up, at);
    else
        include_file(t, parent, path, up, at);
}

/* As include_file(), but what it includes stays as it is. */
static void
include_plain(struct tree *t, const char *path, struct report_at at)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct buf text = BUF_INIT;
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        (void)include_fail(t, at, path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        (void)include_fail(t, at, path, "not a regular file");
    else if (include_slurp(t, fd, path, at, &text) == 0)
        include_text(t, &t->root, path, buf_get(&text), NULL);
    if (fd >= 0)
        (void)close(fd); /* it was only read */
    buf_fini(&text);
}

void
tree_load(struct tree *t, const char *path, bool expand)
{
    struct report_at at = {NULL, 0, 0};

    if (expand)
        include_path(t, &t->root, path, NULL, at);
    else
        include_plain(t, path, at);
}
