/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_tls.h"

#include "xport/session.h"

bool fake_under_tls;

const struct tls_facts *
session_tls(const struct impel_session *s)
{
    static const struct tls_facts facts = {
        .protocol = "TLS1.3", .cipher = "TLS_X", .how = "none", .issuer = ""};
    (void)s;
    return fake_under_tls ? &facts : NULL;
}

const char *
session_tls_text(const struct impel_session *s)
{
    (void)s;
    return fake_under_tls ? "protocol=TLS1.3 cipher=TLS_X verified=none" : NULL;
}
