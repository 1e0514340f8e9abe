/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml.h - the YAML notation: libyaml to tree and back.
 *
 *     gateway: 10.10.10.50
 *     domain:
 *       local.example.com: {gateway: 10.10.10.20, delivery_method: LMTP}
 *     esmtp_listener:
 *       listen: {":2525": {}}
 *
 * Scalars are text: the option's row types them.  A mapping under the keyword
 * of a stanza that has names holds its instances; one key "keyword name" says
 * both.  The same stanza may come again, an option may not.  Aliases, tags
 * and merge keys are refused.
 */
#ifndef IMPEL_YAML_H
#define IMPEL_YAML_H

#include "base/buf.h"
#include "conf/tree.h"

/* Errors go to the tree's report.  file must stay. */
void yaml_parse(
    struct tree *t, struct node *parent, struct str text, const char *file);
/* ERR_CONF for bytes that YAML cannot hold. */
int yaml_print(const struct node *root, struct buf *to, struct err *e);

#endif
