/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/reload.h"

#include <stdlib.h>
#include "base/list.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/agree.h"
#include "xport/recall.h"
#include "xport/registry.h"
#include "base/banned.h"

enum { RELOADS_WAITING = 8 };

struct reload {
    struct pool_job job;
    struct list node; /* of those that wait */
    struct pool *helper;
    struct loop *scheduler;
    char *path;
    bool strict;
    struct reload_into into;
    reload_done_f *done;
    void *done_arg;
    struct generation *generation;
    struct conf_report *report;
    struct err error;
    int result;
    uint64_t old; /* domains with older routes */
    bool partly;  /* not all were asked */
};
/* One at a time.  What was edited after one had read its file counts, too, so
 * who asks meanwhile has his turn after it.  Scheduler's thread. */
static struct {
    bool running;
    size_t waiting;
    struct list list;
} all;

static void reload_begin(struct reload *r);

static void
load(struct pool_job *j)
{
    struct reload *r = CONTAINER_OF(j, struct reload, job);
    struct generation_load how = {
        .path = r->path, .strict = r->strict, .check = agree_outside};
    r->result = recall_load(&how, &r->generation, &r->report, &r->error);
    if (r->result == 0)
        recall_note(r->generation);
}

static void
print_old(const struct reload *r, struct buf *to)
{
    if (r->partly)
        buf_cstr(to, "At least ");
    if (!r->old && !r->partly)
        buf_cstr(to, "No domain keeps routes of an older configuration\n");
    else
        buf_printf(to,
            "%llu domain%s until their TTL ends (refresh domain all changes "
            "them at once)\n",
            (unsigned long long)r->old,
            r->old == 1 ? " keeps its older routes" : "s keep older routes");
}

static void
finish(struct reload *r, bool ok)
{
    struct buf text = BUF_INIT;
    conf_report_print(r->report, &text);
    if (!ok)
        buf_printf(&text, "Reconfigure failed: %s\n", r->error.text);
    else {
        buf_printf(&text, "Configuration generation %llu is in force\n",
            (unsigned long long)generation_number(r->generation));
        print_old(r, &text);
    }
    r->done(r->done_arg, ok, buf_get(&text));
    buf_fini(&text);
    if (r->generation)
        generation_unref(&r->generation);
    conf_report_free(&r->report);
    free(r->path);
    free(r);
    all.running = false;
    if (all.waiting) {
        all.waiting--;
        reload_begin(LIST_ENTRY(list_take(&all.list), struct reload, node));
    }
}

static void
counted(void *arg, uint64_t count, bool partly)
{
    struct reload *r = arg;
    r->old = count;
    r->partly = partly;
    finish(r, true);
}

static const char *
why(const struct conf_report *r)
{
    for (size_t i = 0; i < conf_report_count(r, false); i++)
        if (conf_report_note(r, i)->error)
            return conf_report_note(r, i)->text;
    return "it was refused";
}

static void
loaded(struct pool_job *j)
{
    struct reload *r = CONTAINER_OF(j, struct reload, job);
    if (r->result == 0) {
        r->result = registry_check(NULL, r->generation, r->report);
        if (r->result < 0)
            err_set(&r->error, r->result, "%s", why(r->report));
    }
    if (r->result < 0) {
        log_error(LOG_CONF, "reload-refused", "file=%s reason=\"%s\"", r->path,
            r->error.text);
        finish(r, false);
        return;
    }
    r->into.adopt(r->into.arg, r->generation);
    log_notice(LOG_CONF, "reload", "file=%s generation=%llu", r->path,
        (unsigned long long)generation_number(r->generation));
    r->into.count(r->into.arg, counted, r);
}

static void
reload_begin(struct reload *r)
{
    all.running = true;
    registry_again(); /* before the file is read: it may name what has come */
    pool_submit(r->helper, &r->job, loop_mailbox(r->scheduler), load, loaded);
}

void
reload_start(struct pool *helper, struct loop *scheduler, const char *path,
    bool strict, const struct reload_into *into, reload_done_f *done,
    void *done_arg)
{
    if (all.waiting == RELOADS_WAITING) {
        done(done_arg, false, STR("Too many reloads are waiting already\n"));
        return;
    }
    struct reload *r = xnew(struct reload);
    r->helper = helper;
    r->scheduler = scheduler;
    r->path = xdup(path);
    r->strict = strict;
    r->into = *into;
    r->done = done;
    r->done_arg = done_arg;
    r->report = conf_report_new();
    if (!all.list.next)
        list_init(&all.list);
    if (all.running) {
        list_push(&all.list, &r->node);
        all.waiting++;
    } else {
        reload_begin(r);
    }
}
