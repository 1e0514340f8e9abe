/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_again.c - modules that come and go while the daemon runs.
 *
 * Packages are installed and removed under a daemon; a reload takes notice.
 * What was opened stays in memory to the end of the process, so a module that
 * is back serves as it was.
 */
#include "xport/registry_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "conf/uninstalled.h"
#include "base/banned.h"

static struct entry *
again_find(const struct entry *seen)
{
    struct entry *x;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        if (str_eq(str_of(x->file), str_of(seen->file)))
            return x;
    }
    return registry_by_name(str_of(seen->name)); /* in another folder now */
}

static void
again_back(struct entry *x)
{
    struct err e = {0};

    if (x->module && registry_announce(x, &e) < 0) {
        installed_forget(x->name); /* another serves its methods by now */
        log_warn(LOG_MOD, "module-refused", "module=%s reason=\"%s\"", x->name,
            e.text);
        return;
    }
    x->gone = false;
    log_notice(LOG_MOD, "module-back", "module=%s file=%s", x->name, x->file);
}

/* Its file is another one, or in another place. */
static void
again_other(struct entry *x, struct entry *seen)
{
    if (x->module) {
        x->id = seen->id;
        x->changed = true;
        log_notice(LOG_MOD, "module-changed", "module=%s file=%s", x->name,
            seen->file);
        return;
    }
    moduledir_entry_fini(x); /* it was refused: this one may do */
    *x = *seen;
    *seen = (struct entry){.name = NULL};
    registry_inspect(x);
}

static void
again_new(struct entry *seen)
{
    size_t *count;
    struct entry **all = registry_entries(&count), *x;

    *all = xgrow(*all, *count + 1, sizeof(**all));
    x = &(*all)[(*count)++];
    *x = *seen;
    *seen = (struct entry){.name = NULL};
    log_notice(LOG_MOD, "module-new", "module=%s file=%s", x->name, x->file);
    registry_inspect(x);
}

static void
again_see(struct entry *seen)
{
    struct entry *x = again_find(seen);

    if (!x) {
        again_new(seen);
        return;
    }
    if (x->gone)
        again_back(x);
    if (!x->gone && !file_id_eq(&x->id, &seen->id))
        again_other(x, seen);
}

static bool
again_is_there(const struct entry *x, const struct entry *seen, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(seen[i].file), str_of(x->file)) ||
            str_eq(str_of(seen[i].name), str_of(x->name)))
            return true;
    }
    return false;
}

static void
again_miss(const struct entry *seen, size_t count)
{
    struct entry *x;

    for (size_t i = 0; (x = registry_entry(i)) != NULL; i++) {
        if (x->gone || again_is_there(x, seen, count) ||
            !moduledir_can_look(x->file))
            continue;
        x->gone = true;
        installed_forget(x->name);
        log_warn(LOG_MOD, "module-gone", "module=%s file=%s", x->name, x->file);
    }
}

void
registry_again(void)
{
    struct entry *seen = NULL, **all;
    size_t count = 0, *known;
    struct err e = {0};

    registry_lock();
    if (registry_folders() &&
        moduledir_scan(registry_folders(), &seen, &count, &e) == 0) {
        again_miss(seen, count); /* first: another may serve what it did */
        for (size_t i = 0; i < count; i++)
            again_see(&seen[i]);
        all = registry_entries(&known);
        moduledir_sort(*all, *known);
    }
    registry_unlock();
    for (size_t i = 0; i < count; i++)
        moduledir_entry_fini(&seen[i]);
    free(seen);
}
