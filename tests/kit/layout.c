/* SPDX-License-Identifier: Apache-2.0
 *
 * layout.c - the group layout: the sizes that a module was compiled with are
 * those of the minor in its stamp, or of a newer one.  (That the header itself
 * has kept its layout is shown where it is made: tests/abi.)
 */
#include "kit.h"

#include "base/macros.h"
#include "base/banned.h"

/* What each minor had: a line is added, none is changed. */
static const struct layout {
    uint32_t minor;
    uint32_t module, option, counter, transport, listener, filter;
} layouts[] = {
    /* 64 bits and 32: what grows with a pointer and what does not */
    {0, 14 * sizeof(void *) + 32, 6 * sizeof(void *) + 24,
        2 * sizeof(void *) + 8, 7 * sizeof(void *) + 8, 5 * sizeof(void *) + 8,
        6 * sizeof(void *) + 8},
};

static void
layout_one(const char *what, bool is, uint32_t size, uint32_t least)
{
    if (is)
        tap_ok(size >= least && size % sizeof(uint32_t) == 0,
            "layout: %s of %u bytes, that of its ABI has %u", what, size,
            least);
}

void
layout_run(struct kit *k)
{
    const struct kit_module *m = &k->module;
    const struct layout *of = &layouts[0];

    for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
        if (layouts[i].minor <= m->m.abi.minor)
            of = &layouts[i];
    tap_ok(m->m.abi.minor <= IMPEL_ABI_MINOR, "layout: ABI %u.%u, here %u.%u",
        m->m.abi.major, m->m.abi.minor, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR);
    layout_one("a descriptor", true, m->m.size, of->module);
    layout_one("an option", m->m.option_count, m->m.option_size, of->option);
    layout_one("a counter", m->m.counter_count, m->m.counter_size, of->counter);
    layout_one(
        "a transport", m->has_transport, m->transport.size, of->transport);
    layout_one("a listener", m->has_listener, m->listener.size, of->listener);
    layout_one("a filter", m->has_filter, m->filter.size, of->filter);
}
