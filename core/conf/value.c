/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/num.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "conf/ecconf.h"
#include "conf/secretref.h"
#include "base/banned.h"

enum {
    REGEX_LENGTH_MAX = 8192,
    REGEX_MATCH_LIMIT = 200000, /* steps for one text */
    REGEX_DEPTH_LIMIT = 5000,
    REGEX_HEAP_KIB = 4096
};

/* "unset", "a list" and so on, for what was written. */
static const char *
value_shape(const struct option_value *v)
{
    if (v->keys)
        return "a dictionary";
    return v->items ? "a list" : "one value";
}

static int
value_wants(const char *what, const struct option_value *v, struct err *e)
{
    return err_set(e, ERR_CONF, "expected %s, not '%.*s'", what,
        (int)MIN_OF(v->text.n, (size_t)80), v->text.p ? v->text.p : "");
}

static struct str
value_fold(struct arena *a, struct str s, int flags)
{
    struct str copy = arena_str(a, s);

    for (size_t i = 0; i < copy.n; i++) {
        char *c = (char *)(uintptr_t)&copy.p[i];

        if (flags & OPTION_NO_CASE && *c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
        else if (flags & OPTION_UPPER && *c >= 'a' && *c <= 'z')
            *c = (char)(*c & ~0x20);
    }
    return copy;
}

/* Is s one of the spellings of "inline|true|yes"? */
static bool
value_spells(const char *choice, struct str s)
{
    struct str rest = str_of(choice);

    while (rest.p)
        if (str_ieq(str_cut(&rest, '|'), s))
            return true;
    return false;
}

static int
value_word(const struct option *o, struct str s)
{
    for (int i = 0; o->choices && o->choices[i]; i++)
        if (value_spells(o->choices[i], s))
            return i;
    return -1;
}

/* "inline, internal" */
static void
value_words(const struct option *o, char *to, size_t size)
{
    size_t used = 0;

    to[0] = 0;
    for (int i = 0; o->choices && o->choices[i]; i++) {
        struct str rest = str_of(o->choices[i]), first = str_cut(&rest, '|');

        if (used + first.n + 3 > size)
            return;
        used += (size_t)snprintf(
            to + used, size - used, "%s%.*s", i ? ", " : "", STR_ARG(first));
    }
}

static int
value_choice(const struct option *o, const struct option_value *v,
    struct value *to, struct err *e)
{
    char words[300];
    int i = value_word(o, v->text);

    if (i < 0) {
        value_words(o, words, sizeof(words));
        return err_set(e, ERR_CONF, "expected one of %s, not '%.*s'", words,
            (int)MIN_OF(v->text.n, (size_t)80), v->text.p);
    }
    to->number = i;
    return 0;
}

static int
value_duration(const struct option *o, struct str s, int64_t *to)
{
    uint64_t ms;

    if (o->flags & OPTION_MS && num_u64(s, &ms) == 0 && ms <= INT64_MAX) {
        *to = (int64_t)ms;
        return 0;
    }
    return num_duration(s, to);
}

static const char *
value_unit(const struct option *o)
{
    if (o->type == IMPEL_OPT_SIZE)
        return "a number of bytes such as 4096 or 64K";
    if (o->type == IMPEL_OPT_DURATION)
        return o->flags & OPTION_MS
            ? "a time in milliseconds, or with a unit such as 5s"
            : "a time in seconds, or with a unit such as 15m";
    return o->type == IMPEL_OPT_PORT ? "a port" : "a whole number";
}

static int
value_out_of_range(
    const struct option *o, const struct option_value *v, struct err *e)
{
    bool duration = o->type == IMPEL_OPT_DURATION;
    int64_t unit = duration && !(o->flags & OPTION_MS) ? 1000 : 1;
    const char *name = "";

    if (duration)
        name = o->flags & OPTION_MS ? " milliseconds" : " seconds";
    return err_set(e, ERR_CONF, "%.*s is out of range: from %lld to %lld%s",
        STR_ARG(v->text), (long long)(o->min / unit),
        (long long)(o->max / unit), name);
}

static int
value_number(const struct option *o, const struct option_value *v,
    struct value *to, struct err *e)
{
    int word = value_word(o, v->text), rc;
    char words[200];

    if (word >= 0) {
        to->number = -1 - word;
        return 0;
    }
    if (o->type == IMPEL_OPT_SIZE)
        rc = num_size(v->text, &to->number);
    else if (o->type == IMPEL_OPT_DURATION)
        rc = value_duration(o, v->text, &to->number);
    else
        rc = num_i64(v->text, &to->number);
    if (rc) {
        value_words(o, words, sizeof(words));
        return err_set(e, ERR_CONF, "expected %s%s%s, not '%.*s'",
            value_unit(o), words[0] ? " or " : "", words,
            (int)MIN_OF(v->text.n, (size_t)80), v->text.p);
    }
    if (o->type == IMPEL_OPT_PORT && !o->max &&
        (to->number < 1 || to->number > 65535))
        return err_set(e, ERR_CONF, "a port is from 1 to 65535");
    if ((o->min || o->max) && (to->number < o->min || to->number > o->max))
        return value_out_of_range(o, v, e);
    return 0;
}

static int
value_throttle(const struct option_value *v, struct value *to, struct err *e)
{
    struct str window = v->text, count = str_cut(&window, '/');
    int64_t seconds = 1;
    bool ok = num_i64(str_trim(count), &to->number) == 0 && to->number >= 0 &&
        to->number <= INT64_C(1000000000);

    if (window.p)
        ok = ok && num_i64(str_trim(window), &seconds) == 0 && seconds > 0 &&
            seconds <= 31 * 86400;
    if (!ok)
        return value_wants("\"N\" for N a second or \"N/T\" for N in T "
                           "seconds",
            v, e);
    to->window_ms = seconds * 1000;
    return 0;
}

static int
value_perms(const struct option_value *v, struct value *to, struct err *e)
{
    uint64_t mode;

    if (num_octal(v->text, &mode) || mode > 07777)
        return value_wants("a mode in octal such as 0640", v, e);
    to->number = (int64_t)mode;
    return 0;
}

static int
value_float(const struct option *o, const struct option_value *v,
    struct value *to, struct err *e)
{
    int word = value_word(o, v->text);

    if (word >= 0) {
        to->real = -1 - word;
        return 0;
    }
    if (num_double(v->text, &to->real))
        return value_wants("a decimal number", v, e);
    if ((o->min || o->max) &&
        (to->real < (double)o->min || to->real > (double)o->max))
        return value_out_of_range(o, v, e);
    return 0;
}

static int
value_scalar(const struct option *o, const struct option_value *v,
    struct value *to, struct err *e)
{
    int on;

    switch (o->type) {
    case IMPEL_OPT_BOOL:
        on = option_bool(v->text);
        to->number = on;
        return on < 0 ? value_wants("true or false", v, e) : 0;
    case IMPEL_OPT_CHOICE:
        return value_choice(o, v, to, e);
    case OPTION_THROTTLE:
        return value_throttle(v, to, e);
    case OPTION_PERMS:
        return value_perms(v, to, e);
    case OPTION_FLOAT:
        return value_float(o, v, to, e);
    case OPTION_REGEX:
        return value_regex(v->text, &to->regex, e);
    case IMPEL_OPT_STRING:
    case IMPEL_OPT_SECRET:
        return 0;
    default:
        return value_number(o, v, to, e);
    }
}

static bool
value_is_many(int type)
{
    return type == IMPEL_OPT_LIST || type == IMPEL_OPT_DICT ||
        type == OPTION_CIDRS;
}

static int
value_check_shape(
    const struct option *o, const struct option_value *v, struct err *e)
{
    const char *want = o->type == IMPEL_OPT_DICT ? "a dictionary" : "a list";

    if (!value_is_many(o->type)) {
        if (!v->items)
            return 0;
        return err_set(e, ERR_CONF, "expected one value, not %s%s",
            value_shape(v),
            v->keys ? "; a value that begins with [ stands in quotes" : "");
    }
    if (o->type == IMPEL_OPT_DICT ? v->keys || (v->items && !v->item_count)
                                  : !v->keys)
        return 0;
    return err_set(e, ERR_CONF, "expected %s, not %s", want, value_shape(v));
}

static int
value_cidrs(struct arena *a, struct value *to, struct err *e)
{
    to->cidrs = arena_alloc(a, (to->count + 1) * sizeof(*to->cidrs));
    for (size_t i = 0; i < to->count; i++) {
        if (cidr_parse(
                to->items[i], CIDR_PREFIX | CIDR_BRACKETS, &to->cidrs[i], e))
            return err_set(e, ERR_CONF,
                "item %zu: '%.*s' is no address or prefix such as 10.0.0.0/8 "
                "or 2001:db8::/32",
                i + 1, (int)MIN_OF(to->items[i].n, (size_t)80), to->items[i].p);
        cidr_unmap(&to->cidrs[i]);
    }
    return 0;
}

static int
value_many(const struct option *o, const struct option_value *v,
    struct arena *a, struct value *to, struct err *e)
{
    bool one = !v->items; /* one value stands for a list of it */

    to->count = one ? 1 : v->item_count;
    to->items = arena_alloc(a, (to->count + 1) * sizeof(*to->items));
    for (size_t i = 0; i < to->count; i++)
        to->items[i] = value_fold(a, one ? v->text : v->items[i], o->flags);
    if (v->keys) {
        to->keys = arena_alloc(a, (to->count + 1) * sizeof(*to->keys));
        for (size_t i = 0; i < to->count; i++)
            to->keys[i] = arena_str(a, v->keys[i]);
    }
    return o->type == OPTION_CIDRS ? value_cidrs(a, to, e) : 0;
}

/* The check sees what will be read: folded, and one value as a list of it. */
static int
value_check(const struct option *o, const struct value *made, struct err *e)
{
    struct option_value seen = {.text = made->text,
        .items = made->items,
        .item_count = made->count,
        .keys = made->keys};

    return o->check ? o->check(&seen, e) : 0;
}

/* Scopes hand out the secret itself. */
static int
value_secret(struct arena *a, struct value *to, struct err *e)
{
    struct buf b = BUF_INIT;
    int rc = secretref_read(to->text, &b, e);

    if (rc == 0)
        to->text = arena_str(a, buf_get(&b));
    if (b.p)
        explicit_bzero(b.p, b.size);
    buf_fini(&b);
    return rc;
}

int
value_make(const struct option *o, const struct option_value *v,
    struct arena *a, struct value *to, struct err *e)
{
    int rc;

    memset(to, 0, sizeof(*to));
    to->type = o->type;
    rc = value_check_shape(o, v, e);
    if (rc)
        return rc;
    if (value_is_many(o->type)) {
        rc = value_many(o, v, a, to, e);
    } else {
        to->text = value_fold(a, v->text, o->flags);
        rc = value_scalar(o, v, to, e);
        if (rc == 0 && o->type == IMPEL_OPT_SECRET)
            rc = value_secret(a, to, e);
    }
    return rc ? rc : value_check(o, to, e);
}

/* A list's default is written with spaces between its items. */
static size_t
value_split(struct str s, struct str *items, size_t max)
{
    size_t n = 0;

    while (s.p && n < max) {
        struct str word = str_trim(str_cut(&s, ' '));
        if (word.n)
            items[n++] = word;
    }
    return n;
}

bool
value_default(const struct option *o, struct arena *a, struct value *to)
{
    struct str items[64];
    struct option_value v = {.text = str_of(o->initial)};

    memset(to, 0, sizeof(*to));
    to->type = o->type;
    if (!o->initial)
        return false;
    if (value_is_many(o->type)) {
        v.item_count = value_split(v.text, items, ARRAY_SIZE(items));
        v.items = items;
    }
    return value_make(o, &v, a, to, NULL) >= 0;
}

void
value_fini(struct value *v)
{
    value_regex_free(v->regex);
    v->regex = NULL;
    if (v->type == IMPEL_OPT_SECRET && v->text.n)
        explicit_bzero((char *)(uintptr_t)v->text.p, v->text.n);
}

void
value_print(const struct value *v, struct buf *to)
{
    struct node n = {
        .text = v->text, .items = v->items, .keys = v->keys, .count = v->count};

    if (v->type == IMPEL_OPT_SECRET) {
        buf_cstr(to, "(secret)");
        return;
    }
    if (v->items)
        n.shape = v->keys ? NODE_DICT : NODE_LIST;
    ecconf_print_value(&n, to);
}

int
value_regex(struct str pattern, void **code, struct err *e)
{
    int number;
    PCRE2_SIZE at;
    unsigned char text[200];

    *code = NULL;
    if (pattern.n > REGEX_LENGTH_MAX)
        return err_set(
            e, ERR_CONF, "a pattern of more than %d bytes", REGEX_LENGTH_MAX);
    *code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
        PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
    if (*code)
        return 0;
    if (pcre2_get_error_message(number, text, sizeof(text)) < 0)
        text[0] = 0;
    return err_set(e, ERR_CONF, "pattern '%.*s': %s at offset %zu",
        (int)MIN_OF(pattern.n, (size_t)120), pattern.p, (const char *)text,
        (size_t)at);
}

bool
value_regex_matches(const void *code, struct str text)
{
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int rc = -1;

    if (found && limits) {
        (void)pcre2_set_match_limit(limits, REGEX_MATCH_LIMIT);
        (void)pcre2_set_depth_limit(limits, REGEX_DEPTH_LIMIT);
        (void)pcre2_set_heap_limit(limits, REGEX_HEAP_KIB);
        rc = pcre2_match(code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, 0,
            found, limits);
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(found);
    return rc >= 0;
}

void
value_regex_free(void *code)
{
    pcre2_code_free(code);
}
