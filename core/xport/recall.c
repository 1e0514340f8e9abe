/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/recall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/xmem.h"
#include "conf/option.h"
#include "conf/scope.h"
#include "conf/tree.h"
#include "conf/uninstalled.h"
#include "route/method.h"
#include "spool/spool_options.h"
#include "spool/sysio.h"
#include "base/banned.h"

enum { RECALL_MOST = 1 << 16, RECALL_NAME_MOST = 63 };

static const char recall_head[] = "impel-modules 1";
static const char *const recall_kinds[] = {[INSTALLED_METHOD] = "method",
    [INSTALLED_SCHEME] = "scheme",
    [INSTALLED_LISTENER] = "listener",
    [INSTALLED_MODULE] = "module"};

static bool
recall_is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return s.n > 0 && s.n <= RECALL_NAME_MOST;
}

/* One line; what is not understood was not written by us. */
static size_t
recall_line(struct str line)
{
    struct str kind = str_cut(&line, ' '), name = str_cut(&line, ' ');
    char n[RECALL_NAME_MOST + 1], module[RECALL_NAME_MOST + 1];
    size_t k = 0;

    while (
        k < ARRAY_SIZE(recall_kinds) && !str_eq(kind, str_of(recall_kinds[k])))
        k++;
    if (k == ARRAY_SIZE(recall_kinds) || !recall_is_name(name) ||
        !recall_is_name(line))
        return 0;
    (void)str_copy(n, sizeof(n), name); /* they fit */
    (void)str_copy(module, sizeof(module), line);
    if (!uninstalled_remember((enum installed_kind)k, n, module))
        return 0;
    if (k == INSTALLED_METHOD)
        (void)method_add(n); /* queues have a number for it */
    return 1;
}

static char *
recall_path(const char *dir)
{
    return xprintf("%s/modules", dir);
}

static void
recall_read(const char *dir, struct buf *to)
{
    char *path = recall_path(dir);
    struct err e;

    if (file_read(path, RECALL_MOST, NULL, to, &e) < 0 &&
        e.code != ERR_NOTFOUND)
        log_warn(LOG_MOD, "modules-unreadable", "path=%s reason=\"%s\"", path,
            e.text);
    free(path);
}

size_t
recall_learn(const char *dir)
{
    struct buf text = BUF_INIT;
    size_t learned = 0;
    struct str rest;

    recall_read(dir, &text);
    rest = buf_get(&text);
    if (str_eq(str_cut(&rest, '\n'), str_of(recall_head)))
        while (rest.n)
            learned += recall_line(str_cut(&rest, '\n'));
    buf_fini(&text);
    return learned;
}

/* --- the folder that a configuration names --- */

static struct str
recall_option(const struct node *in, const char *name)
{
    struct str value = STR_NONE;

    for (const struct node *n = in ? in->first : NULL; n; n = n->next)
        if (n->kind == NODE_OPTION && n->shape == NODE_ONE &&
            str_ieq(n->keyword, str_of(name)))
            value = n->text;
    return value;
}

static const struct node *
recall_stanza(const struct node *in, const char *keyword)
{
    const struct node *n = in->first;

    while (
        n && !(n->kind == NODE_STANZA && str_ieq(n->keyword, str_of(keyword))))
        n = n->next;
    return n;
}

/* As the file says it, whatever else is wrong with that; else as ever. */
static size_t
recall_from(const char *path)
{
    uint32_t id = option_find(STR("spoolbase"));
    struct conf_report *r = conf_report_new();
    struct str root, dir;
    struct tree t;
    size_t learned = 0;
    char *z;

    tree_init(&t, r);
    tree_load(&t, path, true);
    root = recall_option(recall_stanza(&t.root, "security"), "chroot");
    dir = recall_option(&t.root, "spoolbase");
    if (!dir.n && id != UINT32_MAX && option_get(id)->initial)
        dir = str_of(option_get(id)->initial);
    if (dir.n) {
        z = xprintf("%.*s%.*s", STR_ARG(root), STR_ARG(dir));
        learned = recall_learn(z);
        free(z);
    }
    tree_fini(&t);
    conf_report_free(&r);
    return learned;
}

int
recall_load(const struct generation_load *how, struct generation **to,
    struct conf_report **r, struct err *e)
{
    int rc = generation_load(how, to, *r, e);

    if (rc == 0 || recall_from(how->path) == 0)
        return rc;
    conf_report_free(r);
    *r = conf_report_new();
    return generation_load(how, to, *r, e);
}

/* --- writing --- */

static void
recall_row(
    void *arg, enum installed_kind kind, const char *name, const char *module)
{
    struct buf *to = arg;

    if (recall_is_name(str_of(name)) && recall_is_name(str_of(module)) &&
        to->n < RECALL_MOST - 256)
        buf_printf(to, "%s %s %s\n", recall_kinds[kind], name, module);
}

int
recall_keep(const char *dir, struct err *e)
{
    struct buf was = BUF_INIT, now = BUF_INIT;
    char *path = recall_path(dir);
    int rc = 0;

    (void)recall_learn(dir); /* what others have noted stays */
    recall_read(dir, &was);
    buf_printf(&now, "%s\n", recall_head);
    installed_foreign(recall_row, &now);
    if (!str_eq(buf_get(&was), buf_get(&now)) &&
        (was.n || now.n > strlen(recall_head) + 1))
        rc = sysio_replace(path, 0640, buf_get(&now)) == 0
            ? 0
            : err_errno(e, ERR_IO, errno, "%s", path);
    free(path);
    buf_fini(&was);
    buf_fini(&now);
    return rc;
}

void
recall_note(const struct generation *g)
{
    struct str dir =
        scope_str(generation_global(g), OPT(spool_options, SPOOL_SPOOLBASE));
    char *z = xdupn(dir.p, dir.n);
    struct err e;

    if (recall_keep(z, &e) < 0)
        log_warn(LOG_MOD, "modules-not-noted", "reason=\"%s\"", e.text);
    free(z);
}
