/* SPDX-License-Identifier: Apache-2.0
 *
 * test-spool-damage.c - what is damaged, cut off, missing or of another
 * version is named, and the rest is served; values that expire let go.
 */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <xxhash.h>
#include "base/clock.h"
#include "base/xmem.h"
#include "spool/content.h"
#include "spool/keeper.h"
#include "spool/large.h"
#include "spool/spool_int.h"
#include "spool/state.h"
#include "spool/wire.h"
#include "spool_kit.h"

enum { SEGMENT = 256 * 1024, MESSAGES = 4 };
static const char *const one[] = {"a@example.com", NULL};

struct stored {
    struct kit k;
    uint64_t id[MESSAGES];
    struct spool_place place[MESSAGES];
    char *segment, *index;
};

static void
open_well(struct kit *k)
{
    struct err e;
    int r = kit_open(k, &e);
    if (r)
        fail_msg("open: %d %s", r, e.text);
    kit_wait_recovered(k);
}

/* Some messages in one sealed segment; the spool is closed. */
static void
store(struct stored *s)
{
    memset(s, 0, sizeof(*s));
    kit_init(&s->k, SEGMENT);
    open_well(&s->k);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message *m = kit_message(&s->k, one, 20000, i);
        assert_int_equal(kit_store(&s->k, m), 0);
        s->id[i] = m->id;
        s->place[i] = m->place;
        message_unref(&m);
    }
    s->segment = spooldir_segment_path(s->k.spool->dir, s->place[0].segment);
    s->index = spooldir_index_path(s->k.spool->dir, s->place[0].segment);
    kit_close(&s->k);
}

static void
stored_fini(struct stored *s)
{
    free(s->segment);
    free(s->index);
    kit_fini(&s->k);
}

static void
put(const char *path, long at, const void *p, size_t n)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

static int
load(struct stored *s, int i)
{
    struct spool_load l = {
        .accept = s->place[i], .id = s->id[i], .want_content = true};
    int r = kit_load(&s->k, &l);
    message_unref(&l.message);
    return r;
}

static uint64_t
damaged(struct stored *s)
{
    struct spool_stats st;
    spool_get_stats(s->k.spool, &st);
    return st.damaged;
}

static void
test_head_of_a_segment(void **arg)
{
    struct stored s;
    (void)arg;

    store(&s);
    put(s.segment, 0, "rubbish!", 8);
    open_well(&s.k); /* its index says what has to be known */
    assert_int_equal(s.k.found_count, MESSAGES);
    assert_int_equal(damaged(&s), 1);
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(load(&s, i), 0);
    kit_close(&s.k);
    put(s.index, 30, "rubbish!", 8); /* now nothing does */
    open_well(&s.k);
    assert_int_equal(s.k.found_count, 0);
    assert_int_equal(damaged(&s), 1);
    stored_fini(&s);
}

static void
test_short_segment(void **arg)
{
    struct stored s;
    (void)arg;

    store(&s);
    assert_int_equal(truncate(s.segment, (off_t)s.place[2].offset + 100), 0);
    open_well(&s.k);
    assert_true(damaged(&s) >= 1);
    assert_int_equal(s.k.found_count, MESSAGES);
    assert_int_equal(load(&s, 0), 0);
    assert_int_equal(load(&s, 1), 0);
    assert_int_equal(load(&s, 2), ERR_DAMAGED);
    assert_int_equal(load(&s, 3), ERR_DAMAGED);
    kit_close(&s.k);
    assert_int_equal(unlink(s.index), 0);
    open_well(&s.k); /* what is gone without a trace is told all the same */
    assert_true(damaged(&s) >= 1);
    assert_non_null(kit_find(&s.k, s.id[0]));
    assert_null(kit_find(&s.k, s.id[3]));
    stored_fini(&s);
}

static void
test_other_versions(void **arg)
{
    struct stored s;
    struct err e;
    uint8_t head[72];
    FILE *f;
    char *version;
    (void)arg;

    store(&s);
    f = fopen(s.segment, "rb");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
    fclose(f);
    wire_store32(head + 8, 99);
    wire_store64(head + 64, XXH3_64bits(head, 64));
    put(s.segment, 0, head, sizeof(head));
    assert_int_equal(kit_open(&s.k, &e), ERR_VERSION);
    assert_non_null(strstr(e.text, s.segment));
    assert_non_null(strstr(e.text, "99"));
    kit_close(&s.k);
    version = xprintf("%s/version", s.k.dir);
    put(version, 0, "impel-spool 7", 13);
    assert_int_equal(kit_open(&s.k, &e), ERR_VERSION);
    kit_close(&s.k);
    assert_int_equal(unlink(version), 0); /* ids would be given out again */
    assert_int_equal(kit_open(&s.k, &e), ERR_DAMAGED);
    assert_non_null(strstr(e.text, "version"));
    kit_close(&s.k);
    free(version);
    stored_fini(&s);
}

/* The live values of a segment go when they expire, and so does the memory. */
static void
test_expired_values(void **arg)
{
    struct kit k;
    struct err e;
    struct spool_stats st;
    struct buf b = BUF_INIT;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    assert_int_equal(spool_state_put(k.spool, STR("m"), STR("old"), STR("x"),
                         clock_wall() + 50, &e),
        0);
    assert_int_equal(
        spool_state_put(k.spool, STR("m"), STR("new"), STR("y"), 0, &e), 0);
    kit_turn(&k, 200); /* written, and expired */
    state_sweep(k.spool);
    spool_get_stats(k.spool, &st);
    liveness_lock(&k.spool->live);
    uint64_t live = 0;
    for (size_t i = 0; i < k.spool->live.count; i++)
        live += k.spool->live.list[i]->live;
    liveness_unlock(&k.spool->live);
    assert_int_equal(live, 1);
    assert_int_equal(
        spool_state_get(k.spool, STR("m"), STR("old"), &b), ERR_NOTFOUND);
    assert_int_equal(spool_state_get(k.spool, STR("m"), STR("new"), &b), 0);
    kit_close(&k);
    open_well(&k);
    assert_int_equal(
        spool_state_get(k.spool, STR("m"), STR("old"), &b), ERR_NOTFOUND);
    buf_fini(&b);
    kit_fini(&k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_of_a_segment),
        cmocka_unit_test(test_short_segment),
        cmocka_unit_test(test_other_versions),
        cmocka_unit_test(test_expired_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
