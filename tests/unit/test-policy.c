/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <impel/module.h>
#include "conf_support.h"
#include "intake/intake_options.h"
#include "base/clock.h"
#include "intake/bounces.h"
#include "intake/inbound_throttle.h"
#include "intake/mcmt.h"
#include "intake/policy.h"
#include "route/relay.h"
#include "intake/trust.h"

static struct intake in;
static struct intake_loop il = {.intake = &in};
static struct intake_session is;
static struct generation *g;
static struct str binding; /* of the message; absent: none yet */

static void
configure(const char *conf)
{
    if (g)
        generation_unref(&g);
    g = conf_support_load(conf, false);
    memset(&is, 0, sizeof(is));
    is.il = &il;
    is.generation = g;
    is.scope = generation_global(g);
}

/* The listener's own values: the first listen's scope. */
static void
configure_listener(const char *body)
{
    char conf[1024];
    snprintf(conf, sizeof(conf),
        "ESMTP_Listener { Listen \"127.0.0.1:25\" { %s } }\n", body);
    configure(conf);
    const struct stanza *l =
        generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, NULL);
    is.scope = stanza_scope(generation_stanza(g, IMPEL_SCOPE_LISTEN, l, NULL));
}

static int
rcpt_code(const char *sender, const char *to)
{
    struct impel_result r;
    return policy_recipient(
               &is, binding, str_of(sender), str_of(to), false, &r) < 0
        ? r.code
        : 250;
}

static int
sender_code(const char *from, bool utf8)
{
    struct impel_result r;
    return policy_sender(&is, str_of(from), utf8, &r) < 0 ? r.code : 250;
}

static void
relaying_is_closed_by_default(void **state)
{
    (void)state;
    configure_listener("");
    assert_int_equal(rcpt_code("a@b.test", "x@any.test"), 550);
    is.can_relay = true;
    assert_int_equal(rcpt_code("a@b.test", "x@any.test"), 250);
}

static bool
trusts(const char *address)
{
    struct cidr c = {0};
    if (address)
        assert_int_equal(cidr_parse(str_of(address), 0, &c, NULL), 0);
    return trust_has(is.scope, &c);
}

static void
nobody_is_trusted_unless_it_is_said(void **state)
{
    (void)state;
    configure_listener("Open_Relay = true Relay_Hosts = ( 127.0.0.0/8 )");
    assert_false(trusts("127.0.0.1"));
    configure_listener("Trusted_Peers = ( 127.0.0.0/8 2001:db8::1 )");
    assert_true(trusts("127.0.0.1"));
    assert_true(trusts("::ffff:127.0.0.1"));
    assert_true(trusts("2001:db8::1"));
    assert_false(trusts("2001:db8::2"));
    assert_false(trusts("128.0.0.1"));
    assert_false(trusts(NULL)); /* a unix socket */
    configure("Trusted_Peers = ( 10.0.0.0/8 )");
    assert_true(trusts("10.1.2.3"));
}

static void
relay_domains_are_globs(void **state)
{
    (void)state;
    configure_listener("Relay_Domains = ( here.test *.sub.test *loose.test )");
    assert_int_equal(rcpt_code("", "x@HERE.test"), 250);
    assert_int_equal(rcpt_code("", "x@a.sub.test"), 250);
    assert_int_equal(rcpt_code("", "x@sub.test"), 550);
    assert_int_equal(rcpt_code("", "x@badloose.test"), 250);
    assert_int_equal(rcpt_code("", "x@nothere.test"), 550);
}

static bool
relays(const char *domain)
{
    return relay_glob(
        is.scope, OPT(intake_options, INTAKE_RELAY_DOMAINS), str_of(domain));
}

static void
either_spelling_of_a_domain(void **state)
{
    (void)state;
    configure_listener("Relay_Domains = ( \"b\xc3\xbc"
                       "cher.test\""
                       " \"*.f\xc3\xbcr.test\" xn--bcher-kva.example )");
    assert_true(relays("B\xc3\x9c"
                       "cher.test"));
    assert_true(relays("xn--bcher-kva.test"));
    assert_true(relays("b\xc3\xbc"
                       "cher.example"));
    assert_true(relays("a.xn--fr-xka.test"));
    assert_true(relays("a.f\xc3\xbcr.test"));
    assert_false(relays("f\xc3\xbcr.test"));
    assert_false(relays("bucher.test"));
}

static void
senders_may_relay(void **state)
{
    (void)state;
    configure_listener("Relay_For_Sending_Domains = ( ours.test )");
    assert_int_equal(rcpt_code("a@ours.test", "x@any.test"), 250);
    assert_int_equal(rcpt_code("a@other.test", "x@any.test"), 550);
    assert_int_equal(rcpt_code("", "x@any.test"), 550);
}

static void
senders_are_checked(void **state)
{
    (void)state;
    configure("");
    assert_int_equal(sender_code("", false), 250);
    assert_int_equal(sender_code("a@b.test", false), 250);
    assert_int_equal(sender_code("nodomain", false), 553);
    assert_int_equal(sender_code("a@b..test", false), 553);
    assert_int_equal(sender_code("gr\xc3\xa5@b.test", false), 553);
    assert_int_equal(sender_code("gr\xc3\xa5@b.test", true), 250);
    configure("Allow_Null_Envelope_Sender = false\nAllow_IP_Literal = false\n");
    assert_int_equal(sender_code("", false), 550);
    assert_int_equal(sender_code("a@[192.0.2.1]", false), 553);
}

static int
message_code(const struct content_facts *f, const char *header)
{
    struct impel_result r;
    return policy_message(&is, 0, f, str_of(header), &r) < 0 ? r.code : 250;
}

static void
messages_are_checked(void **state)
{
    (void)state;
    struct content_facts f = {.body_size = 100, .max_line = 80};
    configure("");
    assert_int_equal(message_code(&f, "Subject: x\r\n\r\n"), 250);
    assert_int_equal(message_code(&f, "no header\r\n"), 550);
    f.bare_lf = true;
    assert_int_equal(message_code(&f, "Subject: x\r\n\r\n"), 550);
    f.bare_lf = false;
    f.bare_cr = true;
    assert_int_equal(message_code(&f, "Subject: x\r\n\r\n"), 550);
    configure(
        "RFC2822_Lone_LF_In_Body = \"fix\"\n"); /* who mends has done so */
    assert_int_equal(message_code(&f, "Subject: x\r\n\r\n"), 550);
}

static void
containers(void **state)
{
    static const struct {
        const char *header;
        bool is;
    } rows[] = {{"Content-Type: multipart/vnd.msys.mcmt; boundary=b\r\n", true},
        {"content-type:\r\n\tMultipart/VND.msys.MCMT\r\n", true},
        {"Content-Type: multipart/vnd.msys.mcmtx; boundary=b\r\n", false},
        {"Content-Type: multipart/mixed\r\n", false},
        {"Subject: multipart/vnd.msys.mcmt\r\n", false}};
    struct content_facts f = {.body_size = 100, .max_line = 80};
    const struct scope *s;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(mcmt_is_container(str_of(rows[i].header)), rows[i].is);
        configure("Mcmt_Reception = reject\n");
        assert_int_equal(
            message_code(&f, rows[i].header), rows[i].is ? 554 : 250);
        configure("Mcmt_Reception = allow\n");
        assert_int_equal(message_code(&f, rows[i].header), 250);
        configure("");
        assert_int_equal(message_code(&f, rows[i].header), 250);
    }
    s = is.scope;
    assert_false(mcmt_is_allowed(s, STR("esmtp")));
    assert_true(mcmt_is_allowed(s, STR("ecstream")));
    configure("Mcmt_Reception = allow\n");
    assert_true(mcmt_is_allowed(is.scope, STR("esmtp")));
    configure("Mcmt_Reception = reject\n");
    assert_false(mcmt_is_allowed(is.scope, STR("ecstream")));
}

/* Its header is lines, and all of it was seen: a report returns all of it. */
static void
octets_have_a_header(void **state)
{
    static const struct {
        const char *header;
        uint64_t more;
        int code;
    } rows[] = {{"Subject: x\r\n\r\n", 0, 0}, {"A: x\n\r\n", 0, 550},
        {"A: x\ry\r\n\r\n", 0, 550}, {"A: x\r\n", 1, 552}};

    (void)state;
    configure("");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str header = str_of(rows[i].header);
        struct content_facts f = {.body_size = 100000,
            .header_size = header.n + rows[i].more,
            .bare_lf = true};
        struct impel_result r = {.code = 0};

        (void)policy_message(&is, IMPEL_NEED_BINARY, &f, header, &r);
        assert_int_equal(r.code, rows[i].code);
    }
}

static void
loops_and_sizes_are_refused(void **state)
{
    (void)state;
    struct content_facts f = {.body_size = 100};
    configure("Max_Received_Headers = 2\n");
    const char *loop = "Received: a\r\nReceived: b\r\nReceived: c\r\n\r\n";
    assert_int_equal(message_code(&f, loop), 554);
    assert_int_equal(message_code(&f, strchr(loop, '\n') + 1), 250);
    configure_listener("Max_Message_Size = 99");
    assert_int_equal(message_code(&f, "Subject: x\r\n\r\n"), 552);
}

static void
names_at_the_greeting(void **state)
{
    (void)state;
    struct impel_result r;
    configure("");
    assert_int_equal(policy_greet(&is, STR("host.test"), &r), 0);
    assert_int_equal(policy_greet(&is, STR("[192.0.2.1]"), &r), 0);
    assert_int_equal(policy_greet(&is, STR(""), &r), -1);
    assert_int_equal(policy_greet(&is, STR("two words"), &r), -1);
    is.over_limit = true;
    assert_int_equal(policy_greet(&is, STR("host.test"), &r), -1);
    assert_int_equal(r.code, 421);
    assert_int_equal(r.status[2], 5);
}

static int
options(void **state)
{
    (void)state;
    conf_support_options();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    generation_unref(&g);
    return 0;
}

/* bounce_domains are accepted like relay domains; what is taken for a bounce is
 * said by bounce_pattern, in domain stanzas too. */
static void
bounce_domains(void **state)
{
    (void)state;
    configure("bounce_domains = ( b.test *.b.test )\n"
              "domain p.b.test { bounce_pattern = \"^ret-\" }\n");
    assert_int_equal(rcpt_code("", "any@b.test"), 250);
    assert_int_equal(rcpt_code("", "any@B.test"), 250);
    assert_int_equal(rcpt_code("", "any@p.b.test"), 250);
    assert_int_equal(rcpt_code("", "any@else.test"), 550);
    assert_true(bounces_takes(&is, STR("any@b.test")));
    assert_true(bounces_takes(&is, STR("ret-1@p.b.test")));
    assert_false(bounces_takes(&is, STR("any@p.b.test")));
    assert_false(bounces_takes(&is, STR("any@else.test")));
    assert_false(bounces_takes(&is, STR("any")));
}

static void
blackholes_inline(void **state)
{
    (void)state;
    configure("relay_domains = ( a.test b.test c.test )\n"
              "domain b.test { blackhole = inline }\n"
              "domain \"/^c/\" { blackhole = internal }\n"
              "binding deaf { blackhole = inline\n"
              "  domain b.test { blackhole = no } }\n");
    assert_int_equal(rcpt_code("", "x@a.test"), 250);
    assert_int_equal(rcpt_code("", "x@b.test"), 551);
    assert_int_equal(rcpt_code("", "x@c.test"), 250);
    binding = STR("deaf");
    assert_int_equal(rcpt_code("", "x@a.test"), 551);
    assert_int_equal(rcpt_code("", "x@b.test"), 250);
    binding = STR_NONE;
}

/* One count for the stanza that sets it; what is given back may be taken. */
static void
messages_in_a_window(void **state)
{
    struct inbound_charge c[4];
    struct err e;
    (void)state;
    clock_fake(1000, 1700000000000);
    inbound_throttle_init(&in);
    il.loop = loop_new("test", &e);
    configure_listener("");
    for (int i = 0; i < 4; i++) {
        assert_true(inbound_throttle_take(&is, &c[i]));
        assert_null(c[i].of);
    }
    configure_listener("Inbound_Throttle_Messages = \"2/10\"");
    assert_true(inbound_throttle_take(&is, &c[0]));
    assert_true(inbound_throttle_take(&is, &c[1]));
    assert_false(inbound_throttle_take(&is, &c[2]));
    assert_null(c[2].of);
    inbound_throttle_refund(&in, &c[0]);
    inbound_throttle_refund(&in, &c[0]); /* once */
    assert_true(inbound_throttle_take(&is, &c[2]));
    assert_false(inbound_throttle_take(&is, &c[3]));
    configure_listener("Inbound_Throttle_Messages = \"3/10\""); /* a reload */
    assert_true(inbound_throttle_take(&is, &c[3]));
    assert_false(inbound_throttle_take(&is, &c[0]));
    clock_advance(10200);
    loop_turn(il.loop, 0);
    assert_true(inbound_throttle_take(&is, &c[0]));
    inbound_throttle_fini(&in);
    loop_free(&il.loop);
    clock_real();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relaying_is_closed_by_default),
        cmocka_unit_test(nobody_is_trusted_unless_it_is_said),
        cmocka_unit_test(relay_domains_are_globs),
        cmocka_unit_test(either_spelling_of_a_domain),
        cmocka_unit_test(senders_may_relay),
        cmocka_unit_test(senders_are_checked),
        cmocka_unit_test(messages_are_checked),
        cmocka_unit_test(containers),
        cmocka_unit_test(octets_have_a_header),
        cmocka_unit_test(loops_and_sizes_are_refused),
        cmocka_unit_test(names_at_the_greeting),
        cmocka_unit_test(bounce_domains),
        cmocka_unit_test(blackholes_inline),
        cmocka_unit_test(messages_in_a_window),
    };
    return cmocka_run_group_tests(tests, options, end);
}
