/* SPDX-License-Identifier: Apache-2.0
 *
 * adaptive_options.c - the rows of adaptive_NAME.  conf/overlay.c reads them by
 * name.
 */
#include "queue/adaptive_options.h"

#include "conf/override.h"
#include "base/banned.h"

#define OUT IMPEL_SCOPE_OUTBOUND

static const struct option rows[] = {
    [ADAPTIVE_BODY_TIMEOUT] = {.name = "adaptive_body_timeout",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest body_timeout that an adaptive override gives",
        .manual = "Two values of body_timeout: ( LOW HIGH ). What a layer "
                  "above the core sets at run time is kept within them; an "
                  "operator's own overrides are not.",
        .since = "0.1"},
    [ADAPTIVE_EHLO_TIMEOUT] = {.name = "adaptive_ehlo_timeout",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest ehlo_timeout that an adaptive override gives",
        .since = "0.1"},
    [ADAPTIVE_IDLE_TIMEOUT] = {.name = "adaptive_idle_timeout",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest idle_timeout that an adaptive override gives",
        .since = "0.1"},
    [ADAPTIVE_MAILFROM_TIMEOUT] = {.name = "adaptive_mailfrom_timeout",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief = "lowest and highest mailfrom_timeout that an adaptive "
                 "override gives",
        .since = "0.1"},
    [ADAPTIVE_MAX_DELIVERIES_PER_CONNECTION] =
        {.name = "adaptive_max_deliveries_per_connection",
            .type = IMPEL_OPT_LIST,
            .scopes = OUT,
            .brief = "lowest and highest max_deliveries_per_connection that an "
                     "adaptive override gives",
            .since = "0.1"},
    [ADAPTIVE_MAX_OUTBOUND_CONNECTIONS] =
        {.name = "adaptive_max_outbound_connections",
            .type = IMPEL_OPT_LIST,
            .scopes = OUT,
            .brief = "lowest and highest max_outbound_connections that an "
                     "adaptive override gives",
            .since = "0.1"},
    [ADAPTIVE_MAX_RECIPIENTS_PER_BATCH] =
        {.name = "adaptive_max_recipients_per_batch",
            .type = IMPEL_OPT_LIST,
            .scopes = OUT,
            .brief = "lowest and highest max_recipients_per_batch that an "
                     "adaptive override gives",
            .since = "0.1"},
    [ADAPTIVE_MAX_RECIPIENTS_PER_CONNECTION] =
        {.name = "adaptive_max_recipients_per_connection",
            .type = IMPEL_OPT_LIST,
            .scopes = OUT,
            .brief = "lowest and highest max_recipients_per_connection that an "
                     "adaptive override gives",
            .since = "0.1"},
    [ADAPTIVE_MAX_RESIDENT_ACTIVE_QUEUE] =
        {.name = "adaptive_max_resident_active_queue",
            .type = IMPEL_OPT_LIST,
            .scopes = OUT,
            .brief = "lowest and highest max_resident_active_queue that an "
                     "adaptive override gives",
            .since = "0.1"},
    [ADAPTIVE_MAX_RETRIES] = {.name = "adaptive_max_retries",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest max_retries that an adaptive override gives",
        .since = "0.1"},
    [ADAPTIVE_MAX_RETRY_INTERVAL] = {.name = "adaptive_max_retry_interval",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief = "lowest and highest max_retry_interval that an adaptive "
                 "override gives",
        .since = "0.1"},
    [ADAPTIVE_OUTBOUND_THROTTLE_MESSAGES] =
        {.name = "adaptive_outbound_throttle_messages",
            .type = IMPEL_OPT_LIST,
            .scopes = OUT,
            .brief = "lowest and highest outbound_throttle_messages that an "
                     "adaptive override gives",
            .since = "0.1"},
    [ADAPTIVE_RCPTTO_TIMEOUT] = {.name = "adaptive_rcptto_timeout",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest rcptto_timeout that an adaptive override gives",
        .since = "0.1"},
    [ADAPTIVE_RETRY_INTERVAL] = {.name = "adaptive_retry_interval",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest retry_interval that an adaptive override gives",
        .since = "0.1"},
    [ADAPTIVE_RSET_TIMEOUT] = {.name = "adaptive_rset_timeout",
        .type = IMPEL_OPT_LIST,
        .scopes = OUT,
        .brief =
            "lowest and highest rset_timeout that an adaptive override gives",
        .since = "0.1"},
};

static int
adaptive_check(const struct stanza *s, uint32_t *at, struct err *e)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct option_value v;

        *at = OPT(adaptive_options, i);
        if (stanza_value(s, *at, &v) && override_check_bounds(*at, &v, e))
            return ERR_CONF;
    }
    return 0;
}

struct option_set adaptive_options =
    OPTION_SET_CHECKED("queue", rows, adaptive_check);
