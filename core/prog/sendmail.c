/* SPDX-License-Identifier: Apache-2.0
 *
 * sendmail.c - impel-sendmail: what programs call as /usr/sbin/sendmail.
 */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/xmem.h"
#include "prog/sendmail_smtp.h"
#include "base/banned.h"

static int
complain(int status, const struct err *e)
{
    fprintf(stderr, "sendmail: %s\n", e->text);
    return status;
}

/* Another program in our place. */
static int
run(const char *const words[])
{
    struct err e;
    const char *impel = secure_getenv("IMPEL_COMMAND");
    const char *path = impel && impel[0] ? impel : IMPEL_COMMAND;
    (void)execv(path, (char *const *)(uintptr_t)words);
    (void)err_set(&e, ERR_IO, "%s cannot be run", path);
    return complain(EX_UNAVAILABLE, &e);
}

static int
print_help(bool man)
{
    struct buf text = BUF_INIT;
    if (!man)
        buf_cstr(&text,
            "usage: impel-sendmail [OPTION...] [RECIPIENT...] <MESSAGE\n");
    sendmail_args_print(man, &text);
    fputs(text.p, stdout);
    buf_fini(&text);
    return fflush(stdout) == 0 ? 0 : EX_IOERR;
}

/* --- who calls --- */

/* What people are called, without rooms and telephones. */
static char *
full_name(const struct passwd *p)
{
    struct str all = str_of(p && p->pw_gecos ? p->pw_gecos : "");
    struct str s = str_trim(str_cut(&all, ','));
    return s.n && str_chr(s, '&', 0) == SIZE_MAX ? xdupn(s.p, s.n) : NULL;
}

static int
find_user(const struct sendmail_args *o, struct sendmail_user *to, char **name,
    struct err *e)
{
    const struct passwd *p = getpwuid(getuid());
    to->uid = (unsigned long)getuid();
    to->login = p ? p->pw_name : NULL;
    *name = o->name ? NULL : full_name(p);
    to->name = o->name ? o->name : *name;
    if (to->login || (o->sender_given && o->sender[0]))
        return 0;
    (void)err_set(e, ERR_NOTFOUND,
        "user id %lu has no name: say who sends with -f", to->uid);
    return EX_NOUSER;
}

/* --- a message --- */

static const char *
submit_address(void)
{
    const char *where = secure_getenv("IMPEL_SUBMIT");
    return where && where[0] ? where : IMPEL_SUBMIT;
}

static void
qualify_rcpts(struct sendmail_letter *l, struct str host)
{
    for (size_t i = 0; i < l->rcpts.count; i++) {
        char *whole = sendmail_qualify(str_of(l->rcpts.is[i]), host);
        free(l->rcpts.is[i]);
        l->rcpts.is[i] = whole;
    }
}

static int
submit(const struct sendmail_args *o, struct sendmail_letter *l,
    const struct sendmail_user *user, struct sendmail_server *s, struct err *e)
{
    struct str host = sendmail_host(s);
    char *own = sendmail_qualify(
        str_of(o->sender_given && o->sender[0] ? o->sender : user->login),
        host);

    qualify_rcpts(l, host);
    sendmail_letter_complete(l, user, host, str_of(own));
    struct sendmail_envelope v = {.options = o,
        .sender = o->sender_given && !o->sender[0] ? STR("") : str_of(own),
        .rcpts = l->rcpts.is,
        .count = l->rcpts.count};
    int status = sendmail_send(s, &v, l, e);
    free(own);
    return status;
}

static int
status_of_letter(int code)
{
    return code == ERR_IO ? EX_IOERR : EX_DATAERR;
}

/* The whole message is here before a server is bothered with it. */
static int
send_message(const struct sendmail_args *o, struct err *e)
{
    struct sendmail_letter l;
    struct sendmail_user user;
    struct sendmail_server *s = NULL;
    char *name = NULL;
    int status = find_user(o, &user, &name, e);

    if (status)
        return status;
    int rc = sendmail_letter_read(o, STDIN_FILENO, &l, e);
    status = rc < 0 ? status_of_letter(rc) : 0;
    if (!status)
        status = sendmail_connect(submit_address(), o->verbose, &s, e);
    if (!status)
        status = sendmail_greet(s, e);
    if (!status)
        status = submit(o, &l, &user, s, e);
    sendmail_close(&s);
    sendmail_letter_fini(&l);
    free(name);
    return status;
}

static int
speak_smtp(const struct sendmail_args *o, struct err *e)
{
    struct sendmail_server *s;
    int status = sendmail_connect(submit_address(), o->verbose, &s, e);
    if (!status)
        status = sendmail_relay(s, STDIN_FILENO, STDOUT_FILENO, e);
    sendmail_close(&s);
    return status;
}

static int
act(const struct sendmail_args *o, struct err *e)
{
    static const char *const mailq[] = {"impel", "mailq", NULL};
    static const char *const flush[] = {
        "impel", "flush", "domain", "all", NULL};
    switch (o->mode) {
    case SENDMAIL_SMTP:
        return speak_smtp(o, e);
    case SENDMAIL_QUEUE:
        return run(mailq);
    case SENDMAIL_FLUSH:
        return run(flush);
    case SENDMAIL_NONE:
        return 0;
    case SENDMAIL_VERSION:
        puts("impel-sendmail " PACKAGE_VERSION);
        return 0;
    case SENDMAIL_HELP:
        return print_help(false);
    case SENDMAIL_SEND:
        break;
    }
    return send_message(o, e);
}

int
main(int argc, char **argv)
{
    struct sendmail_args o;
    struct err e = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && str_eq(str_of(argv[1]), STR("--man")))
        return print_help(true); /* for the build */
    int rc = sendmail_args_parse(argc, argv, &o, &e);
    int status = rc == 0     ? act(&o, &e)
        : rc == ERR_NOTFOUND ? EX_UNAVAILABLE
                             : EX_USAGE;
    if (status && e.code)
        (void)complain(status, &e);
    sendmail_args_fini(&o);
    return status;
}
