/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_state.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/xmem.h"

enum { ROWS = 64 };
static struct {
    char *key, *value;
} rows[ROWS];
static bool inside; /* spool_state_each() runs */
int fake_state_puts;

void
fake_state_reset(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        xfree(&rows[i].key);
        xfree(&rows[i].value);
    }
    fake_state_puts = 0;
}

size_t
fake_state_count(void)
{
    size_t n = 0;

    for (size_t i = 0; i < ROWS; i++)
        n += rows[i].key != NULL;
    return n;
}

static size_t
find(struct str key)
{
    size_t free_row = ROWS;

    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].key && str_eq(str_of(rows[i].key), key))
            return i;
        if (!rows[i].key && free_row == ROWS)
            free_row = i;
    }
    if (free_row == ROWS)
        abort();
    return free_row;
}

const char *
fake_state_get(const char *key)
{
    return rows[find(str_of(key))].value;
}

static void
set(struct str key, struct str value)
{
    size_t i = find(key);

    xfree(&rows[i].key);
    xfree(&rows[i].value);
    if (!value.p)
        return;
    rows[i].key = xdupn(key.p, key.n);
    rows[i].value = xdupn(value.p, value.n);
}

void
fake_state_set(const char *key, const char *value)
{
    set(str_of(key), str_of(value));
}

int
spool_state_put(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry, struct err *e)
{
    (void)s, (void)ns, (void)expiry, (void)e;
    BUG_ON(inside); /* the spool has its lock */
    set(key, value);
    fake_state_puts++;
    return 0;
}

void
spool_state_each(struct spool *s, struct str ns, spool_state_f *fn, void *arg)
{
    (void)s, (void)ns;
    inside = true;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].key)
            fn(arg, str_of(rows[i].key), str_of(rows[i].value));
    }
    inside = false;
}
