/* SPDX-License-Identifier: Apache-2.0
 *
 * loader.h - a shared object to a checked module: libltdl, and every refusal
 * with a sentence of its own.
 *
 * Nothing of a module's tables is read before its stamp and size were checked,
 * and all are copied into zeroed structs of our size, so the rest of the core
 * never sees the module's.  No code of the module runs here, but for what the
 * dynamic linker runs.  One thread at a time (registry.c holds a lock); an
 * object that was opened stays open.
 */
#ifndef IMPEL_LOADER_H
#define IMPEL_LOADER_H

#include "base/buf.h"
#include "xport/registry.h"

enum {
    LOADER_OPTIONS_MAX = 1000,
    LOADER_COUNTERS_MAX = 1000,
    LOADER_NAMES_MAX = 64 /* methods, schemes, listeners: each */
};

/* Open NAME.so.  ERR_NOTFOUND: no such file; ERR_IO: the linker refuses it;
 * ERR_PROTO: not a module, or a bad one; ERR_VERSION: another ABI. */
int loader_open(const char *file, struct module **to, struct err *e);
/* The same from a descriptor that is linked in: file names it. */
int loader_check(const struct impel_module *theirs, const char *file,
    struct module **to, struct err *e);
/* Register the module's options and find the core's that it imports.  Once,
 * before the first generation; ERR_BUSY, ERR_NOTFOUND. */
int loader_declare(struct module *m, struct err *e);
/* Only one that was not declared: option tables stay for ever. */
void loader_free(struct module **m);
/* What NAME.serves holds: one "key value" line for each thing it says. */
void loader_print_serves(const struct module *m, struct buf *to);

#endif
