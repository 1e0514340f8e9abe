/* SPDX-License-Identifier: Apache-2.0 */
#include "route/binding.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/xmem.h"
#include "net/netaddr.h"
#include "route/route_options.h"
#include "base/banned.h"

/* bind_address may be a name: it is looked up once, when it is first needed,
 * in the hosts file as a rule.  Sessions ask on their own loops. */
struct source {
    char *name;
    struct cidr v4, v6;
};
static pthread_mutex_t sources_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map sources;
static struct map hostnames; /* configured ones, kept for ever; same lock */
static pthread_once_t hostname_once = PTHREAD_ONCE_INIT;
static char hostname[256];

static struct source *
source_look_up(struct str name)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct source *s = xnew(struct source);
    int rc;

    s->name = xdupn(name.p, name.n);
    rc = getaddrinfo(s->name, NULL, &hints, &list);
    if (rc)
        log_error(LOG_NET, "bind-address-unknown", "name=%s reason=\"%s\"",
            s->name, gai_strerror(rc));
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        struct netaddr at;
        netaddr_from_sockaddr(&at, a->ai_addr);
        if (at.ip.family == 4 && !s->v4.family)
            s->v4 = at.ip;
        if (at.ip.family == 6 && !s->v6.family)
            s->v6 = at.ip;
    }
    if (list)
        freeaddrinfo(list);
    (void)map_put(&sources, str_make(s->name, name.n), s); /* new */
    return s;
}

static void
source_find(struct str name, int family, struct cidr *to)
{
    struct source *s;

    (void)pthread_mutex_lock(&sources_lock);
    s = map_find(&sources, name);
    if (!s)
        s = source_look_up(name);
    *to = family == 6 ? s->v6 : s->v4;
    if (!to->family) /* the other one: the caller sees that it does not fit */
        *to = family == 6 ? s->v4 : s->v6;
    (void)pthread_mutex_unlock(&sources_lock);
}

static void
source_primary(const struct scope *s, int family, struct cidr *to)
{
    struct str text = scope_str(s, OPT(route_options, ROUTE_BIND_ADDRESS));

    memset(to, 0, sizeof(*to));
    if (!text.n || str_eq(text, STR("*")))
        return;
    if (cidr_parse_host(text, to, NULL) < 0)
        source_find(text, family, to);
}

void
binding_source(const struct scope *s, int family, struct cidr *to)
{
    struct str text =
        scope_str(s, OPT(route_options, ROUTE_BIND_ADDRESS_SECONDARY));
    struct cidr second;

    source_primary(s, family, to);
    if (text.n && to->family != family &&
        cidr_parse_host(text, &second, NULL) == 0 && second.family == family)
        *to = second;
}

static void
hostname_read(void)
{
    if (gethostname(hostname, sizeof(hostname) - 1) < 0 || !hostname[0])
        memcpy(hostname, "localhost", sizeof("localhost"));
}

/* Outlives the generation that it stands in. */
static struct str
hostname_keep(struct str name)
{
    char *kept;

    (void)pthread_mutex_lock(&sources_lock);
    kept = map_find(&hostnames, name);
    if (!kept) {
        kept = xdupn(name.p, name.n);
        (void)map_put(&hostnames, str_make(kept, name.n), kept); /* new */
    }
    (void)pthread_mutex_unlock(&sources_lock);
    return str_make(kept, name.n);
}

struct str
binding_hostname(const struct scope *s)
{
    struct str name = scope_str(s, OPT(route_options, ROUTE_HOSTNAME));

    if (name.n)
        return hostname_keep(name);
    (void)pthread_once(&hostname_once, hostname_read);
    return str_of(hostname);
}

static struct str
binding_ehlo_option(const struct scope *s)
{
    static _Atomic uint32_t id = UINT32_MAX; /* the row of a layer above */

    if (id == UINT32_MAX)
        id = option_find(STR("ehlo_hostname"));
    return id == UINT32_MAX ? STR_NONE : scope_str(s, id);
}

bool
binding_greets_as_sender(const struct scope *s)
{
    return str_ieq(binding_ehlo_option(s), STR("__message__"));
}

void
binding_ehlo_name(
    const struct scope *s, struct str sender_domain, struct buf *to)
{
    struct str text = binding_ehlo_option(s);

    if (str_ieq(text, STR("__message__")) && sender_domain.n)
        buf_str(to, sender_domain);
    else if (!text.n || str_ieq(text, STR("__hostname__")) ||
        str_ieq(text, STR("__message__")))
        buf_str(to, binding_hostname(s));
    else
        buf_str(to, text);
}
