/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/wait.h"

#include "base/banned.h"

#define WAIT_KEY(id, key, text) key,
#define WAIT_TEXT(id, key, text) text,
static const char *const keys[] = {WAIT_REASONS(WAIT_KEY)};
static const char *const texts[] = {WAIT_REASONS(WAIT_TEXT)};

const char *
wait_key(enum wait_reason r)
{
    return keys[(unsigned)r < WAIT_REASON_COUNT ? r : 0];
}

const char *
wait_text(enum wait_reason r)
{
    return texts[(unsigned)r < WAIT_REASON_COUNT ? r : 0];
}
