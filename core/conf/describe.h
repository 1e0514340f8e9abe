/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.h - option tables as text, manual page, Markdown or JSON.
 */
#ifndef IMPEL_DESCRIBE_H
#define IMPEL_DESCRIBE_H

#include "base/buf.h"
#include "conf/option.h"

enum describe_as { DESCRIBE_TEXT, DESCRIBE_MAN, DESCRIBE_MD, DESCRIBE_JSON };

/* "md" and so on; ERR_INVAL. */
int describe_form(struct str word, int *as);
/* One option, one layer or module, "absent" (what Impel does not have), or
 * with an absent what all options.  ERR_NOTFOUND. */
int describe_print(struct str what, int as, struct buf *to, struct err *e);
/* "time in seconds, from 1 to 86400" */
void describe_type(const struct option *o, struct buf *to);

#endif
