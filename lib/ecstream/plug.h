/* SPDX-License-Identifier: Apache-2.0
 *
 * plug.h - a socket that does not block, with TLS or without.
 *
 * Calls never wait, but plug_dial() with a name.  Words for a failure stand in
 * plug.error.
 */
#ifndef IMPEL_ECSTREAM_PLUG_H
#define IMPEL_ECSTREAM_PLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/ecstream.h>

struct plug_tls; /* credentials, for all connections of a stream */
struct addrinfo;
enum { PLUG_DONE = 0, PLUG_AGAIN = -1, PLUG_FAILED = -2, PLUG_DENIED = -3 };

struct plug {
    int fd;                       /* -1: none */
    void *session;                /* of GnuTLS, or NULL */
    bool half;                    /* a record of TLS is half sent */
    struct addrinfo *list, *next; /* addresses that were not tried */
    char error[160];
};

/* --- plug.c --- */
void plug_init(struct plug *p);
/* PLUG_DONE: it is under way: plug_connected() says how far; or failed. */
int plug_dial(struct plug *p, const struct ecstream_options *o);
/* The caller's socket, which is owned from now on. */
void plug_take(struct plug *p, int fd);
/* PLUG_DONE, PLUG_AGAIN; PLUG_FAILED: no address is left. */
int plug_connected(struct plug *p);
/* It takes too long: another address, if p->next; as plug_dial(). */
int plug_skip(struct plug *p);
/* Octets (> 0), PLUG_AGAIN or PLUG_FAILED, which the end of input is too. */
int64_t plug_read(struct plug *p, void *to, size_t n);
int64_t plug_write(struct plug *p, const void *from, size_t n);
/* Input is here that poll() does not see. */
bool plug_has_input(const struct plug *p);
void plug_close(struct plug *p);

/* --- plug_tls.c --- */
/* NULL: words are in why. */
struct plug_tls *plug_tls_new(
    const struct ecstream_options *o, char why[ECSTREAM_ERROR_SIZE]);
void plug_tls_free(struct plug_tls **t);
/* PLUG_DONE: the handshake may begin; PLUG_FAILED. */
int plug_tls_start(struct plug *p, const struct plug_tls *t);
/* PLUG_DONE, PLUG_AGAIN, PLUG_FAILED; PLUG_DENIED: the certificate is not that
 * of the server that was meant. */
int plug_tls_shake(struct plug *p);
int plug_tls_wants(const struct plug *p); /* POLLIN or POLLOUT */
int64_t plug_tls_read(struct plug *p, void *to, size_t n);
int64_t plug_tls_write(struct plug *p, const void *from, size_t n);
bool plug_tls_has_input(const struct plug *p);
void plug_tls_close(struct plug *p);

#endif
