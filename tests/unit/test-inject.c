/* SPDX-License-Identifier: Apache-2.0
 *
 * What `impel inject` reads: mbox files, messages, address lists, CSV, its
 * journal.
 */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "prog/inject_args.h"
#include "prog/inject_address.h"
#include "prog/inject_journal.h"
#include "prog/inject_list.h"
#include "prog/inject_mbox.h"
#include "prog/inject_report.h"
#include "prog/inject_text.h"

static char folder[] = "/tmp/impel-inject-XXXXXX";
static char path[64];

static int
setup(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static int
file_of(const char *octets, size_t n)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, n), n);
    return fd;
}

/* --- arguments --- */

static void
host_is(const char *to, const char *host, unsigned port)
{
    char one[] = "inject", two[] = "--to", four[] = "--recipient=a@b.c",
         five[] = "-", three[100];
    char *argv[] = {one, two, three, four, five, NULL};
    struct inject_args o;
    struct err e;
    int rc;

    snprintf(three, sizeof(three), "%s", to);
    rc = inject_args_parse(5, argv, &o, &e);
    if (host) {
        assert_int_equal(rc, 0);
        assert_string_equal(o.host, host);
        assert_int_equal(o.port, port);
        assert_int_equal(o.path_count, 1);
    } else {
        assert_int_equal(rc, ERR_INVAL);
    }
    inject_args_fini(&o);
}

static void
test_hosts(void **state)
{
    static const char *const wrong[] = {"", ":25", "h:", "h:0", "h:65536",
        "h:x", "[::1", "[::1]x", "[::1]:", "unix:", "unix:x"};

    (void)state;
    host_is("mta.test", "mta.test", 0);
    host_is("mta.test:2525", "mta.test", 2525);
    host_is("::1", "::1", 0);
    host_is("[::1]", "::1", 0);
    host_is("[::1]:2525", "::1", 2525);
    host_is("unix:/a:b", "/a:b", 0);
    host_is("/a", "/a", 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        host_is(wrong[i], NULL, 0);
}

/* --- mbox --- */

#define FROM "From a@b Sat Nov 21 12:34:56 2026\n"

/* want: each message, NULL at the end. */
static void
mbox_is(const char *octets, size_t n, const char *const want[])
{
    struct inject_mbox *m = malloc(sizeof(*m));
    int fd = file_of(octets, n), rc;
    uint64_t at, length;
    struct err e;
    size_t i = 0;

    inject_mbox_init(m, fd);
    while ((rc = inject_mbox_next(m, &at, &length, &e)) > 0) {
        assert_non_null(want[i]);
        assert_true(at + length <= n);
        assert_str(str_make(octets + at, (size_t)length), want[i]);
        i++;
    }
    assert_int_equal(rc, 0);
    assert_null(want[i]);
    close(fd);
    free(m);
}
#define MBOX(octets, ...) \
    mbox_is( \
        octets, sizeof(octets) - 1, (const char *const[]){__VA_ARGS__, NULL})

static void
test_mbox(void **state)
{
    (void)state;
    mbox_is("", 0, (const char *const[]){NULL});
    MBOX(FROM "a\n\nb\n", "a\n\nb\n");
    MBOX(FROM "a\n\nb\n\n" FROM "c\n\n", "a\n\nb\n", "c\n");
    MBOX(FROM "a\n\nFrom the start\n\n" FROM "c", "a\n\nFrom the start\n", "c");
    MBOX(FROM "a\nFrom b 12:34\n", "a\nFrom b 12:34\n"); /* no empty line */
    MBOX(FROM, "");
    MBOX(FROM FROM "a\n", "", "a\n");
    MBOX("From a 1:23\r\na\r\n\r\nb\r\n\r\nFrom c 12:00\r\nd\r\n",
        "a\r\n\r\nb\r\n", "d\r\n");
    MBOX(FROM "a\n\n>From b 12:34\n", "a\n\n>From b 12:34\n");
}

/* Lines and messages that are longer than what is looked at at once. */
static void
test_mbox_long(void **state)
{
    size_t n = 3 * INJECT_MBOX_BLOCK;
    char *octets = malloc(n + 400), *want[3] = {NULL};
    size_t at = 0;

    (void)state;
    at += (size_t)sprintf(octets, FROM);
    memset(octets + at, 'x', n);
    at += n;
    want[0] = calloc(1, n + 2);
    memcpy(want[0], octets + sizeof(FROM) - 1, n);
    want[0][n] = '\n';
    at += (size_t)sprintf(octets + at, "\n\n" FROM "last\n");
    want[1] = strdup("last\n");
    mbox_is(octets, at, (const char *const *)want);
    /* an empty line on each side of a block's end */
    for (size_t k = 0; k < 8; k++) {
        size_t pad = INJECT_MBOX_BLOCK - sizeof(FROM) + 1 - 5 + k;

        memset(octets + sizeof(FROM) - 1, 'y', pad);
        at = sizeof(FROM) - 1 + pad;
        memcpy(want[0], octets + sizeof(FROM) - 1, pad);
        memcpy(want[0] + pad, "\n", 2);
        at += (size_t)sprintf(octets + at, "\n\n" FROM "last\n");
        mbox_is(octets, at, (const char *const *)want);
    }
    free(want[0]);
    free(want[1]);
    free(octets);
}

static void
test_no_mbox(void **state)
{
    struct inject_mbox *m = malloc(sizeof(*m));
    uint64_t at, length;
    struct err e;
    int fd = file_of("Subject: x\n", 11);

    (void)state;
    inject_mbox_init(m, fd);
    assert_int_equal(inject_mbox_next(m, &at, &length, &e), ERR_INVAL);
    close(fd);
    assert_false(inject_mbox_is_from(STR("From me to you\n12:34")));
    assert_true(inject_mbox_is_from(STR("From me 9:05")));
    free(m);
}

/* --- texts --- */

/* Read in pieces of that size, twice. */
static void
text_is(const char *octets, size_t n, enum inject_quoting quoting, size_t piece,
    const char *want, size_t want_n)
{
    struct inject_text *t;
    struct inject_reader *r;
    struct err e;
    int fd = file_of(octets, n);
    char *got = malloc(want_n + piece + 1);

    assert_int_equal(inject_text_open(fd, 0, n, quoting, &t, &e), 0);
    close(fd);
    assert_int_equal(inject_text_finish(t, &e), 0);
    assert_int_equal(t->size, want_n);
    r = inject_reader_new(t);
    for (int twice = 0; twice < 2; twice++) {
        size_t at = 0;

        while (at < want_n) {
            size_t left = want_n - at;
            int64_t some = inject_reader_read(
                r, at, got + at, left < piece ? left : piece);

            assert_true(some > 0);
            at += (size_t)some;
        }
        assert_memory_equal(got, want, want_n);
    }
    inject_reader_free(&r);
    inject_text_unref(&t);
    free(got);
}
#define TEXT(octets, quoting, want) \
    text_is(octets, sizeof(octets) - 1, quoting, 3, want, sizeof(want) - 1)

static void
test_text(void **state)
{
    (void)state;
    TEXT("a: b\n\nc", INJECT_QUOTING_NONE, "a: b\r\n\r\nc\r\n");
    TEXT("a: b\r\n\r\nc\r\n", INJECT_QUOTING_NONE, "a: b\r\n\r\nc\r\n");
    TEXT("a\rb\nc\r", INJECT_QUOTING_NONE, "a\rb\r\nc\r\n");
    TEXT("\n", INJECT_QUOTING_NONE, "\r\n");
    TEXT(">From a\n>>From b\n>Frob\n>", INJECT_QUOTING_NONE,
        ">From a\r\n>>From b\r\n>Frob\r\n>\r\n");
    TEXT(">From a\n>>From b\n>Frob\n>", INJECT_QUOTING_MBOXO,
        "From a\r\n>>From b\r\n>Frob\r\n>\r\n");
    TEXT(">From a\n>>From b\n>Frob\n>", INJECT_QUOTING_MBOXRD,
        "From a\r\n>From b\r\n>Frob\r\n>\r\n");
}

/* What is not kept in memory is the same. */
static void
test_large_text(void **state)
{
    static const char line[] = ">From x\n>>From >From\ny\r\n>\n",
                      sent[] = "From x\r\n>From >From\r\ny\r\n>\r\n";
    size_t lines = 3 * INJECT_TEXT_SMALL / sizeof(line), n = 0, want_n = 0;
    char *octets = malloc(lines * sizeof(line) + 20);
    char *want = malloc(lines * sizeof(sent) + 20);

    (void)state;
    for (size_t i = 0; i <= lines; i++) {
        const char *from = i ? line : "A: b\n\n",
                   *to = i ? sent : "A: b\r\n\r\n";

        memcpy(octets + n, from, strlen(from));
        memcpy(want + want_n, to, strlen(to));
        n += strlen(from);
        want_n += strlen(to);
    }
    text_is(octets, n, INJECT_QUOTING_MBOXRD, 1000, want, want_n);
    text_is(octets, n, INJECT_QUOTING_MBOXRD, 70001, want, want_n);
    memset(octets + 6, '>', n - 6); /* one line of them */
    memset(want + 8, '>', n - 6);
    memcpy(want + 8 + n - 6, "\r\n", 2);
    text_is(octets, n, INJECT_QUOTING_MBOXRD, 999, want, n - 6 + 10);
    free(octets);
    free(want);
}

static void
test_text_changes(void **state)
{
    struct inject_text *t;
    struct err e;
    int fd = file_of("To: a\nbcc: x,\n y\nBccx: z\nBCC : w\n\nBcc: body\n", 44);
    char octets[10];
    struct inject_reader *r;
    char *head = calloc(1, INJECT_TEXT_HEAD + 10);

    (void)state;
    assert_int_equal(
        inject_text_open(fd, 0, 44, INJECT_QUOTING_NONE, &t, &e), 0);
    inject_text_drop(t, STR("Bcc"));
    assert_str(inject_text_head(t), "To: a\r\nBccx: z\r\n\r\n");
    assert_str(buf_get(&t->memory), "To: a\r\nBccx: z\r\n\r\nBcc: body\r\n");
    inject_text_unref(&t);
    close(fd);
    /* a header without an end; a file that has become shorter */
    memset(head, 'x', INJECT_TEXT_HEAD + 10);
    fd = file_of(head, INJECT_TEXT_HEAD + 10);
    assert_int_equal(inject_text_open(fd, 0, INJECT_TEXT_HEAD + 10,
                         INJECT_QUOTING_NONE, &t, &e),
        ERR_LIMIT);
    memcpy(head + 10, "\n\n", 2);
    assert_int_equal(pwrite(fd, head, 12, 0), 12);
    assert_int_equal(inject_text_open(fd, 0, INJECT_TEXT_HEAD + 10,
                         INJECT_QUOTING_NONE, &t, &e),
        0);
    assert_int_equal(ftruncate(fd, 1000), 0);
    assert_int_equal(inject_text_finish(t, &e), ERR_IO);
    r = inject_reader_new(t);
    assert_int_equal(inject_reader_read(r, 0, octets, 10), 10);
    assert_int_equal(inject_reader_read(r, 7, octets, 10), -1);
    inject_reader_free(&r);
    inject_text_unref(&t);
    close(fd);
    free(head);
}

/* --- addresses --- */

static void
addresses_are(const char *list, const char *want)
{
    struct inject_addresses a = {0};
    struct buf got = BUF_INIT;
    struct err e;

    if (inject_address_parse(str_of(list), &a, &e) < 0)
        fail_msg("%s: %s", list, e.text);
    for (size_t i = 0; i < a.count; i++)
        buf_printf(&got, "%s%s", i ? " " : "", a.is[i]);
    assert_str(buf_get(&got), want);
    buf_fini(&got);
    inject_address_fini(&a);
}

static void
test_addresses(void **state)
{
    static const char *const wrong[] = {"a", "a@", "John Smith", "<a@b",
        "\"a@b", "(a@b", "a@b <c@d> <e@f>", "<a b@c d>x, y", "a@b c@d",
        "John Smith a@b", "John a@b", "\"John\" a@b"};
    struct inject_addresses a = {0};
    struct err e;

    (void)state;
    addresses_are("", "");
    addresses_are(" , ,", "");
    addresses_are("a@b.c", "a@b.c");
    addresses_are("a@b.c, d@e.f,a@b.c", "a@b.c d@e.f");
    addresses_are("A B <a@b.c>, \"X, Y <z@z>\" <d@e.f>", "a@b.c d@e.f");
    addresses_are("\"a b\"@c.d", "\"a b\"@c.d");
    addresses_are("\"a\\\"b,\"@c.d", "\"a\\\"b,\"@c.d");
    addresses_are("<\"a>b\"@c.d>", "\"a>b\"@c.d");
    addresses_are("a (x, (y) \\) <z@z>) @ b . c", "a@b.c");
    addresses_are("friends: a@b.c, X <d@e.f>; , g@h.i", "a@b.c d@e.f g@h.i");
    addresses_are("undisclosed recipients:;", "");
    addresses_are("<@r.s,@t.u:a@b.c>", "a@b.c");
    addresses_are("a@[IPv6:::1], b@[127.0.0.1]", "a@[IPv6:::1] b@[127.0.0.1]");
    addresses_are("gr\303\274n@b.c", "gr\303\274n@b.c");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (inject_address_parse(str_of(wrong[i]), &a, &e) != ERR_INVAL)
            fail_msg("%s is taken", wrong[i]);
        inject_address_fini(&a);
    }
}

static void
test_fields(void **state)
{
    struct str head =
        STR("To: a\r\nX-To: b\r\nto : c,\r\n\td\r\n e\r\nTo:\r\n");
    struct buf value = BUF_INIT;
    size_t at = 0;

    (void)state;
    assert_true(inject_address_field(head, STR("To"), &at, &value));
    assert_str(buf_get(&value), "a");
    assert_true(inject_address_field(head, STR("To"), &at, &value));
    assert_str(buf_get(&value), "c, d e");
    assert_true(inject_address_field(head, STR("To"), &at, &value));
    assert_str(buf_get(&value), "");
    assert_false(inject_address_field(head, STR("To"), &at, &value));
    buf_fini(&value);
}

/* --- lists --- */

static void
test_split(void **state)
{
    char *fields[INJECT_LIST_COLUMNS];
    char a[] = "x,,\"y, \"\"z\"\"\",", b[] = "\"x", c[] = "\"x\"y", d[200];

    (void)state;
    assert_int_equal(inject_list_split(a, fields), 4);
    assert_string_equal(fields[0], "x");
    assert_string_equal(fields[1], "");
    assert_string_equal(fields[2], "y, \"z\"");
    assert_string_equal(fields[3], "");
    assert_int_equal(inject_list_split(b, fields), ERR_INVAL);
    assert_int_equal(inject_list_split(c, fields), ERR_INVAL);
    memset(d, ',', sizeof(d));
    d[199] = '\0';
    assert_int_equal(inject_list_split(d, fields), ERR_LIMIT);
}

static void
test_list(void **state)
{
    static const char octets[] = "Email,name,Sender\n"
                                 "a@b.c,\"A, B\",\n\n"
                                 "d@e.f,x,y@z,too much\n"
                                 "g@h.i\n";
    struct inject_list *l;
    struct inject_row row;
    struct err e;

    (void)state;
    close(file_of(octets, sizeof(octets) - 1));
    assert_int_equal(inject_list_open(path, &l, &e), 0);
    assert_int_equal(inject_list_next(l, &row, &e), 1);
    assert_string_equal(row.recipient, "a@b.c");
    assert_null(row.sender);
    assert_int_equal(row.pair_count, 1);
    assert_string_equal(row.pairs[0].key, "name");
    assert_string_equal(row.pairs[0].value, "A, B");
    assert_int_equal(row.line, 2);
    assert_int_equal(inject_list_next(l, &row, &e), ERR_INVAL);
    assert_int_equal(inject_list_next(l, &row, &e), 1);
    assert_int_equal(row.line, 5);
    assert_int_equal(inject_list_next(l, &row, &e), 0);
    inject_list_close(&l);
    close(file_of("name,x\n", 7));
    assert_int_equal(inject_list_open(path, &l, &e), 0);
    assert_int_equal(inject_list_next(l, &row, &e), ERR_IO);
    inject_list_close(&l);
}

/* --- journal --- */

static void
test_journal(void **state)
{
    static const struct ecstream_result mixed[] = {{.code = 250}, {.code = 451},
        {.code = 452}, {.code = 550}, {.code = 421}};
    static const uint32_t numbers[] = {0, 1, 2, 3, 9};
    unsigned char hash[32] = {1, 2, 3}, other[32] = {9};
    char first[INJECT_KEY + 1], second[INJECT_KEY + 1], again[INJECT_KEY + 1];
    unsigned char stream[ECSTREAM_STREAM_SIZE];
    struct inject_journal *j, *busy;
    struct err e;

    (void)state;
    assert_int_equal(inject_journal_open(path, &j, &e), 0);
    memcpy(stream, inject_journal_stream(j), sizeof(stream));
    assert_int_equal(inject_journal_open(path, &busy, &e), ERR_BUSY);
    assert_int_equal(inject_journal_name(j, hash, first), INJECT_NEW);
    assert_int_equal(inject_journal_name(j, hash, second), INJECT_NEW);
    assert_string_not_equal(first, second);
    inject_journal_note(j, first, mixed, numbers, 5);
    inject_journal_note(j, second, mixed, numbers, 1);
    assert_int_equal(inject_journal_sync(j, &e), 0);
    inject_journal_close(&j);

    assert_int_equal(inject_journal_open(path, &j, &e), 0);
    assert_memory_equal(stream, inject_journal_stream(j), sizeof(stream));
    assert_int_equal(inject_journal_name(j, hash, again), INJECT_LEFT);
    assert_string_equal(again, first);
    for (uint32_t i = 0; i < 11; i++)
        assert_int_equal(
            inject_journal_is_left(j, first, i), i == 1 || i == 2 || i == 9);
    assert_int_equal(inject_journal_name(j, hash, again), INJECT_DONE);
    assert_string_equal(again, second);
    assert_int_equal(inject_journal_name(j, hash, again), INJECT_NEW);
    assert_int_equal(inject_journal_name(j, other, again), INJECT_NEW);
    inject_journal_note(j, first, mixed, numbers, 1);
    assert_int_equal(inject_journal_sync(j, &e), 0);
    inject_journal_close(&j);

    assert_int_equal(inject_journal_open(path, &j, &e), 0);
    assert_int_equal(inject_journal_name(j, hash, again), INJECT_DONE);
    inject_journal_close(&j);
}

/* A crash may leave half a line; what is no journal is left alone. */
static void
test_journal_damage(void **state)
{
    static const char *const wrong[] = {"impel-inject 2 00\n", "x\n",
        "impel-inject 1 00112233445566778899aabbccddeeff\nzz done\n",
        "impel-inject 1 00112233445566778899aabbccddeeff\n"
        "00112233445566778899aabbccddeeff left 1;2\n"};
    static const char torn[] =
        "impel-inject 1 00112233445566778899aabbccddeeff\n0011";
    struct inject_journal *j;
    struct err e;
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        close(file_of(wrong[i], strlen(wrong[i])));
        assert_int_equal(inject_journal_open(path, &j, &e), ERR_INVAL);
    }
    fd = file_of(torn, sizeof(torn) - 1);
    assert_int_equal(inject_journal_open(path, &j, &e), 0);
    inject_journal_close(&j);
    assert_int_equal(lseek(fd, 0, SEEK_END), sizeof(torn) - 1 - 4);
    close(fd);
}

/* --- what is said --- */

static void
test_report(void **state)
{
    struct ecstream_result is = {550, {5, 1, 10}, "no\033[2J\ttab \302\233 x"};
    struct inject_report r = {0};
    struct err e;
    char got[200] = "";
    int fd;

    (void)state;
    r.said = INJECT_REPORT_MOST + 1; /* nothing on stderr */
    assert_int_equal(inject_report_open(&r, path, &e), 0);
    inject_report_failure(&r, "a\nb", "gr\303\274n@x", &is);
    assert_int_equal(inject_report_close(&r, &e), 0);
    fd = open(path, O_RDONLY);
    assert_true(read(fd, got, sizeof(got) - 1) > 0);
    close(fd);
    assert_string_equal(
        got, "a?b\tgr\303\274n@x\t550\t5.1.10\tno?[2J?tab ?? x\n");
    assert_int_equal(inject_report_open(&r, "/nonexistent/x", &e), ERR_IO);
    assert_int_equal(inject_report_open(&r, "/dev/full", &e), 0);
    inject_report_failure(&r, "", "", &is);
    assert_int_equal(inject_report_close(&r, &e), ERR_IO);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
UNIT_MAIN(cmocka_unit_test(test_hosts), WITH_FILE(test_mbox),
    WITH_FILE(test_mbox_long), WITH_FILE(test_no_mbox), WITH_FILE(test_text),
    WITH_FILE(test_large_text), WITH_FILE(test_text_changes),
    cmocka_unit_test(test_addresses), cmocka_unit_test(test_fields),
    cmocka_unit_test(test_split), WITH_FILE(test_list), WITH_FILE(test_journal),
    WITH_FILE(test_journal_damage), WITH_FILE(test_report))
