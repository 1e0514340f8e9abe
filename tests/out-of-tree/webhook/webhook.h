/* SPDX-License-Identifier: Apache-2.0
 *
 * webhook.h - what the files of webhook.so share: the module and its rows.
 */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <impel/module.h>

enum webhook_row {
    OPT_TLS, /* the core's: no, ifavailable, required */
    OPT_PORT,
    OPT_PATH,
    OPT_TOKEN,
    OPT_FIELDS,
    OPT_ANSWER_TIMEOUT,
    OPT_TEXT_SIZE,
    OPT_ROWS
};
enum webhook_count {
    COUNT_REQUESTS,
    COUNT_DELIVERED,
    COUNT_REFUSED,
    COUNT_DELAYED,
    COUNT_UNCERTAIN,
    COUNT_ROWS
};

struct webhook {
    const struct impel_host *host;
    struct impel_instance *instance;
};

extern const struct impel_transport webhook_transport;

static inline struct impel_str
text_of(const char *z)
{
    return (struct impel_str){z, z ? strlen(z) : 0};
}

#endif
