# SPDX-License-Identifier: Apache-2.0
"""One message at a time: its acceptance costs one synced write of its size,
as dd makes it, and the dialogue; no timer and no second sync.

The dialogue is measured twice: as the same messages with spool_sync = none
(all that Impel does for a message but the sync), and as bare round trips
(NOOPs, as many, to the same listener)."""
import os
import re
import statistics
import subprocess
import time

from lib import traffic
from lib.impel import Impel
from lib.report import Report, number

HELP = "accept latency of a lone message beside dd oflag=dsync"
ORDER = 4

ROUNDS = 20


def dd_ms(at, size, count):
    """What dd says one write takes; the mean of count of them."""
    p = subprocess.run(
        ["dd", "if=/dev/zero", f"of={at}/dd", f"bs={size}", f"count={count}",
         "oflag=dsync"], stderr=subprocess.PIPE, text=True, check=True,
        env=dict(os.environ, LC_ALL="C"))
    (at / "dd").unlink()
    return 1000 * float(re.search(r"copied, (\S+) s", p.stderr)[1]) / count


def write_ms(at, size, count):
    """The same writes, each timed: their median."""
    fd = os.open(at / "dsync", os.O_WRONLY | os.O_CREAT | os.O_DSYNC)
    block, took = bytes(size), []
    for _ in range(count):
        begun = time.monotonic()
        os.write(fd, block)
        took.append(1000 * (time.monotonic() - begun))
    os.close(fd)
    (at / "dsync").unlink()
    return statistics.median(took)


def rounds(o, size, count):
    """One after the other, many times: what the disk does meanwhile meets
    all of them."""
    with traffic.Sink(0) as out, traffic.folder() as at, \
            traffic.folder() as other, \
            traffic.serving(Impel(), out.port, at=at) as port, \
            traffic.serving(Impel("Spool_Sync = none"), out.port,
                            at=other) as quick:
        first = 0
        for _ in range(ROUNDS):
            f = {"dd": dd_ms(at, size, count),
                 "write": write_ms(at, size, count)}
            for name, to, bare in (("accept", port, False),
                                   ("unsynced", quick, False),
                                   ("noop", port, True)):
                f[name] = traffic.source(to, n=count, s=size, c=1, i=first,
                                         N=bare)["p50_ms"]
                first += count
            yield f
        out.stop()


def run(o):
    r = Report("lone")
    size, count = o.size or 5120, o.messages or 200
    found = [f for _ in range(o.runs or 1) for f in rounds(o, size, count)]
    mid = {k: statistics.median(f[k] for f in found) for k in found[0]}
    ratio = {d: statistics.median(f["accept"] / (f["write"] + f[d])
                                  for f in found)
             for d in ("unsynced", "noop")}
    r.table(f"{len(found)} rounds of {count} messages of {number(size)} "
            "octets, one connection; medians, ms",
            ["figure", "ms"], [
                ["accept, from MAIL to the 250", number(mid["accept"], 3)],
                ["one write with O_DSYNC", number(mid["write"], 3)],
                ["the same by dd oflag=dsync (mean)", number(mid["dd"], 3)],
                ["dialogue: accept with spool_sync = none",
                 number(mid["unsynced"], 3)],
                ["dialogue: NOOPs alone", number(mid["noop"], 3)]])
    r.table("Accept, of one synced write and the dialogue",
            ["dialogue", "ratio"],
            [["accept with spool_sync = none", number(ratio["unsynced"], 2)],
             ["NOOPs alone", number(ratio["noop"], 2)]])
    r.goal("lone message, of one synced write and its dialogue", "1.10",
           f"{ratio['unsynced']:.2f}; {ratio['noop']:.2f} of NOOPs",
           ratio["unsynced"] <= 1.10)
    r.raw = {"rounds": found}
    return r
