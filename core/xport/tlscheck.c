/* SPDX-License-Identifier: Apache-2.0
 *
 * tlscheck.c - the options of TLS as the configuration is read.
 */
#include "xport/tlspolicy.h"

#include "conf/report_int.h"
#include "net/tlsfile.h"
#include "net/tlswords.h"
#include "xport/xport_options.h"
#include "base/banned.h"

static bool
is_none(struct str s)
{
    return str_ieq(s, STR("none"));
}

static int
judge_words(struct str ciphers, struct str protocols, struct err *e)
{
    struct buf b = BUF_INIT;
    int rc = tlswords_print(ciphers, protocols, &b, e);

    if (rc == 0 && !tlswords_priority(b.p, e))
        rc = ERR_CONF;
    buf_fini(&b);
    return rc;
}

static int
judge_ciphers(struct str v, struct err *e)
{
    return judge_words(v, STR_NONE, e);
}

static int
judge_protocols(struct str v, struct err *e)
{
    return judge_words(STR_NONE, v, e);
}

static const struct {
    int row;
    int (*judge)(struct str v, struct err *e);
} judges[] = {{XPORT_TLS_CA, tlsfile_read_ca},
    {XPORT_TLS_CERTIFICATE, tlsfile_read_certificate},
    {XPORT_TLS_KEY, tlsfile_read_key}, {XPORT_TLS_CIPHERS, judge_ciphers},
    {XPORT_TLS_PROTOCOLS, judge_protocols}};

static void
policy_error(
    struct conf_report *r, const struct stanza *s, int row, const struct err *e)
{
    struct report_at at = {"", 0, 0};
    uint32_t id = OPT(xport_options, row);

    (void)stanza_value_at(s, id, &at.file, &at.line, &at.column);
    conf_report_add(
        r, REPORT_ERROR, at, "%s: %s", option_get(id)->name, e->text);
}

/* What the stanza itself says. */
static struct str
policy_own(const struct stanza *s, int row)
{
    struct option_value v;

    if (!s || !stanza_value(s, OPT(xport_options, row), &v) || is_none(v.text))
        return STR_NONE;
    return v.text;
}

static int
policy_judge(const struct stanza *s, size_t i, struct conf_report *r)
{
    struct str v = policy_own(s, judges[i].row);
    struct err e = {0};

    if (!v.n || judges[i].judge(v, &e) == 0)
        return 0;
    policy_error(r, s, judges[i].row, &e);
    return ERR_CONF;
}

/* Certificate and key of one stanza must be a pair. */
static int
policy_judge_pair(const struct stanza *s, struct conf_report *r)
{
    struct str certificate = policy_own(s, XPORT_TLS_CERTIFICATE);
    struct str key = policy_own(s, XPORT_TLS_KEY);
    struct err e = {0};

    if (!certificate.n || !key.n ||
        tlsfile_check_pair(certificate, key, &e) == 0)
        return 0;
    policy_error(r, s, XPORT_TLS_KEY, &e);
    return ERR_CONF;
}

static int
policy_judge_stanza(const struct stanza *s, struct conf_report *r)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(judges); i++)
        if (policy_judge(s, i, r))
            rc = ERR_CONF;
    return rc ? rc : policy_judge_pair(s, r);
}

static int
policy_walk(
    struct generation *g, const struct stanza *parent, struct conf_report *r)
{
    static const uint32_t kinds[] = {IMPEL_SCOPE_GROUP, IMPEL_SCOPE_BINDING,
        IMPEL_SCOPE_DOMAIN, IMPEL_SCOPE_LISTENER, IMPEL_SCOPE_LISTEN,
        IMPEL_SCOPE_PEER};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct stanza *s = NULL;

        while ((s = generation_stanza(g, kinds[i], parent, s)) != NULL) {
            if (policy_judge_stanza(s, r) < 0)
                rc = ERR_CONF;
            if (kinds[i] != IMPEL_SCOPE_DOMAIN && policy_walk(g, s, r) < 0)
                rc = ERR_CONF;
        }
    }
    return rc;
}

int
tlspolicy_check(void *arg, struct generation *g, struct conf_report *r)
{
    const struct scope *global = generation_global(g);
    const struct stanza *last = NULL;
    int rc = policy_walk(g, NULL, r);

    (void)arg;
    for (size_t i = 0; i < ARRAY_SIZE(judges); i++) {
        last = scope_origin(global, OPT(xport_options, judges[i].row));
        if (last && policy_judge(last, i, r) < 0)
            rc = ERR_CONF;
    }
    last = scope_origin(global, OPT(xport_options, XPORT_TLS_KEY));
    return rc || !last ? rc : policy_judge_pair(last, r);
}
