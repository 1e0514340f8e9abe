/* SPDX-License-Identifier: Apache-2.0
 *
 * gcm.c - descriptor of the module, its options and counters.
 */
#include "gcm.h"

#include <stdlib.h>
#include <string.h>

#include "optionrow.h"
#include "pushwords.h"

static const char *const protocols[] = {"auto", "v1", "legacy", NULL};
static const char *const priorities[] = {"auto", "high", "normal", NULL};

static const struct impel_option gcm_options[OPT_ROWS] = {
    [OPT_CONNECT_TIMEOUT] = IMPORT("connect_timeout"),
    [OPT_RESPONSE_TIMEOUT] = IMPORT("delivery_response_timeout"),
    [OPT_CONVERT] = IMPORT("push_convert"),
    [OPT_HTTP_URI] = IMPORT("http_uri"),
    [OPT_HTTP_HOST] = IMPORT("http_host"),
    [OPT_PORT] = {.name = "gcm_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "443",
        .min = 1,
        .max = 65535,
        .brief = "port of a host of Google's service",
        .manual = "A port written with the route beats it.",
        .since = "0.1"},
    [OPT_PROTOCOL] = {.name = "gcm_protocol",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "auto",
        .choices = protocols,
        .brief = "what is spoken: auto, v1, legacy",
        .manual =
            "v1: FCM HTTP v1, with gcm_service_account. legacy: JSON with "
            "gcm_authorization_token_id, which Google has ended in 2024. auto: "
            "legacy to android.googleapis.com, android.google.apis.com and "
            "gcm-http.googleapis.com, and where only "
            "gcm_authorization_token_id is set; else v1.",
        .since = "0.1"},
    [OPT_ACCOUNT] = ROW("gcm_service_account", SECRET, NULL,
        "key file of a service account, in JSON, as file:/path",
        "As the Firebase console gives it out. It names the project, and where "
        "tokens are fetched (token_uri), over HTTPS with the authorities of "
        "https_ca."),
    [OPT_PROJECT] =
        ROW("gcm_project_id", STRING, NULL, "project whose devices are meant",
            "Unset: project_id in gcm_service_account."),
    [OPT_KEY] = ROW("gcm_authorization_token_id", SECRET, NULL,
        "server key of the legacy protocol, or file:/path",
        "It is sent with each request, as Authorization: key=."),
    [OPT_APPLICATION] = ROW("gcm_application_id", STRING, NULL,
        "package of the app that alone may get the notification",
        "restricted_package_name to Google. A message says "
        "X-Application-ID."),
    [OPT_TTL] = {.name = "gcm_ttl",
        .type = IMPEL_OPT_INT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "-1",
        .min = -1,
        .max = 2419200,
        .brief = "seconds Google keeps a notification for a device that is "
                 "off; -1: not said",
        .manual = "Not said means four weeks to Google. 0: now or never. A "
                  "message says X-Time-To-Live.",
        .since = "0.1"},
    [OPT_DELAY_WHILE_IDLE] = ROW("gcm_delay_while_idle", BOOL, "false",
        "legacy: wait until the device is used",
        "FCM HTTP v1 has no such thing. A message says X-Delay-While-Idle."),
    [OPT_DRY_RUN] = ROW("gcm_dry_run", BOOL, "false",
        "Google checks notifications, and sends none",
        "validate_only in FCM HTTP v1. A message says X-Dry-Run."),
    [OPT_PRIORITY] = {.name = "gcm_priority",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "auto",
        .choices = priorities,
        .brief = "priority of notifications: auto, high, normal",
        .manual = "auto: none is said. A message says X-GCM-Priority.",
        .since = "0.1"},
};

static const struct impel_counter gcm_counters[COUNT_MAX] = {
    [COUNT_DELIVERED] = {.name = "delivered",
        .brief = "Recipients whose notification Google has taken"},
    [COUNT_UNREGISTERED] = {.name = "unregistered",
        .brief = "Notifications for devices that are gone"},
    [COUNT_CANONICAL] = {.name = "canonical",
        .brief = "Notifications for devices that have another id by now"},
    [COUNT_CONVERTED] = {.name = "converted",
        .brief = "Notifications made of ordinary messages"},
    [COUNT_QUOTA] = {.name = "quota",
        .brief = "Notifications that Google found too many"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "Notifications sent whose answer was never read"},
    [COUNT_UNTOUCHED] = {.name = "untouched",
        .brief = "Notifications that Google gave back without looking at them"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Notifications without an answer in time"},
    [COUNT_GOAWAYS] = {.name = "goaways",
        .brief = "Connections that Google wanted to end"},
    [COUNT_TOKENS] = {.name = "tokens", .brief = "Access tokens fetched"},
    [COUNT_TOKENS_FAILED] = {.name = "tokens_failed",
        .brief = "Access tokens that were not to be had"},
    [COUNT_TOKENS_REFUSED] = {.name = "tokens_refused",
        .brief = "Access tokens that Google did not take any more"},
};

enum gcm_protocol
gcm_protocol_of(
    int64_t option, struct impel_str host, bool has_key, bool has_account)
{
    static const char *const old[] = {"android.googleapis.com",
        "android.google.apis.com", "gcm-http.googleapis.com"};

    if (option != PROTOCOL_AUTO)
        return option == PROTOCOL_LEGACY ? PROTOCOL_LEGACY : PROTOCOL_V1;
    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
        if (line_same(host, old[i]))
            return PROTOCOL_LEGACY;
    return has_key && !has_account ? PROTOCOL_LEGACY : PROTOCOL_V1;
}

static int
gcm_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    const struct oauth_counters counters = {
        COUNT_TOKENS, COUNT_TOKENS_FAILED, COUNT_TOKENS_REFUSED};
    struct gcm *m = calloc(1, sizeof(*m));

    if (m && oauth_init(&m->oauth, host, instance, &counters) == 0) {
        if (quota_init(&m->quota) == 0) {
            m->host = host;
            m->instance = instance;
            *ctx = m;
            return 0;
        }
        oauth_fini(&m->oauth);
    }
    free(m);
    return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
}

static const char *
word_fault(const struct impel_host *host, const struct impel_scope *scope)
{
    struct impel_str project = host->opt_str(scope, OPT_PROJECT, 0);
    struct impel_str application = host->opt_str(scope, OPT_APPLICATION, 0);
    struct impel_str key = host->opt_str(scope, OPT_KEY, 0);

    if (project.n && !account_is_project(project))
        return "gcm_project_id has letters, digits, and -:. only";
    if (application.n && !pushwords_is_word(application, 255))
        return "gcm_application_id is no word of 255 octets at most";
    if (key.n && !pushwords_is_word(key, 1024))
        return "gcm_authorization_token_id is no word of 1024 octets at most";
    return NULL;
}

static int
gcm_check(void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    const struct impel_host *host = ((struct gcm *)ctx)->host;
    struct impel_str json = host->opt_str(scope, OPT_ACCOUNT, 0);
    const char *fault = word_fault(host, scope);
    struct account a;

    if (!fault && json.n) {
        fault = account_read(json, &a);
        account_fini(&a);
    }
    if (!fault)
        return 0;
    return outcome_refuse(e, IMPEL_E_INVAL, "%s", fault);
}

static void
gcm_unload(void *ctx)
{
    struct gcm *m = ctx;

    oauth_fini(&m->oauth);
    quota_fini(&m->quota);
    free(m);
}

static const char *const methods[] = {"GCM", NULL};
static const char *const schemes[] = {"gcm", NULL};

IMPEL_MODULE(gcm) = {
    IMPEL_MODULE_STAMP,
    .flags = IMPEL_MODULE_TLS | IMPEL_MODULE_CONTAINER,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_MAX,
    .name = "gcm",
    .version = "0.1.0",
    .brief = "notifications by Google's service, by FCM HTTP v1 or as it was",
    .methods = methods,
    .schemes = schemes,
    .options = gcm_options,
    .counters = gcm_counters,
    .load = gcm_load,
    .check = gcm_check,
    .unload = gcm_unload,
    .transport = &gcm_transport,
};
