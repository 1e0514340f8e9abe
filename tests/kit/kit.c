/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/xmem.h"
#include "crash.h"
#include "base/banned.h"

enum { KIT_WATCHDOG_S = 120, KIT_ROUNDS = 10, KIT_ROUNDS_MOST = 1000000 };

static const struct group {
    const char *name;
    void (*run)(struct kit *);
    bool plays; /* needs load() */
} groups[] = {
    {"shape", shape_run, false},
    {"layout", layout_run, false},
    {"life", life_run, false},
    {"accounts", accounts_run, true},
    {"cut", sweep_run, true},
    {"wire", wire_run, true},
    {"pressure", pressure_run, true},
    {"manners", manners_run, true},
    {"fuzz", fuzz_run, true},
};

static int
kit_usage(void)
{
    fprintf(stderr,
        "usage: impel-modtest [--group=NAME]... [--rounds=N] [--seed=N] "
        "[--summary]\n"
        "           [--verbose] MODULE [SCRIPT...]\n"
        "       impel-modtest --describe MODULE --as=man|md|json\n"
        "groups:");
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        fprintf(stderr, " %s", groups[i].name);
    fputc('\n', stderr);
    return 2;
}

static int
kit_group(const char *name, bool *chosen)
{
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (strcmp(groups[i].name, name) == 0)
            return chosen[i] = true, 0;
    fprintf(stderr, "no such group: %s\n", name);
    return kit_usage();
}

static int
kit_scripts(struct kit *k, int count, char **path)
{
    struct err e = {0};

    k->script = xcalloc((size_t)count + 1, sizeof(k->script[0]));
    for (int i = 0; i < count; i++) {
        if (script_read(path[i], &k->script[k->script_count], &e)) {
            printf("Bail out! %s\n", e.text);
            return e.code;
        }
        k->script_count++;
    }
    if (!count && k->module.has_transport)
        k->script[k->script_count++] = script_builtin(NULL);
    return 0;
}

static int
kit_load_call(struct kit_module *m)
{
    static struct impel_instance instance;
    struct impel_error e = {0};
    int rc;

    instance.module = m;
    rc = m->m.load ? m->m.load(&world_host, &instance, &m->ctx, &e) : 0;
    e.text[sizeof(e.text) - 1] = '\0';
    tap_ok(rc == 0, "load()%s%s", rc ? ": " : "", e.text);
    return rc;
}

static int
kit_run(struct kit *k, const bool *chosen)
{
    bool loaded = false;
    int threads = threads_count();

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (!chosen[i])
            continue;
        tap_group(groups[i].name);
        if (groups[i].plays && !loaded) {
            if (kit_load_call(&k->module))
                break;
            loaded = true;
        }
        crash_alarm(KIT_WATCHDOG_S + k->rounds);
        groups[i].run(k);
    }
    if (loaded && k->module.m.unload)
        k->module.m.unload(k->module.ctx);
    crash_alarm(0);
    tap_group("manners");
    tap_ok(threads_count() == threads, "manners: no thread outlives unload()");
    return tap_end();
}

static void
kit_fini(struct kit *k)
{
    for (size_t i = 0; i < k->script_count; i++)
        script_free(&k->script[i]);
    xfree(&k->script);
    xfree(&k->module.option);
    xfree(&k->module.counter);
}

static bool
kit_number(const char *z, uint64_t most, uint64_t *to)
{
    char *end;

    *to = strtoull(z, &end, 10);
    return end != z && !*end && *z != '-' && *to <= most;
}

int
kit_main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"group", required_argument, NULL, 'g'},
        {"verbose", no_argument, NULL, 'v'},
        {"rounds", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 's'},
        {"summary", no_argument, NULL, 'S'},
        {"describe", no_argument, NULL, 'd'},
        {"as", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool chosen[ARRAY_SIZE(groups)] = {false}, any = false, describe = false;
    bool summary = false;
    const char *as = "md";
    struct kit k = {.rounds = KIT_ROUNDS, .seed = 1};
    struct err e = {0};
    uint64_t rounds = KIT_ROUNDS;
    int c, rc;

    while ((c = getopt_long(argc, argv, "g:vh", longs, NULL)) != -1) {
        switch (c) {
        case 'g':
            any = true;
            if (kit_group(optarg, chosen))
                return 2;
            break;
        case 'v':
            k.verbose = true;
            break;
        case 'r':
            if (!kit_number(optarg, KIT_ROUNDS_MOST, &rounds))
                return kit_usage();
            k.rounds = (uint32_t)rounds;
            break;
        case 's':
            if (!kit_number(optarg, UINT64_MAX, &k.seed))
                return kit_usage();
            break;
        case 'S':
            summary = true;
            break;
        case 'd':
            describe = true;
            break;
        case 'a':
            as = optarg;
            break;
        default:
            return kit_usage();
        }
    }
    if (optind >= argc)
        return kit_usage();
    for (size_t i = 0; !any && i < ARRAY_SIZE(groups); i++)
        chosen[i] = true;
    if (summary)
        tap_summary();
    threads_begin();
    crash_catch(argv[optind]);
    if (kit_load(argv[optind], &k.module, &e)) {
        if (describe)
            return fprintf(stderr, "%s\n", e.text), 1;
        tap_ok(false, "the module can be loaded");
        tap_diag(str_of(e.text));
        return tap_end();
    }
    if (describe)
        rc = describe_print(&k.module.m, as) ? 2 : 0;
    else if (kit_scripts(&k, argc - optind - 1, argv + optind + 1))
        rc = 2;
    else
        rc = kit_run(&k, chosen);
    kit_fini(&k);
    return rc;
}
