/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.c - read the control file, judge calls by it, count.
 *
 * CONTROL.counts is a shared map of two 64-bit numbers a rule, in the order of
 * the file: calls that matched, calls that it changed.  Behind the last place
 * for a rule stands the number of the line "#NUMBER" of the file.  CONTROL.hits
 * gets a line for each call that was changed: monotonic us, call, rule, path.
 */
#include "rules.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RULES_MOST = 64, LINE_MOST = 512 };
enum verb { COUNT, SLOW, FAIL, SHORT, KILL };
struct rule {
    enum verb verb;
    unsigned calls; /* bits of enum shim_call */
    uint64_t first, times, bytes;
    int64_t slow_us;
    int error;
    char pattern[LINE_MOST];
    uint64_t matched;
};
struct tally {
    uint64_t matched, hit;
};

static struct {
    pthread_mutex_t lock;
    struct rule rule[RULES_MOST];
    size_t count;
    struct timespec changed;
    ino_t inode;
    struct tally *tally;
    int hits;
} on = {.lock = PTHREAD_MUTEX_INITIALIZER, .hits = -1};
static _Atomic unsigned concerned;

static void
bad_line(const char *line)
{
    fprintf(stderr, "shim: bad rule: %s\n", line);
    abort();
}

static const char *
call_word(enum shim_call c)
{
    static const char *const word[] = {
#define X(name, text) text,
        SHIM_CALLS(X)
#undef X
    };
    return word[c];
}

static unsigned
parse_calls(const char *text, const char *line)
{
    unsigned bits = 0;
    char copy[LINE_MOST], *save, *w;

    if (!strcmp(text, "any"))
        return (1U << SHIM_CALL_COUNT) - 1;
    snprintf(copy, sizeof(copy), "%s", text);
    for (w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        unsigned c = 0;
        while (c < SHIM_CALL_COUNT && strcmp(w, call_word(c)))
            c++;
        if (c == SHIM_CALL_COUNT)
            bad_line(line);
        bits |= 1U << c;
    }
    return bits;
}

static int
parse_error(const char *text, const char *line)
{
    static const struct {
        const char *name;
        int error;
    } known[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT},
        {"EROFS", EROFS}, {"EACCES", EACCES}, {"EMFILE", EMFILE},
        {"EINTR", EINTR}, {"EFBIG", EFBIG}, {"ENOENT", ENOENT}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!strcmp(text, known[i].name))
            return known[i].error;
    }
    bad_line(line);
    return 0;
}

/* The next word of *at, or the rest where `rest`. */
static const char *
word(char **at, const char *line)
{
    char *w = *at + strspn(*at, " ");
    size_t n = strcspn(w, " ");
    if (!n)
        bad_line(line);
    *at = w[n] ? w + n + 1 : w + n;
    w[n] = '\0';
    return w;
}

static uint64_t
number(char **at, const char *line)
{
    char *end;
    const char *w = word(at, line);
    uint64_t n = strtoull(w, &end, 10);
    if (*end)
        bad_line(line);
    return n;
}

static void
parse_rule(struct rule *r, const char *line)
{
    static const char *const verbs[] = {
        "count", "slow", "fail", "short", "kill"};
    char copy[LINE_MOST], *at = copy;
    const char *verb;
    unsigned v = 0;

    memset(r, 0, sizeof(*r));
    snprintf(copy, sizeof(copy), "%s", line);
    verb = word(&at, line);
    while (v < 5 && strcmp(verb, verbs[v]))
        v++;
    if (v == 5)
        bad_line(line);
    r->verb = (enum verb)v;
    r->calls = parse_calls(word(&at, line), line);
    if (r->verb == SLOW)
        r->slow_us = (int64_t)(strtod(word(&at, line), NULL) * 1000);
    if (r->verb >= FAIL)
        r->first = number(&at, line);
    if (r->verb == FAIL || r->verb == SHORT)
        r->times = number(&at, line);
    if (r->verb == FAIL)
        r->error = parse_error(word(&at, line), line);
    if (r->verb == SHORT)
        r->bytes = number(&at, line);
    at += strspn(at, " ");
    if (!*at)
        bad_line(line);
    snprintf(r->pattern, sizeof(r->pattern), "%s", at);
}

static void
open_outputs(const char *control)
{
    char path[4096];
    size_t n = (RULES_MOST + 1) * sizeof(struct tally);
    int fd;

    snprintf(path, sizeof(path), "%s.hits", control);
    on.hits = (int)syscall(SYS_openat, AT_FDCWD, path,
        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    snprintf(path, sizeof(path), "%s.counts", control);
    fd = (int)syscall(
        SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (on.hits < 0 || fd < 0 || syscall(SYS_ftruncate, fd, n) < 0) {
        perror(path);
        abort();
    }
    on.tally = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (on.tally == MAP_FAILED)
        abort();
    syscall(SYS_close, fd);
}

static void
load(const char *control)
{
    char text[RULES_MOST * LINE_MOST], *save, *line;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof(text) - 1);
    unsigned bits = 0;

    if (fd >= 0)
        syscall(SYS_close, fd);
    text[n > 0 ? n : 0] = '\0';
    on.count = 0;
    memset(on.tally, 0, RULES_MOST * sizeof(*on.tally));
    for (line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (*line == '#') { /* who asks for counts knows these rules by it */
            on.tally[RULES_MOST].matched = strtoull(line + 1, NULL, 10);
            continue;
        }
        if (on.count == RULES_MOST)
            bad_line(line);
        parse_rule(&on.rule[on.count], line);
        bits |= on.rule[on.count++].calls;
    }
    atomic_store(&concerned, bits);
}

void
rules_look(void)
{
    const char *control = getenv("SHIM_CONTROL");
    struct stat st = {0};

    if (!control)
        return;
    pthread_mutex_lock(&on.lock);
    if (!on.tally)
        open_outputs(control);
    if (stat(control, &st) < 0)
        memset(&st, 0, sizeof(st));
    if (st.st_ino != on.inode || st.st_mtim.tv_sec != on.changed.tv_sec ||
        st.st_mtim.tv_nsec != on.changed.tv_nsec) {
        on.inode = st.st_ino;
        on.changed = st.st_mtim;
        load(control);
    }
    pthread_mutex_unlock(&on.lock);
}

bool
rules_concern(enum shim_call call)
{
    return atomic_load(&concerned) & 1U << call;
}

static void
say_hit(enum shim_call call, size_t rule, const char *path)
{
    char line[4200];
    struct timespec now;
    int n;

    clock_gettime(CLOCK_MONOTONIC, &now);
    n = snprintf(line, sizeof(line), "%lld %s %zu %s\n",
        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000, call_word(call),
        rule, path);
    (void)syscall(SYS_write, on.hits, line, (size_t)n);
}

/* True: the rule changes this call. */
static bool
rule_apply(struct rule *r, struct shim_verdict *v)
{
    if (r->verb == COUNT)
        return false;
    if (r->verb == SLOW) {
        v->slow_us = r->slow_us;
        return false;
    }
    if (r->matched < r->first ||
        (r->times && r->matched >= r->first + r->times))
        return false;
    if (v->error || v->is_short || v->die)
        return false;
    v->die = r->verb == KILL && r->matched == r->first;
    v->error = r->verb == FAIL ? r->error : 0;
    v->is_short = r->verb == SHORT;
    v->bytes = (size_t)r->bytes;
    return v->die || v->error || v->is_short;
}

struct shim_verdict
rules_judge(enum shim_call call, const char *path)
{
    struct shim_verdict v = {0};

    pthread_mutex_lock(&on.lock);
    for (size_t i = 0; i < on.count; i++) {
        struct rule *r = &on.rule[i];
        if (!(r->calls & 1U << call) || fnmatch(r->pattern, path, 0))
            continue;
        r->matched++;
        on.tally[i].matched = r->matched;
        if (rule_apply(r, &v)) {
            on.tally[i].hit++;
            say_hit(call, i, path);
        }
    }
    pthread_mutex_unlock(&on.lock);
    return v;
}
