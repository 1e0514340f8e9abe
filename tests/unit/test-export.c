/* SPDX-License-Identifier: Apache-2.0
 *
 * `impel spool export`: whole or not there, never twice, and what was damaged
 * on its way is found.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xmem.h"
#include "spool/export.h"
#include "spool/exportlist.h"
#include "spool/source.h"
#include "spool/sysio.h"
#include "spool_kit.h"

enum { SEGMENT = 1 << 20, MESSAGES = 6, LARGE = 300000 };
static const char *const one[] = {"a@x.test", "b@y.test", NULL};
static const _Atomic bool never;

/* --- the list --- */

static void
test_list(void **state)
{
    static const char *const names[] = {"large/0a/000000000000000a",
        "segments/00000001.seg", "segments/0000000a.seg", "version"};
    struct exportlist l;
    struct buf text = BUF_INIT, same = BUF_INIT;
    struct err e;

    (void)state;
    exportlist_begin(&text, 0xabc, 1795292643000);
    for (size_t i = 0; i < 4; i++) {
        struct exportlist_file f = {.path = str_of(names[i]), .size = 7 * i};
        exportlist_sum(f.path, f.sum);
        exportlist_add(&text, &f);
    }
    exportlist_end(&text, 4);
    assert_int_equal(exportlist_parse(buf_get(&text), &l, &e), 0);
    assert_int_equal(l.spool, 0xabc);
    assert_int_equal(l.count, 4);
    assert_int_equal(l.segments, 2);
    assert_int_equal(l.file[3].size, 21);
    assert_str(l.file[1].path, names[1]);
    exportlist_begin(&same, l.spool, 1795292643000);
    for (size_t i = 0; i < l.count; i++)
        exportlist_add(&same, &l.file[i]);
    exportlist_end(&same, l.count);
    assert_str(buf_get(&same), text.p);
    exportlist_fini(&l);
    /* no octet may be another, none may be missing or added */
    for (size_t i = 0; i < text.n; i++) {
        text.p[i] ^= 1;
        assert_true(exportlist_parse(buf_get(&text), &l, &e) < 0);
        text.p[i] ^= 1;
        assert_true(exportlist_parse(str_make(text.p, i), &l, &e) < 0);
    }
    buf_char(&text, '\n');
    assert_int_equal(exportlist_parse(buf_get(&text), &l, &e), ERR_DAMAGED);
    buf_fini(&text);
    buf_fini(&same);
}

/* With a sum that is right, too. */
static void
refuses(const char *lines, size_t count, int code)
{
    struct exportlist l;
    struct buf text = BUF_INIT;
    struct err e;

    buf_cstr(&text, lines);
    exportlist_end(&text, count);
    if (exportlist_parse(buf_get(&text), &l, &e) != code)
        fail_msg("%s", text.p);
    exportlist_fini(&l);
    buf_fini(&text);
}

#define HEAD "impel-export 1\nspool 00000000000000ab\nmade x\n"
#define SUM " 0123456789abcdef0123456789abcdef "

static void
test_lists_of_others(void **state)
{
    (void)state;
    refuses(HEAD "file 1" SUM "version\n", 1, 0);
    refuses(HEAD, 0, 0);
    refuses(HEAD "file 1" SUM "version\n", 2, ERR_DAMAGED);
    refuses(HEAD "file 1" SUM "../version\n", 1, ERR_DAMAGED);
    refuses(HEAD "file 1" SUM "/etc/passwd\n", 1, ERR_DAMAGED);
    refuses(HEAD "file 1" SUM "segments/../../x.seg\n", 1, ERR_DAMAGED);
    refuses(HEAD "file 1" SUM "large/../0000000000000000\n", 1, ERR_DAMAGED);
    refuses(HEAD "file x" SUM "version\n", 1, ERR_DAMAGED);
    refuses(HEAD "file 1 0123 version\n", 1, ERR_DAMAGED);
    refuses(
        HEAD "file 1" SUM "version\nfile 1" SUM "version\n", 2, ERR_DAMAGED);
    refuses(HEAD "file 1" SUM "version\nfile 1" SUM "segments/00000001.seg\n",
        2, ERR_DAMAGED);
    refuses("impel-export 2\nspool x\n", 0, ERR_VERSION);
    refuses("impel-spool 1\n", 0, ERR_DAMAGED);
}

/* --- an export --- */

struct world {
    struct kit k;
    char to[160], part[180];
};

static void
world_init(struct world *w)
{
    struct err e;
    kit_init(&w->k, SEGMENT);
    w->k.config.large_threshold = 100000;
    assert_int_equal(kit_open(&w->k, &e), 0);
    kit_wait_recovered(&w->k);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message *m = kit_message(&w->k, one, i == 3 ? LARGE : 2000, i);
        assert_int_equal(kit_store(&w->k, m), 0);
        if (i == 1) {
            const struct finish f = {.id = m->id, .accept = m->place};
            spool_finish(w->k.spool, &f, NULL, NULL);
        }
        message_unref(&m);
    }
    kit_close(&w->k);
    snprintf(w->to, sizeof(w->to), "%s-export", w->k.dir);
    snprintf(w->part, sizeof(w->part), "%s.part", w->to);
}

static void
world_fini(struct world *w)
{
    kit_remove_tree(w->to);
    kit_remove_tree(w->part);
    kit_fini(&w->k);
}

static int
export_it(struct world *w, bool keep, struct err *e)
{
    return spool_export(w->k.dir, w->to, keep, NULL, NULL, NULL, e);
}

static bool
is_there(const char *path, const char *name)
{
    char whole[400];
    snprintf(whole, sizeof(whole), "%s%s%s", path, name[0] ? "/" : "", name);
    return access(whole, F_OK) == 0;
}

static void
has_messages(const char *dir, size_t count)
{
    struct source *s;
    struct err e = {0};
    if (source_open(dir, &never, &s, &e))
        fail_msg("%s", e.text);
    assert_int_equal(source_count(s), count);
    for (size_t i = 0; i < count; i++) {
        struct source_loaded l;
        char part[10000];
        uint64_t size = 0;
        int64_t n;
        assert_int_equal(source_load(s, i, &l, &e), 0);
        while ((n = source_read(&l, part, sizeof(part), &e)) > 0)
            size += (uint64_t)n;
        assert_int_equal(n, 0);
        assert_int_equal(size, l.size);
        source_loaded_fini(&l);
    }
    source_close(&s);
}

static void
no_daemon_opens(const char *dir, const char *why)
{
    const struct spool_config c = {.dir = dir, .mode = 0640};
    struct spool *s;
    struct err e;
    assert_int_equal(spool_open(&c, &s, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, why));
}

static void
test_an_export(void **state)
{
    struct world w;
    struct err e;

    (void)state;
    world_init(&w);
    assert_int_equal(export_it(&w, false, &e), 0);
    assert_int_equal(export_verify(w.to, &never, &e), 0);
    has_messages(w.to, MESSAGES - 1);
    assert_false(is_there(w.part, ""));
    no_daemon_opens(w.k.dir, "was exported");
    no_daemon_opens(w.to, "this is an export");
    /* a name is not taken twice; of an export there is none */
    assert_int_equal(export_it(&w, false, &e), ERR_BUSY);
    assert_int_equal(
        spool_export(w.to, w.part, false, NULL, NULL, NULL, &e), ERR_DENIED);
    /* another one is made of a spool that was exported before */
    kit_remove_tree(w.to);
    assert_int_equal(export_it(&w, false, &e), 0);
    has_messages(w.to, MESSAGES - 1);
    world_fini(&w);
}

static void
test_a_copy(void **state)
{
    struct world w;
    struct err e;

    (void)state;
    world_init(&w);
    assert_int_equal(export_it(&w, true, &e), 0);
    has_messages(w.to, MESSAGES - 1);
    assert_int_equal(kit_open(&w.k, &e), 0); /* it goes on */
    kit_wait_recovered(&w.k);
    assert_int_equal(w.k.recovered_count, MESSAGES - 1);
    /* in use */
    kit_remove_tree(w.to);
    assert_int_equal(export_it(&w, true, &e), ERR_BUSY);
    assert_false(is_there(w.to, ""));
    world_fini(&w);
}

/* Paths as they are typed: from here, with slashes behind them. */
static void
test_names(void **state)
{
    struct world w;
    struct err e;
    char dir[200], to[200];
    int here = open(".", O_RDONLY | O_DIRECTORY);

    (void)state;
    world_init(&w);
    assert_int_equal(chdir(w.k.dir), 0);
    assert_int_equal(chdir(".."), 0);
    snprintf(dir, sizeof(dir), "%s/", strrchr(w.k.dir, '/') + 1);
    snprintf(to, sizeof(to), "%s//", strrchr(w.to, '/') + 1);
    if (spool_export(dir, to, false, NULL, NULL, NULL, &e))
        fail_msg("%s", e.text);
    assert_int_equal(fchdir(here), 0);
    close(here);
    has_messages(w.to, MESSAGES - 1);
    no_daemon_opens(w.k.dir, "was exported");
    world_fini(&w);
}

/* --- on its way --- */

static void
is_damaged(struct world *w, const char *name)
{
    struct source *s;
    struct err e;
    assert_int_equal(source_open(w->to, &never, &s, &e), ERR_DAMAGED);
    if (!strstr(e.text, name))
        fail_msg("'%s' is not in '%s'", name, e.text);
}

static void
test_damage(void **state)
{
    struct world w;
    struct exportlist l;
    struct buf text = BUF_INIT;
    char path[300], away[300];
    struct err e;
    int fd;

    (void)state;
    world_init(&w);
    assert_int_equal(export_it(&w, true, &e), 0);
    snprintf(path, sizeof(path), "%s/export", w.to);
    fd = open(path, O_RDONLY);
    buf_reserve(&text, 10000);
    text.n = (size_t)read(fd, text.p, 10000);
    close(fd);
    assert_int_equal(exportlist_parse(buf_get(&text), &l, &e), 0);
    assert_true(l.count >= 3 && l.segments >= 1);
    snprintf(away, sizeof(away), "%s/away", w.to);
    for (size_t i = 0; i < l.count; i++) {
        struct exportlist_file *f = &l.file[i];
        char *name = xdupn(f->path.p, f->path.n), octet;
        snprintf(path, sizeof(path), "%s/%s", w.to, name);
        /* an octet */
        fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &octet, 1, (off_t)f->size / 2), 1);
        octet ^= 1;
        assert_int_equal(pwrite(fd, &octet, 1, (off_t)f->size / 2), 1);
        is_damaged(&w, name);
        octet ^= 1;
        assert_int_equal(pwrite(fd, &octet, 1, (off_t)f->size / 2), 1);
        /* one more */
        assert_int_equal(pwrite(fd, "x", 1, (off_t)f->size), 1);
        is_damaged(&w, name);
        assert_int_equal(ftruncate(fd, (off_t)f->size), 0);
        close(fd);
        /* all of it, and another in its place */
        assert_int_equal(rename(path, away), 0);
        is_damaged(&w, str_starts(f->path, STR("seg")) ? "segments" : name);
        assert_int_equal(symlink(away, path), 0);
        is_damaged(&w, "");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rename(away, path), 0);
        free(name);
    }
    assert_int_equal(export_verify(w.to, &never, &e), 0);
    /* one that nobody knows */
    snprintf(path, sizeof(path), "%s/segments/00ffffff.seg", w.to);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    close(fd);
    is_damaged(&w, "segments");
    exportlist_fini(&l);
    buf_fini(&text);
    world_fini(&w);
}

/* --- in the middle --- */

static struct {
    uint64_t calls, fail_at, unsynced;
    bool published, marked_first;
    char mark[200], to[200];
} play;

static bool
fails(void)
{
    bool is = ++play.calls == play.fail_at;
    if (is)
        errno = play.calls & 1 ? ENOSPC : EIO;
    return is;
}

static ssize_t
play_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    if (fails())
        return -1;
    play.unsynced++;
    return sysio_real.pwritev(fd, iov, count, at);
}

static int
play_fdatasync(int fd)
{
    if (fails())
        return -1;
    play.unsynced = 0;
    return sysio_real.fdatasync(fd);
}

static int
play_fsync_dir(int fd)
{
    return fails() ? -1 : sysio_real.fsync_dir(fd);
}

/* The name comes when all else is on disk, the mark too. */
static int
play_rename(const char *from, const char *to)
{
    if (fails())
        return -1;
    assert_int_equal(play.unsynced, 0);
    if (strcmp(to, play.to) == 0) {
        play.published = true;
        play.marked_first = access(play.mark, F_OK) == 0;
    }
    return sysio_real.rename(from, to);
}

static int
play_mkdir(const char *path, mode_t mode)
{
    return fails() ? -1 : sysio_real.mkdir(path, mode);
}

static int
play_unlink(const char *path)
{
    return fails() ? -1 : sysio_real.unlink(path);
}

static size_t large_files;

static int
count_large(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)path, (void)f;
    large_files += type == FTW_F && st->st_size > 4096;
    return 0;
}

/* Mail that a disk which is full has to bear; nftw() fails: it is not there. */
static size_t
left_in(const char *path)
{
    large_files = 0;
    (void)nftw(path, count_large, 8, FTW_PHYS);
    return large_files;
}

/* Whichever call fails: there is an export, and nobody opens the spool, or
 * there is none; and the same command does it. */
static void
test_every_failure(void **state)
{
    struct sysio table = sysio_real;
    struct world w;
    struct err e;
    bool some = false;
    char mark[200];

    (void)state;
    table.pwritev = play_pwritev;
    table.fdatasync = play_fdatasync;
    table.fsync_dir = play_fsync_dir;
    table.rename = play_rename;
    table.mkdir = play_mkdir;
    table.unlink = play_unlink;
    world_init(&w);
    for (uint64_t n = 0;; n++) { /* 0: none fails */
        memset(&play, 0, sizeof(play));
        snprintf(mark, sizeof(mark), "%s/exported", w.k.dir);
        memcpy(play.mark, mark, sizeof(mark));
        snprintf(play.to, sizeof(play.to), "%s", w.to);
        play.fail_at = n;
        sysio_set(&table);
        int r = export_it(&w, false, &e);
        sysio_set(NULL);
        bool over = n && play.calls < n;
        if (play.published)
            assert_true(play.marked_first);
        assert_int_equal(is_there(w.to, ""), play.published);
        if (r == 0) {
            assert_true(is_there(w.k.dir, "exported"));
            has_messages(w.to, MESSAGES - 1);
        } else if (!play.published) {
            some = true;
            assert_int_equal(left_in(w.part), 0);
            memset(&play, 0, sizeof(play));
            if (export_it(&w, false, &e))
                fail_msg("after %llu: %s", (unsigned long long)n, e.text);
            has_messages(w.to, MESSAGES - 1);
        }
        no_daemon_opens(w.k.dir, "was exported");
        kit_remove_tree(w.to);
        kit_remove_tree(w.part);
        assert_int_equal(unlink(mark), 0);
        if (over)
            break;
    }
    assert_true(some);
    world_fini(&w);
}

UNIT_MAIN(cmocka_unit_test(test_list), cmocka_unit_test(test_lists_of_others),
    cmocka_unit_test(test_an_export), cmocka_unit_test(test_a_copy),
    cmocka_unit_test(test_names), cmocka_unit_test(test_damage),
    cmocka_unit_test(test_every_failure))
