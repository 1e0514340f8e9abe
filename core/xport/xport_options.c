/* SPDX-License-Identifier: Apache-2.0
 *
 * xport_options.c - the rows that transports share.
 */
#include "xport/xport_options.h"
#include "conf/checks.h"
#include "base/banned.h"

#define OUT IMPEL_SCOPE_OUTBOUND
#define BOTH (OUT | SCOPE_ALL_LISTENERS)

static const char *const eightbit[] = {
    "no|false|off|0|disabled", "ifavailable", NULL};
static const char *const transforms[] = {
    "no|false|off|0|disabled", "ifneeded", "strict", "strip", NULL};
static const char *const xclients[] = {
    "no|false|off|0|disabled", "ifavailable", "required", NULL};
static const char *const tls[] = {
    "no|false|off|0|disabled", "ifavailable", "required", NULL};
static const char *const verifies[] = {
    "no|false|off|0|disabled", "ca", "host", "optional", NULL};
static const char *const levels[] = {
    "debug", "info", "notice", "warning", "error", "critical", NULL};

static const struct option rows[] = {
    [XPORT_CONNECT_TIMEOUT] = {.name = "connect_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "300",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long a connection may take to come about",
        .since = "0.1"},
    [XPORT_EHLO_TIMEOUT] = {.name = "ehlo_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "300",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long to wait for the banner, and for the reply to "
                 "EHLO or HELO",
        .since = "0.1"},
    [XPORT_MAILFROM_TIMEOUT] = {.name = "mailfrom_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "300",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long to wait for the reply to MAIL FROM",
        .since = "0.1"},
    [XPORT_RCPTTO_TIMEOUT] = {.name = "rcptto_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "300",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long to wait for the reply to each RCPT TO, and to "
                 "DATA",
        .since = "0.1"},
    [XPORT_BODY_TIMEOUT] = {.name = "body_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "600",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long to wait for progress while a message is sent, "
                 "and for its reply",
        .since = "0.1"},
    [XPORT_RSET_TIMEOUT] = {.name = "rset_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "30",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long to wait for the reply to RSET, and to QUIT",
        .since = "0.1"},
    [XPORT_EHLO_HOSTNAME] = {.name = "ehlo_hostname",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .initial = "__hostname__",
        .brief = "name given in EHLO or HELO",
        .manual = "__hostname__: the hostname option. __message__: the "
                  "domain of the envelope sender. An address is given as a "
                  "literal.",
        .since = "0.1",
        .check = check_ehlo_hostname},
    [XPORT_SEND_8BITMIME] = {.name = "send_8bitmime",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "no",
        .choices = eightbit,
        .brief = "say BODY=8BITMIME for 8-bit messages: no, ifavailable",
        .since = "0.1"},
    [XPORT_TRANSFORM_8BITMIME_CONTENT] = {.name = "transform_8bitmime_content",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "ifneeded",
        .choices = transforms,
        .brief = "8-bit content for a peer without 8BITMIME: no, ifneeded, "
                 "strict, strip",
        .manual = "no: sent as it is. ifneeded: re-encoded to 7 bits where "
                  "possible. strict: re-encoded, and failed if that cannot "
                  "be done. strip: the high bits are cleared, whatever the "
                  "peer offers.",
        .since = "0.1"},
    [XPORT_XCLIENT] = {.name = "xclient",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "no",
        .choices = xclients,
        .brief = "tell a host by XCLIENT whom each message came from: no, "
                 "ifavailable, required",
        .manual = "Before each message, with the attributes that the host "
                  "lists: address, port, protocol and the name given in "
                  "EHLO; what is not known, as the name by DNS or the login, "
                  "is said to be unavailable. ifavailable: without it where "
                  "the host does not offer it or refuses. required: the "
                  "message waits then. On a connection on which a host has "
                  "taken it once, no message goes without. Each message "
                  "takes two round trips more.",
        .since = "0.1"},
    [XPORT_TRACE_SMTP_MODE] = {.name = "trace_smtp_mode",
        .type = OPTION_PERMS,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .initial = "0640",
        .brief = "mode of the files that \"trace smtp\" makes",
        .manual = "Whoever may read such a file learns who writes to whom. A "
                  "file that is there keeps its mode.",
        .since = "0.1"},
    [XPORT_TRACE_SMTP_SIZE] = {.name = "trace_smtp_size",
        .type = IMPEL_OPT_SIZE,
        .scopes = IMPEL_SCOPE_GLOBAL,
        .initial = "100M",
        .min = 4096,
        .max = 1099511627776,
        .brief = "size at which a file of \"trace smtp\" is full",
        .manual = "Nothing more is written to it then, and a line at its end "
                  "says so. Read when a tracer is added.",
        .since = "0.1"},
    [XPORT_TLS] = {.name = "tls",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "no",
        .choices = tls,
        .brief = "talk to hosts behind TLS: no, ifavailable, required",
        .manual = "ifavailable: where a host offers it; what happens when "
                  "that fails, tls_ifavailable_fallback says. required: mail "
                  "waits until a host offers it and the handshake succeeds. "
                  "Connections are shared between domains only under the "
                  "same options of TLS.",
        .since = "0.1"},
    [XPORT_TLS_IFAVAILABLE_FALLBACK] = {.name = "tls_ifavailable_fallback",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "true",
        .brief = "with tls = ifavailable, go on in clear where TLS fails",
        .manual = "A host that refuses STARTTLS is talked to in clear on the "
                  "same connection, one with which the handshake or the "
                  "verification fails on a new one, at once. false: the "
                  "connection has failed, other hosts are tried, and the "
                  "mail waits. A host that does not offer TLS gets mail in "
                  "clear either way.",
        .since = "0.1"},
    [XPORT_TLS_VERIFY] = {.name = "tls_verify",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "no",
        .choices = verifies,
        .brief = "which certificate a host must have: no, ca, host, optional",
        .manual = "no: any. ca: signed by one of tls_ca. host: in addition, "
                  "for the name of the host or that of the domain. optional: "
                  "as host, but only noted in the log. What fails is a "
                  "failed handshake: with tls = ifavailable and its fallback "
                  "mail then goes in clear, so ask for required as well. The "
                  "name of a host comes from DNS, which proves nothing "
                  "unless DNSSEC or a route vouches for it.",
        .since = "0.1"},
    [XPORT_TLS_CA] = {.name = "tls_ca",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "file of authorities in PEM form that certificates of hosts "
                 "are signed by",
        .manual = "Unset: those of the system, as they are when they are "
                  "needed first. Read when the configuration is loaded.",
        .since = "0.1",
        .check = check_path},
    [XPORT_TLS_CERTIFICATE] = {.name = "tls_certificate",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "file with the certificate and its chain in PEM form, or none",
        .manual = "Shown to hosts that ask for one; in the scopes of listeners "
                  "to all who connect, and STARTTLS is offered where there is "
                  "one. The file may hold the key too. none: nothing, "
                  "whatever a wider scope says. Read when the configuration "
                  "is loaded; sessions that have begun keep what they have.",
        .since = "0.1",
        .check = check_path_or_none},
    [XPORT_TLS_KEY] = {.name = "tls_key",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "file with the key of tls_certificate in PEM form, or none",
        .manual = "Unset or none: it stands in the file of the certificate. "
                  "A key behind a password cannot be used. The user that "
                  "impeld runs as must be able to read it in a reload.",
        .since = "0.1",
        .check = check_path_or_none},
    [XPORT_TLS_CIPHERS] = {.name = "tls_ciphers",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "priority string of GnuTLS, or DEFAULT",
        .manual = "Unset and DEFAULT are NORMAL. The lists of OpenSSL are "
                  "not understood.",
        .since = "0.1"},
    [XPORT_TLS_PROTOCOLS] = {.name = "tls_protocols",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "versions of TLS, such as +ALL:-TLSv1.0:-TLSv1.1",
        .manual = "ALL, TLSv1.0 to TLSv1.3, each with + or -, from left to "
                  "right. SSLv2 and SSLv3 are known words, and never used. "
                  "Unset: what tls_ciphers allows.",
        .since = "0.1"},
    [XPORT_DELIVERY_RESPONSE_TIMEOUT] = {.name = "delivery_response_timeout",
        .type = IMPEL_OPT_DURATION,
        .flags = OPTION_MS,
        .scopes = OUT,
        .initial = "5s",
        .min = 100,
        .max = OPTION_SECONDS(3600),
        .brief = "how long a push service may take to answer a notification",
        .manual = "A plain number is milliseconds. What was not answered by "
                  "then is tried again later, and may arrive twice. Of a "
                  "service that answers only what it refuses (apn_protocol = "
                  "binary) it is how long silence takes to mean yes: too short "
                  "a time makes failures look like successes.",
        .since = "0.1"},
    [XPORT_PUSH_CONVERT] = {.name = "push_convert",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "no",
        .brief = "make notifications of ordinary messages, for push services",
        .manual = "Of a message that has no part for the service of its "
                  "domain: the subject is the title, the first text the body, "
                  "as much of it as the service takes. no: such a message "
                  "fails. Nothing that was written as mail is then shown on "
                  "a lock screen by mistake.",
        .since = "0.1"},
    [XPORT_HTTP_URI] = {.name = "http_uri",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "what is asked for at a service that is spoken to by HTTP",
        .manual = "A path, such as /mms. Unset: the path written with the "
                  "route, as in mm7://example.com/mms, else /.",
        .since = "0.1"},
    [XPORT_HTTP_HOST] = {.name = "http_host",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "what the field Host of requests by HTTP says",
        .manual = "Unset: the host of the route, and its port unless it is "
                  "the usual one.",
        .since = "0.1"},
    [XPORT_HTTP_BASIC_AUTH] = {.name = "http_basic_auth",
        .type = IMPEL_OPT_SECRET,
        .scopes = OUT,
        .brief = "user:password for services by HTTP, or file:/path",
        .manual = "It is sent in every request, and stands in clear in it: "
                  "set tls = required, too.",
        .since = "0.1"},
    [XPORT_MODULE_ENABLED] = {.name = "enabled",
        .type = IMPEL_OPT_BOOL,
        .scopes = SCOPE_MODULE,
        .initial = "true",
        .brief = "whether the module is used; mail that needs it waits when "
                 "it is not",
        .since = "0.1"},
    [XPORT_MODULE_DEBUG_LEVEL] = {.name = "debug_level",
        .type = IMPEL_OPT_CHOICE,
        .scopes = SCOPE_MODULE,
        .choices = levels,
        .brief = "least level at which the module writes to the paniclog; "
                 "unset: debug_flags decides",
        .since = "0.1"},
};
struct option_set xport_options = OPTION_SET("xport", rows);
