# SPDX-License-Identifier: Apache-2.0
"""ECSTREAM beside SMTP: mail into one node, and from one node to another.

Into a node: the same content for the same recipients into the same
configuration, whose deliveries are suspended, so that accepting is all that is
done: by the source over connections of SMTP, and by the stream source over
connections of ECSTREAM.  From node to node: a queue that one node has already,
into another whose deliveries are suspended; time runs from the reload that
lets the first one begin until it has nothing left.
"""
import contextlib
import json
import subprocess
import time

from lib import process, traffic
from lib.impel import BUILD, Impel
from lib.report import Report, median, number, pair_ratio

HELP = "ECSTREAM beside SMTP, into a node and from node to node"
ORDER = 2
SUSPENDED = "Suspend_Delivery = true"
# Messages without an answer, of all streams together: enough that nobody waits,
# and few enough that what is under way lies in the processors' caches.
OPEN = 500
CONNECTIONS = {"ESMTP": 20, "ECSTREAM": 1}  # from node to node
LISTENER = """
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
"""


def options(parser):
    parser.add_argument("--ecstream-ways", default="smtp20,smtp1,ec20,ec4,ec1",
                        help="into a node: protocol and connections")


def stream_source(port, **options):
    p = subprocess.run(
        [str(BUILD / "tests/bench/stream-source"),
         *traffic.flags(dict(options, p=port))],
        stdout=subprocess.PIPE, text=True)
    sent = json.loads(p.stdout or "{}")
    if p.returncode:
        raise SystemExit(f"bench: not all was accepted: {sent}")
    return sent


@contextlib.contextmanager
def node(more=SUSPENDED):
    """A server with both listeners: (Impel, port of SMTP, of ECSTREAM)."""
    port = process.free_port()
    s = Impel(options=more + LISTENER.format(port=port), routes="")
    with traffic.serving(s, 0) as smtp:
        yield s, smtp, port


def parcels(s):
    return sum(v for n, v in s.metrics().items()
               if n.startswith("parcels{state="))


def inject(way, n, size):
    """way: smtp20, ec1: the protocol, and how many connections."""
    count = int(way.lstrip("smtpec"))
    with node() as (s, smtp, stream):
        pid = s.process.pid
        m, threads = s.metrics(), process.thread_seconds(pid)
        cpu = process.cpu_seconds(pid)
        if way.startswith("ec"):
            sent = stream_source(stream, n=n, s=size, c=count,
                                 w=OPEN // count)
        else:
            sent = traffic.source(smtp, n=n, s=size, c=count)
        cpu = process.cpu_seconds(pid) - cpu
        if parcels(s) != n:
            raise SystemExit(f"bench: {parcels(s)} of {n} are there")
        return {"rate": sent["rate"], "cpu_ms": 1000 * cpu / n,
                "source_cpu_ms": 1000 * sent["cpu"] / n,
                "mb": process.peak_mb(pid), "p50": sent["p50_ms"],
                "p99": sent["p99_ms"], **traffic.of_impel(s, n, threads, m)}


def hand_on(method, n, size, connections):
    """All that one node has to another."""
    with node() as (b, smtp, stream):
        how = f"""
Gateway = "127.0.0.1"
Delivery_Method = {method}
Max_Outbound_Connections = {connections}
Remote_SMTP_Port = {smtp}
ECStream_Port = {stream}
{SUSPENDED}
"""
        with node(how) as (a, into, _):
            traffic.source(into, n=n, s=size, c=20)
            pids = [x.process.pid for x in (a, b)]
            cpu = [process.cpu_seconds(p) for p in pids]
            a.options = a.options.replace(SUSPENDED, "")
            a.write()
            begun = time.monotonic()
            a.console("config", "reload")
            while parcels(a):
                time.sleep(0.1)
            took = time.monotonic() - begun
            out, in_ = (1000 * (process.cpu_seconds(p) - c) / n
                        for p, c in zip(pids, cpu))
            if parcels(b) != n:
                raise SystemExit(f"bench: {parcels(b)} of {n} are there")
    return {"rate": n / took, "out_ms": out, "in_ms": in_,
            "cpu_ms": out + in_}


def run(o):
    r = Report("ecstream")
    n, size = o.messages or 40000, o.size or 5120
    ways = o.ecstream_ways.split(",")
    into = {way: [] for way in ways}
    relay = {"ESMTP": [], "ECSTREAM": []}
    for _ in range(o.runs or 3):
        for way in ways:
            into[way].append(inject(way, n, size))
        for method, runs in relay.items():
            runs.append(hand_on(method, n, size,
                                o.connections or CONNECTIONS[method]))
    r.raw = {**into, **relay}
    r.table(f"Into a node: {number(n)} messages of {number(size)} octets",
            ["protocol, connections", "messages/s", "CPU us a message",
             "CPU us, source", "messages a sync", "PSS at most, MB",
             "accept ms: p50, p99"],
            [[w.replace("smtp", "SMTP, ").replace("ec", "ECSTREAM, "),
              number(median(m, "rate")), number(1000 * median(m, "cpu_ms"), 1),
              number(1000 * median(m, "source_cpu_ms"), 1),
              number(median(m, "messages_a_sync"), 1),
              number(median(m, "mb"), 1),
              f"{median(m, 'p50'):.2f}, {median(m, 'p99'):.2f}"]
             for w, m in into.items()])
    r.table(f"From node to node: {number(n)} messages of {number(size)} "
            "octets", ["method, connections", "messages/s",
                       "CPU us a message, out", "CPU us a message, in"],
            [[f"{name}, {o.connections or CONNECTIONS[name]}",
              number(median(m, "rate")),
              number(1000 * median(m, "out_ms"), 1),
              number(1000 * median(m, "in_ms"), 1)]
             for name, m in relay.items()])
    goals(r, into, relay)
    return r


def goals(r, into, relay):
    best = {kind: max((w for w in into if w.startswith(kind)),
                      key=lambda w: median(into[w], "rate"), default=None)
            for kind in ("smtp", "ec")}
    if all(best.values()):
        ratio = pair_ratio(into[best["ec"]], into[best["smtp"]], "rate")
        r.goal("rate into a node, of SMTP's, each with as many connections as "
               "suit it", "2 times", number(ratio, 2), ratio >= 2)
    if "ec1" in into and "smtp1" in into:
        ratio = pair_ratio(into["ec1"], into["smtp1"], "rate")
        r.goal("the same with one connection each", "2 times",
               number(ratio, 2), ratio >= 2)
    ratio = pair_ratio(relay["ECSTREAM"], relay["ESMTP"], "rate")
    r.goal("rate from node to node, of ESMTP's", "2 times", number(ratio, 2),
           ratio >= 2)
