/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-dsn.c - reports (core/queue/dsn.c) of what strangers have named and
 * said: ORCPT, ENVID, addresses, a host and its words.  Nobody can write a
 * line of a report: its fields, its parts and their order are what they are
 * for the plainest mail, and every line ends in CRLF and is bounded.
 */
#include "parts.h"

#include "queue/dsn.h"
#include "queue/queue_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { RCPTS = 2 };

/* What stands in front of the colon, in order; '|' is a blank line, '#' the
 * line between parts, '*' any text up to the next of these. */
static const char *const head[] = {"Date", "From", "To", "Subject",
    "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type", "|", "*",
    "#", "Content-Type"};

static bool
is_delimiter(struct str line)
{
    return str_starts(line, STR("--=_impel-"));
}

/* The next line, unfolded: how many octets it has is in *longest. */
static struct str
next_line(struct str *rest)
{
    size_t at = str_find(*rest, STR("\r\n"), 0);
    struct str line;

    must(at != SIZE_MAX && at <= 998);
    line = str_sub(*rest, 0, at);
    *rest = str_from(*rest, at + 2);
    return line;
}

static bool
is_folded(struct str rest)
{
    return rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

/* One field with that name, and the lines that are folded behind it. */
static void
field(struct str *rest, const char *name)
{
    struct str line = next_line(rest);
    size_t n = strlen(name);

    must(str_starts(line, str_of(name)) && line.n > n && line.p[n] == ':');
    while (is_folded(*rest))
        must(str_trim(next_line(rest)).n > 0); /* RFC 5322 3.2.2 */
}

static bool
field_if(struct str *rest, const char *name)
{
    if (!str_starts(*rest, str_of(name)))
        return false;
    field(rest, name);
    return true;
}

static void
blank(struct str *rest)
{
    must(next_line(rest).n == 0);
}

/* Text until the delimiter, which is taken. */
static void
text(struct str *rest)
{
    while (!is_delimiter(next_line(rest)))
        continue;
}

static void
check_status(struct str *rest, const struct dsn_report *d)
{
    field(rest, "Reporting-MTA");
    (void)field_if(rest, "Original-Envelope-Id");
    field(rest, "Arrival-Date");
    for (size_t i = 0; i < d->count; i++) {
        blank(rest);
        (void)field_if(rest, "Original-Recipient");
        field(rest, "Final-Recipient");
        field(rest, "Action");
        field(rest, "Status");
        (void)field_if(rest, "Remote-MTA");
        field(rest, "Diagnostic-Code");
        if (d->action != DSN_DELAYED)
            field(rest, "Last-Attempt-Date");
        else if (d->until)
            field(rest, "Will-Retry-Until");
    }
    blank(rest);
    must(is_delimiter(next_line(rest)));
}

static void
check_report(struct str all, const struct dsn_report *d)
{
    struct str rest = all;

    for (size_t i = 0; i < ARRAY_SIZE(head); i++)
        if (head[i][0] == '|')
            blank(&rest);
        else if (head[i][0] == '#')
            continue; /* text() has taken it */
        else if (head[i][0] == '*')
            text(&rest);
        else
            field(&rest, head[i]);
    (void)field_if(&rest, "Content-Transfer-Encoding");
    blank(&rest);
    text(&rest);
    field(&rest, "Content-Type");
    (void)field_if(&rest, "Content-Transfer-Encoding");
    blank(&rest);
    check_status(&rest, d);
    if (d->original != QUEUE_ORIGINAL_NONE) {
        field(&rest, "Content-Type");
        (void)field_if(&rest, "Content-Transfer-Encoding");
        blank(&rest);
        blank(&rest); /* the original would be here */
        must(is_delimiter(next_line(&rest)));
    }
    must(rest.n == 0);
}

/* Length of the UTF-8 character at p, or 0; also where it is a control. */
static size_t
character(const unsigned char *p, size_t n)
{
    uint32_t c = p[0];
    size_t size = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (!size || c > 0xf4 || size > n)
        return 0;
    if (size > 1)
        c &= 0x7fu >> size;
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((size == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
        (size == 4 && (c < 0x10000 || c > 0x10ffff)))
        return 0;
    if ((c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
        return 0;
    return size;
}

static void
check_octets(struct str s, bool global)
{
    const unsigned char *p = (const unsigned char *)s.p;

    for (size_t i = 0; i < s.n;) {
        size_t n = character(p + i, s.n - i);

        must(n > 0 && (n == 1 || global));
        if (p[i] == '\r')
            must(i + 1 < s.n && p[i + 1] == '\n');
        else if (p[i] == '\n')
            must(i > 0 && p[i - 1] == '\r');
        else
            must(p[i] >= ' ');
        i += n;
    }
}

static void
report_of(struct str rest, struct dsn_report *d, struct message *m)
{
    struct rcpt *rcpt = arena_alloc(m->arena, RCPTS * sizeof(*rcpt));

    d->message = m;
    d->action = (enum dsn_action)part_choice(&rest, 4);
    d->original = (int)part_choice(&rest, 3);
    d->until = part_choice(&rest, 2) ? 1800000000000 : 0;
    d->count = 1 + part_choice(&rest, RCPTS);
    m->env.needs = part_choice(&rest, 2) ? IMPEL_NEED_UTF8 : 0;
    d->eight_bit = part_choice(&rest, 2);
    m->env.received = d->now = 1790000000000;
    d->reporting = STR("mta.test");
    d->to = m->env.sender = message_str(m, part_next(&rest));
    m->env.envid = message_str(m, part_next(&rest));
    for (size_t i = 0; i < RCPTS; i++) {
        rcpt[i].address = message_str(m, part_next(&rest));
        rcpt[i].domain = STR("x.test");
        rcpt[i].original = message_str(m, part_next(&rest));
        rcpt[i].notify = 0;
    }
    m->env.rcpt = rcpt;
    m->env.rcpt_count = RCPTS;
    d->mta = message_str(m, part_next(&rest));
    d->from = message_str(m, part_next(&rest));
}

/* What a module says of a reply, with the words of the host. */
static void
result_of(struct str words, unsigned code, struct result *to)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = IMPEL_FAILED,
        .blame = IMPEL_BLAME_RCPT,
        .stage = IMPEL_AT_RCPT,
        .code = (uint16_t)(400 + code),
        .status = {(uint16_t)(code % 7), 1, 1},
        .retry_after = -1,
        .text = {words.p, words.n}};

    *to = (struct result){.retry_after = -1};
    must(result_copy(to, &r) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_make(data, n), words = part_next(&rest);
    struct dsn_rcpt told[RCPTS];
    struct result result;
    struct dsn_report d = {.id = 0x42, .rcpt = told};
    struct message *m = message_new(7);
    struct buf b = BUF_INIT;

    result_of(words, (unsigned)(n % 256), &result);
    for (uint32_t i = 0; i < RCPTS; i++)
        told[i] = (struct dsn_rcpt){i, &result};
    report_of(rest, &d, m);
    dsn_print_head(&d, &b);
    dsn_print_tail(&d, &b);
    check_octets(buf_get(&b), dsn_is_global(&d));
    check_report(buf_get(&b), &d);
    buf_fini(&b);
    result_fini(&result);
    message_unref(&m);
    return 0;
}
