/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_support.h - for tests of the configuration: all rows of the core, and
 * generations out of text.
 */
#ifndef IMPEL_CONF_SUPPORT_H
#define IMPEL_CONF_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/generation.h"

/* Rows of all layers, esmtp and its listener installed, nothing else. */
void conf_support_options(void);
/* Fails the test, with the report, if the text has errors. */
struct generation *conf_support_load(const char *text, bool yaml);
struct generation *conf_support_file(const char *name); /* below tests/data */
/* The report's lines for text that must be refused; freed by the caller. */
char *conf_support_refused(const char *text, bool yaml);
/* The same for text that loads: its warnings. */
char *conf_support_warned(const char *text, bool yaml, bool strict);
/* Is that text in the refusal? */
void conf_support_says(const char *text, bool yaml, const char *want);
int64_t conf_support_int(struct generation *g, const char *binding,
    const char *domain, const char *option);
/* The value as text: "a" for one, "a b" for a list, "k=v" for a dictionary. */
char *conf_support_text(const struct scope *s, const char *option);

#endif
