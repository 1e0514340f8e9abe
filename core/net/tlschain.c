/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlschain.h"

#include <stdint.h>

#include "base/banned.h"

/* What the bits of GNUTLS_CERT_* amount to. */
static enum tls_reason
chain_reason(unsigned status)
{
    const unsigned dates =
        GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED | GNUTLS_CERT_INVALID;

    return status & GNUTLS_CERT_EXPIRED && !(status & ~dates) ? TLS_EXPIRED
                                                              : TLS_NOT_TRUSTED;
}

int
tlschain_verify(gnutls_x509_trust_list_t list, const gnutls_x509_crt_t *crt,
    unsigned n, const char *purpose, enum tls_reason *why, struct err *e)
{
    gnutls_typed_vdata_st vdata = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(uintptr_t)purpose};
    unsigned status = 0;
    gnutls_datum_t words;
    int rc = gnutls_x509_trust_list_verify_crt2(list,
        (gnutls_x509_crt_t *)(uintptr_t)crt, n, &vdata, 1, 0, &status, NULL);

    if (rc >= 0 && !status)
        return 0;
    *why = chain_reason(status);
    if (rc < 0)
        return err_set(e, ERR_PROTO, "the certificate cannot be verified: %s",
            gnutls_strerror(rc));
    if (gnutls_certificate_verification_status_print(
            status, GNUTLS_CRT_X509, &words, 0) < 0)
        return err_set(e, ERR_PROTO, "the certificate is not trusted");
    (void)err_set(e, ERR_PROTO, "%.300s", (char *)words.data);
    gnutls_free(words.data);
    return ERR_PROTO;
}

const char *
tlschain_name(gnutls_x509_crt_t crt, const char *const *names,
    enum tls_reason *why, struct err *e)
{
    for (size_t i = 0; names[i]; i++)
        if (gnutls_x509_crt_check_hostname2(crt, names[i], 0))
            return names[i];
    *why = TLS_WRONG_NAME;
    (void)err_set(e, ERR_PROTO, "the certificate is not for %.200s",
        names[0] ? names[0] : "this host");
    return NULL;
}
