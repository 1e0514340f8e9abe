/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "base/banned.h"

enum column { COLUMN_RECIPIENT, COLUMN_SENDER, COLUMN_FILE, COLUMN_PAIR };

struct inject_list {
    FILE *file;
    char *path;
    uint64_t line;
    bool begun;
    size_t count; /* columns; 0: a list of addresses */
    enum column column[INJECT_LIST_COLUMNS];
    char *name[INJECT_LIST_COLUMNS];
    char text[INJECT_LIST_LINE];
};

int
inject_list_open(const char *path, struct inject_list **to, struct err *e)
{
    bool input = str_eq(str_of(path), STR("-"));
    FILE *file = input ? stdin : fopen(path, "re");
    if (!file)
        return err_errno(e, ERR_IO, errno, "%s", path);
    struct inject_list *l = xnew(struct inject_list);
    l->file = file;
    l->path = xdup(path);
    *to = l;
    return 0;
}

void
inject_list_close(struct inject_list **lp)
{
    struct inject_list *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    if (l->file != stdin)
        (void)fclose(l->file);
    for (size_t i = 0; i < l->count; i++)
        free(l->name[i]);
    free(l->path);
    free(l);
}

/* What stands in quotes, the quotes taken out: where it ends; NULL: nowhere. */
static char *
unquote(char *p)
{
    char *to = p;
    for (p++; *p; p++) {
        if (*p == '"' && p[1] == '"')
            p++;
        else if (*p == '"')
            break;
        *to++ = *p;
    }
    if (*p != '"')
        return NULL;
    *to = '\0';
    return p + 1;
}

int
inject_list_split(char *line, char *fields[INJECT_LIST_COLUMNS])
{
    int count = 0;
    for (char *p = line;; p++) {
        if (count == INJECT_LIST_COLUMNS)
            return ERR_LIMIT;
        fields[count++] = p;
        if (*p == '"') {
            p = unquote(p);
            if (!p || (*p && *p != ','))
                return ERR_INVAL;
        } else {
            while (*p && *p != ',')
                p++;
        }
        if (!*p)
            return count;
        *p = '\0';
    }
}

/* 1: a line without its end, not empty; 0: no more. */
static int
read_line(struct inject_list *l, size_t *octets, struct err *e)
{
    for (;;) {
        errno = 0;
        if (!fgets(l->text, sizeof(l->text), l->file))
            return ferror(l->file) ? err_errno(e, ERR_IO, errno, "%s", l->path)
                                   : 0;
        size_t n = strlen(l->text);
        l->line++;
        *octets += n;
        if (n + 1 == sizeof(l->text) && l->text[n - 1] != '\n')
            return err_set(e, ERR_IO, "%s: line %llu is too long", l->path,
                (unsigned long long)l->line);
        while (n && (l->text[n - 1] == '\n' || l->text[n - 1] == '\r'))
            l->text[--n] = '\0';
        if (n)
            return 1;
    }
}

static enum column
column_of(struct str name)
{
    if (str_ieq(name, STR("recipient")) || str_ieq(name, STR("address")) ||
        str_ieq(name, STR("email")))
        return COLUMN_RECIPIENT;
    if (str_ieq(name, STR("sender")))
        return COLUMN_SENDER;
    return str_ieq(name, STR("file")) ? COLUMN_FILE : COLUMN_PAIR;
}

static int
take_names(struct inject_list *l, struct err *e)
{
    char *fields[INJECT_LIST_COLUMNS];
    int count = inject_list_split(l->text, fields);
    bool recipient = false;
    if (count < 0)
        return err_set(e, ERR_IO, "%s: the names of columns", l->path);
    for (int i = 0; i < count; i++) {
        struct str name = str_trim(str_of(fields[i]));
        l->column[i] = column_of(name);
        l->name[i] = xdupn(name.p, name.n);
        l->count++;
        recipient = recipient || l->column[i] == COLUMN_RECIPIENT;
        if (!name.n)
            return err_set(
                e, ERR_IO, "%s: column %d has no name", l->path, i + 1);
    }
    if (!recipient)
        return err_set(e, ERR_IO,
            "%s: the first line has no address, and no column is called "
            "recipient",
            l->path);
    return 0;
}

static int
take_fields(struct inject_list *l, struct inject_row *row, struct err *e)
{
    char *fields[INJECT_LIST_COLUMNS];
    int count = inject_list_split(l->text, fields);
    if (count < 0 || (size_t)count > l->count)
        return err_set(e, ERR_INVAL, "%s: line %llu has %s", l->path,
            (unsigned long long)l->line,
            count == ERR_INVAL ? "a quote that does not end"
                               : "more fields than there are columns");
    for (int i = 0; i < count; i++) {
        const char *value = fields[i][0] ? fields[i] : NULL;
        if (!value)
            continue;
        if (l->column[i] == COLUMN_RECIPIENT)
            row->recipient = value;
        else if (l->column[i] == COLUMN_SENDER)
            row->sender = value;
        else if (l->column[i] == COLUMN_FILE)
            row->file = value;
        else
            row->pairs[row->pair_count++] =
                (struct ecstream_pair){l->name[i], value};
    }
    return 1;
}

/* One address; blanks around it are none of it. */
static int
take_address(struct inject_list *l, struct inject_row *row)
{
    struct str s = str_trim(str_of(l->text));
    l->text[(size_t)(s.p - l->text) + s.n] = '\0';
    row->recipient = s.p;
    return 1;
}

int
inject_list_next(struct inject_list *l, struct inject_row *row, struct err *e)
{
    size_t octets = 0;
    *row = (struct inject_row){0};
    int rc = read_line(l, &octets, e);
    if (rc > 0 && !l->begun) {
        l->begun = true;
        if (str_starts(str_of(l->text), STR("\xef\xbb\xbf"))) /* of UTF-8 */
            memmove(l->text, l->text + 3, strlen(l->text + 3) + 1);
        if (str_chr(str_of(l->text), '@', 0) == SIZE_MAX) {
            rc = take_names(l, e);
            if (rc == 0)
                rc = read_line(l, &octets, e);
        }
    }
    if (rc <= 0)
        return rc;
    row->line = l->line;
    row->octets = octets;
    return l->count ? take_fields(l, row, e) : take_address(l, row);
}
