/* SPDX-License-Identifier: Apache-2.0
 *
 * Small values of the spool in large numbers: what is forgotten, what expires,
 * and what both are to the segments that messages lie in.
 */
#include "unit.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/libc.h"
#include "base/macros.h"
#include "base/xmem.h"
#include "spool/segment.h"
#include "spool/spool_int.h"
#include "spool/state.h"
#include "spool_kit.h"

enum {
    SEGMENT = 262144,
    MANY = 100000,
    AT_ONCE = 1024,
    MESSAGES = 60,
    LIVES_S = 1 /* how long values live that expire */
};

static void
open_well(struct kit *k)
{
    struct err e;

    if (kit_open(k, &e))
        fail_msg("open: %s", e.text);
    kit_wait_recovered(k);
}

static bool durable;

static void
note_durable(void *arg)
{
    (void)arg;
    durable = true;
}

static void
wait_durable(struct kit *k)
{
    durable = false;
    spool_barrier(k->spool, note_durable, NULL);
    kit_wait(k, &durable);
}

/* As ECSTREAM has them: a stream, the id of a message, a recipient's number. */
static struct str
key_of(int i, char to[64])
{
    (void)snprintf(to, 64, "0123456789abcdef00/00-%05X-%08X", 1, i);
    return str_of(to);
}

static void
put_many(struct kit *k, int64_t expiry)
{
    const struct str value = str_make("\0\0\0\1", 4);
    struct err e;
    char key[64];

    for (int i = 0; i < MANY; i++)
        assert_int_equal(spool_state_put(k->spool, STR("kit"), key_of(i, key),
                             value, expiry, &e),
            0);
    wait_durable(k);
}

/* Octets of the heap in use; 0 where the library does not say. */
static size_t
heap_used(void)
{
#ifdef __GLIBC__
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* Each sweep looks at some of them, so that nobody waits for it. */
static void
test_sweeps_are_bounded(void **arg)
{
    size_t before, all = 0, count, most = 0;
    int64_t until, longest = 0, whole = 0;
    struct kit k;
    (void)arg;

    kit_init(&k, 16 * 1024 * 1024);
    open_well(&k);
    before = heap_used();
    until = clock_wall() + LIVES_S * 1000;
    put_many(&k, until);
    print_message(
        "%d values: %zu octets each\n", MANY, (heap_used() - before) / MANY);
    while (clock_wall() <= until)
        usleep(10000);
    for (int i = 0; i < 3000; i++) {
        int64_t begun = clock_mono_us();

        count = state_sweep(k.spool);
        begun = clock_mono_us() - begun;
        longest = MAX_OF(longest, begun);
        whole += begun;
        assert_true(count <= AT_ONCE);
        most = MAX_OF(most, count);
        all += count;
    }
    print_message("longest sweep: %lld us, all: %lld us\n", (long long)longest,
        (long long)whole);
    assert_true(most > 0);
    /* the keeper has its turn as well, once a second */
    assert_true(all <= MANY && all >= MANY - 30 * AT_ONCE);
    assert_int_equal(state_sweep(k.spool), 0);
    kit_fini(&k);
}

static struct message *
store(struct kit *k, int i)
{
    static const char *const one[] = {"a@example.com", NULL};
    struct message *m = kit_message(k, one, 6000, (unsigned)i);
    char key[16];

    (void)snprintf(key, sizeof(key), "k%d", i);
    assert_int_equal(kit_store_with(k, m, key), 0);
    return m;
}

static bool
has(struct kit *k, int i)
{
    char key[16];

    (void)snprintf(key, sizeof(key), "k%d", i);
    return kit_has_value(k, key);
}

static void
forget(struct kit *k, int i)
{
    char key[16];

    (void)snprintf(key, sizeof(key), "k%d", i);
    spool_state_forget(k->spool, STR("kit"), str_of(key));
}

/* Forgotten values are gone without a record; a start may find them again. */
static void
test_forget(void **arg)
{
    uint64_t written;
    struct err e;
    struct kit k;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (int i = 0; i < 3; i++) {
        struct message *m = store(&k, i);
        message_unref(&m);
    }
    written = k.durable;
    forget(&k, 0);
    forget(&k, 1);
    forget(&k, 7); /* there is none */
    assert_false(has(&k, 0) || has(&k, 1));
    assert_true(has(&k, 2));
    assert_int_equal(k.durable, written);
    assert_int_equal(
        spool_state_put(k.spool, STR("kit"), STR("k1"), STR("again"), 0, &e),
        0);
    forget(&k, 1); /* its record is on its way: it does not come back */
    wait_durable(&k);
    assert_false(has(&k, 1));
    kit_close(&k);
    open_well(&k);
    assert_true(has(&k, 0) && has(&k, 2));
    assert_false(has(&k, 1)); /* it was removed for good */
    kit_fini(&k);
}

/* A segment goes with its messages, whatever was forgotten in it before. */
static void
test_forgotten_hold_no_segment(void **arg)
{
    const struct spool_place nowhere = {0, 0};
    struct message *m[MESSAGES];
    size_t most, left;
    struct kit k;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (int i = 0; i < MESSAGES; i++) {
        m[i] = store(&k, i);
        forget(&k, i);
    }
    liveness_lock(&k.spool->live);
    most = k.spool->live.count;
    for (size_t i = 0; i < most; i++) {
        assert_int_equal(k.spool->live.list[i]->live_states, 0);
        assert_true(k.spool->live.list[i]->live <= MESSAGES);
    }
    liveness_unlock(&k.spool->live);
    for (int i = 0; i < MESSAGES; i++) {
        kit_finish(&k, m[i]->id, m[i]->place, nowhere, NULL, 0);
        message_unref(&m[i]);
    }
    left = most;
    for (int i = 0; i < 300 && left >= most; i++) {
        kit_turn(&k, 10);
        liveness_lock(&k.spool->live);
        left = k.spool->live.count;
        liveness_unlock(&k.spool->live);
    }
    assert_true(left < most);
    kit_fini(&k);
}

static void
keep_line(void *arg, struct str line)
{
    buf_str(arg, line);
    buf_char(arg, '\n');
}

/* A key of any octets is shown on one line that steers no terminal. */
static void
test_a_key_on_a_terminal(void **arg)
{
    struct buf shown = BUF_INIT;
    struct err e;
    struct kit k;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    assert_int_equal(spool_state_put(k.spool, STR("kit"),
                         STR("a\x9b\x1b\n\xff \xc3\xa9"), STR("v"), 0, &e),
        0);
    kit_close(&k);
    assert_int_equal(spool_dump(k.dir, true, keep_line, NULL, &shown, &e), 0);
    if (str_find(buf_get(&shown),
            STR(" kit/a\\x9b\\x1b\\x0a\\xff \xc3\xa9 bytes=1\n"),
            0) == SIZE_MAX)
        fail_msg("%.*s", STR_ARG(buf_get(&shown)));
    buf_fini(&shown);
    kit_fini(&k);
}

/* Values that went are no reason to copy the messages beside them. */
static void
test_values_are_small(void **arg)
{
    struct err e;
    struct kit k;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (int i = 0; i < MESSAGES; i++) {
        struct message *m = store(&k, i);
        char key[16];

        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(
            spool_state_put(k.spool, STR("kit"), str_of(key), STR_NONE, 0, &e),
            0);
        message_unref(&m);
    }
    kit_turn(&k, 1500); /* the compactor looks once a second */
    liveness_lock(&k.spool->live);
    assert_int_equal(k.spool->live.forward_count, 0);
    for (size_t i = 0; i < k.spool->live.count; i++)
        assert_false(k.spool->live.list[i]->compacting);
    liveness_unlock(&k.spool->live);
    kit_fini(&k);
}

static int
put_limited(struct kit *k, int i, struct str value, int64_t expiry)
{
    char key[16];
    struct err e;

    (void)snprintf(key, sizeof(key), "k%d", i);
    return spool_state_put_limited(
        k->spool, STR("kit"), str_of(key), value, expiry, &e);
}

/* So many new ones until there is no room. */
static int
put_until_full(struct kit *k, int first, int64_t expiry)
{
    int count = 0;

    while (put_limited(k, first + count, STR("some text"), expiry) == 0)
        count++;
    assert_int_equal(
        put_limited(k, first + count, STR("some text"), expiry), ERR_FULL);
    return count;
}

/* What one module keeps has a limit, and others feel nothing of it. */
static void
test_limit(void **arg)
{
    const char *rcpt[] = {"to@example.com", NULL};
    struct message *m;
    struct err e;
    struct kit k;
    int most;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    assert_int_equal(put_limited(&k, 0, STR("no limit yet"), 0), 0);
    spool_set_state_limit(k.spool, 10000);
    most = put_until_full(&k, 1, 0) + 1;
    assert_in_range(most, 20, 10000 / strlen("kit k0 some text"));
    assert_int_equal(spool_state_put_limited(
                         k.spool, STR("other"), STR("k"), STR("x"), 0, &e),
        0);
    /* who is there may change, even grow, and who goes makes room */
    assert_int_equal(put_limited(&k, 0, STR("text of some length"), 0), 0);
    assert_int_equal(put_limited(&k, most, STR("x"), 0), ERR_FULL);
    assert_int_equal(put_limited(&k, most, STR_NONE, 0), 0);
    wait_durable(&k);
    m = kit_message(&k, rcpt, 10, 1); /* what comes with one is never refused */
    assert_int_equal(kit_store_with(&k, m, "with"), 0);
    assert_true(kit_has_value(&k, "with"));
    spool_state_forget(k.spool, STR("kit"), STR("with"));
    message_unref(&m);
    forget(&k, 1);
    forget(&k, 2);
    assert_int_equal(put_until_full(&k, most + 1, 0), 2);
    /* what a start finds is counted, and too much of it is no harm */
    kit_close(&k);
    open_well(&k);
    spool_set_state_limit(k.spool, 5000);
    assert_int_equal(put_limited(&k, 3, STR("x"), 0), 0);
    assert_int_equal(put_limited(&k, -1, STR("x"), 0), ERR_FULL);
    kit_fini(&k);
}

/* What has expired takes nothing. */
static void
test_limit_and_expiry(void **arg)
{
    const int64_t past = 1;
    struct kit k;
    int most;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    spool_set_state_limit(k.spool, 10000);
    most = put_until_full(&k, 0, past);
    wait_durable(&k);
    while (state_sweep(k.spool))
        ;
    assert_int_equal(put_until_full(&k, 0, past), most);
    kit_fini(&k);
}

UNIT_MAIN(cmocka_unit_test(test_values_are_small), cmocka_unit_test(test_limit),
    cmocka_unit_test(test_limit_and_expiry),
    cmocka_unit_test(test_a_key_on_a_terminal),
    cmocka_unit_test(test_sweeps_are_bounded), cmocka_unit_test(test_forget),
    cmocka_unit_test(test_forgotten_hold_no_segment))
