/* SPDX-License-Identifier: Apache-2.0
 *
 * test-spool-start.c - what a spool finds when it is opened: no room on the
 * disk, mail that nobody synced, values that two threads put.
 */
#include "spool/spool.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/str.h"
#include "base/xmem.h"
#include "loop/mailbox.h"
#include "spool/spool_int.h"
#include "spool/sysio.h"
#include "spool_kit.h"

enum { SEGMENT = 256 * 1024, MESSAGES = 4 };
static const char *const one[] = {"a@example.com", NULL};

static void
open_well(struct kit *k)
{
    struct err e;
    int r = kit_open(k, &e);
    if (r)
        fail_msg("open: %d %s", r, e.text);
    kit_wait_recovered(k);
}

/* --- a full disk --- */

static enum { AT_OPEN, AT_WRITE } full_at;
static int full_fd = -1, full_error;

static bool
is_new_version(const char *path)
{
    return strstr(path, "/version.new") != NULL;
}

static int
full_open(const char *path, int flags, mode_t mode)
{
    int fd;

    if (is_new_version(path) && full_at == AT_OPEN) {
        errno = full_error;
        return -1;
    }
    fd = sysio_real.open(path, flags, mode);
    if (is_new_version(path))
        full_fd = fd;
    return fd;
}

static ssize_t
full_write(int fd, const struct iovec *iov, int count, off_t at)
{
    if (fd == full_fd) {
        full_fd = -1;
        errno = full_error;
        return -1;
    }
    return sysio_real.pwritev(fd, iov, count, at);
}

/* It is opened all the same, and no id is given out twice. */
static void
test_no_room_for_the_version(void **arg)
{
    struct sysio table = sysio_real;
    struct kit k;
    struct err e;
    struct stat st;
    char *temp;
    uint64_t id;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    id = spool_next_ids(k.spool, 1);
    kit_close(&k);
    temp = xprintf("%s/version.new", k.dir);
    table.open = full_open;
    table.pwritev = full_write;
    full_error = ENOSPC;
    sysio_set(&table);
    for (int i = 0; i < 12; i++) { /* the number grows by a digit */
        uint64_t next;
        full_at = i % 2 ? AT_OPEN : AT_WRITE;
        open_well(&k);
        next = spool_next_ids(k.spool, 1);
        assert_true(next >> 40 == (id >> 40) + 1);
        id = next;
        kit_close(&k);
        assert_int_equal(stat(temp, &st), -1);
    }
    full_error = EIO; /* a disk that is ill is another matter */
    assert_int_equal(kit_open(&k, &e), ERR_IO);
    assert_non_null(strstr(e.text, "version"));
    kit_close(&k);
    sysio_set(NULL);
    open_well(&k);
    assert_true(spool_next_ids(k.spool, 1) >> 40 > id >> 40);
    free(temp);
    kit_fini(&k);
}

/* --- what was not synced --- */

/* A copy of a spool that is running, as if its process had died; anew, where a
 * file was renamed meanwhile. */
static void
copy_tree(const char *from, const char *to)
{
    int status = -1;

    for (int i = 0; i < 50 && status != 0; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            execlp("sh", "sh", "-c",
                "find \"$1\" -mindepth 1 -delete && cp -r \"$0\" \"$1\"", from,
                to, (char *)NULL);
            _exit(127);
        }
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    }
    assert_int_equal(status, 0);
}

/* Overwrite a part of the second message of a spool that died; how many are
 * found, and how many bytes are called damage. */
static size_t
lose_the_second(int sync, uint64_t *damaged)
{
    struct kit k, died;
    struct spool_stats st;
    struct spool_place at = {0, 0};
    char *path;
    size_t found;
    FILE *f;

    kit_init(&k, SEGMENT);
    kit_init(&died, SEGMENT);
    k.config.sync = died.config.sync = sync;
    open_well(&k);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message *m = kit_message(&k, one, 5000, i);
        assert_int_equal(kit_store(&k, m), 0);
        if (i == 1)
            at = m->place;
        message_unref(&m);
    }
    path = xprintf("%s/.", k.dir);
    copy_tree(path, died.dir);
    free(path);
    path = xprintf("%s/segments/%08x.seg", died.dir, at.segment);
    f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, (long)at.offset + 1000, SEEK_SET);
    assert_int_equal(fwrite("rubbish!", 1, 8, f), 8);
    fclose(f);
    free(path);
    open_well(&died);
    found = died.found_count;
    spool_get_stats(died.spool, &st);
    *damaged = st.damaged;
    kit_close(&died);
    open_well(&died); /* nothing is told of it a second time */
    assert_int_equal(died.found_count, found);
    spool_get_stats(died.spool, &st);
    assert_int_equal(st.damaged, *damaged);
    kit_fini(&died);
    kit_fini(&k);
    return found;
}

static void
test_not_synced_is_not_damaged(void **arg)
{
    uint64_t damaged;
    (void)arg;

    assert_int_equal(lose_the_second(SPOOL_SYNC_COMMIT, &damaged), 3);
    assert_int_equal(damaged, 1);
    assert_int_equal(lose_the_second(SPOOL_SYNC_NONE, &damaged), 3);
    assert_int_equal(damaged, 0);
}

/* --- values --- */

static void
put(struct spool *s, struct str value)
{
    struct err e;
    assert_int_equal(spool_state_put(s, STR("m"), STR("key"), value, 0, &e), 0);
}

static void *
put_second(void *spool)
{
    put(spool, STR("second"));
    return NULL;
}

static void
assert_value(struct kit *k, struct str want)
{
    struct buf b = BUF_INIT;
    assert_int_equal(spool_state_get(k->spool, STR("m"), STR("key"), &b), 0);
    assert_true(str_eq(buf_get(&b), want));
    buf_fini(&b);
}

/* The record of the first put is handed over after that of the second. */
static void
test_the_last_value_stays(void **arg)
{
    struct kit k;
    pthread_t t;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    assert_false(mailbox_gather(true));
    put(k.spool, STR("first"));
    assert_int_equal(pthread_create(&t, NULL, put_second, k.spool), 0);
    pthread_join(t, NULL);
    assert_value(&k, STR("second"));
    kit_turn(&k, 200); /* the writer has it */
    assert_true(mailbox_gather(false));
    kit_close(&k);
    open_well(&k);
    assert_value(&k, STR("second"));
    put(k.spool, STR(""));
    kit_close(&k);
    open_well(&k);
    assert_value(&k, STR(""));
    kit_fini(&k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_room_for_the_version),
        cmocka_unit_test(test_not_synced_is_not_damaged),
        cmocka_unit_test(test_the_last_value_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
