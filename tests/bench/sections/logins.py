# SPDX-License-Identifier: Apache-2.0
"""Logins, each on a connection of its own and in clear: how many a second, and
what they do to a session that asks NOOP every 2 ms.  Hashes of passwords are
made by threads beside the loop; SCRAM has keys that were made before."""
import base64
import hashlib
import hmac
import multiprocessing
import os
import subprocess
import time

from lib import process, traffic
from lib.impel import BUILD, Impel
from lib.report import Report, number
from sections.shaking import ENDLESS, ask, greet, round_trips

HELP = "logins a second, and what they do to other sessions"
ORDER = 3.6

CLIENTS, SECONDS, PASSWORD = 8, 4, "a password of some length"
LISTENER = """
ESMTP_Listener {
  Enable_Authentication = true
  Auth_Without_TLS = loopback
}
"""


def users(folder):
    made = subprocess.run([str(BUILD / "core/prog/impel"), "password", "user"],
                          input=PASSWORD + "\n", capture_output=True,
                          text=True, check=True).stdout
    path = folder / "users"
    path.write_text(made)
    path.chmod(0o600)
    return path, made


def b64(octets):
    return base64.b64encode(octets)


def plain(s, keys):
    return ask(s, b"AUTH PLAIN " + b64(b"\0user\0" + PASSWORD.encode()))


def scram(s, keys):
    bare = b"n=user,r=" + b64(os.urandom(12))
    first = base64.b64decode(
        ask(s, b"AUTH SCRAM-SHA-256 " + b64(b"n,," + bare))[4:])
    parts = dict(p.split(b"=", 1) for p in first.split(b","))
    proofless = b"c=biws,r=" + parts[b"r"]
    if "client" not in keys:  # once: what it costs is the client's
        salted = hashlib.pbkdf2_hmac(
            "sha256", PASSWORD.encode(), base64.b64decode(parts[b"s"]),
            int(parts[b"i"]))
        keys["client"] = hmac.digest(salted, b"Client Key", "sha256")
        keys["stored"] = hashlib.sha256(keys["client"]).digest()
    signed = hmac.digest(keys["stored"],
                         b",".join((bare, first, proofless)), "sha256")
    proof = bytes(a ^ b for a, b in zip(keys["client"], signed))
    got = ask(s, b64(proofless + b",p=" + b64(proof)))
    return ask(s, b"") if got.startswith(b"334") else got


def work(port, how, until, count):
    keys = {}
    while time.monotonic() < until:
        s = greet(port)
        ask(s, b"EHLO bench.test")
        got = how(s, keys)
        if not got.startswith(b"235"):
            raise SystemExit(f"bench: no login: {got}")
        s.close()
        with count.get_lock():
            count.value += 1


def logins(how, clients):
    """(logins a second, CPU ms of each, sorted round trips)"""
    with traffic.folder() as at:
        path, _ = users(at)
        server = Impel(LISTENER + ENDLESS +
                       f'Auth_Password_File = "{path}"\n')
        with traffic.serving(server, 9, at=at) as port:
            count = multiprocessing.Value("l", 0)
            until = time.monotonic() + SECONDS
            cpu = process.cpu_seconds(server.process.pid)
            others = [multiprocessing.Process(
                target=work, args=(port, how, until, count))
                for _ in range(clients)]
            for p in others:
                p.start()
            took = round_trips(port, SECONDS)
            for p in others:
                p.join()
            cpu = process.cpu_seconds(server.process.pid) - cpu
            return count.value / SECONDS, \
                1000 * cpu / max(count.value, 1), took


def run(o):
    r = Report("logins")
    rows = []
    for name, how, clients in (("none", plain, 0),
                               ("PLAIN, yescrypt", plain, CLIENTS),
                               ("SCRAM-SHA-256", scram, CLIENTS)):
        rate, cpu, t = logins(how, clients)
        at = [number(t[int(q * (len(t) - 1))], 2) for q in (0.5, 0.99, 1)]
        rows.append([name, number(rate), number(cpu, 2) if clients else "",
                     *at])
    r.raw = {"rows": rows}
    r.table(f"{CLIENTS} clients at once for {SECONDS} s, one loop; beside them "
            "NOOP every 2 ms",
            ["logins", "a second", "CPU ms a login", "round trip ms: p50",
             "p99", "longest"], rows)
    return r
