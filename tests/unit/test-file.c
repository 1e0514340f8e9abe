/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/xmem.h"

static char folder[] = "/tmp/impel-file-XXXXXX";
static char *path;

static void
put(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    path = xprintf("%s/file", folder);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    free(path);
    return rmdir(folder);
}

static void
test_whole(void **state)
{
    struct buf b = BUF_INIT;
    struct err e = {0};
    struct stat st = {0};

    (void)state;
    put("0123456789");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_read(path, 10, &st, &b, &e), 0); /* just so large */
    assert_str(buf_get(&b), "0123456789");
    assert_int_equal(st.st_size, 10);
    assert_int_equal(st.st_mode & 0777, 0640);
    put("and more");
    assert_int_equal(file_read(path, 10, NULL, &b, NULL), 0);
    assert_str(buf_get(&b), "0123456789and more");
    buf_fini(&b);
    put("");
    assert_int_equal(file_read(path, 10, NULL, &b, &e), 0);
    assert_int_equal(b.n, 0);
    assert_string_equal(buf_get(&b).p, "");
    buf_fini(&b);
}

/* What cannot be read leaves nothing behind that was not there. */
static void
refused(const char *at, size_t most, int code, const char *why)
{
    struct buf b = BUF_INIT;
    struct err e = {0};

    buf_cstr(&b, "before");
    assert_int_equal(file_read(at, most, NULL, &b, &e), code);
    assert_int_equal(e.code, code);
    assert_string_equal(e.text, why);
    assert_string_equal(b.p, "before");
    assert_int_equal(b.n, 6);
    buf_fini(&b);
}

static void
test_refused(void **state)
{
    (void)state;
    put("0123456789");
    refused(path, 9, ERR_CONF, "it is larger than 9 bytes");
    refused(folder, 9, ERR_CONF, "it is no regular file");
    refused("/nonexistent/x", 9, ERR_NOTFOUND, "No such file or directory");
    refused("/dev/null/x", 9, ERR_IO, "Not a directory");
}

/* A regular file, as stat(2) has it, with more to be read than it says. */
static void
test_growing(void **state)
{
    (void)state;
    refused("/proc/self/status", 4096, ERR_CONF, "it grows while it is read");
}

/* Nobody writes into it: that is not waited for. */
static void
test_pipe(void **state)
{
    (void)state;
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(path, 9, ERR_CONF, "it is no regular file");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_growing),
        cmocka_unit_test(test_pipe)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
