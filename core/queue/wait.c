/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/wait.h"

#include "base/banned.h"

#define WAIT_ROW(id, key, text, next, probe) {key, text, next},
static const struct {
    const char *key, *text, *next;
} rows[] = {WAIT_REASONS(WAIT_ROW)};

const char *
wait_key(enum wait_reason r)
{
    return rows[(unsigned)r < WAIT_REASON_COUNT ? r : 0].key;
}

const char *
wait_text(enum wait_reason r)
{
    return rows[(unsigned)r < WAIT_REASON_COUNT ? r : 0].text;
}

const char *
wait_next(enum wait_reason r)
{
    return rows[(unsigned)r < WAIT_REASON_COUNT ? r : 0].next;
}
