/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_tlsrpt.c - tls_report: what was counted for reports of TLS.
 */
#include "ctl/commands_int.h"

#include "queue/tlsrpt.h"
#include "base/banned.h"

void
command_tls_report_list(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;

    if (!commands_args(c, at, 0, 0))
        return;
    tlsrpt_print_list(scheduler_tlsrpt(c->on->scheduler), c->json, &out);
    commands_take(c, &out);
}

void
command_tls_report_show(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    struct err e = {0};

    if (!commands_args(c, at, 1, 1))
        return;
    if (tlsrpt_print(
            scheduler_tlsrpt(c->on->scheduler), c->words[at], &out, &e) < 0)
        commands_fail(c, "%s", e.text);
    else
        commands_take(c, &out);
    buf_fini(&out);
}

void
command_tls_report_send(struct command_call *c, size_t at)
{
    struct err e = {0};
    int n;

    if (!commands_args(c, at, 1, 1))
        return;
    n = tlsrpt_send(scheduler_tlsrpt(c->on->scheduler), c->words[at], &e);
    if (n < 0)
        commands_fail(c, "%s", e.text);
    else
        commands_say(c, "%d report%s of %.*s on the way", n, n == 1 ? "" : "s",
            STR_ARG(c->words[at]));
}
