/* SPDX-License-Identifier: Apache-2.0 */
#include "net/kept.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/manager.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { FIRST_GIVEN = 3, NAME_BYTES = 80 };
#define UNIX_NAME "unix-" /* and device and inode of the file */

struct given {
    int fd; /* -1: taken, or not one of ours */
    struct netaddr at;
};

static struct {
    struct given *items;
    int count;
    bool looked;
    int kept;
} kept;

static bool
is_listening(int fd)
{
    int type = 0, listens = 0;
    socklen_t n = sizeof(int), m = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
        type == SOCK_STREAM &&
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &m) == 0 && listens;
}

static bool
look_at(int fd, struct netaddr *at)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || !is_listening(fd) ||
        getsockname(fd, (struct sockaddr *)(void *)&ss, &n) < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return false;
    netaddr_from_sockaddr(at, (struct sockaddr *)(void *)&ss);
    return at->ip.family || at->path[0];
}

static void
look(void)
{
    if (kept.looked)
        return;
    kept.looked = true;
    kept.count = manager_given();
    kept.items = xcalloc((size_t)kept.count + 1, sizeof(*kept.items));
    for (int i = 0; i < kept.count; i++) {
        struct given *g = &kept.items[i];

        g->fd = FIRST_GIVEN + i;
        if (look_at(g->fd, &g->at))
            continue;
        (void)close(g->fd); /* no socket of a listener */
        g->fd = -1;
    }
}

/* "[::1]:25" as a name of the manager's, which has no colons; of a Unix socket
 * the file that its path leads to now.  False: there is none. */
static bool
name_of(const struct netaddr *at, char *to)
{
    struct buf b = BUF_INIT;
    struct stat st;

    if (at->path[0]) {
        if (stat(at->path, &st) < 0 || !S_ISSOCK(st.st_mode))
            return false;
        (void)snprintf(to, NAME_BYTES, UNIX_NAME "%llx-%llx",
            (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
        return true;
    }
    netaddr_print(at, &b);
    (void)str_copy(to, NAME_BYTES, buf_get(&b)); /* an IP address is short */
    buf_fini(&b);
    for (char *p = to; *p; p++)
        if (*p == ':')
            *p = '_';
    return true;
}

/* Does who connects to the path come to this socket?  What we have not named
 * ourselves is a .socket unit's, and believed. */
static bool
is_at_path(int n, const struct netaddr *at)
{
    const char *said = manager_given_name(n);
    char name[NAME_BYTES];

    return !str_starts(str_of(said), STR(UNIX_NAME)) ||
        (name_of(at, name) && strcmp(said, name) == 0);
}

int
kept_take(const struct accept_config *c)
{
    int on = 1, fd;

    look();
    for (int i = 0; i < kept.count; i++) {
        struct given *g = &kept.items[i];

        if (g->fd < 0 || !netaddr_eq(&g->at, &c->at) ||
            (g->at.path[0] && !is_at_path(i, &g->at)))
            continue;
        fd = g->fd;
        g->fd = -1;
        if (c->at.path[0] && c->file_mode) /* the mode it had is no danger */
            (void)chmod(c->at.path, (mode_t)c->file_mode);
        if (c->reuse_port) /* there may be more loops than there were */
            (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        /* only the length of its backlog can change */
        (void)listen(fd, c->backlog > 0 ? c->backlog : SOMAXCONN);
        return fd;
    }
    return -1;
}

void
kept_drop_rest(void)
{
    look();
    for (int i = 0; i < kept.count; i++) {
        struct given *g = &kept.items[i];
        struct buf at = BUF_INIT;

        if (g->fd < 0)
            continue;
        netaddr_print(&g->at, &at);
        log_notice(
            LOG_NET, "listener-not-taken-over", "addr=%s", buf_get(&at).p);
        buf_fini(&at);
        manager_forget(manager_given_name(i));
        (void)close(g->fd); /* nothing to be done about it */
        g->fd = -1;
    }
}

bool
kept_keep(int fd, const struct netaddr *at)
{
    char name[NAME_BYTES];

    if (kept.kept >= manager_keeps() || !name_of(at, name) ||
        !manager_keep(fd, name))
        return false;
    kept.kept++;
    return true;
}

void
kept_forget(const struct netaddr *at, unsigned count)
{
    char name[NAME_BYTES];

    kept.kept -= (int)count;
    if (name_of(at, name))
        manager_forget(name);
}

void
kept_reset(void)
{
    free(kept.items);
    memset(&kept, 0, sizeof(kept));
}
