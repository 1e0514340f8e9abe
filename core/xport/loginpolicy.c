/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/loginpolicy.h"

#include "xport/outlogin_options.h"
#include "base/banned.h"

void
loginpolicy_print(const struct scope *s, struct buf *to)
{
    static const int rows[] = {OUTLOGIN_PASS, OUTLOGIN_KEY, OUTLOGIN_KEY_FILE};
    struct str user = scope_str(s, OPT(outlogin_options, OUTLOGIN_USER));

    if (!user.n)
        return;
    buf_printf(to, "|login %d %d ",
        (int)scope_int(s, OPT(outlogin_options, OUTLOGIN_TYPE)),
        (int)scope_int(s, OPT(outlogin_options, OUTLOGIN_WITHOUT_TLS)));
    buf_str(to, user);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str v = scope_str(s, OPT(outlogin_options, rows[i]));

        buf_printf(
            to, " %016llx", v.n ? (unsigned long long)str_hash(v) : 0ull);
    }
}
