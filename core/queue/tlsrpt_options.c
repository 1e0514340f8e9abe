/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsrpt_options.c - the rows of reports of TLS.
 */
#include "queue/tlsrpt_options.h"

#include "conf/checks.h"
#include "base/banned.h"

#define GLOBAL IMPEL_SCOPE_GLOBAL

/* It stands in JSON and in mail: printable, and no more than a line. */
static int
check_words(const struct option_value *v, struct err *e)
{
    for (size_t i = 0; i < v->text.n; i++)
        if (v->text.p[i] < ' ' || v->text.p[i] > '~')
            return err_set(
                e, ERR_CONF, "expected printable ASCII, without line ends");
    if (v->text.n > 200)
        return err_set(e, ERR_CONF, "expected at most 200 characters");
    return 0;
}

static const struct option rows[] = {
    [TLSRPT_REPORTS] = {.name = "tls_reports",
        .type = IMPEL_OPT_BOOL,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "false",
        .brief = "whether domains that ask for reports of TLS get them",
        .manual = "Counts how sessions with the hosts of a domain fare as to "
                  "TLS, if its record _smtp._tls asks for that (RFC 8460), and "
                  "reports it once a day, UTC. Sessions are counted where tls "
                  "is not no.",
        .since = "0.1"},
    [TLSRPT_ORGANIZATION] = {.name = "tls_report_organization",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "who sends reports of TLS, in words",
        .manual = "Unset: the domain of tls_report_from.",
        .since = "0.1",
        .check = check_words},
    [TLSRPT_CONTACT] = {.name = "tls_report_contact",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "whom those who get reports of TLS may ask",
        .manual = "An address, or whatever helps. Unset: tls_report_from.",
        .since = "0.1",
        .check = check_words},
    [TLSRPT_FROM] = {.name = "tls_report_from",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "address that reports of TLS come from",
        .manual = "Its domain is the submitter, and has to sign: without a "
                  "DKIM signature of it a report by mail counts for nothing. "
                  "Unset: tlsrpt at the hostname.",
        .since = "0.1",
        .check = check_mailbox},
    [TLSRPT_BINDING] = {.name = "tls_report_binding",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "binding through which reports of TLS are mailed",
        .manual = "Unset: as any mail that says nothing of bindings.",
        .since = "0.1"},
    [TLSRPT_WINDOW] = {.name = "tls_report_window",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "4h",
        .min = 0,
        .max = OPTION_SECONDS(20 * 3600),
        .brief = "time after midnight UTC over which reports of TLS are spread",
        .since = "0.1"},
};

struct option_set tlsrpt_options = OPTION_SET("tlsrpt", rows);
