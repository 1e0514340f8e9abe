# SPDX-License-Identifier: Apache-2.0
"""How long a server's event loop keeps a client waiting: NOOP and its reply,
every few milliseconds, from a process of its own.

    with Probe(port) as p:
        ...
    p.figures()  ->  {"count", "p50_ms", "p99_ms", "p999_ms", "max_ms", "over"}

The probe cannot tell a loop that is held up from a processor that is taken by
others: slow_callbacks_total of the daemon is the other half of the figure.
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time

OVER_MS = 20
COMMANDS = 200  # of a connection; without mail a server allows only so many


class Probe:
    def __init__(self, port, gap_ms=2):
        self.args = [sys.executable, __file__, str(port), str(gap_ms)]

    def __enter__(self):
        self.process = subprocess.Popen(
            self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate("\n", timeout=60)
        self.found = json.loads(out)

    def figures(self):
        return self.found


def summed_up(ms):
    ms.sort()

    def at(q):
        return ms[int(q * (len(ms) - 1))]
    return {"count": len(ms), "p50_ms": at(.5), "p99_ms": at(.99),
            "p999_ms": at(.999), "max_ms": ms[-1],
            "over": sum(1 for m in ms if m > OVER_MS)}


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    f = s.makefile("rb")
    f.readline()
    return s, f


def main(port, gap_ms):
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    except OSError:
        pass  # without it the figure has more of the machine's noise
    end = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), end.set()),
                     daemon=True).start()
    took, f = [], None
    while not end.is_set():
        if len(took) % COMMANDS == 0:
            s, f = connect(port)
        begun = time.perf_counter()
        s.sendall(b"NOOP\r\n")
        line = f.readline()
        if not line.startswith(b"250"):
            raise SystemExit(f"probe: {line} for a NOOP")
        took.append(1000 * (time.perf_counter() - begun))
        time.sleep(gap_ms / 1000)
    print(json.dumps(summed_up(took)))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
