# SPDX-License-Identifier: Apache-2.0
"""A 250 means on disk: disks that fail.  Damage is in test_damage.py; that each message is
synced before its 250 is seen in test_sync.py; crashes have a campaign of
their own (tests/crash, test_crash.py)."""
import json
import smtplib
import subprocess

import pytest

from daemon import BUILD, IMPEL, free_port, wait_for
from peers import listening, postfix_tool, send, source

SINK = BUILD / "tests/bench/sink"

REACH = "Max_Outbound_Connections = 20\n"


def routes(port, more=""):
    return (f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
            "Retry_Interval = 1\nHost_Failure_Retry = 1\n" + REACH + more)


def smtp_source(port, messages):
    p = postfix_tool("smtp-source", "-s", 20, "-m", messages, "-l", 5120, "-N",
                     "-f", "a@origin.test", "-t", "r@dest.test",
                     f"127.0.0.1:{port}")
    assert p.wait(300) == 0


def bodies(log):
    """The sums of the bodies that a sink has logged."""
    return {line.split()[1] for line in log.read_text().splitlines()}


def test_twenty_thousand_messages_from_smtp_source(impeld, tmp_path):
    """Postfix's generator in, a sink out: none lost, none twice, and every body
    the one that smtp-source hands to a sink directly."""
    direct, log = tmp_path / "direct", tmp_path / "relayed"
    port = free_port()
    first = subprocess.Popen([str(SINK), "-p", str(port), "-l", str(direct)],
                             stdout=subprocess.DEVNULL)
    wait_for(lambda: listening(port))
    smtp_source(port, 1)
    first.terminate()
    first.wait(30)
    port = free_port()
    sink = subprocess.Popen([str(SINK), "-p", str(port), "-n", "20000", "-l",
                             str(log), "-i", "60"], stdout=subprocess.PIPE,
                            text=True)
    d = impeld(routes(port))
    smtp_source(d.port, 20000)
    out, _ = sink.communicate(timeout=120)
    report = json.loads(out)
    assert report["served"] == 20000 and report["twice"] == 0, report
    assert len(bodies(direct)) == 1 and bodies(log) == bodies(direct)
    d.wait_empty()


def test_five_thousand_verified(impeld, sink):
    s = sink("-n", 10000, "-i", 30)
    d = impeld(routes(s.port))
    sent = source(d.port, "-n", 5000, "-r", 2, "-d", 7)
    assert sent["acknowledged"] == 5000
    report = s.wait()
    assert report["served"] == 10000
    assert report["twice"] == report["changed"] == 0
    d.wait_empty()


def test_full_disk_refuses_with_a_452(impeld):
    d = impeld("Spool_Min_Free = 1000G\n")
    import smtplib
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("x.test")
        code, text = c.mail("a@origin.test")
        assert code == 452 and b"4.3.1" in text
    p = subprocess.run(
        [str(__import__("daemon").IMPEL), "-s", str(d.control), "health"],
        capture_output=True, text=True)
    assert p.returncode in (1, 2)


def limit_files(d, size):
    """No file of the daemon may grow, or be written to, beyond size."""
    p = subprocess.run(["prlimit", f"--pid={d.process.pid}",
                        f"--fsize={size}:"], capture_output=True, text=True)
    if p.returncode != 0:
        pytest.skip("this machine refuses prlimit: " + p.stderr)


def try_send(d, recipient):
    """Was it acknowledged?  If not, it was refused for now, in full words."""
    try:
        send(d.port, recipient, body=recipient + "\r\n")
        return True
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as e:
        assert 400 <= e.smtp_code < 500, e
        return False


def test_writes_that_fail_lose_nothing(impeld, server):
    """The disk fills up while mail comes in: refused, not lost; accepted
    again when there is room; what got a 250 is there after kill -9, once, and
    nothing else is."""
    port = free_port()
    d = impeld(routes(port, "Suspend_Delivery = true\n"))
    said = [f"r{i}@dest.test" for i in range(5) if try_send(d, f"r{i}@dest.test")]
    assert len(said) == 5
    limit_files(d, 8192)
    for i in range(10, 40):
        if try_send(d, f"r{i}@dest.test"):
            said.append(f"r{i}@dest.test")
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("x.test")
        code, text = c.mail("a@origin.test")
        assert code == 452 and b"4.3.1" in text, (code, text)
    limit_files(d, "unlimited")
    wait_for(lambda: try_send(d, "after@dest.test"), 20, "accepting")
    said.append("after@dest.test")
    d.kill()
    s = server(port=port)
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.start()
    wait_for(lambda: len(s.messages) >= len(said), 30, "deliveries")
    d.wait_empty()
    assert sorted(r for m in s.messages for r in m.recipients) == sorted(said)


def test_a_full_disk_at_the_start(impeld, server):
    """No segment can be made: the daemon runs, says why, and refuses."""
    d = impeld(routes(free_port()),
               wrap=["prlimit", "--fsize=1048576:unlimited"])
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("x.test")
        wait_for(lambda: c.mail("a@origin.test")[0] == 452 or
                 (c.rset() and False), 20, "452")
    limit_files(d, "unlimited")
    wait_for(lambda: try_send(d, "after@dest.test"), 20, "accepting")
    d.process.terminate()
    d.process.wait(40)


def test_another_version_is_refused_by_name(impeld):
    d = impeld(routes(free_port()))
    d.terminate()
    f = d.dir / "spool/version"
    f.write_text(f.read_text().replace("impel-spool 1", "impel-spool 9"))
    p = subprocess.run(d.command("-d"), capture_output=True, text=True,
                       timeout=60)
    assert p.returncode == 1
    assert str(f) in p.stderr and "version 9" in p.stderr, p.stderr


def test_spool_check_and_dump(impeld):
    d = impeld(routes(free_port()))
    for i in range(3):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("T")
    d.terminate()
    from daemon import IMPEL
    p = subprocess.run([str(IMPEL), "spool", "check", str(d.dir / "spool")],
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stdout + p.stderr
    p = subprocess.run([str(IMPEL), "spool", "dump", str(d.dir / "spool")],
                       capture_output=True, text=True, timeout=60)
    assert p.stdout.count("ACCEPT") == 3
