/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - the options of the module.
 */
#include "mm7.h"

#include "optionrow.h"

#define IN_ROW(option, kind, first, line, more) \
    ROW_IN(INBOUND, option, kind, first, line, more)

static const char *const auths[] = {"basic", "digest", NULL};
const char *const mm7_classes[] = {
    "none", "Personal", "Informational", "Advertisement", "Auto", NULL};

const struct impel_option mm7_options[OPT_ROWS] = {
    [OPT_CONNECT_TIMEOUT] = IMPORT("connect_timeout"),
    [OPT_TLS] = IMPORT("tls"),
    [OPT_CONVERT] = IMPORT("push_convert"),
    [OPT_URI] = IMPORT("http_uri"),
    [OPT_HOST] = IMPORT("http_host"),
    [OPT_BASIC_AUTH] = IMPORT("http_basic_auth"),
    [OPT_PORT] = {.name = "mm7_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "8080",
        .min = 1,
        .max = 65535,
        .brief = "port of an MMSC",
        .manual = "A port written with the route beats it.",
        .since = "0.1"},
    [OPT_PATH] = ROW("mm7_mmsc_path", STRING, NULL,
        "old name of http_uri, which beats it",
        "The path that is asked for at the MMSC."),
    [OPT_AUTH_USER] = ROW("mm7_http_auth_user", STRING, NULL,
        "who logs in at an MMSC; http_basic_auth beats it",
        "Without a colon for Basic."),
    [OPT_AUTH_PASSWORD] = ROW("mm7_http_auth_password", SECRET, NULL,
        "password of mm7_http_auth_user", "As it is, or file:/path."),
    [OPT_AUTH_SCHEME] = {.name = "mm7_http_auth_scheme",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "basic",
        .choices = auths,
        .brief = "how to log in at an MMSC: basic, digest",
        .manual = "basic: name and password go with each request, so use it "
                  "behind TLS. digest: they never do; the first request to an "
                  "MMSC is sent twice, as that says what to prove.",
        .since = "0.1"},
    [OPT_RESPONSE_TIMER] = {.name = "mm7_response_timer",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "10",
        .min = 1000,
        .max = 3600000,
        .brief = "how long an MMSC may take to answer a request",
        .manual = "What was not answered by then is tried again later, and "
                  "may arrive twice. While an MMSC takes octets, the time "
                  "begins anew.",
        .since = "0.1"},
    [OPT_DELIVERY_REPORT] = ROW("mm7_delivery_report", BOOL, "false",
        "ask for a report of the delivery",
        "Of one message: the context value MM7_Delivery_Report."),
    [OPT_READ_REPLY] = ROW("mm7_read_reply", BOOL, "false",
        "ask for a report when the message is read",
        "Of one message: the context value MM7_Read_Reply."),
    [OPT_REPLY_CHARGING] =
        ROW("mm7_reply_charging", BOOL, "false", "the sender pays for a reply",
            "Of one message: the context value MM7_Reply_Charging."),
    [OPT_REPLY_CHARGING_SIZE] = {.name = "mm7_reply_charging_size",
        .type = IMPEL_OPT_INT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "0",
        .min = 0,
        .max = 2147483647,
        .brief = "octets of a reply that the sender pays for; 0: not said",
        .manual = "Of one message: the context value "
                  "MM7_Reply_Charging_Size.",
        .since = "0.1"},
    [OPT_REPLY_DEADLINE] = ROW("mm7_reply_deadline", STRING, NULL,
        "until when the sender pays for a reply",
        "A date or a duration of XML Schema: 2026-12-31T00:00:00Z, P7D. Of "
        "one message: the context value MM7_Reply_Deadline."),
    [OPT_MESSAGE_CLASS] = {.name = "mm7_message_class",
        .type = IMPEL_OPT_CHOICE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "none",
        .choices = mm7_classes,
        .brief = "class: none, Personal, Informational, Advertisement, Auto",
        .manual = "Of one message: the context value MM7_Message_Class.",
        .since = "0.1"},
    [OPT_SERVICE_CODE] = ROW("mm7_service_code", STRING, NULL,
        "what an MMSC bills the message as",
        "Of one message: the context value MM7_Service_Code."),
    [OPT_SENDER_ADDRESS] = ROW("mm7_sender_address", STRING, NULL,
        "who sends, in XML: <ShortCode>28444</ShortCode>",
        "Of one message: the context value MM7_Sender_Address."),
    [OPT_VASPID] = ROW("mm7_vaspid", STRING, NULL,
        "the name that an MMSC has for the provider (VASPID)",
        "The operator of the MMSC gives it. Unset: it is left out."),
    [OPT_VASID] = ROW("mm7_vasid", STRING, "MessageSystems-VASID",
        "the name that an MMSC has for the service (VASID)",
        "The initial value is that of configurations written for another "
        "server."),
    [OPT_NUMBER_PREFIX] = ROW("mm7_number_prefix", STRING, NULL,
        "what is put before the digits of a number, such as +",
        "Not before a number that begins with + already. Of one message: the "
        "context value MM7_Number_Prefix."),
    [OPT_IE_EXTENDED] = ROW("mm7_request_ie_extended", STRING, NULL,
        "XML behind the last element of the request",
        "Of one message: the context value MM7_Request_IE_Extended."),
    [OPT_VERSION] = ROW("mm7_version", STRING, "6.8.0",
        "MM7Version of requests; 5.3.0 and the like for REL-5",
        "It has to fit mm7_xml_schema."),
    [OPT_XML_SCHEMA] = ROW("mm7_xml_schema", STRING,
        "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
        "REL-6-MM7-1-4",
        "namespace of the elements of MM7",
        "For REL-5 it ends in REL-5-MM7-1-0 to REL-5-MM7-1-5; what the MMSC "
        "says it speaks."),
    [OPT_NAMESPACE] = ROW("mm7_namespace", STRING, NULL,
        "prefix of elements of MM7 in the header of SOAP, such as mm7",
        "Unset: they have none, and a default namespace."),
    [OPT_NAMESPACE_IN_BODY] = ROW("mm7_use_namespace_in_body", BOOL, "false",
        "use the prefix of mm7_namespace in the body, too",
        "XML of mm7_sender_address and mm7_request_ie_extended is to have it "
        "then."),
    [OPT_SOAP_ENV] =
        ROW("mm7_soap_env", STRING, "env", "prefix of the elements of SOAP",
            "Any will do by the standards of XML; some MMSCs know one only."),
    [OPT_SIMPLE_MIME] = ROW("mm7_soap_attachment_simple_mime", BOOL, "true",
        "send content of one part as it is",
        "false: within a multipart of one part."),
    [OPT_CONTENT_MOST] = {.name = "mm7_content_size",
        .type = IMPEL_OPT_SIZE,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "1M",
        .min = 1024,
        .max = 67108864,
        .brief = "the largest content of a message that is sent",
        .manual = "It is held in memory while it is sent. What is larger "
                  "fails with 5.3.4.",
        .since = "0.1"},
    [OPT_MMSC_NAME] = {.name = "mm7_mmsc_name",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_OUTBOUND | INBOUND,
        .brief = "whose MessageIDs these are, where there are several MMSCs",
        .manual = "A report is tied to a message by the MessageID that the "
                  "MMSC gave it. With several MMSCs, each has a name, the same "
                  "for the domains that send to it and for the listener (or "
                  "Peer) that it calls: so no MMSC can report of another's "
                  "messages. 64 octets at most.",
        .since = "0.1"},
    [OPT_REPORT_TIME] = {.name = "mm7_report_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "7d",
        .min = 60000,
        .max = 90 * DAY_MS,
        .brief = "how long reports of a message are awaited",
        .manual =
            "From its delivery on. What a notification needs is kept "
            "that long, in memory and on disk: the addresses of sender and "
            "recipient, and what they asked for; of as many messages as "
            "module_state_limit has room for. A report that comes later is "
            "refused (2005).",
        .since = "0.1"},
    [OPT_URI_PATHS] = IN_ROW("mm7_vasp_uri_paths", LIST, NULL,
        "beginnings of the paths that an MMSC may ask for; unset: any",
        "Such as /mms/; anything else is answered with 404."),
    [OPT_SERVER_VERSION] = IN_ROW("mm7_server_version", STRING, "6.8.0",
        "MM7Version of answers to an MMSC",
        "Their namespace is that of the request."),
    [OPT_FROM_ADDRESS] = IN_ROW("mm7_server_default_email_from_address", STRING,
        "mms", "who sends a message that an MMSC brings without a sender",
        "A local part, or an address with its domain."),
    [OPT_FROM_DOMAIN] = IN_ROW("mm7_server_default_email_from_domain", STRING,
        NULL, "domain of numbers that send; unset: the name of this host",
        "15551234567 becomes 15551234567@ and this domain."),
    [OPT_TO_ADDRESS] = IN_ROW("mm7_server_default_email_to_address", STRING,
        NULL, "who gets a message that an MMSC brings for nobody",
        "A local part, or an address with its domain. Unset: such a message is "
        "refused (2002)."),
    [OPT_TO_DOMAIN] = IN_ROW("mm7_server_default_email_to_domain", STRING, NULL,
        "domain of short codes that get messages; unset: the name of this host",
        "28444 becomes 28444@ and this domain. It is to be one that the "
        "listener takes mail for."),
    [OPT_SERVER_LOGIN] = IN_ROW("mm7_server_login", SECRET, NULL,
        "the login that an MMSC has to prove: name:password",
        "As it is, or file:/path. Whoever proves it need not be in "
        "relay_hosts. Unset: peers in relay_hosts, and those with a client "
        "certificate, may ask without one."),
    [OPT_SERVER_SCHEME] = {.name = "mm7_server_login_scheme",
        .type = IMPEL_OPT_CHOICE,
        .scopes = INBOUND,
        .initial = "basic",
        .choices = auths,
        .brief = "how an MMSC logs in: basic, digest",
        .manual = "basic: behind TLS (use_ssl). digest: MD5 or SHA-256 with "
                  "qop auth; a nonce is good for five minutes.",
        .since = "0.1"},
    [OPT_IDLE_TIME] = {.name = "mm7_idle_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = INBOUND,
        .initial = "60",
        .min = 1000,
        .max = DAY_MS,
        .brief = "how long an MMSC may say nothing, or take for one request",
        .manual = "A request that is not whole by then is answered with 408.",
        .since = "0.1"},
    [OPT_REQUEST_MOST] = {.name = "mm7_request_size",
        .type = IMPEL_OPT_SIZE,
        .scopes = INBOUND,
        .initial = "2M",
        .min = 4096,
        .max = 16777216,
        .brief = "the largest request of an MMSC, its attachments included",
        .manual = "It is held in memory until it is answered. What is larger "
                  "is answered with 413.",
        .since = "0.1"},
    [OPT_RESEND_TIME] = {.name = "mm7_resend_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = INBOUND,
        .initial = "1d",
        .min = 60000,
        .max = 30 * DAY_MS,
        .brief = "how long a message that an MMSC brings is known again",
        .manual = "One with the same LinkedID (or TransactionID), addresses, "
                  "subject and content is answered with 1000 and not taken "
                  "twice.",
        .since = "0.1"},
};
