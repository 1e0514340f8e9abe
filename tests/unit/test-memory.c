/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory there is, from files of the test's own, and what follows.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "prog/memory.h"

static char root[] = "memory-XXXXXX/";

static void
write_file(const char *name, const char *text)
{
    char path[200];
    FILE *f;

    for (const char *c = strchr(name, '/'); c; c = strchr(c + 1, '/')) {
        snprintf(path, sizeof(path), "%s%.*s", root, (int)(c - name), name);
        (void)mkdir(path, 0700);
    }
    snprintf(path, sizeof(path), "%s%s", root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void
test_files(void **state)
{
    char remove[100];
    const bool small = sizeof(void *) < 8; /* 2 GB are the most then */

    (void)state;
    root[strlen(root) - 1] = '\0';
    assert_non_null(mkdtemp(root));
    root[strlen(root)] = '/';
    assert_int_equal(memory_limit(root), small ? INT64_C(1) << 31 : 0);
    assert_int_equal(memory_used(root), 0);
    write_file("proc/meminfo", "MemTotal: 4000000 kB\n");
    assert_int_equal(
        memory_limit(root), small ? INT64_C(1) << 31 : INT64_C(4096000000));
    write_file("proc/meminfo", "MemTotal:       4000 kB\nMemFree: 5 kB\n");
    assert_int_equal(memory_limit(root), 4096000);
    write_file("proc/self/cgroup", "1:cpu:/x\n0::/a/b\n");
    assert_int_equal(memory_limit(root), 4096000);
    write_file("sys/fs/cgroup/a/b/memory.max", "max\n");
    write_file("sys/fs/cgroup/a/memory.max", "2000000\n");
    assert_int_equal(memory_limit(root), 2000000);
    write_file("sys/fs/cgroup/a/b/memory.max", "1000000\n");
    assert_int_equal(memory_limit(root), 1000000);
    write_file("sys/fs/cgroup/a/b/memory.max", "9999999999\n");
    assert_int_equal(memory_limit(root), 2000000);
    assert_int_equal(memory_limit_below(root, 0), 2000000);
    assert_int_equal(memory_limit_below(root, 1999999), 1999999);
    assert_int_equal(memory_limit_below(root, 2000001), 2000000);
    write_file("proc/self/statm", "500 7 1 1 0 1 0\n");
    assert_int_equal(memory_used(root) % 7, 0);
    assert_true(memory_used(root) > 0);
    assert_true(memory_used("/") > 100000);
    assert_true(memory_limit("/") > memory_used("/"));
    snprintf(remove, sizeof(remove), "rm -r %s", root);
    assert_int_equal(system(remove), 0);
}

static void
test_levels(void **state)
{
    (void)state;
    assert_int_equal(memory_judge(89, 100, 90, 95, MEMORY_FINE), MEMORY_FINE);
    assert_int_equal(memory_judge(90, 100, 90, 95, MEMORY_FINE), MEMORY_TIGHT);
    assert_int_equal(memory_judge(88, 100, 90, 95, MEMORY_TIGHT), MEMORY_TIGHT);
    assert_int_equal(memory_judge(87, 100, 90, 95, MEMORY_TIGHT), MEMORY_FINE);
    assert_int_equal(memory_judge(95, 100, 90, 95, MEMORY_TIGHT), MEMORY_FULL);
    assert_int_equal(memory_judge(93, 100, 90, 95, MEMORY_FULL), MEMORY_FULL);
    assert_int_equal(memory_judge(92, 100, 90, 95, MEMORY_FULL), MEMORY_TIGHT);
    assert_int_equal(memory_judge(100, 0, 90, 95, MEMORY_FULL), MEMORY_FINE);
}

/* Four points below the goal, less what is on its way. */
static void
test_room(void **state)
{
    (void)state;
    assert_int_equal(memory_room(0, 1000, 40, 0), 360);
    assert_int_equal(memory_room(100, 1000, 40, 60), 200);
    assert_int_equal(memory_room(300, 1000, 40, 60), 0);
    assert_int_equal(memory_room(400, 1000, 40, 0), 0);
    assert_int_equal(memory_room(0, 1000, 3, 0), 0);
    assert_int_equal(memory_room(0, 1000, 40, UINT64_MAX), 0);
    assert_true(memory_room(400, 0, 40, 9) == INT64_MAX); /* no limit */
}

UNIT_MAIN(cmocka_unit_test(test_files), cmocka_unit_test(test_levels),
    cmocka_unit_test(test_room))
