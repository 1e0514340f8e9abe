/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <jansson.h>

#include "line.h"
#include "pushwords.h"

enum { SUM = 32, WAITERS_STEP = 8 };
struct oauth_entry {
    struct oauth *oauth;
    unsigned char sum[SUM]; /* of the key file */
    bool taken;
    uint64_t number;
    int64_t used, expires, renew, forced; /* as host->now(); forced 0: never */
    bool fetching;
    int64_t again, wait; /* behind a failure: when, and for how long */
    char why[OAUTH_WHY_MOST];
    char token[OAUTH_TOKEN_MOST]; /* "": none */
    uint64_t *waiter;             /* sessions to be woken */
    size_t waiters, room;
};

int
oauth_init(struct oauth *o, const struct impel_host *host,
    struct impel_instance *instance, const struct oauth_counters *counter)
{
    o->host = host;
    o->instance = instance;
    o->counter = *counter;
    o->entry = calloc(OAUTH_ACCOUNTS, sizeof(*o->entry));
    if (!o->entry)
        return -1;
    if (pthread_mutex_init(&o->lock, NULL) != 0) {
        free(o->entry);
        return -1;
    }
    return 0;
}

void
oauth_fini(struct oauth *o)
{
    for (int i = 0; i < OAUTH_ACCOUNTS; i++)
        free(o->entry[i].waiter);
    gnutls_memset(o->entry, 0, OAUTH_ACCOUNTS * sizeof(*o->entry));
    free(o->entry);
    (void)pthread_mutex_destroy(&o->lock);
}

/* --- entries, under the lock --- */

/* Its place, or one that is free or used least recently; NULL: all of them are
 * being fetched. */
static struct oauth_entry *
find(struct oauth *o, struct impel_str json)
{
    struct oauth_entry *oldest = NULL;
    unsigned char sum[SUM];

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, json.p, json.n, sum) < 0)
        return NULL;
    for (int i = 0; i < OAUTH_ACCOUNTS; i++) {
        struct oauth_entry *e = &o->entry[i];

        if (e->taken && memcmp(e->sum, sum, SUM) == 0)
            return e;
        if (!e->fetching &&
            (!oldest || !e->taken || (oldest->taken && e->used < oldest->used)))
            oldest = e;
    }
    if (!oldest)
        return NULL;
    free(oldest->waiter);
    gnutls_memset(oldest, 0, sizeof(*oldest));
    oldest->oauth = o;
    oldest->taken = true;
    memcpy(oldest->sum, sum, SUM);
    return oldest;
}

static bool
has_token(const struct oauth_entry *e, int64_t now)
{
    return e->token[0] && now < e->expires;
}

/* false: no memory. */
static bool
wait_for(struct oauth_entry *e, uint64_t session)
{
    if (e->waiters == e->room) {
        uint64_t *grown =
            realloc(e->waiter, (e->room + WAITERS_STEP) * 2 * sizeof(*grown));

        if (!grown)
            return false;
        e->waiter = grown;
        e->room = (e->room + WAITERS_STEP) * 2;
    }
    e->waiter[e->waiters++] = session;
    return true;
}

/* What became of the request.  Whoever waits is told to ask again. */
static void
settle(struct oauth_entry *e)
{
    struct oauth *o = e->oauth;

    e->fetching = false;
    for (size_t i = 0; i < e->waiters; i++)
        (void)o->host->wake(o->instance, e->waiter[i], 0);
    e->waiters = 0;
}

static void
fail(struct oauth_entry *e, const char *why)
{
    struct oauth *o = e->oauth;

    o->host->count(o->instance, o->counter.failed, 1);
    e->wait = e->wait ? e->wait * 2 : OAUTH_FIRST_MS;
    if (e->wait > OAUTH_LAST_MS)
        e->wait = OAUTH_LAST_MS;
    e->again = o->host->now() + e->wait;
    (void)snprintf(e->why, sizeof(e->why), "no access token: %s", why);
    pushwords_clean(e->why);
    o->host->log(o->instance, NULL, IMPEL_LOG_WARNING, "%s", e->why);
    settle(e);
}

/* --- the answer --- */

static void
take(struct oauth_entry *e, const char *token, int64_t life)
{
    struct oauth *o = e->oauth;
    int64_t now = o->host->now(), ahead = OAUTH_AHEAD_MS;

    if (ahead > life / 4)
        ahead = life / 4;
    (void)snprintf(e->token, sizeof(e->token), "Bearer %s", token);
    e->expires = now + life;
    e->renew = e->expires - ahead;
    e->number++;
    e->wait = 0;
    e->why[0] = '\0';
    o->host->count(o->instance, o->counter.fetched, 1);
    settle(e);
}

/* {"access_token": "...", "expires_in": 3599, "token_type": "Bearer"} */
static const char *
read_token(struct oauth_entry *e, const json_t *root)
{
    const json_t *token = json_object_get(root, "access_token");
    const json_t *life = json_object_get(root, "expires_in");
    json_int_t seconds = json_is_integer(life) ? json_integer_value(life) : 0;
    struct impel_str s = {json_string_value(token), json_string_length(token)};

    if (!json_is_string(token) ||
        !pushwords_is_word(s, OAUTH_TOKEN_MOST - sizeof("Bearer ")))
        return "the answer has no access_token";
    if (seconds < 1)
        return "the answer has no expires_in";
    take(e, s.p, seconds > 86400 ? 86400000 : seconds * 1000);
    explicit_bzero((char *)(uintptr_t)s.p, s.n);
    return NULL;
}

/* {"error": "invalid_grant", "error_description": "..."} */
static void
read_error(int status, const json_t *root, char why[OAUTH_WHY_MOST])
{
    const char *name = json_string_value(json_object_get(root, "error"));
    const char *words =
        json_string_value(json_object_get(root, "error_description"));

    (void)snprintf(why, OAUTH_WHY_MOST, "status %d%s%.60s%s%.120s", status,
        name ? ", " : "", name ? name : "", words ? ": " : "",
        words ? words : "");
}

static void
fetched(void *arg, const struct impel_fetched *a)
{
    struct impel_str body = a->body, error = a->error;
    int status = a->status;
    struct oauth_entry *e = arg;
    struct oauth *o = e->oauth;
    char why[OAUTH_WHY_MOST] = "";
    const char *wrong = why;
    json_t *root = NULL;

    if (status && body.n)
        root = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    (void)pthread_mutex_lock(&o->lock);
    if (!status)
        (void)snprintf(why, sizeof(why), "%.*s",
            error.n > 200 ? 200 : (int)error.n, error.n ? error.p : "");
    else if (status != 200)
        read_error(status, root, why);
    else
        wrong = read_token(e, root);
    if (wrong)
        fail(e, wrong);
    (void)pthread_mutex_unlock(&o->lock);
    json_decref(root);
}

/* --- the request --- */

static const char *
request(struct oauth_entry *e, struct impel_str json, int64_t wall)
{
    const struct impel_pair header[] = {{line_str("Content-Type"),
        line_str("application/x-www-form-urlencoded")}};
    struct impel_fetch f = {.size = sizeof(f),
        .timeout = OAUTH_FETCH_MS,
        .method = "POST",
        .header_count = 1,
        .header = header};
    struct oauth *o = e->oauth;
    char form[ACCOUNT_FORM_MOST];
    struct account a;
    const char *wrong = account_read(json, &a);

    if (!wrong && !account_form(&a, wall, form))
        wrong = "the account's key cannot sign";
    if (!wrong) {
        f.url = a.token_uri;
        f.body = line_str(form);
        if (o->host->fetch(o->instance, &f, fetched, e) < 0)
            wrong = "the request for it cannot be made";
        explicit_bzero(form, sizeof(form));
    }
    account_fini(&a);
    return wrong;
}

/* Without the lock, as a signature takes its time. */
static void
fetch(struct oauth_entry *e, struct impel_str json, int64_t wall)
{
    struct oauth *o = e->oauth;
    const char *wrong = request(e, json, wall);

    if (!wrong)
        return;
    (void)pthread_mutex_lock(&o->lock);
    fail(e, wrong);
    (void)pthread_mutex_unlock(&o->lock);
}

/* Is there one, and if not, why?  Under the lock. */
static uint64_t
judge(struct oauth_entry *e, int64_t now, uint64_t session,
    char to[OAUTH_TOKEN_MOST], char why[OAUTH_WHY_MOST])
{
    e->used = now;
    if (has_token(e, now)) {
        memcpy(to, e->token, OAUTH_TOKEN_MOST);
        return e->number;
    }
    if (!e->fetching && e->why[0] && now < e->again)
        memcpy(why, e->why, OAUTH_WHY_MOST);
    else if (!wait_for(e, session))
        (void)snprintf(why, OAUTH_WHY_MOST, "no memory");
    return 0;
}

uint64_t
oauth_token(struct oauth *o, struct impel_str json, int64_t wall,
    uint64_t session, char to[OAUTH_TOKEN_MOST], char why[OAUTH_WHY_MOST])
{
    int64_t now = o->host->now();
    struct oauth_entry *e;
    uint64_t number = 0;
    bool ask = false;

    to[0] = why[0] = '\0';
    (void)pthread_mutex_lock(&o->lock);
    e = find(o, json);
    if (e) {
        number = judge(e, now, session, to, why);
        ask = !e->fetching && now >= e->again &&
            (number ? now >= e->renew : !why[0]);
        e->fetching = e->fetching || ask;
    } else {
        (void)snprintf(why, OAUTH_WHY_MOST, "too many accounts are in use");
    }
    (void)pthread_mutex_unlock(&o->lock);
    if (ask)
        fetch(e, json, wall);
    return number;
}

bool
oauth_refused(struct oauth *o, struct impel_str json, uint64_t number)
{
    int64_t now = o->host->now();
    struct oauth_entry *e;
    bool newer = false;

    (void)pthread_mutex_lock(&o->lock);
    e = find(o, json);
    if (e) {
        newer = e->number != number || !e->token[0];
        if (!newer && (!e->forced || now - e->forced >= OAUTH_FORCED_MS)) {
            e->forced = now ? now : 1;
            gnutls_memset(e->token, 0, sizeof(e->token));
            newer = true;
            o->host->count(o->instance, o->counter.refused, 1);
        }
    }
    (void)pthread_mutex_unlock(&o->lock);
    return newer;
}
