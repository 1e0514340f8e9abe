/* SPDX-License-Identifier: Apache-2.0
 *
 * values.c - durable values of the module: those of the script, and what it
 * has put since.  A play of a script is no longer than their memory.
 */
#include "world.h"

#include <stdlib.h>

#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

static struct world_value *
value_find(struct world *w, struct str key)
{
    for (size_t i = 0; i < w->value_count; i++)
        if (str_eq(buf_get(&w->value[i].key), key))
            return &w->value[i];
    return NULL;
}

void
values_set(struct world *w, struct impel_str key, struct impel_str value)
{
    struct world_value *v = value_find(w, str_make(key.p, key.n));

    if (!v) {
        w->value = xgrow(w->value, w->value_count + 1, sizeof(*w->value));
        v = &w->value[w->value_count++];
        *v = (struct world_value){.key = BUF_INIT, .is = BUF_INIT};
        buf_add(&v->key, key.p, key.n);
    }
    buf_cut(&v->is, 0);
    v->present = value.p != NULL;
    buf_add(&v->is, value.p, value.n);
}

struct impel_str
values_get(struct world *w, struct impel_str key)
{
    struct world_value *v = value_find(w, str_make(key.p, key.n));

    if (!v || !v->present)
        return (struct impel_str){NULL, 0};
    return (struct impel_str){v->is.p ? v->is.p : "", v->is.n};
}

void
values_begin(struct world *w)
{
    for (size_t i = 0; i < w->script->value_count; i++)
        values_set(w, w->script->value[i].key, w->script->value[i].value);
}

void
values_free(struct world *w)
{
    for (size_t i = 0; i < w->value_count; i++) {
        buf_fini(&w->value[i].key);
        buf_fini(&w->value[i].is);
    }
    free(w->value);
}
