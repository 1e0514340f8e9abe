/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

static const char *const bit8_choices[] = {"no", "ifavailable", NULL};
static const char *const injection_choices[] = {"reject", "ignore", NULL};
static const char *const tls_choices[] = {
    "no", "ifavailable", "required", NULL};
static const char *const xclient_choices[] = {
    "no", "ifavailable", "required", NULL};
static const char *const lone_choices[] = {"pedantic", "fix", NULL};
static const char *const transform_choices[] = {
    "no", "ifneeded", "strict", "strip", NULL};

#define ROW(n, t, i, c) \
    { \
        .name = n, .type = t, .initial = i, .choices = c \
    }
#define SECONDS(n, i) ROW(n, IMPEL_OPT_DURATION, i, NULL)
#define NUMBER(n, i) ROW(n, IMPEL_OPT_INT, i, NULL)
#define SWITCH(n, i) ROW(n, IMPEL_OPT_BOOL, i, NULL)
#define TEXT(n) ROW(n, IMPEL_OPT_STRING, NULL, NULL)
#define ITEMS(n, t) ROW(n, t, NULL, NULL)

/* What modules import of the core: names, types and initial values, as
 * tests/kit/imports.test compares them with the core's own tables. */
static const struct impel_option core_rows[] = {
    SECONDS("connect_timeout", "300"),
    SECONDS("ehlo_timeout", "300"),
    SECONDS("mailfrom_timeout", "300"),
    SECONDS("rcptto_timeout", "300"),
    SECONDS("body_timeout", "600"),
    SECONDS("delivery_response_timeout", "5s"),
    SECONDS("rset_timeout", "30"),
    SECONDS("idle_timeout", "5"),
    SECONDS("idle_time", "300"),
    SECONDS("session_time", "0"),
    SECONDS("body_time", "3600"),
    SECONDS("future_release_max", "0"),
    SECONDS("deliver_by_min", "0"),
    NUMBER("max_commands", "1000"),
    NUMBER("max_errors", "20"),
    SWITCH("rfc2821_allow_whitespace_in_envelope", "false"),
    ROW("rfc2822_lone_lf_in_body", IMPEL_OPT_CHOICE, "pedantic", lone_choices),
    NUMBER("max_deliveries_per_connection", "0"),
    NUMBER("max_recipients_per_connection", "0"),
    NUMBER("max_recipients_per_batch", "100"),
    NUMBER("max_receptions_per_connection", "0"),
    NUMBER("max_recipients_per_message", "0"),
    NUMBER("max_recipients_per_connection", "0"),
    ROW("max_message_size", IMPEL_OPT_SIZE, "0", NULL),
    ROW("send_8bitmime", IMPEL_OPT_CHOICE, "no", bit8_choices),
    ROW("transform_8bitmime_content", IMPEL_OPT_CHOICE, "ifneeded",
        transform_choices),
    ROW("tls", IMPEL_OPT_CHOICE, "no", tls_choices),
    SWITCH("tls_ifavailable_fallback", "true"),
    SWITCH("push_convert", "no"),
    ROW("http_uri", IMPEL_OPT_STRING, NULL, NULL),
    ROW("http_host", IMPEL_OPT_STRING, NULL, NULL),
    ROW("http_basic_auth", IMPEL_OPT_SECRET, NULL, NULL),
    SWITCH("require_starttls", "false"),
    ROW("starttls_injection_policy", IMPEL_OPT_CHOICE, "reject",
        injection_choices),
    ROW("xclient", IMPEL_OPT_CHOICE, "no", xclient_choices),
    ROW("remote_smtp_port", IMPEL_OPT_PORT, "25", NULL),
    TEXT("ehlo_hostname"),
    TEXT("banner_hostname"),
    TEXT("static_banner"),
    TEXT("received_hostname"),
    ITEMS("smtp_extensions", IMPEL_OPT_LIST),
    ITEMS("context", IMPEL_OPT_DICT),
    SWITCH("require_ehlo", "false"),
    SWITCH("allow_null_envelope_sender", "true"),
    SWITCH("allow_trailing_whitespace_in_commands", "false"),
    TEXT("domain_for_unqualified_recipient_addresses"),
    TEXT("domain_for_unqualified_sender_address"),
    ROW("reconfig_message", IMPEL_OPT_STRING,
        "4.3.2 Reconfiguration in progress", NULL),
};

const struct impel_option *
value_core_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(core_rows); i++)
        if (strcmp(core_rows[i].name, name) == 0)
            return &core_rows[i];
    return NULL;
}

bool
value_is_number(int type)
{
    return type >= IMPEL_OPT_BOOL && type <= IMPEL_OPT_CHOICE;
}

static void
value_clear(struct value *v)
{
    for (size_t i = 0; i < v->count; i++) {
        buf_fini(&v->item[i]);
        buf_fini(&v->key[i]);
    }
    xfree(&v->item);
    xfree(&v->key);
    v->count = 0;
    v->is_set = false;
    v->number = 0;
}

static void
add_item(struct value *v, struct str key, struct str item)
{
    v->item = xgrow(v->item, v->count + 1, sizeof(*v->item));
    v->key = xgrow(v->key, v->count + 1, sizeof(*v->key));
    v->item[v->count] = (struct buf)BUF_INIT;
    v->key[v->count] = (struct buf)BUF_INIT;
    buf_str(&v->key[v->count], key);
    buf_str(&v->item[v->count++], item);
}

static struct str
unquoted(struct str s)
{
    s = str_trim(s);
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return str_sub(s, 1, s.n - 2);
    return s;
}

/* "a, b" or "k=v, k2=v2", in brackets or not. */
/* "( a, b )" as a whole, not "{a} {b}". */
static bool
is_bracketed(struct str text)
{
    static const char open[] = "([{", close[] = ")]}";
    const char *at = text.n >= 2 ? strchr(open, text.p[0]) : NULL;

    return at && *at && str_chr(text, close[at - open], 0) == text.n - 1;
}

static void
parse_items(struct value *v, struct str text, bool dict)
{
    struct str word;

    text = str_trim(text);
    if (is_bracketed(text))
        text = str_sub(text, 1, text.n - 2);
    while (text.p && str_trim(text).n) {
        word = str_trim(str_cut(&text, ','));
        if (dict) {
            struct str key = str_trim(str_cut(&word, '='));
            add_item(v, unquoted(key), unquoted(word));
        } else {
            add_item(v, STR_NONE, unquoted(word));
        }
    }
}

static int
parse_bool(struct str t, int64_t *to)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (str_ieq(t, str_of(yes[i])))
            return *to = 1, 0;
        if (str_ieq(t, str_of(no[i])))
            return *to = 0, 0;
    }
    return ERR_INVAL;
}

static int
parse_choice(const struct impel_option *row, struct str t, int64_t *to)
{
    for (int i = 0; row->choices && row->choices[i]; i++)
        if (str_ieq(t, str_of(row->choices[i])))
            return *to = i, 0;
    return ERR_INVAL;
}

static int
parse_number(const struct impel_option *row, struct str t, int64_t *to)
{
    switch (row->type) {
    case IMPEL_OPT_BOOL:
        return parse_bool(t, to);
    case IMPEL_OPT_INT:
        return num_i64(t, to);
    case IMPEL_OPT_SIZE:
        return num_size(t, to);
    case IMPEL_OPT_DURATION:
        return num_duration(t, to);
    case IMPEL_OPT_PORT:
        return num_i64(t, to) || *to < 0 || *to > 65535 ? ERR_INVAL : 0;
    default:
        return parse_choice(row, t, to);
    }
}

int
value_parse(const struct impel_option *row, const char *text, struct value *v,
    struct err *e)
{
    struct str t = unquoted(str_of(text));
    bool bounded = row->min || row->max;

    value_clear(v);
    v->row = row;
    v->is_set = true;
    if (value_is_number(row->type)) {
        if (parse_number(row, t, &v->number))
            return err_set(e, ERR_INVAL, "%s: \"%s\" is not such a value",
                row->name, text);
        if (bounded && (v->number < row->min || v->number > row->max))
            return err_set(
                e, ERR_INVAL, "%s: %s is out of range", row->name, text);
    } else if (row->type == IMPEL_OPT_LIST || row->type == IMPEL_OPT_DICT) {
        parse_items(v, str_of(text), row->type == IMPEL_OPT_DICT);
    } else {
        add_item(v, STR_NONE, t);
    }
    return 0;
}

int
value_table(const struct impel_option *rows, size_t count, struct value **to,
    struct err *e)
{
    const struct impel_option *row;
    struct value *v = xcalloc(count + 1, sizeof(*v));
    int rc = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        row = &rows[i];
        if (row->type == IMPEL_OPT_IMPORT)
            row = value_core_row(row->name);
        if (!row)
            rc = err_set(
                e, ERR_NOTFOUND, "the core has no option %s", rows[i].name);
        else if (row->initial)
            rc = value_parse(row, row->initial, &v[i], e);
        v[i].row = row;
    }
    if (rc)
        value_table_free(&v, count);
    *to = v;
    return rc;
}

void
value_table_free(struct value **to, size_t count)
{
    for (size_t i = 0; *to && i < count; i++)
        value_clear(&(*to)[i]);
    xfree(to);
}
