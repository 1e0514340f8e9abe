# SPDX-License-Identifier: Apache-2.0
"""A start with a million queued messages: how soon mail is accepted, how soon
the first of the queue is delivered, how soon all are known, how long a client
waits meanwhile, and what memory it takes.

Two spools, each as a clean stop and as kill -9 leave it: one whose mail was
never tried, and one of which a part was tried before the stop, half of that
delivered and half put off, so that results are spread over the segments.  One
sink lives through the stop, and counts what comes twice.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from lib import probe, process, traffic
from lib.impel import Impel
from lib.probe import OVER_MS, Probe
from lib.report import Report, number

HELP = "a start with a million queued messages, after a stop and a kill"
ORDER = 8
LISTEN_S, FIRST_S, KNOWN_S = 1, 2, 10
OPTIONS = """
Server_Max_Outbound_Connections = 20
Retry_Interval = 36000
Message_Expiration = 864000
"""
STAYS = "stays@probe.test"  # what is measured with is not delivered
WHAT = {("stopped", False): "never tried, clean stop",
        ("killed", False): "never tried, kill -9",
        ("stopped", True): "a part tried, clean stop",
        ("killed", True): "a part tried, kill -9",
        ("lost", True): "a part tried, kill -9, no index left"}
SUSPENDED = OPTIONS + "Suspend_Delivery = true\n"


def options(parser):
    parser.add_argument("--restart-messages", type=int, default=1000000)
    parser.add_argument("--restart-domains", type=int, default=100000)
    parser.add_argument("--restart-tried", type=float, default=0.5,
                        help="the part that is tried before the stop")
    parser.add_argument("--restart-folder", help="make the spools there, or "
                        "take those that an earlier run has left")


def copy_spool(there, here):
    """A spool of gigabytes: without reading it where the disk can do that."""
    here.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-r", "--reflink=auto", str(there / "spool"),
                    str(here)], check=True)


def kill(server):
    server.process.kill()
    server.process.wait()


def prepare(folder, o):
    """folder/killed and folder/stopped: what was accepted, never tried."""
    if (folder / "stopped").exists():
        return
    at = folder / "killed"
    at.mkdir(parents=True)
    port, s = process.free_port(), Impel(SUSPENDED)
    process.wait_port(port, s.start(at, port, 1))
    traffic.source(port, n=o.restart_messages, s=o.size or 2048,
                   d=o.restart_domains, c=20, k=10000)
    kill(s)
    half = folder / "half"
    copy_spool(at, half)
    process.wait_port(port, s.start(half, port, 1))
    wait_known(s)
    s.stop()
    half.rename(folder / "stopped")


def wait_known(s):
    while True:
        m = s.metrics()
        if not m["recovering"]:
            return m
        time.sleep(0.05)


def books(log, since, s, messages, how):
    """What was delivered before the start, what was found by it, and when the
    first of that was delivered.  After a clean stop the two make up all."""
    times = [int(line.split()[-1]) / 1e6
             for line in log.read_text().splitlines()]
    before = sum(t < since for t in times)
    if before == len(times):
        raise SystemExit("bench: nothing was delivered after the start")
    found = int(re.findall(r"spool-recovered messages=(\d+)", (
        s.folder / "stderr").read_text())[-1])
    if found + before != messages and (how == "stopped" or
                                       found + before < messages):
        raise SystemExit(f"bench: {before} delivered, {found} found, of "
                         f"{messages}")
    return {"finished": before, "found": found, "first": times[before] - since}


def try_part(s, at, port, sink, want):
    """Deliver until so many were tried, and end in the middle of it."""
    process.wait_port(port, s.start(at, port, sink.port))
    while True:
        m = s.metrics()
        tried = m['recipients_total{result="delivered"}'] + \
            m['recipients_total{result="transient"}']
        if tried >= want:
            return
        time.sleep(0.02)


def forget(folder):
    """What is in the folder is on disk and no longer in the page cache, as
    after a boot."""
    for path in folder.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDWR)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def start(s, at, sink):
    """One start, all that is measured of it.  The probe's own mail stays: it
    is no part of what is delivered."""
    port = process.free_port()
    forget(at / "spool")
    begun = time.monotonic()
    process.wait_port(port, s.start(at, port, sink.port), every=0.002)
    f = {"listening": time.monotonic() - begun}
    probe.send(port, STAYS)
    f["accepted"] = time.monotonic() - begun
    with Probe(port, 5, STAYS) as accepts, Probe(port) as noops:
        m = wait_known(s)
        f["known"] = time.monotonic() - begun
        f["peak_mb"] = process.peak_mb(s.process.pid)
    f.update({"accept_" + k: v for k, v in accepts.figures().items()})
    f.update({"noop_" + k: v for k, v in noops.figures().items()})
    f["slow"] = m["slow_callbacks_total"]
    f["mb"] = process.rss_mb(s.process.pid)
    return f, begun


def case(base, folder, how, tried, o):
    """A copy of a prepared spool; a part of it tried and the daemon stopped
    (how); the start that is measured."""
    at, s = folder / "work", Impel(
        OPTIONS + 'Domain "probe.test" { Suspend_Delivery = true }\n')
    copy_spool(base / ("killed" if how != "stopped" and not tried else
                       "stopped"), at)
    log = folder / "served"
    with traffic.Sink(0, l=log, t=50 if tried else None) as sink:
        if tried:
            try_part(s, at, process.free_port(), sink,
                     o.restart_tried * o.restart_messages)
            if how == "stopped":
                s.stop()
            else:
                kill(s)
        if how == "lost":
            for index in (at / "spool").rglob("*.idx"):
                index.unlink()
        f, begun = start(s, at, sink)
        kill(s)
        sink.process.terminate()
        f["twice"] = json.loads(sink.process.stdout.read())["twice"]
    f.update(books(log, begun, s, o.restart_messages, how))
    f.update(what=how, tried=tried)
    shutil.rmtree(folder)
    return f


@contextlib.contextmanager
def place(o):
    if o.restart_folder:
        path = pathlib.Path(o.restart_folder)
        path.mkdir(parents=True, exist_ok=True)
        yield path
    else:
        with traffic.folder() as path:
            yield path


def run(o):
    r = Report("restart")
    found = []
    with place(o) as base:
        prepare(base, o)
        for how, tried in WHAT:
            found.append(case(base, base / "case", how, tried, o))
    r.raw = {"starts": found}
    tables(r, o, found)
    return r


def tables(r, o, found):
    r.table(f"{number(o.restart_messages)} messages of "
            f"{number(o.size or 2048)} octets, {number(o.restart_domains)} "
            "domains: seconds after the start",
            ["spool", "delivered before", "found", "listening", "first 250",
             "first delivery", "all known", "peak resident, MB", "resident, MB",
             "came twice"],
            [[WHAT[f["what"], f["tried"]], number(f["finished"]),
              number(f["found"]), number(f["listening"], 2),
              number(f["accepted"], 2), number(f["first"], 2),
              number(f["known"], 2),
              number(f["peak_mb"]), number(f["mb"]), number(f["twice"])]
             for f in found])
    r.table("How long clients wait meanwhile: for a message's 250, for NOOP's",
            ["spool", "accept p50 ms", "p99 ms", "most ms", "NOOP p50 ms",
             "p99 ms", "most ms", f"over {OVER_MS} ms", "slow callbacks"],
            [[WHAT[f["what"], f["tried"]]] +
             [number(f[f"{k}_{q}_ms"], 1) for k in ("accept", "noop")
              for q in ("p50", "p99", "max")] +
             [number(f["noop_over"]), number(f["slow"])] for f in found])
    r.text("Without any index the whole spool is read before the listeners "
           "open; a version that changes the format of indexes finds it so, no "
           "stop and no kill leaves it so: the goals leave that row out.")
    for key, text, most in (("accepted", "first 250", LISTEN_S),
                            ("first", "first delivery", FIRST_S),
                            ("known", "all known", KNOWN_S)):
        worst = max(f[key] for f in found if f["what"] != "lost")
        r.goal(f"{text} after a start", f"under {most} s",
               f"{number(worst, 2)} s", worst < most)
    again = max(f["twice"] for f in found if f["what"] == "stopped")
    r.goal("finished before a clean stop and delivered again", "none",
           number(again), not again)
