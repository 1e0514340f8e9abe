# SPDX-License-Identifier: Apache-2.0
"""Disk that mail takes: beside its octets as received, before and after `impel
spool compact`, for bodies that can and cannot be made smaller; and over time
while mail passes through and the queue stays short."""
import re
import subprocess
import time

from lib import traffic
from lib.impel import BUILD, Impel
from lib.report import Report, number

HELP = "disk beside the octets of what is queued, and while mail passes"
ORDER = 8
GOAL = 1.15
KINDS = {"base64": "random octets in base64", "8bit": "random octets",
         "text": "a sentence again and again"}


def options(parser):
    parser.add_argument("--disk-counts", default="100000,1000000",
                        help="messages that are queued")
    parser.add_argument("--disk-bodies", default="base64,8bit,text",
                        help="what they are of; all but the first at the "
                        "lowest count alone")
    parser.add_argument("--disk-through", type=int, default=200000,
                        help="messages that pass through")


def disk(folder):
    """Octets on disk that the spool takes: (all, of it in spares)."""
    every = spares = 0
    for f in (folder / "spool").rglob("*"):
        try:
            n = f.stat().st_blocks * 512 if f.is_file() else 0
        except FileNotFoundError:
            continue
        every += n
        spares += n if f.name.startswith("spare-") else 0
    return every, spares


def compact(at):
    begun = time.monotonic()
    subprocess.run([str(BUILD / "core/prog/impel"), "spool", "compact",
                    str(at / "spool")], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


def tried(server, count):
    """All were refused for now, and wait for their retry."""
    end = time.monotonic() + 1800
    while server.metrics()['parcels{state="delayed"}'] != count:
        if time.monotonic() > end:
            raise SystemExit("bench: not all messages were tried once")
        time.sleep(1)


def queued(count, size, kind, try_them):
    """What `count` messages take, before and after compaction."""
    retry = "Retry_Interval = 36000\nMessage_Expiration = 864000\n"
    with traffic.folder() as at:
        server = Impel(retry if try_them else "Suspend_Delivery = true")
        with traffic.Sink(0, t=100) as sink, \
                traffic.serving(server, sink.port, at=at) as port:
            traffic.source(port, n=count, s=size, d=1000, c=20, k=1000, b=kind)
            if try_them:
                tried(server, count)
        before, spares = disk(at)
        took = compact(at)
        after = disk(at)
        return {"count": count, "kind": kind, "tried": try_them,
                "before": (before - spares) / (count * size),
                "after": (after[0] - after[1]) / (count * size), "s": took}


def through(o, size, long_ones):
    """Readings of the disk while messages pass; with long_ones, about one in
    each segment stays behind."""
    readings, n, every = [], o.disk_through, 10000
    with traffic.folder() as at:
        server = Impel("Retry_Interval = 36000\nSpool_Compact_Rate = 64M\n")
        with traffic.Sink(0, x=True) as sink, \
                traffic.serving(server, sink.port, at=at) as port:
            begun = time.monotonic()
            for first in range(0, n, every):
                traffic.source(port, n=every, i=first, s=size, c=20, k=1000,
                               b="base64", z=every if long_ones else 0)
                all_of_it, spares = disk(at)
                readings.append({
                    "passed": first + every, "s": time.monotonic() - begun,
                    "disk": all_of_it, "spares": spares})
            time.sleep(20)
            all_of_it, spares = disk(at)
            readings.append({"passed": n, "s": time.monotonic() - begun,
                             "disk": all_of_it, "spares": spares})
    return readings


def show_queued(r, found, size):
    r.table(f"Messages of {number(size)} octets that wait: octets on disk, "
            "indexes with them and spares not, for each octet received",
            ["messages", "bodies are", "tried", "before", "after compaction",
             "compaction took, s"],
            [[number(f["count"]), KINDS[f["kind"]],
              "once" if f["tried"] else "not yet", number(f["before"], 2),
              number(f["after"], 3), number(f["s"], 1)] for f in found])
    for f in found:
        r.goal(f"disk for {number(f['count'])} messages of {f['kind']}, "
               f"{'tried' if f['tried'] else 'not tried'}, after compaction",
               f"at most {GOAL}", number(f["after"], 3), f["after"] <= GOAL)


def show_through(r, o, size, found):
    rows = []
    for name, readings in found.items():
        picked = readings[1::max(len(readings) // 5, 1)][:5] + readings[-1:]
        rows += [[name, number(f["passed"]), number(f["s"], 1),
                  number(f["passed"] * size / 1e6),
                  number((f["disk"] - f["spares"]) / 1e6),
                  number(f["spares"] / 1e6)] for f in picked]
    r.table(f"Disk while {number(o.disk_through)} messages of "
            f"{number(size)} octets pass through",
            ["", "messages so far", "after s", "MB of messages so far",
             "MB on disk", "and in spares"], rows)


def run(o):
    r = Report("disk")
    size = o.size or 2048
    counts = [int(n) for n in re.findall(r"\d+", o.disk_counts)]
    kinds = o.disk_bodies.split(",")
    found = [queued(min(counts), size, kind, try_them)
             for kind in kinds for try_them in (False, True)]
    found += [queued(n, size, kinds[0], False) for n in counts
              if n != min(counts)]
    passed = {"all are delivered": through(o, size, False),
              "one in 10,000 stays": through(o, size, True)}
    show_queued(r, found, size)
    show_through(r, o, size, passed)
    r.raw = {"queued": found, "through": passed}
    most = max(f["disk"] for f in passed["one in 10,000 stays"])
    r.goal("most disk while mail passes, one in 10,000 stays",
           "at most 512 MB", f"{number(most / 1e6)} MB", most <= 512e6)
    return r
