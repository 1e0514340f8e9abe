/* SPDX-License-Identifier: Apache-2.0
 *
 * null.c - the smallest module: takes messages and discards, fails, delays or
 * keeps them, as its options say.  For tests, for sizing a machine, and as
 * the first module to read.
 *
 * The same source, built with NULL_ID=lmtp, stands in for the LMTP module in
 * tests of routing (tests/kit/standin); its options are then lmtp_action and
 * so on, and it dials first, so that the address chosen can be seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <impel/module.h>

#ifndef NULL_ID
#define NULL_ID null
#define NULL_METHOD "NULL"
#define NULL_DIAL "false"
#define NULL_PORT 25
#endif
#define NULL_TEXT2(x) #x
#define NULL_TEXT(x) NULL_TEXT2(x)
#define NULL_NAME NULL_TEXT(NULL_ID)
#define NULL_ENTRY(id) IMPEL_MODULE(id)

enum { OPT_ACTION, OPT_DELAY, OPT_DIAL, OPT_PORT, OPT_TEXT };
enum { ACT_DISCARD, ACT_FAIL, ACT_DELAY, ACT_HANG };
enum { COUNT_DISCARDED, COUNT_FAILED, COUNT_DELAYED };
enum { TIMER_ANSWER };

static const char *const actions[] = {"discard", "fail", "delay", "hang", NULL};

static const struct impel_option options[] = {
    [OPT_ACTION] = {.name = NULL_NAME "_action",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "discard",
        .choices = actions,
        .brief = "what becomes of a message",
        .manual = "discard reports each recipient as delivered, fail as "
                  "refused for good, delay as refused for now.  hang never "
                  "answers until the delivery is cancelled.",
        .since = "0.1"},
    [OPT_DELAY] = {.name = NULL_NAME "_delay",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "0",
        .min = 0,
        .max = 86400000,
        .brief = "how long to wait before answering",
        .manual = "Each message is answered this long after it was handed "
                  "over; 0 answers at once.",
        .since = "0.1"},
    [OPT_DIAL] = {.name = NULL_NAME "_dial",
        .type = IMPEL_OPT_BOOL,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = NULL_DIAL,
        .brief = "connect to the host before taking messages",
        .manual = "Nothing is said on the connection and what comes in is "
                  "ignored; a refused connection delays the mail as it "
                  "would with a real protocol.",
        .since = "0.1"},
    [OPT_PORT] = {.name = NULL_NAME "_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = NULL_TEXT(NULL_PORT),
        .min = 1,
        .max = 65535,
        .brief = "port to connect to where the route names none",
        .manual = "Read only where null_dial is on.",
        .since = "0.1"},
    [OPT_TEXT] = {.name = NULL_NAME "_text",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "the words of the answer",
        .manual = "Stands in place of a peer's reply in logs and bounces.",
        .since = "0.1"},
};

static const struct impel_counter counters[] = {
    [COUNT_DISCARDED] = {.name = "discarded",
        .brief = "recipients reported as delivered"},
    [COUNT_FAILED] = {.name = "failed", .brief = "recipients refused for good"},
    [COUNT_DELAYED] = {.name = "delayed",
        .brief = "recipients refused for now"},
};

struct null_module {
    const struct impel_host *host;
    struct impel_instance *instance;
};

struct null_session {
    struct null_module *module;
    struct impel_session *session;
    const struct impel_scope *scope;
    struct impel_batch *batch; /* in hand, or NULL */
    size_t rcpt_count;
};

static struct impel_str
null_str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

static struct impel_result
null_result(int32_t verdict, int32_t blame, int32_t stage, uint16_t code)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame = blame,
        .stage = stage,
        .code = code,
        .retry_after = -1};
    r.status[0] = code / 100;
    return r;
}

/* Report all recipients of the batch in hand; it is gone afterwards. */
static void
null_report(struct null_session *n, const struct impel_result *r)
{
    struct impel_batch *b = n->batch;

    n->batch = NULL;
    n->module->host->timer(n->session, TIMER_ANSWER, -1);
    n->module->host->rest_done(b, r);
}

static void
null_answer(struct null_session *n)
{
    const struct impel_host *host = n->module->host;
    struct impel_result r;
    uint32_t counter;

    switch (host->opt_int(n->scope, OPT_ACTION)) {
    case ACT_FAIL:
        r = null_result(IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550);
        r.text = null_str("refused by configuration");
        counter = COUNT_FAILED;
        break;
    case ACT_DELAY:
        r = null_result(IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 450);
        r.text = null_str("delayed by configuration");
        counter = COUNT_DELAYED;
        break;
    default:
        r = null_result(IMPEL_DELIVERED, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, 250);
        r.text = null_str("discarded");
        counter = COUNT_DISCARDED;
        break;
    }
    if (host->opt_is_set(n->scope, OPT_TEXT))
        r.text = host->opt_str(n->scope, OPT_TEXT, 0);
    host->count(n->module->instance, counter, (int64_t)n->rcpt_count);
    null_report(n, &r);
}

/* End the session; what is in hand goes back without an attempt. */
static void
null_end(struct null_session *n, const struct impel_result *why)
{
    struct impel_result untried =
        null_result(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_SENDER, 0);

    untried.text = null_str("session ended");
    if (n->batch)
        null_report(n, why ? why : &untried);
    n->module->host->closed(n->session, why);
}

static int
null_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **s,
    struct impel_error *e)
{
    struct null_module *m = ctx;
    struct null_session *n = calloc(1, sizeof(*n));
    struct impel_dial dial = {.size = sizeof(dial),
        .port = peer->port ? peer->port : NULL_PORT,
        .tls = IMPEL_TLS_NONE};
    int rc;

    if (!n) {
        e->code = IMPEL_E_NOMEM;
        snprintf(e->text, sizeof(e->text), "no memory for a session");
        return IMPEL_E_NOMEM;
    }
    n->module = m;
    n->session = session;
    n->scope = scope;
    if (m->host->opt_int(scope, OPT_DIAL)) {
        rc = m->host->dial(session, &dial, e);
        if (rc < 0) {
            free(n);
            return rc;
        }
    } else {
        m->host->ready(session, 1);
    }
    *s = n;
    return 0;
}

static void
null_lost(struct null_session *n)
{
    struct impel_result r =
        null_result(IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT, 0);

    r.text = null_str(n->batch ? "connection lost" : "no connection");
    if (n->batch) {
        r.blame = IMPEL_BLAME_SESSION;
        r.stage = IMPEL_AT_FINAL;
    }
    null_end(n, &r);
}

static void
null_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    struct null_session *n = s;
    const struct impel_host *host = n->module->host;

    (void)b;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        host->ready(n->session, 1);
        break;
    case IMPEL_EV_INPUT:
        host->consume(n->session, host->input(n->session).n);
        break;
    case IMPEL_EV_TIMER:
        if (arg == TIMER_ANSWER && n->batch)
            null_answer(n);
        break;
    case IMPEL_EV_LOST:
        null_lost(n);
        break;
    default: /* nothing else is asked for */
        break;
    }
}

static void
null_deliver(
    void *s, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct null_session *n = s;
    const struct impel_host *host = n->module->host;
    int64_t delay = host->opt_int(n->scope, OPT_DELAY);

    n->batch = b;
    n->rcpt_count = envelope->rcpt_count;
    if (host->opt_int(n->scope, OPT_ACTION) == ACT_HANG)
        return;
    if (delay > 0)
        host->timer(n->session, TIMER_ANSWER, delay);
    else
        null_answer(n);
}

static void
null_cancel(void *s, struct impel_batch *b)
{
    struct null_session *n = s;
    struct impel_result r =
        null_result(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_SENDER, 0);

    r.text = null_str("cancelled");
    if (n->batch == b)
        null_report(n, &r);
}

static void
null_probe(void *s)
{
    struct null_session *n = s;

    n->module->host->ready(n->session, 1);
}

static void
null_close(void *s, int now)
{
    (void)now; /* there is nobody to say goodbye to */
    null_end(s, NULL);
}

static void
null_release(void *s)
{
    free(s);
}

static int
null_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct null_module *m = calloc(1, sizeof(*m));

    if (!m) {
        e->code = IMPEL_E_NOMEM;
        snprintf(e->text, sizeof(e->text), "no memory");
        return IMPEL_E_NOMEM;
    }
    m->host = host;
    m->instance = instance;
    *ctx = m;
    return 0;
}

static void
null_unload(void *ctx)
{
    free(ctx);
}

static const struct impel_transport transport = {
    .size = sizeof(transport),
    .open = null_open,
    .event = null_event,
    .deliver = null_deliver,
    .cancel = null_cancel,
    .probe = null_probe,
    .close = null_close,
    .release = null_release,
};

static const char *const methods[] = {NULL_METHOD, NULL};

NULL_ENTRY(NULL_ID) = {
    IMPEL_MODULE_STAMP,
    .option_count = sizeof(options) / sizeof(options[0]),
    .counter_count = sizeof(counters) / sizeof(counters[0]),
    .name = NULL_NAME,
    .version = "0.1.0",
    .brief = "discards, fails, delays or keeps messages, for tests",
    .methods = methods,
    .options = options,
    .counters = counters,
    .load = null_load,
    .unload = null_unload,
    .transport = &transport,
};
