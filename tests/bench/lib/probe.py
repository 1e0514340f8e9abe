# SPDX-License-Identifier: Apache-2.0
"""How long a server's event loop keeps a client waiting: NOOP and its reply,
every few milliseconds, from a process of its own.

    with Probe(port) as p:
        ...
    p.figures()  ->  {"count", "p50_ms", "p99_ms", "p999_ms", "max_ms", "over"}

Probe(port, mail=ADDRESS) sends a small message to that address instead, and
takes the time from the end of its data to the 250: an accept's.

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
    def __init__(self, port, gap_ms=2, mail=None):
        self.args = [sys.executable, __file__, str(port), str(gap_ms),
                     *([mail] if mail else [])]

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


def ask(s, f, text, want=b"250"):
    s.sendall(text)
    line = f.readline()
    if not line.startswith(want):
        raise SystemExit(f"probe: {line} for {text[:40]}")


def lead_in(s, f, mail):
    """All of a message up to its data; the rest is what is timed."""
    for text in (b"HELO probe.test", b"MAIL FROM:<probe@probe.test>",
                 b"RCPT TO:<" + mail.encode() + b">"):
        ask(s, f, text + b"\r\n")
    ask(s, f, b"DATA\r\n", b"354")


def finish(s, f):
    ask(s, f, b"Subject: probe\r\n\r\n.\r\n")


def send(port, mail):
    """One message, on a connection of its own."""
    s, f = connect(port)
    lead_in(s, f, mail)
    finish(s, f)
    s.close()


def main(port, gap_ms, mail=None):
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
        if mail:
            lead_in(s, f, mail)
        begun = time.perf_counter()
        if mail:
            finish(s, f)
        else:
            ask(s, f, b"NOOP\r\n")
        took.append(1000 * (time.perf_counter() - begun))
        time.sleep(gap_ms / 1000)
    print(json.dumps(summed_up(took)))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:])
