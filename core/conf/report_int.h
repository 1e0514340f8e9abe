/* SPDX-License-Identifier: Apache-2.0
 *
 * report_int.h - writing a report (generation.h has the reading half).
 *
 * One thread.  At most REPORT_MAX notes are kept; all are counted.
 */
#ifndef IMPEL_REPORT_INT_H
#define IMPEL_REPORT_INT_H

#include "conf/generation.h"

enum { REPORT_MAX = 1000 };
enum report_level {
    REPORT_NOTICE,  /* never more than that */
    REPORT_WARNING, /* an error when strict */
    REPORT_ERROR
};
struct report_at {
    const char *file;
    int line, column;
};

void conf_report_strict(struct conf_report *r, bool strict);
void conf_report_add(struct conf_report *r, enum report_level level,
    struct report_at at, const char *fmt, ...) ATTR_PRINTF(4, 5);
/* The first error as ERR_CONF, with how many follow; 0 without one. */
int conf_report_err(const struct conf_report *r, struct err *e);

#endif
