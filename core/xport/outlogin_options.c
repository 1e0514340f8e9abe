/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/outlogin_options.h"

#include "conf/checks.h"
#include "base/banned.h"

#define OUT IMPEL_SCOPE_OUTBOUND

/* In the order of enum sasl_mechanism. */
static const char *const types[] = {"auto", "scram-sha-256-plus",
    "scram-sha-256", "oauthbearer", "xoauth2", "plain", "login", NULL};

static int
check_user(const struct option_value *v, struct err *e)
{
    for (size_t i = 0; i < v->text.n; i++) {
        unsigned char c = (unsigned char)v->text.p[i];

        if (c < ' ' || c == 127)
            return err_set(e, ERR_CONF, "a control character in a name");
    }
    return 0;
}

static const struct option rows[] = {
    [OUTLOGIN_TYPE] = {.name = "outbound_smtp_auth_type",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "auto",
        .choices = types,
        .brief = "how to log in at hosts: auto, or the name of a mechanism",
        .manual = "auto is the best that host and options allow: "
                  "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN with a "
                  "password, OAUTHBEARER or XOAUTH2 with a token.",
        .since = "0.1"},
    [OUTLOGIN_USER] = {.name = "outbound_smtp_auth_user",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "name to log in with at hosts; unset: no login",
        .manual = "Where it is set mail goes with a login or not at all: it "
                  "waits while a host offers none, refuses it, or can only be "
                  "reached in clear. Empty: no login, whatever a wider scope "
                  "says.",
        .since = "0.1",
        .check = check_user},
    [OUTLOGIN_PASS] = {.name = "outbound_smtp_auth_pass",
        .type = IMPEL_OPT_SECRET,
        .scopes = OUT,
        .brief = "password to log in with: file:/path, env:NAME, or itself",
        .manual = "What file: and env: name is read when the configuration is "
                  "loaded. It is never shown.",
        .since = "0.1"},
    [OUTLOGIN_KEY] = {.name = "outbound_smtp_auth_key",
        .type = IMPEL_OPT_SECRET,
        .scopes = OUT,
        .brief = "OAuth token to log in with: file:/path, env:NAME, or itself",
        .manual = "For XOAUTH2 and OAUTHBEARER. Read when the configuration "
                  "is loaded; tokens that are renewed by another program stand "
                  "in outbound_smtp_auth_key_file.",
        .since = "0.1"},
    [OUTLOGIN_KEY_FILE] = {.name = "outbound_smtp_auth_key_file",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "file with the OAuth token, read at each login",
        .manual = "Stronger than outbound_smtp_auth_key. The user that impeld "
                  "runs as must be able to read it.",
        .since = "0.1",
        .check = check_path},
    [OUTLOGIN_WITHOUT_TLS] = {.name = "outbound_smtp_auth_without_tls",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "false",
        .brief = "log in at hosts in clear, for everybody on the way to read",
        .manual = "Only for networks that nobody else is on. A login by SCRAM "
                  "shows no password, and is made in clear only with this all "
                  "the same.",
        .since = "0.1"},
};
struct option_set outlogin_options = OPTION_SET("login", rows);
