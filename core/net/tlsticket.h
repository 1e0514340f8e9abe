/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsticket.h - tickets by which clients resume a session (RFC 5077, RFC 8446
 * 4.6.1).
 *
 * One key for all loops and listeners of the process, so that a client may come
 * back on any of them.  GnuTLS derives from it, anew every few hours, what
 * tickets are sealed with; the key itself is thrown away after half a day, so
 * that who learns it reads no older sessions, and is never on disk.  A ticket
 * of a former key makes a full handshake.
 *
 * Any thread.
 */
#ifndef IMPEL_TLSTICKET_H
#define IMPEL_TLSTICKET_H

#include <gnutls/gnutls.h>
#include <stdint.h>

enum { TLSTICKET_LIFE_MS = 12 * 3600 * 1000 };

/* The server's session gives tickets and takes them.  now: of clock_mono(). */
void tlsticket_enable(gnutls_session_t session, int64_t now);
/* Wipe the key: the next session makes another one. */
void tlsticket_drop(void);

#endif
