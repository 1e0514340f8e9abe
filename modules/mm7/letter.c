/* SPDX-License-Identifier: Apache-2.0
 *
 * letter.c - addresses, and the fields of the message.
 */
#include "letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "calendar.h"
#include "letter_int.h"
#include "line.h"
#include "mime.h"

/* --- addresses --- */

static bool
is_atom(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = at[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z') || (c && strchr("+-_*#=", c)) ||
            (c == '.' && i > 0 && i + 1 < n && at[i - 1] != '.'))
            continue;
        return false;
    }
    return n > 0;
}

bool
letter_address(const struct call_address *a, struct impel_str domain,
    char to[LETTER_ADDRESS])
{
    size_t n = strlen(a->text);
    int made;

    if (a->mail) {
        for (size_t i = 0; i < n; i++)
            if (a->text[i] <= ' ' || a->text[i] > '~' ||
                strchr("<>", a->text[i]))
                return false;
        return strchr(a->text, '@') &&
            snprintf(to, LETTER_ADDRESS, "%s", a->text) < LETTER_ADDRESS;
    }
    n = strcspn(a->text, "/"); /* "+15551234567/TYPE=PLMN" */
    if (!is_atom(a->text, n) || !domain.n)
        return false;
    made = snprintf(to, LETTER_ADDRESS, "%.*s@%.*s", (int)n, a->text,
        (int)(domain.n < 255 ? domain.n : 255), domain.p);
    return made < LETTER_ADDRESS;
}

/* An option's: with its domain, or in that one. */
static bool
own_address(
    struct impel_str own, struct impel_str domain, char to[LETTER_ADDRESS])
{
    struct call_address a = {.mail = own.n && memchr(own.p, '@', own.n)};

    if (!own.n || own.n >= sizeof(a.text))
        return false;
    memcpy(a.text, own.p, own.n);
    return letter_address(&a, domain, to);
}

bool
letter_sender(const struct call *c, const struct letter_names *names,
    char to[LETTER_ADDRESS])
{
    if (c->sender.text[0])
        return letter_address(&c->sender, names->from_domain, to);
    return own_address(names->from, names->from_domain, to);
}

bool
letter_default(const struct letter_names *names, char to[LETTER_ADDRESS])
{
    return own_address(names->to, names->to_domain, to);
}

/* --- fields --- */

/* ASCII, without what could end the line; other octets become '?'. */
void
letter_field(struct text *to, const char *name, const char *value)
{
    if (!value[0])
        return;
    text_z(to, name);
    text_z(to, ": ");
    for (const char *p = value; *p; p++)
        text_put(to, *p < ' ' || *p > '~' ? "?" : p, 1);
    text_z(to, "\r\n");
}

/* Encoded words of UTF-8 (RFC 2047), each with whole characters. */
static void
put_words(struct text *to, const char *s)
{
    enum { WORD = 42 };

    for (size_t n; *s; s += n) {
        n = strlen(s);
        if (n > WORD) {
            for (n = WORD; n && ((unsigned char)s[n] & 0xc0) == 0x80;)
                n--;
            if (!n)
                n = WORD;
        }
        text_z(to, "=?utf-8?B?");
        text_base64(to, s, n, 0);
        text_z(to, s[n] ? "?=\r\n " : "?=");
    }
}

static void
put_subject(struct text *to, const char *subject)
{
    bool plain = strlen(subject) < 900 && !strstr(subject, "=?");

    for (const char *p = subject; *p; p++)
        plain = plain && *p >= ' ' && *p < 127;
    if (!subject[0])
        return;
    if (plain) {
        letter_field(to, "Subject", subject);
        return;
    }
    text_z(to, "Subject: ");
    put_words(to, subject);
    text_z(to, "\r\n");
}

static void
put_addresses(struct text *to, const struct call *c, enum call_header header,
    const struct letter_names *names)
{
    static const char *const fields[] = {"To", "Cc"};
    char address[LETTER_ADDRESS];
    bool any = false;

    for (size_t i = 0; i < c->rcpt_count; i++) {
        if (c->rcpt[i].header != header ||
            !letter_address(&c->rcpt[i], names->to_domain, address))
            continue;
        text_z(to, any ? ",\r\n " : fields[header]);
        text_z(to, any ? "<" : ": <");
        text_z(to, address);
        text_z(to, ">");
        any = true;
    }
    if (any)
        text_z(to, "\r\n");
}

/* "2026-11-21T20:15:00+01:00" or "...Z"; fractions are passed over. */
static bool
read_stamp(const char *s, struct tm *tm, char zone[6])
{
    const char *rest;
    int hours = 0, minutes = 0;
    char sign = '+';

    memset(tm, 0, sizeof(*tm));
    rest = strptime(s, "%Y-%m-%dT%H:%M:%S", tm);
    if (!rest)
        return false;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (*rest && *rest != 'Z' &&
        (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3 ||
            (sign != '+' && sign != '-') || hours < 0 || hours > 14 ||
            minutes < 0 || minutes > 59))
        return false;
    (void)snprintf(zone, 6, "%c%02u%02u", sign, (unsigned)hours % 100,
        (unsigned)minutes % 100);
    if (tm->tm_year < 0 || tm->tm_year >= 8000)
        return false;
    calendar_fill(calendar_seconds(tm), tm); /* a 31st of June is none */
    return true;
}

static void
put_date(struct text *to, const char *stamp, int64_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char zone[6] = "+0000", line[80];
    struct tm tm;

    if (!read_stamp(stamp, &tm, zone)) {
        (void)snprintf(zone, sizeof(zone), "+0000");
        calendar_fill(now, &tm);
    }
    (void)snprintf(line, sizeof(line), "%.3s, %d %.3s %d %02d:%02d:%02d %s",
        days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
        tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, zone);
    letter_field(to, "Date", line);
}

/* The same for the same message, so that readers see one that came twice as
 * one. */
static void
put_id(struct text *to, const struct call *c, const struct letter_names *names)
{
    const char *id = c->linked_id[0] ? c->linked_id : c->transaction;
    unsigned char sum[32];
    char line[400], hex[33];

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, id, strlen(id), sum) < 0)
        return;
    for (int i = 0; i < 16; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    (void)snprintf(line, sizeof(line), "<%s.mm7@%.*s>", hex,
        (int)(names->host.n < 255 ? names->host.n : 255),
        names->host.n ? names->host.p : "");
    letter_field(to, "Message-ID", line);
}

static void
put_own(struct text *to, const struct call *c)
{
    if (strcasecmp(c->priority, "High") == 0 ||
        strcasecmp(c->priority, "Low") == 0)
        letter_field(to, "Importance", c->priority);
    letter_field(to, "X-MM7-Transaction-ID", c->transaction);
    letter_field(to, "X-MM7-Linked-ID", c->linked_id);
    letter_field(to, "X-MM7-Reply-Charging-ID", c->charging_id);
    letter_field(to, "X-MM7-Relay-Server-ID", c->relay_server);
    letter_field(to, "X-MM7-VASP-ID", c->vaspid);
    letter_field(to, "X-MM7-VAS-ID", c->vasid);
}

const char *
letter_write(const struct call *c, const struct soap_body *body,
    const struct letter_names *names, int64_t now, struct text *to)
{
    char sender[LETTER_ADDRESS];
    const char *wrong;

    put_date(to, c->stamp, now);
    if (letter_sender(c, names, sender)) {
        text_z(to, "From: <");
        text_z(to, sender);
        text_z(to, ">\r\n");
    }
    put_addresses(to, c, CALL_TO, names);
    put_addresses(to, c, CALL_CC, names);
    put_subject(to, c->subject);
    put_id(to, c, names);
    put_own(to, c);
    text_z(to, "MIME-Version: 1.0\r\n");
    wrong = letter_content(c, body, to);
    return !wrong && to->failed ? mime_no_memory : wrong;
}
