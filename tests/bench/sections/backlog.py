# SPDX-License-Identifier: Apache-2.0
"""What a million delayed parcels cost: the rate of new mail beside them, and
how long anybody waits while they are listed, refreshed and flushed.

The backlog: messages of 2 KB for so many domains, each of one of twenty
bindings (by the listener that took them), tried once and delayed by a sink
that answers 451; each binding has a retry interval of its own.
"""
import contextlib
import pathlib
import shutil
import threading
import time

from lib import process, traffic
from lib.impel import Impel
from lib.probe import OVER_MS, Probe
from lib.report import Report, median, number, pair_ratio

HELP = "new mail, and stalls, beside a million delayed parcels"
ORDER = 7
BINDINGS = 20
SENDERS = 4  # sources at once
LISTENER = """
Binding "b{j:02}" {{ Retry_Interval = {retry} }}
ESMTP_Listener {{
  Listen "127.0.0.1:{port}" {{ Context = [ binding = "b{j:02}" ] }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
"""
COMMANDS = ("summary", "mailq", "domains", "delayed 0", "json delayed 0",
            "binding summary", "refresh domain all", "config reload",
            "flush domain all")


def options(parser):
    parser.add_argument("--backlog-parcels", type=int, default=1000000)
    parser.add_argument("--backlog-domains", type=int, default=100000)
    parser.add_argument("--backlog-folder", help="make the spool there, or "
                        "take the one that an earlier run has left")
    parser.add_argument("--backlog-after", type=float, default=15,
                        help="seconds of looking on after the flush")


def ports(count):
    found = set()
    while len(found) < count:
        found.add(process.free_port())
    return sorted(found)


def server(listeners):
    return Impel(options="Server_Max_Outbound_Connections = 20\n" + "".join(
        LISTENER.format(j=j, port=p, retry=3600 + 60 * j)
        for j, p in enumerate(listeners)))


def settled(s):
    """Wait until nothing is recovered and nothing active."""
    while True:
        m = s.metrics()
        if not m["recovering"] and not m['parcels{state="active"}'] + \
                m['parcels{state="lent"}']:
            return m
        time.sleep(0.2)


def send_all(listeners, parcels, domains):
    """Domain j is of binding j % BINDINGS, in blocks."""
    part = domains // BINDINGS

    def some(mine):
        for j in mine:
            for k in range(parcels // domains):
                traffic.source(listeners[j], n=part, s=2048, c=5, d=domains,
                               i=k * domains + j * part, k=0)
    threads = [threading.Thread(target=some, args=(range(i, BINDINGS,
                                                         SENDERS),))
               for i in range(SENDERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def prepare(folder, o):
    if (folder / "spool").exists():
        return
    listeners = ports(BINDINGS)
    with traffic.Sink(0, t=100, v=False) as sink:
        s = server(listeners)
        with traffic.serving(s, sink.port, at=folder):
            send_all(listeners, o.backlog_parcels, o.backlog_domains)
            delayed = settled(s)['parcels{state="delayed"}']
    if delayed != o.backlog_parcels:
        raise SystemExit(f"bench: {delayed} delayed")


def relay(folder, messages):
    """New mail, for a domain that has none of the backlog."""
    with traffic.Sink(messages, i=60) as sink:
        s = server(ports(BINDINGS))
        with traffic.serving(s, sink.port, at=folder) as port:
            m, pid = settled(s), s.process.pid
            cpu, begun = process.cpu_seconds(pid), time.monotonic()
            traffic.source(port, n=messages, s=5120, c=20, k=100, i=10 ** 8)
            sink.wait()
            took = time.monotonic() - begun
            return {"rate": messages / took, "rss_mb": process.rss_mb(pid),
                    "cpu_ms": 1000 * (process.cpu_seconds(pid) - cpu) /
                    messages, "delayed": m['parcels{state="delayed"}']}


def stalls(folder, after):
    found = []
    with traffic.Sink(0, t=100, v=False) as sink:
        s = server(ports(BINDINGS))
        with traffic.serving(s, sink.port, at=folder) as port:
            with Probe(port) as p:
                settled(s)
            found.append(dict(p.figures(), what="start", took=0, slow=0))
            for c in COMMANDS:
                slow = s.metrics()["slow_callbacks_total"]
                with Probe(port) as p:
                    begun = time.monotonic()
                    s.console(*c.split())
                    took = time.monotonic() - begun
                    time.sleep(after if c.startswith("flush") else 0.3)
                slow = s.metrics()["slow_callbacks_total"] - slow
                found.append(dict(p.figures(), what=c, took=took, slow=slow))
    return found


@contextlib.contextmanager
def place(o):
    if o.backlog_folder:
        path = pathlib.Path(o.backlog_folder)
        path.mkdir(parents=True, exist_ok=True)
        yield path
    else:
        with traffic.folder() as path:
            yield path


def run(o):
    r = Report("backlog")
    n = o.messages or 40000
    beside, alone = [], []
    with place(o) as folder:
        prepare(folder, o)
        for _ in range(o.runs or 3):
            beside.append(relay(folder, n))
            with traffic.folder() as empty:
                alone.append(relay(empty, n))
        with traffic.folder() as copy:  # a flush changes times for good
            shutil.copytree(folder / "spool", copy / "spool")
            found = stalls(copy, o.backlog_after)
    r.raw = {"beside": beside, "alone": alone, "stalls": found}
    tables(r, o, n, beside, alone, found)
    return r


def tables(r, o, n, beside, alone, found):
    ratio = pair_ratio(beside, alone, "rate")
    r.table(f"{number(n)} messages of 5,120 octets, 20 connections in and out",
            ["delayed parcels", "messages/s", "CPU ms a message",
             "resident, MB"],
            [[number(runs[0]["delayed"]), number(median(runs, "rate")),
              number(median(runs, "cpu_ms"), 3),
              number(median(runs, "rss_mb"))] for runs in (alone, beside)])
    r.goal(f"rate beside {number(o.backlog_parcels)} delayed parcels",
           "90 % of the rate beside none", number(100 * ratio, 1) + " %",
           ratio >= 0.9)
    r.table("How long a client waits for the reply to NOOP meanwhile",
            ["command", "seconds", "p50 ms", "p99 ms", "most ms",
             f"over {OVER_MS} ms", "slow callbacks"],
            [[f["what"], number(f["took"], 2), number(f["p50_ms"], 2),
              number(f["p99_ms"], 2), number(f["max_ms"], 1),
              number(f["over"]), number(f["slow"])] for f in found])
    flush = found[-1]["max_ms"]
    r.goal("longest stall while all is flushed", f"{OVER_MS} ms",
           number(flush, 1) + " ms", flush <= OVER_MS)
