/* SPDX-License-Identifier: Apache-2.0
 *
 * maillog.c - which logs there are, and what stands in them.
 *
 * A lock that records only read guards the list of logs; a record is formatted
 * once in memory of the thread and handed to the log writer.
 */
#include "queue/maillog.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xmem.h"
#include "loop/logfile.h"
#include "queue/choose.h"
#include "queue/logrecord.h"
#include "queue/maillog_options.h"
#include "spool/content.h"
#include "base/banned.h"

enum log_kind { LOG_MAIN, LOG_REJECT, LOG_PANIC, LOG_BOUNCE, LOG_JSON, KINDS };
static const int kind_options[KINDS] = {MAILLOG_MAINLOG, MAILLOG_REJECTLOG,
    MAILLOG_PANICLOG, MAILLOG_BOUNCELOG, MAILLOG_JSONLOG};
static const int mode_options[KINDS] = {MAILLOG_MAINLOG_MODE,
    MAILLOG_REJECTLOG_MODE, MAILLOG_PANICLOG_MODE, MAILLOG_BOUNCELOG_MODE,
    MAILLOG_JSONLOG_MODE};

enum { /* what a logger writes */
    WRITE_RECEPTIONS = 1,
    WRITE_DELIVERIES = 2,
    WRITE_TRANSIENT = 4,
    WRITE_PERMANENT = 8,
    WRITE_REJECTIONS = 16,
    WRITE_ERRORS = 32,
    WRITE_BOUNCES = 64,
    WRITE_REPORTED = 128
};
static const struct {
    int option;
    unsigned bit;
} write_options[] = {{MAILLOG_RECEPTIONS, WRITE_RECEPTIONS},
    {MAILLOG_DELIVERIES, WRITE_DELIVERIES},
    {MAILLOG_TRANSIENT_FAILURES, WRITE_TRANSIENT},
    {MAILLOG_PERMANENT_FAILURES, WRITE_PERMANENT},
    {MAILLOG_REJECTIONS, WRITE_REJECTIONS}, {MAILLOG_ERRORS, WRITE_ERRORS},
    {MAILLOG_INBAND_BOUNCES, WRITE_BOUNCES},
    {MAILLOG_OUTOFBAND_BOUNCES, WRITE_REPORTED}};

enum { LINE_ROOM = 255 }; /* what most lines have room in */

struct logger { /* one ec_logger or bounce_logger stanza */
    struct logger *next;
    struct logfile *file[KINDS];
    unsigned writes;
    bool bounces;               /* a bounce_logger */
    int64_t heartbeat, beat_at; /* ms; monotonic */
};
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct logger *loggers;
static bool hires;

/* --- opening --- */

static int64_t
logger_int(const struct scope *s, int row)
{
    return scope_int(s, OPT(maillog_options, row));
}

static int
logger_open_file(
    struct logger *l, const struct scope *s, enum log_kind kind, struct err *e)
{
    uint32_t id = OPT(maillog_options, kind_options[kind]);
    struct str path = scope_str(s, id);
    char *z;

    if (!path.n)
        return 0;
    if (str_starts(path, STR("file://")))
        path = str_from(path, 7);
    if (path.n && path.p[0] != '/' && str_find(path, STR("://"), 0) != SIZE_MAX)
        return err_set(e, ERR_CONF, "%s: only files are written, not %.*s",
            option_get(id)->name, STR_ARG(path));
    z = xdupn(path.p, path.n);
    l->file[kind] = logfile_open(z, (int)logger_int(s, mode_options[kind]), e);
    free(z);
    return l->file[kind] ? 0 : ERR_IO;
}

static void
logger_free(struct logger **lp)
{
    struct logger *l = *lp;

    *lp = NULL;
    for (int k = 0; k < KINDS; k++)
        if (l->file[k])
            logfile_close(&l->file[k]);
    free(l);
}

static int
logger_new(
    const struct stanza *st, bool bounces, struct logger **to, struct err *e)
{
    const struct scope *s = stanza_scope(st);
    struct logger *l = xnew(struct logger);

    l->bounces = bounces;
    for (size_t i = 0; i < ARRAY_SIZE(write_options); i++)
        if (logger_int(s, write_options[i].option))
            l->writes |= write_options[i].bit;
    l->heartbeat = logger_int(s, MAILLOG_HEARTBEAT);
    for (int k = 0; k < KINDS; k++) {
        if ((k == LOG_BOUNCE) != bounces && k != LOG_JSON)
            continue;
        if (logger_open_file(l, s, (enum log_kind)k, e) < 0) {
            int rc = err_prefix(e, "%.*s at %s:%d", STR_ARG(stanza_keyword(st)),
                stanza_file(st), stanza_line(st));

            logger_free(&l);
            return rc;
        }
    }
    *to = l;
    return 0;
}

static void
loggers_free(struct logger **list)
{
    while (*list) {
        struct logger *l = *list;

        *list = l->next;
        logger_free(&l);
    }
}

static void
maillog_sink(void *arg, enum log_level level, int64_t wall, struct str text)
{
    struct buf b = BUF_INIT;

    (void)arg;
    logrecord_time(&b, wall, false);
    buf_printf(&b, ":%s %.*s", log_level_name(level), STR_ARG(text));
    pthread_rwlock_rdlock(&lock);
    for (struct logger *l = loggers; l; l = l->next)
        if (l->file[LOG_PANIC] && (l->writes & WRITE_ERRORS))
            logfile_line(l->file[LOG_PANIC], buf_get(&b));
    pthread_rwlock_unlock(&lock);
    buf_fini(&b);
}

static bool
loggers_have(const struct logger *list, enum log_kind kind)
{
    for (; list; list = list->next)
        if (list->file[kind])
            return true;
    return false;
}

int
maillog_open(struct generation *g, struct err *e)
{
    static const uint32_t kinds[] = {SCOPE_EC_LOGGER, SCOPE_BOUNCE_LOGGER};
    struct logger *list = NULL, **end = &list, *was;
    int64_t fine = logger_int(generation_global(g), MAILLOG_HIRES_TIMESTAMP);
    bool panics;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct stanza *st = NULL;

        while ((st = generation_stanza(g, kinds[i], NULL, st)) != NULL) {
            if (logger_new(st, kinds[i] == SCOPE_BOUNCE_LOGGER, end, e) < 0) {
                loggers_free(&list);
                return e ? e->code : ERR_IO;
            }
            end = &(*end)->next;
        }
    }
    panics = loggers_have(list, LOG_PANIC);
    pthread_rwlock_wrlock(&lock);
    was = loggers;
    loggers = list;
    hires = fine != 0;
    pthread_rwlock_unlock(&lock);
    log_set_sink(panics ? maillog_sink : NULL, NULL);
    loggers_free(&was);
    return 0;
}

void
maillog_close(void)
{
    struct logger *was;

    log_set_sink(NULL, NULL);
    pthread_rwlock_wrlock(&lock);
    was = loggers;
    loggers = NULL;
    pthread_rwlock_unlock(&lock);
    loggers_free(&was);
}

void
maillog_reopen(void)
{
    logfile_reopen_all();
}

/* --- writing --- */

/* A line to each log of the kind whose logger writes such records. */
static void
maillog_write(struct buf *line, enum log_kind kind, unsigned what, bool bounces)
{
    for (struct logger *l = loggers; l; l = l->next)
        if (l->file[kind] && (l->writes & what) && l->bounces == bounces)
            logfile_line(l->file[kind], buf_get(line));
    buf_cut(line, 0);
}

static bool
maillog_has(enum log_kind kind, unsigned what, bool bounces)
{
    for (struct logger *l = loggers; l; l = l->next)
        if (l->file[kind] && (l->writes & what) && l->bounces == bounces)
            return true;
    return false;
}

void
maillog_reception(const struct message *m, struct generation *g)
{
    struct buf line = BUF_INIT;
    uint64_t size = 0;

    buf_reserve(&line, LINE_ROOM);
    if (m->content) {
        struct content_facts f;

        content_get_facts(m->content, &f);
        size = f.size;
    }
    pthread_rwlock_rdlock(&lock);
    for (uint32_t i = 0; i < m->env.rcpt_count; i++) {
        struct str binding =
            choose_binding(g, m->env.binding, m->id, m->env.rcpt[i].domain);
        struct str group = generation_binding_group(g, binding);

        if (maillog_has(LOG_MAIN, WRITE_RECEPTIONS, false)) {
            logrecord_reception(&line, hires, m, i, size, group, binding);
            maillog_write(&line, LOG_MAIN, WRITE_RECEPTIONS, false);
        }
        if (maillog_has(LOG_JSON, WRITE_RECEPTIONS, false)) {
            logrecord_json_reception(&line, m, i, size, group, binding);
            maillog_write(&line, LOG_JSON, WRITE_RECEPTIONS, false);
        }
    }
    pthread_rwlock_unlock(&lock);
    buf_fini(&line);
}

static void
maillog_outcome(char type, unsigned what, const struct maillog_outcome *o)
{
    static const unsigned main_or_bounce[] = {0, 1};
    char bounce = type == 'P' ? 'B' : 'T';
    unsigned also = type == 'P' ? WRITE_BOUNCES : what;
    struct buf line = BUF_INIT;

    pthread_rwlock_rdlock(&lock);
    if (maillog_has(LOG_MAIN, what, false)) {
        logrecord_outcome(&line, hires, type, o);
        maillog_write(&line, LOG_MAIN, what, false);
    }
    if (type != 'D' && !o->aside && maillog_has(LOG_BOUNCE, also, true)) {
        logrecord_bounce(&line, hires, bounce, o);
        maillog_write(&line, LOG_BOUNCE, also, true);
    }
    for (size_t i = 0; i < ARRAY_SIZE(main_or_bounce); i++) {
        unsigned bits = main_or_bounce[i] ? also : what;

        if ((i && (type == 'D' || o->aside)) ||
            !maillog_has(LOG_JSON, bits, i != 0))
            continue;
        logrecord_json_outcome(&line, type, o);
        maillog_write(&line, LOG_JSON, bits, i != 0);
    }
    pthread_rwlock_unlock(&lock);
    buf_fini(&line);
}

void
maillog_delivery(const struct maillog_outcome *o)
{
    maillog_outcome('D', WRITE_DELIVERIES, o);
}

void
maillog_transient(const struct maillog_outcome *o)
{
    maillog_outcome('T', WRITE_TRANSIENT, o);
}

void
maillog_permanent(const struct maillog_outcome *o)
{
    maillog_outcome('P', WRITE_PERMANENT, o);
}

void
maillog_reported(const struct maillog_report *r)
{
    struct buf line = BUF_INIT;

    pthread_rwlock_rdlock(&lock);
    for (struct logger *l = loggers; l; l = l->next) {
        if (!l->bounces || !(l->writes & WRITE_REPORTED) ||
            (r->delayed && !(l->writes & WRITE_TRANSIENT)))
            continue;
        if (l->file[LOG_BOUNCE]) {
            logrecord_reported(&line, hires, r);
            logfile_line(l->file[LOG_BOUNCE], buf_get(&line));
            buf_cut(&line, 0);
        }
        if (l->file[LOG_JSON]) {
            logrecord_json_reported(&line, r);
            logfile_line(l->file[LOG_JSON], buf_get(&line));
            buf_cut(&line, 0);
        }
    }
    pthread_rwlock_unlock(&lock);
    buf_fini(&line);
}

void
maillog_rejection(const struct maillog_rejection *r)
{
    struct buf line = BUF_INIT;

    pthread_rwlock_rdlock(&lock);
    if (maillog_has(LOG_REJECT, WRITE_REJECTIONS, false)) {
        logrecord_rejection(&line, hires, r);
        maillog_write(&line, LOG_REJECT, WRITE_REJECTIONS, false);
    }
    if (maillog_has(LOG_JSON, WRITE_REJECTIONS, false)) {
        logrecord_json_rejection(&line, r);
        maillog_write(&line, LOG_JSON, WRITE_REJECTIONS, false);
    }
    pthread_rwlock_unlock(&lock);
    buf_fini(&line);
}

static void
maillog_beat(struct logger *l)
{
    static const char *const marks[KINDS] = {[LOG_MAIN] = "@@@@M",
        [LOG_BOUNCE] = "@@@@M1",
        [LOG_REJECT] = ": Marker 1"};
    struct buf line = BUF_INIT;

    for (int k = 0; k < KINDS; k++) {
        if (!l->file[k] || !marks[k])
            continue;
        logrecord_time(&line, clock_wall(), hires);
        buf_cstr(&line, marks[k]);
        logfile_line(l->file[k], buf_get(&line));
        buf_cut(&line, 0);
    }
    buf_fini(&line);
}

void
maillog_heartbeat(void)
{
    int64_t now = clock_mono();

    pthread_rwlock_wrlock(&lock);
    for (struct logger *l = loggers; l; l = l->next) {
        if (l->heartbeat <= 0 || now < l->beat_at)
            continue;
        if (l->beat_at)
            maillog_beat(l);
        l->beat_at = now + l->heartbeat;
    }
    pthread_rwlock_unlock(&lock);
}
