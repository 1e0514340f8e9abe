/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream.c - descriptor of the module, its options and counters.
 */
#include "ecstream.h"

#include <stdlib.h>
#include <string.h>

#include "optionrow.h"

static const struct impel_option ecstream_options[OPT_ROWS] = {
    [OPT_CONNECT_TIMEOUT] = IMPORT("connect_timeout"),
    [OPT_TLS] = IMPORT("tls"),
    [OPT_MAX_MESSAGE_SIZE] = IMPORT("max_message_size"),
    [OPT_MAX_RECIPIENTS] = IMPORT("max_recipients_per_message"),
    [OPT_BANNER_HOSTNAME] = IMPORT("banner_hostname"),
    [OPT_PORT] = {.name = "ecstream_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "1825",
        .min = 1,
        .max = 65535,
        .brief = "port of a gateway that is spoken to in ECSTREAM",
        .manual = "A port written with the gateway beats it.",
        .since = "0.1"},
    [OPT_TIMEOUT] = {.name = "ecstream_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "300",
        .min = 1000,
        .max = DAY_MS,
        .brief = "how long to wait for a server's answer",
        .manual = "Counted from the moment something is waited for: the "
                  "handshake, or what became of a message that was sent whole. "
                  "What was sent and not answered is sent again on another "
                  "connection; the server knows what it has.",
        .since = "0.1"},
    [OPT_CONTEXT] = {.name = "ecstream_context",
        .type = IMPEL_OPT_LIST,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .brief = "names of context values that go with a message",
        .manual = "Values that a message has under these names are passed on, "
                  "and under the name binding that of the binding it was "
                  "assigned; the receiving node keeps them with the message, "
                  "or takes the binding, if this one is in its "
                  "trusted_peers.",
        .since = "0.1"},
    [OPT_IDLE_TIME] = {.name = "ecstream_idle_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = INBOUND,
        .initial = "300",
        .min = 1000,
        .max = DAY_MS,
        .brief = "how long a client may say nothing",
        .manual = "A connection without a message under way ends after that, "
                  "and so does one that has left a message half sent.",
        .since = "0.1"},
    [OPT_MAX_BATCH_SIZE] = {.name = "ecstream_max_batch_size",
        .type = IMPEL_OPT_INT,
        .scopes = INBOUND,
        .initial = "10000",
        .min = 1,
        .max = 1000000,
        .brief = "messages a client may have sent and not confirmed",
        .manual = "The window of messages: of each of them the key is kept in "
                  "memory and on disk until the client confirms that it has "
                  "the answer, so that it is known when it is sent again.",
        .since = "0.1"},
    [OPT_WINDOW] = {.name = "ecstream_window",
        .type = IMPEL_OPT_SIZE,
        .scopes = INBOUND,
        .initial = "16777216",
        .min = 65536,
        .max = (int64_t)1 << 32,
        .brief = "octets of messages a client may have sent without an answer",
        .manual = "A message larger than this may be sent alone.",
        .since = "0.1"},
    [OPT_RESEND_TIME] = {.name = "ecstream_resend_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = INBOUND,
        .initial = "86400",
        .min = 60000,
        .max = 30 * DAY_MS,
        .brief = "how long a message that was not confirmed is known again",
        .manual = "A client whose connection broke sends again what it has no "
                  "answer for; each recipient that was taken is not taken "
                  "twice. After this time it would be.",
        .since = "0.1"},
};

static const struct impel_counter ecstream_counters[COUNT_MAX] = {
    [COUNT_KNOWN] = {.name = "known",
        .brief = "Messages sent again that were here already"},
    [COUNT_PROTOCOL_ERRORS] = {.name = "protocol_errors",
        .brief = "Connections, both ways, ended by a frame that was wrong"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Connections, both ways, ended by a time limit"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "Messages sent whole whose answer was never read"},
};

static int
ecstream_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct ecstream *m = calloc(1, sizeof(*m));

    if (!m || pthread_mutex_init(&m->flying.lock, NULL) != 0) {
        free(m);
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    m->host = host;
    m->instance = instance;
    *ctx = m;
    return 0;
}

static void
ecstream_unload(void *ctx)
{
    struct ecstream *m = ctx;

    flying_fini(&m->flying);
    free(m);
}

static const char *const methods[] = {"ECSTREAM", NULL};
static const char *const schemes[] = {"ecstream", NULL};
static const char *const listeners[] = {"ECStream_Listener", NULL};

IMPEL_MODULE(ecstream) = {
    IMPEL_MODULE_STAMP,
    .flags = IMPEL_MODULE_CONTAINER,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_MAX,
    .name = "ecstream",
    .version = "0.1.0",
    .brief = "ECSTREAM in and out: many messages on one connection, each once",
    .methods = methods,
    .schemes = schemes,
    .listeners = listeners,
    .options = ecstream_options,
    .counters = ecstream_counters,
    .load = ecstream_load,
    .unload = ecstream_unload,
    .transport = &ecstream_transport,
    .listener = &ecstream_listener,
};
