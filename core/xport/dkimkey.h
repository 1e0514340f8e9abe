/* SPDX-License-Identifier: Apache-2.0
 *
 * dkimkey.h - private keys that sign, by the path of their file.
 *
 * A file is read when its key is first wanted and again when it has changed
 * (looked at no more often than the time to live), so that a key is replaced
 * without a reload.  Any thread; reading blocks.
 */
#ifndef IMPEL_DKIMKEY_H
#define IMPEL_DKIMKEY_H

#include "base/buf.h"
#include "base/err.h"

enum { DKIMKEY_RSA, DKIMKEY_ED25519 };

struct dkim_key; /* counted */

/* How long what is known of a file is believed, in ms. */
struct dkimkey_times {
    int64_t found, missing;
};
/* PEM, PKCS#1 or PKCS#8 without a password.  NULL: ERR_NOTFOUND there is no
 * such file; ERR_IO; ERR_CONF what is in it is no key of that kind, or a
 * shorter one than 1,024 bits (RFC 8301 3.2). */
struct dkim_key *dkimkey_get(const char *path, int kind,
    const struct dkimkey_times *times, struct err *e);
void dkimkey_unref(struct dkim_key **k);
/* From the text of a file. */
struct dkim_key *dkimkey_parse(struct str pem, int kind, struct err *e);
/* Appends the signature of data: RSA with SHA-256, or Ed25519 of the SHA-256
 * of data (RFC 8463 3).  ERR_CONF. */
int dkimkey_sign(
    struct dkim_key *k, struct str data, struct buf *to, struct err *e);
const char *dkimkey_algorithm(const struct dkim_key *k); /* a= */
/* Keys kept at most; the one that was unused for the longest goes. */
void dkimkey_set_most(size_t count);
void dkimkey_forget_all(void); /* at the end */

#endif
