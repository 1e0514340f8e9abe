# SPDX-License-Identifier: Apache-2.0
"""Notifications over one HTTP/2 connection: 100,000 of them wait, and go to a
stand-in for Apple's service (apns.c) that answers after a while."""
import contextlib
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from lib import impel, process
from lib.report import Report, median, number

HELP = "notifications over one HTTP/2 connection"
ORDER = 2.7
TEXT = (b"Subject: You have a new message\r\n"
        b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\n"
        b"From Ann: shall we meet at the station at six?\r\n.\r\n")


@contextlib.contextmanager
def certificate():
    with tempfile.TemporaryDirectory() as folder:
        pem = pathlib.Path(folder) / "push.pem"
        key, crt = pem.with_suffix(".key"), pem.with_suffix(".crt")
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-keyout", key, "-out", crt,
             "-days", "2", "-subj", "/CN=push.test"], check=True,
            capture_output=True)
        pem.write_bytes(crt.read_bytes() + key.read_bytes())
        yield pem


def provider_key(folder):
    path = folder / "key.p8"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", path], check=True,
                   capture_output=True)
    return path


def say(port, numbers, k):
    """Messages of k recipients each, all devices; pipelined."""
    s = socket.create_connection(("127.0.0.1", port))
    f = s.makefile("rb")

    def read(n, code):
        while n:
            line = f.readline()
            if not line.startswith(code):
                raise SystemExit(f"bench: the server says {line!r}")
            n -= line[3:4] == b" "
    read(1, b"220")
    s.sendall(b"EHLO bench.test\r\n")
    read(1, b"250")
    for at in range(0, len(numbers), k):
        devices = numbers[at:at + k]
        s.sendall(b"MAIL FROM:<a@bench.test>\r\n" + b"".join(
            b"RCPT TO:<%064x@push.test>\r\n" % n for n in devices) +
            b"DATA\r\n")
        read(1 + len(devices), b"250")
        read(1, b"354")
        s.sendall(TEXT)
        read(1, b"250")
    s.close()


def inject(port, n, k, threads=20):
    share = -(-n // threads // k) * k
    work = [threading.Thread(target=say, args=(
        port, range(i, min(i + share, n)), k)) for i in range(0, n, share)]
    for t in work:
        t.start()
    for t in work:
        t.join()


def through(n, k, streams, delay):
    with certificate() as pem, tempfile.TemporaryDirectory(
            dir=impel.BUILD) as folder:
        folder = pathlib.Path(folder)
        port, push = process.free_port(), process.free_port()
        conf = f"""
Domain "push.test" {{
  Delivery_Method = "APN"
  Routes = ( "apn://127.0.0.1?port={push}" )
  APN_Auth_Key = "file:{provider_key(folder)}"
  APN_Key_ID = "KEY1234567"  APN_Team_ID = "TEAM123456"
  APN_Topic = "com.example.app"  Push_Convert = yes
  Tls_Verify = "no"  Max_Outbound_Connections = 1  Suspend_Delivery = @HELD@
  Max_Recipients_Per_Batch = 100
}}
Delivery_Response_Timeout = 60000
"""
        server = impel.Impel(conf.replace("@HELD@", "true"), routes="")
        p = server.start(folder, port, 0)
        process.wait_port(port, p)
        inject(port, n, k)
        rss = process.rss_mb(p.pid)
        sink = subprocess.Popen(
            [str(impel.BUILD / "tests/bench/apns"), str(push), str(pem),
             str(streams), str(delay), str(n)], stdout=subprocess.PIPE,
            text=True)
        sink.stdout.readline()
        server.options = conf.replace("@HELD@", "false")
        server.write()
        before = process.cpu_seconds(p.pid)
        with process.Sampler(lambda: process.rss_mb(p.pid), 0.05) as most:
            server.console("config", "reload")
            told = json.loads(sink.communicate(timeout=300)[0])
        cpu = process.cpu_seconds(p.pid) - before
        end = time.monotonic() + 60
        while server.metrics().get("spool_messages", 0) and \
                time.monotonic() < end:
            time.sleep(0.1)
        delivered = server.metrics()["module_apn_delivered"]
        server.stop()
        if told["devices"] != n or told["taken"] != n or delivered != n:
            raise SystemExit(f"bench: not each once: {told}, {delivered}")
        return dict(told, rate=n / told["seconds"], rss=rss, most=most.most,
                    cpu_ms=1000 * cpu / n, sink_ms=1000 * told["cpu"] / n)


HEADS = ["recipients a message", "streams allowed", "answers after ms",
         "notifications/s", "in flight at once", "connections",
         "CPU ms a notification", "of the stand-in",
         "MB resident: waiting, most"]


def run(o):
    r = Report("push")
    n, rows = o.messages or 100000, []
    for k, streams, delay in ((1, 1000, 0), (1, 1000, 50), (100, 1000, 50),
                              (100, 100, 50)):
        runs = [through(n, k, streams, delay) for _ in range(o.runs or 1)]
        r.raw[f"{k} {streams} {delay}"] = runs
        rows.append([
            k, number(streams), delay, number(median(runs, "rate")),
            number(median(runs, "open")), number(median(runs, "connections")),
            number(median(runs, "cpu_ms"), 3),
            number(median(runs, "sink_ms"), 3),
            ", ".join(number(median(runs, m)) for m in ("rss", "most"))])
    r.table(f"{number(n)} notifications, over one connection", HEADS, rows)
    return r
