/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_conf.c - scopes in which nothing is ever set, for tests of sessions.
 */
#include "conf/generation.h"
#include "conf/secretref.h"
#include "xport/outlogin_options.h"
#include "xport/tlsin_options.h"
#include "xport/xport_options.h"

struct option_set xport_options = {.first = UINT32_MAX};
struct option_set tlsin_options = {.first = UINT32_MAX};
struct option_set outlogin_options = {.first = UINT32_MAX};

int
secretref_read(struct str ref, struct buf *to, struct err *e)
{
    (void)ref, (void)to;
    return err_set(e, ERR_CONF, "there are no secrets here");
}

struct generation *
scope_generation(const struct scope *s)
{
    (void)s;
    return NULL;
}

struct generation *
generation_ref(struct generation *g)
{
    return g;
}

void
generation_unref(struct generation **g)
{
    *g = NULL;
}

bool
scope_is_set(const struct scope *s, uint32_t id)
{
    (void)s, (void)id;
    return false;
}

int64_t
scope_int(const struct scope *s, uint32_t id)
{
    (void)s, (void)id;
    return 0;
}

const struct stanza *
scope_origin(const struct scope *s, uint32_t id)
{
    (void)s, (void)id;
    return NULL;
}

size_t
scope_count(const struct scope *s, uint32_t id)
{
    (void)s, (void)id;
    return 0;
}

struct str
scope_str(const struct scope *s, uint32_t id)
{
    (void)s, (void)id;
    return STR_NONE;
}

struct str
scope_item(const struct scope *s, uint32_t id, size_t i)
{
    (void)s, (void)id, (void)i;
    return STR_NONE;
}

struct str
scope_key(const struct scope *s, uint32_t id, size_t i)
{
    (void)s, (void)id, (void)i;
    return STR_NONE;
}

const struct option *
option_get(uint32_t id)
{
    (void)id;
    return NULL;
}
