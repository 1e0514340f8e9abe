/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/trace.h"

#include <string.h>
#include "base/clock.h"
#include "base/utf8.h"
#include "intake/intake_options.h"
#include "route/binding.h"
#include "base/banned.h"

/* --- header blocks --- */

static bool
is_field_char(char c)
{
    return c > ' ' && c < 127 && c != ':';
}

/* Take the next physical line, without its end; false at the blank line or at
 * the end of the block. */
static bool
next_line(struct str *rest, struct str *line)
{
    if (!rest->p || !rest->n)
        return false;
    *line = str_cut(rest, '\n');
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return line->n > 0;
}

static bool
line_is_field(struct str line, struct str name)
{
    /* most are told apart by their first letter */
    if (line.n <= name.n || ((line.p[0] ^ name.p[0]) & ~0x20) ||
        !str_istarts(line, name))
        return false;
    for (size_t i = name.n; i < line.n; i++) {
        if (line.p[i] == ':')
            return true;
        if (line.p[i] != ' ' && line.p[i] != '\t')
            return false;
    }
    return false;
}

size_t
trace_count_fields(struct str header, struct str name)
{
    struct str line;
    size_t n = 0;
    while (next_line(&header, &line))
        n += line_is_field(line, name);
    return n;
}

bool
trace_has_field(struct str header, struct str name)
{
    struct str line;
    while (next_line(&header, &line))
        if (line_is_field(line, name))
            return true;
    return false;
}

/* The next Content-Type from *header on; false: no more. */
static bool
next_type(struct str *header, struct str *type)
{
    while (next_line(header, type)) {
        if (!line_is_field(*type, STR("Content-Type")))
            continue;
        (void)str_cut(type, ':');
        *type = str_trim(*type);
        while (!type->n && header->n &&
            (*header->p == ' ' || *header->p == '\t') &&
            next_line(header, type))
            *type = str_trim(*type);
        return true;
    }
    return false;
}

struct str
trace_content_type(struct str header)
{
    struct str type;

    return next_type(&header, &type) ? type : STR("");
}

bool
trace_has_parts(struct str header)
{
    struct str type;

    while (next_type(&header, &type)) {
        if (str_istarts(type, STR("multipart/")) ||
            str_istarts(type, STR("message/")))
            return true;
    }
    return false;
}

/* Behind the colon; lines that go on are not joined. */
static struct str
line_value(struct str line)
{
    (void)str_cut(&line, ':');
    return str_trim(line);
}

bool
trace_says(struct str header, struct str name, struct str word)
{
    struct str line, said = STR_NONE;
    bool any = false;

    while (next_line(&header, &line)) {
        if (line_is_field(line, name))
            said = line_value(line);
        else
            continue;
        while (header.n && (*header.p == ' ' || *header.p == '\t') &&
            next_line(&header, &line)) {
            line = str_trim(line);
            if (line.n && said.n)
                return false; /* more than a word */
            said = line.n ? line : said;
        }
        if (!str_ieq(said, word))
            return false;
        any = true;
    }
    return any;
}

bool
trace_is_header(struct str header)
{
    struct str line;
    if (!next_line(&header, &line))
        return false;
    size_t i = 0;
    while (i < line.n && is_field_char(line.p[i]))
        i++;
    size_t name = i;
    while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
        i++; /* RFC 5322 4.5 */
    return name > 0 && i < line.n && line.p[i] == ':';
}

/* --- fields to add --- */

static bool
is_plain(char c)
{
    return c > ' ' && c < 127 && c != '(' && c != ')' && c != '<' && c != '>' &&
        c != '\\' && c != '"';
}

/* Text inside a field: what could end a line, a comment or a quote is left
 * out, so that no peer writes fields of its own; so are 8-bit bytes, but for a
 * message that may have them in its header. */
static void
add_clean(struct buf *to, const struct message *m, const char *text)
{
    size_t most = m->env.needs & IMPEL_NEED_UTF8 ? 4 : 1, n;
    for (struct str s = str_of(text); s.n; s = str_from(s, n ? n : 1)) {
        for (n = 0; n < s.n && is_plain(s.p[n]);)
            n++;
        if (n) {
            buf_add(to, s.p, n);
            continue;
        }
        n = utf8_printable(s);
        if (n > 1 && n <= most)
            buf_add(to, s.p, n);
    }
}

/* Can it stand in the header as it is? */
static bool
is_shown(const struct message *m, struct str address)
{
    return (m->env.needs & IMPEL_NEED_UTF8) || str_is_ascii(address);
}

/* RFC 3848 and RFC 6531 4.3: names of what brought it. */
static const char *
with_keyword(const struct message *m, bool utf8)
{
    static const struct {
        const char *protocol, *with, *utf8;
    } words[] = {{"esmtp", "ESMTP", "UTF8SMTP"},
        {"esmtps", "ESMTPS", "UTF8SMTPS"}, {"esmtpa", "ESMTPA", "UTF8SMTPA"},
        {"esmtpsa", "ESMTPSA", "UTF8SMTPSA"}, {"lmtp", "LMTP", "UTF8LMTP"},
        {"lmtps", "LMTPS", "UTF8LMTPS"}, {"lmtpa", "LMTPA", "UTF8LMTPA"},
        {"lmtpsa", "LMTPSA", "UTF8LMTPSA"}, {"smtp", "SMTP", "SMTP"}};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_ieq(m->env.protocol, str_of(words[i].protocol)))
            return utf8 ? words[i].utf8 : words[i].with;
    return NULL;
}

/* Many messages come in one second, and the zone's rules are slow to ask. */
static void
add_date(struct buf *to, int64_t wall)
{
    static _Thread_local struct {
        int64_t second;
        char text[40];
    } last = {.second = INT64_MIN};
    int64_t second = wall / 1000;

    if (second != last.second) {
        struct buf b = BUF_INIT;

        clock_print_rfc5322(&b, wall);
        (void)str_copy(last.text, sizeof(last.text), buf_get(&b));
        last.second = second;
        buf_fini(&b);
    }
    buf_cstr(to, last.text);
}

/* As others write it: "(using TLS1.3 with cipher TLS_AES_256_GCM_SHA384)". */
static void
add_tls(const struct intake_session *is, struct buf *to)
{
    const struct tls_facts *f = is->session ? session_tls(is->session) : NULL;

    if (f)
        buf_printf(
            to, "\r\n\t(using %s with cipher %s)", f->protocol, f->cipher);
}

static void
add_received(const struct intake_session *is, const struct message *m,
    bool utf8, struct buf *to)
{
    char id[MESSAGE_ID_SIZE];
    struct str by =
        scope_str(is->scope, OPT(intake_options, INTAKE_RECEIVED_HOSTNAME));
    const char *with = with_keyword(m, utf8);
    message_id_print(m->id, id);
    buf_cstr(to, "Received: from ");
    add_clean(to, m, is->helo[0] ? is->helo : "unknown");
    buf_cstr(to, strchr(is->peer, ':') ? " ([IPv6:" : " ([");
    buf_cstr(to, is->peer);
    buf_cstr(to, "])\r\n\tby ");
    buf_str(to, by.n ? by : binding_hostname(is->scope));
    buf_cstr(to, " (Impel)");
    if (with) {
        buf_cstr(to, " with ");
        buf_cstr(to, with);
    }
    add_tls(is, to);
    buf_cstr(to, " id ");
    buf_cstr(to, id);
    if (m->env.rcpt_count == 1 && is_shown(m, m->env.rcpt[0].address)) {
        buf_cstr(to, "\r\n\tfor <");
        add_clean(to, m, m->env.rcpt[0].address.p);
        buf_char(to, '>');
    }
    buf_cstr(to, ";\r\n\t");
    add_date(to, m->env.received);
    buf_cstr(to, "\r\n");
}

void
trace_received(const struct intake_session *is, const struct message *m,
    bool utf8, struct buf *to)
{
    if (scope_int(is->scope, OPT(intake_options, INTAKE_RFC2822_TRACE_HEADERS)))
        add_received(is, m, utf8, to);
}

void
trace_missing(const struct intake_session *is, const struct message *m,
    struct str header, struct buf *to)
{
    const struct scope *s = is->scope;
    if (scope_int(s, OPT(intake_options, INTAKE_RFC2822_DATE_HEADER)) ==
            INTAKE_HEADER_IFNEEDED &&
        !trace_has_field(header, STR("Date"))) {
        buf_cstr(to, "Date: ");
        add_date(to, m->env.received);
        buf_cstr(to, "\r\n");
    }
    if (scope_int(s, OPT(intake_options, INTAKE_RFC2822_MESSAGEID_HEADER)) ==
            INTAKE_HEADER_IFNEEDED &&
        !trace_has_field(header, STR("Message-ID"))) {
        /* ids begin anew with a new spool; with the time they do not */
        buf_printf(to, "Message-ID: <%016llx.%llx.impel@",
            (unsigned long long)m->id, (unsigned long long)m->env.received);
        buf_str(to, binding_hostname(s));
        buf_cstr(to, ">\r\n");
    }
}

void
trace_fields(const struct intake_session *is, const struct message *m,
    bool utf8, struct str header, struct buf *to)
{
    trace_received(is, m, utf8, to);
    trace_missing(is, m, header, to);
    /* without a header of its own, a message's text would become a part of ours
     */
    if (to->n && !trace_is_header(header) && !str_starts(header, STR("\r\n")))
        buf_cstr(to, "\r\n");
}
