/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

static struct impel_str
text(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* Read a script out of a string. */
static int
read_text(const char *z, struct script **s, struct err *e)
{
    char path[] = "test-kit-script.XXXXXX";
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, z, strlen(z)), strlen(z));
    close(fd);
    rc = script_read(path, s, e);
    unlink(path);
    return rc;
}

static void
globs(void **state)
{
    (void)state;
    assert_true(script_glob("abc", text("abc")));
    assert_false(script_glob("abc", text("abcd")));
    assert_true(script_glob("a*c", text("abbc")));
    assert_true(script_glob("*a*b", text("xaxbab")));
    assert_true(script_glob("*", text("")));
    assert_false(script_glob("", text("x")));
    assert_true(script_glob("a.c", text("a.c")));
    assert_false(script_glob("a.c", text("abc")));
}

static void
a_whole_script(void **state)
{
    static const char z[] = "title \"t\"\n"
                            "# a comment\n"
                            "option o 1 2\n"
                            "message m\n"
                            "  sender\n"
                            "  rcpt a@b notify=never,delay -> failed code=550 "
                            "status=5.1.1 text=\"no way\"\n"
                            "  | x\\ty\n"
                            "  |\n"
                            "session\n"
                            "  > BDAT {size m}\n"
                            "  <? /^R/\n"
                            "  >- \\x00\\r\n"
                            "  wait 500ms\n"
                            "  lend m\n"
                            "  closed retry blame=host\n";
    struct script *s = NULL;
    struct err e = {0};

    (void)state;
    if (read_text(z, &s, &e))
        fail_msg("%s", e.text);
    assert_string_equal(s->title, "t");
    assert_string_equal(s->option[0].value, "1 2");
    assert_int_equal(s->message[0].sender.n, 0);
    assert_int_equal(s->message[0].body.n, 7);
    assert_memory_equal(s->message[0].body.p, "x\ty\r\n\r\n", 7);
    assert_int_equal(s->message[0].rcpt[0].rcpt.notify,
        IMPEL_NOTIFY_NEVER | IMPEL_NOTIFY_DELAY);
    assert_int_equal(s->message[0].rcpt[0].want.status[2], 1);
    assert_string_equal(s->message[0].rcpt[0].want.text, "no way");
    assert_int_equal(s->session[0].step_count, 4);
    assert_string_equal(s->session[0].step[0].text.p, "BDAT 7\r\n");
    assert_true(script_step_matches(&s->session[0].step[1], text("RSET")));
    assert_int_equal(s->session[0].step[2].text.n, 2);
    assert_int_equal(s->session[0].step[3].ms, 500);
    assert_true(s->session[0].has_closed);
    script_free(&s);
    assert_null(s);
}

static void
mistakes(void **state)
{
    static const char *const wrong[] = {"", "nonsense\nsession\n",
        "session\n  nonsense\n", "session\n  lend nobody\n",
        "session\n  > \\q\n", "session\n  > {size m}\n", "session\n  > \\x1\n",
        "session\n  < /[/\n", "message\nsession\n",
        "message m\nmessage m\nsession\n",
        "message m\n  rcpt a -> bogus\nsession\n",
        "message m\n  rcpt a -> failed code=x\nsession\n",
        "message m\n  rcpt a -> failed status=5.1\nsession\n",
        "  > indented\nsession\n", "session\n  repeat 9999999 x\n",
        "session\n  wait soon\n", "answer never failed\nsession\n",
        "fetch https://a/ soon x\nsession\n", "fetch https://a/\nsession\n"};
    struct script *s;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (read_text(wrong[i], &s, &e) == 0)
            fail_msg("taken: %s", wrong[i]);
        assert_null(s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(globs),
        cmocka_unit_test(a_whole_script), cmocka_unit_test(mistakes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
