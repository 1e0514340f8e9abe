/* SPDX-License-Identifier: Apache-2.0
 *
 * test-render.c - forms of a content and their exact sizes.
 */
#include "spool/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "spool/content_int.h"
#include "spool/spool_int.h"
#include <impel/module.h>

#include "spool_kit.h"

enum { RAW, DOTTED, SEVENBIT };

static struct message *
message_of(struct kit *k, struct str text)
{
    struct message *m = message_new(spool_next_ids(k->spool, 1));
    struct content_builder *b =
        content_builder_new(k->spool, m->id, k->mailbox, NULL, NULL);
    struct err e;
    for (size_t at = 0; at < text.n; at += 5000)
        (void)content_builder_add(
            b, text.p + at, MIN_OF((size_t)5000, text.n - at), &e);
    content_builder_finish(&b, m);
    return m;
}

static void
on_ready(void *arg, int result)
{
    (void)result;
    *(bool *)arg = true;
}

/* Read it in steps of n; the size must be what was promised. */
static void
read_all(struct kit *k, struct render *r, size_t n, struct buf *to)
{
    char p[512];
    int64_t got = 1;
    to->n = 0;
    while (got) {
        bool ready = false;
        got = render_read(
            r, to->n, p, MIN_OF(n, sizeof(p)), k->mailbox, on_ready, &ready);
        if (got == ERR_AGAIN) {
            kit_wait(k, &ready);
            continue;
        }
        assert_true(got >= 0);
        buf_add(to, p, (size_t)got);
    }
    assert_int_equal(to->n, render_size(r));
}

static void
expect(struct kit *k, struct str text, int form, struct str prefix,
    struct str want)
{
    const size_t step[] = {512, 1, 3};
    struct message *m = message_of(k, text);
    struct err e;
    struct buf b = BUF_INIT;
    struct render *r = render_new(m, form, prefix, &e);

    if (!r)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
        read_all(k, r, step[i], &b);
        if (!str_eq(buf_get(&b), want))
            fail_msg("got \"%s\"", b.p);
    }
    buf_fini(&b);
    render_free(&r);
    message_unref(&m);
}

static struct kit *
kit_here(void)
{
    static struct kit k;
    struct err e;
    kit_init(&k, 256 * 1024);
    assert_int_equal(kit_open(&k, &e), 0);
    return &k;
}

static void
test_raw_and_dotted(void **arg)
{
    struct kit *k = kit_here();
    struct str text = STR("A: b\r\n\r\n.x\r\n..\r\nend\r\n");
    (void)arg;

    expect(k, text, RAW, STR(""), text);
    expect(k, text, RAW, STR("R: p\r\n"),
        STR("R: p\r\nA: b\r\n\r\n.x\r\n..\r\nend\r\n"));
    expect(k, text, DOTTED, STR(""),
        STR("A: b\r\n\r\n..x\r\n...\r\nend\r\n.\r\n"));
    expect(k, STR("A: b\r\n\r\n.x"), DOTTED, STR(".p\r\n"),
        STR("..p\r\nA: b\r\n\r\n..x\r\n.\r\n"));
    expect(k, STR(""), DOTTED, STR(""), STR(".\r\n"));
    expect(k, STR(""), RAW, STR(""), STR(""));
    expect(k, STR("A: b\r\n\r\nx\n.\r\n"), DOTTED, STR(""),
        STR("A: b\r\n\r\nx\n..\r\n.\r\n"));
    kit_fini(k);
}

static void
test_pieces(void **arg)
{
    struct kit *k = kit_here();
    struct message *m = message_of(k, STR("A: b\r\n\r\nx\r\n"));
    struct err e;
    struct str p[2];
    struct render *r = render_new(m, RAW, STR("P: q\r\n"), &e);
    (void)arg;

    assert_true(render_pieces(r, p));
    assert_true(str_eq(p[0], STR("P: q\r\n")));
    assert_true(str_eq(p[1], STR("A: b\r\n\r\nx\r\n")));
    render_free(&r);
    r = render_new(m, DOTTED, STR(""), &e);
    assert_false(render_pieces(r, p));
    render_free(&r);
    message_unref(&m);
    kit_fini(k);
}

static void
expect_binary(struct kit *k, struct str text, struct str want)
{
    struct message *m = message_of(k, text);
    struct buf got = BUF_INIT;
    struct render *r;
    struct err e = {0};

    m->env.needs = IMPEL_NEED_BINARY;
    r = render_new(m, SEVENBIT, STR(""), &e);
    if (!want.p) {
        assert_null(r);
        assert_int_equal(e.code, ERR_PROTO);
    } else {
        assert_non_null(r);
        read_all(k, r, 100, &got);
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.p, want.p, want.n);
    }
    render_free(&r);
    buf_fini(&got);
    message_unref(&m);
}

#define MIXED \
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n" \
    "Content-Transfer-Encoding: "
#define OCTETS \
    "\0\n--b\n\xff\r0123456789012345678901234567890123456789012345678901234"

/* What has lines stays what it was, whatever it was said to be; octets become
 * base64, and a delimiter stands behind a CRLF. */
static void
test_binary(void **arg)
{
    struct kit *k = kit_here();
    (void)arg;

    expect_binary(k,
        STR("A: b\r\nContent-Transfer-Encoding: binary\r\n\r\nplain\r\n"),
        STR("A: b\r\nContent-Transfer-Encoding: 7bit\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain;"
            " charset=unknown-8bit\r\n\r\nplain\r\n"));
    expect_binary(k,
        STR(MIXED "binary\r\n\r\n--b\r\n"
                  "Content-Transfer-Encoding: binary\r\n\r\n" OCTETS "\r\n"
                  "--b\r\n\r\nplain\r\n--b\r\n\r\n\xfc\r\n--b--"),
        STR(MIXED "7bit\r\n\r\n--b\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n"
                  "AAotLWIK/"
                  "w0wMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"
                  "MzQ1Njc4\r\nOTAxMjM0\r\n\r\n"
                  "--b\r\n\r\nplain\r\n--b\r\nContent-Transfer-Encoding: "
                  "quoted-printable\r\n\r\n=FC\r\n--b--"));
    /* what cannot be: octets between parts, in a header, in base64 */
    expect_binary(
        k, STR(MIXED "binary\r\n\r\n\0\r\n--b\r\n\r\nx\r\n--b--"), STR_NONE);
    expect_binary(k, STR("A: b\nC: d\r\n\r\nx\r\n"), STR_NONE);
    expect_binary(
        k, STR("Content-Transfer-Encoding: base64\r\n\r\nA\nA\r\n"), STR_NONE);
    kit_fini(k);
}

static void
test_sevenbit(void **arg)
{
    struct kit *k = kit_here();
    struct err e;
    struct message *m;
    (void)arg;

    expect(k, STR("A: b\r\n\r\nplain\r\n"), SEVENBIT, STR(""),
        STR("A: b\r\n\r\nplain\r\n"));
    expect(k,
        STR("MIME-Version: 1.0\r\nContent-Type: text/plain;"
            " charset=utf-8\r\ncontent-transfer-encoding:\r\n 8bit\r\n"
            "X: y\r\n\r\n\xc3\xbc = 1 \r\nz\r\n"),
        SEVENBIT, STR(""),
        STR("MIME-Version: 1.0\r\nContent-Type: text/plain;"
            " charset=utf-8\r\nContent-Transfer-Encoding:"
            " quoted-printable\r\nX: y\r\n\r\n=C3=BC =3D 1=20\r\nz\r\n"));
    expect(k, STR("A: b\r\n\r\n.\xfc\r\n"), SEVENBIT | DOTTED, STR(""),
        STR("A: b\r\nContent-Transfer-Encoding: quoted-printable\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain;"
            " charset=unknown-8bit\r\n\r\n..=FC\r\n.\r\n"));
    expect(k,
        STR("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n"
            " boundary=\"b b\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "pre\r\n--b b\r\nContent-Type: text/plain\r\n\r\n\xfc\r\n"
            "--b b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
            "--b b--\r\npost\r\n"),
        SEVENBIT, STR(""),
        STR("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n"
            " boundary=\"b b\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
            "pre\r\n--b b\r\nContent-Type: text/plain\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n"
            "--b b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
            "--b b--\r\npost\r\n"));
    m = message_of(k, STR("A: \xfc\r\n\r\nx\r\n"));
    assert_null(render_new(m, SEVENBIT, STR(""), &e));
    assert_int_equal(e.code, ERR_PROTO);
    message_unref(&m);
    m = message_of(
        k, STR("Content-Transfer-Encoding: base64\r\n\r\nAA\xfc\r\n"));
    assert_null(render_new(m, SEVENBIT, STR(""), &e));
    message_unref(&m);
    kit_fini(k);
}

static void
test_large(void **arg)
{
    static const char *const rcpt[] = {"a@b.example", NULL};
    struct kit *k = kit_here();
    struct message *m = kit_message(k, rcpt, 900000, 5);
    struct err e;
    struct buf raw = BUF_INIT, dotted = BUF_INIT;
    struct render *r;
    (void)arg;

    assert_int_equal(kit_store(k, m), 0);
    r = render_new(m, RAW, STR("P: q\r\n"), &e);
    read_all(k, r, 512, &raw);
    render_free(&r);
    r = render_new(m, DOTTED, STR("P: q\r\n"), &e);
    read_all(k, r, 512, &dotted);
    assert_int_equal(dotted.n, raw.n + 3);
    assert_memory_equal(raw.p, dotted.p, raw.n);
    render_free(&r);
    buf_fini(&raw);
    buf_fini(&dotted);
    message_unref(&m);
    kit_fini(k);
}

/* A stored message with a body of that size in a file; its path. */
static char *
large_file(struct kit *k, struct message **m, size_t size)
{
    static const char *const rcpt[] = {"a@b.example", NULL};

    *m = kit_message(k, rcpt, size, 5);
    assert_int_equal(kit_store(k, *m), 0);
    assert_non_null((*m)->content->large);
    return spooldir_large_path(k->spool->dir, (*m)->id);
}

static void
turn_one_over(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int c;

    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 1, f);
    fclose(f);
}

/* Read in steps from `at`; what ended it: 0, or an error. */
static int
read_from(struct kit *k, struct render *r, uint64_t at, uint64_t *reached)
{
    static char part[50000];
    int64_t got;

    for (;;) {
        bool ready = false;
        got = render_read(
            r, at, part, sizeof(part), k->mailbox, on_ready, &ready);
        if (got == ERR_AGAIN) {
            kit_wait(k, &ready);
            continue;
        }
        *reached = at;
        if (got <= 0)
            return (int)got;
        at += (uint64_t)got;
    }
}

/* The last octets are not given out before all were summed, however they are
 * read. */
static void
test_large_out_of_order(void **arg)
{
    struct kit *k = kit_here();
    struct message *m;
    char *path = large_file(k, &m, 900000);
    struct err e;
    struct render *r = render_new(m, RAW, STR(""), &e);
    uint64_t size = render_size(r), reached;
    (void)arg;

    assert_int_equal(read_from(k, r, 850000, &reached), 0);
    assert_int_equal(reached, size);
    assert_int_equal(read_from(k, r, 300000, &reached), 0);
    assert_int_equal(read_from(k, r, 0, &reached), 0);
    assert_int_equal(read_from(k, r, 880000, &reached), 0);
    assert_int_equal(reached, size);
    render_free(&r);
    turn_one_over(path, 10);
    r = render_new(m, RAW, STR(""), &e);
    assert_int_equal(read_from(k, r, 850000, &reached), ERR_DAMAGED);
    assert_true(reached < size);
    render_free(&r);
    message_unref(&m);
    free(path);
    kit_fini(k);
}

static void
test_large_damaged(void **arg)
{
    static const long at[] = {0, 400000, 899999};
    struct kit *k = kit_here();
    struct message *m;
    char *path = large_file(k, &m, 900000);
    struct spool_stats st;
    struct err e;
    uint64_t reached;
    (void)arg;

    for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
        for (int form = RAW; form <= DOTTED; form++) {
            struct render *r = render_new(m, form, STR("P: q\r\n"), &e);
            assert_int_equal(read_from(k, r, 0, &reached), 0);
            render_free(&r);
            turn_one_over(path, at[i]);
            r = render_new(m, form, STR("P: q\r\n"), &e);
            assert_int_equal(read_from(k, r, 0, &reached), ERR_DAMAGED);
            assert_true(reached < 900000); /* and not at the end */
            assert_int_equal(read_from(k, r, 0, &reached), ERR_DAMAGED);
            render_free(&r);
            turn_one_over(path, at[i]); /* well again */
        }
    }
    spool_get_stats(k->spool, &st);
    assert_int_equal(st.damaged, 6);
    message_unref(&m);
    free(path);
    kit_fini(k);
}

/* Shorter, longer, gone: nothing beyond what was announced is sent. */
static void
test_large_cut(void **arg)
{
    struct kit *k = kit_here();
    struct message *m;
    char *path = large_file(k, &m, 900000);
    struct err e;
    uint64_t reached, size;
    struct render *r;
    (void)arg;

    assert_int_equal(truncate(path, 1000000), 0);
    r = render_new(m, RAW, STR(""), &e);
    size = render_size(r);
    assert_int_equal(read_from(k, r, 0, &reached), 0);
    assert_int_equal(reached, size);
    render_free(&r);
    assert_int_equal(truncate(path, 600000), 0);
    r = render_new(m, RAW, STR(""), &e);
    assert_int_equal(read_from(k, r, 0, &reached), ERR_DAMAGED);
    assert_true(reached < 600000);
    render_free(&r);
    message_unref(&m);
    free(path);
    kit_fini(k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_and_dotted),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_sevenbit),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_large_out_of_order),
        cmocka_unit_test(test_large_damaged),
        cmocka_unit_test(test_large_cut),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
