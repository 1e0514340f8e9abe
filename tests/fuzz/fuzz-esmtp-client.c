/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-esmtp-client.c - an outbound session against any replies.  However they
 * come, and whatever is asked of the session between two of them, each
 * recipient is reported once, and nobody is told that a message was delivered
 * that was not sent.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/esmtp_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char body[] = "Subject: x\r\n\r\nthe very text\r\n";

static void
check(const struct esmtp_host *h, const struct impel_batch *b)
{
    size_t i;
    int sent = h->session.out.p &&
        memmem(h->session.out.p, h->session.out.n, "the very text", 13);

    for (i = 0; i < b->envelope.rcpt_count; i++) {
        if (b->reported[i] != 1)
            abort();
        if (b->verdict[i] == IMPEL_DELIVERED && !sent)
            abort();
    }
}

enum asked { NOTHING, TIME, CANCEL, PROBE, CLOSE, CLOSE_NOW, ASKED };

/* What the core may do at any time.  b: the last batch that was lent, or NULL.
 * true: nothing more is lent. */
static bool
ask(struct esmtp_host *h, struct impel_batch *b, enum asked what)
{
    bool open = b && !b->ended;

    if (h->session.closed)
        return true;
    switch (what) {
    case TIME: /* it is up, whatever is waited for */
        h->now += INT64_C(100000000);
        dialogue_transport.event(h->s, NULL, IMPEL_EV_TIMER, 0);
        break;
    case CANCEL:
        if (open)
            dialogue_transport.cancel(h->s, b);
        break;
    case PROBE:
        if (!open && h->session.ready == 1) {
            h->session.ready = 0;
            dialogue_transport.probe(h->s);
        }
        break;
    case CLOSE:
    case CLOSE_NOW:
        dialogue_transport.close(h->s, what == CLOSE_NOW);
        break;
    default:
        return false;
    }
    esmtp_host_settle(h);
    return what == CLOSE || what == CLOSE_NOW;
}

static void
play(const uint8_t *data, size_t n, size_t piece, uint32_t needs, bool lmtp)
{
    static const struct impel_rcpt a = {
        .size = sizeof(a), .notify = 2, .address = {"a@example.net", 13}};
    static const struct impel_rcpt b = {
        .size = sizeof(b), .address = {"b\n@example.net", 14}};
    static const struct impel_rcpt c = {.size = sizeof(c),
        .address = {"c@example.net", 13},
        .original = {"rfc822;c@example.net", 20}};
    const struct impel_rcpt *rcpt[] = {&a, &b, &c};
    struct impel_batch batch[3];
    struct esmtp_host *h = esmtp_host_new();
    size_t at, take, used = 0, i;
    bool leaving = false;

    h->module.lmtp = lmtp;
    h->full_every = piece == 7 ? 3 : 0;
    h->option[OPT_XCLIENT] = (int64_t)(n % 3); /* no, ifavailable, required */
    h->option[OPT_TLS] = (int64_t)(n / 3 % 3); /* the same */
    h->option[OPT_TLS_FALLBACK] = n / 9 % 2;
    h->tls_fails = n / 18 % 2;
    h->logins = n / 36 % 2;
    esmtp_host_connect(h, lmtp ? "LMTP" : "ESMTP");
    for (at = 0; at < n && !h->session.closed; at += take) {
        take = n - at < piece ? n - at : piece;
        esmtp_host_feed(h, data + at, take);
        if (at <= n / 2 && at + take > n / 2)
            leaving = ask(h, used ? &batch[used - 1] : NULL,
                (enum asked)(n / 72 % ASKED));
        if (leaving || h->session.closed || h->session.ready != 1 ||
            used == 3 || (used > 0 && !batch[used - 1].ended))
            continue;
        memset(&batch[used], 0, sizeof(batch[used]));
        batch[used].body = body;
        batch[used].envelope =
            (struct impel_envelope){.size = sizeof(struct impel_envelope),
                .needs = needs,
                .sender = {"s@example.org", 13},
                .envid = {"id", 2},
                .ret = 1,
                .rcpt_count = 3,
                .rcpt = rcpt,
                .client_addr = {"2001:db8::7", 11},
                .client_helo = {"a\r\nQUIT", 7},
                .client_proto = {"smtp", 4},
                .client_port = 4711};
        esmtp_host_lend(h, &batch[used++]);
    }
    esmtp_host_end(h);
    for (i = 0; i < used; i++)
        check(h, &batch[i]);
    esmtp_host_free(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    for (int lmtp = 0; lmtp < 2; lmtp++) {
        play(data, n, 1, 0, lmtp);
        play(data, n, 7, IMPEL_NEED_8BIT, lmtp);
        play(data, n, n, IMPEL_NEED_UTF8, lmtp);
    }
    return 0;
}
