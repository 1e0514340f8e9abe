# SPDX-License-Identifier: Apache-2.0
"""The relay with TLS 1.3 in and out beside the same work in clear, in turn;
and what a handshake costs the loop that it runs on."""
import contextlib
import subprocess

from lib import traffic
from lib.impel import Impel
from lib.report import Report, median, number, pair_ratio

HELP = "the relay behind TLS 1.3 on both sides beside the relay in clear"
ORDER = 2

KEYS = {"ECDSA P-256": ("-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1"),
        "RSA 2048": ("-newkey", "rsa:2048")}


@contextlib.contextmanager
def certificate(kind):
    """The path of a file with a certificate of its own and its key."""
    with traffic.folder() as at:
        pem, key = at / "mx.pem", at / "mx.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", *KEYS[kind], "-keyout", key,
             "-out", pem, "-days", "30", "-subj", "/CN=mx.bench.test"],
            check=True, stderr=subprocess.DEVNULL)
        pem.write_text(pem.read_text() + key.read_text())
        yield pem


def options(pem, out=True):
    return (f'tls_certificate = "{pem}"\ntls_protocols = TLSv1.3\n'
            + ("tls = required\n" if out else ""))


def through(pem, n, size, connections, sides, **more):
    """One run, TLS on these sides: "in", "out"."""
    server = Impel(options(pem, "out" in sides) if sides else "",
                   connections=connections)
    return traffic.relay(server, n, size, connections,
                         sink={"S": pem} if "out" in sides else None,
                         S="in" in sides, **more)


def row(name, runs):
    us = ", ".join(number(1000 * median(runs, f"{who}_cpu_ms"), 1)
                   for who in ("source", "sink"))
    return [name, number(median(runs, "rate")),
            number(median(runs, "cpu_ms"), 3), us,
            *(", ".join(number(median(runs, f"{which}_{q}"), 2)
                        for q in ("p50", "p99")) for which in
              ("accept", "through"))]


def relay(o, r):
    n, size = o.messages or 20000, o.size or 5120
    connections = o.connections or 20
    sides = {"in clear": (), "TLS in": ("in",), "TLS out": ("out",),
             "TLS in and out": ("in", "out")}
    runs = {name: [] for name in sides}
    with certificate("ECDSA P-256") as pem:
        for _ in range(o.runs or 5):
            for name, which in sides.items():
                runs[name].append(through(pem, n, size, connections, which))
    rate = pair_ratio(runs["TLS in and out"], runs["in clear"], "rate")
    cpu = pair_ratio(runs["TLS in and out"], runs["in clear"], "cpu_ms")
    r.raw = {"relay": runs}
    r.table(f"{number(n)} messages of {number(size)} octets, {connections} "
            "connections in and out, 100 messages a connection in",
            ["", "messages/s", "CPU ms a message",
             "CPU us a message: source, sink", "accept ms: p50, p99",
             "end to end ms: p50, p99"],
            [*(row(name, found) for name, found in runs.items()),
             ["both, of in clear", number(rate, 2), number(cpu, 2), "", "",
              ""]])
    r.goal("relay rate with TLS 1.3 on both sides, of that in clear",
           "at least 0.50", number(rate, 2), rate >= 0.5)


def handshakes(o, r):
    """A message a connection: what a handshake costs, full and resumed."""
    n = 2000
    rows, raw = [], {}
    for kind in KEYS:
        with certificate(kind) as pem:
            for name, more in (("in clear", None), ("full", {"U": True}),
                               ("resumed", {})):
                if more is None and rows:
                    continue
                found = [through(pem, n, 1024, 20,
                                 () if more is None else ("in",),
                                 k=1, **(more or {}))
                         for _ in range(min(o.runs or 3, 2))]
                raw[f"{kind} {name}"] = found
                rows.append([name if more is None else f"{kind}, {name}",
                             number(median(found, "rate")),
                             number(median(found, "cpu_ms"), 3)])
    r.raw["handshakes"] = raw
    base = float(rows[0][2])
    for line in rows:
        line.append(number(float(line[2]) - base, 3))
    r.table(f"{number(n)} messages of 1,024 octets, each on a connection of "
            "its own, 20 at once; TLS in only",
            ["handshake", "messages/s", "CPU ms a message",
             "of it the handshake"], rows)


def run(o):
    r = Report("tls")
    relay(o, r)
    handshakes(o, r)
    return r
