/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/control.h"
#include "ctl/control_int.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "ctl/ctl_options.h"
#include "intake/intake_options.h"
#include "net/accept.h"
#include "base/banned.h"

enum { CLOSE_MS = 1000, TURN_MS = 20, DIR_MODE = 0755 };

struct control_socket {
    struct list node;
    struct control *control;
    struct netaddr at;
    int fd; /* -1: the acceptor's */
    struct acceptor *acceptor;
    int64_t timeout_ms;
    dev_t dev; /* of the file that was made here: */
    ino_t ino; /* only that one is removed */
};

/* --- who may use it: the user and group of `security { }` --- */

struct owner {
    uid_t uid; /* (uid_t)-1: leave it */
    gid_t gid;
};

static struct str
security_value(const struct generation *g, int row)
{
    const struct stanza *s = generation_stanza(g, SCOPE_SECURITY, NULL, NULL);
    return s ? scope_str(stanza_scope(s), OPT(ctl_options, row)) : STR_NONE;
}

/* Unknown names were refused when the privileges were read. */
static struct owner
find_owner(const struct generation *g)
{
    struct owner o = {(uid_t)-1, (gid_t)-1};
    struct str user = security_value(g, CTL_USER);
    struct str group = security_value(g, CTL_GROUP);
    if (geteuid() != 0 || !user.n)
        return o;
    char *name = xdupn(user.p, user.n);
    const struct passwd *p = getpwnam(name);
    if (p)
        o = (struct owner){p->pw_uid, p->pw_gid};
    free(name);
    name = group.n ? xdupn(group.p, group.n) : NULL;
    const struct group *gr = name ? getgrnam(name) : NULL;
    if (gr)
        o.gid = gr->gr_gid;
    free(name);
    return o;
}

static int
give(const char *path, const struct owner *o, struct err *e)
{
    if (o->uid != (uid_t)-1 && chown(path, o->uid, o->gid) < 0)
        return err_errno(e, ERR_IO, errno, "cannot give %s away", path);
    return 0;
}

/* --- opening --- */

static int
make_folder(const char *path, const struct owner *o, struct err *e)
{
    char folder[sizeof(((struct netaddr *)0)->path)];
    size_t slash = str_rchr(str_of(path), '/');
    if (slash == SIZE_MAX || slash == 0)
        return 0;
    (void)str_copy(folder, sizeof(folder), str_make(path, slash)); /* fits */
    if (mkdir(folder, DIR_MODE) == 0)
        return give(folder, o, e);
    if (errno != EEXIST)
        return err_errno(e, ERR_IO, errno, "cannot make %s", folder);
    return 0;
}

/* A daemon that answers there keeps its socket. */
static int
check_free(const struct netaddr *at, struct err *e)
{
    struct sockaddr_storage ss;
    socklen_t n = netaddr_to_sockaddr(at, &ss);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, ERR_IO, errno, "socket");
    int rc = connect(fd, (const struct sockaddr *)(const void *)&ss, n);
    bool answers = rc == 0 || errno == EAGAIN;
    (void)close(fd); /* was only a question */
    return answers
        ? err_set(e, ERR_BUSY,
              "another daemon answers at the control socket %s", at->path)
        : 0;
}

static int
open_at(struct control_socket *s, const struct accept_config *how,
    const struct owner *o, struct err *e)
{
    struct stat st;
    int rc = make_folder(s->at.path, o, e);
    if (rc == 0)
        rc = check_free(&s->at, e);
    if (rc == 0)
        rc = accept_open(how, &s->fd, e);
    if (rc == 0)
        rc = give(s->at.path, o, e);
    if (rc == 0 && stat(s->at.path, &st) == 0) {
        s->dev = st.st_dev;
        s->ino = st.st_ino;
    }
    return rc;
}

static int
add_socket(struct control *c, struct str path, const struct scope *scope,
    struct err *e)
{
    struct control_socket *s = xnew(struct control_socket);
    struct owner o = find_owner(c->on.generation);
    s->control = c;
    s->fd = -1;
    s->timeout_ms = scope_int(scope, OPT(ctl_options, CTL_TIMEOUT));
    list_push(&c->sockets, &s->node);
    if (!str_copy(s->at.path, sizeof(s->at.path), path))
        return err_set(e, ERR_CONF, "the path %.*s is too long for a socket",
            STR_ARG(path));
    struct accept_config how = {.at = s->at,
        .backlog =
            (int)scope_int(scope, OPT(intake_options, INTAKE_LISTEN_BACKLOG)),
        .file_mode =
            (int)scope_int(scope, OPT(intake_options, INTAKE_FILE_MODE))};
    return open_at(s, &how, &o, e);
}

static bool
is_enabled(const struct stanza *s)
{
    return scope_int(stanza_scope(s), OPT(intake_options, INTAKE_ENABLE)) != 0;
}

static int
open_listen(struct control *c, const struct stanza *listen, struct err *e)
{
    struct str path = stanza_name(listen);
    if (!path.n || path.p[0] != '/')
        return err_set(e, ERR_CONF,
            "%s:%d: a control_listener listens on Unix sockets only, at a path "
            "from /; \"%.*s\" is none (from elsewhere use ssh)",
            stanza_file(listen), stanza_line(listen), STR_ARG(path));
    return add_socket(c, path, stanza_scope(listen), e);
}

static int
open_configured(struct control *c, bool *any, struct err *e)
{
    const struct generation *g = c->on.generation;
    const struct stanza *l = NULL;
    while ((l = generation_stanza(g, SCOPE_CONTROL, NULL, l)) != NULL) {
        const struct stanza *at = NULL;
        *any = true;
        if (!is_enabled(l))
            continue;
        while ((at = generation_stanza(g, SCOPE_CONTROL_LISTEN, l, at))) {
            int rc = is_enabled(at) ? open_listen(c, at, e) : 0;
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static void
free_socket(struct control_socket *s)
{
    struct stat st;
    if (s->acceptor)
        acceptor_free(&s->acceptor);
    if (s->fd >= 0)
        (void)close(s->fd); /* nothing was written to it */
    if (s->ino && lstat(s->at.path, &st) == 0 && st.st_dev == s->dev &&
        st.st_ino == s->ino)
        (void)unlink(s->at.path); /* a stale one is replaced at start */
    list_remove(&s->node);
    free(s);
}

/* Nobody asked for this one: mail does not stop for want of its folder.  The
 * global scope has the defaults of a listener's rows. */
static int
open_default(struct control *c, struct err *e)
{
    int rc = add_socket(
        c, STR(CONTROL_DEFAULT_PATH), generation_global(c->on.generation), e);
    if (rc == ERR_BUSY || rc == 0)
        return rc;
    log_warn(LOG_START, "control-open-failed", "reason=\"%s\"", e->text);
    free_socket(
        LIST_ENTRY(list_first(&c->sockets), struct control_socket, node));
    return 0;
}

static void
free_control(struct control **c)
{
    struct list *n;
    while ((n = list_first(&(*c)->sockets)) != NULL)
        free_socket(LIST_ENTRY(n, struct control_socket, node));
    generation_unref(&(*c)->on.generation);
    (*c)->magic = 0;
    xfree(c);
}

int
control_open(
    const struct control_config *config, struct control **to, struct err *e)
{
    struct control *c = xnew(struct control);
    bool any = false;
    c->magic = CONTROL_MAGIC;
    c->on = *config;
    c->on.generation = generation_ref(config->generation);
    list_init(&c->sockets);
    list_init(&c->sessions);
    int rc = open_configured(c, &any, e);
    if (rc == 0 && !any)
        rc = open_default(c, e);
    if (rc < 0)
        free_control(&c);
    *to = c;
    return rc;
}

/* --- running --- */

static void
accepted(
    void *arg, int fd, const struct netaddr *peer, const struct netaddr *local)
{
    struct control_socket *s = arg;
    (void)peer;
    (void)local;
    control_session_new(s->control, fd, s->timeout_ms);
}

void
control_start(struct control *c)
{
    struct list *it;
    CHECK(c, CONTROL_MAGIC);
    LIST_FOREACH (it, &c->sockets) {
        struct control_socket *s = LIST_ENTRY(it, struct control_socket, node);
        s->acceptor = acceptor_new(c->on.loop, s->fd, accepted, s);
        s->fd = -1;
        log_info(LOG_NET, "control-open", "path=%s", s->at.path);
    }
}

void
control_adopt(struct control *c, struct generation *g)
{
    struct generation *before;
    CHECK(c, CONTROL_MAGIC);
    before = c->on.generation;
    c->on.generation = generation_ref(g);
    generation_unref(&before);
}

void
control_close(struct control **to)
{
    struct control *c = *to;
    struct list *n;
    if (!c)
        return;
    CHECK(c, CONTROL_MAGIC);
    c->closing = true;
    while ((n = list_first(&c->sockets)) != NULL)
        free_socket(LIST_ENTRY(n, struct control_socket, node));
    int64_t until = clock_mono_true() + CLOSE_MS;
    control_session_end_idle(c);
    while (c->session_count && clock_mono_true() < until) {
        loop_turn(c->on.loop, TURN_MS);
        control_session_end_idle(c);
    }
    control_session_free_all(c);
    free_control(to);
}
