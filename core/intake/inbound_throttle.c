/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/inbound_throttle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/tokens.h"
#include "base/xmem.h"
#include "intake/intake_options.h"
#include "base/banned.h"

struct inbound_throttle {
    struct tokens tokens;
    char key[24]; /* of the stanza */
};

void
inbound_throttle_init(struct intake *in)
{
    map_init(&in->throttles, false);
    pthread_mutex_init(&in->throttles_lock, NULL);
}

void
inbound_throttle_fini(struct intake *in)
{
    struct inbound_throttle *t;
    size_t at;

    MAP_FOREACH (t, &in->throttles, at)
        free(t);
    map_fini(&in->throttles);
    pthread_mutex_destroy(&in->throttles_lock);
}

/* Locked. */
static struct inbound_throttle *
throttle_find(struct intake *in, const struct stanza *origin,
    struct throttle_rate rate, int64_t now)
{
    struct inbound_throttle *t;
    char key[sizeof(t->key)];

    (void)snprintf(key, sizeof(key), "%016llx",
        (unsigned long long)str_hash(stanza_path(origin)));
    t = map_find(&in->throttles, str_of(key));
    if (!t) {
        t = xnew(struct inbound_throttle);
        (void)str_copy(t->key, sizeof(t->key), str_of(key));
        tokens_init_unpaced(&t->tokens, rate, now);
        (void)map_put(&in->throttles, str_of(t->key), t);
    } else if (t->tokens.rate.count != rate.count ||
        t->tokens.rate.window_ms != rate.window_ms) {
        tokens_set_rate(&t->tokens, rate, now);
    }
    return t;
}

bool
inbound_throttle_take(
    const struct intake_session *is, struct inbound_charge *to)
{
    uint32_t id = OPT(intake_options, INTAKE_INBOUND_THROTTLE_MESSAGES);
    const struct stanza *origin = scope_origin(is->scope, id);
    struct throttle_rate rate = scope_throttle(is->scope, id);
    struct intake *in = is->il->intake;
    int64_t now, until;
    bool taken;

    *to = (struct inbound_charge){0};
    if (!origin || rate.count <= 0)
        return true;
    now = loop_now(is->il->loop);
    pthread_mutex_lock(&in->throttles_lock);
    to->of = throttle_find(in, origin, rate, now);
    taken = tokens_take(&to->of->tokens, now, &to->stamp, &until);
    pthread_mutex_unlock(&in->throttles_lock);
    if (!taken)
        to->of = NULL;
    return taken;
}

void
inbound_throttle_refund(struct intake *in, struct inbound_charge *c)
{
    if (!c->of)
        return;
    pthread_mutex_lock(&in->throttles_lock);
    tokens_refund(&c->of->tokens, c->stamp);
    pthread_mutex_unlock(&in->throttles_lock);
    c->of = NULL;
}
