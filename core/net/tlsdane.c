/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsdane.h"

#include "base/bug.h"
#include "base/macros.h"
#include "net/tlschain.h"
#include "base/banned.h"

static struct str
octets_of(const gnutls_datum_t *d)
{
    return str_make(d->data, d->size);
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
judge_ta(const struct tlsa_set *s, const struct tlsdane_chain *chain,
    const char *const *names, struct tlsdane_found *to, struct err *e)
{
    gnutls_x509_trust_list_t list;
    const char *name;
    int rc;

    BUG_ON(gnutls_x509_trust_list_init(&list, 0) < 0); /* memory only */
    if (!anchors_collect(s, chain, list, &to->record))
        rc = judge_fail(to, TLS_TLSA_INVALID, e,
            "no certificate of the peer is what a TLSA record says");
    else
        rc = tlschain_verify(
            list, chain->crt, chain->n, GNUTLS_KP_TLS_WWW_SERVER, &to->why, e);
    gnutls_x509_trust_list_deinit(list, 1);
    if (rc)
        return rc;
    name = tlschain_name(chain->crt[0], names, &to->why, e);
    if (!name)
        return ERR_PROTO;
    to->name = name;
    return 0;
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
