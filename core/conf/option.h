/* SPDX-License-Identifier: Apache-2.0
 *
 * option.h - what may be configured: rows, checked and documented from one
 * table.
 *
 * Each layer of the core owns a table of rows and adds it here at start, the
 * way a module's rows are added when it is loaded.  One row feeds the parser,
 * `impel config describe`, the manual pages and docs/options.md.  Every row
 * gets an id; values are read by id (scope.h), never by name, on any path that
 * mail takes.
 *
 *     enum { QUEUE_RETRY_INTERVAL, QUEUE_MAX_RETRIES };
 *     static const struct option rows[] = { [QUEUE_RETRY_INTERVAL] = {...} };
 *     struct option_set queue_options = OPTION_SET("queue", rows);
 *     scope_int(s, OPT(queue_options, QUEUE_RETRY_INTERVAL))
 *
 * Threads: rows are added by the main thread before the first generation, and
 * by the scheduler when a module is loaded; ids never change.
 */
#ifndef IMPEL_OPTION_H
#define IMPEL_OPTION_H

#include <impel/module.h>
#include "base/err.h"
#include "base/str.h"

/* Types: IMPEL_OPT_* of module.h, and the core's own: */
enum {
    OPTION_THROTTLE = 100, /* "N" or "N/T": reads as struct throttle_rate */
    OPTION_PERMS,          /* octal: 0640; reads as int */
    OPTION_FLOAT,          /* scope_double() */
    OPTION_CIDRS,          /* list of addresses and prefixes, v6 bare or not */
    OPTION_REGEX           /* PCRE text, compiled once per generation */
};
/* Scopes: IMPEL_SCOPE_* and the stanzas of the core: */
enum {
    SCOPE_EVENTLOOP = 1 << 8,
    SCOPE_THREADPOOL = 1 << 9,
    SCOPE_EC_LOGGER = 1 << 10,
    SCOPE_BOUNCE_LOGGER = 1 << 11,
    SCOPE_SECURITY = 1 << 12,
    SCOPE_DEBUG_FLAGS = 1 << 13,
    SCOPE_CONTROL = 1 << 14,        /* control_listener */
    SCOPE_CONTROL_LISTEN = 1 << 15, /* listen in it */
    SCOPE_MODULE = 1 << 16,         /* a module's own stanza */
    SCOPE_MXIP = 1 << 17,
    SCOPE_OPENDKIM = 1 << 18,
    SCOPE_DKIM_DOMAIN = 1 << 19,
    SCOPE_LISTENERS = IMPEL_SCOPE_LISTENER | IMPEL_SCOPE_LISTEN,
    SCOPE_ALL_LISTENERS = SCOPE_LISTENERS | IMPEL_SCOPE_PEER
};
enum {                   /* flags */
    OPTION_RESTART = 1,  /* a change takes effect at the next start */
    OPTION_MS = 2,       /* DURATION whose plain integer is in ms, not s */
    OPTION_BRACKETS = 4, /* a bare IPv6 address is refused (gateway, routes) */
    OPTION_NO_CASE = 8,  /* value is folded to lower case (domains) */
    OPTION_REFERENCE = 16,    /* falls back by reference: throttles */
    OPTION_TOP = 32,          /* DOMAIN: not in a binding or group (routes) */
    OPTION_UPPER = 64,        /* value is folded to upper case (methods) */
    OPTION_ZERO_IS_ALL = 128, /* INT: 0 is no limit */
    OPTION_NO_OVERRIDE = 256  /* it says where mail goes (override.h) */
};
/* Bounds of a DURATION are in ms, as it is read. */
#define OPTION_SECONDS(n) ((int64_t)(n)*1000)
#define OPTION_FOREVER ((int64_t)4294967295 * 1000)

/* Words.  CHOICE: "inline|true|yes" is one choice with two other spellings;
 * the index counts choices.  INT, DURATION and SIZE with choices: the first
 * word reads as -1, the second as -2 (max_retries: "auto", "none"). */

/* A value as text, to be judged by a row's own check. */
struct option_value {
    struct str text;         /* scalar types */
    const struct str *items; /* LIST, DICT, CIDRS */
    size_t item_count;
    const struct str *keys; /* DICT, with items */
};
/* What the type cannot say: ERR_CONF with one sentence, 0, or OPTION_WARN with
 * a sentence in e: the value is taken, or ignored, and that is said. */
enum { OPTION_WARN = 1 };
typedef int option_check_f(const struct option_value *v, struct err *e);

struct option {
    const char *name; /* lower case, as documented */
    int type;
    uint32_t scopes;
    const char *initial;        /* as an operator would write it; NULL: unset */
    int64_t min, max;           /* inclusive; both 0: no bound */
    const char *const *choices; /* CHOICE: NULL-ended, lower case */
    const char *brief;          /* one line, no full stop */
    const char *manual;         /* paragraphs, or NULL */
    const char *since;          /* "0.1" */
    int flags;
    option_check_f *check; /* or NULL */
    const char *instead;   /* what to do where it is not valid, or NULL */
};
/* A stanza as a whole, own values only (stanza_value() of generation.h); *at:
 * id of the option to point at.  Results as of a check. */
struct stanza;
typedef int option_stanza_f(
    const struct stanza *s, uint32_t *at, struct err *e);
struct option_set {
    const char *layer; /* who owns it: "queue", or a module's name */
    const struct option *rows;
    uint32_t count;
    uint32_t first;         /* id of rows[0]; set by option_add() */
    option_stanza_f *check; /* or NULL */
};
#define OPTION_SET_CHECKED(layer, rows, check) \
    { \
        layer, rows, ARRAY_SIZE(rows), UINT32_MAX, check \
    }
#define OPTION_SET(layer, rows) OPTION_SET_CHECKED(layer, rows, NULL)
#define OPT(set, row) ((set).first + (uint32_t)(row))

/* Add a table; it must stay for the life of the process.  ERR_BUSY names a row
 * that exists already. */
int option_add(struct option_set *set, struct err *e);
uint32_t option_count(void);
const struct option *option_get(uint32_t id);
const char *option_layer(uint32_t id);
/* A module reads a row that it does not have itself; once it has said so. */
void option_import(uint32_t id);
bool option_is_imported(uint32_t id);
uint32_t option_set_count(void);
const struct option_set *option_set_get(uint32_t i);
/* By name in any case; UINT32_MAX: none. */
uint32_t option_find(struct str name);
/* Up to 3 near names, ", "-separated, into e-like text: "did you mean". */
void option_near(struct str name, char *to, size_t size);
/* Judge one value by its row: type, range, choices, check. */
int option_judge(
    const struct option *o, const struct option_value *v, struct err *e);
/* on/off, true/false, yes/no, enabled/disabled, 1/0: 1, 0, or -1. */
int option_bool(struct str s);
/* Names of the scopes of a mask: "global, binding, domain". */
void option_scope_names(uint32_t scopes, char *to, size_t size);
void option_reset(void); /* tests: forget all tables */

/* Stanza kinds, so that modules can serve their own listeners: the name in any
 * case ("ESMTP_Listener"), served by a module or by the core. */
int option_add_listener(const char *stanza, const char *module, struct err *e);
/* A stanza of a module's own name whose rows have SCOPE_MODULE. */
int option_add_module_stanza(const char *module, struct err *e);
/* A delivery_method, or a scheme of routes ("smtp"), that is served. */
int option_add_method(const char *method, const char *module, struct err *e);
int option_add_scheme(const char *scheme, const char *module, struct err *e);

#endif
