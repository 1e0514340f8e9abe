/* SPDX-License-Identifier: Apache-2.0
 *
 * alabel.c - an address for a host without SMTPUTF8.
 */
#include "alabel.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>

/* Index of the @ before the domain; n: none. */
static size_t
alabel_at(struct impel_str a)
{
    size_t i = a.n;

    while (i > 0 && a.p[i - 1] != '@')
        i--;
    return i > 0 ? i - 1 : a.n;
}

struct impel_str
alabel_address(struct impel_str a, struct alabel *to)
{
    struct impel_str none = {NULL, 0};
    size_t at = alabel_at(a), n;
    char domain[VERB_MAX_ADDRESS + 1], *name = NULL;

    if (!verb_is_utf8(a))
        return a;
    if (at == a.n || a.n > VERB_MAX_ADDRESS ||
        verb_is_utf8((struct impel_str){a.p, at}) || memchr(a.p, '\0', a.n))
        return none;
    n = a.n - at - 1;
    memcpy(domain, a.p + at + 1, n);
    domain[n] = '\0';
    if (idn2_to_ascii_8z(
            domain, &name, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return none;
    n = strlen(name);
    if (at + 1 + n > VERB_MAX_ADDRESS) {
        free(name);
        return none;
    }
    memcpy(to->text, a.p, at + 1);
    memcpy(to->text + at + 1, name, n + 1);
    free(name);
    return (struct impel_str){to->text, at + 1 + n};
}
