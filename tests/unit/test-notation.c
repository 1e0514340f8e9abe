/* SPDX-License-Identifier: Apache-2.0
 *
 * Both notations: the seeds' examples and their YAML twins, conversion there
 * and back, lexical rules, and what is refused, with its place.
 */
#include "conf_support.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/ecconf.h"
#include "conf/tree.h"
#include "conf/yaml.h"

static int
setup(void **state)
{
    (void)state;
    conf_support_options();
    return 0;
}

static void
same_scope(const struct scope *a, const struct scope *b, const char *what)
{
    for (uint32_t id = 0; id < option_count(); id++) {
        const char *name = option_get(id)->name;
        char *x = conf_support_text(a, name), *y = conf_support_text(b, name);

        if (strcmp(x, y) || scope_int(a, id) != scope_int(b, id) ||
            scope_is_set(a, id) != scope_is_set(b, id))
            fail_msg("%s: %s differs: %s, %s", what, name, x, y);
        free(x);
        free(y);
    }
}

static const char *const seeds[] = {"delivery-method-esmtp",
    "delivery-method-smtp", "delivery-method-lmtp", "delivery-method-ecstream",
    "delivery-method-apn", "delivery-method-gcm", "delivery-method-mm7", "push",
    "routing-mail", "routes-uri", "routes-host", "routes-mx", "routes-host-mx",
    "routes-balance"};

static void
test_seeds_and_twins(void **state)
{
    static const char *const domains[] = {NULL, "local.example.com",
        "apn_example.com", "gcm.example.com", "other.test"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
        char conf[100], yaml[100];
        struct generation *a, *b;

        snprintf(conf, sizeof(conf), "seeds/%s.conf", seeds[i]);
        snprintf(yaml, sizeof(yaml), "seeds/%s.yaml", seeds[i]);
        a = conf_support_file(conf);
        b = conf_support_file(yaml);
        for (size_t k = 0; k < ARRAY_SIZE(domains); k++)
            same_scope(generation_scope(a, STR_NONE, str_of(domains[k])),
                generation_scope(b, STR_NONE, str_of(domains[k])), conf);
        generation_unref(&a);
        generation_unref(&b);
    }
}

static void
test_chapter_25(void **state)
{
    struct generation *g = conf_support_file("seeds/routing-mail.conf");
    const struct scope *all = generation_scope(g, STR_NONE, STR("x.test"));
    const struct scope *local =
        generation_scope(g, STR_NONE, STR("Local.example.com"));
    static const char *const want[] = {
        "10.10.10.50", "ESMTP", "10.10.10.20", "LMTP"};
    char *got[] = {conf_support_text(all, "gateway"),
        conf_support_text(all, "delivery_method"),
        conf_support_text(local, "gateway"),
        conf_support_text(local, "delivery_method")};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(got); i++) {
        assert_string_equal(got[i], want[i]);
        free(got[i]);
    }
    generation_unref(&g);
}

/* conf -> YAML -> conf gives the same tree; so does printing as conf. */
static void
round_trip(const struct node *root, struct conf_report *r, const char *what)
{
    struct buf yaml = BUF_INIT, conf = BUF_INIT;
    struct tree a, b;
    struct err e;

    if (yaml_print(root, &yaml, &e))
        fail_msg("%s: %s", what, e.text);
    tree_init(&a, r);
    tree_parse(&a, &a.root, buf_get(&yaml), true, "twin.yaml");
    if (conf_report_count(r, true) || !tree_eq(root, &a.root))
        fail_msg("%s as YAML is another tree:\n%s", what, yaml.p);
    ecconf_print(&a.root, &conf);
    tree_init(&b, r);
    tree_parse(&b, &b.root, buf_get(&conf), false, "back.conf");
    if (conf_report_count(r, true) || !tree_eq(root, &b.root))
        fail_msg("%s back as conf is another tree:\n%s", what, conf.p);
    tree_fini(&a);
    tree_fini(&b);
    buf_fini(&yaml);
    buf_fini(&conf);
}

static void
test_round_trip_text(void **state)
{
    static const char *const texts[] = {
        "",
        "a = b c = (1 2) d = () e = [ x = y ] f = \"\"",
        "domain \"/a/\" { x = 1 } binding b {} domain \"/b/\" {} domain "
        "\"/a/\" { x = 2 } domain x.test {} domain x.test {}",
        "ec_logger { mainlog = \"/x\" } ec_logger l1 { } ec_logger \"a b\" {}",
        "esmtp_listener { listen \":25\" { peer ::1 {} } } esmtp_listener {}",
        "cluster { topology { a {} } } snmp { }",
        "cluster \"x y\" { b = 1 }",
        "unknown_stanza { a = b } unknown_stanza \"n\" { c { } }",
        "domain { x = 1 }",
        "security \"x\" { user = y }",
        "null {} true = null \"false\" = \"~\"",
        "a = \"<<\" b = \"*x\" c = \"&y\" d = \"!z\" e = \"# no\" f = \"a: b\"",
        "s = \"line\\r\\n\\ttab \\\\ back\\slash \\d \\\" end\\\\\"",
        "include \"x.conf\" domain d { include y } readonly_include z",
        "x = \"- item\" y = \"? q\" z = \" lead\" w = \"trail \" v = \"a#b\"",
        "u = \"\xc3\xa4\xe2\x82\xac\" t = \"\x01\x7f\"",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct conf_report *r = conf_report_new();
        struct tree t;

        tree_init(&t, r);
        tree_parse(&t, &t.root, str_of(texts[i]), false, "t.conf");
        if (i != 10) /* quoted keywords are as good as bare ones */
            assert_int_equal(conf_report_count(r, true), 0);
        round_trip(&t.root, r, texts[i]);
        tree_fini(&t);
        conf_report_free(&r);
    }
}

static void
test_round_trip_files(void **state)
{
    (void)state;
    for (size_t i = 0; i <= ARRAY_SIZE(seeds); i++) {
        struct conf_report *r = conf_report_new();
        const char *dir = getenv("srcdir");
        char path[4096];
        struct tree t;

        snprintf(path, sizeof(path), "%s/tests/data/%s%s.conf",
            dir ? dir : "..", i < ARRAY_SIZE(seeds) ? "seeds/" : "conf/server",
            i < ARRAY_SIZE(seeds) ? seeds[i] : "");
        tree_init(&t, r);
        tree_load(&t, path, false);
        assert_int_equal(conf_report_count(r, true), 0);
        assert_non_null(t.root.first);
        round_trip(&t.root, r, path);
        tree_fini(&t);
        conf_report_free(&r);
    }
}

static void
test_whole_server(void **state)
{
    struct generation *g = conf_support_file("conf/server.conf");
    const struct stanza *l =
        generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, NULL);
    const struct stanza *log =
        generation_stanza(g, SCOPE_EC_LOGGER, NULL, NULL);
    const struct stanza *flags =
        generation_stanza(g, SCOPE_DEBUG_FLAGS, NULL, NULL);
    char *context = conf_support_text(stanza_scope(l), "context");
    char *debug = conf_support_text(stanza_scope(flags), "debug");

    (void)state;
    assert_string_equal(context, "binding=b1 x y=1");
    assert_string_equal(debug, "SMTP DNS");
    assert_true(str_eq(stanza_name(log), STR("ec_logger1")));
    assert_int_equal(
        scope_int(stanza_scope(log), option_find(STR("mainlog_mode"))), 0644);
    assert_int_equal(
        conf_support_int(g, NULL, "7.test", "max_outbound_connections"), 6);
    assert_int_equal(
        conf_support_int(g, NULL, "a.example.net", "idle_timeout"), 3000);
    assert_int_equal(
        conf_support_int(g, "b2", "example.org", "max_outbound_connections"),
        40);
    assert_true(str_eq(generation_binding_group(g, STR("b2")), STR("bulk")));
    free(context);
    free(debug);
    generation_unref(&g);
}

/* What is refused in one notation, and the words that must be said. */
struct refusal {
    const char *text, *says;
};

static void
test_conf_refusals(void **state)
{
    static const struct refusal rows[] = {
        {"a = \"b\nc\"", "t.conf:1:5: error: the quotes that begin here"},
        {"/* x", "t.conf:1:1: error: the comment that begins here"},
        {"domain x {\n a = b", "'}' to end the stanza of line 1"},
        {"}", "t.conf:1:1: error: expected the name"},
        {"a =", "expected a value, '(' or '[', but the file ends"},
        {"a = (b", "expected an item or ')'"},
        {"a = (b=c)", "in quotes"},
        {"gateway = [::1]", "put it in quotes"},
        {"a b c", "t.conf:1:5: error: expected '{'"},
        {"foo-bar = 1", "letters, digits and _"},
        {"retry_intervall = 3", "did you mean retry_interval"},
        {"domian x { }", "did you mean domain"},
        {"\n\n  retry_interval = soon",
            "t.conf:3:20: error: retry_interval: "
            "expected a time in seconds"},
        {"retry_interval = 0", "out of range: from 1 to"},
        {"max_retries = -1", "out of range"},
        {"max_retries = many", "auto, none"},
        {"use_ipv6 = maybe", "expected true or false"},
        {"blackhole = quick", "expected one of false, inline, internal"},
        {"spool_mode = 0999", "octal"},
        {"outbound_throttle_messages = \"3/0\"", "N in T"},
        {"remote_smtp_port = 65536", "out of range"},
        {"routes = (a) gateway = b", "one stanza"},
        {"retry_interval = (1 2)", "expected one value, not a list"},
        {"context = 3", "context is not valid in the global scope"},
        {"prohibited_hosts = (10.1)", "item 1: '10.1' is no address"},
        {"esmtp_listener { context = (a) }", "expected a dictionary"},
        {"bounce_pattern = \"(\"", "at offset"},
        {"domain \"/[/\" {}", "t.conf:1:1: error: domain: pattern"},
        {"domain \"*.x.test\" {}", "pattern is written as"},
        {"binding { }", "takes a name"},
        {"binding \"a b\" { }", "no space"},
        {"binding a:b { }", "no space, ':'"},
        {"security x { }", "takes no name"},
        {"listen \":25\" { }",
            "may not stand in the global scope; it may in: "
            "a listener"},
        {"esmtp_listener { domain x {} }", "may not stand in a listener"},
        {"esmtp_listener { listen \"::1\" {} }", "[::1]:25"},
        {"esmtp_listener { listen \"2001:db8::1:25\" {} }",
            "[2001:db8::1:25]:25"},
        {"esmtp_listener { listen \"25\" {} }", "ADDRESS:PORT"},
        {"esmtp_listener { listen \":70000\" {} }", "port"},
        {"esmtp_listener { peer 10.0.0.0/33 {} }", "no address or prefix"},
        {"binding b {} binding_group g { binding b {} }", "one group"},
        {"use_ssl = yes", "not valid in the global scope"},
        {"open_tracking_enabled = yes", "messages would not be tracked"},
        {"default_binding = nobody", "default_binding"},
        {"xclient = maybe", "required"},
        {"esmtp_listener { always_allow = true }", "anybody could log in"},
        {"delivery_method = UUCP", "unknown delivery_method 'UUCP'"},
        {"delivery_method = ESMPT", "did you mean"},
        {"bind_address = fd00::1/129", "an address or a host"},
        {"bind_address = 192.0.2.1/33", "no address"},
        {"routes = (\"smtp://h?pref=-1\")", "from 0 to 65535"},
        {"routes = (\"smtp://h?port=0\")", "from 1 to 65535"},
        {"routes = (\"smtp://h?ttl=4294967296\")", "from 0 to 4294967295"},
        {"routes = (\"smtp://h?type=aaaa\")", "mx or a is expected"},
        {"routes = (\"smtp://h?ttl=1&ttl=2\")", "ttl is given twice"},
        {"hostname = \"a b\"", "host name"},
        {"mailerdaemon = \"a@@b\"", "mailerdaemon"},
        {"spoolbase = spool", "absolute path"},
        {"rfc2822_lone_lf_in_body = ignore", "expected one of pedantic, fix"},
        {"domain x.test { order = first }", "order"},
        {"binding b { routes = (x) }", "#name"},
        {"binding_group g { routes = (x) }", "#name"},
        {"binding b { domain d { routes = (x) } }", "domain of a binding"},
        {"binding_group g { domain d { routes = (x) } }", "#name"},
        {"gateway = ::1", "[::1]"},
        {"gateway = 2001:db8::1", "[2001:db8::1]"},
        {"routes = (2001:db8::1)", "[2001:db8::1]"},
        {"routes = (\"smtp://2001:db8::1?pref=1\")", "[2001:db8::1]"},
        {"routes = (\"smtp://h?prio=1\")", "pref"},
        {"routes = (\"smtp://h?pref=1&pref=2\")", "pref"},
        {"domain d { delivery_method = ECSTREAM routes = (h) }", "gateway"},
        {"domain d { delivery_method = apn routes = (\"gcm://h\") }", "apn"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        conf_support_says(rows[i].text, false, rows[i].says);
}

static void
test_yaml_refusals(void **state)
{
    static const struct refusal rows[] = {
        {"- a", "expected option: value"},
        {"a: [1", "t.yaml:"},
        {"a: &x 1", "t.yaml:1:4: error: anchors and aliases"},
        {"a: *x", "anchors and aliases"},
        {"a: !!int 1", "tags"},
        {"<<: {a: 1}", "merge keys"},
        {"hostname: a.test\n---\nhostname: b.test", "a second document"},
        {"hostname: a.test\nhostname: b.test",
            "t.yaml:2:1: error: hostname is set twice in this stanza (line "
            "1)"},
        {"domain: x", "unknown option 'domain'"},
        {"domain:\n  x: 1", "t.yaml:2:6: error: domain: expected a mapping"},
        {"routes: [[a]]", "not a list or mapping"},
        {"retry_interval: {a: 1}", "not a dictionary"},
        {"[a]: 1", "expected the name"},
        {"domain:\n  x.test:\n    retry_interval: no",
            "t.yaml:3:21: error: retry_interval"},
        {"a: \"\\0\"", "NUL"},
        {"binding: {b: {routes: [x]}}", "#name"},
        {"gateway: \"::1\"", "[::1]"},
        {"open_tracking_enabled: yes", "would not be tracked"},
        {"nonsense: {a: {b: 1}}", "one value for each key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        conf_support_says(rows[i].text, true, rows[i].says);
}

static void
test_conf_accepts(void **state)
{
    static const char *const texts[] = {
        "delivery_method = esmtp",
        "Delivery_Method = \"SmTp\"",
        "gateway=h.test:2525",
        "gateway = \"[::1]:2525\"",
        "bind_address = ::1 prohibited_hosts = ( \"[::1]\" ::1 10.0.0.0/8 )",
        "prohibited_hosts = ( ::2 \"[::3]\" fd00::/8 \"[fd01::]/16\" ) "
        "skip_hosts = ( ::2 \"[::3]\" fd00::/8 \"[fd01::]/16\" ) "
        "relay_hosts = ( ::2 \"[::3]\" fd00::/8 \"[fd01::]/16\" )",
        "esmtp_listener { peer ::2 { } peer \"[::3]\" { } peer fd00::/8 { } "
        "listen :25 { peer \"[fd01::]/16\" { } peer 10.0.0.0/8 { } } }",
        "binding a { bind_address = \"[::1]\" } binding b { bind_address = "
        "fd00::1/64 } binding c { bind_address = \"[fd00::1]/64\" } "
        "binding d { bind_address = 192.0.2.1/24 }",
        "gateway = \"[fd00::1]\" domain d { routes = ( \"[::1]\" "
        "\"smtp://[::1]?port=2525&pref=1&ttl=3&type=a\" ) }",
        "\xef\xbb\xbf# a byte order mark",
        "esmtp_listener{listen /tmp/x{}listen\"[::1]:25\"{}}",
        "max_retries = none max_outbound_connections = unlimited",
        "idle_timeout = 1h retry_interval = 15m large_message_threshold = 64K",
        "routes = ( a , b c )",
        "relay_domains = example.com",
        "blackhole = true use_ipv6 = enabled",
        "host \"/mx/\" { max_outbound_connections = -1 }",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct generation *g = conf_support_load(texts[i], false);
        generation_unref(&g);
    }
}

static void
warned(const char *text, const char *says, bool strict)
{
    char *lines = conf_support_warned(text, false, strict);

    if (says[0] ? !strstr(lines, says) : lines[0] != 0)
        fail_msg("wanted \"%s\" of %s in:\n%s", says, text, lines);
    free(lines);
}

static void
test_warnings(void **state)
{
    (void)state;
    warned("delivery_method = LMTP",
        "needs module lmtp, which is not "
        "installed (package impel)",
        false);
    warned("delivery_method = LMTP", "error: delivery_method: ", true);
    warned("lmtp_port = 2003", "belongs to module lmtp", false);
    warned("ecstream_listener { listen :1825 {} }",
        "package impel-module-ecstream", false);
    warned("ecstream_listener { }", "error: ecstream_listener", true);
    warned("force_fsync = false", "ignored", false);
    warned("rfc2822_max_line_length = fix", "Impel does not break", false);
    warned("rfc2822_max_line_length_policy = fix", "as they are", false);
    warned("rfc2822_max_line_length_policy = reject", "", true);
    warned("force_fsync = true", "", false);
    warned("tls = no", "", true);
    warned("tls = ifavailable", "", true);
    warned("tls_engine = gnutls", "warning: tls_engine is ignored", false);
    warned("use_mmap = true", "warning: use_mmap is ignored", false);
    warned("use_mmap = true", "error: use_mmap is ignored", true);
    warned("snmp { port = 3 }", "snmp is ignored", false);
    warned("max_resident_active_queue_size = 3",
        "is called max_resident_active_queue", false);
    warned("retry_interval = 1\nretry_interval = 2",
        ":2:1: warning: retry_interval was set on line 1 already", true);
    warned("gateway = #relay\nhostname",
        "from another line, since # began a "
        "comment",
        true);
    warned(
        "esmtp_listener { concurrency = 3 }", "concurrency is ignored", false);
    warned("adaptive_retry_interval = (1 2) adaptive { }", "comes with 0.6",
        false);
}

static void
test_bounds(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    for (int i = 0; i < 40; i++)
        buf_cstr(&b, "domain x { ");
    conf_support_says(b.p, false, "nested more than");
    buf_cut(&b, 0);
    for (int i = 0; i < 100; i++)
        buf_cstr(&b, "{a: ");
    conf_support_says(b.p, true, "nested too deep");
    buf_cut(&b, 0);
    buf_cstr(&b, "a = ");
    for (int i = 0; i < 70000; i++)
        buf_char(&b, 'x');
    conf_support_says(b.p, false, "too long");
    buf_fini(&b);
}

/* The commented default: as it is, and with all that is commented. */
static void
test_examples(void **state)
{
    const char *dir = getenv("srcdir");
    char path[4096], line[1000];
    struct buf plain = BUF_INIT, all = BUF_INIT;
    struct generation *g;
    FILE *f;

    (void)state;
    g = conf_support_file("../../etc/impel-minimal.yaml");
    generation_unref(&g);
    snprintf(path, sizeof(path), "%s/etc/impel.yaml.in", dir ? dir : "..");
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        char *mark = strchr(line, '@');

        if (mark && strchr(mark + 1, '@')) { /* a folder that is put in */
            char *end = strchr(mark + 1, '@') + 1;
            memmove(mark, end, strlen(end) + 1);
        }
        buf_cstr(&plain, line);
        buf_cstr(&all, strncmp(line, "#   ", 4) == 0 ? line + 4 : line);
    }
    fclose(f);
    g = conf_support_load(plain.p, true);
    generation_unref(&g);
    g = conf_support_load(all.p, true);
    generation_unref(&g);
    buf_fini(&plain);
    buf_fini(&all);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds_and_twins),
        cmocka_unit_test(test_chapter_25),
        cmocka_unit_test(test_round_trip_text),
        cmocka_unit_test(test_round_trip_files),
        cmocka_unit_test(test_whole_server),
        cmocka_unit_test(test_conf_refusals),
        cmocka_unit_test(test_yaml_refusals),
        cmocka_unit_test(test_conf_accepts),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
