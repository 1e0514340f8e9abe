/* SPDX-License-Identifier: Apache-2.0
 *
 * certificates.h - certificates of tests, made when they run.
 */
#ifndef IMPEL_TEST_CERTIFICATES_H
#define IMPEL_TEST_CERTIFICATES_H

#include <stddef.h>

/* In folder: NAME.crt and NAME.key, for the DNS name `host` (a subject with CN
 * of `cn` too), signed by SIGNER.crt and SIGNER.key there, or by itself and an
 * authority if signer is NULL; NAME.pem has both.  days < 0: expired.  The key
 * is ECDSA, or RSA if the name begins so. */
struct certificate {
    const char *name, *signer, *host, *cn;
    int days;
};
void certificates_make(const char *folder, const struct certificate *c);
/* The same, and it may sign others although it has a signer. */
void certificates_make_authority(
    const char *folder, const struct certificate *c);
/* "FOLDER/NAME.SUFFIX" in one of a few buffers that are used in turn. */
const char *certificates_path(
    const char *folder, const char *name, const char *suffix);
/* A folder of its own below TMPDIR, and its end. */
char *certificates_folder(void);
void certificates_remove(char *folder);

#endif
