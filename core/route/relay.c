/* SPDX-License-Identifier: Apache-2.0 */
#include "route/relay.h"

#include "base/idna.h"
#include "conf/option.h"
#include "route/route_options.h"
#include "base/banned.h"

/* Both in one spelling, which costs something only where one has octets above
 * 127. */
static bool
glob_matches(struct str want, struct str domain)
{
    size_t star = want.n && want.p[0] == '*' ? 1 : 0;
    struct buf w = BUF_INIT, d = BUF_INIT;

    if (!idna_is_plain(want) || !idna_is_plain(domain)) {
        if (star && want.n > 1 && want.p[1] == '.')
            buf_char(&w, '.');
        (void)idna_fold(str_from(want, star + w.n), &w);
        (void)idna_fold(domain, &d); /* no name: as it is */
        want = buf_get(&w);
        domain = buf_get(&d);
    } else {
        want = str_from(want, star);
    }
    bool same = star ? str_iends(domain, want) : str_ieq(domain, want);
    buf_fini(&w);
    buf_fini(&d);
    return same;
}

bool
relay_glob(const struct scope *s, uint32_t option, struct str domain)
{
    size_t n = scope_count(s, option);
    for (size_t i = 0; i < n; i++)
        if (glob_matches(scope_item(s, option, i), domain))
            return true;
    return false;
}

/* The rows belong to layers above, so they are found by name. */
static bool
relay_lists(const struct scope *s, const char *name, struct str domain)
{
    uint32_t option = option_find(str_of(name));

    return option != UINT32_MAX && relay_glob(s, option, domain);
}

bool
relay_best_only(struct generation *g, struct str domain)
{
    const struct scope *s = generation_global(g);

    return scope_int(s, OPT(route_options, ROUTE_ONLY_USE_BEST_MX)) &&
        (relay_lists(s, "relay_domains", domain) ||
            relay_lists(s, "bounce_domains", domain));
}
