# SPDX-License-Identifier: Apache-2.0
"""Resident memory of mail that waits: each message was tried once and refused
for now, so that all there is of it are a parcel in memory and its records on
disk.  One daemon for each number of domains, which gets more and more mail;
what a parcel costs is the difference of two of its readings."""
import re
import time

from lib import process, traffic
from lib.impel import Impel
from lib.report import Report, number

HELP = "resident memory of delayed mail, and a parcel's cost"
ORDER = 7
GOAL_MB, GOAL_BYTES = 150, 100
FIRST = 1000  # messages that find the daemon's own size, buffers and all

OPTIONS = """
Retry_Interval = 36000
Message_Expiration = 864000
Server_Max_Outbound_Connections = 20
Idle_Timeout = 2
"""


def options(parser):
    parser.add_argument(
        "--memory-counts", default="100000,1000000",
        help="messages that wait when memory is read")
    parser.add_argument(
        "--memory-domains", default="1000,100000",
        help="domains they are for, a daemon for each number")


def delayed(server):
    """Parcels that wait for their next attempt, and the others."""
    m = server.metrics()
    return (int(m['parcels{state="delayed"}']),
            int(m['parcels{state="active"}'] + m['parcels{state="lent"}']))


# Seconds without less: records of hosts that nobody uses go 10 s later, some
# thousands a second, and what was freed is given back every 10 s.
QUIET = 30


def settle(server, want, seconds=1800):
    """Until all wait for their retry; then until what is freed when the
    daemon is at rest has been given back."""
    end = time.monotonic() + seconds
    while delayed(server) != (want, 0):
        if time.monotonic() > end:
            raise SystemExit(f"bench: {delayed(server)} of {want} are delayed")
        time.sleep(1)
    least, same = process.rss_mb(server.process.pid), 0
    while same < QUIET:
        time.sleep(1)
        now = process.rss_mb(server.process.pid)
        same = 0 if now < least - 0.5 else same + 1
        least = min(least, now)


def read(server, count):
    pid = server.process.pid
    return {"count": count, "mb": process.rss_mb(pid),
            "peak_mb": process.peak_mb(pid),
            "anonymous_mb": process.field_kb(f"/proc/{pid}/status",
                                             "RssAnon:") / 1024}


def fill(domains, counts, size):
    """Readings of one daemon as its mail grows."""
    server, readings, sent = Impel(OPTIONS), [], 0
    with traffic.Sink(0, t=100) as sink, \
            traffic.serving(server, sink.port) as port:
        for count in (FIRST, *counts):
            traffic.source(port, n=count - sent, i=sent, s=size, d=domains,
                           c=20, k=1000)
            settle(server, count)
            readings.append(read(server, count))
            sent = count
    return readings


def a_parcel(before, after):
    return ((after["mb"] - before["mb"]) * 1048576 /
            (after["count"] - before["count"]))


def rows(domains, readings):
    out = []
    for before, after in zip([None, *readings], readings):
        cost = number(a_parcel(before, after)) if before else ""
        out.append([number(domains), number(after["count"]),
                    number(after["mb"], 1), number(after["anonymous_mb"], 1),
                    number(after["peak_mb"], 1), cost])
    return out


def measure(domains=(1000, 100000), counts=(100000, 1000000), size=2048):
    """{domains: [reading, ...]}; a reading: count, mb, anonymous_mb, peak_mb."""
    return {d: fill(d, counts, size) for d in domains}


def run(o):
    r = Report("memory")
    domains = [int(n) for n in re.findall(r"\d+", o.memory_domains)]
    counts = [int(n) for n in re.findall(r"\d+", o.memory_counts)]
    size = o.size or 2048
    found = measure(domains, counts, size)
    r.raw = {str(d): f for d, f in found.items()}
    r.table(f"Delayed messages of {number(size)} octets, each tried once",
            ["domains", "messages", "resident, MB", "of it anonymous, MB",
             "at most so far, MB", "octets a parcel more"],
            [row for d, f in found.items() for row in rows(d, f)])
    goals(r, found)
    return r


def goals(r, found):
    for d, f in found.items():
        cost = a_parcel(f[-2], f[-1])
        r.goal(f"octets of a delayed parcel, {number(d)} domains",
               f"at most {GOAL_BYTES}", number(cost), cost <= GOAL_BYTES)
        r.goal(f"resident with {number(f[-1]['count'])} delayed, {number(d)} "
               "domains", f"under {GOAL_MB} MB", f"{number(f[-1]['mb'], 1)} MB",
               f[-1]["mb"] < GOAL_MB)
