/* SPDX-License-Identifier: Apache-2.0
 *
 * privileges.h - user, group, chroot, limits: what `security { }` asks for.
 *
 * Main thread, before other threads exist, after sockets are bound.
 */
#ifndef IMPEL_PRIVILEGES_H
#define IMPEL_PRIVILEGES_H

#include <sys/types.h>
#include "conf/generation.h"

struct privileges {
    bool change; /* a user is configured and we are root */
    uid_t uid;
    gid_t gid;
    char name[64];
    char *chroot;  /* NULL: none */
    gid_t *groups; /* supplemental */
    size_t group_count;
};
/* Look names up while /etc can still be read.  ERR_CONF names what is wrong. */
int privileges_read(
    const struct generation *g, struct privileges *p, struct err *e);
/* Make a directory for the daemon's own use, owned by the user to be. */
int privileges_make_dir(
    const struct privileges *p, const char *path, int mode, struct err *e);
/* Act as the user to be, so that what is made belongs to it, and be root again;
 * neither does anything where nothing is going to be dropped. */
int privileges_borrow(const struct privileges *p, struct err *e);
int privileges_return(const struct privileges *p, struct err *e);
/* The configured chroot, if any.  From here on every path of the configuration
 * is one inside it, that of the configuration for a reload too. */
int privileges_enter_root(const struct privileges *p, struct err *e);
int privileges_drop(const struct privileges *p, struct err *e);
void privileges_fini(struct privileges *p);
/* Raise the soft limit of descriptors to the hard one; returns it. */
uint64_t privileges_raise_files(void);

#endif
