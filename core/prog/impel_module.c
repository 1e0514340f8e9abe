/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_module.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/xmem.h"
#include "conf/option.h"
#include "conf/uninstalled.h"
#include "base/banned.h"

enum { NAME_MOST = 31, FILE_MOST = 1 << 20 };

static const struct template_file {
    const char *from, *to;
    enum { EITHER, AUTOTOOLS, PLAIN } with;
} files[] = {
    {"mymodule.c", "mymodule.c", EITHER},
    {"README.md", "README.md", EITHER},
    {"configure.ac", "configure.ac", AUTOTOOLS},
    {"Makefile.am", "Makefile.am", AUTOTOOLS},
    {"gitignore.autotools", ".gitignore", AUTOTOOLS},
    {"Makefile.plain", "Makefile", PLAIN},
    {"gitignore.plain", ".gitignore", PLAIN},
    {"kit/away.kit", "kit/away.kit", EITHER},
    {"kit/garbage.kit", "kit/garbage.kit", EITHER},
    {"kit/idle.kit", "kit/idle.kit", EITHER},
    {"kit/needs.kit", "kit/needs.kit", EITHER},
    {"kit/plain.kit", "kit/plain.kit", EITHER},
    {"kit/refused.kit", "kit/refused.kit", EITHER},
    {"kit/silent.kit", "kit/silent.kit", EITHER},
};

/* --- what was asked for --- */

static int
usage(struct err *e)
{
    return err_set(e, ERR_INVAL,
        "usage: impel module new NAME [--dir DIR] [--plain|--autotools] "
        "[--template DIR]");
}

int
impel_module_read(const struct str *words, size_t count,
    struct impel_module_new *to, struct err *e)
{
    char *template = NULL, *dir = NULL;
    bool plain = false, autotools = false, bad = false;
    struct str name = STR_NONE;

    for (size_t i = 0; i < count && !bad; i++) {
        bool more = i + 1 < count;

        if (str_eq(words[i], STR("--plain")))
            plain = true;
        else if (str_eq(words[i], STR("--autotools")))
            autotools = true;
        else if (str_eq(words[i], STR("--dir")) && more && !dir)
            i++, dir = xdupn(words[i].p, words[i].n);
        else if (str_eq(words[i], STR("--template")) && more && !template)
            i++, template = xdupn(words[i].p, words[i].n);
        else if (!name.p && !str_starts(words[i], STR("-")))
            name = words[i];
        else
            bad = true;
    }
    *to = (struct impel_module_new){.name = name,
        .template = template ? template : xdup(IMPEL_TEMPLATE),
        .dir = dir,
        .plain = plain};
    if (!bad && name.n && !(plain && autotools))
        return 0;
    impel_module_fini(to);
    return usage(e);
}

void
impel_module_fini(struct impel_module_new *n)
{
    free((char *)(uintptr_t)n->template);
    free((char *)(uintptr_t)n->dir);
    n->template = n->dir = NULL;
}

/* --- the name --- */

static bool
name_is_word(struct str name)
{
    if (!name.n || name.n > NAME_MOST || name.p[0] < 'a' || name.p[0] > 'z')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

/* An option of the core that would be taken for one of the module's. */
static const char *
name_is_prefix(struct str name)
{
    for (uint32_t id = 0; id < option_count(); id++) {
        const char *option = option_get(id)->name;

        if (str_istarts(str_of(option), name) && option[name.n] == '_')
            return option;
    }
    return NULL;
}

static int
name_check(struct str name, struct err *e)
{
    const char *option;

    if (!name_is_word(name))
        return err_set(e, ERR_INVAL,
            "'%.*s': the name of a module is at most %d small letters and "
            "digits, a letter first",
            (int)MIN_OF(name.n, (size_t)60), name.p, NAME_MOST);
    if (uninstalled_find(INSTALLED_MODULE, name) ||
        uninstalled_find(INSTALLED_METHOD, name) ||
        uninstalled_find(INSTALLED_SCHEME, name) ||
        str_eq(name, STR("mymodule")))
        return err_set(e, ERR_INVAL,
            "%.*s: there is a module of that name or method", STR_ARG(name));
    option = name_is_prefix(name);
    if (option)
        return err_set(e, ERR_INVAL,
            "%.*s: options of that module would begin as %s does, which is "
            "another's",
            STR_ARG(name), option);
    return 0;
}

/* --- the text --- */

static void
fill_line(struct str line, struct str name, struct buf *to)
{
    const struct str small = STR("mymodule"), capital = STR("MYMODULE");

    while (line.n) {
        size_t at = 0;

        while (at < line.n && !str_istarts(str_from(line, at), small))
            at++;
        buf_add(to, line.p, at);
        line = str_from(line, at);
        if (!line.n)
            return;
        if (str_starts(line, capital)) {
            for (size_t i = 0; i < name.n; i++)
                buf_char(to,
                    name.p[i] >= 'a' ? (char)(name.p[i] & ~0x20) : name.p[i]);
        } else {
            buf_str(to, name);
        }
        line = str_from(line, small.n);
    }
}

void
impel_module_fill(struct str text, struct str name, bool plain, struct buf *to)
{
    bool shown = true;

    while (text.n) {
        struct str line = str_cut(&text, '\n');

        if (str_eq(line, STR("<!-- autotools -->")))
            shown = !plain;
        else if (str_eq(line, STR("<!-- plain -->")))
            shown = plain;
        else if (str_eq(line, STR("<!-- both -->")))
            shown = true;
        else if (shown) {
            fill_line(line, name, to);
            buf_char(to, '\n');
        }
    }
}

/* --- the files --- */

/* It is there and empty afterwards, as is kit/ in it. */
static int
make_dir(const char *dir, struct err *e)
{
    struct dirent *f;
    DIR *d;
    bool empty = true;

    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return err_errno(e, ERR_IO, errno, "%s", dir);
    d = opendir(dir);
    if (!d)
        return err_errno(e, ERR_IO, errno, "%s", dir);
    while ((f = readdir(d)) != NULL)
        empty = empty && (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."));
    closedir(d);
    if (!empty)
        return err_set(e, ERR_BUSY,
            "%s: it is there and not empty, and nothing is written over", dir);
    return 0;
}

static int
write_file(const char *path, struct str text, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), rc = 0;

    if (fd < 0)
        return err_errno(e, ERR_IO, errno, "%s", path);
    while (text.n && rc == 0) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0)
            rc = err_errno(e, ERR_IO, errno, "%s", path);
        else
            text = str_from(text, (size_t)n);
    }
    if (close(fd) < 0 && rc == 0)
        rc = err_errno(e, ERR_IO, errno, "%s", path);
    return rc;
}

static int
copy_file(const struct impel_module_new *n, const struct template_file *f,
    const char *dir, struct err *e)
{
    struct buf text = BUF_INIT, filled = BUF_INIT, to = BUF_INIT;
    char *from = xprintf("%s/%s", n->template, f->from);
    int rc = file_read(from, FILE_MOST, NULL, &text, e);

    if (rc < 0) {
        (void)err_prefix(e, "%s", from);
    } else {
        impel_module_fill(buf_get(&text), n->name, n->plain, &filled);
        buf_printf(&to, "%s/", dir);
        fill_line(str_of(f->to), n->name, &to);
        rc = write_file(buf_get(&to).p, buf_get(&filled), e);
    }
    free(from);
    buf_fini(&text);
    buf_fini(&filled);
    buf_fini(&to);
    return rc;
}

/* Before anything is written: an unfinished folder is of no use. */
static int
find_template(const struct impel_module_new *n, struct err *e)
{
    char *path = xprintf("%s/%s", n->template, files[0].from);
    int rc = 0;

    if (access(path, R_OK) < 0)
        rc = err_set(e, ERR_NOTFOUND,
            "%s: no template of a module is there (%s); it comes with the "
            "package impel-dev",
            n->template, strerror(errno));
    free(path);
    return rc;
}

static int
write_all(const struct impel_module_new *n, const char *dir, size_t *count,
    struct err *e)
{
    char *kit = xprintf("%s/kit", dir);
    int rc = make_dir(dir, e);

    if (rc == 0)
        rc = make_dir(kit, e);
    free(kit);
    for (size_t i = 0; i < ARRAY_SIZE(files) && rc == 0; i++) {
        if (files[i].with == (n->plain ? AUTOTOOLS : PLAIN))
            continue;
        rc = copy_file(n, &files[i], dir, e);
        ++*count;
    }
    return rc;
}

int
impel_module_write(
    const struct impel_module_new *n, struct buf *said, struct err *e)
{
    char *dir = n->dir ? xdup(n->dir) : xdupn(n->name.p, n->name.n);
    size_t count = 0;
    int rc = name_check(n->name, e);

    if (rc == 0)
        rc = find_template(n, e);
    if (rc == 0)
        rc = write_all(n, dir, &count, e);
    if (rc == 0)
        buf_printf(said,
            "%s: %zu files of module %.*s, which speaks LMTP for a start\n"
            "Next:\n"
            "  cd %s\n"
            "%s"
            "  make && make check\n",
            dir, count, STR_ARG(n->name), dir,
            n->plain ? "" : "  autoreconf -fi && ./configure\n");
    free(dir);
    return rc;
}
