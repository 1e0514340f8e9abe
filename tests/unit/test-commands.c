/* SPDX-License-Identifier: Apache-2.0
 *
 * test-commands.c - words to functions, and functions to answers.
 */
#include "unit.h"

#include <jansson.h>
#include "base/clock.h"
#include "conf_support.h"
#include "ctl/commands.h"
#include "ctl/jsontext.h"
#include "fake_scheduler.h"
#include "prog/impel_complete.h"
#include "spool/message.h"

static struct generation *generation;
static struct loop *loop;
static struct buf answer;
static bool answered, ok;
static int answers, status;

static void
keep(struct command_call *c, bool good, struct str text)
{
    answers++;
    answered = true;
    ok = good;
    status = c->status;
    buf_cut(&answer, 0);
    buf_str(&answer, text);
}

static struct command_call call; /* outlives a verb that waits */
static struct str words[300];
static struct control_config config;
static char line_copy[8192];

/* Run a line, split at blanks. */
static const char *
run(const char *line, bool json)
{
    struct str rest = str_of(line_copy);
    size_t n = 0;
    assert_true(str_copy(line_copy, sizeof(line_copy), str_of(line)));
    rest = str_of(line_copy);
    while (rest.p && rest.n)
        words[n++] = str_cut(&rest, ' ');
    fake_config(&config, loop, generation);
    buf_cut(&fake.asked, 0);
    buf_cut(&answer, 0);
    answered = false;
    call = (struct command_call){.on = &config,
        .words = words,
        .word_count = n,
        .json = json,
        .who = "uid=0 pid=1",
        .answer = keep};
    answers = 0;
    commands_run(&call);
    assert_true(answers == 1 || fake.hold);
    return buf_get(&answer).p;
}

static const char *
asked(void)
{
    return buf_get(&fake.asked).p;
}

static void
good(const char *line, const char *want_asked)
{
    (void)run(line, false);
    if (!ok)
        fail_msg("%s: %s", line, answer.p);
    assert_string_equal(asked(), want_asked);
}

static void
bad(const char *line, const char *want_part)
{
    const char *text = run(line, false);
    if (ok || !strstr(text, want_part))
        fail_msg("%s: got '%s', want '%s'", line, text, want_part);
}

static int
set_up(void **state)
{
    struct err e;
    (void)state;
    fake_reset();
    conf_support_options();
    generation = conf_support_load("ESMTP_Listener { }\n", false);
    loop = loop_new("test", &e);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    loop_free(&loop);
    generation_unref(&generation);
    buf_fini(&answer);
    fake_reset();
    return 0;
}

/* Places, ends and reasons; a name that nothing has is a slip. */
static void
test_overrides(void **state)
{
    (void)state;
    clock_fake(1000, 1700000000000);
    good("suspend all",
        "override o5/suspend_delivery=true for=0 who=uid=0 pid=1 why=-\n");
    good("suspend domain x.test for 15m",
        "override o4 x.test/suspend_delivery=true for=900000 "
        "who=uid=0 pid=1 why=-\n");
    assert_non_null(
        strstr(answer.p, "suspended domain x.test until 2023-11-14T22:28:20"));
    good("suspend binding default domain x.test until 2023-11-14T22:13:25Z "
         "because they ask us to",
        "override o0 default x.test/suspend_delivery=true for=5000 "
        "who=uid=0 pid=1 why=they ask us to\n");
    good("suspend binding_group default because of for 5",
        "override o3 default/suspend_delivery=true for=0 who=uid=0 pid=1 "
        "why=of for 5\n");
    bad("suspend", "usage: suspend all|domain DOMAIN|");
    bad("suspend x.test", "usage: suspend");
    bad("suspend all domain x.test", "usage: suspend");
    bad("suspend domain x.test 15m", "usage: suspend");
    bad("suspend domain x.test for a while", "usage: suspend");
    bad("suspend domain x.test for ever", "\"ever\" is no duration");
    bad("suspend all for 0", "is no duration");
    bad("suspend all until tomorrow", "\"tomorrow\" is no time");
    bad("suspend all until 2023-02-30T10:00Z", "is no time");
    bad("suspend binding nowhere", "no binding nowhere is configured");
    bad("suspend group nowhere", "no binding_group nowhere is configured");
    good("resume domain x.test", "clear o4 x.test/suspend_delivery\n");
    good("override set domain x.test retry_interval = 5m for 1d",
        "override o4 x.test/retry_interval=5m for=86400000 who=uid=0 pid=1 "
        "why=-\n");
    good("override set adaptive_max_retries ( 3 5 )",
        "override o5/adaptive_max_retries=( 3 5 ) for=0 who=uid=0 pid=1 "
        "why=-\n");
    bad("override set domain x.test", "usage: override set");
    bad("override set domain x.test retry_intervall 5", "retry_interval");
    bad("override set all retry_interval", "usage: override set");
    good("override clear domain x.test retry_interval",
        "clear o4 x.test/retry_interval\n");
    good("override clear adaptive all max_retries", "clear a5/max_retries\n");
    good("override clear domain x.test all", "clear all 0 of domain x.test\n");
    good("override list", "overrides -\n");
    good("override list domain X.Test.", "overrides domain x.test\n");
    bad("override list x", "usage: override list");
    fake.not_stored = true;
    good("resume all", "clear o5/suspend_delivery\n");
    assert_non_null(strstr(answer.p, "resumed all; it holds, but it is not"));
    fake.overrides_refuse = true;
    bad("suspend all", "the test said so");
    bad("resume all", "all is not suspended");
    bad("override clear all max_retries", "there is no such override");
    clock_real();
}

static void
test_count_outbound(void **state)
{
    (void)state;
    good("count outbound", "count outbound binding=- family=0 bits=0\n");
    assert_non_null(strstr(answer.p, "3 connections, 2 with mail"));
    good("count outbound/b1 192.0.2.0/24",
        "count outbound binding=b1 family=4 bits=24\n");
    bad("count inbound", "usage: count");
    bad("count outbound nowhere", "nowhere");
}

static void
test_chosen_mail(void **state)
{
    (void)state;
    good("fail all --domain x.test --quiet --text 554 go away",
        "fail binding=- group=- domain=x.test sender=- header=- pattern=- "
        "meta=- "
        "value=- older=0 newer=0 dry=0 quiet=1 delay=0 text=554 go away\n");
    good("fail all --sender *@a.test --older 2h --dry-run",
        "fail binding=- group=- domain=- sender=*@a.test header=- pattern=- "
        "meta=- "
        "value=- older=7200000 newer=0 dry=1 quiet=0 delay=0 text=-\n");
    good("flush all --binding b --newer 90",
        "flush binding=b group=- domain=- sender=- header=- pattern=- meta=- "
        "value=- older=0 newer=90000 dry=0 quiet=0 delay=0 text=-\n");
    good("delay 15m --group g --header X-Job:a*",
        "delay binding=- group=g domain=- sender=- header=X-Job pattern=a* "
        "meta=- value=- older=0 newer=0 dry=0 quiet=0 delay=900000 text=-\n");
    good("delay 15m --header X-Job",
        "delay binding=- group=- domain=- sender=- header=X-Job pattern=- "
        "meta=- "
        "value=- older=0 newer=0 dry=0 quiet=0 delay=900000 text=-\n");
    good("flush all --meta job=a*",
        "flush binding=- group=- domain=- sender=- header=- pattern=- meta=job "
        "value=a* older=0 newer=0 dry=0 quiet=0 delay=0 text=-\n");
    good("flush all --meta job",
        "flush binding=- group=- domain=- sender=- header=- pattern=- meta=job "
        "value=- older=0 newer=0 dry=0 quiet=0 delay=0 text=-\n");
    good("spool import /old --dry-run", "import dir=/old dry=1\n");
    good("spool import /old", "import dir=/old dry=0\n");
    bad("spool import", "usage: spool import DIR [--dry-run]");
    bad("spool import /old 4", "usage: spool import DIR [--dry-run]");
    bad("fail all", "which mail?");
    bad("fail all --dry-run", "which mail?");
    bad("fail all --domain", "--domain needs a value");
    bad("fail all x.test", "unknown word \"x.test\"");
    bad("flush all --domain x.test --quiet", "unknown word");
    bad("fail all --older soon", "is no time");
    bad("delay", "usage: delay TIME");
    bad("delay 0 --domain x.test", "is no time");
}

static void
test_queues(void **state)
{
    (void)state;
    good("active 5", "domains delayed=0 above=5 binding=-\n");
    good("delayed 0", "domains delayed=1 above=0 binding=-\n");
    good("binding active b1 7", "domains delayed=0 above=7 binding=b1\n");
    good("binding delayed b1 7", "domains delayed=1 above=7 binding=b1\n");
    good("domains", "domains delayed=0 above=18446744073709551615 binding=-\n");
    good("domain ALL",
        "domains delayed=0 above=18446744073709551615 binding=-\n");
    good("domain x.test", "domain x.test\n");
    good("binding summary", "bindings -\n");
    good("binding summary b1", "bindings b1\n");
    good("mailq", "mailq domain=- binding=- limit=20\n");
    good("mailq -d a.test --domain b.test -l 3",
        "mailq domain=a.test binding=- limit=3\n"
        "mailq domain=b.test binding=- limit=3\n");
    assert_string_equal(answer.p, "Domain\na.test\nb.test\n");
    good("showqueue x.test",
        "queue binding=- domain=x.test limit=100 offset=0\n");
    good("showqueue binding b1 x.test 5,10",
        "queue binding=b1 domain=x.test limit=5 offset=10\n");
    good("showqueue binding all x.test 5",
        "queue binding=- domain=x.test limit=5 offset=0\n");
    good("FLUSH Domain all", "flush binding=- domain=-\n");
    good("binding flush domain b1 x.test", "flush binding=b1 domain=x.test\n");
    good("fail domain x.test 554 go away",
        "fail binding=- domain=x.test quiet=0 text=554 go away\n");
    good("fail domain quiet x.test",
        "fail binding=- domain=x.test quiet=1 text=-\n");
    good("binding fail domain quiet b1 all",
        "fail binding=b1 domain=- quiet=1 text=-\n");
    good("refresh domain all", "refresh -\n");
    good("explain domain x.test binding b1",
        "explain domain=x.test binding=b1\n");
}

static void
test_messages(void **state)
{
    char id[MESSAGE_ID_SIZE], line[100], want[100];
    (void)state;
    message_id_print(77, id);
    snprintf(line, sizeof(line), "message details full %s", id);
    good(line, "details id=77 full=1\n");
    snprintf(line, sizeof(line), "message retry %s", id);
    good(line, "retry id=77\n");
    snprintf(line, sizeof(line), "message fail quiet %s", id);
    good(line, "fail id=77 quiet=1 text=-\n");
    snprintf(line, sizeof(line), "message fail %s 550 no", id);
    snprintf(want, sizeof(want), "fail id=77 quiet=0 text=550 no\n");
    good(line, want);
    snprintf(line, sizeof(line), "explain message %s", id);
    good(line, "explain id=77\n");
    bad("message retry nonsense", "no message id");
    bad("message fail quiet", "usage: message fail");
}

static void
test_wrong(void **state)
{
    (void)state;
    bad("sumary", "did you mean \"summary\"");
    bad("flsh domain x", "did you mean \"flush domain\"");
    bad("message", "message details, message retry, message fail");
    bad("message explode 1", "unknown command \"message explode\"");
    bad("xyzzy-nothing-like-it", "see \"help\"");
    bad("active", "usage: active N");
    bad("active five", "\"five\" is no number");
    bad("active -1", "is no number");
    bad("domain absent.test", "no such domain");
    bad("mailq -d", "usage: mailq");
    bad("mailq -l x", "usage: mailq");
    bad("showqueue x.test 1,2,3", "LIMIT");
    bad("fail domain all", "not given up by accident");
    bad("fail domain quiet", "usage: fail domain");
    bad("cancel job 3", "no job 3");
    bad("config reload relative.conf", "a path from /");
    bad("config reload /bad.conf", "Reconfigure failed");
    bad("config check /etc/passwd", "impel itself");
    bad("config convert /etc/passwd", "impel itself");
    bad("help nothing", "no such command");
    fake.drained = true;
    bad("fail domain x.test", "is stopping");
    fake.drained = false;
}

static void
test_process(void **state)
{
    (void)state;
    good("summary reset", "reset\n");
    good("reopen logs", "");
    assert_int_equal(fake.reopens, 1);
    good("config reload", "");
    good("config reload /etc/other.conf", "");
    assert_int_equal(fake.reloads, 2);
    good("shutdown", "");
    assert_int_equal(fake.shutdowns, 1);
    good("pid", "");
    good("version", "");
    good("listeners", "");
    good("module list", "");
    good("jobs", "");
    good("show inbound", "");
    assert_string_equal(answer.p, "[1] inbound\n");
}

static void
test_config(void **state)
{
    (void)state;
    good("config eval domain x.test retry_interval", "");
    assert_null(strstr(answer.p, "gateway"));
    good("config explain domain y.test retry_interval", "");
    assert_null(strstr(answer.p, "gateway"));
    good("config explain domain X.test retry_interval", "");
    assert_non_null(strstr(answer.p, "ask for domain gw.test"));
    good("config set retry_interval 90", "");
    assert_int_equal(fake.adopts, 1);
    bad("config set no_such_option 1", "no_such_option");
    assert_int_equal(fake.adopts, 1);
    fake.modules_refuse = true;
    bad("config set retry_interval 91", "Reconfigure failed");
    assert_int_equal(fake.adopts, 1);
}

/* Every command answers exactly once, in JSON with a document, whatever the
 * number of its arguments. */
static void
test_json(void **state)
{
    size_t count;
    const struct command *table = commands_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (int args = 0; args < 4; args++) {
            char line[100];
            snprintf(line, sizeof(line), "%s%s%s%s", table[i].words,
                args > 0 ? " 1" : "", args > 1 ? " 2" : "",
                args > 2 ? " 3" : "");
            const char *text = run(line, true);
            json_t *doc = ok ? json_loads(text, 0, NULL) : NULL;
            if (ok && !doc)
                fail_msg("%s: '%s' is no document", line, text);
            if (!ok)
                assert_true(answer.n > 0);
            json_decref(doc);
        }
}

static void
test_json_merge(void **state)
{
    (void)state;
    json_t *doc = json_loads(run("mailq -d a.test -d b.test", true), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(doc, "QueueSummary")), 2);
    json_decref(doc);
    /* a text that is no document, and no UTF-8, becomes one */
    doc = json_loads(run("showqueue x.test", true), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(doc, "text")),
        "[active/default] \xef\xbf\xbd");
    json_decref(doc);
}

static void
test_later(void **state)
{
    (void)state;
    fake.hold = true;
    (void)run("flush domain all", false);
    assert_false(answered);
    fake_progress(1, 2); /* nobody wants it */
    fake_reply(ERR_LIMIT, "too much");
    assert_true(answered);
    assert_false(ok);
    assert_string_equal(answer.p, "too much");
}

static void
complete(const char *line, size_t want, const char *more, const char *list)
{
    struct buf m = BUF_INIT, l = BUF_INIT;
    assert_int_equal(impel_complete(str_of(line), &m, &l), want);
    assert_str(buf_get(&m), more);
    if (list)
        assert_str(buf_get(&l), list);
    buf_fini(&m);
    buf_fini(&l);
}

static void
test_dns(void **state)
{
    (void)state;
    fake_dns_fill();
    good("dns_cache list", "");
    assert_str(buf_get(&answer),
        "kept.test MX: ok, TTL 60 s, from the cache\n  10 mx.kept.test\n");
    good("dns_cache show kept.test", "");
    assert_non_null(strstr(answer.p, "10 mx.kept.test"));
    good("dns_cache list 0", "");
    good("dns_cache show other.test", "");
    assert_non_null(strstr(answer.p, "nothing of it"));
    bad("dns_cache list x", "x");
    good("dig kept.test mx", "");
    assert_non_null(strstr(answer.p, "from the cache"));
    good("dig other.test", "");
    assert_str(buf_get(&answer),
        "other.test MX: no such name, TTL 5 s, asked now\n"
        "other.test A: no such name, TTL 5 s, asked now\n");
    assert_non_null(strstr(
        run("dig kept.test MX", true), "\"value\": \"10 mx.kept.test\""));
    bad("dig kept.test NAPTR", "usage: dig NAME");
    bad("dig", "usage: dig NAME");
    good("dns_cache flush kept.test", "");
    good("dns_cache show kept.test", "");
    assert_non_null(strstr(answer.p, "nothing of it"));
    fake_dns_fill();
    good("dns_cache flush all", "");
    assert_non_null(strstr(run("dns_cache list", true), "\"answers\": []"));
}

static void
test_mta_sts(void **state)
{
    (void)state;
    good("mta_sts list", "");
    assert_str(buf_get(&answer),
        "sts.test: enforce, id abc1\nsts.test: enforce, id abc1\n");
    good("mta_sts list 1", "");
    assert_str(buf_get(&answer), "sts.test: enforce, id abc1\n");
    good("mta_sts list 0", "");
    assert_non_null(strstr(answer.p, "no domain is known"));
    bad("mta_sts list x", "x");
    good("mta_sts show sts.test", "");
    assert_str(buf_get(&answer),
        "sts.test: enforce, id abc1\n"
        "version: STSv1\nmode: enforce\nmx: mx.sts.test\n"
        "mx: *.mx.sts.test\nmax_age: 86400\n"
        "fetched 1970-01-01T00:00:01.000Z\n"
        "in force until 1970-01-02T00:00:01.000Z\n"
        "record: abc1\n"
        "record looked at 1970-01-01T00:00:02.000Z\n");
    assert_non_null(
        strstr(run("mta_sts show sts.test", true), "\"mode\": \"enforce\""));
    assert_non_null(strstr(run("mta_sts list", true), "\"mx.sts.test\""));
    bad("mta_sts show other.test", "nothing is known of other.test");
    bad("mta_sts show", "usage: mta_sts show DOMAIN");
    good("mta_sts refresh sts.test", "");
    assert_non_null(strstr(answer.p, "sts.test is being asked for"));
    bad("mta_sts refresh other.test", "it is being asked for already");
}

static void
test_tls_report(void **state)
{
    (void)state;
    good("tls_report list", "");
    assert_str(buf_get(&answer), "nothing was counted\n");
    good("tls_report show x.test", "");
    assert_str(buf_get(&answer), "[]\n");
    bad("tls_report show y.test", "nothing was counted for it");
    bad("tls_report show", "usage: tls_report show DOMAIN");
    good("tls_report send x.test", "report x.test\n");
    assert_non_null(strstr(answer.p, "2 reports of x.test"));
    bad("tls_report send y.test", "nothing was counted for it");
    bad("tls_report list x", "usage: tls_report list");
}

/* Names as the queues have them; what nothing has is a slip. */
static void
test_trace_smtp(void **state)
{
    (void)state;
    good("trace smtp add * * /t/a", "trace - -/ /t/a 640 104857600\n");
    assert_str(buf_get(&answer), "Registered smtp tracer #7");
    good("trace smtp add default X.Test /t/a",
        "trace default x.test/ /t/a 640 104857600\n");
    good("trace smtp add * 10.1.2.3/8 /t/a",
        "trace - -/10.0.0.0/8 /t/a 640 104857600\n");
    good("trace smtp add * [::1] /t/a", "trace - -/::1 /t/a 640 104857600\n");
    bad("trace smtp add none * /t/a", "no binding none is configured");
    bad("trace smtp add * * /t/full", "trace_smtp_size");
    bad("trace smtp add * /t/a", "usage: trace smtp add BINDING|*");
    good("trace smtp list", "");
    assert_str(buf_get(&answer), "no smtp tracers\n");
    fake.traces = true;
    good("trace smtp list", "");
    assert_str(buf_get(&answer),
        "#7    * x.test /t/a: 99 of 4096 octets, 1 session\n"
        "#8    b 10.0.0.0/8 /t/b: 0 of 4096 octets, 0 sessions, full\n");
    assert_non_null(
        strstr(run("trace smtp list", true), "\"what\": \"10.0.0.0/8\""));
    bad("trace smtp list x", "usage: trace smtp list");
    good("trace smtp remove 7", "untrace 7\n");
    good("trace smtp remove #7", "untrace 7\n");
    bad("trace smtp remove 9", "no smtp tracer #9");
    bad("trace smtp remove x", "x");
}

static void
test_complete(void **state)
{
    (void)state;
    complete("summ", 1, "ary ", "summary");
    complete("fl", 1, "ush ", "flush");
    complete("  flush   d", 1, "omain ", "domain");
    complete("message ", 3, "", "details retry fail");
    complete("json mai", 1, "lq ", "mailq");
    complete("s", 6, "", "summary showqueue spool suspend show shutdown");
    complete("active ", 2, "", NULL); /* its arguments */
    complete("nonsense", 0, "", "");
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_overrides, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_count_outbound, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_chosen_mail, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_queues, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_wrong, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_process, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_config, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_json_merge, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_later, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_dns, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_mta_sts, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_tls_report, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_trace_smtp, set_up, tear_down),
    cmocka_unit_test(test_complete))
