/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "net/tlsreason.h"
#include "route/hoptls.h"
#include "route/route_options.h"
#include "route/stspolicy.h"
#include "route_world.h"

#define DIGEST \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define EE "030101" DIGEST
#define TA "020001" DIGEST
#define ON "use_dane = yes\n"

static char said[1200];

/* What a pick comes to: "clear", "delay 4.7.5 dnssec-invalid", or what the
 * session must do, as the key of its reuse has it. */
static const char *
pick_for(struct world *w, const char *domain, enum message_tls tls)
{
    struct destination to;
    struct domain *d;
    struct buf b = BUF_INIT;
    struct hop hop = {0};

    resolve_destination(w->g, STR("default"), str_of(domain), &to);
    to.tls = (uint8_t)tls;
    d = domain_get(w->resolver, &to);
    switch (world_pick(w, d, "default", &hop)) {
    case HOP_OK:
        if (hop.tls)
            tlsdemand_print(hop.tls, &b);
        else
            buf_cstr(&b, "clear");
        hop_closed(&hop, STR("default"), -1, generation_global(w->g));
        break;
    case HOP_WAIT:
        buf_cstr(&b, "wait");
        break;
    case HOP_DELAY:
        buf_printf(&b, "delay %u.%u.%u %s", hop.status[0], hop.status[1],
            hop.status[2], tlsreason_name(hop.why_tls));
        break;
    case HOP_FAIL:
        buf_printf(&b, "fail %u %u.%u.%u", hop.code, hop.status[0],
            hop.status[1], hop.status[2]);
        break;
    case HOP_DOWN:
        buf_cstr(&b, "down");
        break;
    case HOP_LIMIT:
        buf_cstr(&b, "limit");
        break;
    }
    (void)str_copy(said, sizeof(said), buf_get(&b));
    buf_fini(&b);
    domain_unref(&d);
    return said;
}

static const char *
pick(struct world *w, const char *domain)
{
    return pick_for(w, domain, MESSAGE_TLS_USUAL);
}

static void
tlsa(const char *name, const char *hex)
{
    char full[200];

    (void)snprintf(full, sizeof(full), "_25._tcp.%s", name);
    fake_dns_add(full, DNS_TLSA, 300, 0, hex);
}

/* d.test -> mx.host.test -> an address, with one record. */
static void
zone(void)
{
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
    fake_dns_add("mx.host.test", DNS_A, 300, 0, "10.0.0.1");
    tlsa("mx.host.test", EE);
    fake_dns_sign("d.test");
    fake_dns_sign("host.test");
}

#define VERIFIED_EE \
    "dane verified sni mx.host.test for mx.host.test 3 1 1 " DIGEST

static void
test_all_signed(void **state)
{
    struct world w;

    (void)state;
    zone();
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"), VERIFIED_EE);
    assert_int_equal(fake_dns_asked("_25._tcp.mx.host.test", DNS_TLSA), 1);
    assert_string_equal(pick(&w, "d.test"), VERIFIED_EE); /* kept */
    assert_int_equal(fake_dns_asked("_25._tcp.mx.host.test", DNS_TLSA), 1);
    world_close(&w);
}

/* Nobody pays who does not ask. */
static void
test_off(void **state)
{
    static const char *const confs[] = {"", "use_dane = no\n",
        ON "enable_dane = false\n",
        ON "domain d.test { enable_dane = false }\n",
        "domain other.test { use_dane = yes }\n",
        ON "delivery_method = LMTP\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
        struct world w;

        zone();
        world_open(&w, confs[i]);
        assert_string_equal(pick(&w, "d.test"), "clear");
        assert_int_equal(fake_dns_asked("_25._tcp.mx.host.test", DNS_TLSA), 0);
        world_close(&w);
    }
}

/* What each answer comes to: RFC 7672 2.2. */
static void
test_insecure_is_none(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
        int asked; /* for TLSA */
    } rows[] = {{"d.test", DNS_MX, 0}, {"mx.host.test", DNS_A, 0},
        {"_25._tcp.mx.host.test", DNS_TLSA, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int required = 0; required < 2; required++) {
            struct world w;

            zone();
            fake_dns_unsign(rows[i].name, rows[i].type);
            world_open(&w, required ? "use_dane = required\n" : ON);
            assert_string_equal(pick(&w, "d.test"),
                required ? "delay 4.7.5 dane-required" : "clear");
            assert_int_equal(fake_dns_asked("_25._tcp.mx.host.test", DNS_TLSA),
                rows[i].asked);
            world_close(&w);
        }
    }
}

static void
test_answers_about_tlsa(void **state)
{
    static const struct {
        enum dns_status status;
        const char *yes, *required;
    } rows[] = {{DNS_NODATA, "clear", "delay 4.7.5 dane-required"},
        {DNS_NXDOMAIN, "clear", "delay 4.7.5 dane-required"},
        {DNS_SERVFAIL, "delay 4.7.5 dnssec-invalid",
            "delay 4.7.5 dnssec-invalid"},
        {DNS_TIMEOUT, "delay 4.7.5 dnssec-invalid",
            "delay 4.7.5 dnssec-invalid"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int required = 0; required < 2; required++) {
            struct world w;

            zone();
            fake_dns_say("_25._tcp.mx.host.test", DNS_TLSA, rows[i].status);
            world_open(&w, required ? "use_dane = required\n" : ON);
            assert_string_equal(
                pick(&w, "d.test"), required ? rows[i].required : rows[i].yes);
            world_close(&w);
        }
    }
}

static void
test_records(void **state)
{
    static const struct {
        const char *record[3];
        const char *yes;
    } rows[] = {
        /* both usages, and the names below an authority */
        {{TA, NULL},
            "dane verified sni mx.host.test for mx.host.test,d.test 2 0 "
            "1 " DIGEST},
        {{EE, TA},
            "dane verified sni mx.host.test for mx.host.test,d.test 2 0 "
            "1 " DIGEST ", 3 1 1 " DIGEST},
        /* a change of keys: the old and the new */
        {{EE, "030101" OTHER},
            "dane verified sni mx.host.test for mx.host.test 3 1 1 " DIGEST
            ", 3 1 1 " OTHER},
        /* usages 0 and 1, unknown numbers, wrong sizes: TLS with whomever */
        {{"000101" DIGEST, "010101" DIGEST}, "dane encrypted sni mx.host.test"},
        {{"040101" DIGEST}, "dane encrypted sni mx.host.test"},
        {{"030201" DIGEST}, "dane encrypted sni mx.host.test"},
        {{"030103" DIGEST}, "dane encrypted sni mx.host.test"},
        {{"03010100"}, "dane encrypted sni mx.host.test"},
        {{"030102" DIGEST}, "dane encrypted sni mx.host.test"},
        {{""}, "dane encrypted sni mx.host.test"},
        {{"03"}, "dane encrypted sni mx.host.test"},
        {{"0301"}, "dane encrypted sni mx.host.test"},
        {{"030101"}, "dane encrypted sni mx.host.test"},
        /* one that can be used is enough */
        {{"010101" DIGEST, "", EE}, VERIFIED_EE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;

        fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
        fake_dns_add("mx.host.test", DNS_A, 300, 0, "10.0.0.1");
        fake_dns_sign("d.test");
        fake_dns_sign("host.test");
        for (int k = 0; k < 3 && rows[i].record[k]; k++)
            tlsa("mx.host.test", rows[i].record[k]);
        world_open(&w, ON);
        assert_string_equal(pick(&w, "d.test"), rows[i].yes);
        if (strstr(rows[i].yes, "encrypted")) {
            world_close(&w);
            fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
            fake_dns_add("mx.host.test", DNS_A, 300, 0, "10.0.0.1");
            fake_dns_sign("d.test");
            fake_dns_sign("host.test");
            tlsa("mx.host.test", rows[i].record[0]);
            world_open(&w, "use_dane = required\n");
            assert_string_equal(
                pick(&w, "d.test"), "delay 4.7.5 dane-required");
        }
        world_close(&w);
    }
}

/* RFC 7672 2.2.2 and 2.2.3: aliases, and which name the records are at. */
static void
test_aliases(void **state)
{
    struct world w;

    (void)state;
    /* all of it signed: where it leads first */
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
    fake_dns_add("mx.host.test", DNS_CNAME, 300, 0, "real.host.test");
    fake_dns_add("real.host.test", DNS_A, 300, 0, "10.0.0.1");
    tlsa("real.host.test", TA);
    tlsa("mx.host.test", EE);
    fake_dns_sign("d.test");
    fake_dns_sign("host.test");
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"),
        "dane verified sni real.host.test for real.host.test,mx.host.test,"
        "d.test 2 0 1 " DIGEST);
    world_close(&w);

    /* nothing there: then the name itself */
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
    fake_dns_add("mx.host.test", DNS_CNAME, 300, 0, "real.host.test");
    fake_dns_add("real.host.test", DNS_A, 300, 0, "10.0.0.1");
    tlsa("mx.host.test", EE);
    fake_dns_sign("d.test");
    fake_dns_sign("host.test");
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"), VERIFIED_EE);
    assert_int_equal(fake_dns_asked("_25._tcp.real.host.test", DNS_TLSA), 1);
    world_close(&w);

    /* a signed alias of a name that is not: only the name itself */
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
    fake_dns_add("mx.host.test", DNS_CNAME, 300, 0, "real.wild.test");
    fake_dns_add("real.wild.test", DNS_A, 300, 0, "10.0.0.1");
    tlsa("mx.host.test", EE);
    tlsa("real.wild.test", TA);
    fake_dns_sign("d.test");
    fake_dns_sign("host.test");
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"), VERIFIED_EE);
    assert_int_equal(fake_dns_asked("_25._tcp.real.wild.test", DNS_TLSA), 0);
    world_close(&w);

    /* the domain itself is an alias: both names count below an authority */
    fake_dns_add("d.test", DNS_CNAME, 300, 0, "e.test");
    fake_dns_add("e.test", DNS_MX, 300, 10, "mx.host.test");
    fake_dns_add("mx.host.test", DNS_A, 300, 0, "10.0.0.1");
    tlsa("mx.host.test", TA);
    fake_dns_sign("test");
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"),
        "dane verified sni mx.host.test for mx.host.test,d.test,e.test "
        "2 0 1 " DIGEST);
    world_close(&w);

    /* no MX: the domain is the host, as for hosts that routes name */
    fake_dns_add("d.test", DNS_A, 300, 0, "10.0.0.1");
    tlsa("d.test", EE);
    fake_dns_sign("d.test");
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"),
        "dane verified sni d.test for d.test 3 1 1 " DIGEST);
    world_close(&w);
}

/* Whoever can keep one answer from coming must not get what he wants. */
static void
test_alias_that_nobody_can_tell(void **state)
{
    struct world w;

    (void)state;
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
    fake_dns_add("mx.host.test", DNS_A, 300, 0, "10.0.0.1");
    fake_dns_add("mx.host.test", DNS_CNAME, 300, 0, "real.wild.test");
    fake_dns_add("real.wild.test", DNS_A, 300, 0, "10.0.0.1");
    fake_dns_sign("d.test");
    fake_dns_sign("host.test");
    world_open(&w, ON);
    fake_dns_break_alias(true);
    assert_string_equal(pick(&w, "d.test"), "delay 4.7.5 dnssec-invalid");
    fake_dns_break_alias(false);
    world_close(&w);

    fake_dns_say("d.test", DNS_MX, DNS_SERVFAIL); /* no fallback to its A */
    fake_dns_add("d.test", DNS_A, 300, 0, "10.0.0.1");
    fake_dns_sign("d.test");
    world_open(&w, ON "mx_failures_fallback_to_a = -1\n");
    for (int i = 0; i < 4; i++) {
        assert_string_equal(pick(&w, "d.test"), "delay 4.4.4 success");
        world_pass(&w, 3600000);
    }
    world_close(&w);
}

/* What is written by hand has names too, and ports. */
static void
test_routes(void **state)
{
    struct world w;

    (void)state;
    fake_dns_add("relay.host.test", DNS_A, 300, 0, "10.0.0.1");
    fake_dns_add("_587._tcp.relay.host.test", DNS_TLSA, 300, 0, TA);
    fake_dns_sign("host.test");
    world_open(&w, ON "gateway = \"relay.host.test:587\"\n");
    assert_string_equal(pick(&w, "d.test"),
        "dane verified sni relay.host.test for relay.host.test "
        "2 0 1 " DIGEST);
    world_close(&w);

    fake_dns_add(
        "d.test", DNS_MX, 300, 10, "mx.host.test"); /* no name at all */
    fake_dns_sign("d.test");
    world_open(&w, ON "gateway = \"10.0.0.9\"\n");
    assert_string_equal(pick(&w, "d.test"), "clear");
    world_close(&w);
}

static void
test_untrusted_servers(void **state)
{
    struct world w;

    (void)state;
    zone();
    fake_dns_trust(false);
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"), "clear");
    world_close(&w);
    zone();
    fake_dns_trust(false);
    world_open(&w, "use_dane = required\n");
    assert_string_equal(pick(&w, "d.test"), "delay 4.7.5 dane-required");
    world_close(&w);
}

/* A worse MX only while a better one has failed, and then under its own
 * records. */
static void
test_the_next_mx(void **state)
{
    struct world w;

    (void)state;
    zone();
    fake_dns_add("d.test", DNS_MX, 300, 20, "mx2.host.test");
    fake_dns_add("mx2.host.test", DNS_A, 300, 0, "10.0.0.2");
    tlsa("mx2.host.test", "030101" OTHER);
    fake_dns_say("_25._tcp.mx.host.test", DNS_TLSA, DNS_SERVFAIL);
    world_open(&w, ON);
    assert_string_equal(pick(&w, "d.test"),
        "dane verified sni mx2.host.test for mx2.host.test 3 1 1 " OTHER);
    world_close(&w);

    zone(); /* while the best is being asked about, nobody goes to the next */
    fake_dns_add("d.test", DNS_MX, 300, 20, "mx2.host.test");
    fake_dns_add("mx2.host.test", DNS_A, 300, 0, "10.0.0.2");
    world_open(&w, "");
    assert_string_equal(pick(&w, "d.test"), "clear");
    world_configure(&w, ON);
    fake_dns_hold(true);
    assert_string_equal(pick(&w, "d.test"), "wait");
    fake_dns_hold(false);
    assert_string_equal(pick(&w, "d.test"), VERIFIED_EE);
    assert_int_equal(fake_dns_asked("_25._tcp.mx2.host.test", DNS_TLSA), 0);
    world_close(&w);
}

static enum hop_standing
standing(struct world *w, struct domain *d, struct hop *hop)
{
    enum hop_standing found = HOP_GONE;
    int64_t until;

    for (int i = 0; i < 5; i++) { /* as often as changed() is told */
        found = domain_standing(
            d, w->g, generation_global(w->g), STR("default"), 25, hop, &until);
        loop_turn(w->loop, 0);
    }
    return found;
}

/* Answers expire while a session goes on. */
static void
test_time(void **state)
{
    struct world w;
    struct domain *d;
    struct hop hop = {0};

    (void)state;
    zone();
    world_open(&w, ON);
    d = world_domain(&w, "default", "d.test");
    assert_int_equal(world_pick(&w, d, "default", &hop), HOP_OK);
    assert_int_equal(standing(&w, d, &hop), HOP_CURRENT);

    world_pass(&w, 301000); /* the same again */
    assert_int_equal(standing(&w, d, &hop), HOP_CURRENT);
    assert_int_equal(fake_dns_asked("_25._tcp.mx.host.test", DNS_TLSA), 2);

    /* none can be had: what was verified stays, nobody new gets in */
    fake_dns_say("_25._tcp.mx.host.test", DNS_TLSA, DNS_SERVFAIL);
    world_pass(&w, 301000);
    assert_int_equal(standing(&w, d, &hop), HOP_CURRENT);
    assert_string_equal(pick(&w, "d.test"), "delay 4.7.5 dnssec-invalid");

    fake_dns_drop("_25._tcp.mx.host.test"); /* another key */
    tlsa("mx.host.test", "030101" OTHER);
    world_pass(&w, 1300000);
    assert_int_equal(standing(&w, d, &hop), HOP_GONE);
    hop_closed(&hop, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

/* One in clear ends when its host has records. */
static void
test_records_that_come_later(void **state)
{
    struct world w;
    struct domain *d;
    struct hop hop = {0};

    (void)state;
    zone();
    fake_dns_drop("_25._tcp.mx.host.test");
    world_open(&w, ON);
    d = world_domain(&w, "default", "d.test");
    assert_int_equal(world_pick(&w, d, "default", &hop), HOP_OK);
    assert_null(hop.tls);
    tlsa("mx.host.test", EE);
    assert_int_equal(standing(&w, d, &hop), HOP_CURRENT); /* not known yet */
    domain_refresh(d);
    assert_int_equal(standing(&w, d, &hop), HOP_GONE);
    hop_closed(&hop, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

/* Where both are there: RFC 8461 2. */
static void
test_with_a_policy(void **state)
{
    static const struct {
        const char *mx, *record;
        bool testing;
        const char *want; /* NULL: left out */
    } rows[] = {
        {"mx.host.test", NULL, false, "sts verified for mx.host.test"},
        {"mx.host.test", NULL, true, "sts watched for mx.host.test"},
        {"other.test", NULL, false, NULL},
        {"mx.host.test", EE, false, VERIFIED_EE},
        {"other.test", EE, false, VERIFIED_EE},
        {"other.test", EE, true, VERIFIED_EE},
        /* of no use: what the policy asks for is more */
        {"mx.host.test", "01", false, "sts verified for mx.host.test"},
        {"mx.host.test", "01", true, "dane encrypted sni mx.host.test"},
        {"other.test", "01", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stspolicy *policy = NULL;
        struct hoptls v = {.dane = ROUTE_DANE_YES, .asks = true};
        struct buf text = BUF_INIT, b = BUF_INIT;
        struct tlsdemand *t;
        struct world w;
        struct err e = {0};

        fake_dns_add("d.test", DNS_MX, 300, 10, "mx.host.test");
        fake_dns_add("mx.host.test", DNS_A, 300, 0, "10.0.0.1");
        if (rows[i].record)
            tlsa("mx.host.test", rows[i].record);
        fake_dns_sign("d.test");
        fake_dns_sign("host.test");
        world_open(&w, ON);
        (void)pick(&w, "d.test");
        buf_printf(&text,
            "version: STSv1\nmode: enforce\nmx: %s\nmax_age: 86400\n",
            rows[i].mx);
        assert_int_equal(stspolicy_parse(buf_get(&text), &policy, &e), 0);
        v.sts.policy = policy;
        v.sts.testing = rows[i].testing;
        v.domain = world_domain(&w, "default", "d.test");
        assert_int_equal(
            hoptls_leaves_out(&v, v.domain->hosts[0], 25), !rows[i].want);
        if (rows[i].want) {
            t = hoptls_demand(&v, v.domain->hosts[0], 25);
            tlsdemand_print(t, &b);
            assert_string_equal(b.p, rows[i].want);
            tlsdemand_unref(&t);
        }
        domain_unref(&v.domain);
        stspolicy_unref(&policy);
        buf_fini(&text);
        buf_fini(&b);
        world_close(&w);
    }
}

static void
test_what_is_shown(void **state)
{
    struct buf b = BUF_INIT;
    struct world w;
    struct domain *d;

    (void)state;
    zone();
    fake_dns_add("plain.test", DNS_A, 300, 0, "10.0.0.7");
    world_open(&w, ON);
    (void)pick(&w, "d.test");
    d = world_domain(&w, "default", "d.test");
    world_print(&w, d, "default", &b);
    assert_non_null(
        strstr(b.p, "DANE: 1 of 1 TLSA records of mx.host.test can be used"));
    domain_unref(&d);
    buf_cut(&b, 0);
    (void)pick(&w, "plain.test");
    d = world_domain(&w, "default", "plain.test");
    world_print(&w, d, "default", &b);
    assert_non_null(strstr(b.p, "DANE: no, DNS does not vouch for its name"));
    domain_unref(&d);
    buf_fini(&b);
    world_close(&w);
}

/* RFC 8689: what the sender asks for, beside all that. */
static void
test_what_the_sender_asks(void **state)
{
    static const char required[] =
        "requiretls verified requiretls for mx.host.test,off.test";
    struct world w;

    (void)state;
    zone();
    fake_dns_add("plain.test", DNS_MX, 300, 10, "mx.plain.test");
    fake_dns_add("mx.plain.test", DNS_A, 300, 0, "10.0.0.2");
    fake_dns_add("bad.test", DNS_MX, 300, 10, "mx.bad.test");
    fake_dns_add("mx.bad.test", DNS_A, 300, 0, "10.0.0.3");
    fake_dns_sign("bad.test");
    fake_dns_say("_25._tcp.mx.bad.test", DNS_TLSA, DNS_SERVFAIL);
    world_open(&w,
        ON "domain off.test { use_dane = no routes = ( \"mx.host.test\" ) }\n");
    assert_string_equal(pick_for(&w, "d.test", MESSAGE_TLS_REQUIRED),
        "dane verified requiretls sni mx.host.test for mx.host.test 3 1 "
        "1 " DIGEST);
    assert_string_equal(pick_for(&w, "d.test", MESSAGE_TLS_ANY), "clear");
    assert_string_equal(pick(&w, "d.test"), VERIFIED_EE);
    /* nobody vouches for the MX */
    assert_string_equal(
        pick_for(&w, "plain.test", MESSAGE_TLS_REQUIRED), "fail 550 5.7.10");
    assert_string_equal(pick(&w, "plain.test"), "clear");
    /* an operator does */
    assert_string_equal(
        pick_for(&w, "off.test", MESSAGE_TLS_REQUIRED), required);
    /* who goes in spite of TLS goes in spite of bogus records */
    assert_string_equal(pick(&w, "bad.test"), "delay 4.7.5 dnssec-invalid");
    assert_string_equal(pick_for(&w, "bad.test", MESSAGE_TLS_ANY), "clear");
    world_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_signed),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_insecure_is_none),
        cmocka_unit_test(test_answers_about_tlsa),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_alias_that_nobody_can_tell),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_untrusted_servers),
        cmocka_unit_test(test_the_next_mx),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_records_that_come_later),
        cmocka_unit_test(test_with_a_policy),
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_what_the_sender_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
