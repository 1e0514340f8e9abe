/* SPDX-License-Identifier: Apache-2.0
 *
 * test-packet.c - packets of the milter protocol: what is a good one, what is
 * none, and what is sent octet by octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"

#define DATA(z) ((struct impel_str){z, sizeof(z) - 1})

static void
assert_text(struct impel_str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void
test_take(void **state)
{
    static const char two[] = "\0\0\0\1c\0\0\0\3yab";
    struct packet_in in = {0};
    struct impel_str data;
    size_t used, at = 0;
    int command;

    (void)state;
    assert_int_equal(
        packet_take(&in, two, sizeof(two) - 1, &used, &command, &data),
        PACKET_WHOLE);
    assert_int_equal(used, 5); /* not an octet of the next one */
    assert_int_equal(command, 'c');
    assert_int_equal(data.n, 0);
    packet_next(&in);
    for (at = 5; at < 11; at++)
        assert_int_equal(
            packet_take(&in, two + at, 1, &used, &command, &data), PACKET_MORE);
    assert_int_equal(
        packet_take(&in, two + at, 1, &used, &command, &data), PACKET_WHOLE);
    assert_int_equal(command, 'y');
    assert_text(data, "ab");
    packet_fini(&in);
}

static void
test_lengths(void **state)
{
    struct packet_in in = {0};
    struct impel_str data;
    size_t used;
    int command;

    (void)state;
    assert_int_equal(
        packet_take(&in, "\0\0\0\0", 4, &used, &command, &data), PACKET_BAD);
    packet_fini(&in);
    /* nothing is kept for a length that will not come */
    assert_int_equal(
        packet_take(&in, "\xff\xff\xff\xff", 4, &used, &command, &data),
        PACKET_BAD);
    assert_true(in.size < 1024);
    packet_fini(&in);
}

static void
bad(int command, struct impel_str data)
{
    struct packet_said said;

    assert_non_null(packet_parse(command, data, &said));
}

static void
good(int command, struct impel_str data, struct packet_said *said)
{
    assert_null(packet_parse(command, data, said));
}

static void
test_replies(void **state)
{
    struct packet_said s;

    (void)state;
    good(SAID_REPLY, DATA("550 5.7.1 no\0"), &s);
    assert_int_equal(s.code, 550);
    assert_int_equal(s.status[0], 5);
    assert_int_equal(s.status[1], 7);
    assert_string_equal(s.text, "no");
    good(SAID_REPLY, DATA("451-4.3.2 a\r\n451-4.3.2 b\n451 4.3.2 50%%\0"), &s);
    assert_string_equal(s.text, "a b 50%");
    good(SAID_REPLY, DATA("450 4.1111.1 x\0"), &s); /* no status: words */
    assert_int_equal(s.status[0], 0);
    assert_string_equal(s.text, "4.1111.1 x");
    good(SAID_REPLY, DATA("550 4.7.1 other class\0"), &s);
    assert_int_equal(s.status[0], 0);
    good(SAID_REPLY, DATA("421\0"), &s);
    assert_string_equal(s.text, "");
    good(SAID_REPLY, DATA("550 a\tb\x80\0"), &s);
    assert_string_equal(s.text, "a?b?");
    bad(SAID_REPLY, DATA("250 fine\0"));
    bad(SAID_REPLY, DATA("360 go on\0"));
    bad(SAID_REPLY, DATA("550no\0"));
    bad(SAID_REPLY, DATA("55\0"));
    bad(SAID_REPLY, DATA("\0"));
    bad(SAID_REPLY, DATA("")); /* without its NUL: nothing is read beyond */
    bad(SAID_REPLY, DATA("550 no"));
    bad(SAID_REPLY, DATA("550 no\0more\0"));
    bad(SAID_REPLY, DATA("550-a\r\n450 b\0"));
    bad(SAID_REPLY, DATA("550 a\r\nQUIT\r\n\0"));
}

static void
test_changes(void **state)
{
    struct packet_said s;

    (void)state;
    good(SAID_CHANGE_HEADER, DATA("\0\0\0\2Subject\0new\0"), &s);
    assert_int_equal(s.index, 2);
    assert_text(s.name, "Subject");
    assert_text(s.value, "new");
    good(SAID_ADD_HEADER, DATA("A\0\0"), &s);
    assert_text(s.value, "");
    good(SAID_SENDER, DATA("<a@b>\0"), &s);
    assert_null(s.value.p);
    good(SAID_SENDER, DATA("<a@b>\0RET=FULL\0"), &s);
    assert_text(s.value, "RET=FULL");
    good(SAID_BODY, DATA("a\0b"), &s);
    assert_int_equal(s.value.n, 3);
    bad(SAID_CHANGE_HEADER, DATA("\0\0\2"));
    bad(SAID_CHANGE_HEADER, DATA("\0\0\0\2Subject\0new"));
    bad(SAID_ADD_HEADER, DATA("A\0b"));
    bad(SAID_ADD_HEADER, DATA("A"));
    bad(SAID_ADD_HEADER, DATA("A\0b\0c\0"));
    bad(SAID_ADD_RCPT, DATA("<a@b>"));
    bad(SAID_SENDER, DATA("<a@b>\0RET"));
    bad(SAID_SENDER, DATA("<a@b>\0RET\0x\0"));
    bad(SAID_CONTINUE, DATA("x"));
    bad('Z', DATA(""));
}

static void
test_options(void **state)
{
    struct packet_said s;

    (void)state;
    good(SAID_OPTIONS,
        DATA("\0\0\0\6\0\0\1\377\0\20\0\0\0\0\0\2{i} j\0\0\0\0\143x\0"), &s);
    assert_int_equal(s.index, 6);
    assert_int_equal(s.actions, 0x1ff);
    assert_int_equal(s.steps, STEP_LEADING_SPACE);
    assert_text(s.macros[2], "{i} j");
    assert_null(s.macros[0].p); /* and a stage of no meaning is left out */
    bad(SAID_OPTIONS, DATA("\0\0\0\6\0\0\1\377\0\20\0"));
    bad(SAID_OPTIONS, DATA("\0\0\0\6\0\0\1\377\0\20\0\0\0\0\0\2{i}"));
    bad(SAID_OPTIONS, DATA("\0\0\0\6\0\0\1\377\0\20\0\0\0\0"));
}

static void
test_out(void **state)
{
    struct packet_out o = {0};
    static const char want[] = "\0\0\0\11LTo\0a\n b\0"
                               "\0\0\0\6O\0\0\0\6\7";

    (void)state;
    packet_begin(&o, SEND_HEADER);
    packet_word(&o, "To");
    packet_value(&o, DATA("a\r\n b"));
    packet_end(&o);
    packet_begin(&o, SEND_OPTIONS);
    packet_u32(&o, 6);
    packet_byte(&o, 7);
    packet_end(&o);
    assert_false(o.failed);
    assert_int_equal(o.n, sizeof(want) - 1);
    assert_memory_equal(o.p, want, o.n);
    packet_begin(&o, SEND_HEADER); /* a NUL would end a text early */
    packet_text(&o, DATA("a\0b"));
    assert_true(o.failed);
    packet_out_fini(&o);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
