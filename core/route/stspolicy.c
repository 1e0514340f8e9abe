/* SPDX-License-Identifier: Apache-2.0 */
#include "route/stspolicy.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

/* --- characters --- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]))
            return false;
    }
    return s.n && s.n <= STSPOLICY_ID_MAX;
}

/* Of a field: a letter or a digit, then also "_", "-" and "."; 32 at most. */
static bool
is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]) && (!i || !strchr("_-.", s.p[i])))
            return false;
    }
    return s.n && s.n <= 32;
}

/* Blanks and tabs; no CR, unlike str_trim(). */
static struct str
trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* --- the record --- */

/* Fields that are not known here have a value without blanks, ";" and "=". */
static bool
is_record_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '=')
            return false;
    }
    return s.n > 0;
}

static int
record_field(struct str field, struct str *id, struct err *e)
{
    struct str value = field, name = str_cut(&value, '=');

    if (!value.p || !is_name(name) || !is_record_value(value))
        return err_set(e, ERR_PROTO, "a field of the record is none");
    if (!str_eq(name, STR("id")) || id->p)
        return 0;
    if (!is_id(value))
        return err_set(e, ERR_PROTO, "the id of the record is none");
    *id = value;
    return 0;
}

static int
record_read(struct str text, char *to, struct err *e)
{
    struct str id = STR_NONE;

    (void)str_cut(&text, ';'); /* the version */
    while (text.p) {
        struct str field = trim(str_cut(&text, ';'));

        if (!field.n && text.p)
            return err_set(e, ERR_PROTO, "a field of the record is empty");
        if (field.n && record_field(field, &id, e) < 0)
            return ERR_PROTO;
    }
    if (!id.p)
        return err_set(e, ERR_PROTO, "the record has no id");
    (void)str_copy(to, STSPOLICY_ID_MAX + 1, id); /* it fits */
    return 0;
}

/* "v=STSv1", then a delimiter, which may have blanks before it. */
static bool
record_is_one(struct str s)
{
    struct str rest;

    if (!str_starts(s, STR("v=STSv1")))
        return false;
    rest = trim(str_from(s, sizeof("v=STSv1") - 1));
    return rest.n && rest.p[0] == ';';
}

int
stspolicy_id(const struct dns_record *txt, size_t count,
    char id[STSPOLICY_ID_MAX + 1], struct err *e)
{
    const struct dns_record *one = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!record_is_one(txt[i].bytes))
            continue;
        if (one)
            return err_set(e, ERR_PROTO, "there are several records");
        one = &txt[i];
    }
    if (!one)
        return err_set(e, ERR_NOTFOUND, "there is no record");
    return record_read(one->bytes, id, e);
}

/* --- the policy --- */

static bool
is_label(struct str s)
{
    if (!s.n || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    }
    return true;
}

static bool
is_domain(struct str s)
{
    if (!s.n || s.n > 253)
        return false;
    while (s.p) {
        if (!is_label(str_cut(&s, '.')))
            return false;
    }
    return true;
}

static int
policy_add_mx(struct stspolicy *p, struct str value, struct err *e)
{
    struct str name = str_starts(value, STR("*.")) ? str_from(value, 2) : value;
    char *mx;

    if (!is_domain(name))
        return err_set(
            e, ERR_PROTO, "an mx of the policy is no name of a host");
    if (p->mx_count == STSPOLICY_MX_MAX)
        return err_set(
            e, ERR_PROTO, "the policy has more than %d mx", STSPOLICY_MX_MAX);
    if ((p->mx_count & (p->mx_count - 1)) == 0)
        p->mx = xgrow(p->mx, p->mx_count ? p->mx_count * 2 : 1, sizeof(*p->mx));
    mx = p->mx[p->mx_count++] = xdupn(value.p, value.n);
    for (; *mx; mx++) {
        if (*mx >= 'A' && *mx <= 'Z')
            *mx = (char)(*mx - 'A' + 'a');
    }
    return 0;
}

static int
policy_set_mode(struct stspolicy *p, struct str value, struct err *e)
{
    for (int m = STSPOLICY_NONE; m <= STSPOLICY_ENFORCE; m++) {
        p->mode = (enum stspolicy_mode)m;
        if (str_eq(value, str_of(stspolicy_mode_name(p->mode))))
            return 0;
    }
    return err_set(e, ERR_PROTO, "the mode of the policy is not known");
}

static int
policy_set_age(struct stspolicy *p, struct str value, struct err *e)
{
    uint64_t n;

    if (value.n > 10 || num_u64(value, &n) < 0)
        return err_set(e, ERR_PROTO, "the max_age of the policy is no number");
    p->max_age = (int64_t)MIN_OF(n, (uint64_t)STSPOLICY_AGE_MAX);
    return 0;
}

enum { GOT_VERSION = 1, GOT_MODE = 2, GOT_AGE = 4, GOT_ALL = 7 };

/* Of a field that is there twice the first counts. */
static int
policy_field(struct stspolicy *p, struct str name, struct str value,
    unsigned *got, struct err *e)
{
    unsigned field = str_eq(name, STR("version")) ? GOT_VERSION
        : str_eq(name, STR("mode"))               ? GOT_MODE
        : str_eq(name, STR("max_age"))            ? GOT_AGE
                                                  : 0;
    bool first = field && !(*got & field);

    *got |= field;
    if (str_eq(name, STR("mx")))
        return policy_add_mx(p, value, e);
    if (first && field == GOT_VERSION)
        return str_eq(value, STR("STSv1"))
            ? 0
            : err_set(e, ERR_PROTO, "the version of the policy is not known");
    if (first && field == GOT_MODE)
        return policy_set_mode(p, value, e);
    return first ? policy_set_age(p, value, e) : 0;
}

/* Text that is UTF-8 in values of fields that are not known here passes. */
static bool
is_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

static int
policy_line(struct stspolicy *p, struct str line, unsigned *got, struct err *e)
{
    struct str value = line, name = str_cut(&value, ':');

    if (!value.p || !is_name(name) || !is_clean(value))
        return err_set(e, ERR_PROTO, "a line of the policy is none");
    return policy_field(p, name, trim(value), got, e);
}

static int
policy_read(struct stspolicy *p, struct str text, struct err *e)
{
    unsigned got = 0;

    text = str_trim(text); /* what stands behind the last line means nothing */
    while (text.p) {
        struct str line = str_cut(&text, '\n');

        if (text.p && str_ends(line, STR("\r")))
            line.n--;
        line = trim(line);
        if (!line.n)
            return err_set(e, ERR_PROTO, "a line of the policy is empty");
        if (policy_line(p, line, &got, e) < 0)
            return ERR_PROTO;
    }
    if (got != GOT_ALL)
        return err_set(e, ERR_PROTO, "the policy has no %s",
            !(got & GOT_VERSION)    ? "version"
                : !(got & GOT_MODE) ? "mode"
                                    : "max_age");
    if (p->mode != STSPOLICY_NONE && !p->mx_count)
        return err_set(e, ERR_PROTO, "the policy has no mx");
    return 0;
}

int
stspolicy_parse(struct str text, struct stspolicy **to, struct err *e)
{
    struct stspolicy *p;

    /* as we print it it may be longer than it was served */
    if (text.n > 2 * STSPOLICY_SIZE_MAX)
        return err_set(e, ERR_PROTO, "the policy is too long");
    p = xnew(struct stspolicy);
    p->refs = 1;
    if (policy_read(p, text, e) < 0) {
        stspolicy_unref(&p);
        return ERR_PROTO;
    }
    *to = p;
    return 0;
}

struct stspolicy *
stspolicy_ref(struct stspolicy *p)
{
    if (p)
        p->refs++;
    return p;
}

void
stspolicy_unref(struct stspolicy **pp)
{
    struct stspolicy *p = *pp;

    *pp = NULL;
    if (!p || --p->refs)
        return;
    for (size_t i = 0; i < p->mx_count; i++)
        free(p->mx[i]);
    free(p->mx);
    free(p);
}

void
stspolicy_print(const struct stspolicy *p, struct buf *to)
{
    buf_printf(to, "version: STSv1\nmode: %s\n", stspolicy_mode_name(p->mode));
    for (size_t i = 0; i < p->mx_count; i++)
        buf_printf(to, "mx: %s\n", p->mx[i]);
    buf_printf(to, "max_age: %lld\n", (long long)p->max_age);
}

bool
stspolicy_eq(const struct stspolicy *a, const struct stspolicy *b)
{
    if (!a || !b)
        return a == b;
    if (a->mode != b->mode || a->max_age != b->max_age ||
        a->mx_count != b->mx_count)
        return false;
    for (size_t i = 0; i < a->mx_count; i++) {
        if (strcmp(a->mx[i], b->mx[i]) != 0)
            return false;
    }
    return true;
}

bool
stspolicy_has_mx(const struct stspolicy *p, struct str host)
{
    struct str parent;
    size_t dot;

    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    dot = str_chr(host, '.', 0);
    parent = dot == SIZE_MAX || !dot ? STR_NONE : str_from(host, dot + 1);
    for (size_t i = 0; i < p->mx_count; i++) {
        struct str mx = str_of(p->mx[i]);

        if (!str_starts(mx, STR("*."))
                ? str_ieq(mx, host)
                : parent.n && str_ieq(str_from(mx, 2), parent))
            return true;
    }
    return false;
}

const char *
stspolicy_mode_name(enum stspolicy_mode m)
{
    return m == STSPOLICY_ENFORCE ? "enforce"
        : m == STSPOLICY_TESTING  ? "testing"
                                  : "none";
}

bool
stspolicy_is_text(struct str type)
{
    struct str rest = type;

    return str_ieq(trim(str_cut(&rest, ';')), STR("text/plain"));
}
