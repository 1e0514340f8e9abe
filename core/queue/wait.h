/* SPDX-License-Identifier: Apache-2.0
 *
 * wait.h - every reason why a queue or a parcel waits, in one table.
 *
 * A queue has exactly one at any time; a parcel's follows from its state and
 * its queue's reason.  The key is for machines and stays the same, the text is
 * a sentence for people.
 */
#ifndef IMPEL_WAIT_H
#define IMPEL_WAIT_H

#define WAIT_REASONS(X) \
    X(NONE, "none", "nothing is known of why it waits") \
    X(EMPTY, "empty", "it has no mail") \
    X(MOVING, "moving", "mail is being delivered") \
    X(TURN, "turn", "it is handled in a moment") \
    X(RETRY_TIME, "retry-time", "it waits for the time of its next attempt") \
    X(CONNECTING, "connecting", "a connection is being opened") \
    X(PROBING, "probing", "an idle connection is asked whether it lives") \
    X(LOADING, "loading", "its content is being read from disk") \
    X(DNS, "dns", "DNS is being asked") \
    X(DNS_FAILED, "dns-failed", "its hosts could not be found") \
    X(HOSTS_DOWN, "hosts-down", "every host of the domain is marked failed") \
    X(HOST_LIMIT, "host-limit", \
        "every usable host has as many connections as it may have") \
    X(HOST_THROTTLE, "host-throttle", \
        "the throttle of every usable host is used up for now") \
    X(CONNECTION_LIMIT, "max_outbound_connections", \
        "it has as many connections as max_outbound_connections allows") \
    X(SCOPE_LIMIT, "scope_max_outbound_connections", \
        "the stanza that limits it has as many connections as its " \
        "scope_max_outbound_connections allows") \
    X(BINDING_LIMIT, "binding-limit", \
        "its binding has as many connections as " \
        "server_max_outbound_connections allows") \
    X(GROUP_LIMIT, "group-limit", \
        "its binding group has as many connections as " \
        "server_max_outbound_connections allows") \
    X(SERVER_LIMIT, "server-limit", \
        "the server has as many connections as " \
        "server_max_outbound_connections allows") \
    X(MESSAGE_THROTTLE, "outbound_throttle_messages", \
        "outbound_throttle_messages is used up for now") \
    X(CONNECTION_THROTTLE, "outbound_throttle_connections", \
        "outbound_throttle_connections is used up for now") \
    X(SUSPENDED, "suspend_delivery", "delivery is suspended") \
    X(ROUTE_HELD, "route-held", "the transport said that the route is down") \
    X(MODULE, "module", "nothing delivers its method") \
    X(DELAYING, "delaying", \
        "too many connections failed: its mail is being delayed") \
    X(BLACKHOLE, "blackhole", "its mail is being failed") \
    X(STORING, "storing", \
        "delivery is paused: its results could not be stored") \
    X(DRAINING, "draining", "the daemon is stopping") \
    X(LENT, "lent", "it is with a session") \
    X(BEGUN, "begun", "its result is being handled") \
    X(RECALLING, "recalling", "it is being called back from a session") \
    X(BEHIND, "behind", "it waits behind other mail of its queue") \
    X(WRITING, "writing", "its last result is being written to disk") \
    X(BOUNCING, "bouncing", "it has failed, and its bounce is being stored")
#define WAIT_REASON_ID(id, key, text) WAIT_##id,
enum wait_reason { WAIT_REASONS(WAIT_REASON_ID) WAIT_REASON_COUNT };

const char *wait_key(enum wait_reason r);
const char *wait_text(enum wait_reason r);

#endif
