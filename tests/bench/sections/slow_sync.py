# SPDX-License-Identifier: Apache-2.0
"""Slow disks: a commit takes whatever waits, so what a sync costs is shared by
all that came while the one before it was under way."""
import sys

from lib import traffic
from lib.impel import BUILD, SOURCE, Impel
from lib.report import Report, median, number

sys.path.insert(0, str(SOURCE / "tests/shim"))
from shim import Shim  # noqa: E402

HELP = "syncs that take 1, 5 and 20 ms: messages a sync"
ORDER = 5

SLOW_MS = (0, 1, 5, 20)


def one(o, slow_ms, messages, connections):
    with traffic.folder() as at:
        shim = Shim(at / "shim", BUILD)
        shim.rules(f"slow sync {slow_ms} */spool/*")
        server = Impel(connections=connections, env=shim.environment())
        f = traffic.relay(server, messages, o.size or 5120, connections)
        f["syncs"] = shim.counts()[0][0]
    return f


def run(o):
    r = Report("slow-sync")
    connections, rows = o.connections or 20, []
    for slow_ms in SLOW_MS:
        n = o.messages or (20000 if slow_ms < 5 else 5000)
        runs = [one(o, slow_ms, n, connections) for _ in range(o.runs or 3)]
        r.raw[str(slow_ms)] = runs
        per = median(runs, "messages_a_sync")
        rows.append([f"{slow_ms}", number(n), number(per, 2),
                     number(median(runs, "commit_ms"), 2),
                     number(median(runs, "rate")),
                     number(median(runs, "accept_p50"), 1),
                     number(median(runs, "accept_p99"), 1),
                     number(median(runs, "writer_us"), 1)])
        if slow_ms:
            # half of the connections are in each commit; first and last ones
            # have fewer
            r.goal(f"messages a sync of {slow_ms} ms more, {connections} "
                   "connections", "10.0", number(per, 2), round(per, 1) >= 10)
    r.table(f"Messages of {number(o.size or 5120)} octets, {connections} "
            "connections in and out",
            ["ms added to each sync", "messages", "messages a sync",
             "ms a commit", "messages/s", "accept ms p50", "p99",
             "writer's CPU us a message"], rows)
    return r
