# SPDX-License-Identifier: Apache-2.0
"""impeld under test: start, ask, look at its logs, stop, kill."""
import errno
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ["builddir"])
SOURCE = pathlib.Path(os.environ["srcdir"])
IMPELD = BUILD / "core/prog/impeld"
IMPEL = BUILD / "core/prog/impel"
MODULES = ":".join(
    str(BUILD / d / ".libs")
    for d in ("modules/esmtp", "modules/null"))
# the flags of the sanitizers of this build; most: none
SANITIZED = re.findall(r"^SANITIZE_CFLAGS = +(.+)$",
                       (BUILD / "Makefile").read_text(), re.M)
# how many times as long as usual everything may take: sanitizers
PATIENCE = float(os.environ.get("IMPEL_PATIENCE", 1))
# rules of the shim (tests/shim/rules.h), with ; between them, for each daemon
# that has no shim of its test
RULES = os.environ.get("IMPEL_SHIM_RULES")
sys.path.append(str(SOURCE / "tests/shim"))


def own_ports():
    """Those of this worker: none that the kernel gives to somebody by itself,
    nor one of another worker, so that a port that a test has not bound yet, or
    never will, is nobody's meanwhile."""
    limits = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    end = min(32768, int(limits.split()[0]))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    mine = range(10000 + worker, end, workers)
    return mine if len(mine) > 100 else [0]


PORTS = own_ports()
TURN = itertools.count(os.getpid())  # other runs begin elsewhere


def free_port():
    """A TCP port on loopback that nobody has now."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", PORTS[next(TURN) % len(PORTS)]))
                return s.getsockname()[1]
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise


def wait_for(condition, timeout=20, what="condition"):
    """Poll until condition() is true and return what it gave."""
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true in {timeout} s")
        time.sleep(0.02)


def shim_of_all(folder):
    if not RULES:
        return None
    from shim import Shim
    made = Shim(folder / "shim")
    made.rules(*RULES.split(";"))
    return made


class Impeld:
    """One daemon with a folder of its own.

    In the configuration @DIR@ stands for that folder, @PORT@ for the port of
    its listener, @SPOOL@ for its spool.
    """

    HEAD = """
Spoolbase = "@DIR@/spool"
Pidfile = "@DIR@/impeld.pid"
Spool_Segment_Size = 4M
Resolv_Conf = "@DIR@/resolv.conf"
Control_Listener { Listen "@DIR@/control" { } }
ec_logger "main" {
  mainlog = "@DIR@/mainlog"
  rejectlog = "@DIR@/rejectlog"
  paniclog = "@DIR@/paniclog"
}
bounce_logger "bounces" { bouncelog = "@DIR@/bouncelog" }
Debug_Flags { NOTICE = ( ALL ) INFO = ( ALL ) }
"""
    LISTENER = """
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Relay_Hosts = ( "127.0.0.0/8" )
}
"""

    def __init__(self, folder, conf, head=True, listener=True, modules=MODULES,
                 start=True, name="impel.conf", wrap=(), shim=None):
        self.dir = folder
        self.dir.mkdir()
        self.port = free_port()
        self.modules = modules
        self.wrap = list(wrap)
        self.shim = shim or shim_of_all(folder)
        self.process = None
        self.expect_death = False
        self.control = folder / "control"
        # nobody is asked outside of this machine: port 9 answers nothing
        (folder / "resolv.conf").write_text(
            "nameserver 127.0.0.1:9\noptions timeout:1 attempts:1\n")
        text = (self.HEAD if head else "") + \
            (self.LISTENER if listener else "") + conf
        self.conf = folder / name
        self.write(text)
        if start:
            self.start()

    def fill(self, text):
        return (text.replace("@DIR@", str(self.dir))
                .replace("@PORT@", str(self.port))
                .replace("@SPOOL@", str(self.dir / "spool")))

    def write(self, text):
        self.conf.write_text(self.fill(text))

    def append(self, text):
        self.conf.write_text(self.conf.read_text() + self.fill(text))

    def command(self, *more):
        return [*self.wrap, str(IMPELD), "-c", str(self.conf), "-M",
                self.modules, *more]

    def environment(self):
        """LeakSanitizer cannot work under a tracer, nor without /proc; the
        shim is loaded before AddressSanitizer, which is well."""
        more = self.shim.environment() if self.shim else {}
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        if self.wrap or "chroot" in self.conf.read_text():
            asan += ":detect_leaks=0"
        return {**os.environ, **more, "ASAN_OPTIONS": asan.lstrip(":")}

    def start(self, ready=30):
        """ready: seconds in which it must answer; None: do not wait."""
        out = open(self.dir / "stderr", "ab")
        self.process = subprocess.Popen(
            self.command("-d"), stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, env=self.environment())
        out.close()
        if ready is not None:
            try:
                wait_for(self.answers, ready, "the control socket")
            except AssertionError:
                self.kill()  # nobody else would
                raise
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("impeld ended: " + self.stderr())
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.control))
            return True
        except OSError:
            return False

    def check(self, *more):
        """`impeld --check`: the finished process with its text."""
        return subprocess.run(
            self.command("--check", *more), capture_output=True, text=True,
            timeout=60)

    def stderr(self):
        return (self.dir / "stderr").read_text(errors="replace")

    # --- the console ---

    def ask(self, *words, ok=True, timeout=60):
        """Run `impel WORDS` and return its text."""
        p = subprocess.run(
            [str(IMPEL), "-s", str(self.control), *map(str, words)],
            capture_output=True, text=True, timeout=timeout * PATIENCE)
        if ok:
            assert p.returncode == 0, (words, p.stdout, p.stderr)
        else:
            assert p.returncode != 0, (words, p.stdout)
            return p.stdout + p.stderr
        return p.stdout

    def ask_json(self, *words):
        return json.loads(self.ask("--json", *words))

    def summary(self):
        return self.ask_json("summary")

    # --- logs ---

    def log(self, name="mainlog"):
        f = self.dir / name
        return f.read_text(errors="replace").splitlines() if f.exists() else []

    def records(self, kind, name="mainlog"):
        """The records of a kind ("D", "T", "P", "R", "B") as lists of fields."""
        rows = [line.split("@") for line in self.log(name)]
        return [r for r in rows if len(r) > 4 and r[4] == kind]

    def wait_records(self, kind, count=1, name="mainlog", timeout=20):
        return wait_for(
            lambda: (r := self.records(kind, name)) and len(r) >= count and r,
            timeout, f"{count} {kind} records in {name}")

    def wait_log(self, words, count=1, name="paniclog", timeout=20):
        """The lines with these words, once there are so many: a log may be
        behind what it tells of, and behind another log."""
        return wait_for(
            lambda: (x := [line for line in self.log(name) if words in line])
            and len(x) >= count and x, timeout, f"{words} in {name}")

    def wait_empty(self, timeout=60):
        """Until nothing is queued, nor being found after a start."""
        wait_for(lambda: not self.summary()["Recovering"] and
                 self.queued() == 0, timeout, "an empty queue")

    def wait_read(self):
        """Until the spool has been read, as it is after each start."""
        wait_for(lambda: not self.summary()["Recovering"], what="recovery")

    def settle(self, timeout=60):
        """Until nothing is queued and every result is on disk: what a kill
        does not undo."""
        self.wait_empty(timeout)
        wait_for(lambda: self.summary()["UnwrittenResults"] == 0, timeout,
                 "results on disk")

    def threads(self):
        """Their names."""
        names = []
        for t in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                names.append((t / "comm").read_text().strip())
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended meanwhile, as recovery's does
        return sorted(names)

    def queued(self):
        return int(self.summary()["TotalQueueSize"])

    # --- the end ---

    def terminate(self, timeout=40):
        if self.wrap:  # strace passes no signals on
            os.kill(int((self.dir / "impeld.pid").read_text()),
                    signal.SIGTERM)
        else:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout * PATIENCE)
        assert self.process.returncode == 0, self.stderr()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def finish(self):
        if self.process and self.process.poll() is None:
            self.terminate()
        text = self.stderr() if self.process and not self.expect_death else ""
        for word in ("ERROR: AddressSanitizer", "runtime error:",
                     "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                     "impel panic"):
            assert word not in text, text[-8000:]
