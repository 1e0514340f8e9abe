/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/base64.h"
#include "base/err.h"

/* RFC 4648 10 */
static const struct {
    const char *plain, *coded;
} vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

static void
test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct buf b = BUF_INIT;
        buf_char(&b, '>');
        base64_encode(&b, str_of(vectors[i].plain));
        assert_str(str_from(buf_get(&b), 1), vectors[i].coded);
        buf_cut(&b, 1);
        assert_int_equal(base64_decode(&b, str_of(vectors[i].coded)), 0);
        assert_str(str_from(buf_get(&b), 1), vectors[i].plain);
        buf_fini(&b);
    }
}

static void
test_all_bytes(void **state)
{
    char all[256];
    struct buf b = BUF_INIT, back = BUF_INIT;

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (size_t n = 0; n <= 256; n++) {
        buf_cut(&b, 0);
        buf_cut(&back, 0);
        base64url_encode(&b, str_make(all, n));
        assert_int_equal(str_chr(buf_get(&b), '=', 0), SIZE_MAX);
        assert_int_equal(base64url_decode(&back, buf_get(&b)), 0);
        assert_int_equal(back.n, n);
        if (n)
            assert_memory_equal(back.p, all, n);
    }
    buf_fini(&b);
    buf_fini(&back);
}

static void
test_refused(void **state)
{
    static const char *const bad[] = {"Z", "Zg",
        "Zg=", "Zg===", "Zh==", "Zm9=", "Zm 8=", "Zm8=\n",
        "====", "Zm8=Zm8=", "Zm-_", "Z=g=", "="};
    struct buf b = BUF_INIT;

    (void)state;
    buf_cstr(&b, "keep");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(base64_decode(&b, str_of(bad[i])), ERR_INVAL);
        assert_str(buf_get(&b), "keep");
    }
    assert_int_equal(base64_decode(&b, STR("Zm9vZm9v!m8=")), ERR_INVAL);
    assert_str(buf_get(&b), "keep");
    assert_int_equal(base64url_decode(&b, STR("Zm+/")), ERR_INVAL);
    assert_int_equal(base64url_decode(&b, STR("Z")), ERR_INVAL);
    assert_int_equal(base64url_decode(&b, STR("Zg==")), 0);
    assert_str(buf_get(&b), "keepf");
    buf_fini(&b);
}

UNIT_MAIN(cmocka_unit_test(test_vectors), cmocka_unit_test(test_all_bytes),
    cmocka_unit_test(test_refused))
