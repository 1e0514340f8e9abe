/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that ask for reports of TLS, counts, and reports: RFC 8460 field by
 * field.
 */
#include "unit.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "queue/tlsreport.h"
#include "queue/tlsrua.h"

/* --- the record --- */

static void
records(void **state)
{
    static const struct {
        const char *txt; /* one a line */
        int rc;
        const char *to; /* with a blank behind each */
    } rows[] = {
        {"v=TLSRPTv1; rua=mailto:reports@example.com", 0,
            "reports@example.com "},
        {"v=TLSRPTv1;rua=https://reporting.example.com/v1/tlsrpt", 0,
            "https://reporting.example.com/v1/tlsrpt "},
        {"v=TLSRPTv1; rua=mailto:a@b.test,https://c.test:8443/x?y=1 ;", 0,
            "a@b.test https://c.test:8443/x?y=1 "},
        {"v=TLSRPTv1 ; ext=1;; rua = mailto:a@b.test\t,\tmailto:c@d.test;x=y",
            0, "a@b.test c@d.test "},
        {"v=spf1 -all\nv=TLSRPTv1;rua=mailto:a@b.test", 0, "a@b.test "},
        {"v=TLSRPTv1; rua=mailto:a%2Bb%21c@b.test?subject=hello", 0,
            "a+b!c@b.test "},
        {"v=TLSRPTv1; rua=ftp://c.test/,MAILTO:a@b.test", 0, "a@b.test "},
        {"", ERR_NOTFOUND, ""},
        {"v=TLSRPTv2; rua=mailto:a@b.test", ERR_NOTFOUND, ""},
        {"v=tlsrptv1; rua=mailto:a@b.test", ERR_NOTFOUND, ""},
        {" v=TLSRPTv1; rua=mailto:a@b.test", ERR_NOTFOUND, ""},
        {"v=TLSRPTv1 rua=mailto:a@b.test", ERR_NOTFOUND, ""},
        {"v=TLSRPTv1", ERR_NOTFOUND, ""},
        {"v=TLSRPTv1;rua=mailto:a@b.test\nv=TLSRPTv1;rua=mailto:a@b.test",
            ERR_NOTFOUND, ""},
        {"v=TLSRPTv1;", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua", ERR_PROTO, ""},
        {"v=TLSRPTv1; RUA=mailto:a@b.test", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=mailto:a@b.test; rua=mailto:c@d.test", ERR_PROTO, ""},
        /* not what it seems, or not to be had like that */
        {"v=TLSRPTv1; rua=mailto:a%0d%0aRCPT@b.test", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=mailto:%zz@b.test", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=mailto:nobody", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=mailto:<a@b.test>", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=http://c.test/", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://user@c.test/", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://[::1]/", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://127.0.0.1/", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://c.test:x/", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://c.test/\r", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=https://c.test/a b", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=file:///etc/passwd", ERR_PROTO, ""},
        {"v=TLSRPTv1; rua=mailto:1@b.test,mailto:2@b.test,mailto:3@b.test,"
         "mailto:4@b.test,mailto:5@b.test,mailto:6@b.test,mailto:7@b.test,"
         "mailto:8@b.test,mailto:9@b.test",
            0,
            "1@b.test 2@b.test 3@b.test 4@b.test 5@b.test 6@b.test 7@b.test "
            "8@b.test "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str txt[4], rest = str_of(rows[i].txt);
        struct buf to = BUF_INIT;
        struct tlsrua rua;
        struct err e = {0};
        size_t n = 0;
        int rc;

        while (rest.n)
            txt[n++] = str_cut(&rest, '\n');
        rc = tlsrua_parse(txt, n, &rua, &e);
        for (size_t k = 0; k < rua.count; k++)
            buf_printf(&to, "%s ", rua.place[k].to);
        if (rc != rows[i].rc || !str_eq(buf_get(&to), str_of(rows[i].to)))
            fail_msg(
                "%s: %d %s \"%s\"", rows[i].txt, rc, e.text, buf_get(&to).p);
        tlsrua_fini(&rua);
        buf_fini(&to);
    }
}

/* --- counts --- */

enum { FROM = 1459468800 }; /* 2016-04-01T00:00:00Z */

static const struct tlstally_policy sts = {.type = STR("sts"),
    .domain = STR("company-y.example"),
    .strings = STR("version: STSv1\nmode: testing\r\nmx: *.mail.company-y."
                   "example\nmax_age: 86400"),
    .mx = STR("*.mail.company-y.example")};

static void
add(struct tlstally *t, const struct tlstally_policy *p,
    const struct tlstally_failure *f, int times)
{
    while (times--)
        tlstally_add(t, p, f);
}

/* The sessions of appendix B. */
static struct tlstally *
appendix_b(void)
{
    static const struct tlstally_failure failures[] = {
        {.result = STR("certificate-expired"),
            .sending_ip = STR("2001:db8:abcd:0012::1"),
            .mx = STR("mx1.mail.company-y.example")},
        {.result = STR("starttls-not-supported"),
            .sending_ip = STR("2001:db8:abcd:0013::1"),
            .mx = STR("mx2.mail.company-y.example"),
            .receiving_ip = STR("203.0.113.56"),
            .info = STR("https://reports.company-x.example/report_info ? id ="
                        " 5065427 - 23b3#StarttlsNotSupported")},
        {.result = STR("validation-failure"),
            .sending_ip = STR("198.51.100.62"),
            .receiving_ip = STR("203.0.113.58"),
            .mx = STR("mx-backup.mail.company-y.example"),
            .code = STR("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED")}};
    struct tlstally *t =
        tlstally_new(STR("company-y.example"), (int64_t)FROM * 1000);

    add(t, &sts, NULL, 5326);
    add(t, &sts, &failures[0], 100);
    add(t, &sts, &failures[1], 200);
    add(t, &sts, &failures[2], 3);
    t->until = (int64_t)(FROM + 86400) * 1000;
    return t;
}

static const char *
text_at(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static void
only_keys(const json_t *j, const char *keys)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)j, key, v) if (!strstr(keys, key))
        fail_msg("unexpected: %s", key);
}

static struct tlsreport
report_of(const struct tlstally *t)
{
    return (struct tlsreport){.tally = t,
        .organization = STR("Company-X"),
        .contact = STR("sts-reporting@company-x.example"),
        .from = STR("tlsrpt@company-x.example"),
        .id = 0x5065427};
}

static void
check_appendix_b(const json_t *j)
{
    const json_t *range = json_object_get(j, "date-range");
    const json_t *policies = json_object_get(j, "policies");
    const json_t *one = json_array_get(policies, 0);
    const json_t *is = json_object_get(one, "policy");
    const json_t *sum = json_object_get(one, "summary");
    const json_t *list = json_object_get(one, "failure-details"), *f;

    only_keys(
        j, "organization-name date-range contact-info report-id policies");
    assert_string_equal(text_at(j, "organization-name"), "Company-X");
    assert_string_equal(
        text_at(j, "contact-info"), "sts-reporting@company-x.example");
    assert_string_equal(text_at(j, "report-id"),
        "1459468800.5065427.company-y.example@company-x.example");
    only_keys(range, "start-datetime end-datetime");
    assert_string_equal(
        text_at(range, "start-datetime"), "2016-04-01T00:00:00Z");
    assert_string_equal(text_at(range, "end-datetime"), "2016-04-01T23:59:59Z");
    assert_int_equal(json_array_size(policies), 1);
    only_keys(one, "policy summary failure-details");
    only_keys(is, "policy-type policy-string policy-domain mx-host");
    assert_string_equal(text_at(is, "policy-type"), "sts");
    assert_string_equal(text_at(is, "policy-domain"), "company-y.example");
    assert_int_equal(json_array_size(json_object_get(is, "policy-string")), 4);
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(is, "policy-string"), 1)),
        "mode: testing");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(is, "mx-host"), 0)),
        "*.mail.company-y.example");
    only_keys(
        sum, "total-successful-session-count total-failure-session-count");
    assert_int_equal(json_integer_value(json_object_get(
                         sum, "total-successful-session-count")),
        5326);
    assert_int_equal(
        json_integer_value(json_object_get(sum, "total-failure-session-count")),
        303);
    assert_int_equal(json_array_size(list), 3);
    f = json_array_get(list, 1);
    only_keys(f,
        "result-type sending-mta-ip receiving-mx-hostname receiving-ip "
        "failed-session-count additional-information");
    assert_string_equal(text_at(f, "result-type"), "starttls-not-supported");
    assert_string_equal(
        text_at(f, "receiving-mx-hostname"), "mx2.mail.company-y.example");
    assert_string_equal(text_at(f, "receiving-ip"), "203.0.113.56");
    assert_int_equal(
        json_integer_value(json_object_get(f, "failed-session-count")), 200);
    f = json_array_get(list, 2);
    assert_string_equal(text_at(f, "failure-reason-code"),
        "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
}

static void
golden(void **state)
{
    struct tlstally *t = appendix_b(), *again;
    struct tlsreport r = report_of(t);
    struct buf text = BUF_INIT, packed = BUF_INIT;
    unsigned char out[8192];
    z_stream z = {.next_out = out, .avail_out = sizeof(out)};
    json_t *j, *p;

    (void)state;
    tlsreport_print(&r, &text);
    assert_null(memchr(text.p, '\n', text.n));
    j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    check_appendix_b(j);
    /* what is stored is the same once it is read back */
    again = tlstally_new(STR("company-y.example"), t->from);
    tlstally_read(again, json_object_get(j, "policies"));
    assert_int_equal(again->good, 5326);
    assert_int_equal(again->bad, 303);
    assert_int_equal(again->bytes, t->bytes);
    p = tlstally_print(again);
    assert_true(json_equal(p, json_object_get(j, "policies")));
    json_decref(p);
    json_decref(j);
    assert_int_equal(tlsreport_pack(buf_get(&text), &packed, NULL), 0);
    assert_true(packed.n < text.n);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)packed.p;
    z.avail_in = (uInt)packed.n;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, text.n);
    assert_memory_equal(out, text.p, text.n);
    (void)inflateEnd(&z);
    buf_fini(&text);
    buf_fini(&packed);
    tlstally_free(&t);
    tlstally_free(&again);
}

static void
mail(void **state)
{
    struct tlstally *t = appendix_b();
    struct tlsreport r = report_of(t);
    struct buf b = BUF_INIT, octets = BUF_INIT, coded = BUF_INIT;
    struct str rest;
    const char *at;
    static const char *const wanted[] = {
        "Date: ", "\r\nFrom: <tlsrpt@company-x.example>\r\n",
        "To: <r@company-y.example>\r\n",
        "Subject: Report Domain: company-y.example\r\n"
        " Submitter: company-x.example\r\n"
        " Report-ID: <1459468800.5065427.company-y.example@"
        "company-x.example>\r\n",
        "TLS-Report-Domain: company-y.example\r\n",
        "TLS-Report-Submitter: company-x.example\r\n", "TLS-Required: No\r\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
        " boundary=\"=_impel-0000000000000077\"\r\n\r\n"
        "--=_impel-0000000000000077\r\n"
        "Content-Type: text/plain",
        "\r\n--=_impel-0000000000000077\r\n"
        "Content-Type: application/tlsrpt+gzip\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment;\r\n filename=\""
        "company-x.example!company-y.example!1459468800!1459555199!5065427"
        ".json.gz\"\r\n\r\n"};

    (void)state;
    for (int i = 0; i < 500; i++)
        buf_char(&octets, (char)(i * 7));
    tlsreport_print_mail(&r, buf_get(&octets), STR("r@company-y.example"), 0x77,
        (int64_t)FROM * 1000, &b);
    at = b.p;
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        const char *found = strstr(at, wanted[i]);

        if (!found)
            fail_msg("missing: %s in\n%s", wanted[i], b.p);
        at = found + strlen(wanted[i]);
    }
    rest = str_of(at);
    while (rest.n && rest.p[0] != '-') {
        struct str line = str_cut(&rest, '\n');

        assert_true(line.n <= 77 && line.p[line.n - 1] == '\r');
        line.n--;
        buf_str(&coded, line);
    }
    assert_string_equal(rest.p, "--=_impel-0000000000000077--\r\n");
    buf_cut(&b, 0);
    assert_int_equal(base64_decode(&b, buf_get(&coded)), 0);
    assert_int_equal(b.n, octets.n);
    assert_memory_equal(b.p, octets.p, b.n);
    buf_fini(&b);
    buf_fini(&octets);
    buf_fini(&coded);
    tlstally_free(&t);
}

/* What hosts say of themselves writes no JSON, and no header fields. */
static void
lies(void **state)
{
    static const char evil[] =
        "mx\"}],\"policies\":[]}\r\nBcc: x@y\r\n\0\x80\xff\\u0000";
    struct tlstally *t = tlstally_new(STR("x.test\r\nBcc: a@b"), 1000);
    struct tlstally_policy p = {.type = STR("no-policy-found"),
        .domain = str_make(evil, sizeof(evil) - 1)};
    struct tlstally_failure f = {.result = STR("certificate-host-mismatch"),
        .mx = str_make(evil, sizeof(evil) - 1),
        .helo = str_make(evil, sizeof(evil) - 1),
        .code = str_make(evil, sizeof(evil) - 1)};
    struct tlsreport r = report_of(t);
    struct buf text = BUF_INIT, name = BUF_INIT;
    const json_t *one;
    json_t *j;

    (void)state;
    tlstally_add(t, &p, &f);
    t->until = 2000;
    tlsreport_print(&r, &text);
    j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    assert_int_equal(json_array_size(json_object_get(j, "policies")), 1);
    one = json_array_get(json_object_get(j, "policies"), 0);
    one = json_array_get(json_object_get(one, "failure-details"), 0);
    only_keys(one,
        "result-type receiving-mx-hostname receiving-mx-helo "
        "failure-reason-code failed-session-count");
    assert_string_equal(text_at(one, "receiving-mx-hostname"),
        "mx\"}],\"policies\":[]}??Bcc: x@y?????\\u0000");
    tlsreport_print_name(&r, &name);
    assert_null(strpbrk(name.p, "\r\n"));
    json_decref(j);
    buf_fini(&text);
    buf_fini(&name);
    tlstally_free(&t);
}

/* However many kinds of failure there are: the sums stay right, and what is
 * stored stays small. */
static void
bounds(void **state)
{
    struct tlstally *t = tlstally_new(STR("x.test"), 1000);
    struct tlstally_policy p = sts;
    struct buf domain = BUF_INIT;
    char long_name[4000], *text;
    json_t *j;

    (void)state;
    memset(long_name, '"', sizeof(long_name));
    for (int i = 0; i < 3000; i++) {
        char code[32];
        struct tlstally_failure f = {.result = STR("validation-failure"),
            .mx = str_make(long_name, sizeof(long_name))};

        (void)snprintf(code, sizeof(code), "reason %d", i);
        f.code = str_of(code);
        buf_cut(&domain, 0);
        buf_printf(&domain, "p%d.test", i % 20);
        p.domain = buf_get(&domain);
        tlstally_add(t, &p, i % 3 ? &f : NULL);
    }
    assert_int_equal(t->good, 1000);
    assert_int_equal(t->bad, 2000);
    assert_true(t->policy_count <= TLSTALLY_POLICIES);
    assert_true(t->bytes < TLSTALLY_BYTES + 4096);
    j = tlstally_print(t);
    text = json_dumps(j, JSON_COMPACT);
    assert_true(strlen(text) < 256 * 1024);
    free(text);
    json_decref(j);
    buf_fini(&domain);
    tlstally_free(&t);
}

UNIT_MAIN(cmocka_unit_test(records), cmocka_unit_test(golden),
    cmocka_unit_test(mail), cmocka_unit_test(lies), cmocka_unit_test(bounds))
