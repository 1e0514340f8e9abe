/* SPDX-License-Identifier: Apache-2.0
 *
 * admit.c - who may ask, and where: method, path, login.
 */
#include <string.h>

#include "server.h"

/* mm7_vasp_uri_paths has the beginnings of paths; unset: any. */
static bool
path_is_ours(const struct server *s, struct impel_str target)
{
    const char *query = memchr(target.p, '?', target.n);
    size_t count = s->host->opt_count(s->scope, OPT_URI_PATHS);
    size_t n = query ? (size_t)(query - target.p) : target.n;

    for (size_t i = 0; i < count; i++) {
        struct impel_str path =
            s->host->opt_str(s->scope, OPT_URI_PATHS, (uint32_t)i);

        if (path.n <= n && memcmp(path.p, target.p, path.n) == 0)
            return true;
        /* "/mms/" is asked for as "/mms" too */
        if (path.n == n + 1 && path.p[n] == '/' &&
            memcmp(path.p, target.p, n) == 0)
            return true;
    }
    return count == 0;
}

/* false: nobody can prove it. */
static bool
login_of(struct impel_str both, struct auth_who *who)
{
    const char *colon = memchr(both.p, ':', both.n);

    if (!colon)
        return false;
    who->user = (struct impel_str){both.p, (size_t)(colon - both.p)};
    who->password = (struct impel_str){colon + 1, both.n - who->user.n - 1};
    return true;
}

static bool
is_digest(const struct server *s)
{
    return s->host->opt_int(s->scope, OPT_SERVER_SCHEME) == AUTH_DIGEST;
}

static bool
login_is_right(
    struct server *s, const struct http1_message *m, const struct auth_who *who)
{
    struct impel_str value = http1_field(m, "Authorization");
    enum auth_verdict v;

    if (!value.p)
        return false;
    if (is_digest(s))
        v = auth_judge(value, who, m->method, m->target, s->module->secret,
            s->host->now());
    else
        v = auth_is_basic(value, who) ? AUTH_YES : AUTH_NO;
    s->stale = v == AUTH_STALE;
    s->wrong = v == AUTH_NO;
    return v == AUTH_YES;
}

static void
note_refusal(struct server *s, const char *text)
{
    struct impel_str nobody = {"", 0};
    struct impel_result r = outcome_internal(
        IMPEL_FAILED, IMPEL_BLAME_SESSION, IMPEL_AT_LOGIN, text);

    r.text = line_str(text + 10); /* behind "535 5.7.8 " */
    s->host->intake->refused(s->session, nobody, &r);
}

static int
admit_client(struct server *s, const struct http1_message *m)
{
    struct impel_str both = s->host->opt_str(s->scope, OPT_SERVER_LOGIN, 0);
    struct auth_who who;

    if (both.n) {
        if (login_of(both, &who) && login_is_right(s, m, &who))
            return 0;
        if (s->wrong)
            note_refusal(s, "535 5.7.8 no login of mm7_server_login");
        return 401;
    }
    if (s->host->intake->may_relay(s->session))
        return 0;
    note_refusal(s,
        "550 5.7.1 MM7 is for peers in relay_hosts, those with a client "
        "certificate, and those who prove mm7_server_login");
    return 403;
}

int
admit_head(struct server *s, const struct http1_message *m)
{
    int status;

    s->stale = s->wrong = false;
    status = admit_client(s, m);
    if (status)
        return status;
    if (!line_same(m->method, "POST"))
        return 405;
    return path_is_ours(s, m->target) ? 0 : 404;
}

void
admit_challenge(struct server *s, struct http1_out *o)
{
    static const bool kinds[] = {true, false};
    char value[AUTH_VALUE_MOST];

    if (!is_digest(s)) {
        http1_put_field(o, "WWW-Authenticate",
            line_str("Basic realm=\"" AUTH_REALM "\", charset=\"UTF-8\""));
        return;
    }
    for (size_t i = 0; i < 2; i++) { /* the better one first (RFC 7616 3.7) */
        auth_ask(s->module->secret, s->host->now(), kinds[i], s->stale, value);
        http1_put_field(o, "WWW-Authenticate", line_str(value));
    }
}
