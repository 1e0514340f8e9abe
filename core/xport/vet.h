/* SPDX-License-Identifier: Apache-2.0
 *
 * vet.h - what a module says of itself: names, callbacks, options, counters.
 * Called by loader.c on its copies, in this order; each fails with a sentence
 * that begins with the file's name.
 */
#ifndef IMPEL_VET_H
#define IMPEL_VET_H

#include "xport/registry.h"

/* stem: of the file's name, which the module's must be. */
int vet_names(const struct module *m, const char *stem, struct err *e);
int vet_parts(const struct module *m, struct err *e);
/* Fills m->options and m->option_ids (imports and ids are not known yet). */
int vet_options(struct module *m, struct err *e);
int vet_counters(const struct module *m, struct err *e);

#endif
