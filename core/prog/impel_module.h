/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_module.h - `impel module new NAME [--dir DIR] [--plain|--autotools]`:
 * the source of a module to begin with, made of the template that is installed
 * with the program.
 *
 * The template is a module called mymodule.  In what is written that word, in
 * small and in capital letters, is NAME, and what is for the other way of
 * building is left out.
 */
#ifndef IMPEL_IMPEL_MODULE_H
#define IMPEL_IMPEL_MODULE_H

#include "base/buf.h"
#include "base/err.h"

struct impel_module_new {
    struct str name;
    const char *template; /* a folder */
    const char *dir;      /* to be written; NULL: one of that name, here */
    bool plain;           /* a Makefile, no autotools */
};

/* What `impel module new` was asked for, from the words behind these.  name is
 * the caller's; dir and template are to be freed.  ERR_INVAL: the usage. */
int impel_module_read(const struct str *words, size_t count,
    struct impel_module_new *to, struct err *e);
void impel_module_fini(struct impel_module_new *n);
/* Write it, and append what comes next to *said.  The options of the core must
 * be declared, since names that they begin with are refused.  ERR_INVAL: no
 * such name; ERR_BUSY: the folder is there and not empty; ERR_NOTFOUND: no
 * template; ERR_IO.  Nothing that exists is changed. */
int impel_module_write(
    const struct impel_module_new *n, struct buf *said, struct err *e);
/* Append the text of one file as it is in a module of that name. */
void impel_module_fill(
    struct str text, struct str name, bool plain, struct buf *to);

#endif
