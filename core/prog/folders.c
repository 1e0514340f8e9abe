/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/folders.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "ctl/ctl_options.h"
#include "net/netaddr.h"
#include "queue/maillog_options.h"
#include "spool/spool_options.h"
#include "base/banned.h"

enum {
    OWN_MODE = 0750,
    OPEN_MODE = 0755 /* each socket has a mode of its own */
};

/* The folder that a file is in. */
static int
make_parent(
    const struct privileges *p, struct str path, int mode, struct err *e)
{
    size_t slash = str_rchr(path, '/');
    char *folder;
    int rc;

    if (slash == SIZE_MAX || slash == 0)
        return 0;
    folder = xdupn(path.p, slash);
    rc = privileges_make_dir(p, folder, mode, e);
    free(folder);
    return rc;
}

static int
make_spool(
    const struct generation *g, const struct privileges *p, struct err *e)
{
    struct str dir =
        scope_str(generation_global(g), OPT(spool_options, SPOOL_SPOOLBASE));
    char *z = xdupn(dir.p, dir.n);
    int rc = privileges_make_dir(p, z, OWN_MODE, e);

    free(z);
    return rc;
}

static int
make_log(const struct privileges *p, struct str path, struct err *e)
{
    if (str_starts(path, STR("file://")))
        path = str_from(path, 7);
    if (path.n && path.p[0] != '/' && str_find(path, STR("://"), 0) != SIZE_MAX)
        return 0; /* no file */
    return make_parent(p, path, OWN_MODE, e);
}

static int
make_logs(const struct generation *g, const struct privileges *p, struct err *e)
{
    static const uint32_t kinds[] = {SCOPE_EC_LOGGER, SCOPE_BOUNCE_LOGGER};
    static const int rows[] = {MAILLOG_MAINLOG, MAILLOG_REJECTLOG,
        MAILLOG_PANICLOG, MAILLOG_JSONLOG, MAILLOG_BOUNCELOG};

    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        const struct stanza *st = NULL;
        while ((st = generation_stanza(g, kinds[k], NULL, st)) != NULL)
            for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint32_t id = OPT(maillog_options, rows[i]);
                int rc = make_log(p, scope_str(stanza_scope(st), id), e);
                if (rc < 0)
                    return err_prefix(e, "%s", option_get(id)->name);
            }
    }
    return 0;
}

/* Of every listener, whatever module serves it. */
static int
make_sockets(
    const struct generation *g, const struct privileges *p, struct err *e)
{
    const struct stanza *parent = NULL, *listen;

    while ((parent = generation_stanza(
                g, IMPEL_SCOPE_LISTENER, NULL, parent)) != NULL) {
        listen = NULL;
        while ((listen = generation_stanza(
                    g, IMPEL_SCOPE_LISTEN, parent, listen)) != NULL) {
            struct netaddr at;
            if (netaddr_parse(stanza_name(listen), false, &at, NULL) < 0)
                continue; /* whoever opens it says so */
            if (make_parent(p, str_of(at.path), OPEN_MODE, e) < 0)
                return err_prefix(e, "%s:%d: listen", stanza_file(listen),
                    stanza_line(listen));
        }
    }
    return 0;
}

int
folders_make(
    const struct generation *g, const struct privileges *p, struct err *e)
{
    struct str pidfile =
        scope_str(generation_global(g), OPT(ctl_options, CTL_PIDFILE));
    int rc = make_parent(p, pidfile, OPEN_MODE, e);

    if (rc == 0)
        rc = make_spool(g, p, e);
    if (rc == 0)
        rc = make_logs(g, p, e);
    if (rc == 0)
        rc = make_sockets(g, p, e);
    return rc;
}
