/* SPDX-License-Identifier: Apache-2.0
 *
 * server_reject.c - what the module itself refuses, told to the host as well:
 * its log of refusals would else have only those that it was asked about.
 */
#include "server.h"

#include "outcome.h"
#include "reply.h"

void
server_rejected(
    struct server *s, int stage, struct impel_str rcpt, const char *line)
{
    const struct impel_intake *intake = s->host->intake;
    struct impel_result r;
    uint16_t status[3];
    size_t n;

    r = outcome_internal(line[0] == '4' ? IMPEL_RETRY : IMPEL_FAILED,
        IMPEL_BLAME_SESSION, stage, line);
    r.text = (struct impel_str){r.text.p + 4, r.text.n - 4};
    n = reply_status(r.text, status);
    while (n < r.text.n && r.text.p[n] == ' ')
        n++;
    r.text = (struct impel_str){r.text.p + n, r.text.n - n};
    intake->refused(s->session, rcpt, &r);
}

void
server_turn_out(struct server *s, const char *line)
{
    server_rejected(s, s->stage, line_str(""), line);
    server_bye(s, line);
}
