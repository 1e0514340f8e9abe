/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_scheduler.h"

#include <stdlib.h>
#include "conf/query.h"
#include "intake/login.h"
#include "queue/overriding.h"
#include "queue/tlsrpt.h"
#include "route/fit.h"
#include "route/resolve.h"
#include "route/way.h"
#include "spool/content.h"
#include "xport/recall.h"
#include "xport/registry.h"
#include "xport/signing.h"
#include "xport/tlsin.h"
#include "xport/tlspolicy.h"
#include "xport/session.h"
#include "xport/tracer.h"

struct fake fake;

void
fake_reset(void)
{
    buf_fini(&fake.asked);
    fake = (struct fake){0};
}

static void note(const char *fmt, ...) ATTR_PRINTF(1, 2);
static void
note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&fake.asked, fmt, ap);
    va_end(ap);
    buf_char(&fake.asked, '\n');
}

static struct str
shown(struct str s)
{
    return s.p ? s : STR("-");
}

/* --- verbs that answer later --- */

void
fake_reply(int code, const char *text)
{
    struct err e = {0};
    struct scheduler_ask ask = fake.ask;
    fake.ask.reply = NULL;
    if (code < 0)
        err_set(&e, code, "%s", text);
    ask.reply(ask.arg, code < 0 ? STR_NONE : str_of(text), &e);
}

void
fake_progress(uint64_t done, uint64_t total)
{
    fake.ask.progress(fake.ask.arg, done, total);
}

static void
take(const struct scheduler_ask *ask)
{
    fake.ask = *ask;
    if (!fake.hold)
        fake_reply(0, ask->json ? "{\"messages\": 3}" : "done\n");
}

void
scheduler_message_details(struct scheduler *s, uint64_t id, bool full,
    const struct scheduler_ask *ask)
{
    (void)s;
    note("details id=%llu full=%d", (unsigned long long)id, full);
    take(ask);
}

void
scheduler_show_queue(struct scheduler *s, struct str binding, struct str domain,
    uint64_t limit, uint64_t offset, const struct scheduler_ask *ask)
{
    (void)s;
    binding = shown(binding);
    note("queue binding=%.*s domain=%.*s limit=%llu offset=%llu",
        STR_ARG(binding), STR_ARG(domain), (unsigned long long)limit,
        (unsigned long long)offset);
    fake.ask = *ask;
    if (!fake.hold)
        fake_reply(0, "[active/default] \xff\n");
}

void
scheduler_message_retry(
    struct scheduler *s, uint64_t id, const struct scheduler_ask *ask)
{
    (void)s;
    note("retry id=%llu", (unsigned long long)id);
    take(ask);
}

void
scheduler_message_fail(struct scheduler *s, uint64_t id, bool quiet,
    struct str text, const struct scheduler_ask *ask)
{
    (void)s;
    text = shown(text);
    note("fail id=%llu quiet=%d text=%.*s", (unsigned long long)id, quiet,
        STR_ARG(text));
    take(ask);
}

void
scheduler_flush(struct scheduler *s, struct str binding, struct str domain,
    const struct scheduler_ask *ask)
{
    (void)s;
    binding = shown(binding);
    domain = shown(domain);
    note("flush binding=%.*s domain=%.*s", STR_ARG(binding), STR_ARG(domain));
    take(ask);
}

void
scheduler_fail_domain(struct scheduler *s, struct str binding,
    struct str domain, bool quiet, struct str text,
    const struct scheduler_ask *ask)
{
    (void)s;
    binding = shown(binding);
    domain = shown(domain);
    text = shown(text);
    note("fail binding=%.*s domain=%.*s quiet=%d text=%.*s", STR_ARG(binding),
        STR_ARG(domain), quiet, STR_ARG(text));
    take(ask);
}

struct scheduler_count
scheduler_count_outbound(
    const struct scheduler *s, struct str binding, const struct cidr *net)
{
    (void)s;
    binding = shown(binding.n ? binding : STR_NONE);
    note("count outbound binding=%.*s family=%d bits=%d", STR_ARG(binding),
        net->family, net->family ? net->bits : 0);
    return (struct scheduler_count){.open = 3, .busy = 2};
}

void
scheduler_select(struct scheduler *s, const struct scheduler_filter *f,
    const struct scheduler_order *o, const struct scheduler_ask *ask)
{
    static const char *const verbs[] = {
        "fail", "flush", "delay", "rebind", "reroute"};

    (void)s;
    note("%s binding=%.*s group=%.*s domain=%.*s sender=%.*s header=%.*s "
         "pattern=%.*s meta=%.*s value=%.*s older=%lld newer=%lld dry=%d "
         "quiet=%d delay=%lld "
         "text=%.*s",
        verbs[o->work], STR_ARG(shown(f->binding)), STR_ARG(shown(f->group)),
        STR_ARG(shown(f->domain)), STR_ARG(shown(f->sender)),
        STR_ARG(shown(f->header)), STR_ARG(shown(f->pattern)),
        STR_ARG(shown(f->meta)), STR_ARG(shown(f->value)), (long long)f->older,
        (long long)f->newer, o->dry_run, o->quiet, (long long)o->delay,
        STR_ARG(shown(o->text)));
    take(ask);
}

void
scheduler_import(struct scheduler *s, struct str dir, bool dry_run,
    const struct scheduler_ask *ask)
{
    (void)s;
    note("import dir=%.*s dry=%d", STR_ARG(dir), dry_run);
    take(ask);
}

/* --- verbs that answer at once --- */

void
scheduler_print_domains(struct scheduler *s, bool delayed, uint64_t above,
    struct str binding, const struct scheduler_ask *ask)
{
    struct buf out = BUF_INIT;
    const struct err ok = {0};

    (void)s;
    binding = shown(binding);
    note("domains delayed=%d above=%llu binding=%.*s", delayed,
        (unsigned long long)above, STR_ARG(binding));
    if (fake.bulk) {
        buf_reserve(&out, fake.bulk);
        for (size_t i = 0; i < fake.bulk; i++)
            buf_char(&out, i % 64 == 63 ? '\n' : (char)('a' + i % 26));
    } else
        buf_cstr(&out, ask->json ? "{\"Domains\": []}" : "Total C: 0\n");
    ask->reply(ask->arg, buf_get(&out), &ok);
    buf_fini(&out);
}

int
scheduler_print_domain(struct scheduler *s, struct str domain, bool json,
    struct buf *out, struct err *e)
{
    (void)s;
    (void)json;
    note("domain %.*s", STR_ARG(domain));
    if (str_eq(domain, STR("absent.test")))
        return err_set(e, ERR_NOTFOUND, "no such domain");
    buf_cstr(out, "Domain\n");
    return 0;
}

void
scheduler_print_mailq(struct scheduler *s, struct str domain,
    struct str binding, uint64_t limit, const struct scheduler_ask *ask)
{
    struct buf out = BUF_INIT;
    const struct err ok = {0};

    (void)s;
    domain = shown(domain);
    binding = shown(binding);
    note("mailq domain=%.*s binding=%.*s limit=%llu", STR_ARG(domain),
        STR_ARG(binding), (unsigned long long)limit);
    if (ask->json)
        buf_printf(&out, "{\"QueueSummary\": [{\"domain\": \"%.*s\"}]}",
            STR_ARG(domain));
    else
        buf_printf(&out, "Domain\n%.*s\n", STR_ARG(domain));
    ask->reply(ask->arg, buf_get(&out), &ok);
    buf_fini(&out);
}

void
scheduler_print_bindings(
    struct scheduler *s, struct str which, bool json, struct buf *out)
{
    (void)s;
    (void)json;
    which = shown(which);
    note("bindings %.*s", STR_ARG(which));
    buf_cstr(out, "default\n");
}

int
scheduler_explain_message(
    struct scheduler *s, uint64_t id, bool json, struct buf *out, struct err *e)
{
    (void)s;
    (void)json;
    (void)e;
    note("explain id=%llu", (unsigned long long)id);
    buf_cstr(out, "waits for its retry time\n");
    return 0;
}

int
scheduler_explain_domain(struct scheduler *s, struct str domain,
    struct str binding, bool json, struct buf *out, struct err *e)
{
    (void)s;
    (void)json;
    (void)e;
    binding = shown(binding);
    note("explain domain=%.*s binding=%.*s", STR_ARG(domain), STR_ARG(binding));
    buf_cstr(out, "is suspended\n");
    return 0;
}

void
scheduler_refresh_domain(
    struct scheduler *s, struct str domain, const struct scheduler_ask *ask)
{
    (void)s;
    domain = shown(domain);
    note("refresh %.*s", STR_ARG(domain));
    take(ask);
}

/* --- numbers --- */

void
scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *st)
{
    (void)s;
    *st = fake.queue;
}

bool
scheduler_is_drained(const struct scheduler *s)
{
    (void)s;
    return fake.drained;
}

/* --- reports of TLS --- */

struct tlsrpt *
scheduler_tlsrpt(const struct scheduler *s)
{
    (void)s;
    return NULL;
}

void
tlsrpt_get_stats(const struct tlsrpt *t, struct tlsrpt_stats *st)
{
    (void)t;
    *st = (struct tlsrpt_stats){.sessions = 21, .mailed = 4};
}

void
tlsrpt_print_list(const struct tlsrpt *t, bool json, struct buf *to)
{
    (void)t;
    buf_cstr(to, json ? "[]" : "nothing was counted\n");
}

int
tlsrpt_print(
    const struct tlsrpt *t, struct str domain, struct buf *to, struct err *e)
{
    (void)t;
    if (!str_eq(domain, STR("x.test")))
        return err_set(e, ERR_NOTFOUND, "nothing was counted for it");
    buf_cstr(to, "[]\n");
    return 0;
}

int
tlsrpt_send(struct tlsrpt *t, struct str domain, struct err *e)
{
    (void)t;
    if (!str_eq(domain, STR("x.test")))
        return err_set(e, ERR_NOTFOUND, "nothing was counted for it");
    note("report %.*s", STR_ARG(domain));
    return 2;
}

void
scheduler_reset_stats(struct scheduler *s)
{
    (void)s;
    note("reset");
}

void
intake_get_stats(struct intake *in, struct intake_stats *st)
{
    (void)in;
    *st = fake.intake;
}

void
intake_print_listeners(struct intake *in, bool json, struct buf *to)
{
    (void)in;
    buf_cstr(to, json ? "[]" : "esmtp 127.0.0.1:25 0\n");
}

void
spool_get_stats(const struct spool *s, struct spool_stats *st)
{
    (void)s;
    *st = fake.spool;
}

/* Messages here have none. */
void
content_free(struct content **c)
{
    *c = NULL;
}

/* A cache of one answer, for kept.test; what is asked is answered at once. */
static const struct dns_record fake_mx = {
    .ttl = 60, .preference = 10, .name = {"mx.kept.test", 12}};
static bool fake_dns_gone;

void
fake_dns_fill(void)
{
    fake_dns_gone = false;
}

bool
dns_is_kept(struct dns *d, struct str name, enum dns_type t)
{
    (void)d;
    return !fake_dns_gone && str_eq(name, STR("kept.test")) && t == DNS_MX;
}

struct dns_question *
dns_ask(struct dns *d, struct str name, enum dns_type t, dns_answer_f *fn,
    void *arg)
{
    struct dns_answer a = {.status = DNS_NXDOMAIN, .ttl = 5};

    if (dns_is_kept(d, name, t))
        a = (struct dns_answer){
            .status = DNS_OK, .ttl = 60, .count = 1, .record = &fake_mx};
    fn(arg, &a);
    return NULL;
}

void
dns_each(struct dns *d, struct str name, dns_each_f *each, void *arg)
{
    struct dns_kept k = {.name = STR("kept.test"),
        .type = DNS_MX,
        .answer = {
            .status = DNS_OK, .ttl = 60, .count = 1, .record = &fake_mx}};

    if (dns_is_kept(d, name.p ? name : k.name, DNS_MX))
        (void)each(arg, &k);
}

void
dns_forget(struct dns *d, struct str name)
{
    (void)d;
    fake_dns_gone |= str_eq(name, STR("kept.test"));
}

void
dns_flush(struct dns *d)
{
    (void)d;
    fake_dns_gone = true;
}

void
dns_get_stats(const struct dns *d, struct dns_stats *st)
{
    (void)d;
    *st = fake.dns;
}

/* --- modules and sessions --- */

void
signing_get_stats(struct signing_stats *to)
{
    *to = (struct signing_stats){.signatures = 3};
}

int
signing_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg, (void)g, (void)r;
    return 0;
}

int
tlspolicy_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg, (void)g, (void)r;
    return 0;
}

int
tlsin_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg, (void)g, (void)r;
    return 0;
}

int
registry_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg;
    (void)g;
    (void)r;
    return fake.modules_refuse ? ERR_CONF : 0;
}

void
registry_again(void)
{
}

int
recall_load(const struct generation_load *how, struct generation **to,
    struct conf_report **r, struct err *e)
{
    return generation_load(how, to, *r, e);
}

void
recall_note(const struct generation *g)
{
    (void)g;
}

int
login_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg, (void)g, (void)r;
    return 0;
}

int
way_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg, (void)g, (void)r;
    return 0;
}

int
fit_check(void *arg, struct generation *g, struct conf_report *r)
{
    (void)arg, (void)g, (void)r;
    return 0;
}

void
registry_print(struct buf *to, bool json)
{
    buf_cstr(to, json ? "{\"modules\": []}" : "esmtp.so\n");
}

void
registry_counters(registry_counter_f *fn, void *arg)
{
    static const struct module m = {.name = "toy-module"};
    static const struct impel_counter c = {.name = "replies", .brief = "toys"};
    fn(arg, &m, &c, 7);
}

void
session_list(struct loop *l, bool inbound, struct mailbox *home,
    session_list_f *fn, void *arg)
{
    struct buf text = BUF_INIT;
    (void)l;
    (void)home;
    buf_printf(&text, "[1] %s\n", inbound ? "inbound" : "outbound");
    fn(arg, &text);
    buf_fini(&text);
}

/* --- trace smtp --- */

uint64_t
tracer_add(const struct tracer_request *r, struct err *e)
{
    if (strstr(r->path, "full")) {
        (void)err_set(e, ERR_LIMIT, "%s is full: trace_smtp_size", r->path);
        return 0;
    }
    buf_printf(&fake.asked, "trace %.*s %.*s/", STR_ARG(shown(r->binding)),
        STR_ARG(shown(r->what)));
    if (r->net.family)
        cidr_print(&r->net, &fake.asked);
    buf_printf(&fake.asked, " %s %o %llu\n", r->path, (unsigned)r->mode,
        (unsigned long long)r->most);
    return 7;
}

bool
tracer_remove(uint64_t id)
{
    buf_printf(&fake.asked, "untrace %llu\n", (unsigned long long)id);
    return id == 7;
}

void
tracer_each(tracer_each_f *fn, void *arg)
{
    struct tracer_view v = {.id = 7,
        .octets = 99,
        .most = 4096,
        .sessions = 1,
        .what = "x.test",
        .path = "/t/a"};

    if (!fake.traces)
        return;
    fn(arg, &v);
    v = (struct tracer_view){
        .id = 8, .most = 4096, .full = true, .binding = "b", .path = "/t/b"};
    (void)cidr_parse(STR("10.0.0.0/8"), CIDR_PREFIX, &v.net, NULL);
    fn(arg, &v);
}

/* --- the process --- */

static void
count_shutdown(void *arg)
{
    (void)arg;
    fake.shutdowns++;
}

static void
count_reload(void *arg, struct str path,
    void (*done)(void *done_arg, bool ok, struct str text), void *done_arg)
{
    (void)arg;
    fake.reloads++;
    if (str_eq(path, STR("/bad.conf")))
        done(done_arg, false, STR("Reconfigure failed\n"));
    else
        done(done_arg, true, STR("Configuration is in force\n"));
}

static void
count_adopt(void *arg, struct generation *g)
{
    (void)arg;
    (void)g;
    fake.adopts++;
}

static void
count_reopen(void *arg)
{
    (void)arg;
    fake.reopens++;
}

void
fake_config(struct control_config *c, struct loop *loop, struct generation *g)
{
    static const struct control_process process = {.shutdown = count_shutdown,
        .reload = count_reload,
        .adopt = count_adopt,
        .reopen_logs = count_reopen};
    static struct loop *io[1];
    io[0] = loop;
    *c = (struct control_config){.loop = loop,
        .io = io,
        .io_count = 1,
        .generation = g,
        .process = &process};
}

/* --- overrides --- */

void
overriding_wait(struct scheduler *s, struct overriding_wait *w)
{
    (void)s;
    w->done(w, !fake.not_stored);
}

int
overriding_set(struct scheduler *s, const struct override *v, struct err *e)
{
    struct buf b = BUF_INIT;

    (void)s;
    if (fake.overrides_refuse)
        return err_set(e, ERR_INVAL, "the test said so");
    override_print_key(v, &b);
    buf_char(&b, '=');
    override_print_value(v, &b);
    note("override %.*s for=%lld who=%.*s why=%.*s", STR_ARG(buf_get(&b)),
        v->expires ? (long long)(v->expires - v->set_at) : 0,
        STR_ARG(shown(v->who)), STR_ARG(shown(v->why)));
    buf_fini(&b);
    return 0;
}

bool
overriding_clear(struct scheduler *s, const struct override_place *place,
    enum override_source source, uint32_t option)
{
    struct override v = {.place = *place, .source = source, .option = option};
    struct buf b = BUF_INIT;

    (void)s;
    override_print_key(&v, &b);
    note("clear %.*s", STR_ARG(buf_get(&b)));
    buf_fini(&b);
    return !fake.overrides_refuse;
}

size_t
overriding_clear_place(struct scheduler *s, const struct override_place *place,
    enum override_source source)
{
    struct buf b = BUF_INIT;

    (void)s;
    override_print_place(place, &b);
    note("clear all %d of %s", (int)source, b.p);
    buf_fini(&b);
    return 2;
}

void
overriding_print(struct scheduler *s, const struct override_place *place,
    bool json, struct buf *out)
{
    struct buf b = BUF_INIT;

    (void)s;
    if (place)
        override_print_place(place, &b);
    note("overrides %.*s", STR_ARG(shown(place ? buf_get(&b) : STR_NONE)));
    buf_cstr(out, json ? "{\"overrides\": []}" : "no overrides\n");
    buf_fini(&b);
}

/* x.test has a gateway. */
void
resolve_destination(struct generation *g, struct str binding, struct str domain,
    struct destination *to)
{
    (void)g, (void)binding;
    *to = (struct destination){.domain = domain};
    if (str_eq(domain, STR("x.test"))) {
        to->by_gateway = true;
        to->domain = STR("gw.test");
    }
}
