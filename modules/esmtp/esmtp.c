/* SPDX-License-Identifier: Apache-2.0
 *
 * esmtp.c - descriptor of the module: SMTP out and in (RFC 5321), with
 * PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, CHUNKING, STARTTLS, AUTH and
 * XCLIENT both ways.
 */
#include "dialogue.h"
#include "options.h"

static int
esmtp_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    return dialogue_load(host, instance, false, ctx, e);
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
    .options = options_esmtp,
    .counters = dialogue_counters,
    .load = esmtp_load,
    .check = dialogue_check,
    .unload = dialogue_unload,
    .transport = &dialogue_transport,
    .listener = &dialogue_listener,
};
