/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/exportlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/xmem.h"

#include "base/banned.h"

#define FIRST_WORD "impel-export "

/* --- sums --- */

static void
print_sum(XXH128_hash_t hash, char to[EXPORTLIST_SUM + 1])
{
    snprintf(to, EXPORTLIST_SUM + 1, "%016" PRIx64 "%016" PRIx64,
        (uint64_t)hash.high64, (uint64_t)hash.low64);
}

void
exportlist_sum(struct str bytes, char to[EXPORTLIST_SUM + 1])
{
    print_sum(XXH3_128bits(bytes.p, bytes.n), to);
}

void *
exportlist_sum_new(void)
{
    XXH3_state_t *s = XXH3_createState();
    XXH3_128bits_reset(s);
    return s;
}

void
exportlist_sum_add(void *sum, const void *p, size_t n)
{
    XXH3_128bits_update(sum, p, n);
}

void
exportlist_sum_end(void *sum, char to[EXPORTLIST_SUM + 1])
{
    print_sum(XXH3_128bits_digest(sum), to);
    XXH3_freeState(sum);
}

/* --- written --- */

void
exportlist_begin(struct buf *to, uint64_t spool, int64_t wall)
{
    buf_printf(to, FIRST_WORD "%d\nspool %016" PRIx64 "\nmade ",
        EXPORTLIST_VERSION, spool);
    clock_print_iso(to, wall);
    buf_char(to, '\n');
}

void
exportlist_add(struct buf *to, const struct exportlist_file *f)
{
    buf_printf(
        to, "file %" PRIu64 " %s %.*s\n", f->size, f->sum, STR_ARG(f->path));
}

void
exportlist_end(struct buf *to, size_t count)
{
    char sum[EXPORTLIST_SUM + 1];
    exportlist_sum(buf_get(to), sum);
    buf_printf(to, "end %zu %s\n", count, sum);
}

/* --- read --- */

static bool
is_hex(struct str s, size_t n)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
            !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return s.n == n;
}

static bool
is_segment(struct str s)
{
    return str_starts(s, STR("segments/")) && str_ends(s, STR(".seg")) &&
        s.n == 21 && is_hex(str_sub(s, 9, 8), 8);
}

/* Nothing that leads out of the directory. */
static bool
is_path(struct str s)
{
    bool large = str_starts(s, STR("large/")) && s.n == 25 && s.p[8] == '/' &&
        is_hex(str_sub(s, 6, 2), 2) && is_hex(str_from(s, 9), 16);
    return large || is_segment(s) || str_eq(s, STR("version"));
}

static int
parse_file(struct str line, struct exportlist *to, size_t *room)
{
    struct exportlist_file f = {.size = 0};
    struct str size, sum;
    (void)str_cut(&line, ' ');
    size = str_cut(&line, ' ');
    sum = str_cut(&line, ' ');
    if (num_u64(size, &f.size) < 0 || !is_hex(sum, EXPORTLIST_SUM) || !line.p ||
        !is_path(line))
        return -1;
    if (to->count && str_cmp(to->file[to->count - 1].path, line) >= 0)
        return -1;
    f.path = line;
    (void)str_copy(f.sum, sizeof(f.sum), sum);
    if (to->count == *room) {
        *room = *room ? 2 * *room : 64;
        to->file = xgrow(to->file, *room, sizeof(*to->file));
    }
    to->file[to->count++] = f;
    to->segments += is_segment(line);
    return 0;
}

/* "end COUNT SUM", where all before it is `whole`. */
static bool
is_end(struct str line, struct str whole, size_t count)
{
    char sum[EXPORTLIST_SUM + 1];
    uint64_t n;
    (void)str_cut(&line, ' ');
    exportlist_sum(whole, sum);
    return num_u64(str_cut(&line, ' '), &n) == 0 && n == count &&
        str_eq(line, str_of(sum));
}

static int
parse_lines(struct str text, struct exportlist *to)
{
    struct str rest = text, line;
    size_t room = 0;
    (void)str_cut(&rest, '\n');
    line = str_cut(&rest, '\n');
    if (!str_starts(line, STR("spool ")) || !is_hex(str_from(line, 6), 16) ||
        num_hex(str_from(line, 6), &to->spool))
        return -1;
    if (!str_starts(str_cut(&rest, '\n'), STR("made ")))
        return -1;
    while (str_starts(rest, STR("file "))) {
        line = str_cut(&rest, '\n');
        if (parse_file(line, to, &room))
            return -1;
    }
    if (!rest.p || !str_starts(rest, STR("end ")))
        return -1;
    struct str whole = str_sub(text, 0, (size_t)(rest.p - text.p));
    line = str_cut(&rest, '\n');
    return is_end(line, whole, to->count) && rest.p && !rest.n ? 0 : -1;
}

int
exportlist_parse(struct str text, struct exportlist *to, struct err *e)
{
    struct str rest = text, line = str_cut(&rest, '\n');
    uint64_t version;

    *to = (struct exportlist){0};
    if (!str_starts(line, STR(FIRST_WORD)) ||
        num_u64(str_from(line, sizeof(FIRST_WORD) - 1), &version) < 0)
        return err_set(e, ERR_DAMAGED, "it is no list of an export");
    if (version != EXPORTLIST_VERSION)
        return err_set(e, ERR_VERSION,
            "an export of version %" PRIu64 ", this program has version %d",
            version, EXPORTLIST_VERSION);
    if (parse_lines(text, to) == 0)
        return 0;
    exportlist_fini(to);
    return err_set(e, ERR_DAMAGED, "it is not whole, or was changed");
}

void
exportlist_fini(struct exportlist *l)
{
    free(l->file);
    *l = (struct exportlist){0};
}
