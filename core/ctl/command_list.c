/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/command_list.h"

#include "base/macros.h"
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
