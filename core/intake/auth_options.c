/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/auth_options.h"

#include "conf/checks.h"
#include "net/sasl.h"
#include "base/banned.h"

#define PEERS SCOPE_ALL_LISTENERS
#define BOTH (IMPEL_SCOPE_GLOBAL | SCOPE_ALL_LISTENERS)

static const char *const clear[] = {
    "no|false|off|0|disabled", "loopback", "yes|true|on|1|enabled", NULL};

static int
check_mechanisms(const struct option_value *v, struct err *e)
{
    for (size_t i = 0; i < v->item_count; i++)
        if (sasl_find(v->items[i]) < 0)
            return err_set(e, ERR_CONF,
                "'%.*s' is no mechanism that Impel has; expected PLAIN, LOGIN, "
                "SCRAM-SHA-256, SCRAM-SHA-256-PLUS, XOAUTH2 or OAUTHBEARER",
                (int)MIN_OF(v->items[i].n, (size_t)80), v->items[i].p);
    return 0;
}

static int
check_clear(const struct option_value *v, struct err *e)
{
    if (option_bool(v->text) != 1)
        return 0;
    (void)err_set(e, ERR_CONF,
        "passwords and tokens may cross networks in clear, for everybody on "
        "the way to read");
    return OPTION_WARN;
}

static const struct option rows[] = {
    [AUTH_ENABLE] = {.name = "enable_authentication",
        .type = IMPEL_OPT_BOOL,
        .scopes = PEERS,
        .initial = "false",
        .brief = "whether peers may log in",
        .manual = "AUTH is offered then, with the mechanisms for which there "
                  "is a password file or are keys of tokens, and over TLS "
                  "only unless auth_without_tls says otherwise. Who has "
                  "logged in may send to any domain.",
        .since = "0.1"},
    [AUTH_PASSWORD_FILE] = {.name = "auth_password_file",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "file of users and hashes of their passwords",
        .manual = "A line for each user, made by \"impel password\". Read "
                  "when the configuration is loaded; the user that impeld "
                  "runs as must be able to read it in a reload.",
        .since = "0.1",
        .check = check_path},
    [AUTH_MECHANISMS] = {.name = "auth_mechanisms",
        .type = IMPEL_OPT_LIST,
        .scopes = BOTH,
        .brief = "mechanisms to offer; unset: all that can be",
        .manual = "PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS with a "
                  "password file; XOAUTH2, OAUTHBEARER with keys of tokens. "
                  "What stands behind AUTH in smtp_extensions limits them "
                  "as well.",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_mechanisms},
    [AUTH_WITHOUT_TLS] = {.name = "auth_without_tls",
        .type = IMPEL_OPT_CHOICE,
        .scopes = PEERS,
        .initial = "no",
        .choices = clear,
        .brief = "offer AUTH without TLS: no, loopback, yes",
        .manual = "loopback: to peers on this host. yes: passwords can be "
                  "read by everybody on the way.",
        .since = "0.1",
        .check = check_clear},
    [AUTH_REQUIRED] = {.name = "auth_required",
        .type = IMPEL_OPT_BOOL,
        .scopes = PEERS,
        .initial = "false",
        .brief = "refuse mail from peers that have not logged in",
        .manual = "With 530 5.7.0 at MAIL. Peers in relay_hosts need not log "
                  "in.",
        .since = "0.1"},
    [AUTH_MAX_FAILURES] = {.name = "auth_max_failures",
        .type = IMPEL_OPT_INT,
        .scopes = PEERS,
        .initial = "3",
        .min = 0,
        .max = 1000,
        .brief = "logins that may fail in a session before it is closed; 0: "
                 "no limit",
        .since = "0.1"},
    [AUTH_FAILURE_DELAY] = {.name = "auth_failure_delay",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "3",
        .min = 0,
        .max = OPTION_SECONDS(60),
        .brief = "how long after a login was tried it is told to have failed",
        .manual = "Counted from its last word, so the time says nothing of "
                  "whether there is such a user.",
        .since = "0.1"},
    [AUTH_FAILURE_RATE] = {.name = "auth_failure_rate",
        .type = OPTION_THROTTLE,
        .scopes = PEERS,
        .initial = "10/600",
        .brief = "logins that may fail from one address: \"N/T\" in T seconds",
        .manual = "Beyond it all logins from there are refused with 454 4.7.0, "
                  "without being looked at, until the T seconds are over. IPv6 "
                  "addresses are counted by /64. 0: no limit.",
        .since = "0.1"},
    [AUTH_TOKEN_KEYS] = {.name = "auth_token_keys",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "file with the public keys that OAuth tokens are signed by",
        .manual = "A JSON Web Key Set (RFC 7517) as the issuer publishes it. "
                  "XOAUTH2 and OAUTHBEARER take tokens that are JWTs signed "
                  "with one of them (RS256, PS256, ES256, ES384, EdDSA); "
                  "nobody is asked whether a token was taken back. Read when "
                  "the configuration is loaded. Needs auth_token_issuer and "
                  "auth_token_audience.",
        .since = "0.1",
        .check = check_path},
    [AUTH_TOKEN_ISSUER] = {.name = "auth_token_issuer",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "what the iss of a token must be",
        .since = "0.1"},
    [AUTH_TOKEN_AUDIENCE] = {.name = "auth_token_audience",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "what the aud of a token must be, or have among others",
        .since = "0.1"},
    [AUTH_TOKEN_CLAIM] = {.name = "auth_token_claim",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .initial = "email",
        .brief = "which claim of a token is the user's name",
        .manual = "A client that names a user must name this one.",
        .since = "0.1"},
};
struct option_set auth_options = OPTION_SET("auth", rows);
