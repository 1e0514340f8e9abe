# SPDX-License-Identifier: Apache-2.0
"""The listener against clients that err, cheat and hang."""
import smtplib
import socket
import time

import pytest

from daemon import wait_for
from peers import send


class Client:
    """A raw client: send bytes, read whole replies."""

    def __init__(self, port, host="127.0.0.1"):
        self.s = socket.create_connection((host, port), 20)
        self.f = self.s.makefile("rb")
        self.banner = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.f.close()
        self.s.close()

    def say(self, data):
        self.s.sendall(data)

    def reply(self):
        """(code, lines); (0, []) when the server has closed."""
        lines = []
        while True:
            line = self.f.readline()
            if not line:
                return 0, lines
            lines.append(line.rstrip(b"\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), lines

    def do(self, line):
        self.say(line + b"\r\n")
        return self.reply()[0]

    def ready(self, rcpt=b"c@dest.test"):
        self.do(b"EHLO client.test")
        assert self.do(b"MAIL FROM:<a@origin.test>") == 250
        assert self.do(b"RCPT TO:<" + rcpt + b">") == 250


@pytest.fixture
def relay(impeld, server):
    """(daemon, server): mail from loopback goes to the server."""
    s = server()

    def make(more=""):
        return impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + more), s
    return make


def test_ehlo_offers(relay):
    d, _ = relay()
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        c.ehlo("x.test")
        for word in ("pipelining", "size", "8bitmime", "enhancedstatuscodes",
                     "smtputf8", "dsn", "chunking"):
            assert c.has_extn(word), word


def test_it_says_its_name(impeld):
    """In the banner and in reply to EHLO: its own, or that of the listener."""
    for conf, name in (("", socket.gethostname()),
                       ('Hostname = "mx.own.test"\n', "mx.own.test"),
                       ('Hostname = "mx.own.test"\n'
                        'ESMTP_Listener { Banner_Hostname = "in.own.test" }\n',
                        "in.own.test")):
        d = impeld(conf)
        with smtplib.SMTP() as c:
            code, banner = c.connect("127.0.0.1", d.port)
            assert (code, banner) == (220, f"{name} ESMTP".encode())
            assert c.ehlo("x.test")[1].splitlines()[0] == name.encode()
            assert c.helo("x.test") == (250, name.encode())


def test_relaying_is_closed_by_default(impeld):
    d = impeld('ESMTP_Listener { Listen "127.0.0.1:@PORT@" { } }\n'
               'Relay_Domains = ( "here.test" "*.sub.test" )\n',
               listener=False)
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        c.ehlo("x.test")
        assert c.mail("a@origin.test")[0] == 250
        code, text = c.rcpt("b@elsewhere.test")
        assert code == 550 and b"5.7.1" in text
        assert c.rcpt("b@here.test")[0] == 250
        assert c.rcpt("b@a.sub.test")[0] == 250
        assert c.rcpt("b@sub.test")[0] == 550
    wait_for(lambda: any("elsewhere.test" in line
                         for line in d.log("rejectlog")))


def test_pipelined_message(relay):
    d, s = relay()
    with Client(d.port) as c:
        c.say(b"EHLO x.test\r\n")
        c.reply()
        c.say(b"MAIL FROM:<a@origin.test>\r\nRCPT TO:<b@dest.test>\r\n"
              b"RCPT TO:<c@dest.test>\r\nDATA\r\n")
        assert [c.reply()[0] for _ in range(4)] == [250, 250, 250, 354]
        c.say(b"From: a@origin.test\r\n\r\nbody\r\n.\r\nMAIL FROM:<a@origin.test>\r\n"
              b"RSET\r\nQUIT\r\n")
        assert [c.reply()[0] for _ in range(4)] == [250, 250, 250, 221]
    assert sorted(s.wait()[0].recipients) == ["b@dest.test", "c@dest.test"]


def test_bdat_chunks(relay):
    d, s = relay()
    with Client(d.port) as c:
        c.ready()
        c.say(b"BDAT 19\r\nFrom: a@x.test\r\n\r\n.")
        assert c.reply()[0] == 250
        c.say(b"BDAT 7 LAST\r\n\r\n.\r\n.\r")
        code, _ = c.reply()
        assert code // 100 == 5  # a bare CR at the end
    with Client(d.port) as c:
        c.ready()
        c.say(b"BDAT 19\r\nFrom: a@x.test\r\n\r\n.BDAT 0\r\nBDAT 7 LAST\r\n\r\n.\r\n\r\n")
        assert [c.reply()[0] for _ in range(3)] == [250, 250, 250]
    assert s.wait()[0].body == b".\r\n.\r\n\r\n"


def test_bdat_errors_keep_the_dialogue_in_step(relay):
    d, s = relay()
    with Client(d.port) as c:
        c.do(b"EHLO x.test")
        c.say(b"BDAT 10 LAST\r\n0123456789NOOP\r\n")
        assert c.reply()[0] == 503
        assert c.reply()[0] == 250
        c.ready()
        c.say(b"BDAT 5\r\nabcdeDATA\r\n")
        assert c.reply()[0] == 250
        assert c.reply()[0] == 503
        assert c.do(b"RSET") == 250
        assert c.do(b"BDAT 99999999999999999999 LAST") // 100 == 5
    assert not s.messages


SMUGGLE = b"\r\nMAIL FROM:<evil@origin.test>\r\nRCPT TO:<victim@dest.test>\r\n" \
    b"DATA\r\nFrom: evil\r\n\r\nsmuggled\r\n.\r\n"


@pytest.mark.parametrize("end", [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n",
    b"\n.\r", b"\r\n\x00.\r\n", b"\r\r\n.\r\r\n"])
def test_nothing_is_smuggled(relay, end):
    d, s = relay()
    with Client(d.port) as c:
        c.ready()
        assert c.do(b"DATA") == 354
        c.say(b"From: a@origin.test\r\n\r\nfirst" + end + SMUGGLE.lstrip() +
              b"\r\n.\r\n")
        c.reply()
        c.say(b"QUIT\r\n")
        while c.reply()[0]:
            pass
    send(d.port, "marker@dest.test")
    wait_for(lambda: any(m.recipients == ["marker@dest.test"]
                         for m in s.messages))
    assert not any("victim" in r for m in s.messages for r in m.recipients)


def test_bare_lf_is_refused_by_default(relay):
    d, s = relay()
    with Client(d.port) as c:
        c.ready()
        c.do(b"DATA")
        c.say(b"From: a@origin.test\r\n\r\none\ntwo\r\n.\r\n")
        assert c.reply()[0] // 100 == 5
    assert not s.messages


def test_limits(relay):
    d, s = relay()
    d.write(d.conf.read_text().replace(
        "Relay_Hosts", "Max_Message_Size = 2000\n  "
        "Max_Recipients_Per_Message = 2\n  "
        "Max_Receptions_Per_Connection = 1\n  Relay_Hosts"))
    d.ask("config", "reload")
    with Client(d.port) as c:
        c.do(b"EHLO x.test")
        assert c.do(b"MAIL FROM:<a@origin.test> SIZE=5000") == 552
        assert c.do(b"MAIL FROM:<a@origin.test>") == 250
        assert c.do(b"RCPT TO:<1@dest.test>") == 250
        assert c.do(b"RCPT TO:<2@dest.test>") == 250
        assert c.do(b"RCPT TO:<3@dest.test>") == 452
        assert c.do(b"DATA") == 354
        c.say(b"Subject: big\r\n\r\n" + b"x" * 70 + (b"\r\n" + b"y" * 70) * 100 +
              b"\r\n.\r\n")
        assert c.reply()[0] == 552
    with Client(d.port) as c:
        c.ready()
        assert c.do(b"DATA") == 354
        c.say(b"Subject: ok\r\n\r\nfine\r\n.\r\n")
        assert c.reply()[0] == 250
        assert c.do(b"MAIL FROM:<a@origin.test>") in (421, 451, 452)


def test_endless_command_line_and_errors(relay):
    d, _ = relay()
    with Client(d.port) as c:
        try:
            for _ in range(200):
                c.say(b"x" * 65536)
        except OSError:
            pass
        try:
            assert c.reply()[0] in (0, 421, 500)
        except OSError:
            pass
    with Client(d.port) as c:
        codes = []
        for _ in range(500):
            try:
                code = c.do(b"NONSENSE")
            except OSError:
                break
            codes.append(code)
            if code in (0, 421):
                break
        assert len(codes) < 200
    assert d.answers()


def test_session_limit_says_421(relay):
    d, _ = relay()
    d.write(d.conf.read_text().replace(
        "Relay_Hosts", "Listener_Sessions = 2\n  Relay_Hosts"))
    d.ask("config", "reload")
    with Client(d.port) as a, Client(d.port) as b:
        assert a.do(b"EHLO a.test") == 250
        assert b.do(b"EHLO b.test") == 250
        with Client(d.port) as c:
            code = c.banner[0]
            assert code == 421 or c.do(b"EHLO c.test") == 421
    wait_for(lambda: int(d.summary()["InboundConcurrency"]) == 0)
    with Client(d.port) as c:
        assert c.do(b"EHLO c.test") == 250


def test_idle_peer_is_let_go(relay):
    d, _ = relay()
    d.write(d.conf.read_text().replace(
        "Relay_Hosts", "Idle_Time = 1\n  Relay_Hosts"))
    d.ask("config", "reload")
    with Client(d.port) as c:
        assert c.reply()[0] in (0, 421)


def test_ipv6_listen(impeld, server):
    s = server()
    d = impeld('ESMTP_Listener { Listen "[::1]:@PORT@" { } '
               'Relay_Hosts = ( ::1 ) }\n'
               f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n',
               listener=False)
    send(d.port, "to@dest.test", host="::1")
    assert "IPv6:::1" in s.wait()[0].header("Received")[0]


def test_malformed_addresses(relay):
    d, _ = relay()
    with Client(d.port) as c:
        c.do(b"EHLO x.test")
        for bad in (b"<a@@b.test>", b"<a b@c.test>", b"a@b.test>", b"<a@b.test",
                    b"<@>", b"<\x00@b.test>", b"<a@" + b"b" * 300 + b".test>"):
            assert c.do(b"MAIL FROM:" + bad) // 100 == 5, bad
        assert c.do(b"MAIL FROM:<gr\xc3\xa5@b.test>") // 100 == 5
        assert c.do(b"MAIL FROM:<>") == 250
        assert c.do(b"RCPT TO:<>") // 100 == 5
        assert c.do(b"RCPT TO:<postmaster>") in (250, 550, 553)


def test_the_last_word_is_followed_by_the_end(impeld):
    """Nobody waits for a connection that has nothing more to say; and what is
    still on its way does not destroy the last reply."""
    d = impeld("")
    for last in (b"NOT A COMMAND\r\n" * 30, b"GET / HTTP/1.1\r\n",
                 b"NOT A COMMAND\r\n" * 30 + b"x" * 200000):
        with Client(d.port) as c:
            began = time.monotonic()
            c.say(last)
            codes = []
            while (code := c.reply()[0]):
                codes.append(code)
            assert codes[-1] == 421
            assert time.monotonic() - began < 4  # five, if it waited


def test_a_client_that_says_no_more_hears_the_rest(relay):
    """Exim ends its half of the connection behind the last message."""
    d, s = relay()
    with Client(d.port) as c:
        c.do(b"EHLO client.test")
        c.say(b"MAIL FROM:<a@origin.test>\r\nRCPT TO:<c@dest.test>\r\n"
              b"BDAT 22 LAST\r\nFrom: a@b.test\r\n\r\nhi\r\nQUIT\r\n")
        c.s.shutdown(socket.SHUT_WR)
        assert [c.reply()[0] for _ in range(5)] == [250, 250, 250, 221, 0]
    with Client(d.port) as c:
        c.do(b"EHLO client.test")
        c.say(b"MAIL FROM:<a@origin.test>\r\nRCPT TO:<c@dest.test>\r\n"
              b"BDAT 99 LAST\r\nFrom: cut off\r\n\r\n")
        c.s.shutdown(socket.SHUT_WR)
        assert [c.reply()[0] for _ in range(3)] == [250, 250, 0]
    s.wait()
    d.wait_empty()
    assert len(s.messages) == 1
