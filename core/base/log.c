/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/banned.h"

enum { LOG_LEVEL_COUNT = LOG_LEVEL_CRITICAL + 1, LOG_LINE_MAX = 8192 };

static const char *const log_levels[LOG_LEVEL_COUNT] = {
    "debug", "info", "notice", "warning", "error", "critical"};
static const char *const log_areas[LOG_AREA_COUNT] = {"time", "fd", "smtp",
    "log1", "dns", "dnsds", "net", "sig", "mem", "db", "ssl", "mod", "start",
    "conf", "spool", "queue"};

static _Atomic uint32_t log_masks[LOG_LEVEL_COUNT] = {
    0, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};

/* Held for reading while a sink runs, so that log_set_sink() returns only when
 * nobody is in the former one. */
static pthread_rwlock_t log_lock = PTHREAD_RWLOCK_INITIALIZER;
static log_sink_f *log_sink;
static void *log_sink_arg;

void
log_set_mask(enum log_level level, uint32_t areas)
{
    BUG_ON((unsigned)level >= LOG_LEVEL_COUNT);
    atomic_store(&log_masks[level], areas);
}

bool
log_enabled(enum log_level level, enum log_area area)
{
    BUG_ON((unsigned)level >= LOG_LEVEL_COUNT);
    BUG_ON((unsigned)area >= LOG_AREA_COUNT);
    return atomic_load_explicit(&log_masks[level], memory_order_relaxed) >>
        area &
        1;
}

int
log_area_find(struct str name)
{
    for (int i = 0; i < LOG_AREA_COUNT; i++)
        if (str_ieq(name, str_of(log_areas[i])))
            return i;
    return -1;
}

const char *
log_level_name(enum log_level level)
{
    BUG_ON((unsigned)level >= LOG_LEVEL_COUNT);
    return log_levels[level];
}

void
log_set_sink(log_sink_f *fn, void *arg)
{
    (void)pthread_rwlock_wrlock(&log_lock); /* fails only by a bug */
    log_sink = fn;
    log_sink_arg = arg;
    (void)pthread_rwlock_unlock(&log_lock);
}

static void
log_to_stderr(enum log_level level, int64_t wall, struct str line)
{
    struct buf b = BUF_INIT;

    clock_print_iso(&b, wall);
    buf_printf(&b, " %s ", log_levels[level]);
    buf_str(&b, line);
    buf_char(&b, '\n');
    if (write(STDERR_FILENO, b.p, b.n) < 0) {
        /* There is nobody else to tell. */
    }
    buf_fini(&b);
}

/* What stands for a quotation mark of ours until all is formatted: nobody
 * outside can guess it. */
static char log_quote[20];
static pthread_once_t log_quote_once = PTHREAD_ONCE_INIT;

static void
log_quote_make(void)
{
    uint64_t chance;

    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
        chance = (uint64_t)clock_mono() ^ (uint64_t)(uintptr_t)&chance;
    (void)snprintf(log_quote, sizeof(log_quote), "\1%016" PRIx64 "\1", chance);
}

static void ATTR_PRINTF(2, 0)
    log_format(struct buf *to, const char *fmt, va_list ap)
{
    struct buf ours = BUF_INIT;

    (void)pthread_once(&log_quote_once, log_quote_make);
    for (const char *p = fmt; *p; p++)
        if (*p == '"')
            buf_cstr(&ours, log_quote);
        else
            buf_char(&ours, *p);
/* A literal, but for its quotation marks. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buf_vprintf(to, ours.p ? ours.p : "", ap);
#pragma GCC diagnostic pop
    buf_fini(&ours);
}

static char
log_shown(char c)
{
    return (unsigned char)c < 32 || c == 127 ? '?' : c;
}

/* A peer's words must not forge a line or a value, nor move a terminal's
 * cursor. */
static void
log_put(struct buf *to, char c)
{
    if (c == '"' || c == '\\')
        buf_char(to, '\\');
    buf_char(to, log_shown(c));
}

static void
log_clean(const struct buf *from, struct buf *to)
{
    const size_t n = strlen(log_quote);

    for (size_t i = 0; i < from->n && to->n < LOG_LINE_MAX; i++) {
        if (from->p[i] == '\1' && from->n - i >= n &&
            memcmp(from->p + i, log_quote, n) == 0) {
            buf_char(to, '"');
            i += n - 1;
        } else {
            log_put(to, from->p[i]);
        }
    }
}

static void
log_send(enum log_level level, struct buf *line)
{
    int64_t wall = clock_wall();

    buf_cut(line, LOG_LINE_MAX);
    (void)pthread_rwlock_rdlock(&log_lock); /* fails only by a bug */
    if (log_sink)
        log_sink(log_sink_arg, level, wall, str_trim(buf_get(line)));
    else
        log_to_stderr(level, wall, str_trim(buf_get(line)));
    (void)pthread_rwlock_unlock(&log_lock);
}

static void ATTR_PRINTF(3, 0) log_line(
    enum log_level level, const char *event, const char *fmt, va_list ap)
{
    struct buf text = BUF_INIT, b = BUF_INIT;

    log_format(&text, fmt, ap);
    buf_cstr(&b, event);
    buf_char(&b, ' ');
    log_clean(&text, &b);
    buf_fini(&text);
    log_send(level, &b);
    buf_fini(&b);
}

static void
log_value(struct buf *to, struct str v)
{
    bool quoted = v.n == 0;

    for (size_t i = 0; i < v.n; i++)
        quoted |= v.p[i] == ' ' || v.p[i] == '"' || v.p[i] == '=';
    if (quoted)
        buf_char(to, '"');
    for (size_t i = 0; i < v.n; i++)
        log_put(to, v.p[i]);
    if (quoted)
        buf_char(to, '"');
}

static void
log_clear(struct buf *to, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_char(to, log_shown(s.p[i]));
}

static void
log_pair(struct buf *to, const struct log_pair *p)
{
    for (size_t i = 0; i < p->key.n; i++)
        log_put(to, p->key.p[i] == ' ' ? '?' : p->key.p[i]);
    if (p->key.n) {
        buf_char(to, '=');
        log_value(to, p->value);
    } else {
        log_clear(to, p->value);
    }
}

void
log_pairs(enum log_level level, enum log_area area, const char *event,
    const struct log_pair *pair, size_t n)
{
    struct buf b = BUF_INIT;

    if (!log_enabled(level, area))
        return;
    buf_cstr(&b, event);
    for (size_t i = 0; i < n && b.n < LOG_LINE_MAX; i++) {
        buf_char(&b, ' ');
        log_pair(&b, &pair[i]);
    }
    log_send(level, &b);
    buf_fini(&b);
}

void
log_vwrite(enum log_level level, enum log_area area, const char *event,
    const char *fmt, va_list ap)
{
    if (log_enabled(level, area))
        log_line(level, event, fmt, ap);
}

void
log_always(enum log_level level, const char *event, const char *fmt, ...)
{
    va_list ap;

    BUG_ON((unsigned)level >= LOG_LEVEL_COUNT);
    va_start(ap, fmt);
    log_line(level, event, fmt, ap);
    va_end(ap);
}

void
log_write(enum log_level level, enum log_area area, const char *event,
    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vwrite(level, area, event, fmt, ap);
    va_end(ap);
}
