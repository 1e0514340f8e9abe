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

void
tlspolicy_print(const struct scope *s, struct str domain, struct buf *to)
{
    static const int rows[] = {XPORT_TLS_CA, XPORT_TLS_CERTIFICATE,
        XPORT_TLS_KEY, XPORT_TLS_CIPHERS, XPORT_TLS_PROTOCOLS};
    int tls = policy_int(s, XPORT_TLS), verify;

    if (tls == XPORT_TLS_NO)
        return;
    verify = policy_int(s, XPORT_TLS_VERIFY);
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
}

/* No digits of an address: those are not asked for (RFC 6066 3). */
static bool
is_name(const char *host)
{
    struct cidr ip;

    return host[0] && host[0] != '/' &&
        cidr_parse(str_of(host), CIDR_BRACKETS, &ip, NULL) < 0;
}

int
tlspolicy_params(const struct scope *s, const struct netaddr *to,
    struct str host, struct str domain, struct tlspolicy_text *text,
    struct tls_params *p, struct err *e)
{
    int verify = policy_int(s, XPORT_TLS_VERIFY);

    *text = (struct tlspolicy_text){
        .host = xdupn(host.p, host.n), .domain = xdupn(domain.p, domain.n)};
    if (tlswords_print(policy_str(s, XPORT_TLS_CIPHERS),
            policy_str(s, XPORT_TLS_PROTOCOLS), &text->priority, e) < 0)
        return ERR_CONF;
    netaddr_print(to, &text->resume);
    *p = (struct tls_params){.verify = (enum tls_verify)MAX_OF(verify, 0),
        .priority = text->priority.p,
        .ca = policy_str(s, XPORT_TLS_CA),
        .certificate = policy_str(s, XPORT_TLS_CERTIFICATE),
        .key = policy_str(s, XPORT_TLS_KEY),
        .sni = is_name(text->host) ? text->host : NULL,
        .name = {text->host, text->domain},
        .resume = buf_get(&text->resume)};
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
