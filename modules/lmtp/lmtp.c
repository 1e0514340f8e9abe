/* SPDX-License-Identifier: Apache-2.0
 *
 * lmtp.c - descriptor of the module: LMTP out and in (RFC 2033), with the
 * extensions of SMTP.  The dialogue is that of modules/lib.
 */
#include "dialogue.h"
#include "options.h"

static int
lmtp_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    return dialogue_load(host, instance, true, ctx, e);
}

static const char *const methods[] = {"LMTP", NULL};
static const char *const schemes[] = {"lmtp", NULL};
static const char *const listeners[] = {"LMTP_Listener", NULL};

IMPEL_MODULE(lmtp) = {
    IMPEL_MODULE_STAMP,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_MAX,
    .name = "lmtp",
    .version = "0.1.0",
    .brief = "LMTP in and out, with the extensions of SMTP",
    .methods = methods,
    .schemes = schemes,
    .listeners = listeners,
    .options = options_lmtp,
    .counters = dialogue_counters,
    .load = lmtp_load,
    .check = dialogue_check,
    .unload = dialogue_unload,
    .transport = &dialogue_transport,
    .listener = &dialogue_lmtp_listener,
};
