/* SPDX-License-Identifier: Apache-2.0
 *
 * esmtp.c - descriptor of the module: SMTP out and in (RFC 5321), with
 * PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, CHUNKING and XCLIENT both ways.
 */
#include "dialogue.h"

#include <stdio.h>
#include <stdlib.h>

#include "options.h"

static const struct impel_counter counters[COUNT_MAX] = {
    [COUNT_HELO_FALLBACKS] = {.name = "helo_fallbacks",
        .brief = "Hosts that refused EHLO and were greeted with HELO"},
    [COUNT_PROTOCOL_ERRORS] = {.name = "protocol_errors",
        .brief = "Sessions ended because of a reply that made no sense"},
    [COUNT_UNCERTAIN] = {.name = "uncertain",
        .brief = "Messages sent whole whose last reply was never read"},
    [COUNT_BARE_NEWLINES] = {.name = "bare_newlines",
        .brief = "Messages refused because of a CR or LF that stood alone"},
    [COUNT_BAD_COMMANDS] = {.name = "bad_commands",
        .brief = "Commands of peers that were wrong in syntax or order"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Sessions, both ways, ended by a time limit"},
};

static int
esmtp_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct dialogue *module = calloc(1, sizeof(*module));

    if (!module) {
        e->code = IMPEL_E_NOMEM;
        snprintf(e->text, sizeof(e->text), "no memory");
        return IMPEL_E_NOMEM;
    }
    module->host = host;
    module->instance = instance;
    *ctx = module;
    return 0;
}

static int
esmtp_check(void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    return options_check(ctx, scope, e);
}

static void
esmtp_unload(void *ctx)
{
    free(ctx);
}

static const char *const methods[] = {"ESMTP", "SMTP", NULL};
static const char *const schemes[] = {"smtp", NULL};
static const char *const listeners[] = {"ESMTP_Listener", NULL};

IMPEL_MODULE(esmtp) = {
    IMPEL_MODULE_STAMP,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_MAX,
    .name = "esmtp",
    .version = "0.1.0",
    .brief = "SMTP in and out, with its extensions",
    .methods = methods,
    .schemes = schemes,
    .listeners = listeners,
    .options = options_rows,
    .counters = counters,
    .load = esmtp_load,
    .check = esmtp_check,
    .unload = esmtp_unload,
    .transport = &dialogue_transport,
    .listener = &dialogue_listener,
};
