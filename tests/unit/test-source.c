/* SPDX-License-Identifier: Apache-2.0
 *
 * Another spool is read, nothing in it changes, and what could not have come in
 * by SMTP is refused.
 */
#include "unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/xmem.h"
#include "spool/content.h"
#include "spool/source.h"
#include "spool_kit.h"

enum { SEGMENT = 1 << 20 };
static const char *const two[] = {"a@x.test", "b@Y.test", NULL};
static const char *const one[] = {"c@x.test", NULL};
static const _Atomic bool never;

static void
open_kit(struct kit *k)
{
    struct err e;

    assert_int_equal(kit_open(k, &e), 0);
    kit_wait_recovered(k);
}

static struct source *
opened(struct kit *k)
{
    struct source *s;
    struct err e = {0};

    if (source_open(k->dir, &never, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

/* What a message's bytes are, read in small steps. */
static void
read_all(struct source_loaded *l, struct buf *to)
{
    char part[1000];
    struct err e = {0};
    int64_t n;

    while ((n = source_read(l, part, sizeof(part), &e)) > 0)
        buf_add(to, part, (size_t)n);
    assert_int_equal(n, 0);
    assert_int_equal(to->n, l->size);
}

static void
put_attempt(struct kit *k, const struct message *m, uint32_t rcpt)
{
    const struct rcpt_state state = {
        .rcpt = rcpt, .code = 451, .text = STR("later")};
    const struct attempt a = {.id = m->id,
        .accept = m->place,
        .retries = 3,
        .next_attempt = 1234567,
        .domain = m->env.rcpt[rcpt].domain,
        .rcpt_count = 1,
        .rcpt = &state};

    spool_attempt(k->spool, &a, NULL, NULL, 0);
}

/* Of two recipients one is finished and one was tried; a large one waits; one
 * is gone. */
struct stored {
    uint64_t tried, large;
};

static struct stored
store_some(struct kit *k)
{
    const struct spool_place nowhere = {0, 0};
    const uint32_t first[] = {0};
    struct message *m = kit_message(k, two, 500, 1);
    struct message *gone = kit_message(k, one, 500, 2);
    struct message *large = kit_message(k, one, 700000, 3);
    struct stored s = {m->id, large->id};

    assert_int_equal(kit_store(k, m), 0);
    assert_int_equal(kit_store(k, gone), 0);
    assert_int_equal(kit_store(k, large), 0);
    put_attempt(k, m, 1);
    kit_finish(k, m->id, m->place, nowhere, first, 1);
    kit_finish(k, gone->id, gone->place, nowhere, NULL, 0);
    while (k->durable < 2)
        kit_turn(k, 100);
    message_unref(&m);
    message_unref(&gone);
    message_unref(&large);
    return s;
}

static void
is_stored(struct kit *k, const struct stored *want)
{
    struct source *s = opened(k);
    struct source_loaded l;
    struct buf text = BUF_INIT;
    struct err e;

    assert_true(source_identity(s) != 0);
    assert_int_equal(source_count(s), 2);
    assert_int_equal(source_damaged(s), 0);
    assert_int_equal(source_get(s, 0)->id, want->tried);
    assert_int_equal(source_get(s, 0)->rcpt_count, 1);
    assert_int_equal(source_get(s, 0)->parcel[0].rcpt[0], 1);
    assert_int_equal(source_get(s, 0)->parcel[0].retries, 3);
    assert_int_equal(source_get(s, 0)->parcel[0].next_attempt, 1234567);
    assert_int_equal(source_load(s, 0, &l, &e), 0);
    assert_str(l.message->env.rcpt[1].domain, "y.test"); /* not as it says */
    assert_int_equal(source_state(&l, 0, 1).code, 451);
    assert_str(source_state(&l, 0, 1).text, "later");
    assert_int_equal(source_state(&l, 0, 0).code, 0);
    read_all(&l, &text);
    assert_true(str_starts(buf_get(&text), STR("Received: from here\r\n")));
    source_loaded_fini(&l);
    buf_cut(&text, 0);
    assert_int_equal(source_get(s, 1)->id, want->large);
    assert_int_equal(source_load(s, 1, &l, &e), 0);
    read_all(&l, &text);
    assert_true(text.n > 700000);
    source_loaded_fini(&l);
    source_close(&s);
    buf_fini(&text);
}

/* Names, sizes and times of what is in the spool. */
static void
look(const char *path, struct buf *to)
{
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char *file = xprintf("%s/%s", path, list[i]->d_name);
        struct stat st;

        if (list[i]->d_name[0] != '.' && stat(file, &st) == 0) {
            buf_printf(to, "%s %lld %lld.%09ld\n", file, (long long)st.st_size,
                (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
            if (S_ISDIR(st.st_mode))
                look(file, to);
        }
        free(file);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

static void
test_what_lives(void **state)
{
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct stored want;
    struct source *s;
    struct kit k;
    struct err e;

    (void)state;
    kit_init(&k, SEGMENT);
    open_kit(&k);
    want = store_some(&k);
    assert_int_equal(source_open(k.dir, &never, &s, &e), ERR_BUSY);
    kit_close(&k);
    look(k.dir, &before);
    is_stored(&k, &want);
    look(k.dir, &after);
    assert_string_equal(before.p, after.p);
    open_kit(&k); /* it is as it was */
    assert_int_equal(k.found_count, 2);
    buf_fini(&before);
    buf_fini(&after);
    kit_fini(&k);
}

/* The same from where compaction has put and packed it; with an index and
 * without. */
static void
test_compacted(void **state)
{
    struct stored want;
    struct kit k;
    struct err e;
    char *path;

    (void)state;
    kit_init(&k, SEGMENT);
    open_kit(&k);
    want = store_some(&k);
    kit_close(&k);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(spool_compact(k.dir, NULL, NULL, NULL, &e), 0);
        is_stored(&k, &want);
    }
    for (unsigned i = 1; i < 10; i++) {
        path = xprintf("%s/segments/%08x.idx", k.dir, i);
        (void)unlink(path); /* most are not there */
        free(path);
    }
    is_stored(&k, &want);
    kit_fini(&k);
}

/* What a crash leaves: nothing is sealed, and the last commit is torn. */
static void
test_after_a_crash(void **state)
{
    struct stored want;
    struct message *m;
    struct kit k;
    char *path, *copy;

    (void)state;
    kit_init(&k, SEGMENT);
    open_kit(&k);
    want = store_some(&k);
    m = kit_message(&k, one, 12000, 9);
    assert_int_equal(kit_store(&k, m), 0);
    copy = xprintf("cp -a %s %s.crash", k.dir, k.dir);
    assert_int_equal(system(copy), 0);
    free(copy);
    kit_close(&k);
    kit_remove_tree(k.dir);
    copy = xprintf("%s.crash", k.dir);
    assert_int_equal(rename(copy, k.dir), 0);
    free(copy);
    path = xprintf("%s/segments/%08x.seg", k.dir, m->place.segment);
    copy = xprintf("dd if=/dev/zero of=%s bs=1 seek=%u count=3000 "
                   "conv=notrunc status=none",
        path, m->place.offset + 6000);
    assert_int_equal(system(copy), 0);
    free(copy);
    free(path);
    message_unref(&m);
    is_stored(&k, &want);
    open_kit(&k);
    assert_int_equal(k.found_count, 2);
    kit_fini(&k);
}

/* What is said of a message, and why it is refused; NULL: it is not. */
static void
set_sender(struct message *m)
{
    m->env.sender = STR("a@b.test> X\r\nRCPT TO:<c@d.test");
}
static void
set_rcpt(struct message *m)
{
    ((struct rcpt *)(uintptr_t)m->env.rcpt)->address =
        STR("a@b.test>\r\nDATA\r\n");
}
static void
set_no_domain(struct message *m)
{
    ((struct rcpt *)(uintptr_t)m->env.rcpt)->address = STR("alone");
}
static void
set_other_domain(struct message *m)
{
    ((struct rcpt *)(uintptr_t)m->env.rcpt)->domain = STR("elsewhere.test");
}
static void
set_original(struct message *m)
{
    ((struct rcpt *)(uintptr_t)m->env.rcpt)->original = STR("rfc822;a b");
}
static void
set_notify(struct message *m)
{
    ((struct rcpt *)(uintptr_t)m->env.rcpt)->notify = 99;
}
static void
set_envid(struct message *m)
{
    m->env.envid = STR("x y");
}
static void
set_ret(struct message *m)
{
    m->env.ret = 7;
}
static void
set_helo(struct message *m)
{
    m->env.helo = STR("a\nb");
}
static void
set_peer(struct message *m)
{
    m->env.peer_addr = STR("nowhere");
}
static void
set_meta(struct message *m)
{
    static const struct meta meta = {{"k", 1}, {"a\r\nb", 4}};

    m->env.meta = &meta;
    m->env.meta_count = 1;
}
static void
set_future(struct message *m)
{
    m->env.received = clock_wall() + 86400000;
    m->env.hold_until = -5;
}

static const struct {
    void (*set)(struct message *m);
    const char *why;
} rows[] = {{set_sender, "its sender is not valid"},
    {set_rcpt, "a recipient is not valid"},
    {set_no_domain, "a recipient is not valid"}, {set_other_domain, NULL},
    {set_original, "a recipient is not valid"},
    {set_notify, "a recipient is not valid"},
    {set_envid, "a parameter of its sender is not valid"},
    {set_ret, "a parameter of its sender is not valid"},
    {set_helo, "a text of its envelope is not valid"},
    {set_peer, "the address it came from is none"},
    {set_meta, "its context is not valid"}, {set_future, NULL}};

static void
test_hostile(void **state)
{
    struct source_loaded l;
    struct source *s;
    struct kit k;

    (void)state;
    kit_init(&k, SEGMENT);
    open_kit(&k);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message *m = kit_message(&k, one, 100, (unsigned)i);

        rows[i].set(m);
        assert_int_equal(kit_store(&k, m), 0);
        message_unref(&m);
    }
    kit_close(&k);
    s = opened(&k);
    assert_int_equal(source_count(s), ARRAY_SIZE(rows));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err e = {0};
        int r = source_load(s, i, &l, &e);

        if (rows[i].why) {
            assert_int_equal(r, ERR_INVAL);
            assert_string_equal(e.text, rows[i].why);
            continue;
        }
        assert_int_equal(r, 0);
        assert_str(l.message->env.rcpt[0].domain, "x.test");
        assert_true(l.message->env.received <= clock_wall());
        assert_int_equal(l.message->env.hold_until, 0);
        source_loaded_fini(&l);
    }
    source_close(&s);
    kit_fini(&k);
}

/* Bytes of a segment are turned one by one: whatever comes of it, it ends, and
 * what is handed out is a message. */
static void
test_rotten(void **state)
{
    struct source_loaded l;
    struct source *s;
    struct kit k;
    struct err e;
    char *path;
    unsigned handed = 0;
    FILE *f;

    (void)state;
    kit_init(&k, SEGMENT);
    open_kit(&k);
    for (unsigned i = 0; i < 4; i++) {
        struct message *m = kit_message(&k, two, 300, i);

        assert_int_equal(kit_store(&k, m), 0);
        message_unref(&m);
    }
    kit_close(&k);
    path = xprintf("%s/segments/00000001.idx", k.dir);
    (void)unlink(path);
    free(path);
    path = xprintf("%s/segments/00000001.seg", k.dir);
    for (long at = 0; at < 5 * 4096; at += 37) {
        int was;

        f = fopen(path, "r+");
        assert_non_null(f);
        fseek(f, at, SEEK_SET);
        was = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(was ^ 0x55, f);
        fclose(f);
        if (source_open(k.dir, &never, &s, &e) == 0) {
            for (size_t i = 0; i < source_count(s); i++) {
                struct buf text = BUF_INIT;

                if (source_load(s, i, &l, &e))
                    continue;
                read_all(&l, &text);
                handed++;
                buf_fini(&text);
                source_loaded_fini(&l);
            }
            source_close(&s);
        }
        f = fopen(path, "r+");
        fseek(f, at, SEEK_SET);
        fputc(was, f);
        fclose(f);
    }
    free(path);
    assert_true(handed > 100);
    kit_fini(&k);
}

UNIT_MAIN(cmocka_unit_test(test_what_lives), cmocka_unit_test(test_compacted),
    cmocka_unit_test(test_after_a_crash), cmocka_unit_test(test_hostile),
    cmocka_unit_test(test_rotten))
