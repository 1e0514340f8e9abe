/* SPDX-License-Identifier: Apache-2.0
 *
 * scope.h - effective option values for one place: a flat array by option id.
 *
 * A scope is compiled once per distinct chain of stanzas and shared by all that
 * fall back alike, so 100,000 domains without a stanza of their own share one.
 * It is immutable and lives as long as its generation; any thread may read it.
 * Fallback is per option, most specific first (MC 2.1):
 *   group::binding::domain, binding::domain, group::domain, binding, group,
 *   global domain, global, default;
 * inside one container exact domain stanzas first, then matching regex ones in
 * file order.
 */
#ifndef IMPEL_SCOPE_H
#define IMPEL_SCOPE_H

#include "base/cidr.h"
#include "base/tokens.h"
#include "conf/option.h"

struct scope;
struct stanza;

bool scope_is_set(const struct scope *s, uint32_t id); /* default counts */
int64_t scope_int(const struct scope *s, uint32_t id); /* BOOL to CHOICE, ms */
double scope_double(const struct scope *s, uint32_t id);
struct str scope_str(const struct scope *s, uint32_t id); /* or absent */
struct throttle_rate scope_throttle(const struct scope *s, uint32_t id);
/* LIST, DICT, CIDRS: how many; item i; DICT: key i. */
size_t scope_count(const struct scope *s, uint32_t id);
struct str scope_item(const struct scope *s, uint32_t id, size_t i);
struct str scope_key(const struct scope *s, uint32_t id, size_t i);
const struct cidr *scope_cidrs(
    const struct scope *s, uint32_t id, size_t *count);
/* Does addr fall into one of the prefixes? */
bool scope_cidr_has(
    const struct scope *s, uint32_t id, const struct cidr *addr);
/* A compiled REGEX matches text; false when unset. */
bool scope_regex_has(const struct scope *s, uint32_t id, struct str text);

/* Where the value comes from: the stanza, or NULL for the built-in default.
 * Two scopes that fall back to one stanza get the same pointer (throttles by
 * reference, MC 2.3). */
const struct stanza *scope_origin(const struct scope *s, uint32_t id);
/* "binding b, domain x.test (impel.conf:12)", or an override's words. */
struct buf;
void scope_print_origin(const struct scope *s, uint32_t id, struct buf *to);
struct generation *scope_generation(const struct scope *s);

#endif
