# SPDX-License-Identifier: Apache-2.0
"""What the system tells of processes: CPU, memory, ports."""
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, process, seconds=30, every=0.02):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(every)
    raise SystemExit("bench: the server does not answer")


def tree(pid):
    """{process: CPU seconds} of a process and all it has started."""
    children, used = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
        # its own, and that of its children that have ended
        used[int(entry.name)] = sum(map(int, fields[11:15])) / TICK
    found, todo = {}, [pid]
    while todo:
        p = todo.pop()
        found[p] = used.get(p, 0)
        todo += children.get(p, [])
    return found


def cpu_seconds(pid):
    """User and system time of a process and all it has started."""
    return sum(tree(pid).values())


def thread_seconds(pid):
    """{name: CPU seconds} of a process's threads, to the microsecond; threads
    of one name are added up."""
    used = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            ns = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
        used[name] = used.get(name, 0) + ns / 1e9
    return used


def field_kb(path, name):
    try:
        text = pathlib.Path(path).read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith(name))


def pss_mb(pid):
    """Proportional set size of a process and all it has started, in MB:
    shared pages are counted once."""
    return sum(field_kb(f"/proc/{p}/smaps_rollup", "Pss:")
               for p in tree(pid)) / 1024


def rss_mb(pid):
    return field_kb(f"/proc/{pid}/status", "VmRSS:") / 1024


def peak_mb(pid):
    """Largest resident set of the one process so far, in MB (VmHWM)."""
    return field_kb(f"/proc/{pid}/status", "VmHWM:") / 1024


class Calls:
    """with Calls(pid) as c: system calls and context switches of a process's
    threads, in c.counts by perf's names; empty where perf may not count."""

    EVENTS = ("raw_syscalls:sys_enter", "context-switches")

    def __init__(self, pid):
        self.pid, self.counts = pid, {}

    def __enter__(self):
        try:
            self.perf = subprocess.Popen(
                ["perf", "stat", "-x", ",", "-e", ",".join(self.EVENTS), "-p",
                 str(self.pid)], stderr=subprocess.PIPE, text=True)
            time.sleep(0.3)  # until it counts
        except OSError:
            self.perf = None
        return self

    def __exit__(self, *_):
        if not self.perf:
            return
        self.perf.send_signal(signal.SIGINT)
        for line in self.perf.communicate()[1].splitlines():
            cells = line.split(",")
            if len(cells) > 2 and cells[0].isdigit():
                self.counts[cells[2]] = int(cells[0])


class Sampler:
    """with Sampler(function, seconds) as s: the largest value in s.most."""

    def __init__(self, function, seconds=1):
        self.function, self.seconds, self.most = function, seconds, 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.loop)

    def loop(self):
        while not self.end.wait(self.seconds):
            self.most = max(self.most, self.function())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()
        self.most = max(self.most, self.function())
