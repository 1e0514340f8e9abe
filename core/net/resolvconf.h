/* SPDX-License-Identifier: Apache-2.0
 *
 * resolvconf.h - which name servers to ask: resolv.conf, read by ourselves
 * since c-ares takes no ports there, and read again when the file changes.
 */
#ifndef IMPEL_RESOLVCONF_H
#define IMPEL_RESOLVCONF_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include "base/buf.h"

struct resolvconf {
    struct buf servers; /* "127.0.0.1:53,[::1]:5300", never empty */
    int timeout_ms;     /* of one try at one server, the first time */
    int attempts;       /* at each server */
    bool tcp;           /* options use-vc */
    bool named;         /* there are servers in the text */
    struct {            /* of the file that was read; zeroed: none */
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
    } file;
};
/* What text says; what it does not say has defaults: 127.0.0.1:53, 5 s, two
 * attempts.  Lines that Impel does not need (search, domain, sortlist: names
 * in mail are complete) are passed over. */
void resolvconf_parse(struct str text, struct resolvconf *to);
/* A file that cannot be read counts as an empty one. */
void resolvconf_read(const char *path, struct resolvconf *to);
bool resolvconf_changed(const char *path, const struct resolvconf *last);
void resolvconf_fini(struct resolvconf *r);

#endif
