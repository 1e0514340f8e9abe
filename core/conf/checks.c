/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/checks.h"

#include "base/address.h"
#include "base/cidr.h"
#include "conf/uninstalled.h"
#include "base/banned.h"

static bool
checks_has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

int
check_hostname(const struct option_value *v, struct err *e)
{
    if (address_is_domain(v->text, false))
        return 0;
    return err_set(e, ERR_CONF,
        "expected a host name such as mail.example.com, not '%.*s'",
        (int)MIN_OF(v->text.n, (size_t)80), v->text.p);
}

int
check_ehlo_hostname(const struct option_value *v, struct err *e)
{
    struct cidr c;

    if (str_ieq(v->text, STR("__hostname__")) ||
        str_ieq(v->text, STR("__message__")) ||
        cidr_parse(v->text, CIDR_BRACKETS, &c, NULL) == 0 ||
        address_is_domain(v->text, false))
        return 0;
    return err_set(e, ERR_CONF,
        "expected __hostname__, __message__, a host name or an address, not "
        "'%.*s'",
        (int)MIN_OF(v->text.n, (size_t)80), v->text.p);
}

int
check_bind_address(const struct option_value *v, struct err *e)
{
    struct cidr c;

    if (str_eq(v->text, STR("*")) || cidr_parse_host(v->text, &c, NULL) == 0)
        return 0;
    /* digits and dots alone are an address that went wrong */
    for (size_t i = 0; i < v->text.n; i++)
        if (!strchr("0123456789.:/[]", v->text.p[i]))
            return address_is_domain(v->text, false)
                ? 0
                : err_set(e, ERR_CONF,
                      "expected *, an address or a host name, not "
                      "'%.*s'",
                      (int)MIN_OF(v->text.n, (size_t)80), v->text.p);
    return err_set(e, ERR_CONF, "'%.*s' is no address such as 192.0.2.1",
        (int)MIN_OF(v->text.n, (size_t)80), v->text.p);
}

static int
checks_path(struct str s, struct err *e)
{
    if (s.n && s.p[0] == '/' && s.n < 4096 && !checks_has_control(s))
        return 0;
    return err_set(e, ERR_CONF, "expected an absolute path, not '%.*s'",
        (int)MIN_OF(s.n, (size_t)80), s.p ? s.p : "");
}

int
check_path(const struct option_value *v, struct err *e)
{
    if (!v->items)
        return checks_path(v->text, e);
    for (size_t i = 0; i < v->item_count; i++)
        if (checks_path(v->items[i], e))
            return ERR_CONF;
    return 0;
}

int
check_path_or_none(const struct option_value *v, struct err *e)
{
    return str_ieq(v->text, STR("none")) ? 0 : checks_path(v->text, e);
}

int
check_log(const struct option_value *v, struct err *e)
{
    struct str s = v->text;

    if (!s.n)
        return 0;
    if (str_istarts(s, STR("file://")))
        s = str_from(s, 7);
    if (str_find(s, STR("://"), 0) != SIZE_MAX)
        return err_set(e, ERR_CONF,
            "'%.*s': Impel writes logs to files only; expected a path",
            (int)MIN_OF(s.n, (size_t)80), s.p);
    return checks_path(s, e);
}

int
check_mailbox(const struct option_value *v, struct err *e)
{
    struct address a;
    struct err why;

    if (address_parse(v->text, ADDRESS_UTF8, &a, &why))
        return err_set(e, ERR_CONF, "'%.*s': %s",
            (int)MIN_OF(v->text.n, (size_t)80), v->text.p, why.text);
    if (!a.local.p)
        return err_set(e, ERR_CONF, "expected an address");
    return 0;
}

int
check_method(const struct option_value *v, struct err *e)
{
    return installed_check(INSTALLED_METHOD, v->text, e);
}

int
check_banner(const struct option_value *v, struct err *e)
{
    if (str_starts(v->text, STR("220 ")) && v->text.n <= 500 &&
        !checks_has_control(v->text))
        return 0;
    return err_set(e, ERR_CONF,
        "expected one line of at most 500 characters that begins with 220");
}

int
check_extensions(const struct option_value *v, struct err *e)
{
    static const char *const known[] = {"PIPELINING", "SIZE", "8BITMIME",
        "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME",
        "LIMITS", "DELIVERBY", "FUTURERELEASE", "STARTTLS", "XCLIENT",
        "REQUIRETLS", "AUTH"};
    static const char *const later[] = {
        "XREMOTEIP", "XSETCONTEXT", "XDUMPCONTEXT"};

    for (size_t i = 0; i < v->item_count; i++) {
        struct str rest = v->items[i], word = str_cut(&rest, ' ');
        size_t k = 0;

        while (k < ARRAY_SIZE(known) && !str_ieq(word, str_of(known[k])))
            k++;
        if (k < ARRAY_SIZE(known))
            continue;
        for (k = 0; k < ARRAY_SIZE(later); k++)
            if (str_ieq(word, str_of(later[k]))) {
                (void)err_set(e, ERR_CONF,
                    "%s comes with 0.4; it is not offered yet", later[k]);
                return OPTION_WARN;
            }
        return err_set(e, ERR_CONF,
            "'%.*s' is no extension that Impel has; docs/smtp.md has a list",
            (int)MIN_OF(v->items[i].n, (size_t)80), v->items[i].p);
    }
    return 0;
}
