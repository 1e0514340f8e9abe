# SPDX-License-Identifier: Apache-2.0
"""A disk that fails: each kind of call on each kind of file, in turn, fails or
writes short, once, a few times, or until it is well again, while mail runs.
Proves that what was acknowledged is kept and what was refused is not, that
nothing is delivered twice for a disk's sake, and that the daemon goes on by
itself when the disk is well.  In some cases the process ends, in order or by
kill -9, while the disk still fails."""
import signal
import subprocess
import sys
import time

from daemon import BUILD, SOURCE
from invariant import Violation

sys.path.append(str(SOURCE / "tests/shim"))
from shim import Shim  # noqa: E402 (the path comes first)

NAME = "faults"
SHARE = 30

SEGMENT, SPARE = "*/segments/????????.seg", "*/segments/spare-*"
INDEX, FOLDER = "*/segments/*.idx*", "*/spool/segments"
LARGE, LARGES, VERSION = "*/large/??/*", "*/large*", "*/version*"
ALL = "*/spool/*"
# What fails (calls, files), and at which of its calls the shares begin.
POINTS = [
    ("write", SEGMENT), ("sync", SEGMENT),
    ("write", SPARE), ("sync", SPARE), ("allocate", SPARE), ("create", SPARE),
    ("rename", SEGMENT), ("rename", SPARE), ("sync", FOLDER),
    ("write", INDEX), ("sync", INDEX), ("create", INDEX), ("rename", INDEX),
    ("create", LARGE), ("write", LARGE), ("sync", LARGE), ("sync", LARGES),
    ("mkdir", LARGES), ("unlink", LARGE), ("unlink", "*/segments/*"),
    ("truncate", "*/segments/*"), ("read", "*/segments/*"), ("read", LARGE),
    ("open", LARGE), ("statvfs", "*"),
    ("write,sync,allocate,create,mkdir,rename", ALL),  # a full disk
    ("write,sync,allocate,create,mkdir,rename,unlink,read,truncate", ALL),
]
START = [("create", VERSION), ("write", VERSION), ("sync", VERSION),
         ("rename", VERSION), ("sync", "*/spool"), ("mkdir", ALL),
         ("create", "*/lock")]
ERRORS = ("ENOSPC", "EIO", "EDQUOT")


def refused():
    try:
        Shim(BUILD / "crash-shim")
    except FileNotFoundError as e:
        return str(e)
    return None


def rules(case, calls, files, turn):
    """Lines for the shim: it fails at the turn-th such call."""
    c = case.chance
    times = c.choice([1, 1, 1, 2, 5, 0, 0])
    if calls == "write" and c.random() < 0.4:
        short = c.choice([0, 1, 17, 4095, 4096, 4097, 60000])
        lines = [f"short write {turn} {times} {short} {files}"]
        if c.random() < 0.6:  # and what is left meets a disk that is full
            lines.append(f"fail write {turn + 1} {times} ENOSPC {files}")
        return lines, times
    return [f"fail {calls} {turn} {times} {c.choice(ERRORS)} {files}"], times


def wait_hit(shim, w, seconds):
    """Until the fault was met, the load is over, or time is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not sum(h for _, h in shim.counts()):
        if all(s.poll() is not None for s in w.sources):
            break
        time.sleep(0.005)
    return bool(sum(h for _, h in shim.counts()))


def end_kill(case, w):
    w.kill()


def end_stop(case, w):
    """In order, with a disk that fails: it must end, and in time."""
    at = time.monotonic()
    w.daemon.process.send_signal(signal.SIGTERM)
    try:
        w.daemon.process.wait(40)
    except subprocess.TimeoutExpired:
        raise Violation("it does not stop while the disk fails") from None
    if w.daemon.process.returncode != 0:
        raise Violation(f"stopped with {w.daemon.process.returncode}: " +
                        w.daemon.stderr()[-1000:])
    w.died(at)


def at_start(case, w, shim):
    """The disk fails while the daemon starts: it says why and ends, or runs."""
    calls, files = case.chance.choice(START + POINTS)
    lines, _ = rules(case, calls, files, case.chance.randint(1, 3))
    shim.rules(*lines)
    case.note("at start: " + " | ".join(lines))
    w.start(env=shim.environment(), wait=False)
    end = time.monotonic() + 3
    while time.monotonic() < end and w.daemon.process.poll() is None:
        time.sleep(0.02)
    code = w.daemon.process.poll()
    if code is not None and code != 1:
        raise Violation(f"ended with {code}: " + w.daemon.stderr()[-1000:])
    if code == 1 and not w.daemon.stderr().strip():
        raise Violation("ended without a word")
    shim.clear()
    if code is None:
        w.kill()


def run(case):
    w = case.world()
    shim = Shim(case.dir / "shim", BUILD)
    number = int(case.name.split("-")[1])
    calls, files = POINTS[number % len(POINTS)]
    c = case.chance
    most = 1 + number // len(POINTS)  # later cases fail later calls, too
    turn = c.randint(1, 3 * most)
    lines, times = rules(case, calls, files, turn)
    end = c.choice([None, None, end_kill, end_stop]) if times == 0 else \
        c.choice([None, None, None, end_kill])
    case.what = calls.split(",")[0] if "," not in calls else "everything"
    case.note(f"{' | '.join(lines)}, ends by "
              f"{end.__name__ if end else 'itself'}")
    if c.random() < 0.15:
        at_start(case, w, shim)
    w.start(env=shim.environment())
    w.load()
    w.reach(c.uniform(0.02, 0.5))
    shim.rules(*lines)
    hit = wait_hit(shim, w, 2)
    case.note("met" if hit else "not met")
    time.sleep(c.choice([0, 0.05, 0.5, 1.5]))
    if end:
        end(case, w)
        if c.random() < 0.3:
            at_start(case, w, shim)
        shim.clear()
        w.start(env=shim.environment())
    shim.clear()
    w.finish(late=False, refusals=not end)
