/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/importmark.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

#define MARK_NS STR("core")
#define MARK_KEY "import/"

void
importmark_fini(struct importmark *m)
{
    xfree(&m->left);
    m->left_count = 0;
}

void
importmark_copy(const struct importmark *m, struct importmark *to)
{
    *to = *m;
    to->left = NULL;
    if (!m->left_count)
        return;
    to->left = xcalloc(m->left_count, sizeof(*to->left));
    memcpy(to->left, m->left, m->left_count * sizeof(*to->left));
}

/* Its place among those that are left, or where it belongs. */
static size_t
mark_place(const struct importmark *m, uint64_t id)
{
    size_t low = 0, high = m->left_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (m->left[mid] < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool
mark_is_left(const struct importmark *m, uint64_t id)
{
    size_t at = mark_place(m, id);

    return at < m->left_count && m->left[at] == id;
}

bool
importmark_wants(const struct importmark *m, uint64_t id)
{
    return id > m->high || mark_is_left(m, id);
}

int
importmark_pass(struct importmark *m, uint64_t id, bool read)
{
    size_t at = mark_place(m, id), rest = m->left_count - at;
    bool is_left = mark_is_left(m, id);

    if (!read && !is_left) {
        if (m->left_count == IMPORTMARK_LEFT_MOST)
            return ERR_LIMIT;
        m->left = xgrow(m->left, m->left_count + 1, sizeof(*m->left));
        memmove(m->left + at + 1, m->left + at, rest * sizeof(*m->left));
        m->left[at] = id;
        m->left_count++;
    } else if (read && is_left) {
        memmove(m->left + at, m->left + at + 1, (rest - 1) * sizeof(*m->left));
        m->left_count--;
    }
    m->high = MAX_OF(m->high, id);
    return 0;
}

/* --- as text --- */

void
importmark_print(const struct importmark *m, struct buf *to)
{
    buf_printf(to, "1 %016" PRIx64 " %016" PRIx64 " %016" PRIx64, m->high,
        m->from, m->to);
    for (size_t i = 0; i < m->left_count; i++)
        buf_printf(to, " %016" PRIx64, m->left[i]);
}

static bool
mark_number(struct str *text, uint64_t *to)
{
    return num_hex(str_cut(text, ' '), to) == 0;
}

int
importmark_parse(struct str text, struct importmark *to)
{
    uint64_t id;

    *to = (struct importmark){0};
    if (!str_eq(str_cut(&text, ' '), STR("1")) ||
        !mark_number(&text, &to->high) || !mark_number(&text, &to->from) ||
        !mark_number(&text, &to->to) || to->from > to->to)
        return ERR_DAMAGED;
    while (text.n) {
        if (!mark_number(&text, &id) || id > to->high ||
            (to->left_count && id <= to->left[to->left_count - 1]) ||
            importmark_pass(to, id, false)) {
            importmark_fini(to);
            return ERR_DAMAGED;
        }
    }
    return 0;
}

/* --- in the spool --- */

int
importmark_get(struct spool *s, uint64_t source, struct importmark *to)
{
    char *key = xprintf(MARK_KEY "%016" PRIx64, source);
    struct buf text = BUF_INIT;
    int r = 0;

    *to = (struct importmark){0};
    if (spool_state_get(s, MARK_NS, str_of(key), &text) == 0)
        r = importmark_parse(buf_get(&text), to);
    to->source = source;
    buf_fini(&text);
    free(key);
    return r;
}

int
importmark_put(struct spool *s, const struct importmark *m,
    void (*durable)(void *arg), void *arg, struct err *e)
{
    char *key = xprintf(MARK_KEY "%016" PRIx64, m->source);
    struct buf text = BUF_INIT;
    int r;

    importmark_print(m, &text);
    r = spool_state_put_told(
        s, MARK_NS, str_of(key), buf_get(&text), 0, durable, arg, e);
    buf_fini(&text);
    free(key);
    return r;
}

struct each {
    importmark_f *fn;
    void *arg;
};

static void
mark_met(void *arg, struct str key, struct str value)
{
    struct each *e = arg;
    struct importmark m;
    uint64_t source;

    if (!str_starts(key, STR(MARK_KEY)) ||
        num_hex(str_from(key, sizeof(MARK_KEY) - 1), &source) ||
        importmark_parse(value, &m))
        return;
    m.source = source;
    e->fn(e->arg, &m);
    importmark_fini(&m);
}

void
importmark_each(struct spool *s, importmark_f *fn, void *arg)
{
    struct each e = {fn, arg};

    spool_state_each(s, MARK_NS, mark_met, &e);
}
