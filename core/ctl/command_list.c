/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/command_list.h"

#include "base/buf.h"
#include "ctl/jsontext.h"
#include "base/banned.h"

#define ROW(function, words, args, brief, changes) \
    {words, args, brief, changes},
static const struct command_words list[] = {COMMANDS(ROW)};

const struct command_words *
command_list(size_t *count)
{
    *count = ARRAY_SIZE(list);
    return list;
}

enum { COLUMN = 34 };

static void
print_row(const struct command_words *row, struct buf *to)
{
    struct buf usage = BUF_INIT;
    buf_printf(
        &usage, "%s%s%s", row->words, row->args[0] ? " " : "", row->args);
    if (usage.n < COLUMN)
        buf_printf(to, "  %-*s %s\n", COLUMN, usage.p, row->brief);
    else
        buf_printf(to, "  %s\n  %-*s %s\n", usage.p, COLUMN, "", row->brief);
    buf_fini(&usage);
}

size_t
command_list_print(struct str prefix, struct buf *to)
{
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_SIZE(list); i++)
        if (str_istarts(str_of(list[i].words), prefix)) {
            print_row(&list[i], to);
            found++;
        }
    return found;
}

size_t
command_list_json(struct str prefix, struct buf *to)
{
    json_t *doc = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(list); i++)
        if (str_istarts(str_of(list[i].words), prefix))
            json_array_append_new(doc,
                json_pack("{ss,ss,ss,sb}", "words", list[i].words, "args",
                    list[i].args, "brief", list[i].brief, "changes",
                    list[i].changes));
    size_t found = json_array_size(doc);
    jsontext_take(to, doc);
    return found;
}
