/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/reload.h"

#include <stdlib.h>
#include "base/log.h"
#include "base/xmem.h"
#include "xport/registry.h"
#include "base/banned.h"

struct reload {
    struct pool_job job;
    char *path;
    bool strict;
    reload_adopt_f *adopt;
    void *adopt_arg;
    reload_done_f *done;
    void *done_arg;
    struct generation *generation;
    struct conf_report *report;
    struct err error;
    int result;
};
static bool running; /* scheduler's thread */

static void
load(struct pool_job *j)
{
    struct reload *r = CONTAINER_OF(j, struct reload, job);
    struct generation_load how = {.path = r->path, .strict = r->strict};
    r->result = generation_load(&how, &r->generation, r->report, &r->error);
}

static void
finish(struct reload *r, bool ok)
{
    struct buf text = BUF_INIT;
    conf_report_print(r->report, &text);
    if (!ok)
        buf_printf(&text, "Reconfigure failed: %s\n", r->error.text);
    else
        buf_printf(&text, "Configuration generation %llu is in force\n",
            (unsigned long long)generation_number(r->generation));
    r->done(r->done_arg, ok, buf_get(&text));
    buf_fini(&text);
    if (r->generation)
        generation_unref(&r->generation);
    conf_report_free(&r->report);
    free(r->path);
    free(r);
    running = false;
}

static void
loaded(struct pool_job *j)
{
    struct reload *r = CONTAINER_OF(j, struct reload, job);
    if (r->result == 0) {
        r->result = registry_check(NULL, r->generation, r->report);
        if (r->result < 0)
            err_set(&r->error, r->result, "a module refused it");
    }
    if (r->result < 0) {
        log_error(LOG_CONF, "reload-refused", "file=%s reason=\"%s\"", r->path,
            r->error.text);
        finish(r, false);
        return;
    }
    generation_publish(r->generation);
    r->adopt(r->adopt_arg, r->generation);
    log_notice(LOG_CONF, "reload", "file=%s generation=%llu", r->path,
        (unsigned long long)generation_number(r->generation));
    finish(r, true);
}

void
reload_start(struct pool *helper, struct loop *scheduler, const char *path,
    bool strict, reload_adopt_f *adopt, void *adopt_arg, reload_done_f *done,
    void *done_arg)
{
    if (running) {
        done(done_arg, false, STR("A reload is running already\n"));
        return;
    }
    running = true;
    struct reload *r = xnew(struct reload);
    r->path = xdup(path);
    r->strict = strict;
    r->adopt = adopt;
    r->adopt_arg = adopt_arg;
    r->done = done;
    r->done_arg = done_arg;
    r->report = conf_report_new();
    pool_submit(helper, &r->job, loop_mailbox(scheduler), load, loaded);
}
