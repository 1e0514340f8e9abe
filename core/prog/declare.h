/* SPDX-License-Identifier: Apache-2.0
 *
 * declare.h - what may be configured: the rows of every layer and of the
 * installed modules.  Shared by impeld and impel; once, at start.
 */
#ifndef IMPEL_DECLARE_H
#define IMPEL_DECLARE_H

#include "base/err.h"

/* modules: folders, colon-separated. */
int declare_options(const char *modules, struct err *e);

#endif
