/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsdane.h"

#include "base/bug.h"
#include "base/macros.h"
#include "base/banned.h"

static struct str
octets_of(const gnutls_datum_t *d)
{
    return str_make(d->data, d->size);
}

enum tls_reason
tlsdane_reason(unsigned status)
{
    const unsigned dates =
        GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED | GNUTLS_CERT_INVALID;

    return status & GNUTLS_CERT_EXPIRED && !(status & ~dates) ? TLS_EXPIRED
                                                              : TLS_NOT_TRUSTED;
}

static int
judge_fail(struct tlsdane_found *to, enum tls_reason why, struct err *e,
    const char *text)
{
    to->why = why;
    return err_set(e, ERR_PROTO, "%s", text);
}

/* --- usage 2 --- */

static void
anchor_add(gnutls_x509_trust_list_t list, struct str der)
{
    gnutls_datum_t d = {(unsigned char *)(uintptr_t)der.p, (unsigned)der.n};
    gnutls_x509_crt_t crt;

    BUG_ON(gnutls_x509_crt_init(&crt) < 0); /* memory only */
    if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) < 0 ||
        gnutls_x509_trust_list_add_cas(list, &crt, 1, 0) < 1)
        gnutls_x509_crt_deinit(crt);
}

/* What the records vouch for: certificates above the peer's own, and those that
 * stand whole in a record.  How many. */
static size_t
anchors_collect(const struct tlsa_set *s, const struct tlsdane_chain *chain,
    gnutls_x509_trust_list_t list, const struct tlsa **record)
{
    size_t count = 0;

    for (unsigned i = 1; i < chain->n; i++) {
        const struct tlsa *r =
            tlsa_set_match(s, TLSA_TA, octets_of(&chain->der[i]));

        if (!r)
            continue;
        *record = count++ ? *record : r;
        anchor_add(list, octets_of(&chain->der[i]));
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct tlsa *r = &s->record[i];

        if (r->usage != TLSA_TA || r->selector != TLSA_WHOLE ||
            r->matching != TLSA_FULL)
            continue;
        *record = count++ ? *record : r;
        anchor_add(list, r->data);
    }
    return count;
}

static int
chain_verify(gnutls_x509_trust_list_t list, const struct tlsdane_chain *chain,
    struct tlsdane_found *to, struct err *e)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
    unsigned status = 0;
    gnutls_datum_t words;
    int rc = gnutls_x509_trust_list_verify_crt2(list,
        (gnutls_x509_crt_t *)(uintptr_t)chain->crt, chain->n, &purpose, 1, 0,
        &status, NULL);

    if (rc < 0)
        return judge_fail(to, TLS_NOT_TRUSTED, e, gnutls_strerror(rc));
    if (!status)
        return 0;
    if (gnutls_certificate_verification_status_print(
            status, GNUTLS_CRT_X509, &words, 0) < 0)
        return judge_fail(to, tlsdane_reason(status), e,
            "the certificate does not hold below the authority of TLSA");
    (void)judge_fail(to, tlsdane_reason(status), e, (char *)words.data);
    gnutls_free(words.data);
    return ERR_PROTO;
}

static int
names_verify(const struct tlsdane_chain *chain, const char *const *names,
    struct tlsdane_found *to, struct err *e)
{
    for (size_t i = 0; names[i]; i++) {
        if (!gnutls_x509_crt_check_hostname2(chain->crt[0], names[i], 0))
            continue;
        to->name = names[i];
        return 0;
    }
    to->why = TLS_WRONG_NAME;
    return err_set(e, ERR_PROTO, "the certificate is not for %.200s",
        names[0] ? names[0] : "this host");
}

static int
judge_ta(const struct tlsa_set *s, const struct tlsdane_chain *chain,
    const char *const *names, struct tlsdane_found *to, struct err *e)
{
    gnutls_x509_trust_list_t list;
    int rc;

    BUG_ON(gnutls_x509_trust_list_init(&list, 0) < 0); /* memory only */
    if (!anchors_collect(s, chain, list, &to->record))
        rc = judge_fail(to, TLS_TLSA_INVALID, e,
            "no certificate of the peer is what a TLSA record says");
    else
        rc = chain_verify(list, chain, to, e);
    gnutls_x509_trust_list_deinit(list, 1);
    return rc ? rc : names_verify(chain, names, to, e);
}

int
tlsdane_judge(const struct tlsa_set *s, const struct tlsdane_chain *chain,
    const char *const *names, struct tlsdane_found *to, struct err *e)
{
    int rc;

    *to = (struct tlsdane_found){.why = TLS_FINE};
    to->record = tlsa_set_match(s, TLSA_EE, octets_of(&chain->der[0]));
    to->name = names[0] ? names[0] : "";
    if (to->record)
        return 0;
    rc = tlsa_set_has(s, TLSA_TA)
        ? judge_ta(s, chain, names, to, e)
        : judge_fail(to, TLS_TLSA_INVALID, e,
              "the certificate of the peer is not what a TLSA record says");
    if (rc)
        to->record = NULL;
    return rc;
}
