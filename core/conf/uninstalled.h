/* SPDX-License-Identifier: Apache-2.0
 *
 * uninstalled.h - names of modules that the core knows, so that a file which
 * uses one that is not installed loads, with a warning that says what to
 * install.  A name that nobody knows is an error.
 *
 * Known are those of the project itself, and those that were installed here
 * once: a module that is taken away must not keep the daemon from starting,
 * with all the mail of others.  Any thread.
 */
#ifndef IMPEL_UNINSTALLED_H
#define IMPEL_UNINSTALLED_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum installed_kind {
    INSTALLED_METHOD,   /* "LMTP" */
    INSTALLED_SCHEME,   /* "lmtp" */
    INSTALLED_LISTENER, /* "ecstream_listener" */
    INSTALLED_MODULE    /* "lmtp" */
};

/* Said by the registry of each module that is installed.  Twice is fine;
 * ERR_BUSY if another module said so. */
int installed_add(enum installed_kind kind, const char *name,
    const char *module, struct err *e);
/* That module is no longer there: its names are known, and not served. */
void installed_forget(const char *module);
/* The name was served by that module once; nothing if somebody knows it.  true:
 * nobody did. */
bool uninstalled_remember(
    enum installed_kind kind, const char *name, const char *module);
/* Each name, served now or once, that this version does not know by itself. */
typedef void installed_row_f(
    void *arg, enum installed_kind kind, const char *name, const char *module);
void installed_foreign(installed_row_f *fn, void *arg);
/* The module that serves the name, in any case; NULL: none is installed. */
const char *installed_find(enum installed_kind kind, struct str name);
/* The module that would serve it, installed or not; NULL: nobody knows it. */
const char *uninstalled_find(enum installed_kind kind, struct str name);
/* 0: served.  OPTION_WARN: known, not installed; e names the package.
 * ERR_CONF: unknown; e has what is known. */
int installed_check(enum installed_kind kind, struct str name, struct err *e);
/* The module whose options begin as this one does ("lmtp_port"), if it is
 * known and not installed; else NULL. */
const char *uninstalled_option(struct str option);
/* "package impel-module-apn", or of one that was here once "it was before" */
void uninstalled_package(const char *module, char *to, size_t size);
void installed_reset(void); /* tests: forget what was added */

#endif
