/* SPDX-License-Identifier: Apache-2.0
 *
 * Golden records, and which of them go into which file.
 */
#include "queue_world.h"

#include <sys/stat.h>
#include <unistd.h>

#include "conf_support.h"
#include "base/log.h"
#include "loop/logfile.h"
#include "queue/logrecord.h"
#include "queue/maillog.h"

static struct message *m;
static struct result r;

static struct maillog_outcome
outcome_for(int verdict, int code, const char *status, const char *text)
{
    result_fini(&r);
    result_set(
        &r, verdict, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, code, status, text);
    return (struct maillog_outcome){.message = m,
        .id = m->id,
        .rcpt = 1,
        .domain = STR("x.test"),
        .binding = STR("b1"),
        .group = STR("g1"),
        .peer_addr = STR("192.0.2.1"),
        .connection = 9,
        .size = 2168,
        .bytes_sent = 100,
        .retries = 2,
        .age_ms = 61234,
        .result = &r};
}

static void
golden(struct buf *b, const char *want)
{
    assert_str(buf_get(b), want);
    buf_cut(b, 0);
}

#define IDS "00/00-00000-01000101@00/00-00000-01000100@00/00-00000-00000009"

static void
test_records(void **state)
{
    struct maillog_outcome o;
    struct buf b = BUF_INIT;

    (void)state;
    o = outcome_for(IMPEL_DELIVERED, 250, "2.0.0", "ok");
    logrecord_outcome(&b, false, 'D', &o);
    golden(&b, "1700000000@" IDS "@D@x.test@2168@g1@b1@2@61.234@192.0.2.1");
    o = outcome_for(IMPEL_RETRY, 452, "4.2.2", "full @ 100\\%");
    logrecord_outcome(&b, true, 'T', &o);
    golden(&b,
        "1700000000000000@" IDS "@T@x.test@100@g1@b1@5@2@61.234@192.0.2.1"
        "@452 4.2.2 full \\x40 100\\\\%");
    logrecord_bounce(&b, false, 'T', &o);
    golden(&b,
        "1700000000@" IDS "@T@b@x.test@s@from.test@g1@b1@5@22@2168"
        "@192.0.2.1@452 4.2.2 full \\x40 100\\\\%");
    o.message = NULL;
    o.connection = 0;
    o.peer_addr = STR("");
    logrecord_bounce(&b, false, 'B', &o);
    golden(&b,
        "1700000000@00/00-00000-01000101@00/00-00000-01000100@@B@"
        "@x.test@@@g1@b1@5@22@2168@@452 4.2.2 full \\x40 100\\\\%");
    m->env.connection = 8;
    logrecord_reception(&b, false, m, 0, 77, STR("g1"), STR("default"));
    golden(&b,
        "1700000000@00/00-00000-01000100@00/00-00000-01000100@"
        "00/00-00000-00000008@R@a@x.test@s@from.test@198.51.100.7@77@"
        "esmtp@g1@default");
    buf_fini(&b);
}

static void
test_escapes(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    logrecord_field(&b, str_make("a\nb\0c\x7f\x01", 7));
    golden(&b, "a\\x0ab\\x00c\\x7f\\x01");
    logrecord_field(&b, STR("j\xc3\xb6rg"));
    golden(&b, "j\xc3\xb6rg");
    logrecord_json_str(&b, str_make("\"\\\n\x7f\xc3\xb6\xff\xc0\x80", 9));
    golden(&b, "\"\\\"\\\\\\u000a\\u007f\xc3\xb6\\ufffd\\ufffd\\ufffd\"");
    buf_fini(&b);
}

static void
test_json(void **state)
{
    struct maillog_outcome o =
        outcome_for(IMPEL_FAILED, 550, "5.1.1", "no such user");
    struct buf b = BUF_INIT;

    (void)state;
    logrecord_json_outcome(&b, 'P', &o);
    golden(&b,
        "{\"type\":\"failure\",\"time\":\"2023-11-14T22:13:20.000Z\","
        "\"message\":\"00/00-00000-01000101\","
        "\"batch\":\"00/00-00000-01000100\","
        "\"connection\":\"00/00-00000-00000009\",\"domain\":\"x.test\","
        "\"recipient\":\"b@x.test\",\"sender\":\"s@from.test\","
        "\"binding_group\":\"g1\",\"binding\":\"b1\",\"size\":2168,"
        "\"bytes_sent\":100,\"retries\":2,\"age_ms\":61234,"
        "\"peer\":\"192.0.2.1\",\"code\":550,\"status\":\"5.1.1\","
        "\"text\":\"no such user\",\"stage\":\"rcpt\",\"blame\":\"rcpt\","
        "\"bounce_class\":10,\"bounce_class_name\":\"Invalid Recipient\"}");
    buf_fini(&b);
}

static void
test_classes(void **state)
{
    static const struct {
        int code;
        const char *status, *text;
        int stage, want;
    } rows[] = {{550, "5.1.1", "unknown", IMPEL_AT_RCPT, 10},
        {450, "4.1.1", "unknown", IMPEL_AT_RCPT, 70},
        {552, "5.2.2", "full", IMPEL_AT_RCPT, 22},
        {452, "4.2.2", "full", IMPEL_AT_RCPT, 22},
        {552, "5.3.4", "big", IMPEL_AT_SENDER, 23},
        {451, "4.4.1", "[internal] Connection refused", 1, 24},
        {454, "4.4.4", "[internal] no MX or A", 1, 21},
        {554, "5.4.7", "[internal] exceeded max time", 0, 24},
        {550, "5.7.1", "Relaying denied", IMPEL_AT_RCPT, 54},
        {554, "5.7.1", "Looks like SPAM to me", IMPEL_AT_FINAL, 51},
        {554, "5.7.1", "go away", IMPEL_AT_FINAL, 50},
        {550, NULL, "no", IMPEL_AT_RCPT, 10},
        {421, NULL, "busy", IMPEL_AT_SENDER, 70},
        {0, NULL, "what", IMPEL_AT_FINAL, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct result one = {.retry_after = -1};

        result_set(&one, IMPEL_FAILED, 1, rows[i].stage, rows[i].code,
            rows[i].status, rows[i].text);
        if (maillog_bounce_class(&one) != rows[i].want)
            fail_msg("row %zu: %d", i, maillog_bounce_class(&one));
        result_fini(&one);
    }
    assert_string_equal(maillog_bounce_class_name(22), "Mailbox Full");
    assert_string_equal(maillog_bounce_class_name(12345), "Undetermined");
}

static char dir[] = "/tmp/impel-maillog-XXXXXX";

static char *
slurp(const char *name)
{
    static char text[8192];
    char path[256];
    size_t n;
    FILE *f;

    logfile_sync_all();
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    (void)unlink(path);
    return text;
}

static void
test_files(void **state)
{
    struct maillog_outcome o =
        outcome_for(IMPEL_FAILED, 550, "5.1.1", "no such user");
    struct generation *g;
    struct err e = {0};
    char conf[1024];

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(logfile_start(&e), 0);
    (void)snprintf(conf, sizeof(conf),
        "ec_logger \"a\" { mainlog = \"%s/main\" rejectlog = "
        "\"file://%s/reject\" paniclog = \"%s/panic\"\n"
        " log_deliveries = false heartbeat = 10 }\n"
        "bounce_logger \"b\" { bouncelog = \"%s/bounce\" }\n",
        dir, dir, dir, dir);
    g = conf_support_load(conf, false);
    assert_int_equal(maillog_open(g, &e), 0);
    maillog_permanent(&o);
    assert_non_null(strstr(slurp("main"), "@P@x.test@100@"));
    assert_non_null(strstr(slurp("bounce"), "@B@b@x.test@"));
    maillog_reopen();
    maillog_delivery(&o);
    maillog_reception(m, g);
    maillog_rejection(&(struct maillog_rejection){.connection = 3,
        .peer = STR("192.0.2.9:40"),
        .local = STR("192.0.2.1:25"),
        .helo = STR("a \"b\""),
        .sender = STR("s@a.test"),
        .rcpt = STR("r@b.test"),
        .phase = STR("rcptto"),
        .text = STR("550 5.7.1 relaying denied")});
    log_write(LOG_LEVEL_ERROR, LOG_QUEUE, "it-broke", "n=%d", 1);
    assert_null(strstr(slurp("main"), "@D@"));
    assert_string_equal(slurp("reject"),
        "1700000000: R=\"192.0.2.9:40\" L=\"192.0.2.1:25\" "
        "C=\"00/00-00000-00000003\" PATH=\"\" PATH_GRP=\"\" P=\"rcptto\" "
        "E=550 M=core CTXCONN=[can_relay=false,ehlo_string=\"a \\\"b\\\"\"] "
        "CTXMESS=[mailfrom_string=\"s@a.test\",rcptto_string=\"r@b.test\"] "
        "550 5.7.1 relaying denied\n");
    assert_non_null(strstr(slurp("panic"), "1700000000:"));
    maillog_heartbeat();
    clock_advance(10001);
    maillog_reopen();
    maillog_heartbeat();
    assert_string_equal(slurp("main"), "1700000010@@@@M\n");
    maillog_close();
    log_write(LOG_LEVEL_NOTICE, LOG_QUEUE, "to-stderr", "again=1");
    logfile_stop();
    generation_unref(&g);
    (void)snprintf(conf, sizeof(conf), "rm -rf %s", dir);
    assert_int_equal(system(conf), 0);
}

static int
setup(void **state)
{
    (void)state;
    clock_fake(1000000, (int64_t)WORLD_WALL * 1000);
    conf_support_options();
    world_begin("");
    m = world_message("default", "s@from.test", "a@x.test b@x.test");
    m->id = 0x1000100;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    result_fini(&r);
    message_unref(&m);
    world_end();
    return 0;
}

#define WITH(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
UNIT_MAIN(WITH(test_records), WITH(test_escapes), WITH(test_json),
    WITH(test_classes), WITH(test_files))
