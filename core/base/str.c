/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/macros.h"
#include "base/banned.h"

static unsigned char
str_fold(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

/* Like memcmp() with ASCII case folded. */
static int
str_imemcmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int d = str_fold(a[i]) - str_fold(b[i]);
        if (d)
            return d;
    }
    return 0;
}

bool
str_eq(struct str a, struct str b)
{
    return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_ieq(struct str a, struct str b)
{
    return a.n == b.n && str_imemcmp(a.p, b.p, a.n) == 0;
}

static int
str_order(int d, size_t a, size_t b)
{
    return d ? d : (a > b) - (a < b);
}

int
str_cmp(struct str a, struct str b)
{
    size_t n = MIN_OF(a.n, b.n);

    return str_order(n ? memcmp(a.p, b.p, n) : 0, a.n, b.n);
}

int
str_icmp(struct str a, struct str b)
{
    return str_order(str_imemcmp(a.p, b.p, MIN_OF(a.n, b.n)), a.n, b.n);
}

bool
str_starts(struct str s, struct str with)
{
    return s.n >= with.n && str_eq(str_sub(s, 0, with.n), with);
}

bool
str_istarts(struct str s, struct str with)
{
    return s.n >= with.n && str_ieq(str_sub(s, 0, with.n), with);
}

bool
str_ends(struct str s, struct str with)
{
    return s.n >= with.n && str_eq(str_from(s, s.n - with.n), with);
}

bool
str_iends(struct str s, struct str with)
{
    return s.n >= with.n && str_ieq(str_from(s, s.n - with.n), with);
}

/* Eight at a time: those above 126 have their top bit set, or get it by one
 * more; what is carried over comes from one that has it set. */
bool
str_is_ascii(struct str s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;

    for (uint64_t v; s.n - i >= sizeof(v); i += sizeof(v)) {
        memcpy(&v, s.p + i, sizeof(v));
        if ((v | (v + ones)) & tops)
            return false;
    }
    for (; i < s.n; i++)
        if ((unsigned char)s.p[i] > 126)
            return false;
    return true;
}

struct str
str_sub(struct str s, size_t at, size_t n)
{
    if (!s.p)
        return s;
    at = MIN_OF(at, s.n);
    return (struct str){s.p + at, MIN_OF(n, s.n - at)};
}

struct str
str_from(struct str s, size_t at)
{
    return str_sub(s, at, SIZE_MAX);
}

size_t
str_chr(struct str s, char c, size_t from)
{
    const char *at;

    if (from >= s.n)
        return SIZE_MAX;
    at = memchr(s.p + from, c, s.n - from);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

size_t
str_rchr(struct str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

size_t
str_find(struct str s, struct str what, size_t from)
{
    const char *at;

    if (from > s.n || what.n > s.n - from)
        return SIZE_MAX;
    if (!what.n)
        return from;
    at = memmem(s.p + from, s.n - from, what.p, what.n);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

static bool
str_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
    while (s.n && str_is_blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n && str_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str
str_cut(struct str *s, char c)
{
    size_t at = str_chr(*s, c, 0);
    struct str head = str_sub(*s, 0, at);

    *s = at == SIZE_MAX ? STR_NONE : str_from(*s, at + 1);
    return head;
}

/* Chosen at the first hash: a peer who cannot guess it cannot make keys
 * collide.  Never 0, which says that it is not chosen yet. */
static uint64_t
str_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t now = atomic_load_explicit(&seed, memory_order_relaxed);
    uint64_t fresh = 0, none = 0;

    if (now)
        return now;
    if (getrandom(&fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
        fresh = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
    fresh |= 1;
    if (atomic_compare_exchange_strong(&seed, &none, fresh))
        return fresh;
    return none; /* another thread was first: its choice */
}

uint64_t
str_hash(struct str s)
{
    return XXH3_64bits_withSeed(s.p, s.n, str_seed());
}

uint64_t
str_ihash(struct str s)
{
    char room[256];
    uint64_t h = str_seed();

    /* Longer strings are hashed piece by piece, each seeded by the last. */
    do {
        size_t n = MIN_OF(s.n, sizeof(room));
        for (size_t i = 0; i < n; i++)
            room[i] = (char)str_fold(s.p[i]);
        h = XXH3_64bits_withSeed(room, n, h);
        s = str_from(s, n);
    } while (s.n);
    return h;
}

bool
str_copy(char *to, size_t size, struct str s)
{
    size_t n;

    if (!size)
        return false;
    n = MIN_OF(s.n, size - 1);
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
    return n == s.n;
}

enum { STR_NEAREST_MAX = 64 };

/* Edit distance without regard to ASCII case; neighbours that changed places
 * count once, since that is how hands err. */
static size_t
str_distance(struct str a, struct str b)
{
    unsigned char row[3][STR_NEAREST_MAX + 1];
    unsigned char *was2 = row[0], *was = row[1], *now = row[2];

    for (size_t j = 0; j <= b.n; j++)
        was[j] = (unsigned char)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned char *spare = was2;
        now[0] = (unsigned char)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned char ca = str_fold(a.p[i - 1]), cb = str_fold(b.p[j - 1]);
            int d = was[j - 1] + (ca != cb);
            d = MIN_OF(d, was[j] + 1);
            d = MIN_OF(d, now[j - 1] + 1);
            if (i > 1 && j > 1 && ca == str_fold(b.p[j - 2]) &&
                cb == str_fold(a.p[i - 2]))
                d = MIN_OF(d, was2[j - 2] + 1);
            now[j] = (unsigned char)d;
        }
        was2 = was;
        was = now;
        now = spare;
    }
    return was[b.n];
}

const char *
str_nearest(struct str s, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t least = s.n / 3;

    if (!s.n || s.n > STR_NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct str name = str_of(names[i]);
        size_t d;
        if (!name.n || name.n > STR_NEAREST_MAX)
            continue;
        d = str_distance(s, name);
        if (d < least || (d == least && !best)) {
            best = names[i];
            least = d;
        }
    }
    return best;
}
