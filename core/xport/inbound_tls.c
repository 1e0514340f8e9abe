/* SPDX-License-Identifier: Apache-2.0
 *
 * inbound_tls.c - TLS with those who connect: by STARTTLS, which the module
 * asks for, or before all else, which the intake layer asks for.
 */
#include "xport/session_int.h"

#include "base/bug.h"
#include "base/magic.h"
#include "net/tlsfile.h"
#include "xport/hostapi.h"
#include "xport/tlsin.h"
#include "base/banned.h"

static int
inbound_begin_tls(struct impel_session *s, struct err *e)
{
    struct tlsin_text text = {.priority = BUF_INIT};
    struct tls_params p;
    int64_t ms =
        scope_int(s->scope.scope, OPT(tlsin_options, TLSIN_HANDSHAKE_TIMEOUT));
    int rc = tlsin_params(s->scope.scope, &text, &p, e);

    if (rc == 0)
        rc = conn_secure(s->conn, &p, ms, e);
    tlsin_text_fini(&text);
    if (rc < 0)
        link_tls_failed(s, e->text);
    return rc;
}

int
inbound_secure(struct impel_session *s, struct impel_error *e)
{
    struct err why = {0};
    int rc = inbound_begin_tls(s, &why);

    if (rc < 0)
        link_error(e, hostapi_code(rc), why.text);
    return rc < 0 ? hostapi_code(rc) : 0;
}

/* A file may have gone since the configuration was read. */
bool
inbound_may_secure(const struct impel_session *s)
{
    struct tlsin_text text = {.priority = BUF_INIT};
    struct tls_pair *pair = NULL;
    struct tls_params p;
    struct err e = {0};
    bool may;

    if (!s->kind->inbound || !s->scope.scope || !s->conn || conn_tls(s->conn) ||
        !tlsin_is_there(s->scope.scope))
        return false;
    may = tlsin_params(s->scope.scope, &text, &p, &e) == 0 &&
        tls_pair_get(p.certificate, p.key, &pair, &e) == 0;
    tls_pair_put(&pair);
    tlsin_text_fini(&text);
    return may;
}

int
session_secure(struct impel_session *s, struct err *e)
{
    int rc;

    CHECK(s, SESSION_MAGIC);
    s->up = false;
    s->tls_now = s->shaking = true;
    rc = inbound_begin_tls(s, e);
    if (rc < 0)
        session_request_close(s, true);
    return rc;
}

const struct tls_facts *
session_tls(const struct impel_session *s)
{
    return s->conn ? conn_tls(s->conn) : NULL;
}

const char *
session_tls_text(const struct impel_session *s)
{
    return s->tls_said;
}
