/* SPDX-License-Identifier: Apache-2.0
 *
 * test-metrics.c - summary, metrics, health.
 */
#include "unit.h"

#include <jansson.h>
#include "base/clock.h"
#include "conf_support.h"
#include "ctl/metrics.h"
#include "fake_scheduler.h"

enum { START = 1700000000 };
static struct generation *generation;
static struct control_config config;

static int
set_up(void **state)
{
    (void)state;
    fake_reset();
    conf_support_options();
    generation = conf_support_load("ESMTP_Listener { }\n", false);
    fake_config(&config, NULL, generation);
    clock_fake(1000, (int64_t)(START + 100) * 1000);
    fake.queue.started_at = (int64_t)START * 1000;
    fake.queue.reset_at = (int64_t)(START + 50) * 1000;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    clock_real();
    generation_unref(&generation);
    fake_reset();
    return 0;
}

static void
test_summary(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    fake.queue.active = 3;
    fake.queue.lent = 1;
    fake.queue.delayed = 5;
    fake.queue.delivered = 100;
    metrics_summary(&config, false, &out);
    assert_non_null(strstr(out.p, "Active Queue Size:         4\n"));
    assert_non_null(strstr(out.p, "Total Queue Size:          9\n"));
    assert_non_null(
        strstr(out.p, "Delivery Rate:             2.000 per second"));
    assert_non_null(
        strstr(out.p, "Uptime:                    0 days 00:01:40\n"));
    buf_fini(&out);
}

static void
test_summary_json(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    fake.queue.delayed = 5;
    fake.intake.received_recipients = 20;
    fake.intake.rejected = 5;
    metrics_reset(&config);
    fake.intake.received_recipients += 30;
    fake.intake.rejected += 10;
    fake.dns.queries[2] = 9;
    metrics_summary(&config, true, &out);
    json_t *doc = json_loads(out.p, 0, NULL);
    assert_non_null(doc);
    assert_int_equal(
        json_integer_value(json_object_get(doc, "TotalQueueSize")), 5);
    assert_int_equal(
        json_integer_value(json_object_get(doc, "DNSMXQueries")), 9);
    assert_true(
        json_real_value(json_object_get(doc, "RejectionPercentage")) == 25);
    assert_int_equal(json_integer_value(json_object_get(doc, "Uptime")), 100);
    json_decref(doc);
    buf_fini(&out);
}

/* The clock may have been set back: no rate, no uptime below zero. */
static void
test_clock_back(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    clock_fake(1000, 5);
    fake.queue.delivered = 100;
    metrics_summary(&config, false, &out);
    assert_non_null(strstr(out.p, "0 days 00:00:00"));
    assert_non_null(strstr(out.p, "Delivery Rate:             0.000"));
    buf_fini(&out);
}

static void
check_metric_line(struct str line)
{
    if (str_starts(line, STR("# HELP ")) || str_starts(line, STR("# TYPE ")))
        return;
    assert_true(str_starts(line, STR("impel_")));
    size_t blank = str_rchr(line, ' ');
    assert_true(blank != SIZE_MAX && blank + 1 < line.n);
    for (size_t i = blank + 1; i < line.n; i++)
        assert_true(line.p[i] >= '0' && line.p[i] <= '9');
}

static void
test_metrics(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    fake.queue.lent = 12;
    metrics_print(&config, &out);
    struct str rest = buf_get(&out);
    while (rest.n)
        check_metric_line(str_cut(&rest, '\n'));
    assert_non_null(strstr(out.p, "impel_parcels{state=\"lent\"} 12\n"));
    assert_non_null(strstr(out.p, "impel_module_toy_module_replies 7\n"));
    buf_fini(&out);
}

static void
health(int want, const char *part)
{
    struct buf out = BUF_INIT;
    int level = metrics_health(&config, false, &out);
    assert_int_equal(level, want);
    assert_non_null(strstr(out.p, part));
    buf_cut(&out, 0);
    assert_int_equal(metrics_health(&config, true, &out), want);
    json_t *doc = json_loads(out.p, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(doc, "code")), want);
    assert_int_equal(
        json_array_size(json_object_get(doc, "problems")) > 0, want > 0);
    json_decref(doc);
    buf_fini(&out);
}

static void
test_health(void **state)
{
    (void)state;
    health(0, "ok\n");
    fake.spool.recovering = 1;
    health(1, "degraded: the spool is still being read");
    fake.intake.credits_limit = 1000;
    fake.intake.credits_used = 901;
    health(1, "reception_memory");
    fake.dns.queries[0] = 100;
    fake.dns.timeouts[0] = 51;
    health(1, "51 of 100 questions");
    (void)str_copy(
        fake.spool.alarm, sizeof(fake.spool.alarm), STR("the disk is full"));
    health(2, "ill: the spool takes no mail: the disk is full");
    fake.queue.draining = true;
    health(2, "is stopping");
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_summary, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_summary_json, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_clock_back, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_health, set_up, tear_down))
