/* SPDX-License-Identifier: Apache-2.0
 *
 * apn.c - descriptor of the module, its options and counters.
 */
#include "apn.h"

#include <stdlib.h>
#include <string.h>

#include "optionrow.h"
#include "pushwords.h"

static const char *const protocols[] = {"auto", "http2", "binary", NULL};
static const char *const priorities[] = {"auto", "10", "5", "1", NULL};

static const struct impel_option apn_options[OPT_ROWS] = {
    [OPT_CONNECT_TIMEOUT] = IMPORT("connect_timeout"),
    [OPT_RESPONSE_TIMEOUT] = IMPORT("delivery_response_timeout"),
    [OPT_CONVERT] = IMPORT("push_convert"),
    [OPT_PORT] = {.name = "apn_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "443",
        .min = 1,
        .max = 65535,
        .brief = "port of a host of APNs",
        .manual = "A port written with the route beats it. Apple listens on "
                  "443 and 2197.",
        .since = "0.1"},
    [OPT_PROTOCOL] = {.name = "apn_protocol",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "auto",
        .choices = protocols,
        .brief = "what is spoken: auto, http2, binary",
        .manual =
            "auto: the binary protocol to port 2195, HTTP/2 to any other. "
            "Apple has ended the binary protocol in 2021.",
        .since = "0.1"},
    [OPT_EXPIRY] = {.name = "apn_expiry",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "604800",
        .min = 0,
        .max = 365 * DAY_MS,
        .brief =
            "how long Apple may keep a notification for a device that is off",
        .manual = "Counted from when the message came. 0: it is tried once. "
                  "A message says X-APN-Expiry, in seconds.",
        .since = "0.1"},
    [OPT_TOPIC] = {.name = "apn_topic",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "topic of notifications, usually the bundle id of the app",
        .manual =
            "Needed with apn_auth_key, and with a certificate for several "
            "topics. A message says X-APN-Topic.",
        .since = "0.1"},
    [OPT_PUSH_TYPE] = {.name = "apn_push_type",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "auto",
        .brief = "type of notifications: alert, background, voip ...; auto",
        .manual = "auto: background for a payload with content-available and "
                  "nothing to show, to hear or to count, else alert. A message "
                  "says X-APN-Push-Type.",
        .since = "0.1"},
    [OPT_PRIORITY] = {.name = "apn_priority",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "auto",
        .choices = priorities,
        .brief = "priority of notifications: auto, 10, 5, 1",
        .manual =
            "auto: 5 for the type background, else none is said, which is "
            "10 to Apple. A message says X-APN-Priority.",
        .since = "0.1"},
    [OPT_COLLAPSE_ID] = {.name = "apn_collapse_id",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "of notifications with one such id a device shows the last",
        .manual = "64 octets at most. A message says X-APN-Collapse-ID.",
        .since = "0.1"},
    [OPT_AUTH_KEY] = {.name = "apn_auth_key",
        .type = IMPEL_OPT_SECRET,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "key for provider tokens in PEM form, as file:/path",
        .manual = "The .p8 file from Apple, a key for ES256. Unset: the "
                  "certificate (tls_certificate, tls_key) says who sends.",
        .since = "0.1"},
    [OPT_KEY_ID] = {.name = "apn_key_id",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "Apple's name for apn_auth_key, ten letters and digits",
        .manual = "It stands in the name of the file: AuthKey_ID.p8.",
        .since = "0.1"},
    [OPT_TEAM_ID] = {.name = "apn_team_id",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "Apple's name for the developer, ten letters and digits",
        .manual = "It is shown with the membership of the developer account.",
        .since = "0.1"},
};

static const struct impel_counter apn_counters[COUNT_MAX] = {
    [COUNT_DELIVERED] = {.name = "delivered",
        .brief = "Recipients whose notification Apple has taken"},
    [COUNT_UNREGISTERED] = {.name = "unregistered",
        .brief = "Notifications for devices that are gone"},
    [COUNT_CONVERTED] = {.name = "converted",
        .brief = "Notifications made of ordinary messages"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "Notifications sent whose answer was never read"},
    [COUNT_UNTOUCHED] = {.name = "untouched",
        .brief = "Notifications that Apple gave back without looking at them"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Notifications without an answer in time"},
    [COUNT_GOAWAYS] = {.name = "goaways",
        .brief = "Connections that Apple wanted to end"},
    [COUNT_TOKENS] = {.name = "tokens_refused",
        .brief = "Provider tokens that Apple found too old"},
};

static int
apn_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct apn *m = calloc(1, sizeof(*m));

    if (!m || provider_init(&m->provider) < 0) {
        free(m);
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    m->host = host;
    m->instance = instance;
    *ctx = m;
    return 0;
}

/* A word of an option that goes into a header. */
static const char *
word_fault(const struct impel_host *host, const struct impel_scope *scope)
{
    static const struct {
        int row;
        size_t most;
        const char *fault;
    } rows[] = {{OPT_TOPIC, 255, "apn_topic is no word of 255 octets at most"},
        {OPT_PUSH_TYPE, 32, "apn_push_type is no word of 32 octets at most"},
        {OPT_COLLAPSE_ID, 64,
            "apn_collapse_id is no word of 64 octets at most"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct impel_str v = host->opt_str(scope, (uint32_t)rows[i].row, 0);

        if (v.n && !pushwords_is_word(v, rows[i].most))
            return rows[i].fault;
    }
    return NULL;
}

static int
apn_check(void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    const struct impel_host *host = ((struct apn *)ctx)->host;
    struct provider_key key = {.pem = host->opt_str(scope, OPT_AUTH_KEY, 0),
        .key_id = host->opt_str(scope, OPT_KEY_ID, 0),
        .team_id = host->opt_str(scope, OPT_TEAM_ID, 0)};
    const char *fault = word_fault(host, scope);

    if (!fault && key.pem.n)
        fault = provider_check(&key);
    if (!fault)
        return 0;
    return outcome_refuse(e, IMPEL_E_INVAL, "%s", fault);
}

static void
apn_unload(void *ctx)
{
    struct apn *m = ctx;

    provider_fini(&m->provider);
    free(m);
}

static const char *const methods[] = {"APN", NULL};
static const char *const schemes[] = {"apn", NULL};

IMPEL_MODULE(apn) = {
    IMPEL_MODULE_STAMP,
    .flags = IMPEL_MODULE_TLS | IMPEL_MODULE_CONTAINER,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_MAX,
    .name = "apn",
    .version = "0.1.0",
    .brief = "notifications to devices of Apple, by HTTP/2 or as it once was",
    .methods = methods,
    .schemes = schemes,
    .options = apn_options,
    .counters = apn_counters,
    .load = apn_load,
    .check = apn_check,
    .unload = apn_unload,
    .transport = &apn_transport,
};
