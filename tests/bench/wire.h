/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - octets of the source and the sink behind TLS (GnuTLS), or in clear
 * where the wire is NULL.  Sockets do not block.
 */
#ifndef IMPEL_BENCH_WIRE_H
#define IMPEL_BENCH_WIRE_H

#include <stdbool.h>
#include <sys/types.h>

struct wire;
/* A server's certificate and key, in one PEM file; or exits. */
void wire_certificate(const char *pem);
/* From now on; a client resumes the last session that there was, as those do
 * who send much, unless it is to be fresh.  Certificates are not looked at. */
struct wire *wire_new(int fd, bool server, bool fresh);
/* As recv() and send() have it; the handshake goes on in wire_recv(). */
ssize_t wire_recv(struct wire *w, int fd, void *p, size_t n);
ssize_t wire_send(struct wire *w, int fd, const void *p, size_t n);
bool wire_is_up(const struct wire *w); /* in clear: always */
void wire_free(struct wire **w);
/* How many handshakes were finished, and resumed out of these. */
extern long wire_count, wire_resumed;

#endif
