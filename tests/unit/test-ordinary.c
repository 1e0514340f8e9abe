/* SPDX-License-Identifier: Apache-2.0
 *
 * test-ordinary.c - the ordinary message in a container.
 */
#include "spool/ordinary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <impel/module.h>
#include "spool/content_int.h"
#include "spool/render.h"
#include "spool/spool_int.h"

#include "spool_kit.h"

#define HEAD \
    "MIME-Version: 1.0\r\n" \
    "Content-Type: multipart/vnd.msys.mcmt; boundary=\"=b\"\r\n\r\n"
#define PUSH \
    "--=b\r\nContent-Type: " \
    "message/vnd.msys.apn\r\n\r\n\r\n{\"k\":\"\xc3\xa9\"}"
#define MAIL "--=b\r\nContent-Type: message/rfc822\r\n\r\n"
#define END "\r\n--=b--\r\n"

/* --- where it is --- */

static void
found(const char *container, const char *want)
{
    const char *why = NULL;
    struct str got = ordinary_find(str_of(container), false, &why);

    if (!str_eq(got, str_of(want)))
        fail_msg("found \"%.*s\" (%s)", STR_ARG(got), why ? why : "");
}

static void
missing(const char *container, const char *word)
{
    const char *why = NULL;

    assert_int_equal(ordinary_find(str_of(container), false, &why).n, 0);
    assert_non_null(strstr(why, word));
}

static void
places(void **state)
{
    (void)state;
    found(HEAD MAIL "A: b\r\n\r\nx" END, "A: b\r\n\r\nx");
    found(HEAD "preamble\r\n" PUSH "\r\n" MAIL "A: b\r\n\r\nx\r\n" END,
        "A: b\r\n\r\nx\r\n");
    /* the first one */
    found(HEAD MAIL "A: 1\r\n\r\n\r\n" MAIL "A: 2\r\n\r\n" END, "A: 1\r\n\r\n");
    /* a boundary within goes on with the part, if it is another's */
    found(HEAD MAIL "A: 1\r\n\r\n--=bb\r\n--=b-x\r\n" END,
        "A: 1\r\n\r\n--=bb\r\n--=b-x\r\n");
    found(HEAD "--=b\r\ncontent-type:\r\n Message/RFC822; x=y\r\n"
               "Content-Transfer-Encoding: 8bit\r\n\r\nA: b\r\n\r\n" END,
        "A: b\r\n\r\n");
    found(HEAD "--=b\r\nContent-Type: message/rfc2822\r\n\r\nA: b" END, "A: b");
    found(HEAD "--=b\r\nContent-Type: message/global\r\n\r\nA: b" END, "A: b");
    /* cut off: what is there counts */
    found(HEAD MAIL "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n");
}

static void
none(void **state)
{
    (void)state;
    missing(HEAD PUSH END, "no ordinary message");
    missing(HEAD MAIL END, "no ordinary message");
    missing(HEAD, "no ordinary message");
    missing("", "no ordinary message");
    missing("Content-Type: multipart/vnd.msys.mcmt\r\n\r\n" MAIL "A: b" END,
        "no ordinary message");
    missing(HEAD "--=b\r\nContent-Type: message/rfc822x\r\n\r\nA: b" END,
        "no ordinary message");
    missing(HEAD "--=b--\r\n" MAIL "A: b" END, "no ordinary message");
    missing(HEAD "--=b\r\nContent-Type: message/rfc822\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\nQTogYg==" END,
        "encoded");
}

/* --- taking it out --- */

static void
settled(void *arg, int result, const struct err *e)
{
    (void)e;
    assert_int_equal(result, 0);
    *(bool *)arg = true;
}

static struct message *
message_of(struct kit *k, struct str text)
{
    static struct meta mcmt;
    bool ready = false;
    struct message *m = message_new(spool_next_ids(k->spool, 1));
    struct content_builder *b =
        content_builder_new(k->spool, m->id, k->mailbox, NULL, NULL);
    struct err e;

    for (size_t at = 0; at < text.n; at += 5000)
        (void)content_builder_add(
            b, text.p + at, MIN_OF((size_t)5000, text.n - at), &e);
    content_builder_finish(&b, m);
    if (content_settle(m->content, settled, &ready))
        kit_wait(k, &ready);
    content_prepend(m->content, STR("Received: here\r\n"));
    mcmt = (struct meta){STR("mcmt"), STR("allow")};
    m->env.meta = &mcmt;
    m->env.meta_count = 1;
    m->env.needs = IMPEL_NEED_8BIT | IMPEL_NEED_UTF8 | IMPEL_NEED_TLS;
    m->env.sender = STR("s@origin.test");
    return m;
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

static bool
gather(void *arg, struct str piece)
{
    buf_str(arg, piece);
    return true;
}

static bool worked;

static void
work_done(struct ordinary_work *w)
{
    (void)w;
    worked = true;
}

/* A large one on another thread. */
static struct message *
ordinary_of(struct kit *k, struct message *m, struct err *e)
{
    struct ordinary_work w = {.container = message_ref(m), .done = work_done};

    if (!ordinary_takes_long(m)) {
        message_unref(&w.container);
        return ordinary_new(m, e);
    }
    worked = false;
    ordinary_begin(&w, k->mailbox);
    assert_false(worked);
    kit_wait(k, &worked);
    assert_null(w.container);
    *e = w.error;
    return w.found;
}

static void
taken_out(struct kit *k, struct str container, const char *want)
{
    struct message *m = message_of(k, container), *o;
    struct content_facts f;
    struct buf got = BUF_INIT;
    struct render *r;
    struct err e;

    assert_true(ordinary_is_in(m));
    o = ordinary_of(k, m, &e);
    if (!o)
        fail_msg("%s", e.text);
    assert_int_equal(o->id, m->id);
    assert_int_equal(o->env.needs, IMPEL_NEED_TLS);
    message_unref(&m); /* its text is needed still */
    assert_true(str_eq(o->env.sender, STR("s@origin.test")));
    content_get_facts(o->content, &f);
    assert_false(f.eight_bit || f.large);
    assert_true(f.ends_crlf);
    r = render_new(o, IMPEL_BODY_RAW, STR("P: q\r\n"), &e);
    assert_int_equal(render_each(r, gather, &got, &e), 0);
    assert_int_equal(got.n, render_size(r));
    if (!str_eq(buf_get(&got), str_of(want)))
        fail_msg("got \"%s\"", got.p);
    render_free(&r);
    buf_fini(&got);
    message_unref(&o);
}

static void
forms(void **state)
{
    struct kit *k = kit_here();

    (void)state;
    taken_out(k, STR(HEAD PUSH "\r\n" MAIL "A: b\r\n\r\n.x" END),
        "P: q\r\nReceived: here\r\nA: b\r\n\r\n.x\r\n");
    taken_out(k,
        STR("received: there\r\n\t1\r\nX: y\r\n z\r\nReceived: 2\r\n" HEAD MAIL
            "A: b\r\n\r\n" END),
        "P: q\r\nReceived: here\r\nreceived: there\r\n\t1\r\nReceived: 2\r\n"
        "A: b\r\n\r\n");
    kit_fini(k);
}

/* Behind a part of a million octets. */
static void
large(void **state)
{
    struct kit *k = kit_here();
    struct buf b = BUF_INIT;

    (void)state;
    buf_str(&b, STR(HEAD PUSH "\r\n"));
    for (int i = 0; i < 20000; i++)
        buf_str(&b,
            STR("\xc3\xa9 a line of the part that is in front of it"
                " 123456789\r\n"));
    buf_str(&b, STR(MAIL "A: b\r\n\r\nx" END));
    assert_true(b.n > 900000);
    worked = false;
    taken_out(k, buf_get(&b), "P: q\r\nReceived: here\r\nA: b\r\n\r\nx\r\n");
    assert_true(worked);
    buf_fini(&b);
    kit_fini(k);
}

static void
not_there(void **state)
{
    struct kit *k = kit_here();
    struct message *m = message_of(k, STR(HEAD PUSH END));
    struct err e;

    (void)state;
    assert_null(ordinary_new(m, &e));
    assert_int_equal(e.code, ERR_PROTO);
    m->env.meta_count = 0;
    assert_false(ordinary_is_in(m));
    message_unref(&m);
    kit_fini(k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(none),
        cmocka_unit_test(forms),
        cmocka_unit_test(large),
        cmocka_unit_test(not_there),
    };
    return cmocka_run_group_tests_name("ordinary", tests, NULL, NULL);
}
