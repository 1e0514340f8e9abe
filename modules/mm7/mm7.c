/* SPDX-License-Identifier: Apache-2.0
 *
 * mm7.c - descriptor of the module, and its counters.
 */
#include "mm7.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <libxml/parser.h>

#include "reportkey.h"
#include "submit.h"

static const struct impel_counter mm7_counters[COUNT_MAX] = {
    [COUNT_DELIVERED] = {.name = "delivered",
        .brief = "Recipients whose message an MMSC has taken"},
    [COUNT_REFUSED] = {.name = "refused",
        .brief = "Recipients whose message an MMSC will never take"},
    [COUNT_FAULTS] = {.name = "faults", .brief = "Answers that were faults"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "Requests that an MMSC may have taken without saying so"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Requests without an answer in time"},
    [COUNT_CHALLENGES] = {.name = "challenges",
        .brief = "Requests for a login by Digest"},
    [COUNT_REPORTS] = {.name = "reports",
        .brief = "Delivery reports of messages that were sent from here"},
    [COUNT_READS] = {.name = "reads",
        .brief = "Read replies of messages that were sent from here"},
    [COUNT_STRANGE_REPORTS] = {.name = "strange_reports",
        .brief = "Reports of messages that none was awaited of"},
    [COUNT_MESSAGES] = {.name = "messages",
        .brief = "Messages that an MMSC has brought and that were taken"},
    [COUNT_KNOWN] = {.name = "known",
        .brief = "Messages that an MMSC has brought again"},
    [COUNT_CALLS_REFUSED] = {.name = "calls_refused",
        .brief = "Requests of an MMSC that were not answered with success"},
};

static int
mm7_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct mm7 *m = calloc(1, sizeof(*m));

    if (!m || digests_init(&m->digests) < 0 || taking_init(&m->taking) < 0 ||
        gnutls_rnd(GNUTLS_RND_KEY, m->secret, sizeof(m->secret)) < 0) {
        free(m);
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    xmlInitParser(); /* before there are threads that parse */
    m->host = host;
    m->instance = instance;
    *ctx = m;
    return 0;
}

/* "name:password", as long as either may be; or nothing. */
static bool
is_login(struct impel_str s)
{
    const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
    size_t n = colon ? (size_t)(colon - s.p) : 0;

    return !s.n ||
        (colon && n < AUTH_WORD_MOST && s.n - n - 1 < AUTH_WORD_MOST);
}

/* What would go wrong with every message. */
static const char *
mm7_fault(const struct submit_want *w, struct impel_str login)
{
    if (w->prefix.n && !text_is_prefix(w->prefix))
        return "mm7_namespace is no prefix";
    if (!text_is_prefix(w->env))
        return "mm7_soap_env is no prefix";
    if (w->prefix.n == w->env.n && w->prefix.n &&
        memcmp(w->prefix.p, w->env.p, w->env.n) == 0)
        return "mm7_namespace and mm7_soap_env are the same prefix";
    if (w->prefix_in_body && !w->prefix.n)
        return "mm7_use_namespace_in_body needs mm7_namespace";
    if (!w->schema.n || !w->version.n)
        return "mm7_xml_schema and mm7_version must not be empty";
    if (!is_login(login))
        return "http_basic_auth is not user:password, of 255 octets each";
    return NULL;
}

static const char *
mm7_server_fault(const struct mm7 *m, const struct impel_scope *scope)
{
    struct impel_str login = m->host->opt_str(scope, OPT_SERVER_LOGIN, 0);

    if (!is_login(login))
        return "mm7_server_login is not name:password, of 255 octets each";
    if (m->host->opt_str(scope, OPT_MMSC_NAME, 0).n > REPORTKEY_NAME)
        return "mm7_mmsc_name is longer than 64 octets";
    return NULL;
}

static int
mm7_check(void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    struct mm7 *m = ctx;
    struct submit_want want;
    const char *wrong = submit_wants(m, scope, NULL, &want);

    if (wrong) /* it speaks of messages */
        wrong = want.sender_address.n && !submit_is_xml(want.sender_address)
            ? "mm7_sender_address is no XML"
            : want.extended.n && !submit_is_xml(want.extended)
            ? "mm7_request_ie_extended is no XML"
            : "mm7_number_prefix is longer than 32 octets";
    else
        wrong = mm7_fault(&want, m->host->opt_str(scope, OPT_BASIC_AUTH, 0));
    if (!wrong)
        wrong = mm7_server_fault(m, scope);
    if (!wrong)
        return 0;
    return outcome_refuse(e, IMPEL_E_INVAL, "%s", wrong);
}

static void
mm7_unload(void *ctx)
{
    struct mm7 *m = ctx;

    digests_fini(&m->digests);
    taking_fini(&m->taking);
    explicit_bzero(m->secret, sizeof(m->secret));
    free(m);
}

static const char *const methods[] = {"MM7", NULL};
static const char *const schemes[] = {"mm7", NULL};
static const char *const listeners[] = {"MM7_Listener", NULL};

IMPEL_MODULE(mm7) = {
    IMPEL_MODULE_STAMP,
    .flags = IMPEL_MODULE_CONTAINER,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_MAX,
    .name = "mm7",
    .version = "0.1.0",
    .brief = "multimedia messages to and from an MMSC, by SOAP over HTTP (MM7)",
    .methods = methods,
    .schemes = schemes,
    .listeners = listeners,
    .options = mm7_options,
    .counters = mm7_counters,
    .load = mm7_load,
    .check = mm7_check,
    .unload = mm7_unload,
    .transport = &mm7_transport,
    .listener = &mm7_listener,
};
