/* SPDX-License-Identifier: Apache-2.0
 *
 * test-spool-faults.c - ENOSPC, EIO and short writes at each call in turn.
 *
 * The same small life of a spool is led again and again, and the nth call that
 * changes something fails.  Whatever was acknowledged must be there after it,
 * whatever was finished must not, and once the disk is well mail is accepted.
 * What was refused leaves nothing behind.
 */
#include "spool/spool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"
#include "base/xmem.h"
#include "spool/sysio.h"
#include "sim_disk.h"
#include "spool_kit.h"

enum { SEGMENT = 64 * 1024, MESSAGES = 12 };
static const char *const one[] = {"a@example.com", NULL};

struct life {
    struct kit k;
    uint64_t id[MESSAGES];
    bool stored[MESSAGES], finished[MESSAGES];
};

/* Wait, but not for ever: results that cannot be written are not answered. */
static void
wait_a_little(struct life *l, unsigned durable)
{
    for (int i = 0; l->k.durable < durable && i < 30; i++)
        kit_turn(&l->k, 10);
}

static const char *
key_of(int i)
{
    static const char *const keys[MESSAGES] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};

    return keys[i];
}

static void
store_one(struct life *l, int i)
{
    const struct spool_place nowhere = {0, 0};
    struct message *m =
        kit_message(&l->k, one, i == 5 ? 40000 : 5000, (unsigned)i);
    unsigned durable = l->k.durable;

    l->id[i] = m->id;
    l->stored[i] = kit_store_with(&l->k, m, key_of(i)) == 0;
    if (kit_has_value(&l->k, key_of(i)) != l->stored[i])
        fail_msg("message %d: stored %d, its value is not", i, l->stored[i]);
    if (l->stored[i] && i % 3 == 0) {
        kit_finish(&l->k, m->id, m->place, nowhere, NULL, 0);
        wait_a_little(l, durable + 1);
        l->finished[i] = l->k.durable > durable;
    }
    message_unref(&m);
}

/* One life; false: the spool could not even be opened. */
static bool
live(struct life *l)
{
    struct err e;
    if (kit_open(&l->k, &e)) {
        kit_close(&l->k);
        return false;
    }
    kit_wait_recovered(&l->k);
    for (int i = 0; i < MESSAGES; i++)
        store_one(l, i);
    return true;
}

static void
check(struct life *l, uint64_t n, const char *what)
{
    struct err e;
    struct message *m;

    sim_fail(0, 0, 0);
    if (kit_open(&l->k, &e))
        fail_msg(
            "call %llu, %s: open: %s", (unsigned long long)n, what, e.text);
    kit_wait_recovered(&l->k);
    for (int i = 0; i < MESSAGES; i++) {
        bool there = l->id[i] && kit_find(&l->k, l->id[i]);
        struct spool_load load = {.id = l->id[i], .want_content = true};
        if (l->stored[i] && i % 3 && !there)
            fail_msg("call %llu, %s: message %d is lost", (unsigned long long)n,
                what, i);
        if (l->finished[i] && there)
            fail_msg("call %llu, %s: message %d came back",
                (unsigned long long)n, what, i);
        if ((l->stored[i] || there) != kit_has_value(&l->k, key_of(i)))
            fail_msg("call %llu, %s: message %d and its value part",
                (unsigned long long)n, what, i);
        if (!there)
            continue;
        load.accept = kit_find(&l->k, l->id[i])->accept;
        if (kit_load(&l->k, &load))
            fail_msg("call %llu, %s: message %d: %s", (unsigned long long)n,
                what, i, load.error.text);
        message_unref(&load.message);
    }
    m = kit_message(&l->k, one, 100, 1);
    assert_int_equal(kit_store(&l->k, m), 0);
    message_unref(&m);
}

static uint64_t
lead(uint64_t n, uint64_t count, int error, const char *what)
{
    struct life l = {0};
    uint64_t calls;
    bool opened;

    kit_init(&l.k, SEGMENT);
    sim_begin(l.k.dir);
    sim_fail(n, count, error);
    opened = live(&l);
    if (opened && n) { /* the disk is well again: so must the spool be */
        int result = ERR_IO;
        sim_fail(0, 0, 0);
        for (int i = 0; result && i < 60; i++) {
            struct message *m = kit_message(&l.k, one, 100, 1);
            result = kit_store(&l.k, m);
            message_unref(&m);
            if (result)
                kit_turn(&l.k, 50);
        }
        if (result)
            fail_msg("call %llu, %s: mail is refused for ever",
                (unsigned long long)n, what);
    }
    kit_close(&l.k);
    calls = sim_calls();
    check(&l, n, what);
    kit_close(&l.k);
    sim_end();
    kit_fini(&l.k);
    return calls;
}

static void
test_each_call(void **arg)
{
    static const struct {
        int error;
        const char *name;
    } kind[] = {{ENOSPC, "ENOSPC"}, {EIO, "EIO"}, {0, "a short write"}};
    uint64_t calls = lead(0, 0, 0, "nothing");
    const char *all = getenv("IMPEL_FAULTS_ALL");
    uint64_t step = all && *all ? 1 : 5;
    (void)arg;

    assert_true(calls > 30);
    for (size_t k = 0; k < ARRAY_SIZE(kind); k++) {
        for (uint64_t n = 1 + k % step; n <= calls; n += step)
            lead(n, 1, kind[k].error, kind[k].name);
    }
    for (uint64_t n = 5; n <= calls; n += 17)
        lead(n, 12, EIO, "EIO for a while");
    print_message("%llu calls\n", (unsigned long long)calls);
}

/* --- a body that was refused, and cannot be removed --- */

static bool disk_is_ill;

static int
ill_sync(int fd)
{
    errno = EDQUOT;
    return disk_is_ill ? -1 : sysio_real.fdatasync(fd);
}

static int
ill_unlink(const char *path)
{
    errno = EDQUOT;
    return disk_is_ill ? -1 : sysio_real.unlink(path);
}

static bool
body_is_there(const struct kit *k, uint64_t id)
{
    char path[sizeof(k->dir) + 64];

    (void)snprintf(path, sizeof(path), "%s/large/%02x/%016llx", k->dir,
        (unsigned)(id & 0xff), (unsigned long long)id);
    return access(path, F_OK) == 0;
}

/* It goes when the disk is well, or when the spool is closed. */
static void
refused_body_goes(bool wait)
{
    struct sysio ill = sysio_real;
    struct message *m;
    struct kit k;
    struct err e;
    uint64_t id;

    ill.fdatasync = ill_sync;
    ill.unlink = ill_unlink;
    kit_init(&k, SEGMENT);
    sysio_set(&ill);
    assert_int_equal(kit_open(&k, &e), 0);
    kit_wait_recovered(&k);
    m = kit_message(&k, one, 40000, 1);
    id = m->id;
    disk_is_ill = true;
    assert_int_not_equal(kit_store(&k, m), 0);
    message_unref(&m);
    assert_true(body_is_there(&k, id));
    disk_is_ill = false;
    for (int i = 0; wait && body_is_there(&k, id) && i < 500; i++)
        kit_turn(&k, 10);
    if (wait)
        assert_false(body_is_there(&k, id));
    kit_close(&k);
    assert_false(body_is_there(&k, id));
    sysio_set(NULL);
    kit_fini(&k);
}

static void
test_refused_body_goes(void **arg)
{
    (void)arg;
    refused_body_goes(true);
    refused_body_goes(false);
}

static void
quiet(void *arg, enum log_level l, int64_t wall, struct str line)
{
    (void)arg;
    (void)wall;
    if (l >= LOG_LEVEL_ERROR && getenv("IMPEL_MODEL_TRACE"))
        fprintf(stderr, "%.*s\n", STR_ARG(line));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call),
        cmocka_unit_test(test_refused_body_goes),
    };
    log_set_sink(quiet, NULL);
    return cmocka_run_group_tests_name("spool-faults", tests, NULL, NULL);
}
