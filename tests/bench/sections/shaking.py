# SPDX-License-Identifier: Apache-2.0
"""Handshakes run on the loop of their session: what a hundred new ones a second
do to those who are there already.  One session asks NOOP every 2 ms."""
import multiprocessing
import socket
import ssl
import time

from lib import traffic
from lib.impel import Impel
from lib.report import Report, number
from sections.tls import KEYS, certificate, options

HELP = "what 100 handshakes a second do to the other sessions of a loop"
ORDER = 3.5

RATE = 100
STEP = 0.002
ENDLESS = "ESMTP_Listener { Max_Commands = 0 }\n"


def greet(port):
    s = socket.create_connection(("127.0.0.1", port), 20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.recv(1000)
    return s


def ask(s, line):
    """The reply to it, if that is of less than 4,000 octets."""
    s.sendall(line + b"\r\n")
    got = b""
    while not got.endswith(b"\r\n") and (more := s.recv(4000)):
        got += more
    return got


def shake(port, rate, seconds, count):
    """That many full handshakes a second, each on a connection of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        if count.value >= now * rate:
            time.sleep(0.001)
            continue
        s = greet(port)
        ask(s, b"EHLO bench.test")
        ask(s, b"STARTTLS")
        context.wrap_socket(s).close()
        count.value += 1


def round_trips(port, seconds):
    """Their times in ms, sorted."""
    s, took = greet(port), []
    begun = due = time.monotonic()
    while time.monotonic() - begun < seconds:
        time.sleep(max(0, due - time.monotonic()))
        due = max(due + STEP, time.monotonic())
        at = time.monotonic()
        ask(s, b"NOOP")
        took.append(1000 * (time.monotonic() - at))
    s.close()
    return sorted(took)


def beside(kind, rate, seconds):
    """(handshakes a second, sorted round trips)"""
    with certificate(kind) as pem, traffic.folder() as at, \
            traffic.serving(Impel(options(pem, False) + ENDLESS), 9,
                            at=at) as port:
        count = multiprocessing.Value("l", 0, lock=False)
        other = multiprocessing.Process(
            target=shake, args=(port, rate, seconds, count))
        if rate:
            other.start()
        took = round_trips(port, seconds)
        if rate:
            other.join()
        return count.value / seconds, took


def row(kind, rate, runs):
    def middle(values):
        return sorted(values)[len(values) // 2]
    at = {name: number(middle([t[int(q * (len(t) - 1))] for _, t in runs]), 2)
          for name, q in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999),
                          ("most", 1))}
    return [kind if rate else "none", number(middle([n for n, _ in runs])),
            *at.values()]


def run(o):
    r = Report("shaking")
    rows, seconds = [], 4
    for kind, rate in (("ECDSA P-256", 0), ("ECDSA P-256", RATE),
                       ("RSA 2048", RATE)):
        runs = [beside(kind, rate, seconds) for _ in range(o.runs or 3)]
        rows.append(row(kind, rate, runs))
    r.raw = {"rows": rows}
    r.table(f"NOOP every {1000 * STEP:.0f} ms for {seconds} s, one loop, and "
            f"beside it full handshakes (TLS 1.3), {RATE} a second",
            ["handshakes", "a second", "round trip ms: p50", "p99", "p99.9",
             "longest"], rows)
    return r
