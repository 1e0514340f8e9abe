# SPDX-License-Identifier: Apache-2.0
"""LMTP, out and in: the example of the manual, Dovecot's server, and one that
misbehaves."""
import contextlib
import smtplib
import socket
import threading

import pytest

from daemon import BUILD, MODULES, free_port, wait_for
from dovecot import Dovecot
from lmtpserver import LmtpServer
from peers import send

LMTP = MODULES + ":" + str(BUILD / "modules/lmtp/.libs")


@pytest.fixture
def lmtpd():
    started = []

    def make(**how):
        started.append(LmtpServer(**how))
        return started[-1]

    yield make
    for s in started:
        s.stop()


def conf(port, smtp=None, more=""):
    """The example of the seeds: all to a gateway, one domain by LMTP."""
    return f"""
Gateway = "127.0.0.1:{smtp or free_port()}"
Retry_Interval = 600
Host_Failure_Retry = 1
Domain "box.test" {{
  Gateway = "127.0.0.1"
  Delivery_Method = "LMTP"
  LMTP_Port = {port}
}}
{more}
"""


def to(*users):
    return [f"{u}@box.test" for u in users]


def test_the_example(impeld, server, lmtpd):
    """A global gateway by ESMTP, one domain by LMTP to another."""
    s, box = server(), lmtpd()
    d = impeld(conf(box.port, s.port), modules=LMTP)
    send(d.port, "a@dest.test")
    send(d.port, to("b"))
    s.wait(1)
    wait_for(lambda: len(box.messages) == 1)
    assert box.lines[0].startswith(b"LHLO ")
    assert not any(l.startswith((b"EHLO", b"HELO")) for l in box.lines)
    d.wait_records("D", 2)


def test_connections_are_used_again(impeld, lmtpd):
    """And a batch is one transaction."""
    box = lmtpd()
    d = impeld(conf(box.port, more="Max_Outbound_Connections = 1"),
               modules=LMTP)
    for i in range(20):
        send(d.port, to(*(f"u{k}" for k in range(5))))
    d.wait_records("D", 100)
    verbs = [line[:4] for line in box.lines]
    assert verbs.count(b"LHLO") == 1
    assert verbs.count(b"MAIL") == verbs.count(b"DATA") == 20
    assert verbs.count(b"RCPT") == len(box.messages) == 100


def test_each_recipient_has_its_own_verdict(impeld, lmtpd):
    said = {"c@box.test": "452 4.2.2 over quota",
            "d@box.test": "550 5.2.1 gone"}
    box = lmtpd(final=lambda r: said.get(r),
                answer=lambda stage, line:
                "550 5.1.1 who?\r\n" if b"<e@" in line and stage == "RCPT"
                else None)
    d = impeld(conf(box.port), modules=LMTP)
    send(d.port, to(*"abcde"))
    assert len(d.wait_records("D", 2)) == 2
    wait_for(lambda: any("452 4.2.2 over quota" in r[-1]
                         for r in d.records("T")))
    wait_for(lambda: len(d.records("P")) == 2)
    assert sorted(r for r, _ in box.messages) == to("a", "b")
    assert d.queued() >= 1
    said.clear()
    d.ask("flush", "domain", "all")
    wait_for(lambda: sorted(r for r, _ in box.messages) == to("a", "b", "c"))


def test_cut_between_two_replies(impeld, lmtpd):
    """Who was answered is not served again."""
    cut = {"on": True}

    def final(r):
        if r == "c@box.test" and cut["on"]:
            raise ConnectionError

    box = lmtpd(final=final)
    d = impeld(conf(box.port), modules=LMTP)
    send(d.port, to(*"abcd"))
    d.wait_records("D", 2)
    d.wait_records("T")
    cut["on"] = False
    wait_for(lambda: (d.ask("flush", "domain", "all"),
                      len(box.messages) >= 4)[1])
    d.wait_empty()
    assert sorted(r for r, _ in box.messages) == to(*"abcd")


class Relay:
    """What comes to a Unix socket goes on to a server's port."""

    def __init__(self, path, port):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(50)
        self.port = port
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                a, _ = self.socket.accept()
            except OSError:
                return
            b = socket.create_connection(("127.0.0.1", self.port))
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.copy, args=(x, y),
                                 daemon=True).start()

    @staticmethod
    def copy(x, y):
        try:
            while data := x.recv(65536):
                y.sendall(data)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                y.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("how", ["gateway", "routes"])
def test_unix_sockets(impeld, lmtpd, tmp_path, how):
    """Out to a socket, by a gateway or by routes; in from a socket."""
    box, path = lmtpd(), tmp_path / "Lmtp"
    Relay(path, box.port)
    to_it = f'Gateway = "{path}"' if how == "gateway" else \
        f'Routes = ( "lmtp://{path}" )'
    d = impeld(f"""
Retry_Interval = 600
Domain "box.test" {{
  {to_it}
  Delivery_Method = LMTP
}}
LMTP_Listener {{
  Listen "@DIR@/in" {{ }}
  Relay_Domains = ( "box.test" )
}}
""", modules=LMTP)
    send(d.port, to("a", "b"))
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(d.dir / "in"))
        c.sendall(b"LHLO x.test\r\nMAIL FROM:<s@origin.test>\r\n"
                  b"RCPT TO:<c@box.test>\r\nDATA\r\n")
        f = c.makefile("rb")
        while not (line := f.readline()).startswith(b"354"):
            assert line[:1] == b"2", line
        c.sendall(b"Subject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n")
        assert f.readline().startswith(b"250")
    wait_for(lambda: len(box.messages) == 3)
    assert sorted(r for r, _ in box.messages) == to("a", "b", "c")
    rows = d.wait_records("D", 3)
    assert all(r[-1] == str(path) for r in rows), rows
    name = str(path) if how == "gateway" else "box.test"
    assert f"{path}] socket" in d.ask("domain", name)


def test_a_socket_that_is_not_there(impeld, tmp_path):
    d = impeld(f"""
Gateway = "{tmp_path}/none"
Delivery_Method = LMTP
Retry_Interval = 600
""", modules=LMTP)
    send(d.port, to("a"))
    assert "Connection refused" in d.wait_records("T")[0][-1]
    assert f"{tmp_path}/none" in d.ask("explain", "domain", f"{tmp_path}/none")


def test_dovecot(impeld, tmp_path):
    """Into mailboxes; one of two is full; nobody of that name; gone and back."""
    box = Dovecot(tmp_path / "dovecot", {"anna": "10M", "full": "1k"})
    try:
        d = impeld(conf(box.port), modules=LMTP)
        body = "Hello\r\n.dots\r\n" * 300
        send(d.port, to("anna", "full", "nobody"), body=body)
        wait_for(lambda: box.mails("anna"))
        assert b"\n.dots" in box.mails("anna")[0]
        wait_for(lambda: len(d.records("P")) == 2)
        said = "\n".join(r[-1] for r in d.records("P"))
        assert "5.2.2" in said and "5.1.1" in said
        assert not box.mails("full")
        box.stop()
        send(d.port, to("anna"), body="while it was away\r\n")
        wait_for(lambda: any("refused" in r[-1] for r in d.records("T")))
        box.start()
        wait_for(lambda: (d.ask("flush", "domain", "all"),
                          len(box.mails("anna")) == 2)[1], 30)
        # several at once, over connections that stay
        for i in range(30):
            send(d.port, to("anna"), body=f"number {i}\r\n")
        wait_for(lambda: len(box.mails("anna")) == 32, 30)
    finally:
        box.stop()


LISTENER = """
LMTP_Listener {
  Listen "127.0.0.1:%d" { }
  Relay_Hosts = ( "127.0.0.0/8" )
}
"""


def test_listener(impeld, server):
    """Python's LMTP client injects; each recipient has its reply."""
    s, port = server(), free_port()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' +
               LISTENER % port, modules=LMTP)
    with smtplib.LMTP("127.0.0.1", port, timeout=30) as c:
        # it reads one reply to the data, however many recipients there are
        assert c.sendmail("a@origin.test", ["a@dest.test"],
                          "Subject: x\r\n\r\ntext\r\n") == {}
    s.wait(1)
    assert "with LMTP" in s.messages[0].header("Received")[0]
    assert "lmtp" in d.wait_records("R")[0]
    with socket.create_connection(("127.0.0.1", port), 10) as c:
        f = c.makefile("rb")
        count = 200  # more replies than one buffer holds
        c.sendall(b"LHLO x.test\r\nMAIL FROM:<a@origin.test>\r\n" +
                  b"".join(b"RCPT TO:<r%d@dest.test>\r\n" % i
                           for i in range(count)) +
                  b"DATA\r\n")
        while not f.readline().startswith(b"354"):
            pass
        c.sendall(b"Subject: y\r\n\r\ntext\r\n.\r\nQUIT\r\n")
        replies = f.read().split(b"\r\n")
        assert [r[:3] for r in replies if r] == [b"250"] * count + [b"221"]


def test_impel_to_impel(impeld, server):
    """One sends by LMTP, the other has the listener."""
    s, port = server(), free_port()
    impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' +
           LISTENER % port, modules=LMTP)
    first = impeld(conf(port), modules=LMTP)
    for i in range(20):
        send(first.port, to(f"a{i}", f"b{i}"))
    s.wait(20)
    assert len(first.wait_records("D", 40)) == 40
