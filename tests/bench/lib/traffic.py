# SPDX-License-Identifier: Apache-2.0
"""Mail through a server: source -> server -> sink, and what it cost."""
import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from lib import process
from lib.impel import BUILD

SOURCE = str(BUILD / "tests/bench/source")
SINK = str(BUILD / "tests/bench/sink")
FILTER = str(BUILD / "tests/bench/milter")


@contextlib.contextmanager
def folder():
    """A place for a server, on the disk of the build tree."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def flags(known):
    """{"c": 20, "B": True, "f": None} as -c 20 -B."""
    out = []
    for name, value in known.items():
        if value is True:
            out.append("-" + name)
        elif value is not None and value is not False:
            out += ["-" + name, str(value)]
    return out


def source(port, **options):
    """Send; the source's figures (options: the head of source.c)."""
    p = subprocess.run([SOURCE, *flags(dict(options, p=port))],
                       stdout=subprocess.PIPE, text=True)
    sent = json.loads(p.stdout)
    if p.returncode:
        raise SystemExit(f"bench: not all was accepted: {sent}")
    return sent


class Sink:
    """with Sink(want) as s: a server that verifies each message; s.wait() is
    what it saw (options: the head of sink.c).  want 0: s.stop() ends it."""

    def __init__(self, want, **options):
        self.want, self.port = want, process.free_port()
        self.options = dict(options, p=self.port, n=want)
        self.options.setdefault("v", True)

    def __enter__(self):
        self.process = subprocess.Popen(
            [SINK, *flags(self.options)], stdout=subprocess.PIPE, text=True)
        process.wait_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait(self, seconds=600):
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            out, _ = self.process.communicate()
        seen = json.loads(out)
        if seen["served"] < self.want or seen["twice"] or seen["changed"]:
            raise SystemExit(f"bench: mail was lost or changed: {seen}")
        return seen

    def stop(self):
        self.process.terminate()
        return self.wait()


@contextlib.contextmanager
def nameserver(hosts):
    """A name server for bench.test with so many mail hosts, all of them
    127.0.0.1: yields the resolv.conf that names it."""
    with folder() as at:
        port = process.free_port()
        served = subprocess.Popen(
            [str(BUILD / "tests/bench/nameserver"), "-p", str(port), "-m",
             str(hosts)], stdout=subprocess.DEVNULL)
        conf = at / "resolv.conf"
        conf.write_text(f"nameserver 127.0.0.1:{port}\n")
        try:
            yield conf
        finally:
            served.terminate()
            served.wait()


class Filter:
    """with Filter() as f: a filter that says yes; f.name is what `milters`
    calls it; f.seen is what it saw, once it has ended (options: the head of
    milter.c)."""

    def __init__(self, **options):
        self.port = process.free_port()
        self.name = f"inet:127.0.0.1:{self.port}"
        self.options = dict(options, p=self.port)

    def __enter__(self):
        self.process = subprocess.Popen(
            [FILTER, *flags(self.options)], stdout=subprocess.PIPE, text=True)
        process.wait_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.seen = json.loads(self.process.communicate()[0])


@contextlib.contextmanager
def serving(server, relay, at=None):
    """A server that runs and answers: yields its port."""
    with contextlib.ExitStack() as stack:
        at = at or stack.enter_context(folder())
        port = process.free_port()
        started = server.start(at, port, relay)
        try:
            process.wait_port(port, started)
            yield port
        finally:
            server.stop()


def relay(server, messages, size=5120, connections=20, sink=None, **options):
    """One run of the relay: a dict of figures.  options go to the source,
    sink (a dict) to the sink."""
    pid = None
    with Sink(messages, **{"i": 60, **(sink or {})}) as out, \
            serving(server, out.port) as port:
        pid = server.process.pid
        idle = process.pss_mb(pid)
        counted = hasattr(server, "metrics")
        if counted:
            threads, m = process.thread_seconds(pid), server.metrics()
        cpu, begun = process.cpu_seconds(pid), time.monotonic()
        with process.Sampler(lambda: process.pss_mb(pid)) as memory:
            sent = source(port, n=messages, s=size, c=connections,
                          **{"k": 100, **options})
            seen = out.wait()
            took = time.monotonic() - begun
        cpu = process.cpu_seconds(pid) - cpu
        f = {"rate": messages / took, "cpu_ms": 1000 * cpu / messages,
             "idle_mb": idle, "mb": memory.most,
             "source_cpu_ms": 1000 * sent["cpu"] / messages,
             "sink_cpu_ms": 1000 * seen["cpu"] / messages,
             "connections": seen["connections"] - 1, # but for wait_port()'s
             "gap_ms": seen["gap_ms"]}
        for which, figures in (("accept", sent), ("through", seen)):
            for q in ("p50", "p99", "p999"):
                f[f"{which}_{q}"] = figures[f"{q}_ms"]
        if counted:
            f.update(of_impel(server, messages, threads, m))
    return f


def of_impel(server, messages, threads_before, metrics_before):
    """What only the daemon can tell."""
    m, threads = server.metrics(), process.thread_seconds(server.process.pid)
    spent = {n: 1e6 * (s - threads_before.get(n, 0)) / messages
             for n, s in threads.items()}
    commits, commit_us, written = (
        m[n] - metrics_before[n] for n in
        ("spool_commits_total", "spool_commit_microseconds_total",
         "spool_written_bytes_total"))
    return {"messages_a_sync": messages / max(commits, 1),
            "commit_ms": commit_us / 1000 / max(commits, 1),
            "written_a_message": written / messages,
            "writer_us": spent.get("spool writer", 0),
            "threads_us": spent, "peak_mb": process.peak_mb(server.process.pid)}
