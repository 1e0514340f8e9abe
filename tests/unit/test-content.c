/* SPDX-License-Identifier: Apache-2.0
 *
 * test-content.c - facts that are found while a body comes in.
 */
#include "spool/content_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "spool_kit.h"

/* The same text in one piece, byte by byte, and in pieces of 7: facts do not
 * depend on where chunks end. */
static struct content_facts
facts_of(struct str s)
{
    const size_t step[] = {SIZE_MAX, 1, 7, 16, 17};
    struct content_facts first = {0}, f;

    for (size_t k = 0; k < ARRAY_SIZE(step); k++) {
        struct content_watch w = {0};
        for (size_t at = 0; at < s.n;) {
            size_t n = MIN_OF(step[k], s.n - at);
            content_watch_add(&w, s.p + at, n);
            at += n;
        }
        content_watch_facts(&w, &f);
        if (k == 0)
            first = f;
        else
            assert_memory_equal(&first, &f, sizeof(f));
    }
    return first;
}

static void
test_plain(void **arg)
{
    struct content_facts f =
        facts_of(STR("A: b\r\n\r\n.dot\r\nline\r\n..two\r\n"));
    (void)arg;
    assert_int_equal(f.header_size, 8);
    assert_int_equal(f.dot_lines, 2);
    assert_int_equal(f.max_line, 5);
    assert_true(f.ends_crlf);
    assert_false(f.bare_cr || f.bare_lf || f.eight_bit || f.nul);
}

static void
test_odd_ends(void **arg)
{
    struct content_facts f = facts_of(STR("A: b\r\n\r\nno end"));
    (void)arg;
    assert_false(f.ends_crlf);
    assert_int_equal(f.max_line, 6);
    f = facts_of(STR("A: b\r\n\r\nends\r"));
    assert_true(f.bare_cr); /* unless an LF follows */
    assert_false(f.ends_crlf);
    f = facts_of(STR("A: b\r\n\r\na\rb\r\n"));
    assert_true(f.bare_cr);
    assert_true(f.ends_crlf);
    f = facts_of(STR("A: b\r\n\r\na\nb\r\n"));
    assert_true(f.bare_lf);
    assert_true(f.ends_crlf);
    f = facts_of(STR("A: b\r\n\r\na\r\r\n"));
    assert_true(f.bare_cr);
    f = facts_of(STR("\r\nbody\r\n"));
    assert_int_equal(f.header_size, 2);
    f = facts_of(STR(""));
    assert_int_equal(f.size, 0);
    assert_false(f.ends_crlf);
    f = facts_of(STR("A: only a header\r\n"));
    assert_int_equal(f.header_size, 18);
}

/* More CRs than one byte can count, of lines and bare, one of them last. */
static void
test_many_cr(void **arg)
{
    static char text[20000];
    struct content_facts f;
    (void)arg;

    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "\r\n", 2);
    f = facts_of(str_make(text, sizeof(text)));
    assert_false(f.bare_cr || f.bare_lf);
    assert_true(f.ends_crlf);
    text[16001] = '\r';
    text[16000] = 'x';
    text[16002] = 'x';
    f = facts_of(str_make(text, sizeof(text)));
    assert_true(f.bare_cr);
    assert_true(f.bare_lf);
    memset(text, '\r', sizeof(text));
    text[sizeof(text) - 1] = '\n';
    f = facts_of(str_make(text, sizeof(text)));
    assert_true(f.bare_cr);
    assert_false(f.bare_lf);
}

static void
test_eight_bit(void **arg)
{
    struct content_facts f = facts_of(STR("A: b\r\n\r\nM\xc3\xbcll\r\n"));
    (void)arg;
    assert_true(f.eight_bit);
    assert_false(f.header_eight_bit);
    f = facts_of(STR("A: \xc3\xbc\r\n\r\nplain text here\r\n"));
    assert_true(f.eight_bit);
    assert_true(f.header_eight_bit);
    f = facts_of(str_make("A: b\r\n\r\n\0\r\n", 11));
    assert_true(f.nul);
}

/* Whatever is looked at side by side: each place is seen. */
static void
test_each_place(void **arg)
{
    char text[70];
    struct content_facts f;
    (void)arg;

    for (size_t i = 0; i < sizeof(text); i++) {
        memset(text, 'a', sizeof(text));
        f = facts_of(str_make(text, sizeof(text)));
        assert_false(f.eight_bit || f.nul);
        text[i] = (char)0x80;
        f = facts_of(str_make(text, sizeof(text)));
        assert_true(f.eight_bit);
        assert_false(f.nul);
        text[i] = '\0';
        f = facts_of(str_make(text, sizeof(text)));
        assert_true(f.nul);
        assert_false(f.eight_bit);
    }
}

static void
test_random_against_bytes(void **arg)
{
    static const char set[] = "\r\n.a\n\r\r\n";
    unsigned seed = 1;
    (void)arg;
    for (int round = 0; round < 2000; round++) {
        char t[64];
        size_t n, cr = 0, lf = 0;
        struct content_facts f;
        for (n = 0; n < sizeof(t); n++) {
            seed = seed * 1103515245u + 12345u;
            t[n] = set[seed >> 16 & 7];
        }
        n = (size_t)round % sizeof(t);
        for (size_t i = 0; i < n; i++) {
            if (t[i] == '\r' && (i + 1 == n || t[i + 1] != '\n'))
                cr++;
            if (t[i] == '\n' && (i == 0 || t[i - 1] != '\r'))
                lf++;
        }
        f = facts_of(str_make(t, n));
        assert_int_equal(f.bare_cr, cr != 0);
        assert_int_equal(f.bare_lf, lf != 0);
    }
}

static void
test_builder(void **arg)
{
    struct kit k;
    struct err e;
    struct content_builder *b;
    struct content_facts f;
    struct message *m;
    (void)arg;

    kit_init(&k, 256 * 1024);
    assert_int_equal(kit_open(&k, &e), 0);
    b = content_builder_new(k.spool, 1, k.mailbox, NULL, NULL);
    assert_int_equal(content_builder_add(b, "A: b\r\n\r\nx", 9, &e), 0);
    assert_true(str_eq(content_builder_header(b), STR("A: b\r\n\r\n")));
    m = message_new(1);
    content_builder_finish(&b, m);
    content_prepend(m->content, STR("Two: 2\r\n"));
    content_prepend(m->content, STR("One: 1\r\n"));
    assert_null(b);
    content_get_facts(m->content, &f);
    assert_int_equal(f.size, 25);
    assert_int_equal(f.body_size, 9);
    assert_true(
        str_eq(buf_get(&m->content->prefix), STR("One: 1\r\nTwo: 2\r\n")));
    message_unref(&m);
    kit_fini(&k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_odd_ends),
        cmocka_unit_test(test_many_cr),
        cmocka_unit_test(test_eight_bit),
        cmocka_unit_test(test_each_place),
        cmocka_unit_test(test_random_against_bytes),
        cmocka_unit_test(test_builder),
    };
    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
