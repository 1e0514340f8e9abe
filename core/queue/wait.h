/* SPDX-License-Identifier: Apache-2.0
 *
 * wait.h - every reason why a queue or a parcel waits, in one table.
 *
 * A queue has exactly one at any time that it is known by, the first that stood
 * in its way when it last ran; a parcel's follows from its state and its
 * queue's.  All that hold at a moment are found by asking again (reasons.h).
 *
 * A row is X(ID, key, text, next, probe).  The key is for machines and stays
 * the same, the text is a sentence for people, and next says which event ends
 * it.  probe: the function of reasons.c that says whether it holds, "state" if
 * nothing but the queue's last run or the parcel's state says so.  test-explain
 * has a function for each row that produces it.
 */
#ifndef IMPEL_WAIT_H
#define IMPEL_WAIT_H

#define WAIT_REASONS(X) \
    X(NONE, "none", "nothing is known of why it waits", "nothing is known", \
        state) \
    X(EMPTY, "empty", "it has no mail", "mail comes", state) \
    X(MOVING, "moving", "mail is being delivered", "a message is delivered", \
        state) \
    X(TURN, "turn", "it is handled in a moment", "its queue runs", state) \
    X(RETRY_TIME, "retry-time", "it waits for the time of its next attempt", \
        "it is tried again", state) \
    X(HELD, "future-release", \
        "its sender asked for it to be held until a later time", \
        "that time comes", state) \
    X(CONNECTING, "connecting", "a connection is being opened", \
        "the connection is there, or it failed", state) \
    X(PROBING, "probing", "an idle connection is asked whether it lives", \
        "it answers, or another is opened", probing) \
    X(LOADING, "loading", "its content is being read from disk", \
        "the disk answers", state) \
    X(DNS, "dns", "DNS is being asked", "DNS answers, or does not in time", \
        dns) \
    X(DNS_FAILED, "dns-failed", "its hosts could not be found", \
        "DNS is asked again", dns_failed) \
    X(HOSTS_DOWN, "hosts-down", "every host of the domain is marked failed", \
        "the first of them is tried again", hosts_down) \
    X(HOST_LIMIT, "host-limit", \
        "every usable host has as many connections as it may have", \
        "a connection to one of its hosts ends", host_limit) \
    X(HOST_THROTTLE, "host-throttle", \
        "the throttle of every usable host is used up for now", \
        "the throttle of a host allows more", host_throttle) \
    X(CONNECTION_LIMIT, "max_outbound_connections", \
        "it has as many connections as max_outbound_connections allows", \
        "one of its connections has room or ends", connection_limit) \
    X(SCOPE_LIMIT, "scope_max_outbound_connections", \
        "the stanza that limits it has as many connections as its " \
        "scope_max_outbound_connections allows", \
        "a connection under the stanza ends", scope_limit) \
    X(BINDING_LIMIT, "binding-limit", \
        "its binding has as many connections as " \
        "server_max_outbound_connections allows", \
        "a connection of the binding ends", binding_limit) \
    X(GROUP_LIMIT, "group-limit", \
        "its binding group has as many connections as " \
        "server_max_outbound_connections allows", \
        "a connection of the group ends", group_limit) \
    X(SERVER_LIMIT, "server-limit", \
        "the server has as many connections as " \
        "server_max_outbound_connections allows", \
        "a connection of the server ends", server_limit) \
    X(MESSAGE_THROTTLE, "outbound_throttle_messages", \
        "outbound_throttle_messages is used up for now", \
        "the throttle allows more, and it is its turn", message_throttle) \
    X(CONNECTION_THROTTLE, "outbound_throttle_connections", \
        "outbound_throttle_connections is used up for now", \
        "the throttle allows more, and it is its turn", connection_throttle) \
    X(MEMORY, "memory", "there is no room in memory to read it", \
        "content that is in memory is delivered or dropped", memory) \
    X(STRAY, "binding-gone", \
        "its binding is not in the configuration any more", \
        "it has moved to the binding that a new message would get", stray) \
    X(SUSPENDED, "suspend_delivery", "delivery is suspended", "it is resumed", \
        suspended) \
    X(ROUTE_HELD, "route-held", "the transport said that the route is down", \
        "the route is tried again", route_held) \
    X(MODULE, "module", "nothing delivers its method", \
        "the module is looked for again", module) \
    X(MISFIT, "routes", "its routes are for another delivery method", \
        "the configuration changes", misfit) \
    X(ROLLUP, "rollup", "it goes by the queue that domains of its MX share", \
        "that queue has room, or is done with it", rollup) \
    X(DELAYING, "delaying", \
        "too many connections failed: its mail is being delayed", \
        "all of it is delayed", delaying) \
    X(BLACKHOLE, "blackhole", "its mail is being failed", \
        "all of it has failed", blackhole) \
    X(STORING, "storing", \
        "delivery is paused: its results could not be stored", \
        "results can be stored again", storing) \
    X(DRAINING, "draining", "the daemon is stopping", \
        "the daemon starts again", draining) \
    X(LENT, "lent", "it is with a session", "the session begins it", state) \
    X(BEGUN, "begun", "its result is being handled", "its result is handled", \
        state) \
    X(RECALLING, "recalling", "it is being called back from a session", \
        "the session gives it back", state) \
    X(BEHIND, "behind", "it waits behind other mail of its queue", \
        "what is before it has gone", state) \
    X(WRITING, "writing", "its last result is being written to disk", \
        "the disk answers", state) \
    X(BOUNCING, "bouncing", "it has failed, and its bounce is being stored", \
        "the bounce is on disk", state)
#define WAIT_REASON_ID(id, key, text, next, probe) WAIT_##id,
enum wait_reason { WAIT_REASONS(WAIT_REASON_ID) WAIT_REASON_COUNT };

const char *wait_key(enum wait_reason r);
const char *wait_text(enum wait_reason r);
const char *wait_next(enum wait_reason r);

#endif
