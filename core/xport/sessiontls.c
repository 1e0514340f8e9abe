/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/sessiontls.h"

#include <stdlib.h>

#include "base/buf.h"
#include "net/tlsdemand.h"
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

bool
sessiontls_may_be_ready(struct impel_session *s)
{
    const struct tlsdemand *d = s->demand;
    struct buf b = BUF_INIT;

    if (!d || (s->conn && conn_tls(s->conn)))
        return true;
    if (!s->tls_tried)
        sessiontls_came_out(s, TLS_NO_STARTTLS, "");
    if (d->level == TLSDEMAND_WATCHED)
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
    if (s->demand && !s->tls_tried && s->why.stage == IMPEL_AT_TLS)
        sessiontls_came_out(s, TLS_NO_STARTTLS, "");
}

const char *
sessiontls_how(const struct impel_session *s, const struct tls_facts *f)
{
    const struct tlsdemand *d = s->demand;

    return d && d->by == TLSDEMAND_STS && strcmp(f->how, "host") == 0 ? "sts"
                                                                      : f->how;
}
