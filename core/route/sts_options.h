/* SPDX-License-Identifier: Apache-2.0
 *
 * sts_options.h - what may be configured about MTA-STS (MC 3.20).
 */
#ifndef IMPEL_STS_OPTIONS_H
#define IMPEL_STS_OPTIONS_H

#include "conf/option.h"

enum {
    STS_USE,    /* BOOL */
    STS_ENABLE, /* STS_ENABLE_* */
    STS_PORT,
    STS_CACHE_SIZE
};
enum { STS_ENABLE_NO, STS_ENABLE_YES, STS_ENABLE_TESTING };
extern struct option_set sts_options;

#endif
