# SPDX-License-Identifier: Apache-2.0
"""The classes of bugs that mail servers have had, each tried here against the
whole daemon.  docs/security.md says which test stands for which class."""
import concurrent.futures
import email
import random
import socket
import subprocess
import threading
import time

import pytest

from daemon import IMPEL, IMPELD, MODULES, SANITIZED, SOURCE, wait_for
from peers import Server, send
from test_listener import Client


def routed(port, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n' + more


class Sloppy(Server):
    """A host that takes LF or CR for a line end, as many did: what it takes for
    the end of a message is what a smuggler hopes for.  All it is sent is kept."""

    def __init__(self, *args, **how):
        self.raw = b""
        super().__init__(*args, **how)

    def read_data(self, f):
        data = b""
        while (c := f.read(1)):
            data += c
            with self.lock:
                self.raw += c
            plain = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if plain.endswith(b"\n.\n") or plain == b".\n":
                if data.endswith(b"\r") and f.peek(1)[:1] == b"\n":
                    self.raw += f.read(1)
                return data
        raise ConnectionError


ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n",
        b"\n.\r", b"\r\n\0.\r\n", b"\r\r\n.\r\r\n", b"\r\n.\r\r\n",
        b"\r\n..\n", b"\n..\r\n"]
SMUGGLED = (b"MAIL FROM:<evil@origin.test>\r\nRCPT TO:<victim@dest.test>\r\n"
            b"DATA\r\nFrom: evil\r\n\r\nsmuggled\r\n.\r\n")


def drips(client, text):
    """Octet by octet, each in a packet of its own if the kernel likes."""
    client.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(text)):
        client.s.sendall(text[i:i + 1])


def smuggle(port, how, end, n):
    rcpt = b"c%d@dest.test" % n
    text = b"From: a@origin.test\r\n\r\nfirst" + end + SMUGGLED
    with Client(port) as c:
        try:
            c.ready(rcpt)
            if how == "BDAT":
                at = len(text) - len(SMUGGLED) - len(end) + n % (len(end) + 1)
                c.say(b"BDAT %d\r\n" % at + text[:at])
                c.reply()
                c.say(b"BDAT %d LAST\r\n" % (len(text) - at) + text[at:])
            else:
                assert c.do(b"DATA") == 354
                c.say(text[:27])
                (drips if n % 2 else Client.say)(c, text[27:27 + 12])
                c.say(text[39:] + b"\r\n.\r\n")
            c.reply()
            c.say(b"QUIT\r\n")
            while c.reply()[0]:
                pass
        except (ConnectionError, ValueError):
            pass  # thrown out


@pytest.mark.parametrize("lone", ["pedantic", "fix"])
def test_nothing_is_smuggled_past_us(impeld, lone):
    """Whatever comes in, however it is cut: no host that is content with less
    than CRLF finds a message in it, and no bare CR or LF is ever sent."""
    s = Sloppy(extensions=("PIPELINING", "8BITMIME"))
    try:
        d = impeld(routed(s.port, f'RFC2822_Lone_LF_In_Body = "{lone}"\n'))
        with concurrent.futures.ThreadPoolExecutor(2 * len(ENDS)) as pool:
            for n, end in enumerate(ENDS):
                pool.submit(smuggle, d.port, "DATA", end, 2 * n + 1)
                pool.submit(smuggle, d.port, "BDAT", end, 2 * n)
        send(d.port, "marker@dest.test")
        d.wait_empty()
        rcpts = [r for m in s.messages for r in m.recipients]
        assert "marker@dest.test" in rcpts
        assert not any("victim" in r for r in rcpts)
        if lone == "pedantic":  # \r\n\0.\r\n and \r\n..\n: one is no end
            assert len(rcpts) <= 4
        else:
            assert len(rcpts) > 20
        both = s.raw.count(b"\r\n")
        assert s.raw.count(b"\n") == both and s.raw.count(b"\r") == both
        assert not any(b"evil@" in line for line in s.lines)
    finally:
        s.stop()


def test_bdat_then_data(impeld, server):
    """The octets of a chunk are never commands, nor a message's end."""
    s = server()
    d = impeld(routed(s.port))
    with Client(d.port) as c:
        c.ready()
        part = b"From: a@x.test\r\n\r\n.\r\n" + SMUGGLED
        c.say(b"BDAT %d\r\n" % len(part) + part + b"DATA\r\n")
        assert [c.reply()[0] for _ in range(2)] == [250, 503]
        c.say(b"RCPT TO:<late@dest.test>\r\nBDAT 0 LAST\r\n")
        assert [c.reply()[0] for _ in range(2)] == [503, 250]
        c.say(b"BDAT 5 LAST\r\nabcdeDATA\r\nBDAT x\r\n")
        assert c.reply()[0] == 503 and c.reply()[0] == 503
        assert c.reply()[0] == 521  # where its octets end nobody knows
    m = s.wait()[0]
    assert m.recipients == ["c@dest.test"] and m.body == part[18:]
    assert len(s.messages) == 1


LONG = "x" * 300 + " " * 300 + "Action: delivered " * 10


def test_nobody_writes_into_a_report(impeld, server):
    """ORCPT, ENVID, the address and the host's words, as bad as they come."""
    def answer(stage, line):
        if stage == "RCPT" and b"origin.test" not in line:
            return ("550-5.1.1 a\rX: y\r\n550 5.1.1 b\x00\x1b[2J"
                    "\u2028Action: delivered\u0085Status: 2.0.0 " + LONG +
                    "\r\n").encode() + b""
        return None
    s = server(answer=answer)
    d = impeld(routed(s.port))
    with Client(d.port) as c:
        c.do(b"EHLO x.test")
        for bad in (b"ENVID=a+0D+0ABcc:x", b"ENVID=a+00", b"ENVID=a+0",
                    b"ENVID=" + b"a" * 101, b"ENVID=a\xc3\xa4"):
            assert c.do(b"MAIL FROM:<a@origin.test> " + bad) == 501
        assert c.do(b"MAIL FROM:<a@origin.test> SMTPUTF8 RET=HDRS "
                    b"ENVID=--_impel-0+3D+2D") == 250
        for bad in (b"ORCPT=rfc822;a+0D+0AAction:+20delivered",
                    b"ORCPT=rfc822;a+00b", b"ORCPT=;a", b"ORCPT=rfc822",
                    b"ORCPT=rfc822;" + b"a" * 600,
                    b"ORCPT=rfc\r822;a"):
            assert c.do(b"RCPT TO:<b@dest.test> " + bad) // 100 == 5
        assert c.do("RCPT TO:<\"a\u2028Action: delivered\u0085\"@dest.test> "
                    "ORCPT=utf-8;a\u2028Status:2.0.0@x".encode()) == 250
        c.do(b"DATA")
        assert c.do(b"Subject: x\r\n\r\n--=_impel-\r\n.") == 250
    report = s.wait()[0]
    assert report.sender == "" and report.recipients == ["a@origin.test"]
    text = report.data.decode("utf-8")  # all of it is
    lines = report.data.split(b"\r\n")
    assert all(len(x) <= 998 and b"\n" not in x and b"\r" not in x
               for x in lines)
    assert not any(c in text for c in "\u2028\u2029\u0085\0\x1b")
    m = email.message_from_bytes(report.data)
    assert sorted(m.keys()) == sorted([
        "Date", "From", "To", "Subject", "Message-ID", "MIME-Version",
        "Auto-Submitted", "Content-Type"])
    said = [x for x in text.splitlines() if x.startswith("Action:")]
    assert said == ["Action: failed"]
    assert len([x for x in text.splitlines() if x.startswith("Status:")]) == 1
    assert [p.get_content_type() for p in m.get_payload()] == [
        "text/plain", "message/global-delivery-status",
        "message/global-headers"]


def test_the_parts_of_a_report_cannot_be_guessed(impeld, server):
    """Or whoever wrote the message would write parts of the report on it."""
    s = server(answer=lambda stage, line: "550 5.1.1 no\r\n"
               if stage == "RCPT" and b"dest" in line else None)
    d = impeld(routed(s.port, 'Bounces_Inline_Original = "all"\n'))
    for _ in range(2):
        send(d.port, "b@dest.test", "a@origin.test", body="--=_impel-\r\n")
    marks = [email.message_from_bytes(m.data).get_boundary().rsplit("-", 1)[1]
             for m in s.wait(2)]
    assert len(set(marks)) == 2 and all(int(x, 16) > 1 << 32 for x in marks)


class Dropping(Server):
    """Says 451 and is gone, without waiting for anything."""

    def say(self, c, stage, line, usual):
        reply = self.reply(stage, line, usual)
        c.sendall(reply)
        if reply.startswith(b"451"):
            raise ConnectionError
        return reply[:1]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
def test_a_host_that_drops_after_4xx_harms_no_other_message(impeld, stage):
    """The messages behind it on that connection are tried at once, and it is
    no attempt of theirs."""
    def answer(at, line):
        if at == "MAIL" and b"<bad@" in line:
            answer.bad = True
        elif at == "MAIL":
            answer.bad = False
        return "451 4.3.0 no\r\n" if at == stage and answer.bad else None
    s = Dropping(answer=answer)
    if stage == "BODY":
        take = s.take

        def cut(c, *more):
            take(c, *more)
            if answer.bad:
                raise ConnectionError
        s.take = cut
    try:
        d = impeld(routed(s.port, "Max_Outbound_Connections = 1\n"
                          "Retry_Interval = 600\nSuspend_Delivery = true\n"))
        for i in range(4):
            send(d.port, f"r{i}@dest.test", "bad@origin.test" if i == 1
                 else f"s{i}@origin.test")
        d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
        d.ask("config", "reload")
        s.wait(3, timeout=10)
        assert sorted(r for m in s.messages for r in m.recipients) == [
            "r0@dest.test", "r2@dest.test", "r3@dest.test"]
        assert [t[2:4] for t in d.wait_records("T")] == [
            d.wait_records("T")[0][2:4]]
        assert all(r[9] == "0" for r in d.wait_records("D", 3)), \
            d.records("D")
    finally:
        s.stop()


# --- input without end ---

class Flood:
    """A host that talks without end once `stage` is reached; b"": at once."""

    def __init__(self, stage, piece):
        self.stage, self.piece, self.sent, self.ended = stage, piece, 0, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            try:
                self.talk(c, c.makefile("rb"))
            except OSError:
                pass
            c.close()
            self.ended += 1

    def flood(self, c):
        c.settimeout(10)
        while True:
            self.sent += c.send(self.piece)

    def talk(self, c, f):
        if self.stage == b"":
            self.flood(c)
        c.sendall(b"220 x ESMTP\r\n")
        body = False
        while (line := f.readline()):
            if not body and line.startswith(self.stage) or \
                    body and self.stage == b"." and line == b".\r\n":
                self.flood(c)
            if not body:
                body = line.startswith(b"DATA")
                c.sendall(b"354 go\r\n" if body else b"250 ok\r\n")


@pytest.mark.parametrize("piece", [b"250-" + b"x" * 60 + b"\r\n", b"x" * 4096],
                         ids=["lines", "a line"])
def test_replies_without_end(impeld, piece):
    """At each stage: the session ends soon, the message waits, nothing grows."""
    floods = [Flood(x, piece) for x in (
        b"", b"EHLO", b"MAIL", b"RCPT", b"DATA", b".")]
    d = impeld("".join(
        f'Domain "d{i}.test" {{ Routes = ( "smtp://127.0.0.1?port={f.port}" ) }}\n'
        for i, f in enumerate(floods)) + "Retry_Interval = 600\n")
    for i in range(len(floods)):
        send(d.port, f"r@d{i}.test")
    for f in floods:
        wait_for(lambda: f.ended >= 1, 15, f"the end of a session in {f.stage}")
        assert f.sent < 16 << 20  # what two sockets hold, and little more
    d.wait_records("T", len(floods))
    assert d.queued() == len(floods)
    with open(f"/proc/{d.process.pid}/status") as status:
        peak = next(int(x.split()[1]) for x in status if x.startswith("VmHWM"))
    assert peak < 1 << 20 or SANITIZED


def test_a_reply_that_drips_has_no_more_time(impeld):
    """Octets that come one by one do not put off the end."""
    class Drip(Flood):
        def flood(self, c):
            for octet in b"250-" + b"x" * 200:
                c.sendall(bytes([octet]))
                self.sent += 1
                time.sleep(0.1)
    s = Drip(b"RCPT", b"")
    d = impeld(routed(s.port, "Rcptto_Timeout = 1\nRetry_Interval = 600\n"))
    send(d.port, "r@dest.test")
    assert "no RCPT TO response" in d.wait_records("T", timeout=10)[0][-1]
    wait_for(lambda: s.ended, what="the end of the session")
    assert 5 < s.sent < 50


def pour(c, piece, most):
    """Until the daemon has had enough: how many octets it took."""
    sent = 0
    c.s.settimeout(10)
    try:
        while sent < most:
            c.s.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


@pytest.mark.parametrize("what", ["a command", "commands", "a chunk",
                                  "a refused body", "a header", "hello"])
def test_a_client_without_end(impeld, what):
    """In each state there is an end to what is read for nothing."""
    d = impeld("", listener=False, start=False)
    d.append("""ESMTP_Listener {
      Listen "127.0.0.1:@PORT@" { }
      Relay_Hosts = ( "127.0.0.0/8" )
      Max_Message_Size = 1000000
    }
    """)
    d.start()
    enough = 128 << 20
    with Client(d.port) as c:
        if what == "a command":
            sent = pour(c, b"x" * 65536, enough)
        elif what == "commands":
            sent = pour(c, b"NOOP\r\n" * 10000, enough)
        elif what == "hello":
            sent = pour(c, b"EHLO x\r\n" * 10000, enough)
        elif what == "a chunk":
            c.do(b"EHLO x")
            assert c.do(b"BDAT 9000000000000000000 LAST") == 521
            sent = pour(c, b"x" * 65536, enough)
        elif what == "a refused body":
            c.ready()
            assert c.do(b"DATA") == 354
            sent = pour(c, b"x" * 65534 + b"\r\n", enough)
        else:
            c.ready()
            assert c.do(b"DATA") == 354
            sent = pour(c, b"Subject: " + b"x" * 65536, enough)
        assert sent < enough
    assert d.summary() and not d.queued()
    with open(f"/proc/{d.process.pid}/status") as status:
        peak = next(int(x.split()[1]) for x in status if x.startswith("VmHWM"))
    assert peak < 1 << 20


# --- the machine itself ---

def test_garbage_on_the_control_socket(impeld):
    """Whatever comes there, the daemon lives, answers others and goes on."""
    d = impeld("")
    chance = random.Random(1)
    texts = [b"\0" * 100000, b"{" * 100000, b"[" * 100000 + b"\n",
             b'{"words": ["summary"', b'{"words": 7}\n', b'"\\ud800"\n', b"\n",
             b'{"words": [' + b'"x",' * 50000 + b'"x"]}\n',
             b"summary\n" * 1000, b"\xff\xfe\r\n", b"x" * (4 << 20)]
    texts += [chance.randbytes(chance.randrange(1, 3000)) + b"\n"
              for _ in range(100)]
    left = []
    for text in texts:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(str(d.control))
        try:
            s.sendall(text)
        except OSError:
            pass  # it has heard enough
        left.append(s)
        if len(left) > 20:
            left.pop(0).close()
    # of the sessions that were closed it may not have heard yet
    wait_for(lambda: subprocess.run(
        [IMPEL, "-s", d.control, "summary"], capture_output=True).returncode
        == 0, what="room for one more")
    assert d.queued() == 0
    for s in left:
        s.close()
    send_port_is_open(d)


def send_port_is_open(d):
    with Client(d.port) as c:
        assert c.do(b"EHLO x") == 250


@pytest.mark.parametrize("name", ["impel-minimal.yaml", "impel.yaml.in"])
def test_shipped_examples_load_without_a_warning(tmp_path, name):
    text = (SOURCE / "etc" / name).read_text().replace(
        "@localstatedir@", str(tmp_path)).replace(
            "@sysconfdir@", str(tmp_path)).replace(
            "@runstatedir@", str(tmp_path / "run"))
    for folder in ("run/impel", "log/impel", "spool/impel"):
        (tmp_path / folder).mkdir(parents=True)
    conf = tmp_path / "impel.yaml"
    conf.write_text(text)
    p = subprocess.run([str(IMPELD), "--check", "--strict", "-c", str(conf),
                        "-M", MODULES], capture_output=True, text=True,
                       timeout=60)
    assert p.returncode == 0, p.stderr
    assert "warning" not in p.stderr + p.stdout
    assert not [x for x in p.stderr.splitlines() if "error" in x]


def test_log_lines_are_bounded(impeld, server):
    """However long the host talks and names are: a record is one line."""
    words = "".join(f"550-5.7.1 @{'y' * 300}\\\x07\r\n" for _ in range(90))
    s = server(answer=lambda stage, line: words + "550 5.7.1 end\r\n"
               if stage == "RCPT" and b"dest" in line else None)
    d = impeld(routed(s.port, 'EC_Logger "j" { jsonlog = "@DIR@/jsonlog" }\n'))
    local = "l" * 64
    for i in range(5):
        send(d.port, f"{local}@dest.test", f'"@\\"{i}"@origin.test')
    d.wait_records("P", 5)
    for name in ("mainlog", "bouncelog", "jsonlog"):
        for line in d.log(name):
            assert len(line) < 3000 and "\x07" not in line, name
    assert {len(r) for r in d.records("P")} == {len(d.records("P")[0])}
