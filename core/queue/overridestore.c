/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/overridestore.h"

#include "base/clock.h"
#include "base/macros.h"
#include "queue/print.h"
#include "base/banned.h"

/* --- printed --- */

static json_t *
items_json(const struct override *v)
{
    json_t *all;

    if (!v->value.item_count)
        return print_str(v->value.text);
    all = json_array();
    for (size_t i = 0; i < v->value.item_count; i++)
        json_array_append_new(all, print_str(v->value.items[i]));
    return all;
}

static void
json_name(json_t *j, const char *name, struct str value)
{
    if (value.p)
        json_object_set_new(j, name, print_str(value));
}

json_t *
overridestore_print(const struct override *v)
{
    json_t *j = json_object();

    json_name(j, "binding_group", v->place.group);
    json_name(j, "binding", v->place.binding);
    json_name(j, "domain", v->place.domain);
    json_name(j, "option", str_of(option_get(v->option)->name));
    json_object_set_new(j, "value", items_json(v));
    json_object_set_new(
        j, "adaptive", json_boolean(v->source == OVERRIDE_ADAPTIVE));
    json_object_set_new(j, "set", json_integer(v->set_at));
    json_object_set_new(j, "until", json_integer(v->expires));
    json_name(j, "who", v->who);
    json_name(j, "why", v->why);
    return j;
}

/* --- read --- */

static struct str
text_of(const json_t *t)
{
    return json_is_string(t)
        ? str_make(json_string_value(t), json_string_length(t))
        : STR_NONE;
}

static struct str
json_text(const json_t *j, const char *name)
{
    return text_of(json_object_get(j, name));
}

/* Wall ms; absent: 0. */
static bool
read_time(const json_t *j, const char *name, int64_t *to)
{
    const json_t *t = json_object_get(j, name);
    int64_t ms = json_integer_value(t);

    *to = MIN_OF(ms, CLOCK_WALL_MAX);
    return (!t || json_is_integer(t)) && ms >= 0;
}

/* A text, or a list of them. */
static bool
read_value(const json_t *value, struct str items[OVERRIDE_ITEMS_MAX],
    struct option_value *to)
{
    size_t n = json_array_size(value);

    *to = (struct option_value){.text = text_of(value)};
    if (!json_is_array(value))
        return to->text.p != NULL;
    if (n > OVERRIDE_ITEMS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        items[i] = text_of(json_array_get(value, i));
        if (!items[i].p)
            return false;
    }
    to->text = STR("");
    to->items = n ? items : NULL;
    to->item_count = n;
    return true;
}

int
overridestore_read(struct overrides *to, const json_t *j, struct err *e)
{
    struct str items[OVERRIDE_ITEMS_MAX], name = json_text(j, "option");
    struct override v = {.place = {json_text(j, "binding_group"),
                             json_text(j, "binding"), json_text(j, "domain")},
        .source = json_is_true(json_object_get(j, "adaptive"))
            ? OVERRIDE_ADAPTIVE
            : OVERRIDE_OPERATOR,
        .option = name.p ? option_find(name) : UINT32_MAX,
        .who = json_text(j, "who"),
        .why = json_text(j, "why")};

    if (v.option == UINT32_MAX)
        return err_set(e, ERR_NOTFOUND, "its option is unknown");
    if (!read_time(j, "set", &v.set_at) || !read_time(j, "until", &v.expires))
        return err_set(e, ERR_INVAL, "its times are none");
    if (!read_value(json_object_get(j, "value"), items, &v.value))
        return err_set(e, ERR_INVAL, "its value is none");
    return overrides_set(to, &v, e);
}
