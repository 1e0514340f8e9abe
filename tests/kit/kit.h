/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.h - the conformance kit: loads a module and plays host to it.
 *
 * impel-modtest [--group=NAME]... [--rounds=N] [--seed=N] [--summary]
 *     [--verbose] MODULE [SCRIPT...]
 * impel-modtest --describe MODULE --as=man|md|json
 *
 * Each group prints its points as TAP.  A group never stops at a failure.
 */
#ifndef IMPEL_KIT_KIT_H
#define IMPEL_KIT_KIT_H

#include "world.h"

struct kit {
    struct kit_module module;
    size_t script_count;
    struct script **script;
    bool verbose;
    uint32_t rounds; /* of the group fuzz, for each script */
    uint64_t seed;
};

int kit_main(int argc, char **argv);

/* load.c: open the file, check the stamp, copy the tables; load() is not
 * called.  A module stays open until the process ends. */
int kit_load(const char *path, struct kit_module *m, struct err *e);
const char *kit_load_filename(void); /* of the shared object, for its symbols */
/* The same of a descriptor; path names it. */
int kit_take(const struct impel_module *d, const char *path,
    struct kit_module *m, struct err *e);

/* tap.c */
void tap_group(const char *name); /* of the points that follow */
void tap_summary(void); /* from now on no points that passed; at the end a
                         * comment for each group */
void tap_ok(bool ok, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tap_diag(struct str lines); /* behind a failed point */
int tap_end(void);               /* the plan; exit code */
/* A point for one run: its faults, and the transcript, if it failed. */
void tap_world(const struct kit *k, const struct world *w, const char *what);

/* The groups. */
void shape_run(struct kit *k);
void life_run(struct kit *k);
void accounts_run(struct kit *k);
void sweep_run(struct kit *k);
void wire_run(struct kit *k);
void pressure_run(struct kit *k);
void manners_run(struct kit *k);
void fuzz_run(struct kit *k);
void layout_run(struct kit *k);

/* describe.c: tables of options and counters. */
int describe_print(const struct impel_module *m, const char *as);

#endif
