/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c - results in the module's own words.
 */
#include "ecstream.h"

#include <string.h>

struct impel_str
ecstream_str(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* And past the octet behind it. */
static uint16_t
number_at(const char **text)
{
    uint16_t n = 0;

    for (; **text >= '0' && **text <= '9'; ++*text)
        n = (uint16_t)(10 * n + (**text - '0'));
    if (**text)
        ++*text;
    return n;
}

struct impel_result
ecstream_result(int verdict, int blame, int stage, const char *text)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame = blame,
        .stage = stage,
        .retry_after = -1,
        .text = ecstream_str(text)};

    r.code = number_at(&text);
    for (int i = 0; i < 3; i++)
        r.status[i] = number_at(&text);
    return r;
}
