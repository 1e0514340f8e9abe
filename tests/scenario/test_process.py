# SPDX-License-Identifier: Apache-2.0
"""The process: its user, its threads, what it writes to the paniclog."""
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

import pytest

from certificates import Authority
from daemon import Impeld, free_port, wait_for
from peers import listening, send


def routes(port, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n{more}'


def low_port():
    """A port that only root may bind."""
    ports = list(range(600, 1024))
    random.shuffle(ports)  # tests run beside each other
    for port in ports:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port below 1024 is free")


@pytest.fixture
def as_nobody(server):
    """A daemon that root started and that runs as nobody; its folder is where
    everybody may go, which a checkout need not be."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    s = server()
    port = low_port()
    top = pathlib.Path(tempfile.mkdtemp(prefix="impel-"))
    top.chmod(0o755)
    d = Impeld(top / "impel", routes(s.port, f"""
Security {{ user = "nobody" group = "nogroup" }}
Large_Message_Threshold = 8192
ESMTP_Listener {{ Listen "127.0.0.1:{port}" {{ }} }}
"""), start=False)
    d.dir.chmod(0o777)
    d.start()
    yield d, s, port
    d.finish()
    shutil.rmtree(top)


def test_privileges_are_dropped_after_binding(as_nobody):
    d, s, port = as_nobody
    d.ask("version")  # the console answers when they are
    status = open(f"/proc/{d.process.pid}/status").read().splitlines()
    ids = {r.split(":")[0]: r.split()[1:] for r in status if r[1:3] == "id"}
    assert set(ids["Uid"]) == {"65534"} and set(ids["Gid"]) == {"65534"}
    assert [r.split()[1:] for r in status if r.startswith("Groups")] == [[]]
    assert listening(port)
    send(d.port, "a@dest.test")
    send(d.port, "big@dest.test", body=("y" * 70 + "\r\n") * 500)
    s.wait(2)
    for f in [d.dir / "spool", *(d.dir / "spool").rglob("*"),
              d.dir / "mainlog", d.control]:
        assert f.stat().st_uid == 65534, f


def test_without_privileges_it_reloads_and_starts_again(as_nobody):
    d, s, port = as_nobody
    d.append("Retry_Interval = 77\n")
    d.ask("config", "reload")
    assert "77" in d.ask("config", "eval", "retry_interval")
    other = free_port()
    d.append(f'ESMTP_Listener {{ Listen "127.0.0.1:{other}" {{ }} }}\n')
    d.ask("config", "reload")
    wait_for(lambda: listening(other))
    assert listening(port), "the low port stays bound"
    (d.dir / "mainlog").rename(d.dir / "mainlog.1")
    d.process.send_signal(signal.SIGUSR1)
    send(d.port, "a@dest.test")
    d.wait_records("D")
    d.terminate()
    d.start()
    send(d.port, "b@dest.test")
    s.wait(2)


@pytest.mark.parametrize("line, option, words", [
    ('Delivery_Pool = "nope"', "Deliv", ["none is called", "there are: in, out"]),
    ('Maintainer_Pool = "nope"', "Maint", ["eventloop", "there are: in, out"]),
    ('ESMTP_Listener { event_loop = "nope" Listen ":2599" { } }', "event_",
     ["event_loop: expected the name of an eventloop stanza"]),
    ('Security { user = "no-such-user" }', "user", ["user of this system"]),
    ('Security { group = "no-such-group" }', "group",
     ["group of this system"]),
])
def test_names_that_nothing_has_are_refused_everywhere(
        impeld, line, option, words):
    d = impeld('eventloop "in" { } eventloop "out" { }\n')
    good = d.conf.read_text()
    d.write(good + line + "\n")
    number = len(good.splitlines()) + 1
    column = line.index(option) + 1
    place = f"impel.conf:{number}:{column}: error: "
    for text in (d.check().stderr, d.ask("config", "reload", ok=False)):
        assert place in text, text
        for w in words:
            assert w in text, text
    p = subprocess.run(d.command("-d"), capture_output=True, text=True,
                       timeout=30)
    assert p.returncode == 1 and place in p.stderr
    d.ask("version")


def test_event_loops_do_what_they_are_named_for(impeld, server):
    s = server()
    port = free_port()
    d = impeld(routes(s.port, f"""
eventloop "in" {{ concurrency = 2 }}
eventloop "out" {{ concurrency = 3 }}
eventloop "queues" {{ concurrency = 4 }}
Delivery_Pool = "out"
Maintainer_Pool = "queues"
ESMTP_Listener {{
  event_loop = "in"
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( 127.0.0.1 )
}}
"""))
    wait_for(lambda: [t for t in d.threads() if t[:2] in ("in", "ou", "qu")] ==
             ["in-0", "in-1", "out-0", "out-1", "out-2"])
    for i in range(8):
        send(port, f"r{i}@dest.test")
    s.wait(8)


def test_one_event_loop_for_everything(impeld, server):
    """How Momentum's own documents recommend it."""
    s = server()
    port = free_port()
    d = impeld(routes(s.port, f"""
eventloop "pool" {{ concurrency = 2 }}
Delivery_Pool = "pool"
Maintainer_Pool = "pool"
ESMTP_Listener {{
  event_loop = "pool"
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( 127.0.0.1 )
}}
"""))
    wait_for(lambda: [t for t in d.threads() if t.startswith("pool")] ==
             ["pool-0", "pool-1"])
    for i in range(8):
        send(port, f"r{i}@dest.test")
    s.wait(8)


def test_debug_flags_follow_a_reload(impeld):
    d = impeld("")
    flags = "Debug_Flags { NOTICE = ( ALL ) INFO = ( ALL ) }"
    text = d.conf.read_text()
    assert flags in text

    def changed(n):
        d.ask("config", "set", "retry_interval", n)
        return [r for r in d.log("paniclog") if f'"config set retry_interval {n}"' in r]
    wait_for(lambda: [r for r in d.log("paniclog") if ":info " in r])
    wait_for(lambda: changed(71))
    d.write(text.replace(flags, "Debug_Flags { NOTICE = ( ) }"))
    d.ask("config", "reload")
    d.ask("config", "set", "retry_interval", 72)
    d.write(text.replace(flags, ""))
    d.ask("config", "reload")
    wait_for(lambda: changed(73))
    assert not [r for r in d.log("paniclog") if "retry_interval 72" in r]


def test_chroot(impeld, server, tmp_path):
    """Every path is one inside the new root, the control socket's too."""
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    s = server()
    root = tmp_path / "root"
    (root / "var").mkdir(parents=True)
    d = impeld(f"""
Spoolbase = "/var/spool"
Pidfile = "/var/impeld.pid"
Spool_Segment_Size = 4M
Security {{ chroot = "{root}" }}
Control_Listener {{ Listen "/var/control" {{ }} }}
ec_logger "main" {{ mainlog = "/var/mainlog" }}
Routes = ( "smtp://127.0.0.1?port={s.port}" )
""", head=False, start=False)
    d.control = root / "var/control"
    d.start()
    send(d.port, "to@dest.test")
    s.wait()
    wait_for(lambda: "@D@" in (root / "var/mainlog").read_text())
    assert (root / "var/spool/version").exists()
    assert os.readlink(f"/proc/{d.process.pid}/root") == str(root)


def test_keys_are_read_before_privileges_are_dropped(as_nobody, server):
    d, _, _ = as_nobody
    ca = Authority(d.dir)
    context = ca.context("mx.test")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca.crt)
    s = server(tls=context)
    crt, key = ca.make("mine.test")
    crt.chmod(0o600)
    key.chmod(0o600)
    d.terminate()
    d.append(f'Domain "tls.test" {{ Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
             f'tls = required\ntls_certificate = "{crt}"\ntls_key = "{key}" }}\n')
    d.start()
    send(d.port, "a@tls.test")
    s.wait()
    assert s.handshakes[0].getpeercert()["subject"][0][0][1] == "mine.test"
