/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/num.h"
#include "base/xmem.h"
#include "ctl/ctl_options.h"
#include "base/banned.h"

static const struct scope *
security_scope(const struct generation *g)
{
    const struct stanza *s = generation_stanza(g, SCOPE_SECURITY, NULL, NULL);
    return s ? stanza_scope(s) : NULL;
}

static int
group_id(struct str name, gid_t *to, struct err *e)
{
    char *z = xdupn(name.p, name.n);
    uint64_t number;
    struct group *gr = getgrnam(z);
    free(z);
    if (gr)
        *to = gr->gr_gid;
    else if (num_u64(name, &number) == 0 && number < UINT32_MAX)
        *to = (gid_t)number;
    else
        return err_set(
            e, ERR_CONF, "security: no group \"%.*s\"", STR_ARG(name));
    return 0;
}

static int
read_user(struct privileges *p, struct str name, struct err *e)
{
    char *z = xdupn(name.p, name.n);
    struct passwd *pw = getpwnam(z);
    free(z);
    if (!pw)
        return err_set(
            e, ERR_CONF, "security: no user \"%.*s\"", STR_ARG(name));
    p->change = geteuid() == 0;
    p->uid = pw->pw_uid;
    p->gid = pw->pw_gid;
    (void)str_copy(p->name, sizeof(p->name), name);
    return 0;
}

static int
read_groups(struct privileges *p, const struct scope *s, struct err *e)
{
    uint32_t id = OPT(ctl_options, CTL_SUPPLEMENTAL_GROUPS);
    size_t n = scope_count(s, id);
    if (n == 0)
        return 0;
    p->groups = xcalloc(n, sizeof(gid_t));
    for (; p->group_count < n; p->group_count++) {
        int rc = group_id(
            scope_item(s, id, p->group_count), &p->groups[p->group_count], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int
privileges_read(const struct generation *g, struct privileges *p, struct err *e)
{
    const struct scope *s = security_scope(g);
    *p = (struct privileges){0};
    p->uid = geteuid();
    p->gid = getegid();
    if (!s)
        return 0;
    struct str user = scope_str(s, OPT(ctl_options, CTL_USER));
    struct str group = scope_str(s, OPT(ctl_options, CTL_GROUP));
    struct str root = scope_str(s, OPT(ctl_options, CTL_CHROOT));
    int rc = user.n ? read_user(p, user, e) : 0;
    if (rc == 0 && group.n)
        rc = group_id(group, &p->gid, e);
    if (rc == 0)
        rc = read_groups(p, s, e);
    if (rc == 0 && root.n)
        p->chroot = xdupn(root.p, root.n);
    if (rc < 0)
        privileges_fini(p);
    return rc;
}

int
privileges_make_dir(
    const struct privileges *p, const char *path, int mode, struct err *e)
{
    if (mkdir(path, (mode_t)mode) < 0) {
        if (errno == EEXIST)
            return 0; /* its owner is the operator's business */
        return err_errno(e, ERR_IO, errno, "%s", path);
    }
    if (p->change && chown(path, p->uid, p->gid) < 0)
        return err_errno(e, ERR_IO, errno, "%s: chown", path);
    return 0;
}

int
privileges_borrow(const struct privileges *p, struct err *e)
{
    if (!p->change)
        return 0;
    if (setegid(p->gid) < 0 || seteuid(p->uid) < 0)
        return err_errno(e, ERR_DENIED, errno, "security: act as %s", p->name);
    return 0;
}

int
privileges_return(const struct privileges *p, struct err *e)
{
    if (!p->change)
        return 0;
    if (seteuid(0) < 0 || setegid(0) < 0)
        return err_errno(e, ERR_DENIED, errno, "security: act as root again");
    return 0;
}

int
privileges_enter_root(const struct privileges *p, struct err *e)
{
    if (p->chroot && (chroot(p->chroot) < 0 || chdir("/") < 0))
        return err_errno(e, ERR_IO, errno, "security: chroot %s", p->chroot);
    return 0;
}

int
privileges_drop(const struct privileges *p, struct err *e)
{
    if (!p->change)
        return 0;
    if (setgroups(p->group_count, p->groups) < 0 || setgid(p->gid) < 0 ||
        setuid(p->uid) < 0)
        return err_errno(e, ERR_DENIED, errno, "security: become %s", p->name);
    if (setuid(0) == 0 && p->uid != 0)
        return err_set(e, ERR_DENIED, "security: privileges came back");
    return 0;
}

void
privileges_fini(struct privileges *p)
{
    xfree(&p->chroot);
    xfree(&p->groups);
    p->group_count = 0;
}

enum { FILES_AT_ONCE = 65536 };

/* The kernel's table of descriptors doubles when it is full, and once there are
 * threads whoever opens the next one waits for all processors meanwhile: 10 to
 * 20 ms.  It never shrinks: one high descriptor makes room for all (8 bytes
 * each). */
static void
make_room_for_files(uint64_t limit)
{
    int high, fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return;
    high = fcntl(
        fd, F_DUPFD_CLOEXEC, (int)MIN_OF(limit, (uint64_t)FILES_AT_ONCE) - 1);
    if (high >= 0)
        (void)close(high); /* it has served */
    (void)close(fd);
}

uint64_t
privileges_raise_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return 0;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r); /* what we have then has to do */
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return 0;
    make_room_for_files(r.rlim_cur);
    return r.rlim_cur;
}
