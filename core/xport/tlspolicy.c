/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/tlspolicy.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "net/tlswords.h"
#include "xport/xport_options.h"
#include "base/banned.h"

static bool
is_none(struct str s)
{
    return str_ieq(s, STR("none"));
}

static struct str
policy_str(const struct scope *s, int row)
{
    struct str v = scope_str(s, OPT(xport_options, row));

    return is_none(v) ? STR_NONE : v;
}

static int
policy_int(const struct scope *s, int row)
{
    return (int)scope_int(s, OPT(xport_options, row));
}

static bool
policy_names(int verify)
{
    return verify == TLS_VERIFY_HOST || verify == TLS_VERIFY_OPTIONAL;
}

int64_t
tlspolicy_int(
    const struct scope *s, const struct tlsdemand *demand, uint32_t option)
{
    if (demand && demand->level != TLSDEMAND_WATCHED &&
        option == OPT(xport_options, XPORT_TLS))
        return XPORT_TLS_REQUIRED;
    return scope_int(s, option);
}

static bool
demand_is_dane(const struct tlsdemand *d)
{
    return d && d->level == TLSDEMAND_VERIFIED && d->tlsa;
}

static int
policy_verify(const struct scope *s, struct tlspolicy_by by)
{
    const struct tlsdemand *d = by.demand;
    int verify = MAX_OF(policy_int(s, XPORT_TLS_VERIFY), 0);

    if (by.always && !scope_origin(s, OPT(xport_options, XPORT_TLS_VERIFY)))
        verify = TLS_VERIFY_HOST;
    if (!d || d->level == TLSDEMAND_ENCRYPTED)
        return verify;
    if (d->level == TLSDEMAND_WATCHED) /* what is asked already stays */
        return verify == TLS_VERIFY_NO ? TLS_VERIFY_OPTIONAL : verify;
    return d->tlsa ? TLS_VERIFY_DANE : TLS_VERIFY_HOST;
}

void
tlspolicy_print(const struct scope *s, struct tlspolicy_by by,
    struct str domain, struct buf *to)
{
    static const int rows[] = {XPORT_TLS_CA, XPORT_TLS_CERTIFICATE,
        XPORT_TLS_KEY, XPORT_TLS_CIPHERS, XPORT_TLS_PROTOCOLS};
    const struct tlsdemand *demand = by.demand;
    int tls = by.always
        ? XPORT_TLS_REQUIRED
        : (int)tlspolicy_int(s, demand, OPT(xport_options, XPORT_TLS));
    int verify;

    if (tls == XPORT_TLS_NO)
        return;
    verify = policy_verify(s, by);
    buf_printf(to, "tls %d %d", tls, verify);
    /* what follows from a failure is not the same either */
    if (tls == XPORT_TLS_IFAVAILABLE &&
        policy_int(s, XPORT_TLS_IFAVAILABLE_FALLBACK))
        buf_cstr(to, " fallback");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str v = policy_str(s, rows[i]);

        buf_char(to, '|');
        if (v.n)
            buf_str(to, v);
    }
    if (policy_names(verify)) {
        buf_cstr(to, "|for ");
        buf_str(to, domain.p ? domain : STR(""));
    }
    if (demand) {
        buf_char(to, '|');
        tlsdemand_print(demand, to);
    }
}

/* No digits of an address: those are not asked for (RFC 6066 3). */
static bool
is_name(const char *host)
{
    struct cidr ip;

    return host[0] && host[0] != '/' &&
        cidr_parse(str_of(host), CIDR_BRACKETS, &ip, NULL) < 0;
}

/* Beside the options of the scope. */
static void
params_demand(const struct tlsdemand *d, struct tls_params *p)
{
    if (!d)
        return;
    if (d->sni)
        p->sni = d->sni;
    if (demand_is_dane(d))
        p->tlsa = d->tlsa;
    if (d->level == TLSDEMAND_ENCRYPTED || !d->name[0])
        return;
    for (size_t i = 0; i < ARRAY_SIZE(p->name); i++)
        p->name[i] = i < ARRAY_SIZE(d->name) ? d->name[i] : NULL;
}

int
tlspolicy_params(const struct scope *s, struct tlspolicy_by by,
    const struct netaddr *to, struct str host, struct str domain,
    struct tlspolicy_text *text, struct tls_params *p, struct err *e)
{
    *text = (struct tlspolicy_text){
        .host = xdupn(host.p, host.n), .domain = xdupn(domain.p, domain.n)};
    if (tlswords_print(policy_str(s, XPORT_TLS_CIPHERS),
            policy_str(s, XPORT_TLS_PROTOCOLS), &text->priority, e) < 0)
        return ERR_CONF;
    netaddr_print(to, &text->resume);
    *p = (struct tls_params){.verify = (enum tls_verify)policy_verify(s, by),
        .priority = text->priority.p,
        .ca = policy_str(s, XPORT_TLS_CA),
        .certificate = policy_str(s, XPORT_TLS_CERTIFICATE),
        .key = policy_str(s, XPORT_TLS_KEY),
        .sni = is_name(text->host) ? text->host : NULL,
        .name = {text->host, by.always ? NULL : text->domain},
        .resume = buf_get(&text->resume)};
    params_demand(by.demand, p);
    return 0;
}

void
tlspolicy_text_fini(struct tlspolicy_text *text)
{
    buf_fini(&text->priority);
    buf_fini(&text->resume);
    free(text->host);
    free(text->domain);
}
