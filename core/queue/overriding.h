/* SPDX-License-Identifier: Apache-2.0
 *
 * overriding.h - overrides of the running scheduler (conf/override.h): kept on
 * disk, ended in time, followed by queues.
 *
 * `suspend` is an override of suspend_delivery, nothing else.  A layer above
 * the core that adapts to what peers say calls overriding_set() with source
 * OVERRIDE_ADAPTIVE; bounds, precedence and ends are kept here for it.  Queues
 * follow in the turn in which they run next, which is at once if they have
 * mail; open sessions keep the values of the module's own options that they
 * were opened with.
 */
#ifndef IMPEL_OVERRIDING_H
#define IMPEL_OVERRIDING_H

#include "base/list.h"
#include "conf/override.h"
#include "loop/timer.h"
#include "queue/scheduler.h"

enum {
    OVERRIDING_PATIENCE_MS = 1000,
    OVERRIDING_SHOWN = 1000,
    OVERRIDING_OVERLAYS = 50000 /* of one generation, at first: 18 MB */
};

/* As overrides_set(); on disk soon, see overriding_wait().  expires in the
 * past: ERR_INVAL. */
int overriding_set(
    struct scheduler *s, const struct override *v, struct err *e);
/* false: there is none. */
bool overriding_clear(struct scheduler *s, const struct override_place *place,
    enum override_source source, uint32_t option);
/* All of exactly that place and source; how many. */
size_t overriding_clear_place(struct scheduler *s,
    const struct override_place *place, enum override_source source);
/* done() is called once: when all that was set and cleared is on disk, or
 * after OVERRIDING_PATIENCE_MS, or at the end of the scheduler. */
struct overriding_wait { /* embedded in the asker's object */
    struct list node;
    struct timer timer;
    uint64_t number;
    void (*done)(struct overriding_wait *w, bool stored);
};
void overriding_wait(struct scheduler *s, struct overriding_wait *w);
const struct overrides *overriding_all(const struct scheduler *s);
/* place NULL: of all places; at most OVERRIDING_SHOWN. */
void overriding_print(struct scheduler *s, const struct override_place *place,
    bool json, struct buf *out);

/* --- of the scheduler --- */
/* Those on disk, before there is a queue. */
void overriding_init(struct scheduler *s);
/* A generation that is to be in force, before anybody reads it. */
void overriding_install(struct scheduler *s, struct generation *g);
void overriding_stop(struct scheduler *s); /* the spool closes */
void overriding_fini(struct scheduler *s);

#endif
