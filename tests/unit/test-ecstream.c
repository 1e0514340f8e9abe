/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames, tags, and messages on their way in by ECSTREAM, with a host of the
 * smallest kind.
 */
#include "unit.h"

#include "ecstream_host.h"
#include "tags.h"

/* --- frames --- */

static void
test_numbers(void **arg)
{
    struct frame_out out = {0};
    struct frame_in in;
    (void)arg;

    frame_put_u8(&out, 0xfe);
    frame_put_u16(&out, 0xfedc);
    frame_put_u32(&out, 0xfedcba98);
    frame_put_u64(&out, UINT64_C(0xfedcba9876543210));
    assert_memory_equal(out.p,
        "\xfe\xfe\xdc\xfe\xdc\xba\x98\xfe\xdc\xba\x98\x76\x54\x32\x10", 15);
    in = (struct frame_in){out.p, out.n, false};
    assert_int_equal(frame_u8(&in), 0xfe);
    assert_int_equal(frame_u16(&in), 0xfedc);
    assert_int_equal(frame_u32(&in), 0xfedcba98);
    assert_true(frame_u64(&in) == UINT64_C(0xfedcba9876543210));
    assert_true(frame_is_done(&in));
    assert_int_equal(frame_u8(&in), 0);
    assert_true(in.bad && !frame_is_done(&in));
    frame_out_fini(&out);
}

static void
test_texts(void **arg)
{
    static const uint8_t octets[] = "\0\3a\0b\0\2xy\0\1z\0\5shor";
    struct frame_in in = {octets, sizeof(octets) - 1, false};
    struct impel_str s;
    struct frame_out out = {0};
    (void)arg;

    s = frame_blob(&in); /* a NUL may be in it */
    assert_int_equal(s.n, 3);
    s = frame_text(&in);
    assert_memory_equal(s.p, "xy", 2);
    assert_false(in.bad);
    s = frame_text(&in);
    assert_int_equal(s.n, 1);
    s = frame_text(&in); /* cut short: nothing of it is given */
    assert_true(in.bad && s.n == 0);
    for (const char *bad = "\r\n"; *bad; bad++) {
        const uint8_t one[] = {0, 2, 'a', (uint8_t)*bad};

        in = (struct frame_in){one, 4, false};
        (void)frame_text(&in);
        assert_true(in.bad);
    }
    frame_put_text(&out, (struct impel_str){"a\rb\nc\0d", 7});
    assert_memory_equal(out.p, "\0\7a b c d", 9);
    frame_out_fini(&out);
}

/* However a frame is cut, it comes out as it went in. */
static void
test_gather(void **arg)
{
    struct frame_out out = {0}, part;
    (void)arg;

    frame_begin(&out, FRAME_PING);
    frame_put(&out, "12345678", 8);
    frame_end(&out);
    assert_int_equal(ecstream_host_frame(out.p, out.n), 13);
    for (size_t piece = 1; piece <= out.n; piece++) {
        enum frame_got got = FRAME_MORE;
        struct impel_str payload = {NULL, 0};
        size_t at = 0, end = 0, used;
        uint8_t type = 0;

        memset(&part, 0, sizeof(part));
        while (got == FRAME_MORE) {
            assert_true(end < out.n);
            end = end + piece < out.n ? end + piece : out.n;
            got = frame_gather(&part,
                (struct impel_str){(char *)out.p + at, end - at}, &used, &type,
                &payload);
            at += used;
        }
        assert_int_equal(got, FRAME_WHOLE);
        assert_int_equal(type, FRAME_PING);
        assert_int_equal(at, out.n);
        assert_int_equal(payload.n, 8);
        assert_memory_equal(payload.p, "12345678", 8);
        frame_out_fini(&part);
    }
    frame_out_fini(&out);
}

static void
test_lengths(void **arg)
{
    static const char *const wrong[] = {
        "\0\0\0\0\1", "\xff\xff\xff\xff\2", "\0\4\0\1\2"};
    struct frame_out part = {0};
    struct impel_str payload;
    size_t used;
    uint8_t type;
    (void)arg;

    for (size_t i = 0; i < 3; i++) {
        struct impel_str in = {wrong[i], 5};

        assert_int_equal(
            frame_gather(&part, in, &used, &type, &payload), FRAME_TOO_LONG);
        assert_int_equal(used, 0);
    }
    assert_int_equal(part.n, 0);
}

/* --- tags --- */

static void
test_tags(void **arg)
{
    static int is[2000];
    struct tags t = {0};
    size_t at = 0, count = 0;
    int *v, *before = NULL;
    (void)arg;

    assert_null(tags_find(&t, 1));
    tags_remove(&t, 1);
    for (uint32_t i = 0; i < 2000; i++) {
        assert_true(tags_add(&t, i + 1, &is[i]));
        if (i >= 10 && i % 100) /* some old ones stay for long */
            tags_remove(&t, i - 9);
    }
    for (uint32_t i = 0; i < 2000; i++) {
        bool gone = i + 10 < 2000 && (i + 10) % 100;

        assert_ptr_equal(tags_find(&t, i + 1), gone ? NULL : &is[i]);
    }
    while ((v = tags_next(&t, &at)) != NULL) {
        assert_true(v > before);
        before = v;
        count++;
    }
    assert_int_equal(count, t.live);
    assert_true(t.size < 2000); /* what was taken out takes no room */
    tags_fini(&t);
}

/* --- messages in --- */

static struct ecstream_host *
greeted(void)
{
    struct ecstream_host *h = ecstream_host_new();
    struct frame_out out = {0};

    ecstream_host_listen(h);
    frame_begin(&out, FRAME_HELLO);
    frame_put(&out,
        FRAME_MAGIC "\1\1\0\0\0\0"
                    "0123456789abcdef",
        30);
    frame_put_text(&out, line_str("client"));
    frame_put_text(&out, line_str("test"));
    frame_end(&out);
    ecstream_host_feed(h, out.p, out.n);
    frame_out_fini(&out);
    assert_int_equal(h->session.out.p[4], (char)FRAME_WELCOME);
    h->session.out.n = 0;
    return h;
}

/* Recipients number from first on, with the key "k". */
static void
message(struct ecstream_host *h, uint32_t tag, uint32_t first, uint32_t count)
{
    struct frame_out out = {0};

    frame_begin(&out, FRAME_MESSAGE);
    frame_put_u32(&out, tag);
    frame_put_text(&out, line_str("k"));
    frame_put(&out, "\0\0\0\0\0\0\0\0\0\0", 10);
    frame_put_text(&out, line_str("s@b"));
    frame_put_text(&out, line_str(""));
    frame_put_u16(&out, 0);
    frame_put_u32(&out, count);
    for (uint32_t i = 0; i < count; i++) {
        frame_put_u32(&out, first + i);
        frame_put_u8(&out, 0);
        frame_put_text(&out, line_str("r@b"));
        frame_put_text(&out, line_str(""));
    }
    frame_end(&out);
    frame_begin(&out, FRAME_BODY);
    frame_put_u32(&out, tag);
    frame_put(&out, "x\r\n", 3);
    frame_end(&out);
    frame_begin(&out, FRAME_END);
    frame_put_u32(&out, tag);
    frame_end(&out);
    ecstream_host_feed(h, out.p, out.n);
    frame_out_fini(&out);
}

static void
confirm(struct ecstream_host *h, uint32_t tag)
{
    struct frame_out out = {0};

    frame_begin(&out, FRAME_CONFIRM);
    frame_put_u16(&out, 1);
    frame_put_u32(&out, tag);
    frame_put_u32(&out, 1);
    frame_end(&out);
    ecstream_host_feed(h, out.p, out.n);
    frame_out_fini(&out);
}

static void
assert_kept(struct ecstream_host *h, const char *numbers, size_t n)
{
    struct kept *k =
        ecstream_host_kept(h, (struct impel_str){"0123456789abcdefk", 17});

    assert_int_equal(k ? k->value.n : 0, n);
    if (n)
        assert_memory_equal(k->value.p, numbers, n);
}

static void
done(struct ecstream_host *h)
{
    ecstream_host_end(h);
    ecstream_host_free(h);
}

/* CONFIRM is of a message's own recipients. */
static void
test_confirm(void **arg)
{
    struct ecstream_host *h = greeted();
    (void)arg;

    message(h, 1, 0, 2);
    message(h, 2, 2, 1);
    assert_int_equal(h->committed, 2);
    assert_kept(h, "\0\0\0\0\0\0\0\1\0\0\0\2", 12);
    confirm(h, 1);
    assert_kept(h, "\0\0\0\2", 4);
    message(h, 3, 1, 3); /* 2 is known, the others are not */
    assert_int_equal(h->committed, 3);
    assert_kept(h, "\0\0\0\2\0\0\0\1\0\0\0\3", 12);
    confirm(h, 3);
    assert_kept(h, "", 0);
    confirm(h, 2);
    assert_kept(h, "", 0);
    assert_int_equal(h->counts[COUNT_PROTOCOL_ERRORS], 0);
    done(h);
}

/* One that flies holds up those of its key, and nobody is taken twice. */
static void
test_one_key(void **arg)
{
    struct ecstream_host *h = greeted();
    (void)arg;

    h->hold = true;
    message(h, 1, 0, 1);
    message(h, 2, 0, 1); /* the same recipient */
    message(h, 3, 1, 1); /* another */
    assert_int_equal(h->committed, 0);
    assert_int_equal(h->session.out.n, 0);
    h->hold = false;
    ecstream_host_settle(h);
    assert_int_equal(h->committed, 2);
    assert_kept(h, "\0\0\0\0\0\0\0\1", 8);
    assert_non_null(
        memmem(h->session.out.p, h->session.out.n, "OK, taken before", 16));
    assert_int_equal(h->module.flying.count, 0);
    done(h);
}

/* A connection that is lost leaves nobody waiting, and no key flying. */
static void
test_lost(void **arg)
{
    struct ecstream_host *h = greeted();
    (void)arg;

    h->hold = true;
    message(h, 1, 0, 1);
    message(h, 2, 1, 1);
    done(h); /* its end checks */
}

/* A commit that fails leaves no number behind. */
static void
test_failed_commit(void **arg)
{
    struct ecstream_host *h = greeted();
    (void)arg;

    h->overfull = true;
    message(h, 1, 0, 2);
    assert_kept(h, "", 0);
    assert_non_null(memmem(h->session.out.p, h->session.out.n, "\x01\xc3", 2));
    h->overfull = false;
    message(h, 2, 0, 2);
    assert_kept(h, "\0\0\0\0\0\0\0\1", 8);
    done(h);
}

static void
test_result(void **arg)
{
    struct impel_result r = outcome_internal(IMPEL_FAILED, IMPEL_BLAME_MESSAGE,
        IMPEL_AT_BODY, "550 5.7.10 no TLS here");
    (void)arg;

    assert_int_equal(r.code, 550);
    assert_int_equal(r.status[0], 5);
    assert_int_equal(r.status[1], 7);
    assert_int_equal(r.status[2], 10);
    assert_int_equal(r.text.n, 22);
}

UNIT_MAIN(cmocka_unit_test(test_numbers), cmocka_unit_test(test_texts),
    cmocka_unit_test(test_gather), cmocka_unit_test(test_lengths),
    cmocka_unit_test(test_tags), cmocka_unit_test(test_confirm),
    cmocka_unit_test(test_one_key), cmocka_unit_test(test_lost),
    cmocka_unit_test(test_failed_commit), cmocka_unit_test(test_result))
