/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-header.c - headers of strangers: who looks for fields (core/intake/
 * trace.c) and who signs them (core/xport/dkim.c).  A signature must be good
 * for a verifier that shares nothing with the signer but RFC 6376; a field is
 * seen by the one as by the other.
 */
#include "parts.h"

#include <ctype.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "base/base64.h"
#include "intake/trace.h"
#include "xport/dkim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBJDmtyirTYlCL00r6CkKhC/uK/cb93x4wYESCsUpCW3\n"
    "-----END PRIVATE KEY-----\n";
static struct dkim_key *key;
static gnutls_pubkey_t public;

static void
prepare(void)
{
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, sizeof(pem) - 1};
    gnutls_privkey_t private;

    if (key)
        return;
    key = dkimkey_parse(str_of(pem), DKIMKEY_ED25519, NULL);
    must(key && gnutls_privkey_init(&private) == 0 &&
        gnutls_privkey_import_x509_raw(
            private, &text, GNUTLS_X509_FMT_PEM, NULL, 0) == 0);
    must(gnutls_pubkey_init(&public) == 0 &&
        gnutls_pubkey_import_privkey(public, private, 0, 0) == 0);
    gnutls_privkey_deinit(private);
}

/* --- a verifier --- */

/* The lines of a field, from `at` on: where the next one begins. */
static size_t
field_end(struct str s, size_t at)
{
    do {
        size_t end = str_find(s, STR("\r\n"), at);

        at = end == SIZE_MAX ? s.n : end + 2;
    } while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'));
    return at;
}

static struct str
name_of(struct str field)
{
    size_t colon = str_chr(field, ':', 0);

    return str_trim(str_sub(field, 0, colon == SIZE_MAX ? 0 : colon));
}

/* The `which`th field of that name from below, from 1 on; absent: none. */
static struct str
nth(struct str header, struct str name, size_t which)
{
    struct str found[2048]; /* more than fit into 4,000 octets */
    size_t count = 0;

    for (size_t at = 0; at < header.n && header.p[at] != '\r';) {
        size_t end = field_end(header, at);
        struct str one = str_sub(header, at, end - at);

        if (str_ieq(name_of(one), name) && count < ARRAY_SIZE(found))
            found[count++] = one;
        at = end;
    }
    return which <= count ? found[count - which] : STR_NONE;
}

static void
relaxed(struct str name, struct str value, struct buf *to)
{
    for (size_t i = 0; i < name.n; i++)
        buf_char(to, (char)tolower((unsigned char)name.p[i]));
    buf_char(to, ':');
    value = str_trim(value);
    for (size_t i = 0; i < value.n; i++) {
        bool space = strchr(" \t\r\n", value.p[i]) && value.p[i];

        if (!space)
            buf_char(to, value.p[i]);
        else if (strchr(" \t", value.p[i]) && to->p[to->n - 1] != ' ')
            buf_char(to, ' ');
    }
}

/* Its value without b=, and that. */
static struct str
cut_signature(struct str value, struct buf *signature)
{
    size_t at = str_find(value, STR("\tb="), 0);
    struct buf text = BUF_INIT;

    must(at != SIZE_MAX);
    for (size_t i = at + 3; i < value.n; i++)
        if (!strchr("\r\n\t ", value.p[i]))
            buf_char(&text, value.p[i]);
    must(base64_decode(signature, buf_get(&text)) == 0);
    buf_fini(&text);
    return str_sub(value, 0, at + 3);
}

static void
gather(struct str header, struct str names, struct buf *to)
{
    struct buf before = BUF_INIT; /* names that were met, each with ':' */

    while (names.p) {
        struct str name = str_trim(str_cut(&names, ':')), rest, field;
        size_t which = 1;

        rest = buf_get(&before);
        while (rest.n)
            which += str_ieq(str_cut(&rest, ':'), name);
        field = nth(header, name, which);
        if (field.p) {
            relaxed(name, str_from(field, str_chr(field, ':', 0) + 1), to);
            buf_cstr(to, "\r\n");
        }
        buf_str(&before, name);
        buf_char(&before, ':');
    }
    buf_fini(&before);
}

static void
verify(struct str header, struct str own)
{
    struct str value = str_from(own, sizeof("DKIM-Signature:") - 1), names;
    struct buf data = BUF_INIT, signature = BUF_INIT;
    gnutls_datum_t hash, sum;
    uint8_t digest[32];
    size_t at;

    must(str_starts(own, STR("DKIM-Signature:")));
    value = cut_signature(value, &signature);
    at = str_find(value, STR("\th="), 0);
    must(at != SIZE_MAX);
    names = str_from(value, at + 3);
    names = str_cut(&names, ';');
    gather(header, names, &data);
    relaxed(STR("DKIM-Signature"), value, &data);
    must(gnutls_hash_fast(GNUTLS_DIG_SHA256, data.p, data.n, digest) == 0);
    hash = (gnutls_datum_t){digest, sizeof(digest)};
    sum = (gnutls_datum_t){(unsigned char *)signature.p, (unsigned)signature.n};
    must(gnutls_pubkey_verify_data2(
             public, GNUTLS_SIGN_EDDSA_ED25519, 0, &hash, &sum) == 0);
    buf_fini(&data);
    buf_fini(&signature);
}

/* --- */

static void
check_lines(struct str own)
{
    while (own.n) {
        size_t end = str_find(own, STR("\r\n"), 0);

        must(end != SIZE_MAX && end < 998);
        for (size_t i = 0; i < end; i++)
            must(own.p[i] == '\t' || (own.p[i] >= ' ' && own.p[i] < 127));
        own = str_from(own, end + 2);
    }
}

/* Lines that end in CRLF only, as they do in the spool. */
static void
mend(struct str s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\n')
            buf_cstr(to, "\r\n");
        else if (s.p[i] != '\r')
            buf_char(to, s.p[i]);
}

static void
look(struct str header)
{
    struct str domain = dkim_from_domain(header);
    size_t n = trace_count_fields(header, STR("Received"));

    must((n > 0) == trace_has_field(header, STR("Received")));
    must(n <= header.n / 9);
    if (trace_has_field(header, STR("From")) && nth(header, STR("From"), 1).p)
        (void)trace_is_header(header);
    must(!domain.p ||
        (domain.p >= header.p && domain.p + domain.n <= header.p + header.n));
    for (size_t i = 0; domain.p && i < domain.n; i++)
        must(!strchr(" \t\r\n>,;()<\"@", domain.p[i]) || !domain.p[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct str sign[] = {
        STR("From"), STR("To"), STR("Subject"), STR("Received"), STR("x")};
    struct dkim_how how = {.header_form = BODYHASH_RELAXED,
        .body_form = BODYHASH_RELAXED,
        .domain = STR("d.test"),
        .selector = STR("s"),
        .lifetime = (int64_t)(n % 2) * 3600,
        .sign = sign,
        .over = sign,
        .sign_count = ARRAY_SIZE(sign),
        .over_count = n % 3};
    static const uint8_t body[BODYHASH_SIZE];
    struct buf header = BUF_INIT, own = BUF_INIT;

    prepare();
    look(str_make(data, n));
    mend(str_make(data, n), &header);
    look(buf_get(&header));
    if (header.n && header.p[header.n - 1] != '\n')
        buf_cstr(&header, "\r\n");
    if (dkim_sign(&how, key, buf_get(&header), body, 1790000000, &own, NULL) ==
            0 &&
        n < 4000) {
        check_lines(buf_get(&own));
        verify(buf_get(&header), buf_get(&own));
    }
    buf_fini(&header);
    buf_fini(&own);
    return 0;
}
