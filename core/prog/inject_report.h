/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_report.h - what `impel inject` says of what went wrong: some lines on
 * stderr, all of them in a file of failures.
 *
 * Names of files and words of servers are strangers': what steers a terminal,
 * ends a line or is no UTF-8 is shown as a question mark.
 */
#ifndef IMPEL_INJECT_REPORT_H
#define IMPEL_INJECT_REPORT_H

#include <stdio.h>

#include <impel/ecstream.h>

#include "base/buf.h"
#include "base/err.h"
#include "prog/impel_bar.h"

enum { INJECT_REPORT_MOST = 10 }; /* failures on stderr */

struct inject_report { /* zeroed at first */
    FILE *failures;    /* NULL: none */
    const char *path;
    unsigned said;
    struct impel_bar bar; /* cleared before a line */
};
/* Fit to be shown. */
void inject_report_clean(struct str text, struct buf *to);

/* The file is appended to.  path NULL: none. */
int inject_report_open(
    struct inject_report *r, const char *path, struct err *e);
/* ERR_IO: not all of it was written. */
int inject_report_close(struct inject_report *r, struct err *e);
/* A line on stderr, whatever there was before. */
void inject_report_say(struct inject_report *r, const char *text);
/* One failure: on stderr if few were there, and in the file.  rcpt and is are
 * empty if nobody was refused, but a message could not be sent. */
void inject_report_failure(struct inject_report *r, const char *name,
    const char *rcpt, const struct ecstream_result *is);

#endif
