/* SPDX-License-Identifier: Apache-2.0
 *
 * pushwords.h - what notifications have in common: words of a part's fields
 * that go before options, an answer's words for the log, as much text as fits.
 *
 * What a message says in fields of its part is a stranger's: it is bounded and
 * looked at here, so that nothing of it can become a field of its own.
 */
#ifndef IMPEL_LIB_PUSHWORDS_H
#define IMPEL_LIB_PUSHWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "push.h"

/* Of so many octets at most, all of them visible ASCII: fit for a header of
 * HTTP. */
bool pushwords_is_word(struct impel_str s, size_t most);
/* The field's word, else the option's of that row (< 0: none), else "".  false:
 * it is none, or longer than fits. */
bool pushwords_take(const struct impel_host *host,
    const struct impel_scope *scope, struct impel_str fields, const char *name,
    int row, char *to, size_t size);
/* A field that is a whole number from min to max.  1: *to has it; 0: there is
 * no such field; -1: it is something else. */
int pushwords_number(struct impel_str fields, const char *name, int64_t min,
    int64_t max, int64_t *to);
/* In place: what is not visible ASCII or a blank becomes '?'. */
void pushwords_clean(char *z);

/* A text that is good until the next one on this thread. */
const char *IMPEL_PRINTF(1, 2) pushwords_fault(const char *format, ...);

/* A payload that shall be a JSON object; flags: of json_loadb().  NULL, and *to
 * has it; or what is wrong with it, as "550 5.6.0 ...", by pushwords_fault().
 * *to is to be freed in any case. */
const char *pushwords_object(struct impel_str text, size_t flags, json_t **to);

/* A payload of at most so many octets (as JSON_COMPACT) for a message that has
 * no part: make() gets its title, and as much of the text as fits.  NULL: no
 * memory. */
json_t *pushwords_fit(const struct push_found *found, size_t most,
    json_t *(*make)(struct impel_str title, struct impel_str body));
/* Members title and body of what is there; NULL: no memory. */
json_t *pushwords_alert(struct impel_str title, struct impel_str body);

#endif
