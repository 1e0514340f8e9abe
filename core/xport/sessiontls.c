/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/sessiontls.h"

#include <stdlib.h>

#include "base/buf.h"
#include "net/tlsdemand.h"
#include "xport/xport_options.h"
#include "base/banned.h"

/* Told once for each connection. */
void
sessiontls_came_out(
    struct impel_session *s, enum tls_reason why, const char *text)
{
    s->tls_tried = true;
    if (s->kind->secured)
        s->kind->secured(s, why, text);
}

/* Of one that the options would have had in TLS, if only the host could. */
static bool
is_wanted(const struct impel_session *s)
{
    return s->demand ||
        (s->scope.scope &&
            scope_int(s->scope.scope, OPT(xport_options, XPORT_TLS)) !=
                XPORT_TLS_NO);
}

bool
sessiontls_may_be_ready(struct impel_session *s)
{
    const struct tlsdemand *d = s->demand;
    struct buf b = BUF_INIT;

    if (s->conn && conn_tls(s->conn))
        return true;
    if (!s->tls_tried && is_wanted(s))
        sessiontls_came_out(s, TLS_NO_STARTTLS, "");
    if (!d || d->level == TLSDEMAND_WATCHED)
        return true;
    buf_printf(&b, "[internal] no mail goes without TLS here (%s)",
        tlsdemand_by_name(d->by));
    result_fini(&s->why);
    result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_TLS, 451,
        "4.7.6", buf_get(&b).p);
    buf_fini(&b);
    s->tls_refused = true;
    session_request_close(s, true);
    return false;
}

void
sessiontls_ends(struct impel_session *s)
{
    if (!s->tls_tried && s->why.stage == IMPEL_AT_TLS && is_wanted(s))
        sessiontls_came_out(s, TLS_NO_STARTTLS, "");
}

const char *
sessiontls_how(const struct impel_session *s, const struct tls_facts *f)
{
    const struct tlsdemand *d = s->demand;

    return d && d->by == TLSDEMAND_STS && strcmp(f->how, "host") == 0 ? "sts"
                                                                      : f->how;
}
