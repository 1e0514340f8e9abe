/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/macros.h"
#include "base/num.h"
#include "base/banned.h"

enum {
    MEMORY_SLACK = 2,
    MEMORY_TEXT = 4096,
    MEMORY_KEEP = 4 << 20, /* free at the end of an arena */
    MEMORY_MAP = 2 << 20   /* what is larger is mapped, and goes at once */
};
/* Where pointers have 32 bits, addresses run out before memory does; half of
 * them are the kernel's, the libraries' and the stacks', or lie in pieces. */
#define MEMORY_ADDRESSES ((uint64_t)1 << 31)

void
memory_init(void)
{
    libc_tune_heap(MEMORY_KEEP, MEMORY_MAP);
}

/* A small file as text; empty if it cannot be read. */
static struct str
memory_file(
    char text[MEMORY_TEXT], const char *root, const char *dir, const char *name)
{
    char path[MEMORY_TEXT];
    size_t n;
    FILE *f;

    if (snprintf(path, sizeof(path), "%s%s%s", root, dir, name) >=
        (int)sizeof(path))
        return STR("");
    f = fopen(path, "re");
    if (!f)
        return STR("");
    n = fread(text, 1, MEMORY_TEXT - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    return str_make(text, n);
}

static uint64_t
memory_number(struct str s)
{
    uint64_t n;

    return num_u64(str_trim(s), &n) == 0 ? n : 0;
}

/* "max", or a number that is above all memory: no limit. */
static uint64_t
memory_lower(uint64_t a, uint64_t b)
{
    return !b || (a && a < b) ? a : b;
}

/* The groups of version 2 from this process's up to the root. */
static uint64_t
memory_group(const char *root)
{
    char text[MEMORY_TEXT], dir[MEMORY_TEXT], value[MEMORY_TEXT], *slash;
    struct str all = memory_file(text, root, "proc/self/", "cgroup");
    uint64_t least = 0;

    while (all.n) {
        struct str line = str_cut(&all, '\n');

        if (!str_starts(line, STR("0::/")))
            continue;
        if (snprintf(dir, sizeof(dir), "sys/fs/cgroup%.*s/",
                STR_ARG(str_from(line, 3))) >= (int)sizeof(dir))
            return 0;
        for (;;) {
            least = memory_lower(least,
                memory_number(memory_file(value, root, dir, "memory.max")));
            dir[strlen(dir) - 1] = '\0';
            slash = strrchr(dir, '/');
            if (!slash || str_eq(str_of(dir), STR("sys/fs/cgroup")))
                return least;
            slash[1] = '\0';
        }
    }
    return least;
}

static uint64_t
memory_machine(const char *root)
{
    char text[MEMORY_TEXT];
    struct str all = memory_file(text, root, "proc/", "meminfo");
    struct str label = STR("MemTotal:");

    while (all.n) {
        struct str line = str_cut(&all, '\n');

        if (str_starts(line, label)) {
            line = str_trim(str_from(line, label.n));
            return memory_number(str_cut(&line, ' ')) * 1024;
        }
    }
    return 0;
}

uint64_t
memory_limit(const char *root)
{
    uint64_t least = memory_lower(memory_group(root), memory_machine(root));

    return memory_lower(least, sizeof(void *) < 8 ? MEMORY_ADDRESSES : 0);
}

uint64_t
memory_limit_below(const char *root, uint64_t asked)
{
    return memory_lower(asked, memory_limit(root));
}

uint64_t
memory_used(const char *root)
{
    char text[MEMORY_TEXT];
    struct str all = memory_file(text, root, "proc/self/", "statm");

    (void)str_cut(&all, ' ');
    return memory_number(str_cut(&all, ' ')) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool
memory_above(uint64_t percent, int64_t mark, bool was)
{
    return percent >= (uint64_t)MAX_OF(was ? mark - MEMORY_SLACK : mark, 0);
}

int64_t
memory_room(uint64_t used, uint64_t limit, int64_t goal, uint64_t due)
{
    uint64_t mark = limit / 100 * (uint64_t)MAX_OF(goal - 2 * MEMORY_SLACK, 0);

    if (limit < 100)
        return INT64_MAX;
    if (used >= mark || due >= mark - used)
        return 0;
    return (int64_t)MIN_OF(mark - used - due, (uint64_t)INT64_MAX);
}

enum memory_level
memory_judge(uint64_t used, uint64_t limit, int64_t goal, int64_t hwm,
    enum memory_level was)
{
    uint64_t percent;

    if (limit < 100)
        return MEMORY_FINE;
    percent = used / (limit / 100);
    if (memory_above(percent, hwm, was == MEMORY_FULL))
        return MEMORY_FULL;
    if (memory_above(percent, goal, was != MEMORY_FINE))
        return MEMORY_TIGHT;
    return MEMORY_FINE;
}
