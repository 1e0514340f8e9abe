/* SPDX-License-Identifier: Apache-2.0 */
#include "notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "data.h"
#include "pushwords.h"

enum {
    COLLAPSE_MOST = 256,
    TTL_MOST = 2419200,
    TOPIC_NAME_MOST = 900,
    CONDITION_MOST = 1024,
    DUMP = JSON_COMPACT | JSON_REAL_PRECISION(15)
};
/* Beside the payload. */
struct saying {
    char collapse[COLLAPSE_MOST + 1], application[256];
    int64_t ttl;                                 /* seconds; -1: not said */
    int64_t priority;                            /* enum gcm_priority */
    bool ttl_own, priority_own, application_own; /* by the message itself */
    bool dry_run, delay_while_idle;
};

static const char no_memory[] = "451 4.3.0 [internal] no memory";

void
notice_fini(struct notice *n)
{
    free(n->device);
    free(n->members);
    n->device = n->members = NULL;
}

struct push_want
notice_want(const struct gcm *m, const struct impel_scope *scope,
    struct impel_batch *batch)
{
    static const char *const types[] = {
        "message/vnd.msys.gcm", "message/vnd.msys.fcm", NULL};

    return (struct push_want){.types = types,
        .most = NOTICE_PART_MOST,
        .container = push_is_container(m->host, batch),
        .convert = m->host->opt_int(scope, OPT_CONVERT) != 0,
        .named = "X-Registration-ID"};
}

/* --- whom it is for --- */

static bool
is_of(struct impel_str s, const char *others, size_t most)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
                (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
                (s.p[i] >= 'a' && s.p[i] <= 'z') ||
                (s.p[i] && strchr(others, s.p[i]))))
            return false;
    return s.n > 0 && s.n <= most;
}

static bool
is_condition(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return s.n <= CONDITION_MOST && memmem(s.p, s.n, " in topics", 10);
}

/* A registration id, "/topics/NAME", or a condition: "'a' in topics".  what:
 * where it stands. */
static const char *
take_device(struct notice *to, struct impel_str s, const char *what)
{
    static const char prefix[] = "/topics/";
    size_t n = sizeof(prefix) - 1;

    if (s.n > n && memcmp(s.p, prefix, n) == 0 &&
        is_of((struct impel_str){s.p + n, s.n - n}, "-_.~%", TOPIC_NAME_MOST))
        to->target = TARGET_TOPIC;
    else if (is_of(s, "-_:.=+", NOTICE_DEVICE_MOST))
        to->target = TARGET_TOKEN;
    else if (is_condition(s))
        to->target = TARGET_CONDITION;
    else
        return pushwords_fault("550 5.1.3 [internal] %s is neither a "
                               "registration id nor a topic",
            what);
    to->device = strndup(s.p, s.n);
    return to->device ? NULL : no_memory;
}

bool
notice_address(struct impel_str local, char *to)
{
    if (local.n > 2 && local.p[0] == '"' && local.p[local.n - 1] == '"') {
        local.p++;
        local.n -= 2;
    }
    if (local.n < NOTICE_ADDRESS_LEAST ||
        !is_of(local, "-_:.", NOTICE_DEVICE_MOST))
        return false;
    memcpy(to, local.p, local.n);
    to[local.n] = '\0';
    return true;
}

/* The message says it, or what let it in; or To of the part, which is an
 * address in other people's messages; or an ordinary message's field. */
static const char *
take_target(const struct gcm *m, struct impel_batch *batch,
    const struct push_found *found, struct notice *to)
{
    struct impel_str meta = m->host->meta(batch, "DLV_Dest_ID");
    char value[NOTICE_DEVICE_MOST + 1];

    if (mime_look(found->fields, "X-Registration-ID", value, sizeof(value)))
        return take_device(to, line_str(value), "X-Registration-ID");
    if (meta.p)
        return take_device(to, meta, "DLV_Dest_ID");
    if (mime_field(found->fields, "To", value, sizeof(value)) &&
        !strchr(value, '@'))
        return take_device(to, line_str(value), "To");
    return found->named.n ? take_device(to, found->named, "X-Registration-ID")
                          : NULL;
}

/* Of a part that is a message as FCM HTTP v1 has it. */
static const char *
take_own_target(json_t *root, struct notice *to)
{
    static const char *const names[] = {"token", "topic", "condition"};
    char text[NOTICE_DEVICE_MOST + 16];
    const char *wrong = NULL;

    for (size_t i = 0; i < 3; i++) {
        const char *v = json_string_value(json_object_get(root, names[i]));

        if (v && !to->device && !wrong) {
            (void)snprintf(text, sizeof(text), "%s%s",
                i == 1 && strncmp(v, "/topics/", 8) != 0 ? "/topics/" : "", v);
            wrong = take_device(to, line_str(text), names[i]);
        }
        (void)json_object_del(root, names[i]);
    }
    return wrong;
}

/* --- what stands beside the payload --- */

static int
take_flag(struct impel_str fields, const char *name, bool *to)
{
    char value[16];
    int is = mime_look(fields, name, value, sizeof(value));

    int truth = line_truth(line_str(value));

    if (is <= 0 || truth < 0)
        return is ? -1 : 0;
    *to = truth;
    return 1;
}

static const char *
take_priority(struct impel_str fields, struct saying *to)
{
    char value[16];

    if (!mime_look(fields, "X-GCM-Priority", value, sizeof(value)))
        return NULL;
    to->priority_own = true;
    to->priority = line_same(line_str(value), "high") ? PRIORITY_HIGH
        : line_same(line_str(value), "normal")        ? PRIORITY_NORMAL
                                                      : -1;
    return to->priority < 0
        ? "550 5.6.0 [internal] X-GCM-Priority is neither high nor normal"
        : NULL;
}

/* Collapse keys are free text to Google. */
static const char *
take_collapse(struct impel_str fields, struct saying *to)
{
    int is =
        mime_look(fields, "X-Collapse-Key", to->collapse, sizeof(to->collapse));

    if (is < 0 || !line_is_clean(line_str(to->collapse), true) ||
        !mime_is_utf8(line_str(to->collapse)))
        return "550 5.6.0 [internal] X-Collapse-Key has odd characters, or "
               "more than 256 octets";
    return NULL;
}

static const char *
take_saying(const struct gcm *m, const struct impel_scope *scope,
    struct impel_str fields, struct saying *to)
{
    const struct impel_host *host = m->host;
    char value[256];
    const char *wrong;
    int ttl;

    memset(to, 0, sizeof(*to));
    to->ttl = host->opt_int(scope, OPT_TTL);
    to->priority = host->opt_int(scope, OPT_PRIORITY);
    to->dry_run = host->opt_int(scope, OPT_DRY_RUN) != 0;
    to->delay_while_idle = host->opt_int(scope, OPT_DELAY_WHILE_IDLE) != 0;
    ttl = pushwords_number(fields, "X-Time-To-Live", -1, TTL_MOST, &to->ttl);
    to->ttl_own = ttl > 0;
    if (ttl < 0)
        return "550 5.6.0 [internal] X-Time-To-Live is no number of seconds up "
               "to four weeks";
    if (take_flag(fields, "X-Dry-Run", &to->dry_run) < 0)
        return "550 5.6.0 [internal] X-Dry-Run is neither true nor false";
    if (take_flag(fields, "X-Delay-While-Idle", &to->delay_while_idle) < 0)
        return "550 5.6.0 [internal] X-Delay-While-Idle is neither true nor "
               "false";
    if (!pushwords_take(host, scope, fields, "X-Application-ID",
            OPT_APPLICATION, to->application, sizeof(to->application)))
        return "550 5.6.0 [internal] X-Application-ID is no word of 255 octets "
               "at most";
    to->application_own =
        mime_field(fields, "X-Application-ID", value, sizeof(value));
    wrong = take_priority(fields, to);
    return wrong ? wrong : take_collapse(fields, to);
}

/* --- the payload --- */

/* What is made of it: members of the request, and what the legacy protocol
 * carries as it was written. */
struct payload {
    json_t *root;
    struct impel_str raw; /* "data", or absent */
    bool failed;          /* no memory: something is missing */
};

/* own: it goes before what is there. */
static void
put(struct payload *p, json_t *to, const char *name, json_t *value, bool own)
{
    if (!value ||
        ((own || !json_object_get(to, name)) &&
            json_object_set(to, name, value) < 0))
        p->failed = true;
    json_decref(value);
}

static void
put_word(
    struct payload *p, json_t *to, const char *name, const char *word, bool own)
{
    if (word[0])
        put(p, to, name, json_string(word), own);
}

static const char *
priority_of(const struct saying *s)
{
    return s->priority == PRIORITY_HIGH  ? "high"
        : s->priority == PRIORITY_NORMAL ? "normal"
                                         : "";
}

static void
say_v1(struct payload *p, const struct saying *s)
{
    json_t *android = json_incref(json_object_get(p->root, "android"));
    char seconds[24] = "";

    if (!json_is_object(android)) {
        json_decref(android);
        android = json_object();
    }
    if (s->ttl >= 0)
        (void)snprintf(seconds, sizeof(seconds), "%llds", (long long)s->ttl);
    put_word(p, android, "collapse_key", s->collapse, true);
    put_word(p, android, "priority", priority_of(s), s->priority_own);
    put_word(p, android, "ttl", seconds, s->ttl_own);
    put_word(p, android, "restricted_package_name", s->application,
        s->application_own);
    if (json_object_size(android))
        put(p, p->root, "android", json_incref(android), true);
    json_decref(android);
}

static void
say_legacy(struct payload *p, const struct saying *s)
{
    put_word(p, p->root, "collapse_key", s->collapse, true);
    put_word(p, p->root, "priority", priority_of(s), true);
    if (s->ttl >= 0)
        put(p, p->root, "time_to_live", json_integer(s->ttl), true);
    if (s->delay_while_idle)
        put(p, p->root, "delay_while_idle", json_true(), true);
    put_word(p, p->root, "restricted_package_name", s->application, true);
    if (s->dry_run)
        put(p, p->root, "dry_run", json_true(), true);
}

static struct impel_str
trim(struct impel_str s)
{
    while (s.n && memchr("\r\n \t", s.p[s.n - 1], 4))
        s.n--;
    while (s.n && memchr("\r\n \t", s.p[0], 4))
        s.p++, s.n--;
    return s;
}

/* message/vnd.msys.gcm: what goes under "data". */
static const char *
take_data(struct impel_str text, enum gcm_protocol protocol, struct payload *to)
{
    json_t *read;
    const char *wrong = pushwords_object(text, JSON_DECODE_INT_AS_REAL, &read);

    json_decref(read);
    if (wrong)
        return wrong;
    if (protocol == PROTOCOL_LEGACY)
        to->raw = text;
    else
        put(to, to->root, "data", data_strings(text), true);
    return NULL;
}

/* message/vnd.msys.fcm: a message as FCM HTTP v1 has it. */
static const char *
take_message(struct impel_str text, enum gcm_protocol protocol,
    struct notice *n, struct payload *to)
{
    static const char *const known[] = {
        "data", "notification", "android", "webpush", "apns", "fcm_options"};
    size_t most = protocol == PROTOCOL_LEGACY ? 2 : 6;
    const char *wrong, *key;
    json_t *value;

    json_decref(to->root);
    wrong = pushwords_object(text, JSON_REJECT_DUPLICATES, &to->root);
    if (!wrong)
        wrong = take_own_target(to->root, n);
    if (wrong)
        return wrong;
    json_object_foreach(to->root, key, value)
    {
        size_t i = 0;

        while (i < most && strcmp(key, known[i]) != 0)
            i++;
        if (i == most)
            return pushwords_fault(
                "550 5.6.0 [internal] \"%.60s\" is no field of %s", key,
                most == 6 ? "a message to FCM; what is data stands in data, or "
                            "in a part message/vnd.msys.gcm"
                          : "the legacy protocol");
        if (!json_is_object(value))
            return pushwords_fault(
                "550 5.6.0 [internal] \"%.60s\" is no JSON object", key);
    }
    return NULL;
}

static const char *
take_payload(const struct push_found *found, enum gcm_protocol protocol,
    struct notice *n, struct payload *to)
{
    size_t most =
        n->target == TARGET_TOKEN ? NOTICE_DATA_MOST : NOTICE_TOPIC_MOST;

    to->root = json_object();
    if (found->payload.p && strcmp(found->type, "message/vnd.msys.fcm") == 0)
        return take_message(trim(found->payload), protocol, n, to);
    if (found->payload.p)
        return take_data(trim(found->payload), protocol, to);
    n->converted = true;
    put(to, to->root, "notification",
        pushwords_fit(found, most, pushwords_alert), true);
    return NULL;
}

/* What Google counts. */
static const char *
check_size(const struct payload *p, const struct notice *n)
{
    static const char *const names[] = {"data", "notification"};
    size_t most =
        n->target == TARGET_TOKEN ? NOTICE_DATA_MOST : NOTICE_TOPIC_MOST;
    size_t size = p->raw.n;

    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_object_get(p->root, names[i]);

        size += v ? json_dumpb(v, NULL, 0, DUMP) : 0;
    }
    return size <= most
        ? NULL
        : pushwords_fault("552 5.3.4 [internal] the payload has %zu "
                          "octets, and %zu are the most",
              size, most);
}

/* Without the braces, and with "data" as it was written. */
static char *
members_of(const struct payload *p)
{
    char *text = p->root ? json_dumps(p->root, DUMP) : NULL, *all = NULL;
    size_t n = text ? strlen(text) : 0;

    if (n < 2)
        return NULL;
    text[n - 1] = '\0';
    if (asprintf(&all, "%s%s%.*s", text + 1,
            !p->raw.p   ? ""
                : n > 2 ? ",\"data\":"
                        : "\"data\":",
            (int)p->raw.n, p->raw.p ? p->raw.p : "") < 0)
        all = NULL;
    free(text);
    return all;
}

const char *
notice_make(const struct gcm *m, const struct impel_scope *scope,
    struct impel_batch *batch, const struct push_found *found,
    enum gcm_protocol protocol, struct notice *to)
{
    struct payload payload = {NULL, {NULL, 0}, false};
    struct saying saying;
    const char *wrong;

    memset(to, 0, sizeof(*to));
    wrong = take_target(m, batch, found, to);
    if (!wrong)
        wrong = take_payload(found, protocol, to, &payload);
    if (!wrong)
        wrong = take_saying(m, scope, found->fields, &saying);
    if (!wrong)
        wrong = check_size(&payload, to);
    if (!wrong) {
        if (protocol == PROTOCOL_LEGACY)
            say_legacy(&payload, &saying);
        else
            say_v1(&payload, &saying);
        to->dry_run = saying.dry_run;
        to->members = payload.failed ? NULL : members_of(&payload);
        wrong = to->members ? NULL : no_memory;
    }
    json_decref(payload.root);
    return wrong;
}

/* --- the request --- */

/* The member that names the target, as the protocol has it. */
static char *
target_of(
    const struct notice *n, enum gcm_protocol protocol, const char *device)
{
    enum notice_target target = n->device ? n->target : TARGET_TOKEN;
    json_t *root;
    char *text;

    if (target == TARGET_CONDITION)
        root = json_pack("{s:s}", "condition", device);
    else if (target == TARGET_TOPIC)
        root = protocol == PROTOCOL_LEGACY
            ? json_pack("{s:s}", "to", device)
            : json_pack("{s:s}", "topic", device + 8);
    else
        root = protocol == PROTOCOL_LEGACY
            ? json_pack("{s:[s]}", "registration_ids", device)
            : json_pack("{s:s}", "token", device);
    text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (text)
        text[strlen(text) - 1] = '\0'; /* the members follow */
    return text;
}

char *
notice_body(
    const struct notice *n, enum gcm_protocol protocol, const char *device)
{
    char *target = target_of(n, protocol, device), *body = NULL;
    bool v1 = protocol != PROTOCOL_LEGACY;

    if (target &&
        asprintf(&body, "%s%s%s%s}%s", v1 ? "{\"message\":" : "", target,
            n->members[0] ? "," : "", n->members,
            !v1              ? ""
                : n->dry_run ? ",\"validate_only\":true}"
                             : "}") < 0)
        body = NULL;
    free(target);
    return body;
}
