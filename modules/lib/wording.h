/* SPDX-License-Identifier: Apache-2.0
 *
 * wording.h - verdicts of the host as reply lines.
 */
#ifndef IMPEL_LIB_WORDING_H
#define IMPEL_LIB_WORDING_H

#include <stddef.h>

#include <impel/module.h>

/* What is said when a verdict gives no words, each "250 2.0.0 text". */
struct wording {
    const char *yes, *later, *never;
};

/* One line without its end into line[size], which must hold 128 at least.
 * Code and status of the verdict are used if they agree with it; of its text
 * the first line, without codes of its own and with ? for what is not plain
 * text.  A yes is worded as given, with the text behind it if with_text. */
void wording_verdict(char *line, size_t size, const struct impel_result *r,
    const struct wording *w, int with_text);

#endif
