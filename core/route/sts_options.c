/* SPDX-License-Identifier: Apache-2.0
 *
 * sts_options.c - the rows of MTA-STS.
 */
#include "route/sts_options.h"
#include "base/banned.h"

static const char *const enables[] = {
    "no|false|off|0|disabled", "yes|true|on|1|enabled", "testing", NULL};

static const struct option rows[] = {
    [STS_USE] = {.name = "use_mta_sts",
        .type = IMPEL_OPT_BOOL,
        .scopes = IMPEL_SCOPE_GLOBAL | IMPEL_SCOPE_DOMAIN,
        .initial = "false",
        .brief = "find out the MTA-STS policy of domains, and keep to it",
        .manual = "The policy (RFC 8461) is found by the record "
                  "_mta-sts.DOMAIN and fetched from mta-sts.DOMAIN by HTTPS; "
                  "the first mail for a domain waits for that, a minute at "
                  "most. With a policy in mode enforce mail goes only to the "
                  "hosts it names, over TLS with a certificate that is "
                  "trusted and has the host's name; the stricter of policy, "
                  "tls and tls_verify holds. It says nothing of hosts that "
                  "a gateway or routes name, and DANE comes before it.",
        .since = "0.1"},
    [STS_ENABLE] = {.name = "enable_mta_sts",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "yes",
        .choices = enables,
        .brief = "whether a policy that was found holds here: no, yes, testing",
        .manual = "testing: a policy in mode enforce is taken as one in mode "
                  "testing: mail goes as the options say, and what would "
                  "have been held back is logged and counted.",
        .since = "0.1"},
    [STS_PORT] = {.name = "mta_sts_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .initial = "443",
        .brief = "port on which policies are asked for",
        .manual = "The RFC knows 443 only. Another one serves tests, and "
                  "networks that map it.",
        .since = "0.1"},
    [STS_CACHE_SIZE] = {.name = "mta_sts_cache_size",
        .type = IMPEL_OPT_INT,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .initial = "10000",
        .min = 1,
        .max = 1000000,
        .brief = "policies that are kept, those of domains with mail apart",
        .manual = "Beyond it, or 64 MiB of them, the longest unused goes; "
                  "the next mail for its domain has to find it again.",
        .since = "0.1"},
};
struct option_set sts_options = OPTION_SET("sts", rows);
