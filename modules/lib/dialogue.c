/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogue.h"

#include <stdlib.h>

#include "options.h"
#include "outcome.h"

const struct impel_counter dialogue_counters[COUNT_MAX] = {
    [COUNT_HELO_FALLBACKS] = {.name = "helo_fallbacks",
        .brief = "Hosts that refused EHLO and were greeted with HELO"},
    [COUNT_PROTOCOL_ERRORS] = {.name = "protocol_errors",
        .brief = "Sessions ended because of a reply that made no sense"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "Messages sent whole whose last reply was never read"},
    [COUNT_BARE_NEWLINES] = {.name = "bare_newlines",
        .brief = "Messages refused because of a CR or LF that stood alone"},
    [COUNT_BAD_COMMANDS] = {.name = "bad_commands",
        .brief = "Commands of peers that were wrong in syntax or order"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Sessions, both ways, ended by a time limit"},
    [COUNT_TLS_FALLBACKS] = {.name = "tls_fallbacks",
        .brief = "Sessions that went on in clear because TLS had failed"},
    [COUNT_STARTTLS_INJECTIONS] = {.name = "starttls_injections",
        .brief = "Times something stood in clear behind a peer's STARTTLS"},
    [COUNT_LOGINS] = {.name = "logins",
        .brief = "Logins at hosts that they took"},
    [COUNT_LOGIN_FAILURES] = {.name = "login_failures",
        .brief = "Sessions ended because a login at a host was not to be had"},
};

int
dialogue_load(const struct impel_host *host, struct impel_instance *instance,
    bool lmtp, void **ctx, struct impel_error *e)
{
    struct dialogue *d = calloc(1, sizeof(*d));

    if (!d) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    d->host = host;
    d->instance = instance;
    d->lmtp = lmtp;
    *ctx = d;
    return 0;
}

int
dialogue_check(
    void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    return options_check(ctx, scope, e);
}

void
dialogue_unload(void *ctx)
{
    free(ctx);
}
