/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_process.c - commands about the daemon as a whole: numbers, sessions,
 * modules, jobs, its end.
 */
#include "ctl/commands_int.h"

#include <stdlib.h>
#include <unistd.h>
#include "base/cidr.h"
#include "base/xmem.h"
#include "ctl/jsontext.h"
#include "ctl/metrics.h"
#include "loop/job.h"
#include "xport/registry.h"
#include "xport/session.h"
#include "base/banned.h"

void
command_summary(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 0))
        return;
    metrics_summary(c->on, c->json, &out);
    commands_take(c, &out);
}

void
command_summary_reset(struct command_call *c, size_t at)
{
    if (!commands_args(c, at, 0, 0))
        return;
    metrics_reset(c->on);
    commands_say(c, "statistics cleared.");
}

void
command_metrics(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 0))
        return;
    metrics_print(c->on, &out);
    commands_take(c, &out);
}

void
command_health(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 0))
        return;
    c->status = metrics_health(c->on, c->json, &out);
    commands_take(c, &out);
}

void
command_dns_cache_stats(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 0))
        return;
    metrics_dns(c->on, c->json, &out);
    commands_take(c, &out);
}

void
command_listeners(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 0))
        return;
    intake_print_listeners(c->on->intake, c->json, &out);
    commands_take(c, &out);
}

void
command_module_list(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 0))
        return;
    registry_print(&out, c->json);
    commands_take(c, &out);
}

/* --- show inbound, show outbound: each loop prints its own --- */

struct show {
    struct command_call *call;
    struct buf text;
    unsigned left;
};

static json_t *
lines_to_json(struct str text)
{
    json_t *list = json_array();
    while (text.n) {
        struct str line = str_cut(&text, '\n');
        if (line.n)
            json_array_append_new(list, jsontext_value(line));
    }
    return json_pack("{so}", "sessions", list);
}

static void
show_arrived(void *arg, struct buf *text)
{
    struct show *s = arg;
    buf_str(&s->text, buf_get(text));
    if (--s->left > 0)
        return;
    if (s->call->json) {
        json_t *doc = lines_to_json(buf_get(&s->text));
        buf_cut(&s->text, 0);
        jsontext_take(&s->text, doc);
    }
    commands_take(s->call, &s->text);
    free(s);
}

static void
show(struct command_call *c, size_t at, bool inbound)
{
    if (!commands_args(c, at, 0, 0))
        return;
    const struct control_config *on = c->on;
    struct show *s = xnew(struct show);
    s->call = c;
    s->left = on->io_count;
    for (unsigned i = 0; i < on->io_count; i++)
        session_list(
            on->io[i], inbound, loop_mailbox(on->loop), show_arrived, s);
}

void
command_show_inbound(struct command_call *c, size_t at)
{
    show(c, at, true);
}

void
command_show_outbound(struct command_call *c, size_t at)
{
    show(c, at, false);
}

/* "outbound" or "outbound/BINDING"; false: neither. */
static bool
count_what(struct str word, struct str *binding)
{
    struct str what = str_cut(&word, '/');

    *binding = word;
    return str_ieq(what, STR("outbound"));
}

void
command_count(struct command_call *c, size_t at)
{
    struct str binding;
    struct cidr net = {.family = 0};
    struct buf out = BUF_INIT;
    struct scheduler_count n;
    struct err e;

    if (!commands_args(c, at, 1, 2))
        return;
    if (!count_what(c->words[at], &binding)) {
        commands_usage(c, at);
        return;
    }
    if (at + 1 < c->word_count &&
        cidr_parse(c->words[at + 1], CIDR_PREFIX | CIDR_BRACKETS, &net, &e)) {
        commands_fail(c, "%s", e.text);
        return;
    }
    n = scheduler_count_outbound(c->on->scheduler, binding, &net);
    if (c->json)
        jsontext_take(&out,
            json_pack("{sI,sI}", "connections", (json_int_t)n.open, "busy",
                (json_int_t)n.busy));
    else
        buf_printf(&out, "%llu connection%s, %llu with mail\n",
            (unsigned long long)n.open, n.open == 1 ? "" : "s",
            (unsigned long long)n.busy);
    commands_take(c, &out);
}

/* --- jobs --- */

static json_t *
job_to_json(const struct control_config *on, struct job *j)
{
    uint64_t done, total;
    job_get_progress(j, &done, &total);
    return json_pack("{sI,ss,sI,sI,sI}", "job", (json_int_t)job_id(j), "name",
        job_name(j), "done", (json_int_t)done, "total", (json_int_t)total, "ms",
        (json_int_t)(loop_now(on->loop) - job_started(j)));
}

static void
job_to_text(const struct control_config *on, struct job *j, struct buf *out)
{
    uint64_t done, total;
    job_get_progress(j, &done, &total);
    buf_printf(out, "%-6llu %-24s %llu of %llu, %lld s\n",
        (unsigned long long)job_id(j), job_name(j), (unsigned long long)done,
        (unsigned long long)total,
        (long long)((loop_now(on->loop) - job_started(j)) / 1000));
}

void
command_jobs(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    json_t *list = json_array();
    if (!commands_args(c, at, 0, 0)) {
        json_decref(list);
        return;
    }
    for (struct job *j = NULL; (j = job_next(c->on->loop, j)) != NULL;) {
        json_array_append_new(list, job_to_json(c->on, j));
        job_to_text(c->on, j, &out);
    }
    if (out.n == 0)
        buf_cstr(&out, "no jobs\n");
    if (c->json)
        buf_cut(&out, 0);
    json_t *doc = json_pack("{so}", "jobs", list);
    if (c->json)
        jsontext_take(&out, doc);
    else
        json_decref(doc);
    commands_take(c, &out);
}

void
command_cancel_job(struct command_call *c, size_t at)
{
    uint64_t id;
    if (!commands_args(c, at, 1, 1) || !commands_number(c, c->words[at], &id))
        return;
    struct job *j = job_find(c->on->loop, id);
    if (!j) {
        commands_fail(c, "there is no job %llu", (unsigned long long)id);
        return;
    }
    commands_say(c, "job %llu (%s) ends.", (unsigned long long)id, job_name(j));
    job_cancel(j);
}

/* --- the process --- */

void
command_reopen_logs(struct command_call *c, size_t at)
{
    const struct control_process *p = c->on->process;
    if (!commands_args(c, at, 0, 0))
        return;
    p->reopen_logs(p->arg);
    commands_say(c, "logs reopened.");
}

void
command_version(struct command_call *c, size_t at)
{
    if (!commands_args(c, at, 0, 0))
        return;
    if (!c->json) {
        commands_say(c, "impeld " PACKAGE_VERSION);
        return;
    }
    struct buf out = BUF_INIT;
    jsontext_take(&out,
        json_pack("{ss,ss}", "name", "impeld", "version", PACKAGE_VERSION));
    commands_take(c, &out);
}

void
command_pid(struct command_call *c, size_t at)
{
    if (!commands_args(c, at, 0, 0))
        return;
    if (!c->json) {
        commands_say(c, "%ld", (long)getpid());
        return;
    }
    struct buf out = BUF_INIT;
    jsontext_take(&out, json_pack("{sI}", "pid", (json_int_t)getpid()));
    commands_take(c, &out);
}

void
command_shutdown(struct command_call *c, size_t at)
{
    const struct control_process *p = c->on->process;
    if (!commands_args(c, at, 0, 0))
        return;
    commands_say(c, "shutting down.");
    p->shutdown(p->arg);
}
