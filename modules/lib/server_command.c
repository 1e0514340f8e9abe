/* SPDX-License-Identifier: Apache-2.0
 *
 * server_command.c - the commands of an inbound session.
 *
 * A command is answered here if it is wrong; what it asks for is the host's to
 * grant, and is answered when its verdict comes.
 */
#include "server.h"

#include <string.h>

#include "capability.h"
#include "server_params.h"

struct mail_params {
    struct impel_sender sender;
    bool utf8, eightbit, binary;
    uint32_t seen; /* one bit for each keyword */
};
struct rcpt_params {
    struct impel_rcpt rcpt;
    uint32_t seen;
};

/* A keyword may stand once. */
static bool
once(uint32_t *seen, uint32_t bit)
{
    bool again = *seen & bit;

    *seen |= bit;
    return !again;
}

static const char *
mail_size(struct server *s, struct mail_params *m, struct impel_str value)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_MESSAGE_SIZE);
    uint64_t size;

    if (!verb_number(value, INT64_MAX, &size) || !once(&m->seen, 1))
        return "501 5.5.4 bad SIZE";
    if (max > 0 && size > (uint64_t)max)
        return "552 5.3.4 message is too large";
    m->sender.declared_size = (int64_t)size;
    return NULL;
}

static const char *
mail_body(struct server *s, struct mail_params *m, struct impel_str value)
{
    if (!once(&m->seen, 2))
        return "501 5.5.4 bad BODY";
    if (line_same(value, "8BITMIME"))
        m->eightbit = true;
    else if ((s->offered & CAPABILITY_BINARYMIME) &&
        line_same(value, "BINARYMIME"))
        m->binary = true;
    else if (!line_same(value, "7BIT"))
        return "501 5.5.4 bad BODY";
    return NULL;
}

static const char *
mail_ret(struct mail_params *m, struct impel_str value)
{
    if (line_same(value, "FULL"))
        m->sender.ret = VERB_RET_FULL;
    else if (line_same(value, "HDRS"))
        m->sender.ret = VERB_RET_HDRS;
    else
        return "501 5.5.4 bad RET";
    return once(&m->seen, 4) ? NULL : "501 5.5.4 bad RET";
}

static const char *
mail_envid(struct mail_params *m, struct impel_str value)
{
    if (value.n > VERB_MAX_ENVID || !verb_is_xtext(value, false) ||
        !once(&m->seen, 8))
        return "501 5.5.4 bad ENVID";
    m->sender.envid = value;
    return NULL;
}

/* One parameter of MAIL; NULL, or what is wrong with it. */
static const char *
mail_param(struct server *s, struct mail_params *m, struct impel_str key,
    struct impel_str value)
{
    uint32_t has = s->offered;
    const char *wrong;

    if (params_take(s, &m->sender, &m->seen, key, value, &wrong))
        return wrong;
    if ((has & CAPABILITY_SIZE) && line_same(key, "SIZE"))
        return mail_size(s, m, value);
    if ((has & CAPABILITY_8BITMIME) && line_same(key, "BODY"))
        return mail_body(s, m, value);
    if ((has & CAPABILITY_DSN) && line_same(key, "RET"))
        return mail_ret(m, value);
    if ((has & CAPABILITY_DSN) && line_same(key, "ENVID"))
        return mail_envid(m, value);
    if (s->auth_offered && line_same(key, "AUTH")) {
        m->sender.auth = value;
        return once(&m->seen, 64) ? auth_sender(value) : "501 5.5.4 bad AUTH";
    }
    if ((has & CAPABILITY_SMTPUTF8) && line_same(key, "SMTPUTF8")) {
        m->utf8 = true;
        return !value.p && once(&m->seen, 16) ? NULL : "501 5.5.4 bad SMTPUTF8";
    }
    if ((has & CAPABILITY_REQUIRETLS) && line_same(key, "REQUIRETLS")) {
        m->sender.needs |= IMPEL_NEED_TLS;
        return !value.p && once(&m->seen, 32) ? NULL
                                              : "501 5.5.4 bad REQUIRETLS";
    }
    return "555 5.5.4 parameter is not known";
}

static const char *
mail_params(struct server *s, struct mail_params *m, struct impel_str args)
{
    struct impel_str key, value;
    const char *wrong = NULL;
    int found;

    while (!wrong && (found = verb_param(&args, &key, &value)) != 0) {
        if (found < 0)
            return "501 5.5.4 bad parameter";
        wrong = s->esmtp ? mail_param(s, m, key, value)
                         : "555 5.5.4 parameters need EHLO";
    }
    return wrong ? wrong : params_clash(&m->sender);
}

bool
command_cut_blanks(struct server *s, struct impel_str *args)
{
    return !verb_cut_blanks(args) ||
        s->host->opt_int(s->scope, OPT_TRAILING_WHITESPACE);
}

/* Is it the time for MAIL?  NULL: yes. */
static const char *
mail_order(struct server *s)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_RECEPTIONS);

    if (!s->tls && s->host->opt_int(s->scope, OPT_REQUIRE_STARTTLS))
        return "530 5.7.0 say STARTTLS first";
    if (s->mail)
        return "503 5.5.1 a message is open already";
    if (!s->greeted && s->module->lmtp)
        return "503 5.5.1 say LHLO first";
    if (!s->greeted && s->host->opt_int(s->scope, OPT_REQUIRE_EHLO))
        return "503 5.5.1 say EHLO first";
    if (max > 0 && s->receptions >= (uint64_t)max)
        return "421 4.7.0 enough messages on this connection";
    return NULL;
}

static void
mail_begin(struct server *s, const struct mail_params *m)
{
    static const struct impel_str key = {"protocol", 8};
    const struct impel_intake *intake = s->host->intake;
    struct impel_str protocol = line_str(server_protocol(s, s->logged_in));

    server_reset(s);
    s->utf8 = m->utf8;
    s->binary = m->binary;
    s->in = intake->begin(s->session, ++s->tag);
    if (!s->in) {
        server_reply(s, "452 4.3.1 not enough room now");
        return;
    }
    (void)intake->set_meta(s->in, key, protocol); /* Received: and logs */
    if (intake->sender(s->in, &m->sender) < 0) {
        server_reset(s);
        server_reply(s, "451 4.3.0 not now");
        return;
    }
    server_await(s, WAIT_SENDER);
}

static void
command_mail(struct server *s, struct impel_str args)
{
    struct mail_params m = {.sender = {.size = sizeof(m.sender)}};
    struct impel_str path;
    const char *wrong = mail_order(s);
    bool blanks = s->host->opt_int(s->scope, OPT_ENVELOPE_WHITESPACE);

    if (wrong && wrong[0] == '4') {
        server_turn_out(s, wrong);
        return;
    }
    if (!wrong &&
        (!command_cut_blanks(s, &args) ||
            !verb_path(&args, "FROM:", blanks, &path)))
        wrong = "501 5.5.4 syntax is MAIL FROM:<address>";
    if (!wrong)
        wrong = mail_params(s, &m, args);
    if (!wrong && path.n > 0 && !verb_is_mailbox(path, m.utf8, true))
        wrong = verb_is_utf8(path) && !m.utf8
            ? "553 5.6.7 address needs SMTPUTF8"
            : "501 5.1.7 bad sender address";
    if (wrong) {
        server_error(s, wrong);
        return;
    }
    m.sender.address = path;
    if (m.eightbit)
        m.sender.needs |= IMPEL_NEED_8BIT;
    if (m.binary)
        m.sender.needs |= IMPEL_NEED_BINARY;
    if (m.utf8)
        m.sender.needs |= IMPEL_NEED_UTF8;
    mail_begin(s, &m);
}

static const char *
rcpt_params(struct server *s, struct rcpt_params *r, struct impel_str args)
{
    struct impel_str key, value;
    int found;

    while ((found = verb_param(&args, &key, &value)) != 0) {
        if (found < 0)
            return "501 5.5.4 bad parameter";
        if (!s->esmtp)
            return "555 5.5.4 parameters need EHLO";
        if ((s->offered & CAPABILITY_DSN) && line_same(key, "NOTIFY")) {
            if (!verb_notify(value, &r->rcpt.notify) || !once(&r->seen, 1))
                return "501 5.5.4 bad NOTIFY";
        } else if ((s->offered & CAPABILITY_DSN) && line_same(key, "ORCPT")) {
            if (!verb_is_original(value, s->utf8) || !once(&r->seen, 2))
                return "501 5.5.4 bad ORCPT";
            r->rcpt.original = value;
        } else {
            return "555 5.5.4 parameter is not known";
        }
    }
    return NULL;
}

/* Beyond a limit of our own. */
static void
refuse_rcpt(struct server *s, struct impel_str rcpt, const char *line)
{
    s->commands++;
    server_rejected(s, IMPEL_AT_RCPT, rcpt, line);
    server_reply(s, line);
}

static void
command_rcpt(struct server *s, struct impel_str args)
{
    struct rcpt_params r = {.rcpt = {.size = sizeof(r.rcpt)}};
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_RECIPIENTS);
    int64_t most = s->host->opt_int(s->scope, OPT_MAX_CONNECTION_RECIPIENTS);
    bool blanks = s->host->opt_int(s->scope, OPT_ENVELOPE_WHITESPACE);
    const char *wrong = NULL;

    if (!s->mail)
        wrong = "503 5.5.1 MAIL comes first";
    else if (s->bdat)
        wrong = "503 5.5.1 the body has begun";
    else if (!command_cut_blanks(s, &args) ||
        !verb_path(&args, "TO:", blanks, &r.rcpt.address))
        wrong = "501 5.5.4 syntax is RCPT TO:<address>";
    else
        wrong = rcpt_params(s, &r, args);
    if (!wrong && !verb_is_mailbox(r.rcpt.address, s->utf8, true))
        wrong = verb_is_utf8(r.rcpt.address) && !s->utf8
            ? "553 5.6.7 address needs SMTPUTF8"
            : "501 5.1.3 bad recipient address";
    if (wrong) {
        server_error(s, wrong);
        return;
    }
    if (max > 0 && s->rcpt_accepted >= (uint64_t)max) {
        refuse_rcpt(s, r.rcpt.address, "452 4.5.3 too many recipients");
        return;
    }
    if (most > 0 && s->recipients >= (uint64_t)most) {
        refuse_rcpt(s, r.rcpt.address,
            "452 4.5.3 enough recipients on this connection");
        return;
    }
    s->recipients++;
    s->rcpt_tried++;
    if (!s->in || s->host->intake->recipient(s->in, &r.rcpt) < 0) {
        s->commands++;
        server_reply(s, "451 4.3.0 not now");
        return;
    }
    server_await(s, WAIT_RCPT);
}

static void
command_data(struct server *s, struct impel_str args)
{
    if (!command_cut_blanks(s, &args) || args.n > 0)
        server_error(s, "501 5.5.4 DATA takes no argument");
    else if (s->bdat)
        server_error(s, "503 5.5.1 not after BDAT");
    else if (s->binary) /* RFC 3030 3 */
        server_error(s, "503 5.5.1 BINARYMIME goes by BDAT");
    else if (!s->mail)
        server_error(s, "503 5.5.1 MAIL comes first");
    else if (s->rcpt_accepted == 0)
        server_error(s,
            s->module->lmtp ? "503 5.5.1 no valid recipients"
                            : "554 5.5.1 no valid recipients");
    else
        data_begin(s);
}

static void
command_bdat(struct server *s, struct impel_str args)
{
    uint64_t size;
    bool last;

    if (!(s->offered & CAPABILITY_CHUNKING))
        /* what follows may be octets or commands: nobody can tell */
        server_turn_out(s, "521 5.5.1 BDAT was not offered");
    else if (!verb_bdat(args, &size, &last))
        server_turn_out(s, "521 5.5.4 syntax is BDAT size [LAST]");
    else
        bdat_begin(s, size, last);
}

static void
command_hello(struct server *s, struct impel_str args, bool esmtp)
{
    struct impel_str name = {args.p, 0};

    verb_cut_blanks(&args);
    while (name.n < args.n && name.p[name.n] != ' ')
        name.n++;
    if (name.n == 0 || name.n > 255) {
        server_error(s, "501 5.5.4 your name, please");
        return;
    }
    server_reset(s);
    s->hello_esmtp = esmtp;
    if (s->host->intake->greet(s->session, name) < 0) {
        server_reply(s, "451 4.3.0 not now");
        return;
    }
    server_await(s, WAIT_GREET);
}

/* One line of the reply to EHLO. */
static void
put_extension(struct server *s, uint32_t bit, const char *word)
{
    if (!(s->offered & bit))
        return;
    out_text(&s->out, "250-");
    server_reply(s, word);
}

void
command_greeted(struct server *s)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_MESSAGE_SIZE);
    struct impel_str name = s->host->info(s->session, IMPEL_INFO_EHLO_NAME);

    s->greeted = true;
    s->esmtp = s->hello_esmtp;
    if (s->host->opt_is_set(s->scope, OPT_BANNER_HOSTNAME))
        name = s->host->opt_str(s->scope, OPT_BANNER_HOSTNAME, 0);
    if (name.n == 0 || name.n > 255)
        name = line_str("localhost");
    out_text(&s->out, s->esmtp ? "250-" : "250 ");
    out_str(&s->out, name);
    out_text(&s->out, "\r\n");
    s->auth_offered = s->logged_in;
    if (!s->esmtp)
        return;
    put_extension(s, CAPABILITY_PIPELINING, "PIPELINING");
    if (s->offered & CAPABILITY_SIZE) {
        out_text(&s->out, "250-SIZE");
        if (max > 0) {
            out_text(&s->out, " ");
            out_number(&s->out, (uint64_t)max);
        }
        out_text(&s->out, "\r\n");
    }
    put_extension(s, CAPABILITY_8BITMIME, "8BITMIME");
    put_extension(s, CAPABILITY_ENHANCED, "ENHANCEDSTATUSCODES");
    put_extension(s, CAPABILITY_SMTPUTF8, "SMTPUTF8");
    put_extension(s, CAPABILITY_DSN, "DSN");
    put_extension(s, CAPABILITY_CHUNKING, "CHUNKING");
    put_extension(s, CAPABILITY_STARTTLS, "STARTTLS");
    put_extension(s, CAPABILITY_BINARYMIME, "BINARYMIME");
    params_put(s);
    put_extension(s, CAPABILITY_REQUIRETLS, "REQUIRETLS");
    put_extension(s, CAPABILITY_XCLIENT,
        "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
    auth_offer(s);
    server_reply(s, "250 HELP");
}

static void
command_quit(struct server *s, struct impel_str args)
{
    if (!command_cut_blanks(s, &args) || args.n > 0) {
        server_error(s, "501 5.5.4 QUIT takes no argument");
        return;
    }
    server_bye(s, "221 2.0.0 bye");
}

static void
command_rset(struct server *s, struct impel_str args)
{
    if (!command_cut_blanks(s, &args) || args.n > 0) {
        server_error(s, "501 5.5.4 RSET takes no argument");
        return;
    }
    server_reset(s);
    server_reply(s, "250 2.0.0 OK");
}

/* Not a mail client: a browser, say, led here by a page. */
static bool
is_foreign(struct impel_str line)
{
    return memmem(line.p, line.n, "HTTP/", 5) ||
        (line.n >= 5 && memcmp(line.p, "Host:", 5) == 0);
}

/* Commands that bring no message nearer are counted. */
static bool
too_many(struct server *s, enum verb verb)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_COMMANDS);

    if (verb != VERB_RCPT && verb != VERB_DATA && verb != VERB_BDAT &&
        verb != VERB_QUIT)
        s->commands++;
    return max > 0 && s->commands > (uint64_t)max;
}

static int
verb_stage(enum verb verb)
{
    switch (verb) {
    case VERB_MAIL:
        return IMPEL_AT_SENDER;
    case VERB_RCPT:
        return IMPEL_AT_RCPT;
    case VERB_DATA:
    case VERB_BDAT:
        return IMPEL_AT_DATA;
    case VERB_STARTTLS:
        return IMPEL_AT_TLS;
    case VERB_AUTH:
        return IMPEL_AT_LOGIN;
    default:
        return IMPEL_AT_HELLO;
    }
}

void
command_line(struct server *s, struct impel_str line)
{
    struct impel_str args;
    enum verb verb = verb_parse(line, &args);

    s->stage = verb_stage(verb);
    if (too_many(s, verb)) {
        server_turn_out(s, "421 4.7.0 too many commands");
        return;
    }
    if (verb == VERB_XCLIENT && !(s->offered & CAPABILITY_XCLIENT))
        verb = VERB_UNKNOWN; /* who may not use it need not know of it */
    if (s->module->lmtp ? verb == VERB_EHLO || verb == VERB_HELO
                        : verb == VERB_LHLO)
        verb = VERB_UNKNOWN; /* RFC 2033 4.1 */
    switch (verb) {
    case VERB_EHLO:
    case VERB_LHLO:
    case VERB_HELO:
        command_hello(s, args, verb != VERB_HELO);
        break;
    case VERB_MAIL:
        command_mail(s, args);
        break;
    case VERB_RCPT:
        command_rcpt(s, args);
        break;
    case VERB_DATA:
        command_data(s, args);
        break;
    case VERB_BDAT:
        command_bdat(s, args);
        break;
    case VERB_RSET:
        command_rset(s, args);
        break;
    case VERB_NOOP:
        server_reply(s, "250 2.0.0 OK");
        break;
    case VERB_QUIT:
        command_quit(s, args);
        break;
    case VERB_XCLIENT:
        command_xclient(s, args);
        break;
    case VERB_VRFY:
        server_reply(s, "252 2.1.5 send some mail, it will be tried");
        break;
    case VERB_HELP:
        server_reply(s, "214 2.0.0 RFC 5321 says it all");
        break;
    case VERB_STARTTLS:
        command_starttls(s, args);
        break;
    case VERB_AUTH:
        command_auth(s, args);
        break;
    case VERB_EXPN:
        server_error(s, "502 5.5.1 not offered");
        break;
    default:
        if (is_foreign(line))
            server_turn_out(s, "421 4.7.0 this is a mail server");
        else
            server_error(s, "500 5.5.2 command is not known");
        break;
    }
}
