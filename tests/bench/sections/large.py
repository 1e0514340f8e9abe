# SPDX-License-Identifier: Apache-2.0
"""Messages of 1 MB: none is ever whole in memory."""
from lib import traffic
from lib.impel import Impel
from lib.report import Report, median, number, pair_ratio

HELP = "1 MB messages beside the peer, and the most memory they take"
ORDER = 3


def row(name, runs, size):
    rate = median(runs, "rate")
    return [name, number(rate), number(rate * size / 1e6),
            number(median(runs, "cpu_ms"), 2), number(median(runs, "mb"), 1),
            number(median(runs, "idle_mb"), 1),
            number(median(runs, "accept_p50"), 1),
            number(median(runs, "accept_p99"), 1),
            number(median(runs, "through_p50"), 1),
            number(median(runs, "through_p99"), 1)]


def run(o):
    r = Report("large")
    n, size = o.messages or 2000, o.size or 1 << 20
    connections = o.connections or 20
    mine, theirs = [], {}
    for _ in range(o.runs or 3):
        mine.append(traffic.relay(Impel(connections=connections), n, size,
                                  connections))
        for peer in o.peers():
            peer.connections = connections
            theirs.setdefault(peer.name, []).append(
                traffic.relay(peer, n, size, connections))
    rows = [row("Impel", mine, size)]
    for name, runs in theirs.items():
        ratio = pair_ratio(mine, runs, "rate")
        rows += [row(name, runs, size),
                 [f"ratio to {name}", number(ratio, 1), "",
                  number(pair_ratio(runs, mine, "cpu_ms"), 1),
                  number(pair_ratio(runs, mine, "mb"), 1)] + [""] * 5]
        r.goal(f"large messages a second beside {name}", "2 times",
               number(ratio, 1), ratio >= 2)
    r.table(f"{number(n)} messages of {number(size)} octets, {connections} "
            "connections in and out",
            ["server", "messages/s", "MB/s", "CPU ms a message",
             "PSS at most, MB", "PSS idle, MB", "accept ms p50", "p99",
             "end to end ms p50", "p99"], rows)
    peak = max(m["peak_mb"] for m in mine)
    longer = [traffic.relay(Impel(connections=connections), max(n // 10, 1),
                            8 * size, connections) for _ in range(2)]
    longest = max(m["peak_mb"] for m in longer)
    r.goal("largest resident set with messages of 8 times the size",
           "at most 1.25 times", number(longest / peak, 2),
           longest <= 1.25 * peak)
    r.table("Inside Impel", ["figure", "value"], [
        ["largest resident set (VmHWM), MB, worst run", number(peak, 1)],
        [f"the same, messages of {number(8 * size)} octets",
         number(longest, 1)],
        ["CPU ms a message, source", number(
            median(mine, "source_cpu_ms"), 2)],
        ["CPU ms a message, sink", number(median(mine, "sink_cpu_ms"), 2)]])
    r.raw = {"impel": mine, "longer": longer, **theirs}
    return r
