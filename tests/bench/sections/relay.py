# SPDX-License-Identifier: Apache-2.0
"""The first figure: messages of 5 KB through 20 connections in and out."""
from lib import process, traffic
from lib.impel import Impel
from lib.report import Report, median, number, pair_ratio

HELP = "5 KB messages, 20 connections in and out, beside the peer"
ORDER = 1


def row(name, runs):
    def three(which):
        return ", ".join(number(median(runs, f"{which}_{q}"), 2)
                         for q in ("p50", "p99", "p999"))
    return [name, number(median(runs, "rate")),
            number(median(runs, "cpu_ms"), 3), number(median(runs, "mb"), 1),
            number(median(runs, "idle_mb"), 1), three("accept"),
            three("through")]


def run(o):
    r = Report("relay")
    n, size = o.messages or 20000, o.size or 5120
    connections = o.connections or 20
    mine, lazy, theirs = [], [], {}
    for _ in range(o.runs or 5):
        mine.append(traffic.relay(Impel(connections=connections), n, size,
                                  connections))
        lazy.append(traffic.relay(Impel(connections=connections), n, size,
                                  connections, sink={"A": True}, A=True))
        for peer in o.peers():
            peer.connections = connections
            theirs.setdefault(peer.name, []).append(
                traffic.relay(peer, n, size, connections))
    r.raw = {"impel": mine, "delayed acks": lazy, **theirs}
    rows = [row("Impel", mine), row("Impel, delayed ACKs", lazy)]
    for name, runs in theirs.items():
        rate = pair_ratio(mine, runs, "rate")
        cpu = pair_ratio(runs, mine, "cpu_ms")
        rows += [row(name, runs),
                 [f"ratio to {name}", number(rate, 1), number(cpu, 1),
                  number(pair_ratio(runs, mine, "mb"), 1),
                  number(pair_ratio(runs, mine, "idle_mb"), 1), "", ""]]
        r.goal(f"messages a second beside {name}", "15 times",
               number(rate, 1), rate >= 15)
        r.goal(f"CPU a message beside {name}", "15 times less",
               number(cpu, 1), cpu >= 15)
    r.table(f"{number(n)} messages of {number(size)} octets, {connections} "
            "connections in and out",
            ["server", "messages/s", "CPU ms a message", "PSS at most, MB",
             "PSS idle, MB", "accept ms: p50, p99, p99.9",
             "end to end ms: p50, p99, p99.9"], rows)
    inside(r, mine, calls(n, size, connections))
    return r


def calls(n, size, connections):
    """System calls and switches of threads a message; a run of its own, since
    counting costs."""
    server = Impel(connections=connections)
    with traffic.Sink(n, i=60) as out, \
            traffic.serving(server, out.port) as port, \
            process.Calls(server.process.pid) as counted:
        traffic.source(port, n=n, s=size, c=connections, k=100)
        out.wait()
    return {name: count / n for name, count in counted.counts.items()}


def inside(r, mine, counted):
    threads = sorted({t for m in mine for t in m["threads_us"]})
    for m in mine:
        m["every_us"] = {t: m["threads_us"].get(t, 0) for t in threads}
    us = {t: median([m["every_us"] for m in mine], t) for t in threads}
    r.table("Inside Impel", ["figure", "median"], [
        ["messages a sync", number(median(mine, "messages_a_sync"), 1)],
        ["ms a commit (write and sync)", number(median(mine, "commit_ms"), 2)],
        ["octets written a message",
         number(median(mine, "written_a_message"))],
        *[[f"CPU us a message, thread {t}", number(us[t], 1)]
          for t in threads if us[t] >= 0.05],
        *[[f"{name} a message", number(count, 1)]
          for name, count in counted.items()],
        ["CPU us a message, source", number(
            1000 * median(mine, "source_cpu_ms"), 1)],
        ["CPU us a message, sink", number(
            1000 * median(mine, "sink_cpu_ms"), 1)]])
