# SPDX-License-Identifier: Apache-2.0
"""impel-sendmail: what cron, PHP, mutt and mailx do, into a real daemon."""
import os
import pwd
import re
import socket
import subprocess
import threading

import pytest

from daemon import BUILD, IMPEL, wait_for

SENDMAIL = BUILD / "core/prog/impel-sendmail"
ME = pwd.getpwuid(os.getuid()).pw_name
LISTEN = """
ESMTP_Listener { Listen "@DIR@/submit" { open_relay = true file_mode = 0666 } }
Hostname = "mx.test"
"""


def sendmail(d, *words, text=b"", status=0, program=SENDMAIL, env=None, **how):
    """Run it; its standard error."""
    p = subprocess.run(
        [str(program), *map(str, words)], input=text, capture_output=True,
        timeout=60, env={**os.environ, "IMPEL_COMMAND": str(IMPEL),
                         "IMPEL_SUBMIT": str(d.dir / "submit"),
                         "IMPEL_SOCKET": str(d.control), **(env or {})}, **how)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return p.stdout.decode() if status == 0 else p.stderr.decode()


@pytest.fixture
def pair(impeld, server):
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + LISTEN,
               listener=False)
    return d, s


def test_what_programs_do(pair):
    d, s = pair
    # Debian's cron
    sendmail(d, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root",
             text=b"From: root (Cron Daemon)\nTo: root\nSubject: Cron\n"
                  b"Content-Type: text/plain\n\nran\n.\nwell\n")
    # PHP's mail(), git send-email
    sendmail(d, "-t", "-i", text=b"To: A <a@one.test>, b@two.test\r\n"
             b"Bcc: hidden@three.test\r\nSubject: php\r\n\r\n.dot\r\n")
    # mutt
    sendmail(d, "-oem", "-oi", "-f", "news@origin.test", "--", "c@four.test",
             text="From: N <news@origin.test>\nSubject: mutt\n\n"
                  "gr\u00fc\u00dfe\n".encode())
    # echo | mail
    sendmail(d, "-i", "--", "d@five.test", text=b"hello\n")
    s.wait(6)
    by = {m.recipients[0]: m for m in s.messages}
    assert set(by) >= {"root@mx.test", "c@four.test", "d@five.test"}
    cron = by["root@mx.test"]
    assert cron.sender == f"{ME}@mx.test"
    assert cron.body.endswith(b"ran\r\n.\r\nwell\r\n")
    php = next(m for m in s.messages if m.header("Subject") == ["php"])
    assert sorted(r for m in s.messages for r in m.recipients
                  if m.header("Subject") == ["php"]) == [
        "a@one.test", "b@two.test", "hidden@three.test"]
    assert b"hidden" not in php.data and php.body == b".dot\r\n"
    mutt = by["c@four.test"]
    assert mutt.sender == "news@origin.test"
    assert "gr\u00fc\u00dfe".encode() in mutt.body
    bare = by["d@five.test"]
    assert bare.body == b"hello\r\n"
    assert re.search(rf"<{ME}@mx\.test>$", bare.header("From")[0])
    for name in ("Date", "Message-ID"):
        assert len(bare.header(name)) == 1
    assert f"from uid {os.getuid()}" in bare.header("Received")[1]


def test_envelope(pair):
    """The null sender, DSN, one message for many."""
    d, s = pair
    s.extensions = ("DSN",)
    sendmail(d, "-f", "", "-N", "never", "-R", "hdrs", "-V", "job 7",
             *[f"r{i}@x.test" for i in range(50)], text=b"A: b\n\nx\n")
    s.wait(1)
    wait_for(lambda: sum(len(m.recipients) for m in s.messages) == 50)
    assert {m.sender for m in s.messages} == {""}
    sent = [x for x in s.lines if x.startswith(b"MAIL")]
    assert all(b" RET=HDRS" in x and b" ENVID=job+207" in x for x in sent)
    told = [x for x in s.lines if x.startswith(b"RCPT")]
    assert len(told) == 50 and all(b" NOTIFY=NEVER" in x for x in told)
    received = d.wait_records("R", 50)
    assert len(received) == 50 == len({r[1] for r in received})


def test_nothing_is_sent_by_halves(impeld, server):
    """One recipient that is refused: nobody gets it, and the program knows."""
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               'ESMTP_Listener { Relay_Domains = ( "x.test" )\n'
               'Listen "@DIR@/submit" { } }\n', listener=False)
    text = sendmail(d, "a@x.test", "b@elsewhere.test", text=b"A: b\n\n",
                    status=67)
    assert "b@elsewhere.test: the server says: 550" in text
    sendmail(d, "c@x.test", text=b"A: b\n\n")
    s.wait(1)
    assert [m.recipients for m in s.messages] == [["c@x.test"]]


def test_hostile(pair):
    """Text is never a command, an option or another header."""
    d, s = pair
    sendmail(d, "-i", "--", "a@x.test", text=b"Subject: x\n\n.\r\n"
             b"MAIL FROM:<evil@x.test>\r\n.\nQUIT\n")
    sendmail(d, "-i", "--", "a@x.test", "-fevil", text=b"A: b\n\n")
    sendmail(d, "-F", 'a"b\\', "b@x.test", text=b"x\n")
    for word in ("a@x.test\r\nDATA", "a b@x.test", "<a@x.test", "@", "a@@b"):
        assert "sendmail: recipient" in sendmail(
            d, "--", word, text=b"x\n", status=64)
    assert "option" in sendmail(d, "-k", "a@x.test", status=64)
    assert "To" in sendmail(d, "-t", text=b"To: a@b, <\n\n", status=65)
    assert "no recipient" in sendmail(d, "-t", text=b"To:\n\n", status=65)
    # a bare CR is not taken, and says so
    assert "the server says: 5" in sendmail(
        d, "a@x.test", text=b"A: b\n\nx\ry\n", status=69)
    s.wait(4)
    first = next(m for m in s.messages if m.header("Subject") == ["x"])
    assert first.body == b".\r\nMAIL FROM:<evil@x.test>\r\n.\r\nQUIT\r\n"
    assert "-fevil@mx.test" in [r for m in s.messages for r in m.recipients]
    assert [m for m in s.messages if m.recipients == ["b@x.test"]][0].header(
        "From") == [f'"a\\"b\\\\" <{ME}@mx.test>']


def test_when_it_cannot(impeld, server):
    """75 while nobody answers, or nothing is taken; on disk when it is 0."""
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "Suspend_Delivery = true\n" + LISTEN, listener=False)
    sendmail(d, "a@x.test", text=b"A: b\n\n")
    d.kill()
    assert "no server takes mail at" in sendmail(
        d, "b@x.test", text=b"A: b\n\n", status=75)
    d.conf.write_text(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.start()
    s.wait(1)
    assert s.messages[0].recipients == ["a@x.test"]
    d.wait_empty()
    # a server that goes away in the middle; one that is none
    for says, status in ((b"220 x ESMTP\r\n", 75), (b"hello\r\n", 76)):
        path = d.dir / "fake"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()

            def serve():
                c, _ = listener.accept()
                c.sendall(says)
                c.recv(999)
                c.close()
            t = threading.Thread(target=serve)
            t.start()
            sendmail(d, "a@x.test", text=b"A: b\n\n", status=status,
                     env={"IMPEL_SUBMIT": str(path)})
            t.join()
    sendmail(d, "a@x.test", text=b"x\n", status=78, env={"IMPEL_SUBMIT": "a:b"})
    assert "a file for the message" in sendmail(
        d, "a@x.test", text=b"x\n", status=74, env={"TMPDIR": "/nonexistent"})


def test_other_modes(pair, tmp_path):
    """-bs, by TCP too; mailq; -q; newaliases."""
    d, s = pair
    out = sendmail(d, "-bs", text=b"EHLO x\r\nMAIL FROM:<a@x.test>\r\n"
                   b"RCPT TO:<b@x.test>\r\nDATA\r\nA: b\r\n\r\nx\r\n.\r\n"
                   b"QUIT\r\n")
    assert out.startswith("220 ") and "\r\n221 " in out
    s.wait(1)
    d.ask("suspend", "all")
    sendmail(d, "c@y.test", text=b"x\n")
    names = {n: tmp_path / n for n in ("mailq", "newaliases")}
    for path in names.values():
        path.symlink_to(SENDMAIL)
    assert "y.test" in sendmail(d, program=names["mailq"])
    assert "y.test" in sendmail(d, "-bp")
    assert sendmail(d, program=names["newaliases"]) == ""
    d.ask("resume", "all")
    assert "flush" in sendmail(d, "-q")
    s.wait(2)
    text = subprocess.run(
        [str(SENDMAIL), "-v", "d@x.test"], input=b"x\n", capture_output=True,
        env={**os.environ, "IMPEL_SUBMIT": f"unix:{d.dir}/submit"}).stderr
    assert b">>> RCPT TO:<d@x.test>\n<<< 250" in text


def test_as_nobody_and_large(pair):
    """Any user may, if the socket says so; a large message is no problem."""
    d, s = pair
    body = b"".join(b"%07d " % i * 9 + b"\n" for i in range(60000))
    how = {}
    if os.getuid() == 0 and not str(d.dir).startswith("/root"):
        how = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        try:
            subprocess.run(["test", "-w", str(d.dir / "submit")], check=True,
                           **how)
        except subprocess.CalledProcessError:
            how = {}  # a folder above it is closed
    sendmail(d, "a@x.test", text=b"Subject: large\n\n" + body, **how)
    s.wait(1)
    assert s.messages[0].body == body.replace(b"\n", b"\r\n")
    if how:
        assert s.messages[0].sender == "nobody@mx.test"


def test_killed_server(pair):
    """Whatever was answered with 0 is there after kill -9, and nothing that
    was not is there twice by the command's own doing."""
    d, s = pair
    d.ask("suspend", "all")
    stop, sent = threading.Event(), []

    def keep_sending():
        i = 0
        while not stop.is_set():
            p = subprocess.run(
                [str(SENDMAIL), f"n{i}@x.test"], input=b"A: b\n\n",
                capture_output=True,
                env={**os.environ, "IMPEL_SUBMIT": str(d.dir / "submit")})
            assert p.returncode in (0, 75), p
            if p.returncode == 0:
                sent.append(f"n{i}@x.test")
            i += 1
    t = threading.Thread(target=keep_sending)
    t.start()
    wait_for(lambda: len(sent) > 20)
    d.kill()
    count = len(sent)
    d.start()
    wait_for(lambda: len(sent) > count + 10)
    stop.set()
    t.join()
    d.ask("resume", "all")
    d.wait_empty()
    got = [r for m in s.messages for r in m.recipients]
    assert set(sent) <= set(got)
    assert len(got) == len(set(got))


def test_mode_by_reload(pair):
    """Who may send is said by the socket's mode, and changes with a reload."""
    d, _ = pair
    assert (d.dir / "submit").stat().st_mode & 0o777 == 0o666
    d.conf.write_text(d.conf.read_text().replace("file_mode = 0666",
                                                 "file_mode = 0600"))
    d.ask("config", "reload")
    assert (d.dir / "submit").stat().st_mode & 0o777 == 0o600
    sendmail(d, "a@x.test", text=b"x\n")
