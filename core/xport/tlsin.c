/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/tlsin.h"

#include "net/tlswords.h"
#include "xport/xport_options.h"
#include "base/banned.h"

static struct str
tlsin_str(const struct scope *s, uint32_t id)
{
    struct str v = scope_str(s, id);

    return str_ieq(v, STR("none")) ? STR_NONE : v;
}

static struct str
tlsin_shared(const struct scope *s, int row)
{
    return tlsin_str(s, OPT(xport_options, row));
}

struct tls_named
tlsin_pair(struct str words)
{
    struct tls_named pair = {STR_NONE, STR_NONE};

    words = str_trim(words);
    pair.certificate = str_cut(&words, ' ');
    if (words.p)
        pair.key = str_trim(words);
    return pair;
}

static size_t
tlsin_named(const struct scope *s, struct tls_named to[TLSIN_SNI_MAX])
{
    uint32_t id = OPT(tlsin_options, TLSIN_SNI_CERTIFICATES);
    size_t n = MIN_OF(scope_count(s, id), (size_t)TLSIN_SNI_MAX);

    for (size_t i = 0; i < n; i++)
        to[i] = tlsin_pair(scope_item(s, id, i));
    return n;
}

bool
tlsin_is_there(const struct scope *s)
{
    return tlsin_shared(s, XPORT_TLS_CERTIFICATE).n > 0;
}

static enum tls_verify
tlsin_verify(int64_t mode)
{
    return mode == TLSIN_VERIFY_REQUIRE ? TLS_VERIFY_CA : TLS_VERIFY_OPTIONAL;
}

int
tlsin_params(const struct scope *s, struct tlsin_text *text,
    struct tls_params *p, struct err *e)
{
    struct str ca = tlsin_str(s, OPT(tlsin_options, TLSIN_CLIENT_CA));
    int64_t mode = scope_int(s, OPT(tlsin_options, TLSIN_VERIFY_MODE));
    bool ask = ca.n && mode != TLSIN_VERIFY_NONE;

    text->priority = (struct buf)BUF_INIT;
    if (!tlsin_is_there(s))
        return err_set(e, ERR_CONF, "no tls_certificate");
    if (mode == TLSIN_VERIFY_REQUIRE && !ask)
        return err_set(e, ERR_CONF, "no tls_client_ca");
    if (tlswords_print(tlsin_shared(s, XPORT_TLS_CIPHERS),
            tlsin_shared(s, XPORT_TLS_PROTOCOLS), &text->priority, e) < 0)
        return ERR_CONF;
    *p = (struct tls_params){.server = true,
        .verify = ask ? tlsin_verify(mode) : TLS_VERIFY_NO,
        .ask = ask,
        .priority = text->priority.p,
        .ca = ca,
        .certificate = tlsin_shared(s, XPORT_TLS_CERTIFICATE),
        .key = tlsin_shared(s, XPORT_TLS_KEY),
        .named = text->named};
    p->named_count = tlsin_named(s, text->named);
    return 0;
}

void
tlsin_text_fini(struct tlsin_text *text)
{
    buf_fini(&text->priority);
}
