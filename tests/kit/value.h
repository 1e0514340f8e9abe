/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h - option values for the kit's host: the operator's text parsed by
 * the rows of a module's table, and the few core options a module may import.
 */
#ifndef IMPEL_KIT_VALUE_H
#define IMPEL_KIT_VALUE_H

#include <stdbool.h>

#include <impel/module.h>

#include "base/buf.h"
#include "base/err.h"

struct value {
    const struct impel_option *row; /* the core's for an import */
    bool is_set;
    int64_t number;
    size_t count; /* 1 for a scalar */
    struct buf *item, *key;
};

/* The core's row of that name, or NULL. */
const struct impel_option *value_core_row(const char *name);
bool value_is_number(int type);
/* Parse text by row into v, which is emptied first. */
int value_parse(const struct impel_option *row, const char *text,
    struct value *v, struct err *e);
/* One value for each row, at its initial text. */
int value_table(const struct impel_option *rows, size_t count,
    struct value **to, struct err *e);
void value_table_free(struct value **v, size_t count);

#endif
