/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.h - counts that several threads share: sessions of a listener, bytes
 * of intake.
 *
 * One struct budget is an atomic account with a limit.  A loop keeps a struct
 * purse and draws from the account in blocks, so that the common case touches
 * no shared line.  What a purse holds unused counts as used.
 */
#ifndef IMPEL_BUDGET_H
#define IMPEL_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
    _Atomic int64_t used;
    _Atomic int64_t limit; /* < 0: none */
};
struct purse {
    struct budget *budget;
    int64_t block; /* how much is drawn at once */
    int64_t held;  /* drawn and not handed out */
};

void budget_init(struct budget *b, int64_t limit);
void budget_set_limit(struct budget *b, int64_t limit); /* may be below used */
int64_t budget_used(const struct budget *b);
int64_t budget_limit(const struct budget *b);
bool budget_over(const struct budget *b); /* used is at or above the limit */

/* Straight from the account; false: would pass the limit, nothing taken. */
bool budget_take(struct budget *b, int64_t n);
void budget_give(struct budget *b, int64_t n);
void budget_force(struct budget *b, int64_t n); /* past the limit if need be */

void purse_init(struct purse *p, struct budget *b, int64_t block);
bool purse_take(struct purse *p, int64_t n);
void purse_give(struct purse *p, int64_t n); /* keeps at most two blocks */
void purse_fini(struct purse *p);            /* returns what it holds */

#endif
