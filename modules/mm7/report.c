/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - what an MMSC says of messages that it has taken before.
 *
 * It may say so before we have read that it has taken them, on another
 * connection: a report of what is not known is looked at again a little later.
 */
#include <string.h>

#include "reportkey.h"
#include "server.h"

enum { REPORT_AGAIN_MS = 1000, REPORT_DISK_MS = 20000 };

static void
report_count(struct server *s, int which)
{
    s->host->count(s->module->instance, (uint32_t)which, 1);
}

/* The message may have been forgotten by now, or never was ours. */
static void
report_strange(struct server *s)
{
    const struct call *c = &s->call;
    struct impel_pair pairs[] = {
        {line_str("message-id"), line_str(c->message_id)},
        {line_str("status"), line_str(c->status)},
        {line_str("words"), line_str(c->words)},
        {line_str("relay-server"), line_str(c->relay_server)}};

    s->host->event(s->module->instance, NULL,
        c->kind == CALL_REPORT ? "mm7-strange-report" : "mm7-strange-read", 4,
        pairs);
    report_count(s, COUNT_STRANGE_REPORTS);
    server_answer(s, CALL_NO_MESSAGE, "no report of that message is awaited");
}

void
report_bring(struct server *s)
{
    const struct call *c = &s->call;
    struct impel_pair info[] = {
        {line_str("mm7-message-id"), line_str(c->message_id)},
        {line_str("mm7-status"), line_str(c->status)},
        {line_str("mm7-date"), line_str(c->stamp)}};
    char words[CALL_WORDS], space[REPORTKEY];
    struct impel_result r = call_result(c, words);
    struct impel_str key = reportkey(
        s->host->opt_str(s->scope, OPT_MMSC_NAME, 0), c->message_id, space);
    int rc;

    r.info = info;
    r.info_count = 3;
    rc = key.p ? s->host->late(s->session, key, &r, ++s->ask) : IMPEL_E_INVAL;
    if (rc == 0) {
        s->host->timer(s->session, TIMER_WORK, REPORT_DISK_MS);
    } else if (rc != IMPEL_E_INVAL) {
        server_answer(s, CALL_SERVER_ERROR, "not now");
    } else if (s->waited) {
        report_strange(s);
    } else {
        s->waited = s->looking = true;
        s->host->timer(s->session, TIMER_WORK, REPORT_AGAIN_MS);
    }
}

void
report_woken(struct server *s, int64_t arg)
{
    if (arg != s->ask)
        return;
    report_count(s, s->call.kind == CALL_REPORT ? COUNT_REPORTS : COUNT_READS);
    server_answer(s, CALL_SUCCESS, NULL);
}

void
report_late(struct server *s)
{
    if (s->looking) {
        s->looking = false;
        report_bring(s);
        return;
    }
    s->ask++; /* an answer of the disk that still comes is nobody's */
    server_answer(s, CALL_SERVER_ERROR, "the report cannot be stored now");
}
