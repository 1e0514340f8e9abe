/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

#define HEAD "impel-inject 1 "

struct entry {
    unsigned char key[INJECT_KEY / 2];
    uint32_t seen; /* in this run: contents of which this is the first key */
    bool used, done;
    char *left; /* "0,3-5", or NULL */
};
struct inject_journal {
    int fd;
    char *path;
    unsigned char stream[ECSTREAM_STREAM_SIZE];
    int64_t age;
    struct entry *table; /* open addressing; keys are random octets */
    size_t count, size;
    struct buf out;
};

/* --- the table --- */

static struct entry *
table_slot(const struct inject_journal *j, const unsigned char *key)
{
    uint64_t hash;
    memcpy(&hash, key, sizeof(hash));
    for (size_t i = (size_t)hash & (j->size - 1);;
         i = (i + 1) & (j->size - 1)) {
        struct entry *s = &j->table[i];
        if (!s->used || memcmp(s->key, key, sizeof(s->key)) == 0)
            return s;
    }
}

static void
table_grow(struct inject_journal *j)
{
    struct entry *old = j->table;
    size_t size = j->size;
    j->size = size ? 2 * size : 1024;
    j->table = xcalloc(j->size, sizeof(*j->table));
    for (size_t i = 0; i < size; i++)
        if (old[i].used)
            *table_slot(j, old[i].key) = old[i];
    free(old);
}

static struct entry *
table_get(struct inject_journal *j, const unsigned char *key)
{
    if (4 * (j->count + 1) > 3 * j->size)
        table_grow(j);
    struct entry *s = table_slot(j, key);
    if (!s->used) {
        memcpy(s->key, key, sizeof(s->key));
        s->used = true;
        j->count++;
    }
    return s;
}

/* --- hexadecimal --- */

static bool
unhex(struct str s, unsigned char *to, size_t n)
{
    uint64_t v;
    if (s.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (num_hex(str_sub(s, 2 * i, 2), &v) < 0)
            return false;
        to[i] = (unsigned char)v;
    }
    return true;
}

static void
hex(const unsigned char *p, size_t n, struct buf *to)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(to, "%02x", p[i]);
}

/* --- reading it --- */

static bool
is_numbers(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != ',' && s.p[i] != '-')
            return false;
    return s.n > 0;
}

static bool
take_line(struct inject_journal *j, struct str line)
{
    struct str key = str_cut(&line, ' '), word = str_cut(&line, ' ');
    unsigned char octets[INJECT_KEY / 2];
    bool done = str_eq(word, STR("done")) && !line.n;
    if (!unhex(key, octets, sizeof(octets)) ||
        (!done && !(str_eq(word, STR("left")) && is_numbers(line))))
        return false;
    struct entry *s = table_get(j, octets);
    s->done = done;
    xfree(&s->left);
    if (!done)
        s->left = xdupn(line.p, line.n);
    return true;
}

/* Lines, and where the last whole one ends. */
static int
read_lines(struct inject_journal *j, off_t *end, struct err *e)
{
    FILE *file = fdopen(dup(j->fd), "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    uint64_t count = 0;
    int rc = 0;
    *end = 0;
    if (!file)
        return err_errno(e, ERR_IO, errno, "%s", j->path);
    while (rc == 0 && (n = getline(&line, &size, file)) > 0) {
        struct str s = str_make(line, (size_t)n - 1);
        if (line[n - 1] != '\n')
            break;
        count++;
        *end += n;
        if (count == 1 ? !str_starts(s, STR(HEAD)) ||
                    !unhex(str_from(s, sizeof(HEAD) - 1), j->stream,
                        sizeof(j->stream))
                       : !take_line(j, s))
            rc = err_set(e, ERR_INVAL, "%s: line %llu is not of a journal",
                j->path, (unsigned long long)count);
    }
    free(line);
    (void)fclose(file);
    return rc;
}

static int
sync_folder(const char *path, struct err *e)
{
    char *copy = xdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 ? fsync(fd) : -1;
    if (rc < 0)
        (void)err_errno(e, ERR_IO, errno, "the folder of %s", path);
    if (fd >= 0)
        (void)close(fd);
    free(copy);
    return rc < 0 ? e->code : 0;
}

static int
begin(struct inject_journal *j, struct err *e)
{
    if (getrandom(j->stream, sizeof(j->stream), 0) != sizeof(j->stream))
        return err_set(e, ERR_IO, "no random octets");
    buf_cstr(&j->out, HEAD);
    hex(j->stream, sizeof(j->stream), &j->out);
    buf_char(&j->out, '\n');
    if (inject_journal_sync(j, e) < 0)
        return e->code;
    return sync_folder(j->path, e);
}

static int
load(struct inject_journal *j, struct err *e)
{
    struct stat st;
    off_t end;
    if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, ERR_BUSY, "%s is in use", j->path);
    if (fstat(j->fd, &st) < 0)
        return err_errno(e, ERR_IO, errno, "%s", j->path);
    if (read_lines(j, &end, e) < 0)
        return e->code;
    if (end < st.st_size && ftruncate(j->fd, end) < 0)
        return err_errno(e, ERR_IO, errno, "%s", j->path);
    if (!end)
        return begin(j, e);
    j->age = (int64_t)(time(NULL) - st.st_mtime);
    return 0;
}

int
inject_journal_open(const char *path, struct inject_journal **to, struct err *e)
{
    struct inject_journal *j = xnew(struct inject_journal);
    j->path = xdup(path);
    table_grow(j);
    j->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int rc = j->fd < 0 ? err_errno(e, ERR_IO, errno, "%s", path) : load(j, e);
    if (rc < 0)
        inject_journal_close(&j);
    else
        *to = j;
    return rc;
}

void
inject_journal_close(struct inject_journal **jp)
{
    struct inject_journal *j = *jp;
    *jp = NULL;
    if (!j)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    for (size_t i = 0; i < j->size; i++)
        free(j->table[i].left);
    free(j->table);
    free(j->path);
    buf_fini(&j->out);
    free(j);
}

const unsigned char *
inject_journal_stream(const struct inject_journal *j)
{
    return j->stream;
}

int64_t
inject_journal_age(const struct inject_journal *j)
{
    return j->age;
}

/* --- messages --- */

/* The first of a content has its hash as the key, the others one of that. */
static void
key_of(const unsigned char hash[32], uint32_t nth, unsigned char key[32])
{
    unsigned char both[36];
    memcpy(key, hash, 32);
    if (!nth)
        return;
    memcpy(both, hash, 32);
    memcpy(both + 32, &nth, 4);
    (void)gnutls_hash_fast(GNUTLS_DIG_SHA256, both, sizeof(both), key);
}

enum inject_known
inject_journal_name(struct inject_journal *j, const unsigned char hash[32],
    char key[INJECT_KEY + 1])
{
    unsigned char octets[32];
    struct buf text = BUF_INIT;
    key_of(hash, table_get(j, hash)->seen++, octets);
    struct entry *s = table_get(j, octets);
    hex(octets, sizeof(s->key), &text);
    memcpy(key, text.p, INJECT_KEY + 1);
    buf_fini(&text);
    return s->done ? INJECT_DONE : s->left ? INJECT_LEFT : INJECT_NEW;
}

bool
inject_journal_is_left(
    struct inject_journal *j, const char *key, uint32_t number)
{
    unsigned char octets[INJECT_KEY / 2];
    if (!unhex(str_make(key, INJECT_KEY), octets, sizeof(octets)))
        return false;
    struct str rest = str_of(table_get(j, octets)->left);
    while (rest.n) {
        struct str last = str_cut(&rest, ','), first = str_cut(&last, '-');
        uint64_t low, high;
        if (num_u64(first, &low) < 0)
            return false;
        high = low;
        if (last.n && num_u64(last, &high) < 0)
            return false;
        if (number >= low && number <= high)
            return true;
    }
    return false;
}

static bool
is_temporary(const struct ecstream_result *r)
{
    return r->code / 100 == 4;
}

void
inject_journal_note(struct inject_journal *j, const char *key,
    const struct ecstream_result *results, const uint32_t *numbers,
    size_t count)
{
    bool any = false;
    buf_printf(&j->out, "%s ", key);
    for (size_t i = 0, n; i < count; i += n) {
        n = 1;
        if (!is_temporary(&results[i]))
            continue;
        while (i + n < count && is_temporary(&results[i + n]) &&
            numbers[i + n] == numbers[i] + n)
            n++;
        buf_printf(&j->out, "%s%u", any ? "," : "left ", numbers[i]);
        if (n > 1)
            buf_printf(&j->out, "-%u", numbers[i + n - 1]);
        any = true;
    }
    buf_cstr(&j->out, any ? "\n" : "done\n");
}

int
inject_journal_sync(struct inject_journal *j, struct err *e)
{
    struct str rest = buf_get(&j->out);
    if (!rest.n)
        return 0;
    while (rest.n) {
        ssize_t n = write(j->fd, rest.p, rest.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, errno, "%s", j->path);
        rest = str_from(rest, (size_t)n);
    }
    buf_cut(&j->out, 0);
    if (fdatasync(j->fd) < 0)
        return err_errno(e, ERR_IO, errno, "%s", j->path);
    return 0;
}
