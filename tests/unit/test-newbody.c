/* SPDX-License-Identifier: Apache-2.0
 *
 * test-newbody.c - bodies that filters give: every short one, cut anywhere,
 * has lines that end in CRLF; limits, waiting and failing disks, each end.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "intake/credits.h"
#include "intake/newbody.h"

/* --- the spool --- */

struct content_builder {
    content_room_f *room;
    void *arg;
};
struct content {
    int unused;
};
static struct content_builder *builder;
static int alive, messages, add_result, settle_wants;
static bool large;
static struct buf stored = BUF_INIT;
static struct content content;
static content_settled_f *settle_done;
static void *settle_arg;

struct content_builder *
content_builder_new(struct spool *s, uint64_t id, struct mailbox *home,
    content_room_f *room, void *arg)
{
    (void)s, (void)id, (void)home;
    builder = xnew(struct content_builder);
    builder->room = room;
    builder->arg = arg;
    alive++;
    buf_cut(&stored, 0);
    return builder;
}

int
content_builder_add(
    struct content_builder *b, const void *p, size_t n, struct err *e)
{
    assert_ptr_equal(b, builder);
    buf_add(&stored, p, n);
    return add_result < 0 ? err_set(e, add_result, "as told") : 0;
}

void
content_builder_facts(const struct content_builder *b, struct content_facts *f)
{
    struct str all = buf_get(&stored);

    (void)b;
    memset(f, 0, sizeof(*f));
    f->body_size = stored.n;
    f->large = large;
    f->ends_crlf = str_ends(all, STR("\r\n"));
}

void
content_builder_finish(struct content_builder **b, struct message *to)
{
    to->content = &content;
    free(*b);
    *b = NULL;
    alive--;
}

void
content_builder_abandon(struct content_builder **b)
{
    free(*b);
    *b = NULL;
    alive--;
}

bool
content_settle(struct content *c, content_settled_f *done, void *arg)
{
    assert_ptr_equal(c, &content);
    settle_done = done;
    settle_arg = arg;
    return settle_wants;
}

struct message *
message_new(uint64_t id)
{
    struct message *m = xnew(struct message);

    m->id = id;
    messages++;
    return m;
}

void
message_unref(struct message **m)
{
    free(*m);
    *m = NULL;
    messages--;
}

uint64_t
spool_next_ids(struct spool *s, uint64_t n)
{
    (void)s;
    return n;
}

struct mailbox *
loop_mailbox(struct loop *l)
{
    (void)l;
    return NULL;
}

static int64_t held;

void
credits_force(struct impel_incoming *m, int64_t n)
{
    (void)m;
    held += n;
}

/* --- */

static struct intake in;
static struct intake_loop il = {.intake = &in};
static struct impel_incoming incoming = {.il = &il};
static int rooms, settled, settle_result;

static void
room(void *arg)
{
    assert_ptr_equal(arg, &rooms);
    rooms++;
}

static void
on_settled(void *arg, int result)
{
    assert_ptr_equal(arg, &settled);
    settled++;
    settle_result = result;
}

static int
setup(void **state)
{
    (void)state;
    rooms = settled = add_result = settle_wants = 0;
    held = 0;
    large = false;
    settle_result = 1;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    assert_int_equal(alive, 0);
    assert_int_equal(messages, 0);
    buf_fini(&stored);
    return 0;
}

static struct newbody *
fresh(uint64_t most)
{
    return newbody_new(&incoming, most, room, &rooms);
}

/* The plainest way to do it: each CRLF, CR and LF is a line end; the last line
 * has one, too. */
static void
plainly(const char *p, size_t n, struct buf *to)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n')
            continue;
        if (p[i] == '\r' || p[i] == '\n')
            buf_cstr(to, "\r\n");
        else
            buf_char(to, p[i]);
    }
    if (to->n && !str_ends(buf_get(to), STR("\r\n")))
        buf_cstr(to, "\r\n");
}

static void
give(const char *p, size_t n, unsigned cuts)
{
    struct newbody *b = fresh(0);
    struct buf want = BUF_INIT;
    struct message *m;
    size_t from = 0;

    for (size_t i = 1; i <= n; i++) {
        if (i < n && !(cuts >> (i - 1) & 1))
            continue;
        assert_int_equal(newbody_add(b, str_make(p + from, i - from)), 0);
        from = i;
    }
    settled = 0;
    newbody_settle(b, on_settled, &settled);
    assert_int_equal(settled, 1);
    assert_int_equal(settle_result, 0);
    plainly(p, n, &want);
    assert_int_equal(stored.n, want.n);
    if (want.n)
        assert_memory_equal(stored.p, want.p, want.n);
    m = newbody_take(&b);
    assert_null(b);
    message_unref(&m);
    buf_fini(&want);
}

static void
every_short_body_cut_anywhere(void **state)
{
    static const char letters[] = "a\r\n.";
    enum { LONGEST = 6 };
    char p[LONGEST];

    (void)state;
    for (size_t n = 0; n <= LONGEST; n++) {
        for (unsigned w = 0; w < 1u << (2 * n); w++) {
            for (size_t i = 0; i < n; i++)
                p[i] = letters[w >> (2 * i) & 3];
            for (unsigned cuts = 0; cuts < (n ? 1u << (n - 1) : 1); cuts++)
                give(p, n, cuts);
        }
    }
}

static void
no_more_than_may_be(void **state)
{
    struct newbody *b = fresh(10);

    (void)state;
    assert_int_equal(newbody_add(b, STR("12345678")), 0);
    assert_int_equal(newbody_add(b, STR("abc")), IMPEL_E_FULL);
    assert_int_equal(newbody_add(b, STR("ab")), 0);
    assert_int_equal(newbody_add(b, STR("x")), IMPEL_E_FULL);
    assert_int_equal(newbody_add(b, STR("")), 0);
    newbody_free(&b);
    assert_null(b);
}

/* What was taken is not given again; nothing is taken until there is room. */
static void
waits_for_the_disk(void **state)
{
    struct newbody *b = fresh(0);

    (void)state;
    add_result = ERR_AGAIN;
    assert_int_equal(newbody_add(b, STR("one\r\n")), 0);
    assert_int_equal(newbody_add(b, STR("two\r\n")), IMPEL_E_AGAIN);
    assert_int_equal(newbody_add(b, STR("two\r\n")), IMPEL_E_AGAIN);
    assert_int_equal(rooms, 0);
    add_result = 0;
    builder->room(builder->arg, 0);
    assert_int_equal(rooms, 1);
    assert_int_equal(newbody_add(b, STR("two\r\n")), 0);
    assert_memory_equal(stored.p, "one\r\ntwo\r\n", 10);
    assert_int_equal(stored.n, 10);
    newbody_free(&b);
}

static void
a_disk_that_fails(void **state)
{
    struct newbody *b = fresh(0);

    (void)state;
    add_result = ERR_IO;
    assert_int_equal(newbody_add(b, STR("one\r\n")), IMPEL_E_CLOSED);
    add_result = 0;
    assert_int_equal(newbody_add(b, STR("two\r\n")), IMPEL_E_CLOSED);
    newbody_settle(b, on_settled, &settled);
    assert_int_equal(settle_result, ERR_IO);
    newbody_free(&b);
    b = fresh(0); /* it says so when there should be room */
    add_result = ERR_AGAIN;
    assert_int_equal(newbody_add(b, STR("one\r\n")), 0);
    builder->room(builder->arg, ERR_IO);
    assert_int_equal(rooms, 1);
    assert_int_equal(newbody_add(b, STR("two\r\n")), IMPEL_E_CLOSED);
    newbody_free(&b);
    b = fresh(0); /* with what was still to come: the end of the last line */
    add_result = 0;
    assert_int_equal(newbody_add(b, STR("one\r")), 0);
    add_result = ERR_IO;
    newbody_settle(b, on_settled, &settled);
    assert_int_equal(settle_result, ERR_IO);
    newbody_free(&b);
}

static void
a_large_one_settles_later(void **state)
{
    struct newbody *b = fresh(0);
    struct message *m;

    (void)state;
    settle_wants = 1;
    large = true;
    assert_int_equal(newbody_add(b, STR("one\r\n")), 0);
    assert_int_equal(held, 0); /* it is in its file */
    newbody_settle(b, on_settled, &settled);
    assert_int_equal(settled, 0);
    settle_done(settle_arg, 0, NULL);
    assert_int_equal(settled, 1);
    m = newbody_take(&b);
    message_unref(&m);
    b = fresh(0);
    large = false;
    assert_int_equal(newbody_add(b, STR("a\nb\n")), 0);
    assert_int_equal(held, 6); /* as it is in memory */
    newbody_settle(b, on_settled, &settled);
    settle_done(settle_arg, ERR_IO, NULL);
    assert_int_equal(settle_result, ERR_IO);
    newbody_free(&b);
}

/* The message goes while the disk works: its end frees the rest. */
static void
freed_while_it_settles(void **state)
{
    struct newbody *b = fresh(0);

    (void)state;
    settle_wants = 1;
    assert_int_equal(newbody_add(b, STR("one\r\n")), 0);
    newbody_settle(b, on_settled, &settled);
    newbody_free(&b);
    assert_null(b);
    assert_int_equal(messages, 1);
    settle_done(settle_arg, 0, NULL);
    assert_int_equal(settled, 0);
    newbody_free(&b); /* none */
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_short_body_cut_anywhere),
        TEST(no_more_than_may_be),
        TEST(waits_for_the_disk),
        TEST(a_disk_that_fails),
        TEST(a_large_one_settles_later),
        TEST(freed_while_it_settles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
