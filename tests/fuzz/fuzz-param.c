/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-param.c - values of BY, HOLDFOR and HOLDUNTIL (modules/lib/param.c):
 * what is taken is in bounds, and the same as the core reads it; written again
 * it is read the same.
 */
#include "parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "param.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct impel_str
abi(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

static void
by(struct impel_str s)
{
    struct param_by v, again;
    char text[40];

    if (!param_by(s, &v))
        return;
    must(v.seconds >= -PARAM_SECONDS_MAX && v.seconds <= PARAM_SECONDS_MAX);
    must(!(v.by & IMPEL_BY_RETURN) != !(v.by & IMPEL_BY_NOTIFY));
    must(v.seconds > 0 || !(v.by & IMPEL_BY_RETURN));
    snprintf(text, sizeof(text), "%" PRId64 ";%s%s", v.seconds,
        v.by & IMPEL_BY_RETURN ? "R" : "N", v.by & IMPEL_BY_TRACE ? "T" : "");
    must(param_by(abi(text), &again));
    must(again.seconds == v.seconds && again.by == v.by);
}

/* The core reads times for the console: another parser of the same form. */
static void
until(struct impel_str s)
{
    char text[PARAM_TIME_SIZE];
    int64_t seconds, again, wall;
    bool leap = s.n > 18 && memcmp(s.p + 17, "60", 2) == 0;

    if (!param_time(s, &seconds))
        return;
    if (!leap && clock_parse_iso(str_make(s.p, s.n), &wall) == 0)
        must(wall == seconds * 1000);
    param_print_time(seconds, text);
    must(strlen(text) < PARAM_TIME_SIZE);
    if (seconds < 0 || !text[0])
        return; /* by its offset in another century than those taken */
    must(param_time(abi(text), &again) && again == seconds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct impel_str s = {(const char *)p, n};
    int64_t v;

    by(s);
    until(s);
    if (param_hold_for(s, &v))
        must(v > 0 && v <= PARAM_SECONDS_MAX);
    return 0;
}
