/* SPDX-License-Identifier: Apache-2.0 */
#include "certificates.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void
must(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "certificates: %s\n", gnutls_strerror(rc));
        abort();
    }
}

const char *
certificates_path(const char *folder, const char *name, const char *suffix)
{
    static char text[64][300];
    static unsigned at;
    char *to = text[at++ % 64];

    snprintf(to, sizeof(text[0]), "%s/%s.%s", folder, name, suffix);
    return to;
}

static void
put(const char *path, const char *mode, const gnutls_datum_t *d)
{
    FILE *f = fopen(path, mode);

    if (!f || fwrite(d->data, 1, d->size, f) != d->size || fclose(f))
        abort();
}

static gnutls_datum_t
get(const char *path)
{
    gnutls_datum_t d;

    must(gnutls_load_file(path, &d));
    return d;
}

static void
sign(gnutls_x509_crt_t crt, const char *folder, const char *signer)
{
    gnutls_datum_t c = get(certificates_path(folder, signer, "crt"));
    gnutls_datum_t k = get(certificates_path(folder, signer, "key"));
    gnutls_x509_crt_t by;
    gnutls_x509_privkey_t key;

    must(gnutls_x509_crt_init(&by));
    must(gnutls_x509_privkey_init(&key));
    must(gnutls_x509_crt_import(by, &c, GNUTLS_X509_FMT_PEM));
    must(gnutls_x509_privkey_import(key, &k, GNUTLS_X509_FMT_PEM));
    must(gnutls_x509_crt_sign2(crt, by, key, GNUTLS_DIG_SHA256, 0));
    gnutls_x509_crt_deinit(by);
    gnutls_x509_privkey_deinit(key);
    gnutls_free(c.data);
    gnutls_free(k.data);
}

static void
make(const char *folder, const struct certificate *c, int authority)
{
    static unsigned char serial;
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t d;
    time_t now = time(NULL);

    serial++;
    must(gnutls_x509_privkey_init(&key));
    if (strncmp(c->name, "rsa", 3) == 0)
        must(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0));
    else
        must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    must(gnutls_x509_crt_init(&crt));
    must(gnutls_x509_crt_set_version(crt, 3));
    must(gnutls_x509_crt_set_key(crt, key));
    must(gnutls_x509_crt_set_serial(crt, &serial, 1));
    must(gnutls_x509_crt_set_activation_time(crt, now - 86400 * 10));
    must(gnutls_x509_crt_set_expiration_time(crt, now + 86400L * c->days));
    must(gnutls_x509_crt_set_dn_by_oid(
        crt, GNUTLS_OID_X520_COMMON_NAME, 0, c->cn, (unsigned)strlen(c->cn)));
    must(gnutls_x509_crt_set_basic_constraints(crt, authority, -1));
    if (c->host)
        must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME,
            c->host, (unsigned)strlen(c->host), GNUTLS_FSAN_SET));
    if (c->signer)
        sign(crt, folder, c->signer);
    else
        must(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
    must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &d));
    put(certificates_path(folder, c->name, "crt"), "w", &d);
    put(certificates_path(folder, c->name, "pem"), "w", &d);
    gnutls_free(d.data);
    must(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &d));
    put(certificates_path(folder, c->name, "key"), "w", &d);
    put(certificates_path(folder, c->name, "pem"), "a", &d);
    gnutls_free(d.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

void
certificates_make(const char *folder, const struct certificate *c)
{
    make(folder, c, !c->signer);
}

void
certificates_make_authority(const char *folder, const struct certificate *c)
{
    make(folder, c, 1);
}

char *
certificates_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    char text[256], *made;

    snprintf(text, sizeof(text), "%s/impel-tls-XXXXXX", tmp ? tmp : "/tmp");
    made = mkdtemp(text);
    if (!made)
        abort();
    return strdup(made);
}

void
certificates_remove(char *folder)
{
    char command[300];

    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "certificates: %s stays\n", folder);
    free(folder);
}
