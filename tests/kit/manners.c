/* SPDX-License-Identifier: Apache-2.0
 *
 * manners.c - the group manners: no callback above five milliseconds, no
 * descriptor left open.  (Calls after closed() and second reports are faults
 * in every group.)
 */
#include "kit.h"

#include <dirent.h>

#include "base/banned.h"

enum { MANNERS_TRIES = 3 };

static int
manners_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    if (!d)
        return -1;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Slow once may be the machine; slow each time is the module. */
static void
manners_time(struct kit *k, struct script *s)
{
    struct world_plan plan = {.lenient = true};
    bool slow = true;

    for (int i = 0; i < MANNERS_TRIES && slow; i++) {
        struct world *w = world_play(&k->module, s, &plan);
        slow = w->slow.n > 0;
        if (!slow || i + 1 == MANNERS_TRIES) {
            tap_ok(!slow, "manners: no callback above %d ms: %s", WORLD_SLOW_MS,
                s->title);
            tap_diag(buf_get(&w->slow));
        }
        world_free(&w);
    }
}

void
manners_run(struct kit *k)
{
    int before = manners_fds();

    for (size_t i = 0; i < k->script_count; i++)
        manners_time(k, k->script[i]);
    tap_ok(manners_fds() == before, "manners: no descriptor is left open");
}
