/* SPDX-License-Identifier: Apache-2.0
 *
 * moduledir.c - which module files lie in the folders, and what the list
 * beside each says that it serves.
 */
#include "xport/registry_int.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { MODULEDIR_MAX = 512, SERVES_LINES_MAX = 256 };

void
names_add(struct names *n, struct str s)
{
    n->item = xgrow(n->item, n->count + 1, sizeof(*n->item));
    n->item[n->count++] = xdupn(s.p, s.n);
}

static void
names_fini(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->item[i]);
    free(n->item);
    *n = (struct names){NULL, 0};
}

void
names_set(struct names *n, const char *const *from)
{
    names_fini(n);
    for (size_t i = 0; from && from[i]; i++)
        names_add(n, str_of(from[i]));
}

bool
names_has(const struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++) {
        if (str_ieq(str_of(n->item[i]), str_of(name)))
            return true;
    }
    return false;
}

/* Lines "key value"; what is not known is for a later version. */
static void
moduledir_read_list(struct entry *x, FILE *f)
{
    char line[256];

    for (int i = 0; i < SERVES_LINES_MAX && fgets(line, sizeof(line), f); i++) {
        struct str value = str_trim(str_of(line));
        struct str key = str_cut(&value, ' ');

        value = value.p ? str_trim(value) : STR_NONE;
        if (!value.n)
            continue;
        if (str_eq(key, STR("method")))
            names_add(&x->methods, value);
        else if (str_eq(key, STR("scheme")))
            names_add(&x->schemes, value);
        else if (str_eq(key, STR("listener")))
            names_add(&x->listeners, value);
        else if (str_eq(key, STR("version")) && !x->version)
            x->version = xdupn(value.p, value.n);
    }
}

static void
moduledir_find_list(struct entry *x)
{
    char *path =
        xprintf("%.*s.serves", (int)(strlen(x->file) - strlen(".so")), x->file);
    FILE *f = fopen(path, "re");

    free(path);
    if (!f)
        return;
    x->has_list = true;
    moduledir_read_list(x, f);
    (void)fclose(f); /* it was only read */
}

static bool
moduledir_has(const struct entry *entry, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(entry[i].name), name))
            return true;
    }
    return false;
}

static void
moduledir_look(struct entry *x)
{
    struct stat st;

    if (stat(x->file, &st) < 0)
        return; /* it cannot be opened either */
    x->id = (struct file_id){.device = (uint64_t)st.st_dev,
        .inode = (uint64_t)st.st_ino,
        .bytes = (uint64_t)st.st_size,
        .changed_ns =
            (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
}

bool
file_id_eq(const struct file_id *a, const struct file_id *b)
{
    return a->device == b->device && a->inode == b->inode &&
        a->bytes == b->bytes && a->changed_ns == b->changed_ns;
}

bool
moduledir_can_look(const char *file)
{
    const char *slash = strrchr(file, '/');
    char dir[PATH_MAX];

    return slash &&
        str_copy(
            dir, sizeof(dir), str_make(file, (size_t)(slash - file) + 1)) &&
        access(dir, R_OK | X_OK) == 0;
}

static void
moduledir_scan_dir(const char *dir, struct entry **to, size_t *count)
{
    DIR *d = opendir(dir);
    struct dirent *f;

    if (!d) {
        log_notice(LOG_MOD, "module-folder-unreadable", "path=%s reason=\"%s\"",
            dir, strerror(errno));
        return;
    }
    while ((f = readdir(d)) != NULL && *count < MODULEDIR_MAX) {
        struct str name = str_of(f->d_name);
        struct entry *x;
        char *path, *real;

        if (!str_ends(name, STR(".so")) || name.n == 3 || name.p[0] == '.')
            continue;
        name.n -= 3;
        if (moduledir_has(*to, *count, name))
            continue; /* the first folder wins */
        path = xprintf("%s/%s", dir, f->d_name);
        real = realpath(path, NULL);
        *to = xgrow(*to, *count + 1, sizeof(**to));
        x = &(*to)[(*count)++];
        *x = (struct entry){.name = xdupn(name.p, name.n),
            .file = xdup(real ? real : path),
            .state = MODULE_INSTALLED};
        free(path);
        free(real);
        moduledir_look(x);
        moduledir_find_list(x);
    }
    closedir(d);
}

static int
moduledir_order(const void *a, const void *b)
{
    return strcmp(
        ((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

int
moduledir_scan(
    const char *dirs, struct entry **to, size_t *count, struct err *e)
{
    struct str rest = str_of(dirs ? dirs : "");

    *to = NULL;
    *count = 0;
    while (rest.p) {
        struct str dir = str_cut(&rest, ':');
        char path[PATH_MAX];

        if (!dir.n)
            continue;
        if (!str_copy(path, sizeof(path), dir))
            return err_set(e, ERR_INVAL,
                "a module folder's path is longer than %zu bytes",
                sizeof(path) - 1);
        moduledir_scan_dir(path, to, count);
    }
    moduledir_sort(*to, *count);
    return 0;
}

/* Ids of options and the like come out the same each time. */
void
moduledir_sort(struct entry *entry, size_t count)
{
    if (count)
        qsort(entry, count, sizeof(*entry), moduledir_order);
}

void
moduledir_entry_fini(struct entry *x)
{
    free(x->name);
    free(x->file);
    free(x->version);
    names_fini(&x->methods);
    names_fini(&x->schemes);
    names_fini(&x->listeners);
}

void
moduledir_free(struct entry *entry, size_t count)
{
    for (size_t i = 0; i < count; i++)
        moduledir_entry_fini(&entry[i]);
    free(entry);
}
