/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-kit.c - the scripts of the conformance kit with peers that say what the
 * fuzzer likes: an octet for the module, one for the script, one for the
 * portions in which bytes arrive, and then how words are changed
 * (tests/kit/mangle.c) or what is said in their place.
 */
#include <glob.h>
#include <kit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/xmem.h"

enum { KIT_MOST_BYTES = 4096 };

extern const struct impel_module apn_LTX_impel_module,
    ecstream_LTX_impel_module, esmtp_LTX_impel_module, gcm_LTX_impel_module,
    lmtp_LTX_impel_module, milter_LTX_impel_module, mm7_LTX_impel_module,
    null_LTX_impel_module;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct player {
    const char *name;
    const struct impel_module *descriptor;
    struct kit kit;
} players[] = {
    {.name = "esmtp", .descriptor = &esmtp_LTX_impel_module},
    {.name = "milter", .descriptor = &milter_LTX_impel_module},
    {.name = "ecstream", .descriptor = &ecstream_LTX_impel_module},
    {.name = "lmtp", .descriptor = &lmtp_LTX_impel_module},
    {.name = "apn", .descriptor = &apn_LTX_impel_module},
    {.name = "mm7", .descriptor = &mm7_LTX_impel_module},
    {.name = "null", .descriptor = &null_LTX_impel_module},
    {.name = "gcm", .descriptor = &gcm_LTX_impel_module},
};

static void
give_up(const char *what, const struct err *e)
{
    fprintf(stderr, "%s: %s\n", what, e->text);
    exit(1);
}

static void
read_scripts(struct player *p)
{
    char pattern[1000];
    struct kit *k = &p->kit;
    struct err e = {0};
    glob_t found = {0};

    if (access(KIT_SCRIPTS, R_OK | X_OK)) {
        perror(KIT_SCRIPTS);
        exit(1);
    }
    snprintf(pattern, sizeof(pattern), "%s/%s-*.kit", KIT_SCRIPTS, p->name);
    (void)glob(pattern, 0, NULL, &found);
    k->script = xcalloc(found.gl_pathc + 1, sizeof(k->script[0]));
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (script_read(found.gl_pathv[i], &k->script[k->script_count++], &e))
            give_up(found.gl_pathv[i], &e);
    globfree(&found);
    if (!k->script_count)
        k->script[k->script_count++] = script_builtin(NULL);
}

/* Once in the process; both stay. */
static void
load(struct player *p)
{
    static struct impel_instance instances[ARRAY_SIZE(players)];
    struct impel_instance *mine = &instances[p - players];
    struct kit_module *m = &p->kit.module;
    struct impel_error refused = {0};
    struct err e = {0};

    threads_begin();
    if (kit_take(p->descriptor, p->name, m, &e))
        give_up(p->name, &e);
    mine->module = m;
    if (m->m.load && m->m.load(&world_host, mine, &m->ctx, &refused))
        give_up(p->name, &e);
    read_scripts(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world_plan plan = {.inject = INJECT_WORDS, .lenient = true};
    struct player *p;
    struct script *s;
    struct world *w;

    if (n < 3 || n > KIT_MOST_BYTES)
        return 0;
    p = &players[data[0] % ARRAY_SIZE(players)];
    if (!p->kit.script)
        load(p);
    s = p->kit.script[data[1] % p->kit.script_count];
    plan.wire = (enum world_wire)(data[2] % 4);
    plan.bytes = data + 3;
    plan.byte_count = n - 3;
    w = world_play(&p->kit.module, s, &plan);
    if (w->fault_count) {
        fprintf(stderr, "%s, %s:\n%s%s", p->name, s->path ? s->path : s->title,
            w->faults.p, w->transcript.p ? w->transcript.p : "");
        abort();
    }
    world_free(&w);
    return 0;
}
