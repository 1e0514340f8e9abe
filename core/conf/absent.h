/* SPDX-License-Identifier: Apache-2.0
 *
 * absent.h - every option and stanza of Momentum that Impel does not have:
 * why, what to use, and whether ignoring it is harmless.
 *
 * An old file loads with one warning for each, but for what would change
 * where, how safely or whether mail is sent: that is an error.
 */
#ifndef IMPEL_ABSENT_H
#define IMPEL_ABSENT_H

#include "conf/option.h"

enum { ABSENT_OPTION = 1, ABSENT_STANZA = 2, ABSENT_BOTH = 3 };

struct absent {
    const char *name; /* ends in "*": a prefix */
    int what;         /* ABSENT_* */
    uint32_t scopes;  /* only there; 0: anywhere */
    bool error;
    const char *quiet;  /* values that mean what Impel does: "no|false|0" */
    const char *warned; /* values of an error row that only warn */
    const char *why;    /* one clause: reason, and what to use */
    const char *later;  /* version it comes with, or NULL */
};

/* what: ABSENT_OPTION or ABSENT_STANZA; scope: of the stanza it is in.  NULL:
 * not known as absent. */
const struct absent *absent_find(struct str name, int what, uint32_t scope);
/* Judge a value (v NULL: a stanza): 0 for a quiet one, OPTION_WARN or ERR_CONF
 * with the sentence in e. */
int absent_judge(const struct absent *a, struct str name,
    const struct option_value *v, struct err *e);
/* All rows, for the documentation; NULL after the last. */
const struct absent *absent_get(size_t i);

#endif
