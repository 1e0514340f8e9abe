/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsfile.h - certificates, keys and authorities from PEM files, as they were
 * when the configuration was last loaded.
 *
 * The options that name such files read them (tlsfile_read_*()) when they are
 * judged, so that a file that cannot be used refuses the configuration, and a
 * reload brings in what has changed since.  Sessions then take what is in
 * memory; a file that was never read is read then.  Files that are of no use
 * take the place of none that are: with a reload that is refused sessions go on
 * with what there was.  What a session has taken stays until it ends.
 *
 * Of each path there is what was read last, and of what was made of it the last
 * that could be used: others are freed, and bytes of files wiped, when no
 * session has them any more.  A path that left the configuration stays known,
 * key and all, until the process ends: sessions that began before go on with
 * it, whatever became of the file.
 *
 * Any thread.
 */
#ifndef IMPEL_TLSFILE_H
#define IMPEL_TLSFILE_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/err.h"
#include "base/str.h"

enum { TLSFILE_SIZE_MAX = 4 << 20 }; /* of one file */

/* Read the file (again) and judge it: 0, or ERR_CONF with a sentence. */
int tlsfile_read_ca(struct str path, struct err *e);
int tlsfile_read_certificate(struct str path, struct err *e);
int tlsfile_read_key(struct str path, struct err *e);
/* Do those that were read make a pair?  ERR_CONF with a sentence: no. */
int tlsfile_check_pair(struct str certificate, struct str key, struct err *e);

/* Authorities; path absent: those of the system, as at the first call. */
struct tls_ca;
int tls_ca_get(struct str path, struct tls_ca **to, struct err *e);
gnutls_x509_trust_list_t tls_ca_list(const struct tls_ca *ca);
/* Of what it was made of: another one for other files. */
uint64_t tls_ca_number(const struct tls_ca *ca);
void tls_ca_put(struct tls_ca **ca);

/* A certificate with its chain, and its key.  key absent: it stands in the same
 * file.  Both absent: nothing to show, which is for clients. */
struct tls_pair;
int tls_pair_get(struct str certificate, struct str key, struct tls_pair **to,
    struct err *e);
gnutls_certificate_credentials_t tls_pair_credentials(const struct tls_pair *p);
uint64_t tls_pair_number(const struct tls_pair *p); /* 0: nothing to show */
/* Does the certificate name this host?  "mx.example.net" */
bool tls_pair_names(const struct tls_pair *p, const char *host);
/* All of them in one, in that order; of one: itself.  n > 0. */
struct tls_pair *tls_pair_join(struct tls_pair *const *pair, size_t n);
/* When the certificate ends, seconds of the wall clock; 0: nothing to show. */
int64_t tls_pair_ends(const struct tls_pair *p);
/* Is the first name of the one a name of the other, too? */
bool tls_pair_same_name(const struct tls_pair *p, const struct tls_pair *of);
void tls_pair_put(struct tls_pair **p);

/* Forget all; what sessions hold stays theirs. */
void tlsfile_drop(void);

#endif
