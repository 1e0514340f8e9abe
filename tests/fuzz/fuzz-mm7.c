/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-mm7.c - any octets as what an MMSC answers, and as its challenge.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "auth.h"
#include "mime.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
judge_answer(struct impel_str in)
{
    char words[ANSWER_CODE_TEXT];
    struct impel_result r;
    struct answer a;

    if (answer_read((struct impel_str){NULL, 0}, in, &a))
        return;
    if (a.code && (a.code < 1000 || a.code > 9999))
        abort();
    if (!text_is_line((struct impel_str){a.text, strlen(a.text)}) ||
        !mime_is_utf8((struct impel_str){a.text, strlen(a.text)}) ||
        !mime_is_utf8((struct impel_str){a.details, strlen(a.details)}))
        abort();
    r = answer_result(&a, words);
    if (r.verdict == IMPEL_DELIVERED && a.fault)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct impel_str in = {(const char *)data, n};
    struct auth_digest d = {.known = false};
    char to[AUTH_VALUE_MOST], *clean = text_for_xml(in);

    judge_answer(in);
    if (auth_challenge(in, &d) &&
        auth_answer(&d, (struct impel_str){"u", 1}, (struct impel_str){"p", 1},
            "POST", (struct impel_str){"/", 1}, "0123456789abcdef", to) &&
        strlen(to) >= AUTH_VALUE_MOST)
        abort();
    if (!clean || !mime_is_utf8((struct impel_str){clean, strlen(clean)}))
        abort();
    free(clean);
    return 0;
}
