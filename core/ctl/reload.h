/* SPDX-License-Identifier: Apache-2.0
 *
 * reload.h - a new generation: load, check, swap or refuse.
 *
 * The folders of modules are looked at first (xport/registry.h).  The file is
 * read and checked by a helper thread; the scheduler then asks the modules,
 * publishes it and tells every layer.  Whatever goes wrong before that leaves
 * the running configuration as it is.
 */
#ifndef IMPEL_RELOAD_H
#define IMPEL_RELOAD_H

#include "conf/generation.h"
#include "loop/loop.h"
#include "loop/pool.h"

/* Every layer's way to follow; on the scheduler's thread. */
typedef void reload_adopt_f(void *arg, struct generation *g);
/* After that: how many domains keep older routes for a while, to be told once,
 * at once or later; partly: there may be more. */
typedef void reload_old_f(void *told_arg, uint64_t count, bool partly);
typedef void reload_count_f(void *arg, reload_old_f *told, void *told_arg);
struct reload_into {
    void *arg;
    reload_adopt_f *adopt;
    reload_count_f *count;
};
/* ok: taken into force.  text: warnings or errors, one per line. */
typedef void reload_done_f(void *arg, bool ok, struct str text);

/* A reload while another one runs waits for its end, so that the newest file
 * counts; too many that wait are refused at once with a sentence. */
void reload_start(struct pool *helper, struct loop *scheduler, const char *path,
    bool strict, const struct reload_into *into, reload_done_f *done,
    void *done_arg);

#endif
