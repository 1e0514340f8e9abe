/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <impel/module.h>
#include "base/clock.h"
#include "conf_support.h"
#include "intake/trace.h"

static const struct str header =
    STR("Received: from a\r\n\tby b\r\nFrom: x@y.test\r\nDate : today\r\n"
        "SUBJECT:no space\r\nReceived:\r\n\r\nReceived: in the body\r\n");

static void
fields_are_found_and_counted(void **state)
{
    (void)state;
    assert_int_equal(trace_count_fields(header, STR("received")), 2);
    assert_true(trace_has_field(header, STR("Date")));
    assert_true(trace_has_field(header, STR("subject")));
    assert_false(trace_has_field(header, STR("Subj")));
    assert_false(trace_has_field(header, STR("by")));
    assert_false(trace_has_field(STR(""), STR("Date")));
}

static void
words_of_fields(void **state)
{
    static const struct {
        const char *header;
        bool says;
    } rows[] = {{"TLS-Required: No\r\n\r\n", true},
        {"tls-required:no\r\nTo: a\r\n\r\n", true},
        {"TLS-Required:\r\n No \r\nTo: a\r\n\r\n", true},
        {"TLS-Required: No\r\n \t\r\n\r\n", true},
        {"TLS-Required: No\r\nTLS-Required: No\r\n\r\n", true},
        {"TLS-Required: No\r\nTLS-Required: Yes\r\n\r\n", false},
        {"TLS-Required: Yes\r\n\r\n", false},
        {"TLS-Required: No thanks\r\n\r\n", false},
        {"TLS-Required: No\r\n thanks\r\n\r\n", false},
        {"TLS-Required:\r\nTo: No\r\n\r\n", false},
        {"TLS-Required-2: No\r\n\r\n", false},
        {"Subject: TLS-Required: No\r\n\r\n", false},
        {"To: a\r\n\r\nTLS-Required: No\r\n", false}, {"", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (trace_says(str_of(rows[i].header), STR("TLS-Required"),
                STR("No")) != rows[i].says)
            fail_msg("%s", rows[i].header);
}

static void
a_header_begins_with_a_field(void **state)
{
    (void)state;
    assert_true(trace_is_header(header));
    assert_true(trace_is_header(STR("X:\r\n")));
    assert_false(trace_is_header(STR("\r\nbody")));
    assert_false(trace_is_header(STR("")));
    assert_false(trace_is_header(STR("no colon here\r\n")));
    assert_false(trace_is_header(STR(" folded: first\r\n")));
    assert_false(trace_is_header(STR(":x\r\n")));
}

static const char *protocol = "esmtp";
static uint32_t needs;

static struct buf
fields_before(
    const char *conf, const char *helo, const char *address, const char *body)
{
    static struct intake_session is;
    struct generation *g = conf_support_load(conf, false);
    struct message *m = message_new(0x1234);
    struct rcpt rc = {.address = str_of(address)};
    struct buf b = BUF_INIT;
    memset(&is, 0, sizeof(is));
    is.scope = generation_global(g);
    (void)str_copy(is.helo, sizeof(is.helo), str_of(helo));
    (void)str_copy(is.peer, sizeof(is.peer), STR("192.0.2.9"));
    m->env.protocol = str_of(protocol);
    m->env.needs = needs;
    m->env.rcpt = &rc;
    m->env.rcpt_count = 1;
    trace_fields(&is, m, m->env.needs & IMPEL_NEED_UTF8, str_of(body), &b);
    message_unref(&m);
    generation_unref(&g);
    return b;
}

static struct buf
fields_of(const char *conf, const char *helo, const char *address)
{
    return fields_before(conf, helo, address, "Subject: x\r\n\r\n");
}

static void
what_brought_it_has_a_word(void **state)
{
    static const struct {
        const char *protocol, *with, *utf8;
    } rows[] = {{"smtp", " with SMTP id", " with SMTP id"},
        {"esmtp", " with ESMTP id", " with UTF8SMTP id"},
        {"esmtps", " with ESMTPS id", " with UTF8SMTPS id"},
        {"esmtpa", " with ESMTPA id", " with UTF8SMTPA id"},
        {"ESMTPSA", " with ESMTPSA id", " with UTF8SMTPSA id"},
        {"lmtps", " with LMTPS id", " with UTF8LMTPS id"},
        {"other", "(Impel) id", "(Impel) id"}};
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        protocol = rows[i / 2].protocol;
        needs = i % 2 ? IMPEL_NEED_UTF8 : 0;
        struct buf b = fields_of("", "client.test", "to@dest.test");
        assert_non_null(
            strstr(b.p, i % 2 ? rows[i / 2].utf8 : rows[i / 2].with));
        buf_fini(&b);
    }
    protocol = "esmtp";
    needs = 0;
}

static void
a_name_has_no_eight_bit_bytes(void **state)
{
    (void)state;
    struct buf b = fields_of("", "cl\xc3\xa4nt.test", "to@dest.test");
    assert_non_null(strstr(b.p, "Received: from clnt.test ("));
    buf_fini(&b);
}

static void
text_without_a_header_stays_text(void **state)
{
    static const char *const bodies[] = {"hello there\r\n", "", "a b: c\r\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        struct buf b = fields_before("", "c.test", "to@dest.test", bodies[i]);
        assert_true(str_ends(buf_get(&b), STR("\r\n\r\n")));
        buf_fini(&b);
    }
    struct buf b = fields_before("", "c.test", "to@dest.test", "\r\nbody");
    assert_false(str_ends(buf_get(&b), STR("\r\n\r\n")));
    buf_fini(&b);
}

static void
received_and_what_is_missing_are_added(void **state)
{
    (void)state;
    struct buf b =
        fields_of("Hostname = relay.test\n", "client.test", "to@dest.test");
    const char *t = b.p;
    assert_non_null(strstr(t, "Received: from client.test ([192.0.2.9])\r\n"));
    assert_non_null(strstr(t, "by relay.test (Impel) with ESMTP id "));
    assert_non_null(strstr(t, "\r\n\tfor <to@dest.test>;\r\n\t"));
    assert_non_null(strstr(t, "\r\nDate: "));
    assert_non_null(strstr(t, "\r\nMessage-ID: <"));
    assert_true(str_ends(buf_get(&b), STR("@relay.test>\r\n")));
    buf_fini(&b);
}

static void
options_keep_fields_away(void **state)
{
    (void)state;
    struct buf b = fields_of("RFC2822_Trace_Headers = false\n"
                             "RFC2822_Date_Header = ignore\n"
                             "RFC2822_MessageID_Header = ignore\n",
        "client.test", "to@dest.test");
    assert_int_equal(b.n, 0);
    buf_fini(&b);
}

/* A peer cannot end the field and write one of its own. */
static void
a_peer_writes_no_fields(void **state)
{
    (void)state;
    struct buf b = fields_of(
        "Hostname = relay.test\n", "x\r\nBcc: all", "\"a\r\nb>c\"@dest.test");
    assert_null(strstr(b.p, "\nBcc"));
    assert_null(strstr(b.p, "\nb"));
    assert_non_null(strstr(b.p, "for <abc@dest.test>"));
    buf_fini(&b);
}

static int
options(void **state)
{
    (void)state;
    conf_support_options();
    clock_fake(1000, INT64_C(1790000000000));
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_and_counted),
        cmocka_unit_test(words_of_fields),
        cmocka_unit_test(a_header_begins_with_a_field),
        cmocka_unit_test(received_and_what_is_missing_are_added),
        cmocka_unit_test(options_keep_fields_away),
        cmocka_unit_test(what_brought_it_has_a_word),
        cmocka_unit_test(a_name_has_no_eight_bit_bytes),
        cmocka_unit_test(text_without_a_header_stays_text),
        cmocka_unit_test(a_peer_writes_no_fields),
    };
    return cmocka_run_group_tests(tests, options, NULL);
}
