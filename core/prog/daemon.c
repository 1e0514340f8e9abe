/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/libc.h"
#include "base/log.h"
#include "base/manager.h"
#include "base/xmem.h"
#include "ctl/agree.h"
#include "ctl/control.h"
#include "ctl/ctl_options.h"
#include "ctl/reload.h"
#include "intake/intake_options.h"
#include "loop/logfile.h"
#include "loop/timer.h"
#include "net/kept.h"
#include "prog/background.h"
#include "prog/declare.h"
#include "prog/folders.h"
#include "prog/loops.h"
#include "prog/memory.h"
#include "prog/pidfile.h"
#include "prog/privileges.h"
#include "prog/signals.h"
#include "prog/watchdog.h"
#include "queue/latedsn.h"
#include "queue/maillog.h"
#include "queue/maillog_options.h"
#include "queue/queue_options.h"
#include "route/route_options.h"
#include "route/sts.h"
#include "spool/spool_options.h"
#include "xport/hostapi.h"
#include "xport/hostfetch.h"
#include "xport/recall.h"
#include "xport/registry.h"
#include "xport/signing.h"
#include "xport/tracer.h"
#include "xport/xport_options.h"
#include "base/banned.h"

enum {
    HEARTBEAT_MS = 100, /* memory may grow by some MB in each */
    LOG_BEATS = 10,
    LIMIT_BEATS = 600,
    TRIM_BEATS = 100,
    SHORT_BEATS = 10, /* the same while memory is short */
    TRIM_CALM = 10,   /* records of the spool in a beat */
    TRIM_WORTH = 4 << 20
};

struct daemon {
    const struct daemon_config *config;
    struct generation *generation;
    struct privileges privileges;
    struct loops loops;
    struct spool *spool;
    struct dns *dns;
    struct fetcher *fetcher;
    struct sts *sts;
    struct scheduler *scheduler;
    struct intake *intake;
    struct control *control;
    struct control_process process;
    struct pool *helper;
    struct signals *signals;
    struct watchdog *watchdog;
    struct timer heartbeat;
    char *pidfile;
    int pidfile_fd;
    enum memory_level memory;
    uint64_t memory_limit;
    uint64_t trimmed; /* what the library had free then: given back */
    uint64_t worked;  /* records that the spool had written then */
    unsigned beats, ticks;
    bool stopping, queue_drained, intake_stopped;
};

/* --- configuration --- */

int
daemon_declare(const struct daemon_config *c, struct err *e)
{
    return declare_options(c->modules, e);
}

int
daemon_load(const struct daemon_config *c, struct generation **to)
{
    struct generation_load how = {
        .path = c->path, .strict = c->strict, .check = agree_check};
    struct conf_report *r = conf_report_new();
    struct buf text = BUF_INIT;
    struct err e;
    int rc = recall_load(&how, to, &r, &e);
    conf_report_print(r, &text);
    if (rc < 0 && conf_report_count(r, true) == 0)
        buf_printf(&text, "impeld: %s\n", e.text);
    if (text.n)
        (void)!write(STDERR_FILENO, text.p, text.n);
    buf_fini(&text);
    conf_report_free(&r);
    return rc;
}

void
daemon_unload(struct generation **g)
{
    generation_unref(g);
}

/* Debug_Flags { LEVEL = ( areas ) } */
static void
apply_debug_flags(const struct generation *g)
{
    const struct stanza *s =
        generation_stanza(g, SCOPE_DEBUG_FLAGS, NULL, NULL);
    static const int rows[] = {
        CTL_DEBUG, CTL_INFO, CTL_NOTICE, CTL_WARNING, CTL_ERROR, CTL_CRITICAL};
    for (size_t level = 0; level < ARRAY_SIZE(rows); level++) {
        uint32_t id = OPT(ctl_options, rows[level]), mask = 0;
        size_t n = s ? scope_count(stanza_scope(s), id) : 0;
        for (size_t i = 0; i < n; i++) {
            struct str area = scope_item(stanza_scope(s), id, i);
            int a = log_area_find(area);
            mask |= str_ieq(area, STR("ALL")) ? UINT32_MAX
                : a >= 0                      ? 1u << a
                                              : 0;
        }
        if (!s && level >= LOG_LEVEL_NOTICE)
            mask = UINT32_MAX; /* as the rows say */
        log_set_mask((enum log_level)level, mask);
    }
}

/* A duration, which is in ms, as DNS counts. */
static uint32_t
ttl_seconds(const struct scope *g, uint32_t option)
{
    int64_t s = scope_int(g, option) / 1000;
    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static void
dns_config_from(const struct scope *g, struct dns_config *to)
{
    struct str file = scope_str(g, OPT(route_options, ROUTE_RESOLV_CONF));
    *to = (struct dns_config){.resolv_conf = file.n ? file.p : NULL,
        .min_ttl = ttl_seconds(g, OPT(route_options, ROUTE_MIN_DNS_TTL)),
        .max_ttl = ttl_seconds(g, OPT(route_options, ROUTE_MAX_DNS_TTL)),
        .negative_ttl_max = 3600,
        .tlsa_ttl_max =
            ttl_seconds(g, OPT(route_options, ROUTE_TLSA_EXPIRE_INTERVAL)),
        .cache_size =
            (size_t)scope_int(g, OPT(route_options, ROUTE_DNS_CACHE_SIZE)),
        .mx_waiting_max = (size_t)scope_int(
            g, OPT(route_options, ROUTE_DNS_RATE_LIMIT_MAX_QUEUE))};
    to->trusted = scope_cidrs(
        g, OPT(route_options, ROUTE_DNS_TRUSTED_SERVERS), &to->trusted_count);
    if (scope_int(g, OPT(route_options, ROUTE_DNS_RATE_LIMIT_ENABLED)))
        to->mx_rate = (struct throttle_rate){
            .count = scope_int(
                g, OPT(route_options, ROUTE_DNS_RATE_LIMIT_MX_QUERIES)),
            .window_ms =
                scope_int(g, OPT(route_options, ROUTE_DNS_RATE_LIMIT_PERIOD))};
}

/* Mail is not to be sent where it would come in again. */
static void
tell_listeners(struct daemon *d)
{
    struct netaddr *at;
    size_t count = intake_addresses(d->intake, &at);
    scheduler_set_listeners(d->scheduler, at, count);
    free(at);
}

static void
adopt_fetcher(struct daemon *d)
{
    fetcher_set_ca(d->fetcher,
        scope_str(generation_global(d->generation),
            OPT(route_options, ROUTE_HTTPS_CA)));
}

static void
adopt_spool(struct daemon *d)
{
    spool_set_state_limit(d->spool,
        (uint64_t)scope_int(generation_global(d->generation),
            OPT(spool_options, SPOOL_MODULE_STATE_LIMIT)));
}

/* A new generation is in force: every layer follows. */
static void
adopt(void *arg, struct generation *g)
{
    struct daemon *d = arg;
    struct generation *before = d->generation;
    struct dns_config dns;
    struct err e;
    if (d->stopping) /* listeners would open again */
        return;
    d->generation = generation_ref(g);
    scheduler_prepare(d->scheduler, g);
    generation_publish(g);
    dns_config_from(generation_global(g), &dns);
    dns_reload(d->dns, &dns);
    adopt_fetcher(d);
    sts_adopt(d->sts, g);
    apply_debug_flags(g);
    d->beats = 0; /* the limit is looked up again */
    adopt_spool(d);
    registry_adopt(g);
    signing_adopt(g);
    if (maillog_open(g, &e) < 0)
        log_error(LOG_LOG1, "logs-refused", "reason=\"%s\"", e.text);
    scheduler_adopt(d->scheduler, g);
    if (intake_adopt(d->intake, g, &e) < 0)
        log_error(LOG_NET, "listeners-refused", "reason=\"%s\"", e.text);
    tell_listeners(d);
    control_adopt(d->control, g);
    generation_unref(&before);
}

static void
count_old_routes(void *arg, reload_old_f *told, void *told_arg)
{
    struct daemon *d = arg;
    if (d->stopping) /* nobody waits for jobs any more */
        told(told_arg, 0, true);
    else
        scheduler_count_old_routes(d->scheduler, told, told_arg);
}

static void
reload_asked(void *arg, struct str path,
    void (*done)(void *done_arg, bool ok, struct str text), void *done_arg)
{
    struct daemon *d = arg;
    char *z = path.n ? xdupn(path.p, path.n) : xdup(d->config->path);
    reload_start(d->helper, d->loops.scheduler, z, d->config->strict,
        &(struct reload_into){
            .arg = d, .adopt = adopt, .count = count_old_routes},
        done, done_arg);
    free(z);
}

static void
reload_by_signal_done(void *arg, bool ok, struct str text)
{
    (void)arg;
    log_notice(LOG_CONF, ok ? "sighup-reload" : "sighup-refused",
        "text=\"%.*s\"", STR_ARG(str_trim(text)));
}

static void
reopen_logs(void *arg)
{
    (void)arg;
    maillog_reopen();
    logfile_reopen_all();
}

/* --- stop --- */

/* Both ways have to be at rest: who is still sending us a message gets his
 * answer, even if nothing was on its way out. */
static void
stop_if_at_rest(struct daemon *d)
{
    if (d->queue_drained && d->intake_stopped)
        loop_stop(d->loops.scheduler);
}

static void
drained(void *arg)
{
    struct daemon *d = arg;
    log_notice(LOG_START, "queue-drained", "pid=%ld", (long)getpid());
    d->queue_drained = true;
    stop_if_at_rest(d);
}

static int64_t
shutdown_time(const struct daemon *d)
{
    return scope_int(
        generation_global(d->generation), OPT(ctl_options, CTL_SHUTDOWN_TIME));
}

static void
intake_stopped(void *arg)
{
    struct daemon *d = arg;
    log_info(LOG_START, "intake-stopped", "pid=%ld", (long)getpid());
    d->intake_stopped = true;
    stop_if_at_rest(d);
}

static void
stop(void *arg)
{
    struct daemon *d = arg;
    int64_t deadline = d->stopping ? 0 : shutdown_time(d);
    log_notice(LOG_START, "stop", "pid=%ld deadline_ms=%lld", (long)getpid(),
        (long long)deadline);
    manager_tell("STOPPING=1");
    intake_stop(d->intake, d->loops.scheduler, deadline, intake_stopped, d);
    d->stopping = true;
    scheduler_drain(d->scheduler, deadline, drained, d);
}

static void
on_signal(void *arg, int signo)
{
    struct daemon *d = arg;
    if (signo == SIGHUP)
        reload_asked(d, STR_NONE, reload_by_signal_done, d);
    else if (signo == SIGUSR1)
        reopen_logs(d);
    else
        stop(d);
}

/* What was freed is not in use, but the library keeps it.  It is given back
 * when there is little to do, or memory is short. */
static void
trim_memory(struct daemon *d, bool now)
{
    struct spool_stats st;
    spool_get_stats(d->spool, &st);
    uint64_t worked = st.accepted + st.finished + st.attempts;
    bool calm = worked - d->worked < TRIM_CALM;
    d->worked = worked;
    if (!now && d->beats % TRIM_BEATS == 0 && calm)
        now = libc_heap_free() > d->trimmed + TRIM_WORTH;
    if (!now)
        return;
    libc_trim_heap();
    d->trimmed = libc_heap_free();
}

/* Before the kernel ends us: memory_goal, memory_hwm. */
static void
watch_memory(struct daemon *d)
{
    static const char *const names[] = {"fine", "tight", "full"};
    const struct scope *g = generation_global(d->generation);
    uint64_t used = memory_used("/");
    if (d->beats++ % LIMIT_BEATS == 0)
        d->memory_limit = memory_limit_below("/",
            (uint64_t)scope_int(g, OPT(spool_options, SPOOL_MEMORY_LIMIT)));
    enum memory_level level = memory_judge(used, d->memory_limit,
        scope_int(g, OPT(spool_options, SPOOL_MEMORY_GOAL)),
        scope_int(g, OPT(spool_options, SPOOL_MEMORY_HWM)), d->memory);
    trim_memory(d,
        level != MEMORY_FINE &&
            (d->memory == MEMORY_FINE || d->beats % SHORT_BEATS == 0));
    scheduler_set_room(d->scheduler,
        memory_room(used, d->memory_limit,
            scope_int(g, OPT(spool_options, SPOOL_MEMORY_GOAL)),
            scheduler_read_bytes(d->scheduler)));
    if (level == d->memory)
        return;
    if (level > d->memory)
        log_warn(LOG_MEM, "memory-level", "level=%s used=%llu limit=%llu",
            names[level], (unsigned long long)used,
            (unsigned long long)d->memory_limit);
    else
        log_notice(LOG_MEM, "memory-level", "level=%s used=%llu limit=%llu",
            names[level], (unsigned long long)used,
            (unsigned long long)d->memory_limit);
    d->memory = level;
    scheduler_set_tight(d->scheduler, level != MEMORY_FINE);
    intake_refuse(d->intake,
        level == MEMORY_FULL ? "Not enough memory now, try later" : NULL);
}

static void
heartbeat(void *arg)
{
    struct daemon *d = arg;
    if (d->ticks++ % LOG_BEATS == 0)
        maillog_heartbeat();
    if (!d->stopping)
        watch_memory(d);
    timer_start(&d->heartbeat, HEARTBEAT_MS);
}

/* --- start --- */

static int
open_pidfile(struct daemon *d, struct err *e)
{
    struct str path = scope_str(
        generation_global(d->generation), OPT(ctl_options, CTL_PIDFILE));
    d->pidfile_fd = -1;
    if (!path.n)
        return 0;
    d->pidfile = xdupn(path.p, path.n);
    return pidfile_open(d->pidfile, &d->pidfile_fd, e);
}

static int
open_spool(struct daemon *d, struct err *e)
{
    struct spool_config c;
    struct err back;
    int rc = privileges_borrow(&d->privileges, e);
    if (rc < 0)
        return rc;
    spool_config_from(generation_global(d->generation), &c);
    rc = spool_open(&c, &d->spool, e);
    if (privileges_return(&d->privileges, rc < 0 ? &back : e) < 0 && rc == 0)
        rc = e->code;
    return rc;
}

static int
open_dns(struct daemon *d, struct err *e)
{
    struct dns_config c;
    dns_config_from(generation_global(d->generation), &c);
    d->dns = dns_new(d->loops.scheduler, &c, e);
    return d->dns ? 0 : e->code;
}

static int
open_fetcher(struct daemon *d, struct err *e)
{
    d->fetcher = fetcher_new(d->dns, d->loops.scheduler, NULL, e);
    if (!d->fetcher)
        return e->code;
    adopt_fetcher(d);
    hostfetch_set(d->fetcher);
    d->sts = sts_new(&(struct sts_config){.loop = d->loops.scheduler,
        .dns = d->dns,
        .fetcher = d->fetcher,
        .spool = d->spool});
    sts_adopt(d->sts, d->generation);
    return 0;
}

static void
remake(void *arg)
{
    struct daemon *d = arg;
    struct generation *g;
    struct err e;
    if (generation_again(d->generation, &g, &e) < 0) {
        log_error(LOG_CONF, "config-not-remade", "reason=\"%s\"", e.text);
        return;
    }
    adopt(d, g);
    generation_unref(&g);
}

static void
make_scheduler(struct daemon *d)
{
    struct scheduler_config s = {.loop = d->loops.scheduler,
        .io = d->loops.io + d->loops.delivery_at,
        .io_count = d->loops.delivery_count,
        .spool = d->spool,
        .dns = d->dns,
        .sts = d->sts,
        .fetcher = d->fetcher,
        .generation = d->generation,
        .remake = remake,
        .remake_arg = d};
    d->scheduler = scheduler_new(&s);
    late_set_taker(d->loops.scheduler, latedsn_take, d->scheduler);
}

static int
open_control(struct daemon *d, struct err *e)
{
    d->process = (struct control_process){.arg = d,
        .shutdown = stop,
        .reload = reload_asked,
        .adopt = adopt,
        .reopen_logs = reopen_logs};
    struct control_config c = {.loop = d->loops.scheduler,
        .io = d->loops.io,
        .io_count = d->loops.count,
        .scheduler = d->scheduler,
        .intake = d->intake,
        .spool = d->spool,
        .dns = d->dns,
        .sts = d->sts,
        .fetcher = d->fetcher,
        .generation = d->generation,
        .process = &d->process};
    return control_open(&c, &d->control, e);
}

/* What is done before the fork: an epoll of a loop would not survive it. */
static int
start_privileged(struct daemon *d, struct err *e)
{
    (void)privileges_raise_files();
    memory_init();
    int rc = privileges_read(d->generation, &d->privileges, e);
    if (rc == 0)
        rc = privileges_enter_root(&d->privileges, e);
    if (rc == 0)
        rc = folders_make(d->generation, &d->privileges, e);
    if (rc == 0)
        rc = open_pidfile(d, e);
    return rc;
}

static int
start_parts(struct daemon *d, struct err *e)
{
    int rc = loops_make(d->generation, &d->loops, e);
    if (rc == 0) {
        hostapi_set_loops(d->loops.io, d->loops.count);
        rc = open_spool(d, e);
    }
    if (rc == 0)
        rc = open_dns(d, e);
    if (rc == 0)
        rc = open_fetcher(d, e);
    if (rc < 0)
        return rc;
    adopt_spool(d);
    hostapi_set_spool(d->spool);
    make_scheduler(d);
    struct intake_config ic = {.io = d->loops.io,
        .pool = d->loops.pool,
        .io_count = d->loops.count,
        .spool = d->spool,
        .generation = d->generation};
    d->intake = intake_new(&ic);
    rc = intake_open(d->intake, e);
    tell_listeners(d);
    if (rc == 0)
        rc = open_control(d, e);
    return rc;
}

static int
start_threads(struct daemon *d, struct err *e)
{
    d->helper = pool_new("helper", 1, e);
    int rc = d->helper ? 0 : e->code;
    if (rc == 0)
        rc = signing_start(loops_processors(), e);
    if (rc == 0)
        rc = fetcher_start(d->fetcher, e);
    if (rc == 0)
        rc = spool_start(d->spool, scheduler_spool_events(d->scheduler), e);
    if (rc == 0)
        rc = loops_start(&d->loops, e);
    if (rc == 0) {
        d->signals = signals_start(d->loops.scheduler, on_signal, d, e);
        rc = d->signals ? 0 : e->code;
    }
    if (rc < 0)
        return rc;
    control_start(d->control);
    intake_start(d->intake);
    kept_drop_rest();
    d->watchdog =
        watchdog_start(d->loops.scheduler, d->loops.io, d->loops.count);
    timer_init(&d->heartbeat, d->loops.scheduler, heartbeat, d, "heartbeat");
    timer_start(&d->heartbeat, HEARTBEAT_MS);
    return 0;
}

static int
start(struct daemon *d, struct err *e)
{
    generation_publish(d->generation);
    apply_debug_flags(d->generation);
    registry_adopt(d->generation);
    signing_adopt(d->generation);
    int rc = start_privileged(d, e);
    if (rc == 0 && !d->config->foreground)
        rc = background_enter(e);
    if (rc == 0 && d->pidfile)
        rc = pidfile_write(d->pidfile_fd, d->pidfile, e);
    if (rc == 0)
        rc = logfile_start(e);
    if (rc == 0)
        rc = start_parts(d, e);
    if (rc == 0)
        rc = privileges_drop(&d->privileges, e);
    if (rc == 0)
        rc = maillog_open(d->generation, e);
    if (rc == 0)
        recall_note(d->generation);
    if (rc == 0)
        rc = start_threads(d, e);
    return rc;
}

static void
stop_parts(struct daemon *d)
{
    timer_stop(&d->heartbeat);
    signals_stop(&d->signals);
    if (d->control)
        control_close(&d->control);
    loops_stop(&d->loops);
    watchdog_free(&d->watchdog);
    signing_stop();
    fetcher_stop(d->fetcher);
    if (d->spool) {
        spool_close(&d->spool);
        loop_turn(d->loops.scheduler, 0); /* its last answers */
    }
    intake_free(&d->intake);
    if (d->scheduler)
        scheduler_free(&d->scheduler);
    sts_free(&d->sts);
    fetcher_free(&d->fetcher);
    if (d->dns)
        dns_free(&d->dns);
    if (d->helper)
        pool_free(&d->helper);
    registry_close();
    loops_free(&d->loops);
    tracer_remove_all();
    maillog_close();
    logfile_stop();
    pidfile_remove(d->pidfile, &d->pidfile_fd);
    privileges_fini(&d->privileges);
    free(d->pidfile);
    generation_publish(NULL);
    generation_unref(&d->generation);
}

int
daemon_run(const struct daemon_config *c, struct generation *g)
{
    struct daemon *d = xnew(struct daemon);
    struct err e;
    d->config = c;
    d->generation = generation_ref(g);
    signals_block();
    if (start(d, &e) < 0) {
        fprintf(stderr, "impeld: %s\n", e.text);
        log_crit(LOG_START, "start-failed", "reason=\"%s\"", e.text);
        background_failed();
        return 1; /* the system takes back what a half start holds */
    }
    log_notice(LOG_START, "start", "pid=%ld version=%s config=%s",
        (long)getpid(), PACKAGE_VERSION, c->path);
    background_ready();
    loop_run(d->loops.scheduler);
    stop_parts(d);
    free(d);
    return 0;
}
