/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/sendmail_args.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { NAME_MOST = 200, ENVID_MOST = 100 };

/* "+": options end at the first word that is none. */
#define LETTERS "+A:B:C:D:F:GL:N:O:R:TUV:X:b:cd::e:f:h:imno:p:q::r:stvx"

static const struct row {
    const char *option, *arg, *brief;
} rows[] = {
    {"-t", "",
        "recipients are those in To, Cc and Bcc, or in Resent-To, Resent-Cc "
        "and Resent-Bcc if there are such, besides those of the command line"},
    {"-f", "ADDRESS",
        "the sender of the envelope, '' or '<>' for none; else the user who "
        "calls"},
    {"-r", "ADDRESS", "the same"},
    {"-F", "NAME", "the name in From, if the message has no From"},
    {"-i", "", "a line with a dot alone is text, and does not end the message"},
    {"-oi", "", "the same"},
    {"-N", "never|success,failure,delay", "when the sender is told (RFC 3461)"},
    {"-R", "full|hdrs", "what of the message a report has (RFC 3461)"},
    {"-V", "ENVID", "what reports name the message by (RFC 3461)"},
    {"-B", "7BIT|8BITMIME", "what the text is; else it is looked at"},
    {"-v", "", "show what is said with the server"},
    {"-bm", "", "send a message from the standard input: the default"},
    {"-bs", "", "speak SMTP on standard input and output"},
    {"-bp", "", "show the queues: `impel mailq`, as the name mailq does"},
    {"-q", "", "try what waits now: `impel flush domain all`"},
    {"-bi", "",
        "nothing, as there are no aliases; as the name newaliases does"},
};

static const char ignored[] =
    "-A, -C, -D, -G, -L, -O, -T, -U, -X, -c, -d, -e, -h, -m, -n, -o and its "
    "values other than i, -p, -s and -x are taken and mean nothing here";

void
sendmail_args_print(bool man, struct buf *to)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        if (!man) {
            buf_printf(to, "  %s%s%s\n        %s\n", r->option,
                r->arg[0] ? " " : "", r->arg, r->brief);
            continue;
        }
        buf_printf(to, ".TP\n.B \\%s%s%s\n", r->option,
            r->arg[0] ? " \\fI" : "", r->arg);
        buf_printf(to, "%c%s.\n",
            r->brief[0] >= 'a' && r->brief[0] <= 'z' ? r->brief[0] & ~0x20
                                                     : r->brief[0],
            r->brief + 1);
    }
    if (!man) {
        buf_printf(to, "%s.\n", ignored);
        return;
    }
    buf_cstr(to, ".PP\n");
    for (const char *p = ignored; *p; p++)
        buf_printf(to, *p == '-' ? "\\-" : "%c", *p);
    buf_cstr(to, ".\n");
}

/* --- values --- */

static bool
is_line(struct str s, size_t most)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            return false;
    return s.n <= most;
}

/* The one address in it; empty: the null sender. */
static int
set_sender(struct sendmail_args *o, const char *value, struct err *e)
{
    struct inject_addresses found = {.bare = true};
    struct str s = str_trim(str_of(value));
    int rc = 0;

    if (s.n && !str_eq(s, STR("<>"))) {
        rc = inject_address_parse(s, &found, e);
        if (rc == 0 && found.count != 1)
            rc = err_set(e, ERR_INVAL, "that is not one address");
    }
    if (rc == 0) {
        free(o->sender);
        o->sender = xdup(found.count ? found.is[0] : "");
        o->sender_given = true;
    }
    inject_address_fini(&found);
    return rc;
}

static int
set_notify(struct sendmail_args *o, const char *value, struct err *e)
{
    static const char *const words[] = {"never", "success", "failure", "delay"};
    struct str rest = str_of(value);
    unsigned set = 0;

    do {
        struct str word = str_trim(str_cut(&rest, ','));
        size_t i = 0;
        while (i < ARRAY_SIZE(words) && !str_ieq(word, str_of(words[i])))
            i++;
        if (i == ARRAY_SIZE(words))
            return err_set(
                e, ERR_INVAL, "never, or some of success, failure and delay");
        set |= 1U << i;
    } while (rest.p);
    if ((set & SENDMAIL_NOTIFY_NEVER) && set != SENDMAIL_NOTIFY_NEVER)
        return err_set(e, ERR_INVAL, "never, or other words");
    o->notify = set;
    return 0;
}

static int
set_ret(struct sendmail_args *o, const char *value, struct err *e)
{
    struct str s = str_of(value);
    if (!str_ieq(s, STR("full")) && !str_ieq(s, STR("hdrs")))
        return err_set(e, ERR_INVAL, "full or hdrs");
    o->ret = str_ieq(s, STR("full")) ? "FULL" : "HDRS";
    return 0;
}

static int
set_body(struct sendmail_args *o, const char *value, struct err *e)
{
    struct str s = str_of(value);
    if (str_ieq(s, STR("7bit")))
        o->body = SENDMAIL_BODY_7BIT;
    else if (str_ieq(s, STR("8bitmime")))
        o->body = SENDMAIL_BODY_8BIT;
    else
        return err_set(e, ERR_INVAL, "7BIT or 8BITMIME");
    return 0;
}

static int
set_text(const char **to, const char *value, size_t most, struct err *e)
{
    if (!is_line(str_of(value), most))
        return err_set(
            e, ERR_INVAL, "it is longer than %zu octets, or no line", most);
    *to = value;
    return 0;
}

static int
set_mode(struct sendmail_args *o, const char *value, struct err *e)
{
    static const struct {
        char letter;
        enum sendmail_mode mode;
    } modes[] = {{'m', SENDMAIL_SEND}, {'s', SENDMAIL_SMTP},
        {'p', SENDMAIL_QUEUE}, {'i', SENDMAIL_NONE}};

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (value[0] == modes[i].letter && !value[1]) {
            o->mode = modes[i].mode;
            return 0;
        }
    if (value[0] == 'd' || value[0] == 'D')
        return err_set(e, ERR_NOTFOUND, "the daemon is impeld");
    return err_set(e, ERR_NOTFOUND, "there is no such mode here");
}

static int
set(struct sendmail_args *o, int letter, const char *value, struct err *e)
{
    switch (letter) {
    case 't':
        o->read_recipients = true;
        return 0;
    case 'i':
        o->dots = true;
        return 0;
    case 'o':
        o->dots |= value[0] == 'i' && !value[1];
        return 0;
    case 'v':
        o->verbose = true;
        return 0;
    case 'q':
        o->mode = SENDMAIL_FLUSH;
        return 0;
    case 'f':
    case 'r':
        return set_sender(o, value, e);
    case 'F':
        return set_text(&o->name, value, NAME_MOST, e);
    case 'V':
        return set_text(&o->envid, value, ENVID_MOST, e);
    case 'N':
        return set_notify(o, value, e);
    case 'R':
        return set_ret(o, value, e);
    case 'B':
        return set_body(o, value, e);
    case 'b':
        return set_mode(o, value, e);
    default:
        return 0;
    }
}

/* --- all of them --- */

static int
check(const struct sendmail_args *o, struct err *e)
{
    bool some = o->rcpts.count || o->read_recipients;
    if (o->mode == SENDMAIL_SEND && !some)
        return err_set(e, ERR_INVAL, "who gets it? name recipients, or use -t");
    if (o->mode == SENDMAIL_SMTP && some)
        return err_set(e, ERR_INVAL, "with -bs recipients come by SMTP");
    return 0;
}

static enum sendmail_mode
mode_of_name(const char *path)
{
    struct str s = str_of(path ? path : "");
    size_t slash = str_rchr(s, '/');
    s = slash == SIZE_MAX ? s : str_from(s, slash + 1);
    return str_ends(s, STR("mailq"))     ? SENDMAIL_QUEUE
        : str_ends(s, STR("newaliases")) ? SENDMAIL_NONE
                                         : SENDMAIL_SEND;
}

static int
add_rcpt(struct sendmail_args *o, const char *value, struct err *e)
{
    if (inject_address_parse(str_of(value), &o->rcpts, e) < 0)
        return err_prefix(e, "recipient");
    return 0;
}

int
sendmail_args_parse(
    int argc, char **argv, struct sendmail_args *o, struct err *e)
{
    int c;

    *o = (struct sendmail_args){
        .mode = mode_of_name(argv[0]), .rcpts = {.bare = true}};
    if (argc == 2 && str_eq(str_of(argv[1]), STR("--version")))
        o->mode = SENDMAIL_VERSION;
    if (argc == 2 && str_eq(str_of(argv[1]), STR("--help")))
        o->mode = SENDMAIL_HELP;
    if (o->mode == SENDMAIL_VERSION || o->mode == SENDMAIL_HELP)
        return 0;
    optind = 0;
    opterr = 0;
    while ((c = getopt(argc, argv, LETTERS)) != -1) {
        if (c == '?' || c == ':')
            return err_set(e, ERR_INVAL,
                "-%c: no such option, or its value is missing", optopt);
        if (set(o, c, optarg, e) < 0)
            return err_prefix(e, "-%c %s", c, optarg);
    }
    for (int i = optind; i < argc; i++)
        if (add_rcpt(o, argv[i], e) < 0)
            return e->code;
    return check(o, e);
}

void
sendmail_args_fini(struct sendmail_args *o)
{
    free(o->sender);
    o->sender = NULL;
    inject_address_fini(&o->rcpts);
}
