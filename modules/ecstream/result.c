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

struct impel_result
ecstream_result(int verdict, int blame, int stage, const char *text)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame = blame,
        .stage = stage,
        .retry_after = -1,
        .text = ecstream_str(text)};

    r.code = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 +
        (text[2] - '0'));
    for (int i = 0; i < 3; i++)
        r.status[i] = (uint16_t)(text[4 + 2 * i] - '0');
    return r;
}
