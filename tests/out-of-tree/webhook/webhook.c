/* SPDX-License-Identifier: Apache-2.0
 *
 * webhook.c - the module: its options, what it refuses of them, its descriptor.
 */
#define IMPEL_ABI_NEED 0 /* nothing newer than 1.0 is used */
#include "webhook.h"

#include <stdio.h>
#include <stdlib.h>

static const struct impel_option options[OPT_ROWS] = {
    [OPT_TLS] = {.name = "tls", .type = IMPEL_OPT_IMPORT},
    [OPT_PORT] = {.name = "webhook_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "443",
        .min = 1,
        .max = 65535,
        .brief = "port of the server where the route names none",
        .manual = "A port written with the route beats it.",
        .since = "1.0"},
    [OPT_PATH] = {.name = "webhook_path",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "/",
        .brief = "what is asked for at the server: a path, and a query",
        .manual = "As it goes into the request: /inbox?list=7.",
        .since = "1.0"},
    [OPT_TOKEN] = {.name = "webhook_token",
        .type = IMPEL_OPT_SECRET,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "sent as Authorization: Bearer",
        .manual = "As it is, or file:/path.  Refused where tls is no, and "
                  "sent to verified servers only: set tls_verify.",
        .since = "1.0"},
    [OPT_FIELDS] = {.name = "webhook_fields",
        .type = IMPEL_OPT_DICT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "more header fields of each request, by name",
        .manual = "Those that say where a request ends are this module's own.",
        .since = "1.0"},
    [OPT_ANSWER_TIMEOUT] = {.name = "webhook_answer_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "60",
        .min = 1000,
        .max = 3600000,
        .brief = "how long the server may take to answer a request",
        .manual = "What was not answered by then is tried again, and may "
                  "arrive twice.  While the server takes octets the time "
                  "begins anew.",
        .since = "1.0"},
    [OPT_TEXT_SIZE] = {.name = "webhook_text_size",
        .type = IMPEL_OPT_SIZE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "64K",
        .min = 0,
        .max = 65536,
        .brief = "how much of a message's text the document has beside it",
        .manual = "Octets of UTF-8; 0: none.",
        .since = "1.0"},
};

static const struct impel_counter counters[COUNT_ROWS] = {
    [COUNT_REQUESTS] = {.name = "requests", .brief = "requests begun"},
    [COUNT_DELIVERED] = {.name = "delivered", .brief = "recipients taken"},
    [COUNT_REFUSED] = {.name = "refused",
        .brief = "recipients refused for good"},
    [COUNT_DELAYED] = {.name = "delayed",
        .brief = "recipients to be tried again"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "recipients of requests whose answer did not come"},
};

static int
webhook_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct webhook *w = calloc(1, sizeof(*w));

    if (!w) {
        e->code = IMPEL_E_NOMEM;
        (void)snprintf(e->text, sizeof(e->text), "no memory");
        return IMPEL_E_NOMEM;
    }
    w->host = host;
    w->instance = instance;
    *ctx = w;
    return 0;
}

static void
webhook_unload(void *ctx)
{
    free(ctx);
}

static int
refuse(struct impel_error *e, const char *why)
{
    e->code = IMPEL_E_INVAL;
    (void)snprintf(e->text, sizeof(e->text), "%s", why);
    return IMPEL_E_INVAL;
}

static bool
is_path(struct impel_str path)
{
    if (!path.n || path.n > 1024 || path.p[0] != '/')
        return false;
    for (size_t i = 0; i < path.n; i++) {
        if ((unsigned char)path.p[i] <= ' ' || (unsigned char)path.p[i] > '~')
            return false;
    }
    return true;
}

static bool
is_token(struct impel_str token)
{
    for (size_t i = 0; i < token.n; i++) {
        if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] > '~')
            return false;
    }
    return token.n <= 4096;
}

/* A name and a value that are one field on one line, and none of ours. */
static bool
is_field(struct impel_str name, struct impel_str value)
{
    static const char *const ours[] = {"host", "content-length",
        "transfer-encoding", "connection", "expect", "authorization", NULL};

    for (size_t i = 0; ours[i]; i++) {
        if (name.n == strlen(ours[i]) &&
            strncasecmp(name.p, ours[i], name.n) == 0)
            return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (!strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                name.p[i]) ||
            !name.p[i])
            return false;
    }
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 127)
            return false;
    }
    return name.n > 0 && name.n <= 64 && value.n <= 1024;
}

/* What the rows cannot say. */
static int
webhook_check(void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    const struct impel_host *host = ((struct webhook *)ctx)->host;
    size_t fields = host->opt_count(scope, OPT_FIELDS);

    if (!is_path(host->opt_str(scope, OPT_PATH, 0)))
        return refuse(e,
            "webhook_path begins with / and has at most 1024 characters that "
            "may stand in a URL");
    if (!is_token(host->opt_str(scope, OPT_TOKEN, 0)))
        return refuse(e, "webhook_token has characters that no token has");
    if (host->opt_is_set(scope, OPT_TOKEN) &&
        host->opt_int(scope, OPT_TLS) <= 0)
        return refuse(
            e, "webhook_token would go in clear: it needs tls = required");
    if (fields > 16)
        return refuse(e, "webhook_fields has more than 16 fields");
    for (uint32_t i = 0; i < fields; i++) {
        if (!is_field(host->opt_key(scope, OPT_FIELDS, i),
                host->opt_str(scope, OPT_FIELDS, i)))
            return refuse(e,
                "webhook_fields has something that is no field of HTTP, or "
                "that this module says itself");
    }
    return 0;
}

static const char *const methods[] = {"WEBHOOK", NULL};
static const char *const schemes[] = {"webhook", NULL};

IMPEL_MODULE(webhook) = {
    IMPEL_MODULE_STAMP,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_ROWS,
    .name = "webhook",
    .version = "1.0",
    .brief = "messages as JSON to a server of one's own, by HTTP",
    .methods = methods,
    .schemes = schemes,
    .options = options,
    .counters = counters,
    .load = webhook_load,
    .check = webhook_check,
    .unload = webhook_unload,
    .transport = &webhook_transport,
};
