/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "route/binding.h"
#include "route_world.h"

/* What is found first, second ... while each one fails. */
struct order {
    const char *conf;
    const char *hops[6]; /* NULL-ended; after them all are down */
};

static void
mx_zone(void)
{
    fake_dns_add("d.test", DNS_MX, 300, 20, "mx2.d.test");
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx1.d.test");
    fake_dns_add("mx1.d.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("mx2.d.test", DNS_A, 300, 0, "10.1.0.2");
    fake_dns_add("relay.test", DNS_A, 300, 0, "10.2.0.1");
    fake_dns_add("relay.test", DNS_A, 300, 0, "10.2.0.2");
}

static void
check_order(const struct order *o)
{
    struct world w;
    struct domain *d;

    world_open(&w, o->conf);
    mx_zone();
    d = world_domain(&w, "default", "d.test");
    for (size_t i = 0; o->hops[i]; i++) {
        const char *got = world_try(&w, d, true);
        if (strcmp(got, o->hops[i]) != 0)
            fail_msg("\"%s\": %s, not %s", o->conf, got, o->hops[i]);
    }
    assert_string_equal(world_try(&w, d, true), "down 120");
    domain_unref(&d);
    world_close(&w);
}

/* The best exchange is used wherever it stands in a large answer. */
static void
test_best_of_many(void **state)
{
    struct world w;
    struct domain *d;
    char name[40];

    (void)state;
    world_open(&w, "");
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "mx%d.many.test", i);
        fake_dns_add("many.test", DNS_MX, 300, 500 - i, name);
    }
    fake_dns_add("mx199.many.test", DNS_A, 300, 0, "10.3.0.199");
    fake_dns_add("mx198.many.test", DNS_A, 300, 0, "10.3.0.198");
    fake_dns_add("mx0.many.test", DNS_A, 300, 0, "10.3.0.1");
    d = world_domain(&w, "default", "many.test");
    assert_string_equal(world_try(&w, d, true), "10.3.0.199:25");
    assert_string_equal(world_try(&w, d, true), "10.3.0.198:25");
    domain_unref(&d);
    world_close(&w);
}

static void
test_order(void **state)
{
    static const struct order orders[] = {
        {"", {"10.1.0.1:25", "10.1.0.2:25"}},
        {"routes = (\"10.0.0.1\" \"10.0.0.2\" \"10.0.0.3\")",
            {"10.0.0.1:25", "10.0.0.2:25", "10.0.0.3:25"}},
        {"routes = (\"smtp://10.0.0.1?pref=30\" \"smtp://10.0.0.2?pref=20\" "
         "\"smtp://10.0.0.3?pref=10\")",
            {"10.0.0.3:25", "10.0.0.2:25", "10.0.0.1:25"}},
        /* the second has place 2, before 3 and behind 1 */
        {"routes = (\"smtp://10.0.0.1?pref=3\" \"10.0.0.2\" "
         "\"smtp://10.0.0.3?pref=1\")",
            {"10.0.0.3:25", "10.0.0.2:25", "10.0.0.1:25"}},
        {"routes = (\"smtp://10.0.0.1?pref=5\" \"smtp://10.0.0.2?pref=5\")",
            {"10.0.0.1:25", "10.0.0.2:25"}},
        /* __mx__ is ordered inside its item */
        {"routes = (\"smtp://10.0.0.1?pref=1\" \"__mx__\")",
            {"10.0.0.1:25", "10.1.0.1:25", "10.1.0.2:25"}},
        {"routes = (\"__mx__\" \"10.0.0.1\")",
            {"10.1.0.1:25", "10.1.0.2:25", "10.0.0.1:25"}},
        {"routes = (\"__mx__\" \"smtp://10.0.0.1?pref=0\")",
            {"10.0.0.1:25", "10.1.0.1:25", "10.1.0.2:25"}},
        {"routes = (\"smtp://__mx__?pref=7\" \"smtp://10.0.0.1?pref=7\")",
            {"10.1.0.1:25", "10.0.0.1:25", "10.1.0.2:25"}},
        /* a host without MX: all its addresses; ports */
        {"routes = (\"smtp://relay.test?port=587\" \"[2001:db8::1]:26\")",
            {"10.2.0.1:587", "10.2.0.2:587", "[2001:db8::1]:26"}},
        {"gateway = \"relay.test\"", {"10.2.0.1:25", "10.2.0.2:25"}},
        {"gateway = \"d.test:2525\"", {"10.1.0.1:2525", "10.1.0.2:2525"}},
        {"routes = (\"smtp://d.test?type=mx\" \"smtp://relay.test?type=a\")",
            {"10.1.0.1:25", "10.1.0.2:25", "10.2.0.1:25", "10.2.0.2:25"}},
        /* type=mx never falls to the address: only the second is left */
        {"routes = (\"smtp://relay.test?type=mx\" \"10.0.0.9\")",
            {"10.0.0.9:25"}},
        {"skip_hosts = (\"10.1.0.1\")", {"10.1.0.2:25"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        check_order(&orders[i]);
}

static void
test_first_alone_then_back(void **state)
{
    struct world w;
    struct domain *d;
    int before;

    (void)state;
    world_open(&w,
        "routes = (\"10.0.0.1\" \"10.0.0.2\") "
        "host_failure_retry = 60");
    d = world_domain(&w, "default", "d.test");
    for (int i = 0; i < 10; i++)
        assert_string_equal(world_next(&w, d), "10.0.0.1:25");
    assert_string_equal(world_try(&w, d, true), "10.0.0.1:25");
    for (int i = 0; i < 3; i++)
        assert_string_equal(world_next(&w, d), "10.0.0.2:25");
    world_pass(&w, 59999);
    assert_string_equal(world_next(&w, d), "10.0.0.2:25");
    world_pass(&w, 1);
    assert_string_equal(world_next(&w, d), "10.0.0.1:25");

    assert_string_equal(world_try(&w, d, true), "10.0.0.1:25");
    assert_string_equal(world_try(&w, d, true), "10.0.0.2:25");
    assert_string_equal(world_next(&w, d), "down 60");
    before = w.changed;
    world_pass(&w, 60000); /* said, so that nobody needs to poll */
    assert_true(w.changed > before);
    assert_string_equal(world_next(&w, d), "10.0.0.1:25");
    domain_unref(&d);
    world_close(&w);
}

/* It may be longer than the option says, and no shorter. */
static void
test_marks_that_last(void **state)
{
    struct world w;
    struct domain *d;
    struct hop h;

    (void)state;
    world_open(&w, "routes = (\"10.0.0.1\")");
    d = world_domain(&w, "default", "d.test");
    assert_int_equal(world_pick(&w, d, "default", &h), HOP_OK);
    hop_closed(&h, STR("default"), 119000, generation_global(w.g));
    assert_string_equal(world_next(&w, d), "down 120");
    world_pass(&w, 120000);
    assert_int_equal(world_pick(&w, d, "default", &h), HOP_OK);
    hop_closed(&h, STR("default"), 121000, generation_global(w.g));
    assert_string_equal(world_next(&w, d), "down 121");
    domain_unref(&d);
    world_close(&w);
}

/* A mark counts for one binding only. */
static void
test_marks_by_binding(void **state)
{
    struct world w;
    struct domain *d;
    struct hop h;

    (void)state;
    world_open(&w,
        "routes = (\"10.0.0.1\" \"10.0.0.2\") "
        "binding \"b\" {} binding \"c\" {}");
    d = world_domain(&w, "b", "d.test");
    assert_int_equal(world_pick(&w, d, "b", &h), HOP_OK);
    hop_closed(&h, STR("b"), 0, generation_global(w.g));
    assert_null(h.host);
    assert_int_equal(world_pick(&w, d, "b", &h), HOP_OK);
    assert_true(str_eq(h.name, STR("10.0.0.2")));
    hop_closed(&h, STR("b"), -1, generation_global(w.g));
    assert_int_equal(world_pick(&w, d, "c", &h), HOP_OK);
    assert_true(str_eq(h.name, STR("10.0.0.1")));
    world_pass(&w, 30);
    hop_worked(&h, STR("c"));
    hop_closed(&h, STR("c"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

/* The seeds' five hosts: even, with one at its own limit left out. */
static void
test_even_spread(void **state)
{
    static const char conf[] =
        "routes = (\"smtp://10.0.11.7?pref=10\" "
        "\"smtp://10.0.11.8?pref=10\" \"smtp://10.0.11.10?pref=10\" "
        "\"smtp://10.0.11.13?pref=10\" \"smtp://10.0.11.56?pref=10\")\n"
        "host \"10.0.11.10\" { max_outbound_connections = 2 }";
    struct world w;
    struct domain *d;
    int count[5] = {0};

    (void)state;
    world_open(&w, conf);
    d = world_domain(&w, "default", "d.test");
    for (int i = 1; i <= 50; i++) {
        static const char *const ip[] = {"10.0.11.7:25", "10.0.11.8:25",
            "10.0.11.10:25", "10.0.11.13:25", "10.0.11.56:25"};
        const char *got = world_next(&w, d);
        int least = 1000, most = 0;
        for (int j = 0; j < 5; j++)
            count[j] += strcmp(got, ip[j]) == 0;
        for (int j = 0; j < 5; j++) {
            if (j == 2 && count[j] == 2)
                continue;
            least = count[j] < least ? count[j] : least;
            most = count[j] > most ? count[j] : most;
        }
        assert_true(most - least <= 1);
    }
    assert_int_equal(count[2], 2);
    domain_unref(&d);
    world_close(&w);
}

static void
test_limits_spill_over_and_return(void **state)
{
    struct world w;
    struct waiter waiter = {0};
    struct domain *d;
    struct hop full;

    (void)state;
    world_open(&w,
        "host \"mx1.d.test\" { max_outbound_connections = 2 } "
        "host \"mx2.d.test\" { max_outbound_connections = 1 }");
    mx_zone();
    d = world_domain(&w, "default", "d.test");
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    assert_string_equal(world_next(&w, d), "10.1.0.2:25");
    assert_string_equal(world_next(&w, d), "limit");
    assert_int_equal(world_pick(&w, d, "default", &full), HOP_LIMIT);
    line_join(full.line, &waiter, false);
    hop_closed(&w.open[0], STR("default"), -1, generation_global(w.g));
    assert_int_equal(w.woken, 1);
    line_done(&waiter);
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    domain_unref(&d);
    world_close(&w);
}

static void
look_row(void *arg, const struct hop_look *h)
{
    static const char marks[] = ">.*#-!";
    struct buf *to = arg;

    netaddr_print(&h->at, to);
    buf_char(to, marks[h->seen]);
}

static const char *
look(struct world *w, struct domain *d, enum hop_result want)
{
    static char line[400];
    struct buf rows = BUF_INIT;
    struct hop hop;

    assert_int_equal(domain_look(d, w->g,
                         generation_scope(w->g, STR("default"), STR("d.test")),
                         STR("default"), 25, &hop, look_row, &rows),
        want);
    assert_null(hop.host);
    (void)str_copy(line, sizeof(line), buf_get(&rows));
    buf_fini(&rows);
    return line;
}

/* A look says what a pick would do, and does nothing of it. */
static void
test_look(void **state)
{
    struct buf why = BUF_INIT;
    struct domain *d;
    struct world w;

    (void)state;
    world_open(&w,
        "host_failure_retry = 100 skip_hosts = ( 10.1.0.9 )\n"
        "host \"mx1.d.test\" {\nmax_outbound_connections = 1 }");
    mx_zone();
    d = world_domain(&w, "default", "d.test");
    assert_string_equal(look(&w, d, HOP_OK), ""); /* nobody has looked it up */
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    for (int i = 0; i < 3; i++)
        assert_non_null(
            strstr(look(&w, d, HOP_OK), "10.1.0.1:25#10.1.0.2:25>"));
    world_print(&w, d, "default", &why);
    if (!strstr(why.p,
            " [10.1.0.1] IPv4 (no connection yet) at its limit 1 open\n"))
        fail_msg("%s", why.p);
    assert_non_null(strstr(why.p, "  =>  [10.1.0.2] IPv4"));
    buf_cut(&why, 0);
    domain_say_full(d, w.g, STR("default"), STR("mx1.d.test"), &why);
    assert_non_null(strstr(why.p, "max_outbound_connections of host"));
    assert_non_null(strstr(why.p, ":3)"));
    hop_closed(&w.open[0], STR("default"), 0, generation_global(w.g));
    assert_non_null(strstr(look(&w, d, HOP_OK), "10.1.0.1:25*10.1.0.2:25>"));
    assert_string_equal(world_next(&w, d), "10.1.0.2:25");
    buf_fini(&why);
    domain_unref(&d);
    world_close(&w);
}

static enum hop_standing
standing(struct world *w, struct domain *d, const struct hop *h, int64_t *until)
{
    return domain_standing(d, w->g,
        generation_scope(w->g, STR("default"), STR("d.test")), STR("default"),
        25, h, until);
}

/* Of the two the one of the host's family; a host of a family that there is no
 * source of is passed over. */
static void
test_two_sources(void **state)
{
    static const struct {
        const char *conf, *v4, *v6; /* "": the system chooses */
    } rows[] = {{"", "", ""},
        {"bind_address = \"10.0.0.1\"", "10.0.0.1", "10.0.0.1"},
        {"bind_address = \"10.0.0.1\" bind_address_secondary = \"::2\"",
            "10.0.0.1", "::2"},
        {"bind_address = \"[::2]\" bind_address_secondary = \"10.0.0.1\"",
            "10.0.0.1", "::2"},
        {"bind_address_secondary = \"::2\"", "", "::2"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;

        world_open(&w, rows[i].conf);
        for (int v6 = 0; v6 < 2; v6++) {
            const char *want = v6 ? rows[i].v6 : rows[i].v4;
            struct buf got = BUF_INIT;
            struct cidr from;

            binding_source(generation_global(w.g), v6 ? 6 : 4, &from);
            if (from.family)
                cidr_print(&from, &got);
            if (strcmp(got.n ? got.p : "", want) != 0)
                fail_msg("row %zu: %s, not %s", i, got.n ? got.p : "", want);
            buf_fini(&got);
        }
        world_close(&w);
    }
}

static void
test_two_families(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "use_ipv6 = true bind_address = \"10.0.0.1\"");
    fake_dns_add("two.test", DNS_MX, 300, 10, "six.two.test");
    fake_dns_add("two.test", DNS_MX, 300, 20, "four.two.test");
    fake_dns_add("six.two.test", DNS_AAAA, 300, 0, "2001:db8::6");
    fake_dns_add("four.two.test", DNS_A, 300, 0, "10.1.0.4");
    d = world_domain(&w, "default", "two.test");
    assert_string_equal(world_try(&w, d, false), "10.1.0.4:25");
    world_configure(&w,
        "use_ipv6 = true bind_address = \"10.0.0.1\" "
        "bind_address_secondary = \"2001:db8::1\"");
    assert_string_equal(world_try(&w, d, false), "[2001:db8::6]:25");
    domain_unref(&d);
    world_close(&w);
}

/* What a connection that was picked earlier is worth now. */
static void
test_standing(void **state)
{
    const char *conf = "host \"mx1.d.test\" { max_outbound_connections = 1 } "
                       "host_failure_retry = 60\n";
    struct world w;
    struct domain *d;
    struct hop best, other;
    int64_t until;

    (void)state;
    world_open(&w, conf);
    mx_zone();
    d = world_domain(&w, "default", "d.test");
    (void)world_next(&w, d); /* asks */
    hop_closed(&w.open[0], STR("default"), 0, generation_global(w.g));
    assert_int_equal(world_pick(&w, d, "default", &other), HOP_OK);
    assert_true(str_eq(other.name, STR("mx2.d.test")));
    assert_int_equal(standing(&w, d, &other, &until), HOP_CURRENT);
    assert_int_equal(until, loop_now(w.loop) + 60000); /* the mark's end */
    world_pass(&w, 60000);
    assert_int_equal(standing(&w, d, &other, &until), HOP_WORSE);
    assert_int_equal(world_pick(&w, d, "default", &best), HOP_OK);
    assert_true(str_eq(best.name, STR("mx1.d.test")));
    assert_int_equal(standing(&w, d, &best, &until), HOP_CURRENT);
    assert_int_equal(standing(&w, d, &other, &until), HOP_SPILLED);
    assert_true(until > loop_now(w.loop) + 200000); /* the record's end */

    world_configure(&w, "skip_hosts = ( \"10.1.0.1/32\" )\n");
    assert_int_equal(standing(&w, d, &best, &until), HOP_GONE);
    assert_int_equal(standing(&w, d, &other, &until), HOP_CURRENT);
    world_configure(&w, "routes = (\"10.0.0.2\")\n");
    assert_int_equal(standing(&w, d, &best, &until), HOP_CURRENT);
    domain_refresh(d);
    world_pass(&w, 0);
    assert_int_equal(standing(&w, d, &best, &until), HOP_GONE);
    hop_closed(&best, STR("default"), -1, generation_global(w.g));
    hop_closed(&other, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

struct verdict {
    const char *conf, *domain, *says;
};

static void
failing_zone(void)
{
    mx_zone();
    fake_dns_add("null.test", DNS_MX, 300, 0, "");
    fake_dns_add("mixed.test", DNS_MX, 300, 0, "");
    fake_dns_add("mixed.test", DNS_MX, 300, 10, "mx1.d.test");
    fake_dns_say("fail.test", DNS_MX, DNS_SERVFAIL);
    fake_dns_say("slow.test", DNS_MX, DNS_TIMEOUT);
    fake_dns_add("a.test", DNS_A, 300, 0, "10.3.0.1");
    fake_dns_add("empty.test", DNS_TXT, 300, 0, "");
    fake_dns_add("dead.test", DNS_MX, 300, 10, "nowhere.test");
    fake_dns_add("six.test", DNS_AAAA, 300, 0, "2001:db8::6");
    fake_dns_add("loop.test", DNS_MX, 300, 10, "lo.test");
    fake_dns_add("lo.test", DNS_A, 300, 0, "127.0.0.1");
    fake_dns_add("half.test", DNS_MX, 300, 10, "slow.host.test");
    fake_dns_add("half.test", DNS_MX, 300, 20, "mx2.d.test");
    fake_dns_say("slow.host.test", DNS_A, DNS_TIMEOUT);
}

static void
test_verdicts(void **state)
{
    static const struct verdict rows[] = {
        {"", "a.test", "10.3.0.1:25"}, /* no MX: its address */
        {"", "null.test", "fail 550 5.4.4"},
        {"", "mixed.test", "10.1.0.1:25"},
        {"", "nx.test", "fail 554 5.4.4"},
        {"", "fail.test", "delay 454 4.4.4"},
        {"", "slow.test", "delay 454 4.4.4"},
        {"", "empty.test", "delay 454 4.4.4"},
        {"", "dead.test", "delay 454 4.4.4"},
        {"", "half.test", "10.1.0.2:25"},
        {"", "six.test", "delay 454 4.4.4"},
        {"use_ipv6 = true", "six.test", "[2001:db8::6]:25"},
        {"", "[1.2.3.4]", "1.2.3.4:25"},
        {"", "[IPv6:2001:db8::1]", "[2001:db8::1]:25"}, /* whatever use_ipv6 */
        {"", "[x]", "fail 554 5.4.4"},
        {"prohibited_hosts = (\"127.0.0.0/8\")", "loop.test", "fail 551 5.4.6"},
        {"skip_hosts = (\"127.0.0.0/8\")", "loop.test", "delay 451 4.4.1"},
        {"prohibited_hosts = (\"10.9.0.0/16\") gateway = \"10.9.0.1\"",
            "d.test", "fail 551 5.4.6"},
        {"prohibited_hosts = (\"10.9.0.0/16\") routes = (\"10.9.0.1\")",
            "d.test", "fail 551 5.4.6"},
        /* an address is used as it is, whatever type says */
        {"routes = (\"smtp://10.9.0.1?type=mx\")", "d.test", "10.9.0.1:25"},
        {"routes = (\"smtp://10.9.0.1?type=a\")", "d.test", "10.9.0.1:25"},
        {"use_ipv6 = false routes = (\"smtp://[2001:db8::9]?type=mx\")",
            "d.test", "[2001:db8::9]:25"},
        /* gateways and configured hosts delay, whatever DNS says */
        {"gateway = \"null.test\"", "d.test", "delay 454 4.4.4"},
        {"gateway = \"nx.test\"", "d.test", "delay 454 4.4.4"},
        {"gateway = \"fail.test\"", "d.test", "delay 454 4.4.4"},
        {"gateway = \"empty.test\"", "d.test", "delay 454 4.4.4"},
        {"routes = (\"null.test\")", "d.test", "delay 454 4.4.4"},
        {"routes = (\"nx.test\")", "d.test", "delay 454 4.4.4"},
        {"routes = (\"nx.test\" \"__mx__\")", "nx2.test", "delay 454 4.4.4"},
        {"routes = (\"__mx__\")", "nx.test", "fail 554 5.4.4"},
        {"routes = (\"smtp://a.test?type=mx\")", "d.test", "delay 454 4.4.4"},
        {"gateway = \"#none\"", "d.test", "delay 454 4.4.4"},
        {"gateway = \"#s\" domain \"#s\" { routes = (\"10.0.0.1\") }", "d.test",
            "10.0.0.1:25"},
        {"bind_address = \"192.0.2.1\"", "[IPv6:2001:db8::1]",
            "delay 451 4.4.1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        struct domain *d;
        const char *got;
        world_open(&w, rows[i].conf);
        failing_zone();
        d = world_domain(&w, "default", rows[i].domain);
        got = world_next(&w, d);
        if (strcmp(got, rows[i].says) != 0)
            fail_msg("\"%s\" %s: %s, not %s", rows[i].conf, rows[i].domain, got,
                rows[i].says);
        assert_int_equal(fake_dns_asked("#none", DNS_MX), 0);
        assert_int_equal(fake_dns_asked("#none", DNS_A), 0);
        domain_unref(&d);
        world_close(&w);
    }
}

static void
test_ttl(void **state)
{
    struct world w;
    struct domain_cursor c;
    struct domain *d;

    (void)state;
    world_open(&w, "");
    fake_dns_add("t.test", DNS_MX, 300, 10, "m.test");
    fake_dns_add("m.test", DNS_A, 100, 0, "10.0.0.1"); /* the lesser */
    d = world_domain(&w, "default", "t.test");
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    fake_dns_drop("m.test");
    fake_dns_add("m.test", DNS_A, 100, 0, "10.0.0.2");
    world_pass(&w, 99999);
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    fake_dns_hold(true); /* the old one serves until the answer is there */
    world_pass(&w, 1);
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    fake_dns_hold(false);
    world_pass(&w, 0);
    assert_string_equal(world_try(&w, d, false), "10.0.0.2:25");

    fake_dns_drop("m.test"); /* at once on refresh */
    fake_dns_add("m.test", DNS_A, 100, 0, "10.0.0.3");
    domain_refresh(d);
    world_pass(&w, 0);
    assert_string_equal(world_try(&w, d, false), "10.0.0.3:25");

    fake_dns_drop("m.test"); /* the sweep looks up without a pick */
    fake_dns_add("m.test", DNS_A, 100, 0, "10.0.0.4");
    world_pass(&w, 111000);
    assert_string_equal(world_try(&w, d, false), "10.0.0.4:25");
    domain_unref(&d);
    world_pass(&w, 200000); /* and frees what nobody uses */
    domain_cursor_begin(w.resolver, &c);
    assert_null(domain_cursor_next(&c));
    domain_cursor_end(&c);
    world_close(&w);
}

static void
test_routes_change_with_ttl(void **state)
{
    struct world w;
    struct domain *d, *e;

    (void)state;
    world_open(&w,
        "routes = (\"smtp://10.0.0.1?ttl=30\") route_ttl = 60 "
        "domain \"e.test\" { routes = (\"10.0.0.5\") }");
    d = world_domain(&w, "default", "d.test");
    e = world_domain(&w, "default", "e.test");
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    assert_string_equal(world_try(&w, e, false), "10.0.0.5:25");
    world_configure(&w, "routes = (\"10.0.0.2\") route_ttl = 60");
    world_pass(&w, 29000);
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    world_pass(&w, 1000);
    (void)world_try(&w, d, false); /* asks; the old one serves meanwhile */
    world_pass(&w, 0);
    assert_string_equal(world_try(&w, d, false), "10.0.0.2:25");
    world_pass(&w, 29000);
    assert_string_equal(world_try(&w, e, false), "10.0.0.5:25");
    domain_refresh(e);
    world_pass(&w, 0);
    assert_string_equal(world_try(&w, e, false), "10.0.0.2:25");
    domain_unref(&d);
    domain_unref(&e);
    world_close(&w);
}

static void
test_mx_failures_fall_back(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "mx_failures_fallback_to_a = 2");
    fake_dns_add("f.test", DNS_A, 300, 0, "10.0.0.1");
    fake_dns_say("f.test", DNS_MX, DNS_SERVFAIL);
    d = world_domain(&w, "default", "f.test");
    assert_string_equal(world_next(&w, d), "delay 454 4.4.4");
    assert_int_equal(fake_dns_asked("f.test", DNS_MX), 1);
    assert_string_equal(world_next(&w, d), "delay 454 4.4.4");
    assert_int_equal(fake_dns_asked("f.test", DNS_MX), 1); /* remembered */
    world_pass(&w, 20000);
    assert_string_equal(world_next(&w, d), "delay 454 4.4.4");
    world_pass(&w, 60000);
    assert_string_equal(world_next(&w, d), "10.0.0.1:25");
    assert_int_equal(fake_dns_asked("f.test", DNS_MX), 2);
    fake_dns_drop("f.test"); /* it is not forgotten for ever */
    fake_dns_add("f.test", DNS_MX, 300, 10, "m.test");
    fake_dns_add("m.test", DNS_A, 300, 0, "10.0.0.2");
    world_pass(&w, 311000);
    assert_string_equal(world_next(&w, d), "10.0.0.2:25");
    domain_unref(&d);
    world_close(&w);
}

static const char *
fail_often(struct world *w, struct domain *d, int times)
{
    const char *said = NULL;

    for (int i = 0; i < times; i++) {
        said = world_next(w, d);
        world_pass(w, 1600000);
    }
    return said;
}

static void
test_purge(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "dns_failures_to_purge = 3");
    fake_dns_say("f.test", DNS_MX, DNS_SERVFAIL);
    fake_dns_say("f.test", DNS_A, DNS_SERVFAIL);
    d = world_domain(&w, "default", "f.test");
    assert_string_equal(fail_often(&w, d, 2), "delay 454 4.4.4");
    assert_string_equal(world_next(&w, d), "fail 554 5.4.4");
    domain_unref(&d);
    /* a resolver that says nothing at all is no fault of the domain */
    fake_dns_say("g.test", DNS_MX, DNS_TIMEOUT);
    fake_dns_say("g.test", DNS_A, DNS_TIMEOUT);
    fake_dns_mute(true);
    d = world_domain(&w, "default", "g.test");
    assert_string_equal(fail_often(&w, d, 9), "delay 454 4.4.4");
    domain_unref(&d);
    world_close(&w);
}

/* DNS goes away under a domain that was known: its hosts serve on. */
static void
test_stale_serves(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "");
    fake_dns_add("t.test", DNS_MX, 60, 10, "m.test");
    fake_dns_add("m.test", DNS_A, 60, 0, "10.0.0.1");
    d = world_domain(&w, "default", "t.test");
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    fake_dns_say("t.test", DNS_MX, DNS_TIMEOUT);
    world_pass(&w, 70000);
    (void)world_try(&w, d, false);
    world_pass(&w, 0);
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    fake_dns_drop("t.test"); /* an answer that says no is believed */
    world_pass(&w, 70000);
    (void)world_try(&w, d, false);
    world_pass(&w, 0);
    assert_string_equal(world_try(&w, d, false), "fail 554 5.4.4");
    domain_unref(&d);
    world_close(&w);
}

static void
test_open_survives_refresh(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "");
    fake_dns_add("e.test", DNS_A, 60, 0, "10.0.0.1");
    fake_dns_add("e.test", DNS_A, 60, 0, "10.0.0.2");
    d = world_domain(&w, "default", "e.test");
    assert_string_equal(world_next(&w, d), "10.0.0.1:25");
    domain_refresh(d);
    world_pass(&w, 0);
    assert_string_equal(world_next(&w, d), "10.0.0.2:25");
    fake_dns_drop("e.test");
    fake_dns_add("e.test", DNS_A, 60, 0, "10.0.0.3");
    domain_refresh(d);
    world_pass(&w, 0);
    assert_string_equal(world_next(&w, d), "10.0.0.3:25");
    domain_unref(&d);
    world_close(&w); /* closes those of hosts that are gone */
}

static void
test_words(void **state)
{
    struct world w;
    struct domain *d;
    struct buf b = BUF_INIT;
    int64_t until;

    (void)state;
    world_open(&w, "");
    mx_zone();
    d = world_domain(&w, "default", "d.test");
    domain_why(d, &b, &until);
    assert_non_null(strstr(b.p, "not looked up"));
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    hop_worked(&w.open[0], STR("default"));
    assert_string_equal(world_try(&w, d, true), "10.1.0.1:25");
    world_pass(&w, 10000);
    buf_cut(&b, 0);
    world_print(&w, d, "default", &b);
    if (!strstr(b.p, "Domain 'd.test' has 2 MXs and a TTL of 290 seconds") ||
        !strstr(b.p, "[10 mx1.d.test TTL:300]") ||
        !strstr(b.p, "    * [10.1.0.1] IPv4") ||
        !strstr(b.p, "  =>  [10.1.0.2] IPv4"))
        fail_msg("%s", b.p);
    buf_cut(&b, 0); /* marks are by binding */
    world_print(&w, d, "b1", &b);
    if (!strstr(b.p, "for binding b1\n") ||
        !strstr(b.p, "  =>  [10.1.0.1] IPv4 (no connection yet)") ||
        strstr(b.p, "*"))
        fail_msg("%s", b.p);
    assert_string_equal(world_try(&w, d, true), "10.1.0.2:25");
    buf_cut(&b, 0);
    domain_why(d, &b, &until);
    assert_string_equal(b.p, "2 hosts of d.test are known");
    assert_int_equal(until, 0);
    buf_cut(&b, 0);
    world_print(&w, d, "default", &b);
    assert_null(strstr(b.p, "=>"));
    buf_fini(&b);
    domain_unref(&d);
    world_close(&w);
}

/* Closed connections and freed waits, while DNS is still being asked. */
static void
test_end_while_asking(void **state)
{
    struct world w;
    struct domain *d;
    struct hop h;

    (void)state;
    world_open(&w, "");
    fake_dns_hold(true);
    d = world_domain(&w, "default", "d.test");
    assert_int_equal(world_pick(&w, d, "default", &h), HOP_WAIT);
    domain_unref(&d);
    world_close(&w);
}

UNIT_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_best_of_many),
    cmocka_unit_test(test_first_alone_then_back),
    cmocka_unit_test(test_marks_that_last),
    cmocka_unit_test(test_marks_by_binding), cmocka_unit_test(test_even_spread),
    cmocka_unit_test(test_limits_spill_over_and_return),
    cmocka_unit_test(test_look), cmocka_unit_test(test_two_sources),
    cmocka_unit_test(test_two_families), cmocka_unit_test(test_standing),
    cmocka_unit_test(test_verdicts), cmocka_unit_test(test_ttl),
    cmocka_unit_test(test_routes_change_with_ttl),
    cmocka_unit_test(test_mx_failures_fall_back), cmocka_unit_test(test_purge),
    cmocka_unit_test(test_stale_serves),
    cmocka_unit_test(test_open_survives_refresh), cmocka_unit_test(test_words),
    cmocka_unit_test(test_end_while_asking))
