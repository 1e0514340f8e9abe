/* SPDX-License-Identifier: Apache-2.0
 *
 * logincheck.c - the options of logins as the configuration is read.
 */
#include "intake/login.h"

#include "conf/report_int.h"
#include "intake/auth_options.h"
#include "intake/jwt.h"
#include "intake/users.h"
#include "base/banned.h"

static void
note(struct conf_report *r, const struct stanza *s, int row, bool warning,
    const char *text)
{
    struct report_at at = {"", 0, 0};
    uint32_t id = OPT(auth_options, row);

    (void)stanza_value_at(s, id, &at.file, &at.line, &at.column);
    conf_report_add(r, warning ? REPORT_WARNING : REPORT_ERROR, at, "%s: %s",
        option_get(id)->name, text);
}

/* Read the file that the stanza itself names. */
static int
judge_file(const struct stanza *s, struct conf_report *r)
{
    struct option_value v;
    struct err e = {0};
    int rc;

    if (!s || !stanza_value(s, OPT(auth_options, AUTH_PASSWORD_FILE), &v) ||
        !v.text.n)
        return 0;
    rc = users_read(v.text, &e);
    if (rc)
        note(r, s, AUTH_PASSWORD_FILE, rc == OPTION_WARN, e.text);
    return rc < 0 ? rc : 0;
}

static int
judge_keys(const struct stanza *s, struct conf_report *r)
{
    struct option_value v;
    struct err e = {0};

    if (!s || !stanza_value(s, OPT(auth_options, AUTH_TOKEN_KEYS), &v) ||
        !v.text.n || jwt_read(v.text, &e) == 0)
        return 0;
    note(r, s, AUTH_TOKEN_KEYS, false, e.text);
    return ERR_CONF;
}

static int
judge(const struct stanza *s, struct conf_report *r)
{
    const struct scope *scope = stanza_scope(s);
    struct option_value v;
    int rc = judge_file(s, r) < 0 || judge_keys(s, r) < 0 ? ERR_CONF : 0;

    if (!stanza_value(s, OPT(auth_options, AUTH_ENABLE), &v) ||
        !scope_int(scope, OPT(auth_options, AUTH_ENABLE)) ||
        scope_str(scope, OPT(auth_options, AUTH_PASSWORD_FILE)).n ||
        (scope_str(scope, OPT(auth_options, AUTH_TOKEN_KEYS)).n &&
            scope_str(scope, OPT(auth_options, AUTH_TOKEN_ISSUER)).n &&
            scope_str(scope, OPT(auth_options, AUTH_TOKEN_AUDIENCE)).n))
        return rc;
    note(r, s, AUTH_ENABLE, true,
        "nobody can log in here without auth_password_file, or "
        "auth_token_keys with its issuer and audience");
    return rc;
}

static int
walk(struct generation *g, uint32_t kind, const struct stanza *parent,
    struct conf_report *r)
{
    const struct stanza *s = NULL;
    int rc = 0;

    while ((s = generation_stanza(g, kind, parent, s)) != NULL) {
        if (judge(s, r) < 0)
            rc = ERR_CONF;
        if (kind == IMPEL_SCOPE_LISTENER &&
            walk(g, IMPEL_SCOPE_LISTEN, s, r) < 0)
            rc = ERR_CONF;
        if (kind != IMPEL_SCOPE_PEER && walk(g, IMPEL_SCOPE_PEER, s, r) < 0)
            rc = ERR_CONF;
    }
    return rc;
}

int
login_check(void *arg, struct generation *g, struct conf_report *r)
{
    const struct scope *global = generation_global(g);
    int rc = judge_file(
        scope_origin(global, OPT(auth_options, AUTH_PASSWORD_FILE)), r);
    if (judge_keys(
            scope_origin(global, OPT(auth_options, AUTH_TOKEN_KEYS)), r) < 0)
        rc = ERR_CONF;

    (void)arg;
    return walk(g, IMPEL_SCOPE_LISTENER, NULL, r) < 0 ? ERR_CONF : rc;
}
