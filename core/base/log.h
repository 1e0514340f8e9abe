/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - what the daemon says of itself: one line, level, stable event name,
 * key=value (docs/events.md).
 *
 * The records of mails (mainlog and its kin) are not made here but in
 * queue/maillog.h.  Lines go to the sink in force; the default sink writes to
 * stderr.  Any thread.
 */
#ifndef IMPEL_LOG_H
#define IMPEL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/macros.h"
#include "base/str.h"

enum log_level { /* Momentum's, MC 3.18 */
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_CRITICAL
};
enum log_area { /* Momentum's subsystems; Debug_Flags switches them */
    LOG_TIME,
    LOG_FD,
    LOG_SMTP,
    LOG_LOG1,
    LOG_DNS,
    LOG_DNSDS,
    LOG_NET,
    LOG_SIG,
    LOG_MEM,
    LOG_DB,
    LOG_SSL,
    LOG_MOD,
    LOG_START,
    LOG_CONF,
    LOG_SPOOL,
    LOG_QUEUE,
    LOG_AREA_COUNT
};

/* Which areas are written at a level: a mask of 1 << area.  The default is
 * everything from NOTICE on. */
void log_set_mask(enum log_level level, uint32_t areas);
bool log_enabled(enum log_level level, enum log_area area);
/* The area of that name in any case, or -1. */
int log_area_find(struct str name);
const char *log_level_name(enum log_level level);

/* line: without time and LF.  Called by any thread, must not block long. */
typedef void log_sink_f(void *arg, enum log_level, int64_t wall, struct str);
void log_set_sink(log_sink_f *fn, void *arg); /* NULL: stderr */

/* log_write(LOG_LEVEL_INFO, LOG_NET, "listener-open", "addr=%s", a): the event
 * name, then the formatted pairs.  Control characters become '?'; in what is
 * put in, " and \ have a \ before them. */
void log_write(enum log_level level, enum log_area area, const char *event,
    const char *fmt, ...) ATTR_PRINTF(4, 5);
/* The same whatever the masks say: for what has a level of its own. */
void log_always(enum log_level level, const char *event, const char *fmt, ...)
    ATTR_PRINTF(3, 4);
void log_vwrite(enum log_level level, enum log_area area, const char *event,
    const char *fmt, va_list ap) ATTR_PRINTF(4, 0);

/* Pairs whose keys are not known here; values with blanks are quoted.  An empty
 * key: the value is pairs that are quoted as they have to be. */
struct log_pair {
    struct str key, value;
};
void log_pairs(enum log_level level, enum log_area area, const char *event,
    const struct log_pair *pair, size_t n);

#define log_debug(area, ...) log_write(LOG_LEVEL_DEBUG, area, __VA_ARGS__)
#define log_info(area, ...) log_write(LOG_LEVEL_INFO, area, __VA_ARGS__)
#define log_notice(area, ...) log_write(LOG_LEVEL_NOTICE, area, __VA_ARGS__)
#define log_warn(area, ...) log_write(LOG_LEVEL_WARNING, area, __VA_ARGS__)
#define log_error(area, ...) log_write(LOG_LEVEL_ERROR, area, __VA_ARGS__)
#define log_crit(area, ...) log_write(LOG_LEVEL_CRITICAL, area, __VA_ARGS__)

#endif
