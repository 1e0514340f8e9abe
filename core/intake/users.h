/* SPDX-License-Identifier: Apache-2.0
 *
 * users.h - a file of users and what their passwords leave behind.
 *
 * One user a line: a name, a colon, and one or both of
 *
 *     a hash of crypt(3): yescrypt, scrypt, bcrypt, SHA-512, SHA-256
 *     SCRAM-SHA-256$ROUNDS:SALT$STOREDKEY:SERVERKEY, the last three in base64
 *
 * with a blank between.  Lines that are empty or begin with # are left out.
 * Files of `htpasswd -B` can be used as they are.
 *
 * When a file is read: filecache.h.  Whoever logs in is compared with what is
 * in memory; what a login has begun with stays until its end.
 *
 * Whether a name is there cannot be told from outside: for one that is not,
 * the secret of another is tried, always the same, and SCRAM has a salt that
 * depends on the name alone, for as long as the first line of the file stays.
 *
 * Any thread.
 */
#ifndef IMPEL_USERS_H
#define IMPEL_USERS_H

#include "net/sasl.h"

enum {
    USERS_SIZE_MAX = 128 << 20, /* of a file */
    USERS_MAX = 1000000,
    USERS_LINE_MAX = 2048,
    USERS_NAME_MAX = 255,
    USERS_PASSWORD_MAX = 511 /* of crypt(3) */
};

/* Read the file (again) and judge it: 0; OPTION_WARN with a sentence in e: it
 * is taken; ERR_CONF: what was known of it stays. */
int users_read(struct str path, struct err *e);

struct users;
/* As it was read last; one that never was is read now.  NULL: it cannot be. */
struct users *users_get(struct str path, struct err *e);
void users_put(struct users **u);
size_t users_count(const struct users *u);

/* Is that the name's password?  Takes long, and as long if there is no such
 * name. */
bool users_check(const struct users *u, struct str name, struct str password);
bool users_has(const struct users *u, struct str name);
/* For SCRAM, made up where the file has none.  The salt is lent as long as u,
 * or until this thread asks again. */
void users_keys(const struct users *u, struct str name, struct sasl_keys *to);
/* Does any user have keys for SCRAM? */
bool users_know_scram(const struct users *u);

/* One line of a file, without its end.  ERR_INVAL: that cannot be a name or a
 * password. */
int users_make_line(
    struct str name, struct str password, struct buf *to, struct err *e);

/* From text, for tests and for reading: ERR_CONF names the line. */
struct users *users_parse(struct str text, struct err *e);
/* Forget all files; what logins hold stays theirs. */
void users_drop(void);

#endif
