/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsincheck.c - the options of TLS with those who connect, as the
 * configuration is read.
 */
#include "xport/tlsin.h"

#include "base/clock.h"
#include "conf/report_int.h"
#include "net/tlsfile.h"
#include "xport/xport_options.h"
#include "base/banned.h"

enum { SOON_S = 3 * 86400 /* before the end of a certificate it is told */ };

struct judge {
    struct generation *g;
    struct conf_report *report;
    bool failed;
};

static void
judge_says(
    struct judge *j, const struct stanza *at, uint32_t id, const struct err *e)
{
    struct report_at place = {stanza_file(at), stanza_line(at), 0};

    (void)stanza_value_at(at, id, &place.file, &place.line, &place.column);
    conf_report_add(j->report, REPORT_ERROR, place, "%s: %s",
        option_get(id)->name, e->text);
    j->failed = true;
}

/* The pair is one; how long still? */
static void
judge_time(struct judge *j, const struct stanza *at, uint32_t id,
    const struct tls_named *n)
{
    struct report_at place = {stanza_file(at), stanza_line(at), 0};
    struct buf when = BUF_INIT;
    struct tls_pair *pair;
    struct err e = {0};
    int64_t ends = INT64_MAX;

    if (tls_pair_get(n->certificate, n->key, &pair, &e) == 0)
        ends = tls_pair_ends(pair);
    tls_pair_put(&pair);
    if (ends > clock_wall() / 1000 + SOON_S)
        return;
    (void)stanza_value_at(at, id, &place.file, &place.line, &place.column);
    clock_print_iso(&when, ends * 1000);
    conf_report_add(j->report, REPORT_WARNING, place, "%s: %.*s ends at %s",
        option_get(id)->name, STR_ARG(n->certificate), when.p);
    buf_fini(&when);
}

static void
judge_named(struct judge *j, const struct stanza *at)
{
    uint32_t id = OPT(tlsin_options, TLSIN_SNI_CERTIFICATES);
    struct option_value v;

    if (!at || !stanza_value(at, id, &v))
        return;
    for (size_t i = 0; i < v.item_count; i++) {
        struct tls_named n = tlsin_pair(v.items[i]);
        struct err e = {0};

        if (tlsfile_read_certificate(n.certificate, &e) < 0 ||
            tlsfile_read_key(n.key.n ? n.key : n.certificate, &e) < 0 ||
            tlsfile_check_pair(n.certificate, n.key, &e) < 0)
            judge_says(j, at, id, &e);
        else
            judge_time(j, at, id, &n);
    }
}

static void
judge_ca(struct judge *j, const struct stanza *at)
{
    uint32_t id = OPT(tlsin_options, TLSIN_CLIENT_CA);
    struct option_value v;
    struct err e = {0};

    if (at && stanza_value(at, id, &v) && !str_ieq(v.text, STR("none")) &&
        tlsfile_read_ca(v.text, &e) < 0)
        judge_says(j, at, id, &e);
}

/* What has come together from several stanzas. */
static void
judge_scope(struct judge *j, const struct stanza *at)
{
    const struct scope *s = stanza_scope(at);
    struct tlsin_text text = {.priority = BUF_INIT};
    struct tls_params p;
    struct err e = {0};
    uint32_t ssl = OPT(tlsin_options, TLSIN_USE_SSL);
    uint32_t need = OPT(tlsin_options, TLSIN_REQUIRE_STARTTLS);
    int64_t mode = scope_int(s, OPT(tlsin_options, TLSIN_VERIFY_MODE));

    if (!tlsin_is_there(s)) {
        err_set(&e, ERR_CONF, "there is no tls_certificate to be shown");
        if (scope_int(s, ssl))
            judge_says(j, at, ssl, &e);
        else if (scope_int(s, need))
            judge_says(j, at, need, &e);
        else if (mode == TLSIN_VERIFY_REQUIRE)
            judge_says(j, at, OPT(tlsin_options, TLSIN_VERIFY_MODE), &e);
        return;
    }
    if (tlsin_params(s, &text, &p, &e) < 0)
        judge_says(j, at, OPT(tlsin_options, TLSIN_VERIFY_MODE), &e);
    else if (tlsfile_check_pair(p.certificate, p.key, &e) < 0)
        judge_says(j, at, OPT(xport_options, XPORT_TLS_CERTIFICATE), &e);
    else
        judge_time(j, at, OPT(xport_options, XPORT_TLS_CERTIFICATE),
            &(struct tls_named){p.certificate, p.key});
    tlsin_text_fini(&text);
}

static void
judge_stanzas(struct judge *j, const struct stanza *parent, uint32_t kind)
{
    const struct stanza *s = NULL;

    while ((s = generation_stanza(j->g, kind, parent, s)) != NULL) {
        judge_named(j, s);
        judge_ca(j, s);
        if (kind == IMPEL_SCOPE_LISTENER)
            judge_stanzas(j, s, IMPEL_SCOPE_LISTEN);
        else
            judge_scope(j, s);
        if (kind != IMPEL_SCOPE_PEER)
            judge_stanzas(j, s, IMPEL_SCOPE_PEER);
    }
}

int
tlsin_check(void *arg, struct generation *g, struct conf_report *r)
{
    const struct scope *global = generation_global(g);
    struct judge j = {g, r, false};

    (void)arg;
    judge_named(
        &j, scope_origin(global, OPT(tlsin_options, TLSIN_SNI_CERTIFICATES)));
    judge_ca(&j, scope_origin(global, OPT(tlsin_options, TLSIN_CLIENT_CA)));
    judge_stanzas(&j, NULL, IMPEL_SCOPE_LISTENER);
    return j.failed ? ERR_CONF : 0;
}
