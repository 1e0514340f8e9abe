/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/tlsin_options.h"

#include "conf/checks.h"
#include "base/banned.h"

#define IN (IMPEL_SCOPE_GLOBAL | SCOPE_ALL_LISTENERS)
#define SOCKETS SCOPE_ALL_LISTENERS

static const char *const modes[] = {
    "none|no|false|off|0|disabled", "optional", "require|required", NULL};
/* allow has a place of its own, so that it can be told from ignore. */
static const char *const injections[] = {"reject", "ignore|allow", NULL};

static int
check_injection(const struct option_value *v, struct err *e)
{
    if (!str_ieq(v->text, STR("allow")))
        return 0;
    (void)err_set(e, ERR_CONF,
        "allow would run in a secured session what anybody between has said "
        "in clear (CVE-2011-0411): it is taken as ignore");
    return OPTION_WARN;
}

/* Absolute paths, one or two a word. */
static int
check_pairs(const struct option_value *v, struct err *e)
{
    if (v->item_count > TLSIN_SNI_MAX)
        return err_set(
            e, ERR_CONF, "more than %d certificates", (int)TLSIN_SNI_MAX);
    for (size_t i = 0; i < v->item_count; i++) {
        struct str rest = v->items[i];
        int n = 0;

        while (rest.p) {
            struct str word = str_trim(str_cut(&rest, ' '));

            if (word.n && (word.p[0] != '/' || ++n > 2))
                return err_set(e, ERR_CONF,
                    "expected \"/certificate\" or \"/certificate /key\"");
        }
        if (!n)
            return err_set(e, ERR_CONF, "a word is empty");
    }
    return 0;
}

static const struct option rows[] = {
    [TLSIN_USE_SSL] = {.name = "use_ssl",
        .type = IMPEL_OPT_BOOL,
        .scopes = SOCKETS,
        .initial = "false",
        .brief = "peers begin with TLS, before the greeting (port 465)",
        .manual = "STARTTLS is not offered then. Needs tls_certificate. A "
                  "header of a load balancer (proxy_protocol) comes first, in "
                  "clear.",
        .since = "0.1"},
    [TLSIN_REQUIRE_STARTTLS] = {.name = "require_starttls",
        .type = IMPEL_OPT_BOOL,
        .scopes = IN,
        .initial = "false",
        .brief = "no mail is taken in clear: MAIL before TLS is answered with "
                 "530",
        .manual = "For clients that are known; on port 25 of the world most "
                  "mail would never come (RFC 3207 4). Needs tls_certificate.",
        .since = "0.1"},
    [TLSIN_SNI_CERTIFICATES] = {.name = "tls_sni_certificates",
        .type = IMPEL_OPT_LIST,
        .scopes = IN,
        .brief = "files of certificates for other names that peers ask for "
                 "(SNI), or other keys",
        .manual = "Each \"/certificate\" with its chain and key in one file, "
                  "or \"/certificate /key\"; at most 64. A peer is shown the "
                  "first that has the name it asks for, tls_certificate "
                  "before all, and a key that it can verify: so one name may "
                  "have an ECDSA and an RSA certificate. Who asks for no name "
                  "or another is shown tls_certificate, or one of the same "
                  "name. Read when the configuration is loaded.",
        .since = "0.1",
        .check = check_pairs},
    [TLSIN_CLIENT_CA] = {.name = "tls_client_ca",
        .type = IMPEL_OPT_STRING,
        .scopes = IN,
        .brief = "file of authorities in PEM form that certificates of peers "
                 "are signed by, or none",
        .manual = "Unset or none: peers are not asked for a certificate. One "
                  "must be good for TLS clients (its extended key usage). The "
                  "authorities of the system are never meant: whoever has a "
                  "certificate would be known. Read when the configuration is "
                  "loaded.",
        .since = "0.1",
        .check = check_path_or_none},
    [TLSIN_VERIFY_MODE] = {.name = "tls_verify_mode",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IN,
        .initial = "optional",
        .choices = modes,
        .brief = "what is asked of certificates of peers: none, optional, "
                 "require",
        .manual = "none: peers are not asked. optional: they are if there is a "
                  "tls_client_ca, and who shows none, or one that is not "
                  "signed by it, is served without being verified. require: "
                  "the handshake fails without one that is signed by it.",
        .since = "0.1"},
    [TLSIN_VERIFIED_PEER_CAN_RELAY] = {.name = "tls_verified_peer_can_relay",
        .type = IMPEL_OPT_BOOL,
        .scopes = IN,
        .initial = "false",
        .brief = "whether a peer may relay whose certificate is signed by "
                 "tls_client_ca",
        .manual = "As if it stood in relay_hosts. It holds for who has "
                  "connected, not for a client that it names (XCLIENT).",
        .since = "0.1"},
    [TLSIN_INJECTION_POLICY] = {.name = "starttls_injection_policy",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IN,
        .initial = "reject",
        .choices = injections,
        .brief = "what is done with input in clear behind STARTTLS: reject or "
                 "ignore",
        .manual = "reject: the session ends with 554. ignore: what had come is "
                  "thrown away; what comes later breaks the handshake. None of "
                  "it is ever taken as a command, so allow is read as ignore.",
        .since = "0.1",
        .check = check_injection},
    [TLSIN_HANDSHAKE_TIMEOUT] = {.name = "tls_handshake_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = IN,
        .initial = "60",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(3600),
        .brief = "how long a peer may take for the handshake of TLS",
        .manual = "From the end of our answer to STARTTLS, or from the "
                  "connection on. The connection is closed then.",
        .since = "0.1"},
};
struct option_set tlsin_options = OPTION_SET("tlsin", rows);
