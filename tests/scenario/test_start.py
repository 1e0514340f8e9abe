# SPDX-License-Identifier: Apache-2.0
"""Start, stop, reload, signals: the daemon as an operator meets it."""
import os
import signal
import subprocess
import time

import pytest

from daemon import IMPEL, IMPELD, free_port, wait_for
from peers import send


def test_check_prints_valid(impeld):
    d = impeld("", start=False)
    p = d.check()
    assert p.returncode == 0 and "Configuration valid" in p.stdout


@pytest.mark.parametrize("line, words", [
    ("Retri_Interval = 5", ["retry_interval"]),
    ("Retry_Interval = soon", ["retry_interval"]),
    ('Binding "b" { Routes = ( "x.test" ) }', ['gateway = "#']),
    ('Gateway = "fe80::1"', ["[fe80::1]"]),
    ('Routes = ( "smtp://x.test?colour=red" )', ["colour", "pref"]),
    ('Routes = ( "smtp://x.test?pref=1&pref=2" )', ["pref"]),
    ('Routes = ( "smtp://x.test?port=70000" )', ["port"]),
    ("Nonsense { }", ["nonsense"]),
    ('Domain "/([/" { }', ["column"]),
])
def test_bad_configuration_never_starts(impeld, line, words):
    d = impeld(line + "\n", start=False)
    number = d.conf.read_text().splitlines().index(line) + 1
    for arguments in (["--check"], ["-d"]):
        p = subprocess.run(d.command(*arguments), capture_output=True,
                           text=True, timeout=30)
        assert p.returncode == 1
        assert f"impel.conf:{number}:" in p.stderr, p.stderr
        for w in words:
            if w != "column":
                assert w.lower() in p.stderr.lower(), p.stderr
    assert not (d.dir / "spool").exists()


def test_reload_refuses_a_bad_file_and_keeps_the_old(impeld, server):
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n')
    good = d.conf.read_text()
    d.write(good + "Retri_Interval = 5\n")
    text = d.ask("config", "reload", ok=False)
    assert "Reconfigure failed" in text and "retry_interval" in text.lower()
    send(d.port, "to@dest.test")
    s.wait()
    d.write(good + "Retry_Interval = 77\n")
    d.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "77" in d.ask("config", "eval", "retry_interval"))


def test_reload_opens_and_closes_listeners(impeld):
    d = impeld("")
    other = free_port()
    first = d.conf.read_text()
    d.write(first + f'ESMTP_Listener {{ Listen "127.0.0.1:{other}" {{ }} }}\n')
    d.ask("config", "reload")
    import smtplib
    wait_for(lambda: str(other) in d.ask("listeners"))
    with smtplib.SMTP("127.0.0.1", other, timeout=10) as c:
        assert c.ehlo("x.test")[0] == 250
    d.write(first)
    d.ask("config", "reload")

    def refused():
        try:
            smtplib.SMTP("127.0.0.1", other, timeout=10).close()
            return False
        except (ConnectionRefusedError, smtplib.SMTPServerDisconnected):
            return True
    wait_for(refused)


def test_background_and_pid_file(impeld):
    d = impeld("", start=False)
    p = subprocess.run(d.command(), capture_output=True, timeout=60)
    assert p.returncode == 0, p.stderr
    pid = int((d.dir / "impeld.pid").read_text())
    try:
        assert d.ask("pid").split()[-1] == str(pid)
        again = subprocess.run(d.command("-d"), capture_output=True, text=True,
                               timeout=60)
        assert again.returncode == 1 and "held by a running impeld" in again.stderr
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}") or
                 "Z" in open(f"/proc/{pid}/stat").read().split()[2])
    assert not (d.dir / "impeld.pid").exists()


def test_background_start_that_fails_says_so(impeld):
    taken = free_port()
    import socket
    with socket.create_server(("127.0.0.1", taken)):
        d = impeld(f'ESMTP_Listener {{ Listen "127.0.0.1:{taken}" {{ }} }}\n',
                   listener=False, start=False)
        p = subprocess.run(d.command(), capture_output=True, text=True,
                           timeout=60)
    assert p.returncode == 1
    assert str(taken) in p.stderr


def test_queue_survives_a_restart(impeld, server):
    port = free_port()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
               "Retry_Interval = 2\nHost_Failure_Retry = 1\n")
    for i in range(5):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("T")
    d.terminate()
    s = server(port=port)
    d.start()
    wait_for(lambda: len({m.recipients[0] for m in s.messages}) == 5, 40)
    d.wait_empty()
    assert len(s.messages) == 5


def test_missing_module_waits_with_a_reason(impeld):
    d = impeld('Domain "push.test" { Delivery_Method = APN\n'
               '  Routes = ( "apn://127.0.0.1?port=2195" ) }\n')
    assert "apn" in d.stderr() and "warning" in d.stderr()
    send(d.port, "x@push.test")
    wait_for(lambda: "apn" in d.ask("explain", "domain", "push.test").lower())
    assert d.queued() == 1
    assert d.check("--strict").returncode == 1


def test_sigusr1_reopens_logs(impeld, server):
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n')
    send(d.port, "a@dest.test")
    d.wait_records("D")
    (d.dir / "mainlog").rename(d.dir / "mainlog.1")
    d.process.send_signal(signal.SIGUSR1)
    send(d.port, "b@dest.test")
    d.wait_records("D")
    assert len([x for x in d.log("mainlog.1") if "@D@" in x]) == 1


def test_full_log_disk_stops_no_mail(impeld, server):
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               'ec_logger "full" { mainlog = "/dev/full" }\n')
    for i in range(20):
        send(d.port, f"r{i}@dest.test")
    s.wait(20)
    d.wait_empty()


def test_console_words(impeld, server):
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n')
    send(d.port, "a@dest.test")
    d.wait_records("D")
    d.wait_read()
    for words in (["summary"], ["active", 0], ["delayed", 0], ["mailq"],
                  ["domain", "dest.test"], ["module", "list"], ["version"],
                  ["show", "outbound"], ["show", "inbound"], ["listeners"],
                  ["config", "show"], ["config", "explain", "domain",
                                       "dest.test", "retry_interval"],
                  ["refresh", "domain", "all"], ["flush", "domain", "all"],
                  ["jobs"], ["help"], ["metrics"], ["health"]):
        d.ask(*words)
        d.ask_json(*words)
    assert "did you mean" in d.ask("sumary", ok=False).lower() or \
        "summary" in d.ask("sumary", ok=False)
    wait_for(lambda: any("uid=" in line for line in d.log("paniclog") +
                         d.stderr().splitlines()))


def test_message_commands(impeld):
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={free_port()}" )\n'
               "Host_Failure_Retry = 1\n")
    send(d.port, "a@dest.test", sender="")
    t = d.wait_records("T")[0]
    mid = t[1]
    rows = d.ask("showqueue", "dest.test")
    assert "From: <> To: <a@dest.test>" in rows
    assert "Waits: retry-time Next: " in rows
    row = d.ask_json("showqueue", "dest.test")["messages"][0]
    assert row["queue"] == "delayed" and row["to"] == "a@dest.test"
    shown = rows.split()[1] if rows.startswith("[") else mid
    assert "a@dest.test" in d.ask("message", "details", shown)
    d.ask("message", "retry", shown)
    wait_for(lambda: len(d.records("T")) >= 2)
    why = d.ask("explain", "message", shown)
    assert why.strip()
    wait_for(lambda: "manually failed" in
             (d.ask("message", "fail", shown) if d.queued() else "") or
             d.queued() == 0)
    d.wait_empty()


def test_health_has_an_exit_code(impeld):
    d = impeld("")
    d.wait_read()
    p = subprocess.run([str(IMPEL), "-s", str(d.control), "health"],
                       capture_output=True, text=True)
    assert p.returncode == 0, p.stdout
    p = subprocess.run([str(IMPEL), "-s", str(d.dir / "nowhere"), "health"],
                       capture_output=True, text=True)
    assert p.returncode == 3


def test_shutdown_command(impeld):
    d = impeld("")
    d.ask("shutdown")
    d.process.wait(30)
    assert d.process.returncode == 0
