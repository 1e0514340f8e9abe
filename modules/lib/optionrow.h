/* SPDX-License-Identifier: Apache-2.0
 *
 * optionrow.h - short forms of the rows that most tables of options have.
 */
#ifndef IMPEL_LIB_OPTIONROW_H
#define IMPEL_LIB_OPTIONROW_H

#include <impel/module.h>

#define DAY_MS ((int64_t)86400 * 1000)

/* The scopes of what listeners do. */
#define INBOUND \
    (IMPEL_SCOPE_GLOBAL | IMPEL_SCOPE_LISTENER | IMPEL_SCOPE_LISTEN | \
        IMPEL_SCOPE_PEER)
/* One of the core's. */
#define IMPORT(option) \
    { \
        .name = option, .type = IMPEL_OPT_IMPORT \
    }
/* One without a range. */
#define ROW_IN(where, option, kind, first, line, more) \
    { \
        .name = option, .type = IMPEL_OPT_##kind, .scopes = where, \
        .initial = first, .brief = line, .manual = more, .since = "0.1" \
    }
#define ROW(option, kind, first, line, more) \
    ROW_IN(IMPEL_SCOPE_OUTBOUND, option, kind, first, line, more)

#endif
