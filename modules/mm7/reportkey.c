/* SPDX-License-Identifier: Apache-2.0
 *
 * reportkey.c - the name of an MMSC, a colon, and its MessageID; or a hash of
 * that, if it is a long one.
 */
#include "reportkey.h"

#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>

struct impel_str
reportkey(struct impel_str mmsc, const char *id, char to[REPORTKEY])
{
    struct impel_str none = {NULL, 0};
    unsigned char sum[32];
    char hex[66] = "=";
    int n;

    if (mmsc.n > REPORTKEY_NAME || !id[0])
        return none;
    if (strlen(id) > REPORTKEY_ID) {
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, id, strlen(id), sum) < 0)
            return none;
        for (int i = 0; i < 32; i++)
            (void)snprintf(hex + 1 + 2 * i, 3, "%02x", sum[i]);
        id = hex;
    }
    n = snprintf(
        to, REPORTKEY, "%.*s:%s", (int)mmsc.n, mmsc.n ? mmsc.p : "", id);
    return (struct impel_str){to, (size_t)n};
}
