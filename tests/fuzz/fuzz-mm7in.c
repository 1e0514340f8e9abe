/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-mm7in.c - any octets as what an MMSC asks: a Content-Type, a line end,
 * a body; and as its login.  What becomes mail is lines of ASCII.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "call.h"
#include "letter.h"
#include "line.h"
#include "soap.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct soap_body body;
static struct call call;

static void
judge_letter(const struct text *t)
{
    size_t column = 0;

    for (size_t i = 0; i < t->n; i++) {
        unsigned char c = (unsigned char)t->p[i];

        if (!c || c > 127 || (c == '\n') != (i > 0 && t->p[i - 1] == '\r'))
            abort();
        column = c == '\n' ? 0 : column + 1;
        if (column > 999)
            abort();
    }
}

static void
judge_answers(struct impel_str version)
{
    struct text t = {NULL, 0, 0, false};
    const char *why;

    call_answer(&call, version, 1000, "a <b>", &t);
    /* what we say can be read: it is XML */
    if (call_read((struct impel_str){t.p, t.n}, &call, &why) != CALL_UNKNOWN)
        abort();
    text_wipe(&t);
    call_fault(&call, version, 2007, "a & b", &t);
    if (call_read((struct impel_str){t.p, t.n}, &call, &why) != CALL_UNKNOWN)
        abort();
    text_wipe(&t);
}

static void
judge_call(void)
{
    struct letter_names names = {line_str("from.test"), line_str("to.test"),
        line_str("mms"), {"", 0}, line_str("me.test")};
    struct text t = {NULL, 0, 0, false};
    char words[CALL_WORDS];
    struct impel_result r = call_result(&call, words);

    if (r.verdict < IMPEL_DELIVERED || r.verdict > IMPEL_UNTRIED ||
        (call.kind != CALL_DELIVER && !call.message_id[0]))
        abort();
    if (call.kind == CALL_DELIVER &&
        !letter_write(&call, &body, &names, 1795294996, &t))
        judge_letter(&t);
    text_wipe(&t);
    judge_answers(line_str("6.8.0"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const unsigned char secret[AUTH_SECRET] = {1};
    const char *p = (const char *)data, *lf = n ? memchr(p, '\n', n) : NULL;
    struct impel_str type = {NULL, 0}, all = {p, n};
    struct auth_who who = {{"u", 1}, {"p", 1}};
    const char *why;

    if (auth_is_basic(all, &who) && !lf && n != 10)
        abort();
    (void)auth_judge(
        all, &who, line_str("POST"), line_str("/"), secret, 1000000);
    if (lf) {
        type = (struct impel_str){p, (size_t)(lf - p)};
        all = (struct impel_str){lf + 1, n - type.n - 1};
    }
    if (!soap_split(type, all, &body) && !call_read(body.xml, &call, &why))
        judge_call();
    return 0;
}
