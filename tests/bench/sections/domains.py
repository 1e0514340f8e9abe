# SPDX-License-Identifier: Apache-2.0
"""The same mail for one, 200, 20,000 and 100,000 domains, each with a queue of its own,
over at most 20 connections in all: by a global `routes`, and by MX records."""
from lib import traffic
from lib.impel import Impel
from lib.report import Report, median, number, pair_ratio

HELP = "1 to 100,000 domains; by routes and by MX records"
ORDER = 2

COUNTS = (1, 200, 20000, 100000)
EACH = 2  # messages for a domain at least
MANY_DOMAINS = 20000
MANY_HOSTS = 20


def by_routes(connections):
    return Impel(f"Server_Max_Outbound_Connections = {connections}",
                 connections)


def by_mx(connections, resolv_conf):
    return Impel(f"""
Server_Max_Outbound_Connections = {connections}
Remote_Smtp_Port = @RELAY@
Resolv_Conf = "{resolv_conf}"
""", connections, routes="")


def run(o):
    r = Report("domains")
    n, size = o.messages or 40000, o.size or 5120
    connections = o.connections or 20
    found = {(how, d): [] for how in ("routes", "MX") for d in COUNTS}
    found[f"MX, {MANY_HOSTS} hosts", MANY_DOMAINS] = []
    with traffic.nameserver(1) as one_host, \
            traffic.nameserver(MANY_HOSTS) as many_hosts:
        for _ in range(o.runs or 3):
            for (how, domains), runs in found.items():
                server = by_routes(connections) if how == "routes" else \
                    by_mx(connections, one_host if how == "MX" else many_hosts)
                runs.append(traffic.relay(server, max(n, EACH * domains),
                                          size, connections, d=domains))
    base = found["routes", 1]
    rows = []
    for (how, domains), runs in found.items():
        share = pair_ratio(runs, base, "rate")
        rows.append([number(domains), how, number(median(runs, "rate")),
                     f"{100 * share:.0f} %",
                     number(median(runs, "cpu_ms"), 3),
                     number(median(runs, "connections")),
                     number(median(runs, "mb"), 1),
                     number(median(runs, "through_p50"), 2),
                     number(median(runs, "through_p99"), 2)])
        if domains > 1 and (how == "routes" or domains == COUNTS[-1]):
            r.goal(f"rate with {number(domains)} domains by {how}, of that "
                   "with one",
                   "85 %", f"{100 * share:.0f} %", share >= 0.85)
    r.table(f"{number(n)} messages of {number(size)} octets, or {EACH} for "
            f"each domain, {connections} connections in, at most "
            f"{connections} out",
            ["domains", "by", "messages/s", "of one domain",
             "CPU ms a message", "connections made", "PSS at most, MB",
             "end to end ms p50", "p99"], rows)
    r.raw = {f"{how} {d}": runs for (how, d), runs in found.items()}
    return r
