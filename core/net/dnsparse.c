/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dnsparse.h"

#include "base/banned.h"

enum { DNS_SOA = 6, DNS_NS = 2, DNS_IN = 1 };

/* A place in the message. */
struct reader {
    struct str msg;
    size_t at;
    bool bad; /* something did not fit; what was read since is 0 */
};
struct name {
    char text[DNSPARSE_NAME_MAX + 1];
    size_t n;
    bool odd; /* octets that no host name has: equal to nothing */
};
struct rr {
    struct name owner;
    uint16_t type, class;
    uint32_t ttl;
    size_t data, end; /* RDATA */
};

static uint8_t
read_u8(struct reader *r)
{
    if (r->at >= r->msg.n) {
        r->bad = true;
        return 0;
    }
    return (uint8_t)r->msg.p[r->at++];
}

static uint16_t
read_u16(struct reader *r)
{
    unsigned high = read_u8(r);

    return (uint16_t)(high << 8 | read_u8(r));
}

static uint32_t
read_u32(struct reader *r)
{
    uint32_t high = read_u16(r);

    return high << 16 | read_u16(r);
}

/* RFC 2181 8: a TTL with the highest bit set counts as 0. */
static uint32_t
read_ttl(struct reader *r)
{
    uint32_t ttl = read_u32(r);

    return ttl & UINT32_C(0x80000000) ? 0 : ttl;
}

static void
name_add(struct name *to, char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    to->text[to->n++] = c;
}

/* One label of n octets at r->at. */
static void
read_label(struct reader *r, size_t n, struct name *to)
{
    if (n > r->msg.n - r->at || to->n + n + 1 > DNSPARSE_NAME_MAX) {
        r->bad = true;
        return;
    }
    if (to->n)
        name_add(to, '.');
    for (size_t i = 0; i < n; i++) {
        char c = r->msg.p[r->at++];
        if (c <= ' ' || c > '~' || c == '.' || c == '\\')
            to->odd = true;
        name_add(to, c);
    }
}

/* Pointers lead to an earlier place than the last, so this ends. */
static void
read_name(struct reader *r, struct name *to)
{
    struct reader at = *r;
    size_t before = r->at;
    bool jumped = false;

    to->n = 0;
    to->odd = false;
    for (;;) {
        unsigned n = read_u8(&at);
        if (at.bad || !n)
            break;
        if (n < 64) {
            read_label(&at, n, to);
            if (at.bad)
                break;
            continue;
        }
        n = (n & 63u) << 8 | read_u8(&at);
        if (!jumped)
            r->at = at.at;
        jumped = true;
        if (at.bad || (at.msg.p[at.at - 2] & 0xc0) != 0xc0 || n >= before) {
            at.bad = true;
            break;
        }
        before = at.at = n;
    }
    if (!jumped)
        r->at = at.at;
    r->bad |= at.bad;
    to->text[to->n] = '\0';
}

static bool
name_eq(const struct name *a, struct str b)
{
    return !a->odd && str_eq(str_make(a->text, a->n), b);
}

static bool
read_rr(struct reader *r, struct rr *to)
{
    size_t n;

    read_name(r, &to->owner);
    to->type = read_u16(r);
    to->class = read_u16(r);
    to->ttl = read_ttl(r);
    n = read_u16(r);
    if (r->bad || n > r->msg.n - r->at) {
        r->bad = true;
        return false;
    }
    to->data = r->at;
    to->end = r->at += n;
    return true;
}

/* A name that fills the RDATA from r->at to its end. */
static bool
rr_name(const struct reader *msg, size_t at, size_t end, struct name *to)
{
    struct reader r = {.msg = str_sub(msg->msg, 0, end), .at = at};

    read_name(&r, to);
    return !r.bad && r.at == end && !to->odd;
}

/* Follow the CNAMEs of the answer section from *name on; false: too many. */
static bool
follow_chain(const struct reader *answers, unsigned count, struct name *name,
    uint32_t *ttl)
{
    struct rr rr;
    struct name next;

    for (int hops = 0; hops <= DNSPARSE_CHAIN_MAX; hops++) {
        struct reader r = *answers;
        bool found = false;
        for (unsigned i = 0; i < count && !found && read_rr(&r, &rr); i++)
            found = rr.type == DNS_CNAME && rr.class == DNS_IN &&
                name_eq(&rr.owner, str_make(name->text, name->n)) &&
                rr_name(&r, rr.data, rr.end, &next);
        if (!found)
            return true;
        *ttl = MIN_OF(*ttl, rr.ttl);
        *name = next;
    }
    return false;
}

static bool
record_address(const struct reader *msg, const struct rr *rr, int family,
    struct dns_record *to)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t n = family == 4 ? 4 : 16;

    if (rr->end - rr->data != n)
        return false;
    to->ip.family = (uint8_t)family;
    to->ip.bits = (uint8_t)(n * 8);
    memcpy(to->ip.addr, msg->msg.p + rr->data, n);
    /* No way around what is said of IPv4 addresses. */
    return family == 4 || memcmp(to->ip.addr, mapped, sizeof(mapped)) != 0;
}

static bool
record_txt(const struct reader *msg, const struct rr *rr, struct arena *a,
    struct dns_record *to)
{
    char *p = arena_alloc(a, rr->end - rr->data + 1);
    size_t n = 0;

    for (size_t at = rr->data; at < rr->end;) {
        size_t part = (uint8_t)msg->msg.p[at++];
        if (part > rr->end - at)
            return false;
        memcpy(p + n, msg->msg.p + at, part);
        n += part;
        at += part;
    }
    to->bytes = str_make(p, n);
    return true;
}

static bool
record_name(const struct reader *msg, const struct rr *rr, size_t skip,
    struct arena *a, struct dns_record *to)
{
    struct name name;

    if (rr->end - rr->data < skip ||
        !rr_name(msg, rr->data + skip, rr->end, &name))
        return false;
    to->name = arena_str(a, str_make(name.text, name.n));
    return true;
}

static bool
record_read(const struct reader *msg, const struct rr *rr, struct arena *a,
    struct dns_record *to)
{
    struct reader r = {.msg = msg->msg, .at = rr->data};

    memset(to, 0, sizeof(*to));
    to->ttl = rr->ttl;
    switch ((enum dns_type)rr->type) {
    case DNS_A:
        return record_address(msg, rr, 4, to);
    case DNS_AAAA:
        return record_address(msg, rr, 6, to);
    case DNS_MX:
        to->preference = read_u16(&r);
        return record_name(msg, rr, 2, a, to);
    case DNS_PTR:
    case DNS_CNAME:
        return record_name(msg, rr, 0, a, to);
    case DNS_TXT:
        return record_txt(msg, rr, a, to);
    case DNS_TLSA: /* what cannot be used counts all the same (tlsa.h) */
        to->bytes =
            arena_str(a, str_sub(msg->msg, rr->data, rr->end - rr->data));
        return true;
    }
    return false;
}

/* How many records there may be, whatever the header says: each has 11 octets
 * at the least.  One was read already. */
static size_t
collect_most(const struct reader *r, unsigned count)
{
    size_t most = (r->msg.n - r->at) / 11 + 1;

    most = MIN_OF(most, (size_t)count);
    return MIN_OF(most, (size_t)DNSPARSE_RECORDS_MAX);
}

/* What the answer section says of name; the number of records that had the
 * type but could not be read is returned. */
static size_t
collect(const struct reader *answers, unsigned count, const struct name *name,
    enum dns_type type, struct arena *a, struct dns_answer *to)
{
    struct dns_record *records = NULL;
    struct reader r = *answers;
    size_t odd = 0;
    struct rr rr;

    for (unsigned i = 0; i < count && read_rr(&r, &rr); i++) {
        if (rr.type != type || rr.class != DNS_IN ||
            !name_eq(&rr.owner, str_make(name->text, name->n)))
            continue;
        if (to->count == DNSPARSE_RECORDS_MAX)
            break;
        if (!records)
            to->record = records =
                arena_alloc(a, sizeof(*records) * collect_most(&r, count));
        if (!record_read(&r, &rr, a, &records[to->count])) {
            odd++;
            continue;
        }
        to->ttl = MIN_OF(to->ttl, rr.ttl);
        to->count++;
    }
    if (r.bad) /* half of a set of exchanges would be worse than none */
        to->count = 0;
    return odd + (r.bad ? 1 : 0);
}

/* The authority section of a negative answer: RFC 2308 5.  *referral: it only
 * names other servers. */
static bool
negative_ttl(struct reader *r, unsigned count, uint32_t *ttl, bool *referral)
{
    struct name scrap;
    struct rr rr;

    for (unsigned i = 0; i < count && read_rr(r, &rr); i++) {
        struct reader soa = {.msg = str_sub(r->msg, 0, rr.end), .at = rr.data};
        uint32_t least;
        if (rr.type == DNS_NS)
            *referral = true;
        if (rr.type != DNS_SOA)
            continue;
        *referral = false;
        read_name(&soa, &scrap);
        read_name(&soa, &scrap);
        for (int j = 0; j < 4; j++)
            (void)read_u32(&soa); /* serial, refresh, retry, expire */
        least = read_ttl(&soa);
        if (soa.bad)
            return false;
        *ttl = MIN_OF(rr.ttl, least);
        return true;
    }
    return false;
}

/* Behind the question; false: it cannot be read. */
static bool
skip_question(struct reader *r, unsigned count)
{
    struct name scrap;

    if (count != 1)
        return false;
    read_name(r, &scrap);
    (void)read_u32(r); /* type and class */
    return !r->bad;
}

static enum dns_status
read_sections(struct reader *r, const unsigned counts[3], struct str name,
    enum dns_type type, struct arena *a, struct dns_answer *to)
{
    unsigned an = MIN_OF(counts[1], (unsigned)DNSPARSE_LOOK_MAX);
    struct reader answers;
    struct name at = {.n = name.n};
    bool referral = false, known;
    struct rr rr;
    size_t odd = 0;

    if (!skip_question(r, counts[0]) || name.n > DNSPARSE_NAME_MAX)
        return DNS_SERVFAIL;
    answers = *r;
    memcpy(at.text, name.p, name.n);
    if (type != DNS_CNAME && !follow_chain(&answers, an, &at, &to->ttl))
        return DNS_SERVFAIL;
    if (!str_eq(str_make(at.text, at.n), name))
        to->canonical = arena_str(a, str_make(at.text, at.n));
    if (to->status == DNS_OK)
        odd = collect(&answers, an, &at, type, a, to);
    if (to->count)
        return DNS_OK;
    for (unsigned i = 0; i < counts[1]; i++)
        if (!read_rr(r, &rr))
            return DNS_SERVFAIL;
    known = negative_ttl(r, MIN_OF(counts[2], 64u), &to->ttl, &referral);
    if (r->bad || odd || (referral && to->status == DNS_OK))
        return DNS_SERVFAIL;
    if (!known)
        to->ttl = UINT32_MAX;
    return to->status == DNS_OK ? DNS_NODATA : DNS_NXDOMAIN;
}

void
dnsparse_answer(struct str msg, struct str name, enum dns_type type,
    struct arena *a, struct dns_answer *to)
{
    struct reader r = {.msg = msg};
    unsigned flags, rcode, counts[3];

    memset(to, 0, sizeof(*to));
    to->ttl = UINT32_MAX;
    (void)read_u16(&r); /* id */
    flags = read_u16(&r);
    for (int i = 0; i < 3; i++)
        counts[i] = read_u16(&r);
    (void)read_u16(&r); /* additional records are not used */
    rcode = flags & 15;
    to->authenticated = flags & 0x20;
    to->status = rcode == 0 ? DNS_OK : DNS_NXDOMAIN;
    if (r.bad || !(flags & 0x8000) || flags & 0x200 ||
        (rcode != 0 && rcode != 3)) /* no answer, cut off, or an error */
        to->status = DNS_SERVFAIL;
    else
        to->status = read_sections(&r, counts, name, type, a, to);
    if (to->status == DNS_SERVFAIL)
        to->ttl = UINT32_MAX;
}
