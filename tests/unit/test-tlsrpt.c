/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports of TLS from the first session that is counted to the last place that
 * gets one, over days and restarts: with a real spool, DNS from a table, a
 * fetcher that the test plays, and a clock that it moves.
 */
#include "unit.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "conf_support.h"
#include "fake_dns.h"
#include "net/fetch.h"
#include "queue/tlsrpt_int.h"
#include "spool/content.h"
#include "spool/content_int.h"
#include "spool_kit.h"

#define CONF \
    "tls_reports = true\n" \
    "tls_report_from = \"tlsrpt@me.test\"\n" \
    "tls_report_organization = \"We \\\"and\\\" us\"\n" \
    "tls_report_window = 2h\n"
#define HOUR ((int64_t)3600 * 1000)
enum { DAY = 20000 }; /* 2024-10-04 */

/* --- the fetcher --- */

struct fetch {
    bool used, cancelled;
    char url[200];
    struct buf body;
    fetch_done_f *done;
    void *arg;
};
static struct fetch fetches[8];
static size_t fetch_count;

struct fetch *
fetch_begin(struct fetcher *to, struct loop *home,
    const struct fetch_request *r, fetch_done_f *done, void *arg, struct err *e)
{
    struct fetch *f = &fetches[fetch_count];

    (void)to, (void)home, (void)e;
    assert_true(fetch_count < ARRAY_SIZE(fetches));
    assert_string_equal(r->method, "POST");
    assert_int_equal(r->header_count, 1);
    assert_str(r->header->name, "Content-Type");
    assert_str(r->header->value, "application/tlsrpt+gzip");
    assert_true(r->timeout_ms > 0 && r->most > 0 && !r->redirects);
    fetch_count++;
    (void)str_copy(f->url, sizeof(f->url), str_of(r->url));
    buf_str(&f->body, r->body);
    f->done = done;
    f->arg = arg;
    f->used = true;
    return f;
}

void
fetch_cancel(struct fetch **f)
{
    if (*f)
        (*f)->cancelled = true;
    *f = NULL;
}

const char *
fetch_outcome_name(enum fetch_outcome o)
{
    return o == FETCH_CONNECT ? "connect" : "other";
}

static void
answer_post(size_t i, enum fetch_outcome outcome, int status)
{
    struct fetch_answer a = {
        .outcome = outcome, .status = status, .error = "refused"};

    fetches[i].done(fetches[i].arg, &a);
}

/* --- the world --- */

static struct {
    struct kit kit;
    struct loop *loop;
    struct dns *dns;
    struct generation *generation;
    struct tlsrpt *t;
    unsigned idle;
} w;

static void
on_idle(void *arg)
{
    (void)arg;
    w.idle++;
}

static void
start(void)
{
    struct err e;
    struct tlsrpt_config c = {.idle = on_idle};

    if (kit_open(&w.kit, &e))
        fail_msg("%s", e.text);
    kit_wait_recovered(&w.kit);
    w.loop = loop_new("test", &e);
    w.dns = dns_new(w.loop, NULL, &e);
    c.loop = w.loop;
    c.dns = w.dns;
    c.spool = w.kit.spool;
    c.fetcher = (struct fetcher *)&w;
    c.generation = w.generation;
    w.t = tlsrpt_new(&c);
    tlsrpt_recover(w.t);
}

/* Is a report on its way to the disk, or on the way back from it? */
static bool
is_mailing(void)
{
    struct spool_stats of;

    spool_get_stats(w.kit.spool, &of);
    return tlsrpt_is_busy(w.t) || of.accepted > w.kit.accepted_count;
}

/* Until nothing more happens; the disk answers in its own time. */
static void
settle(void)
{
    for (int i = 0; i < 12 || (is_mailing() && i < 10000); i++) {
        loop_turn(w.loop, 2);
        kit_turn(&w.kit, 0);
    }
}

static void
pass(int64_t ms)
{
    clock_advance(ms);
    settle();
}

static void
to_hour(int day, int hour)
{
    int64_t at = ((int64_t)day * 24 + hour) * HOUR;

    assert_true(at >= clock_wall());
    while (clock_wall() < at)
        pass(MIN_OF(HOUR, at - clock_wall()));
}

/* crash: nobody is told. */
static void
stop(bool crash)
{
    if (!crash)
        tlsrpt_stop(w.t);
    settle();
    if (crash) { /* what is not written is lost */
        w.t->stopped = true;
        timer_stop(&w.t->timer);
    }
    kit_close(&w.kit);
    tlsrpt_free(&w.t);
    loop_turn(w.loop, 0);
    dns_free(&w.dns);
    loop_free(&w.loop);
}

static void
begin(const char *conf)
{
    memset(&w, 0, sizeof(w));
    clock_fake(1000000, (int64_t)DAY * 24 * HOUR + 9 * HOUR);
    conf_support_options();
    w.generation = conf_support_load(conf, false);
    fake_dns_reset();
    kit_init(&w.kit, 256 * 1024);
    start();
}

static void
end(void)
{
    stop(false);
    for (size_t i = 0; i < fetch_count; i++)
        buf_fini(&fetches[i].body);
    memset(fetches, 0, sizeof(fetches));
    fetch_count = 0;
    kit_fini(&w.kit);
    generation_unref(&w.generation);
    option_reset();
    clock_real();
}

static void
wants(const char *domain, const char *record)
{
    char name[100];

    (void)snprintf(name, sizeof(name), "_smtp._tls.%s", domain);
    fake_dns_drop(name);
    fake_dns_add(name, DNS_TXT, 300, 0, record);
}

static void
count(const char *domain, const char *failure)
{
    struct tlstally_failure f = {.result = str_of(failure),
        .sending_ip = STR("192.0.2.1"),
        .mx = STR("mx.host.test")};
    struct tlsrpt_session is = {
        .scope = generation_scope(w.generation, STR("default"), str_of(domain)),
        .domain = str_of(domain),
        .policy = {.type = STR("no-policy-found"), .domain = str_of(domain)},
        .failure = failure ? &f : NULL};

    tlsrpt_count(w.t, &is);
}

static struct tlsrpt_stats
stats(void)
{
    struct tlsrpt_stats st;

    tlsrpt_get_stats(w.t, &st);
    return st;
}

static json_t *
shown(const char *domain)
{
    struct buf b = BUF_INIT;
    json_t *j = NULL;

    if (tlsrpt_print(w.t, str_of(domain), &b, NULL) == 0)
        j = json_loadb(b.p, b.n, 0, NULL);
    buf_fini(&b);
    return j;
}

static void
assert_sums(const char *domain, size_t i, int good, int bad)
{
    json_t *all = shown(domain);
    const json_t *policy =
        json_array_get(json_object_get(json_array_get(all, i), "policies"), 0);
    const json_t *sum = json_object_get(policy, "summary");

    if (json_integer_value(
            json_object_get(sum, "total-successful-session-count")) != good ||
        json_integer_value(
            json_object_get(sum, "total-failure-session-count")) != bad)
        fail_msg("%s", json_dumps(all, 0));
    json_decref(all);
}

/* The text of the last message that was accepted. */
static struct str
mailed(size_t i)
{
    assert_true(w.kit.accepted_count > i);
    return buf_get(&w.kit.accepted[i]->content->body);
}

static bool
has(struct str text, const char *what)
{
    return str_find(text, str_of(what), 0) != SIZE_MAX;
}

/* --- tests --- */

static void
by_mail(void **state)
{
    const struct message *m;

    (void)state;
    begin(CONF);
    wants("a.test", "v=TLSRPTv1; rua=mailto:Rep%2Bx@In.a.test");
    count("a.test", NULL);
    count("A.test", NULL);
    count("a.test", "certificate-expired");
    settle();
    assert_sums("a.test", 0, 2, 1);
    to_hour(DAY, 23);
    assert_int_equal(w.kit.accepted_count, 0);
    to_hour(DAY + 1, 3); /* the window is over */
    assert_int_equal(w.kit.accepted_count, 1);
    m = w.kit.accepted[0];
    assert_str(m->env.sender, "tlsrpt@me.test");
    assert_str(m->env.rcpt[0].address, "Rep+x@In.a.test");
    assert_str(m->env.rcpt[0].domain, "in.a.test");
    assert_int_equal(m->env.rcpt[0].notify, NOTIFY_NEVER);
    assert_int_equal(message_tls(m), MESSAGE_TLS_ANY);
    assert_int_equal(m->env.deadline - m->env.received, 24 * HOUR);
    assert_true(has(mailed(0), "TLS-Report-Domain: a.test\r\n"));
    assert_true(has(mailed(0), "as they should: 2\r\n"));
    assert_true(has(mailed(0), "me.test!a.test!1728000000!1728086399!"));
    assert_int_equal(stats().mailed, 1);
    assert_int_equal(stats().waiting, 0);
    /* and nothing of it is left, now or after a restart */
    assert_null(shown("a.test"));
    stop(false);
    start();
    assert_null(shown("a.test"));
    to_hour(DAY + 3, 1);
    assert_int_equal(w.kit.accepted_count, 0);
    end();
}

static void
who_does_not_ask(void **state)
{
    (void)state;
    begin(CONF "domain \"off.test\" { tls_reports = false }\n");
    wants("off.test", "v=TLSRPTv1; rua=mailto:a@off.test");
    wants("bad.test", "v=TLSRPTv1; rua=gopher://x/");
    fake_dns_say("_smtp._tls.none.test", DNS_TXT, DNS_NXDOMAIN);
    count("off.test", NULL);
    count("none.test", NULL);
    count("bad.test", NULL);
    count("[192.0.2.1]", NULL);
    settle();
    assert_null(shown("off.test"));
    assert_null(shown("none.test"));
    assert_null(shown("bad.test"));
    assert_int_equal(fake_dns_asked("_smtp._tls.off.test", DNS_TXT), 0);
    assert_int_equal(fake_dns_asked("_smtp._tls.none.test", DNS_TXT), 1);
    /* it is not asked again that day, and is the next */
    count("none.test", NULL);
    settle();
    assert_int_equal(fake_dns_asked("_smtp._tls.none.test", DNS_TXT), 1);
    to_hour(DAY + 1, 5);
    assert_int_equal(stats().domains, 0);
    assert_int_equal(w.kit.accepted_count, 0);
    wants("none.test", "v=TLSRPTv1; rua=mailto:a@none.test");
    count("none.test", NULL);
    settle();
    assert_sums("none.test", 0, 1, 0);
    end();
}

/* DNS that fails is no answer: what was counted stays, and the report waits. */
static void
dns_fails(void **state)
{
    (void)state;
    begin(CONF);
    fake_dns_say("_smtp._tls.a.test", DNS_TXT, DNS_SERVFAIL);
    count("a.test", NULL);
    settle();
    assert_sums("a.test", 0, 1, 0);
    to_hour(DAY + 1, 3);
    assert_int_equal(stats().waiting, 1);
    assert_true(stats().retries > 0);
    wants("a.test", "v=TLSRPTv1; rua=mailto:r@a.test");
    to_hour(DAY + 1, 8);
    assert_int_equal(w.kit.accepted_count, 1);
    assert_int_equal(stats().waiting, 0);
    end();
}

/* The days of a domain that is asked for every day are reports of their own. */
static void
days(void **state)
{
    (void)state;
    begin(CONF);
    wants("a.test", "v=TLSRPTv1; rua=mailto:r@a.test");
    for (int day = 0; day < 3; day++) {
        to_hour(DAY + day, 22);
        for (int i = 0; i <= day; i++)
            count("a.test", NULL);
        to_hour(DAY + day, 23);
        pass(HOUR - 1); /* the last moment of the day */
        count("a.test", "validation-failure");
    }
    to_hour(DAY + 3, 4);
    assert_int_equal(w.kit.accepted_count, 3);
    for (size_t i = 0; i < 3; i++) {
        char line[60];

        (void)snprintf(line, sizeof(line), "as they should: %zu\r\n", i + 1);
        assert_true(has(mailed(i), line));
        assert_true(has(mailed(i), "not so:         1\r\n"));
    }
    end();
}

/* What is lost when the daemon dies is what came since it was last written; of
 * an orderly end nothing. */
static void
restarts(void **state)
{
    (void)state;
    begin(CONF);
    wants("a.test", "v=TLSRPTv1; rua=mailto:r@a.test");
    count("a.test", NULL);
    count("a.test", "certificate-expired");
    settle();
    stop(false);
    start();
    assert_sums("a.test", 0, 1, 1);
    count("a.test", NULL);
    pass(TLSRPT_SAVE_MS + 1);
    count("a.test", NULL); /* this one is not written */
    stop(true);
    start();
    assert_sums("a.test", 0, 2, 1);
    /* nobody is there at midnight */
    stop(true);
    clock_advance(20 * HOUR);
    fake_dns_hold(true);
    start();
    settle();
    count("a.test", NULL); /* of the new day */
    settle();
    assert_int_equal(stats().waiting, 1);
    stop(true); /* a report that waits is on disk already */
    start();
    fake_dns_hold(false);
    assert_int_equal(stats().waiting, 1);
    assert_sums("a.test", 0, 2, 1);
    to_hour(DAY + 1, 6);
    assert_int_equal(w.kit.accepted_count, 1);
    assert_true(has(mailed(0), "as they should: 2\r\n"));
    assert_true(has(mailed(0), "!1728000000!1728086399!"));
    end();
}

static void
by_post(void **state)
{
    (void)state;
    begin(CONF);
    wants("a.test", "v=TLSRPTv1; rua=https://r.test/in,mailto:r@a.test");
    count("a.test", NULL);
    to_hour(DAY + 1, 3);
    assert_int_equal(fetch_count, 1);
    assert_string_equal(fetches[0].url, "https://r.test/in");
    assert_memory_equal(fetches[0].body.p, "\x1f\x8b\x08", 3);
    answer_post(0, FETCH_ANSWERED, 503);
    settle();
    /* the other place has it by now, and does not get it again */
    assert_int_equal(w.kit.accepted_count, 1);
    assert_int_equal(stats().waiting, 1);
    stop(true);
    start();
    for (int i = 0; fetch_count < 2 && i < 40; i++)
        pass(60000);
    assert_int_equal(fetch_count, 2);
    assert_int_equal(w.kit.accepted_count, 0);
    assert_int_equal(fetches[1].body.n, fetches[0].body.n);
    assert_memory_equal(
        fetches[1].body.p, fetches[0].body.p, fetches[0].body.n);
    answer_post(1, FETCH_ANSWERED, 201);
    settle();
    assert_int_equal(stats().posted, 1);
    assert_int_equal(stats().waiting, 0);
    assert_int_equal(w.kit.accepted_count, 0);
    end();
}

static void
given_up_after_a_day(void **state)
{
    int64_t first = 0;

    (void)state;
    begin(CONF "tls_report_window = 0\n");
    wants("a.test", "v=TLSRPTv1; rua=https://r.test/in");
    count("a.test", NULL);
    settle();
    to_hour(DAY + 1, 0);
    for (size_t i = 0; i < 8 * 60 && !stats().given_up; i++) {
        pass(5 * 60000);
        if (!fetch_count)
            continue;
        first = first ? first : clock_wall();
        answer_post(0, FETCH_CONNECT, 0);
        buf_fini(&fetches[0].body);
        fetch_count = 0;
        settle();
    }
    assert_int_equal(stats().given_up, 1);
    assert_int_equal(stats().waiting, 0);
    assert_in_range(stats().retries, 10, 30);
    assert_in_range(clock_wall() - first, 20 * HOUR, 25 * HOUR);
    end();
}

/* A console sends a part of a day: the rest is another report. */
static void
sent_by_hand(void **state)
{
    (void)state;
    begin(CONF);
    wants("a.test", "v=TLSRPTv1; rua=mailto:r@a.test");
    assert_true(tlsrpt_send(w.t, STR("a.test"), NULL) < 0);
    count("a.test", NULL);
    settle();
    assert_int_equal(tlsrpt_send(w.t, STR("a.test"), NULL), 1);
    settle();
    assert_int_equal(w.kit.accepted_count, 1);
    assert_true(has(mailed(0), "!1728000000!1728032399!"));
    count("a.test", "certificate-expired");
    settle();
    to_hour(DAY + 1, 4);
    assert_int_equal(w.kit.accepted_count, 2);
    assert_true(has(mailed(1), "!1728032400!1728086399!"));
    assert_true(has(mailed(1), "as they should: 0\r\n"));
    end();
}

/* The end of the daemon while a report is on its way. */
static void
stopped_meanwhile(void **state)
{
    (void)state;
    begin(CONF);
    wants("a.test", "v=TLSRPTv1; rua=https://r.test/in");
    count("a.test", NULL);
    to_hour(DAY + 1, 3);
    assert_int_equal(fetch_count, 1);
    stop(false);
    assert_true(fetches[0].cancelled);
    start();
    settle();
    assert_int_equal(fetch_count, 2);
    answer_post(1, FETCH_ANSWERED, 200);
    settle();
    assert_int_equal(stats().waiting, 0);
    /* a mail that the spool has been given is waited for */
    wants("b.test", "v=TLSRPTv1; rua=mailto:r@b.test");
    count("b.test", NULL);
    loop_turn(w.loop, 0);
    assert_int_equal(tlsrpt_send(w.t, STR("b.test"), NULL), 1);
    for (int i = 0; !tlsrpt_is_busy(w.t) && i < 20; i++)
        loop_turn(w.loop, 0);
    assert_true(tlsrpt_is_busy(w.t));
    tlsrpt_stop(w.t);
    for (int i = 0; !w.idle && i < 500; i++)
        settle();
    assert_int_equal(w.idle, 1);
    assert_false(tlsrpt_is_busy(w.t));
    stop(false);
    start();
    to_hour(DAY + 1, 8);
    assert_int_equal(stats().waiting, 0);
    assert_int_equal(w.kit.accepted_count, 0); /* not twice */
    end();
}

/* More domains than are remembered, all of which want none. */
static void
many_domains(void **state)
{
    char name[40];

    (void)state;
    begin(CONF);
    fake_dns_hold(true);
    for (int i = 0; i < TLSRPT_MOST_DOMAINS + 10; i++) {
        (void)snprintf(name, sizeof(name), "d%d.test", i);
        count(name, NULL);
    }
    assert_int_equal(stats().domains, TLSRPT_MOST_DOMAINS);
    assert_int_equal(stats().uncounted, 10);
    assert_true(w.t->questions <= TLSRPT_AT_ONCE);
    assert_true(w.t->bytes < TLSRPT_MOST_BYTES + TLSTALLY_BYTES);
    fake_dns_hold(false);
    tlsrpt_stop(w.t);
    end();
}

UNIT_MAIN(cmocka_unit_test(by_mail), cmocka_unit_test(who_does_not_ask),
    cmocka_unit_test(dns_fails), cmocka_unit_test(days),
    cmocka_unit_test(restarts), cmocka_unit_test(by_post),
    cmocka_unit_test(given_up_after_a_day), cmocka_unit_test(sent_by_hand),
    cmocka_unit_test(stopped_meanwhile), cmocka_unit_test(many_domains))
