/* SPDX-License-Identifier: Apache-2.0
 *
 * accept.h - listening sockets.
 *
 * Sockets are opened by the main thread while it is privileged, one per loop
 * and address (SO_REUSEPORT), and watched by the loops.
 */
#ifndef IMPEL_ACCEPT_H
#define IMPEL_ACCEPT_H

#include "loop/loop.h"
#include "net/netaddr.h"

struct accept_config {
    struct netaddr at;
    int backlog;
    int file_mode; /* Unix sockets */
    bool reuse_port;
};
/* Bind and listen: a non-blocking descriptor, or ERR_IO naming the address. */
int accept_open(const struct accept_config *c, int *fd, struct err *e);
/* Give a listening socket another backlog, and the path of a Unix socket
 * another mode.  ERR_IO: it stays as it is. */
int accept_renew(const struct accept_config *c, int fd, struct err *e);

struct acceptor;
/* A descriptor of a peer, non-blocking and close-on-exec, now the callee's. */
typedef void accept_f(
    void *arg, int fd, const struct netaddr *peer, const struct netaddr *local);
/* Loop thread (or before the loop runs). The acceptor owns listen_fd. */
struct acceptor *acceptor_new(
    struct loop *l, int listen_fd, accept_f *fn, void *arg);
/* Accepts what waits in the backlog, then closes the socket. */
void acceptor_free(struct acceptor **a);
/* Closes it at once: others have it too, and accept from it. */
void acceptor_leave(struct acceptor **a);
/* Errors of accept() so far (EMFILE pauses for a while, is logged once). */
uint64_t acceptor_errors(const struct acceptor *a);

#endif
