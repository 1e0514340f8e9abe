/* SPDX-License-Identifier: Apache-2.0
 *
 * tracer.h - `trace smtp`: what is said on chosen outbound connections, in a
 * file.
 *
 * A tracer has a number, a choice (binding; domain, host or address), a file
 * and a most of octets, and lives in the process: over reloads, not over
 * restarts.  It sees a connection from its beginning, or from where it was made
 * if that is ready then: not from amid a login.  What it sees crosses at the
 * link, before TLS and for every module alike (xport/dialogue.h says what of it
 * is shown); a body counts as octets only.
 *
 * Who is not traced pays one comparison for each call.  Lines are written by
 * the log writer.  tracer_add() is for the scheduler's thread, the rest for
 * any.
 */
#ifndef IMPEL_TRACER_H
#define IMPEL_TRACER_H

#include "base/cidr.h"

enum { TRACERS_MOST = 16 };

struct tracer_request {
    struct str binding; /* absent: any */
    struct str what;    /* a domain or a host, folded; absent: any */
    struct cidr net;    /* or an address; family 0: any */
    const char *path;   /* absolute */
    int mode;           /* of a new file: octal bits */
    uint64_t most;      /* octets of the file */
};
/* Its number, or 0.  A file that is there goes on only if a tracer began it:
 * a slip of the hand appends to nothing else. */
uint64_t tracer_add(const struct tracer_request *r, struct err *e);
bool tracer_remove(uint64_t id);
void tracer_remove_all(void);

struct tracer_view {
    uint64_t id, octets, most;
    unsigned sessions; /* that it sees now */
    bool full;
    const char *binding, *what, *path; /* NULL: any */
    struct cidr net;
};
/* In order of their numbers; the view is lent for the call. */
typedef void tracer_each_f(void *arg, const struct tracer_view *v);
void tracer_each(tracer_each_f *fn, void *arg);

#endif
