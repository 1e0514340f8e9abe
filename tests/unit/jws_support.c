/* SPDX-License-Identifier: Apache-2.0 */
#include "jws_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/x509.h>

void
jws_new_key(gnutls_pk_algorithm_t algorithm, unsigned bits,
    char to[JWS_PEM_MOST], gnutls_pubkey_t *public_key)
{
    gnutls_x509_privkey_t key;
    gnutls_privkey_t abstract;
    size_t n = JWS_PEM_MOST - 1;

    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(key, algorithm, bits, 0), 0);
    assert_int_equal(gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM,
                         NULL, GNUTLS_PKCS_PLAIN, to, &n),
        0);
    to[n] = '\0';
    if (public_key) {
        assert_int_equal(gnutls_privkey_init(&abstract), 0);
        assert_int_equal(gnutls_privkey_import_x509(abstract, key, 0), 0);
        assert_int_equal(gnutls_pubkey_init(public_key), 0);
        assert_int_equal(
            gnutls_pubkey_import_privkey(*public_key, abstract, 0, 0), 0);
        gnutls_privkey_deinit(abstract);
    }
    gnutls_x509_privkey_deinit(key);
}

size_t
jws_decode(const char *p, size_t n, unsigned char *to)
{
    static const char set[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, have = 0;
    size_t made = 0;

    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(set, p[i]);

        assert_non_null(at);
        bits = bits << 6 | (unsigned)(at - set);
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[made++] = (unsigned char)(bits >> have);
        }
    }
    to[made] = '\0';
    return made;
}
