/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/tlsreport.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/banned.h"

enum {
    GZIP_BITS = 15 + 16, /* the largest window, and gzip's head around it */
    BASE64_LINE = 76
};

struct str
tlsreport_submitter(const struct tlsreport *r)
{
    size_t at = str_rchr(r->from, '@');

    return str_from(r->from, at == SIZE_MAX ? 0 : at + 1);
}

/* The range is closed: its last second is the report's, too. */
static int64_t
last_second(const struct tlstally *t)
{
    return MAX_OF(t->until - 1, t->from) / 1000;
}

void
tlsreport_print_id(const struct tlsreport *r, struct buf *to)
{
    buf_printf(to, "%lld.%llx.%s@", (long long)(r->tally->from / 1000),
        (unsigned long long)r->id, r->tally->domain);
    buf_str(to, tlsreport_submitter(r));
}

void
tlsreport_print_name(const struct tlsreport *r, struct buf *to)
{
    buf_str(to, tlsreport_submitter(r));
    buf_printf(to, "!%s!%lld!%lld!%llx.json.gz", r->tally->domain,
        (long long)(r->tally->from / 1000), (long long)last_second(r->tally),
        (unsigned long long)r->id);
}

/* --- JSON --- */

/* "2026-11-21T00:00:00Z" */
static void
set_time(json_t *to, const char *key, int64_t second)
{
    struct buf b = BUF_INIT;

    clock_print_iso(&b, second * 1000);
    if (b.n > 5) {
        buf_cut(&b, b.n - 5); /* ".000Z" */
        buf_char(&b, 'Z');
    }
    (void)json_object_set_new(to, key, json_stringn(b.p, b.n));
    buf_fini(&b);
}

static void
set_str(json_t *to, const char *key, struct str s)
{
    (void)json_object_set_new(to, key, json_stringn(s.p ? s.p : "", s.n));
}

static json_t *
report_json(const struct tlsreport *r)
{
    json_t *to = json_object(), *range = json_object();
    struct buf id = BUF_INIT;

    set_time(range, "start-datetime", r->tally->from / 1000);
    set_time(range, "end-datetime", last_second(r->tally));
    tlsreport_print_id(r, &id);
    set_str(to, "organization-name", r->organization);
    (void)json_object_set_new(to, "date-range", range);
    set_str(to, "contact-info", r->contact);
    set_str(to, "report-id", buf_get(&id));
    (void)json_object_set_new(to, "policies", tlstally_print(r->tally));
    buf_fini(&id);
    return to;
}

void
tlsreport_print(const struct tlsreport *r, struct buf *to)
{
    json_t *j = report_json(r);
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);

    if (text)
        buf_cstr(to, text);
    free(text);
    json_decref(j);
}

int
tlsreport_pack(struct str json, struct buf *to, struct err *e)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)json.p, .avail_in = (uInt)json.n};
    size_t most, at = to->n;
    int rc;

    if (json.n > UINT32_MAX / 2 ||
        deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_BITS, 8,
            Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(e, ERR_LIMIT, "gzip does not start");
    most = deflateBound(&z, (uLong)json.n);
    buf_reserve(to, most);
    z.next_out = (Bytef *)to->p + at;
    z.avail_out = (uInt)most;
    rc = deflate(&z, Z_FINISH); /* there is room for all of it */
    (void)deflateEnd(&z);       /* nothing to be told */
    if (rc != Z_STREAM_END)
        return err_set(e, ERR_LIMIT, "gzip failed: %d", rc);
    to->n = at + most - z.avail_out;
    to->p[to->n] = '\0';
    return 0;
}

/* --- mail --- */

static void
mail_header(const struct tlsreport *r, struct str to_address, uint64_t number,
    int64_t now, struct buf *to)
{
    struct str submitter = tlsreport_submitter(r);

    buf_cstr(to, "Date: ");
    clock_print_rfc5322(to, now);
    buf_printf(to, "\r\nFrom: <%.*s>\r\nTo: <%.*s>\r\n", STR_ARG(r->from),
        STR_ARG(to_address));
    /* folded, since each of the three may be as long as a domain */
    buf_printf(to, "Subject: Report Domain: %s\r\n Submitter: %.*s\r\n",
        r->tally->domain, STR_ARG(submitter));
    buf_cstr(to, " Report-ID: <");
    tlsreport_print_id(r, to);
    buf_printf(to, ">\r\nTLS-Report-Domain: %s\r\n", r->tally->domain);
    buf_printf(to, "TLS-Report-Submitter: %.*s\r\n", STR_ARG(submitter));
    buf_printf(to, "Message-ID: <%016llx.%llx.tlsrpt@%.*s>\r\n",
        (unsigned long long)number, (unsigned long long)now,
        STR_ARG(submitter));
    /* RFC 8460 3: it goes whatever the domain's TLS is like; RFC 8689 5 */
    buf_cstr(to,
        "TLS-Required: No\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n");
}

static void
mail_text(const struct tlsreport *r, struct buf *to)
{
    const struct tlstally *t = r->tally;

    buf_cstr(to,
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        "This is a report (RFC 8460) of how sessions with the mail\r\n"
        "servers of this domain came to use TLS:\r\n\r\n");
    buf_printf(to, "    %s\r\n\r\n", t->domain);
    buf_printf(to, "    as they should: %llu\r\n    not so:         %llu\r\n",
        (unsigned long long)t->good, (unsigned long long)t->bad);
    buf_printf(to, "\r\nThe particulars are attached.  Whom to ask: %.*s\r\n",
        STR_ARG(r->contact));
}

static void
mail_attachment(const struct tlsreport *r, struct str packed, struct buf *to)
{
    struct buf text = BUF_INIT;

    buf_cstr(to,
        "Content-Type: application/tlsrpt+gzip\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment;\r\n filename=\"");
    tlsreport_print_name(r, to);
    buf_cstr(to, "\"\r\n\r\n");
    base64_encode(&text, packed);
    for (size_t at = 0; at < text.n; at += BASE64_LINE) {
        buf_str(to, str_sub(buf_get(&text), at, BASE64_LINE));
        buf_cstr(to, "\r\n");
    }
    buf_fini(&text);
}

void
tlsreport_print_mail(const struct tlsreport *r, struct str packed,
    struct str to_address, uint64_t number, int64_t now, struct buf *to)
{
    char boundary[32];

    (void)snprintf(boundary, sizeof(boundary), "=_impel-%016llx",
        (unsigned long long)number);
    mail_header(r, to_address, number, now, to);
    buf_printf(to,
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
        " boundary=\"%s\"\r\n\r\n--%s\r\n",
        boundary, boundary);
    mail_text(r, to);
    buf_printf(to, "\r\n--%s\r\n", boundary);
    mail_attachment(r, packed, to);
    buf_printf(to, "--%s--\r\n", boundary);
}
