/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "loop/logfile.h"

static char dir[64], path[128], other[128];
static int noise;

static void
count_noise(void *arg, enum log_level level, int64_t wall, struct str line)
{
    (void)arg;
    (void)level;
    (void)wall;
    (void)line;
    noise++;
}

static int
setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "logfile-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/mainlog", dir);
    (void)snprintf(other, sizeof(other), "%s/mainlog.1", dir);
    noise = 0;
    log_set_sink(count_noise, NULL);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    logfile_stop();
    log_set_sink(NULL, NULL);
    (void)unlink(path);
    (void)unlink(other);
    (void)rmdir(dir);
    return 0;
}

static char content[1 << 20];

static const char *
read_file(const char *name)
{
    FILE *f = fopen(name, "r");
    size_t n;

    assert_non_null(f);
    n = fread(content, 1, sizeof(content) - 1, f);
    content[n] = '\0';
    fclose(f);
    return content;
}

static struct logfile *
must_open(void)
{
    struct err e;
    struct logfile *f = logfile_open(path, 0640, &e);

    if (!f)
        fail_msg("%s", e.text);
    return f;
}

static void
must_start(void)
{
    struct err e;

    assert_int_equal(logfile_start(&e), 0);
}

static void
test_lines(void **state)
{
    struct logfile *f, *same;
    struct stat st;
    mode_t mask = umask(077);

    (void)state;
    f = must_open();
    same = must_open();
    umask(mask);
    must_start();
    assert_ptr_equal(f, same);
    assert_string_equal(logfile_path(f), path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640); /* whatever the umask */
    logfile_line(f, STR("one"));
    logfile_line(f, STR("two"));
    logfile_sync_all();
    assert_string_equal(read_file(path), "one\ntwo\n");
    logfile_close(&same);
    logfile_line(f, STR("three"));
    logfile_close(&f);
    assert_null(f);
    logfile_close(&f);
    logfile_sync_all();
    assert_string_equal(read_file(path), "one\ntwo\nthree\n");
    f = must_open(); /* appends */
    logfile_line(f, STR("four"));
    logfile_stop(); /* writes what it holds */
    assert_string_equal(read_file(path), "one\ntwo\nthree\nfour\n");
    logfile_line(f, STR("five"));
    logfile_close(&f); /* without the thread: written here */
    assert_string_equal(read_file(path), "one\ntwo\nthree\nfour\nfive\n");
}

/* Without sync: the writer comes by itself, soon. */
static void
test_unasked(void **state)
{
    struct logfile *f = must_open();
    struct stat st = {0};

    (void)state;
    must_start();
    usleep(30000); /* it sleeps by now */
    logfile_line(f, STR("line"));
    for (int i = 0; i < 2000 && !st.st_size; i++) {
        usleep(5000);
        assert_int_equal(stat(path, &st), 0);
    }
    assert_string_equal(read_file(path), "line\n");
    logfile_close(&f);
}

static void
test_reopen(void **state)
{
    struct logfile *f = must_open();

    (void)state;
    must_start();
    logfile_line(f, STR("before"));
    logfile_sync_all();
    assert_int_equal(rename(path, other), 0);
    logfile_line(f, STR("still the old file"));
    logfile_sync_all();
    logfile_reopen_all();
    logfile_line(f, STR("after"));
    logfile_sync_all();
    assert_string_equal(read_file(other), "before\nstill the old file\n");
    assert_string_equal(read_file(path), "after\n");
    logfile_close(&f);
}

/* The new file cannot be made: the old one goes on, and is left later. */
static void
test_reopen_fails(void **state)
{
    struct logfile *f = must_open();
    char away[80];

    (void)state;
    must_start();
    (void)snprintf(away, sizeof(away), "%s-away", dir);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(rename(dir, away), 0);
    logfile_reopen_all();
    logfile_line(f, STR("kept"));
    logfile_sync_all();
    logfile_sync_all();
    assert_int_equal(rename(away, dir), 0);
    assert_int_equal(noise, 1); /* said once */
    assert_string_equal(read_file(other), "kept\n");
    logfile_line(f, STR("new"));
    logfile_sync_all();
    assert_string_equal(read_file(path), "new\n");
    logfile_close(&f);
}

/* A full disk: lines are held up to the bound, then dropped and counted; when
 * it works again the held ones come, and the number of the missing. */
static void
test_full_disk(void **state)
{
    struct logfile *f;
    char line[100];

    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(symlink("/dev/full", path), 0);
    f = must_open();
    must_start();
    logfile_set_max_buffer(1000);
    memset(line, 'x', sizeof(line));
    logfile_line(f, str_make(line, 99));
    logfile_sync_all(); /* one is taken for writing, and fails */
    for (int i = 0; i < 14; i++)
        logfile_line(f, str_make(line, 99));
    logfile_sync_all();
    assert_int_equal(logfile_dropped(f), 5);
    assert_int_equal(noise, 1);
    assert_int_equal(unlink(path), 0);
    logfile_reopen_all();
    logfile_sync_all();
    (void)read_file(path);
    assert_int_equal(strlen(content),
        1000 +
            strlen("5 lines are missing here: the log could not be written\n"));
    assert_non_null(strstr(content, "\n5 lines are missing here: "));
    assert_int_equal(noise, 2); /* that it works */
    logfile_line(f, str_make(line, 10));
    logfile_sync_all();
    assert_true(str_ends(str_of(read_file(path)), STR("\nxxxxxxxxxx\n")));
    assert_int_equal(logfile_dropped(f), 5);
    logfile_line(f, str_make(content, 1000)); /* longer than the bound */
    assert_int_equal(logfile_dropped(f), 6);
    logfile_set_max_buffer(4 << 20);
    logfile_close(&f);
}

enum { WRITERS = 4, LINES = 3000 };
static struct logfile *shared;

static void *
write_lines(void *arg)
{
    char line[64];

    for (int i = 0; i < LINES; i++) {
        int n = snprintf(line, sizeof(line), "%d %d", *(int *)arg, i);
        logfile_line(shared, str_make(line, (size_t)n));
        if (i % 500 == 0)
            logfile_reopen_all();
    }
    return NULL;
}

static void
test_stress(void **state)
{
    pthread_t threads[WRITERS];
    int who[WRITERS], next[WRITERS] = {0}, lines = 0;
    char *at;

    (void)state;
    shared = must_open();
    must_start();
    for (int i = 0; i < WRITERS; i++) {
        who[i] = i;
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_lines, &who[i]), 0);
    }
    for (int i = 0; i < 20; i++)
        logfile_sync_all();
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    logfile_close(&shared);
    logfile_stop();
    (void)read_file(path);
    for (at = strtok(content, "\n"); at; at = strtok(NULL, "\n")) {
        int w, i;
        assert_int_equal(sscanf(at, "%d %d", &w, &i), 2);
        assert_in_range(w, 0, WRITERS - 1);
        assert_int_equal(i, next[w]++); /* order per thread */
        lines++;
    }
    assert_int_equal(lines, WRITERS * LINES);
}

static void
test_cannot_open(void **state)
{
    struct err e;
    char bad[200];

    (void)state;
    (void)snprintf(bad, sizeof(bad), "%s/none/mainlog", dir);
    assert_null(logfile_open(bad, 0640, &e));
    assert_int_equal(e.code, ERR_IO);
    assert_non_null(strstr(e.text, "No such file"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_lines), T(test_unasked), T(test_reopen), T(test_reopen_fails),
    T(test_full_disk), T(test_stress), T(test_cannot_open))
