# SPDX-License-Identifier: Apache-2.0
"""Extensions end to end: what a client asks for holds on the way, over a
restart, and towards hosts that have it and hosts that have not."""
import email
import time

from daemon import wait_for
from peers import send
from test_deliver import routes
from test_listener import Client

BINARY = (b"From: a@origin.test\r\nMIME-Version: 1.0\r\n"
          b"Content-Type: application/octet-stream\r\n"
          b"Content-Transfer-Encoding: binary\r\n\r\n"
          b"\0\n.\n\r\n.\r\n\xff\xfe" + b"x" * 3000 + b"\r")


def binary(port, rcpt=b"to@dest.test"):
    with Client(port) as c:
        c.do(b"EHLO client.test")
        assert c.do(b"MAIL FROM:<a@origin.test> BODY=BINARYMIME") == 250
        assert c.do(b"RCPT TO:<" + rcpt + b">") == 250
        c.say(b"BDAT 100\r\n" + BINARY[:100])
        assert c.reply()[0] == 250
        c.say(b"BDAT %d LAST\r\n" % (len(BINARY) - 100) + BINARY[100:])
        return c.reply()[0]


def test_octets_pass_unchanged(impeld, server):
    s = server(extensions=("PIPELINING", "CHUNKING", "BINARYMIME"))
    d = impeld(routes(s.port))
    assert binary(d.port) == 250
    m = s.wait()[0]
    assert m.data.endswith(BINARY[BINARY.index(b"From:"):])
    assert any(b"BODY=BINARYMIME" in line for line in s.lines)


def test_octets_become_base64_for_a_host_that_has_lines(impeld, server):
    s = server(extensions=("PIPELINING", "8BITMIME"))
    d = impeld(routes(s.port))
    assert binary(d.port) == 250
    m = s.wait()[0]
    assert b"\n" not in m.data.replace(b"\r\n", b"")
    assert max(m.data) < 127 and b"\0" not in m.data
    assert email.message_from_bytes(m.data).get_payload(decode=True) == \
        BINARY.partition(b"\r\n\r\n")[2]


def test_binary_bounce_returns_the_header_only(impeld, server):
    s = server(extensions=("PIPELINING", "CHUNKING", "BINARYMIME"),
               answer=lambda stage, line: "550 5.1.1 no\r\n"
               if stage == "RCPT" and b"<to@" in line else None)
    d = impeld(routes(s.port))
    assert binary(d.port) == 250
    report = email.message_from_bytes(s.wait()[0].data)
    assert report.get_payload(2).get_content_type() == "text/rfc822-headers"
    assert b"\0" not in s.messages[0].data


HOLDING = """
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Relay_Hosts = ( "127.0.0.0/8" )
  Future_Release_Max = 1d
}
"""


def test_held_over_a_restart(impeld, server):
    s = server()
    d = impeld(HOLDING + routes(s.port), listener=False)
    until = time.time() + 8
    send(d.port, "to@dest.test", mail_options=["HOLDFOR=8"])
    send(d.port, "day@dest.test", mail_options=[
        "HOLDUNTIL=" + time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                     time.gmtime(time.time() + 43200))])
    text = d.ask("explain", "domain", "dest.test")
    assert "its sender asked for it to be held" in text
    d.terminate()
    d.start()
    d.wait_read()
    assert "held" in d.ask("explain", "domain", "dest.test")
    d.ask("flush", "all", "--domain", "dest.test")
    assert not s.messages
    m = s.wait()[0]
    assert until - 1.5 < time.time() < until + 4
    assert m.recipients == ["to@dest.test"]
    d.wait_records("D")
    assert d.queued() == 1


def test_relayed_is_told_for_hosts_without_deliverby(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", mail_options=["BY=600;N"])
    wait_for(lambda: len(s.messages) == 2)
    report = next(m for m in s.messages if m.sender == "")
    assert b"Action: relayed" in report.data
    assert b"Deliver-By-Date: " in report.data
    assert not any(b"BY=" in line for line in s.lines)
    send(d.port, "to@dest.test", mail_options=["BY=600;R"])
    p = d.wait_records("P")[0]
    assert "DELIVERBY required but not advertised" in "@".join(p)


def test_deliver_by_is_passed_on(impeld, server):
    s = server(extensions=("DELIVERBY 30", "DSN"))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", mail_options=["BY=600;R"])
    s.wait()
    line = next(x for x in s.lines if x.startswith(b"MAIL"))
    left, mode = line.partition(b" BY=")[2].split(b";")
    assert mode == b"R" and 590 <= int(left) <= 600


def test_success_is_told_for_hosts_without_dsn(impeld, server):
    s = server(extensions=("PIPELINING",))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", rcpt_options=["NOTIFY=SUCCESS"])
    wait_for(lambda: len(s.messages) == 2)
    report = next(m for m in s.messages if m.sender == "")
    assert b"Action: relayed" in report.data


def test_limits_of_a_host_are_obeyed(impeld, server):
    s = server(extensions=("PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2"))
    d = impeld(routes(s.port) + "Max_Outbound_Connections = 1\n")
    send(d.port, [f"r{i}@dest.test" for i in range(9)])
    d.wait_records("D", 9)
    assert sorted(len(m.recipients) for m in s.messages) == [1, 2, 2, 2, 2]
    assert not d.records("T")
    assert s.connections == 3  # five transactions, two on each


def test_domains_of_a_session_are_obeyed(impeld, server):
    s = server(extensions=("PIPELINING", "LIMITS RCPTDOMAINMAX=1"))
    d = impeld(f'Gateway = "127.0.0.1"\nRemote_SMTP_Port = {s.port}\n')
    for i in range(3):
        send(d.port, [f"r{i}@a.test", f"r{i}@b.test", f"r{i}@c.test"])
    d.wait_records("D", 9)
    assert not d.records("T")
    for m in s.messages:
        assert len({r.partition("@")[2] for r in m.recipients}) == 1


def test_postmaster_without_a_domain(impeld, server):
    s = server()
    d = impeld(routes(s.port) + 'Postmaster = "ops@home.test"\n')
    d.write(d.conf.read_text().replace('"127.0.0.0/8"', '"192.0.2.0/24"'))
    d.ask("config", "reload")
    with Client(d.port) as c:
        c.do(b"EHLO client.test")
        assert c.do(b"MAIL FROM:<a@origin.test>") == 250
        assert c.do(b"RCPT TO:<someone>") == 553
        assert c.do(b"RCPT TO:<x@dest.test>") == 550
        assert c.do(b"RCPT TO:<PostMaster>") == 250
        assert c.do(b"DATA") == 354
        assert c.do(b"From: a@origin.test\r\n\r\nhelp\r\n.") == 250
    assert s.wait()[0].recipients == ["ops@home.test"]


def test_domain_as_a_labels_where_only_the_domain_is_not_ascii(impeld, server):
    s = server(extensions=("PIPELINING", "8BITMIME"))
    d = impeld(routes(s.port))
    with Client(d.port) as c:
        c.do(b"EHLO client.test")
        assert c.do("MAIL FROM:<a@grå.test> SMTPUTF8".encode()) == 250
        assert c.do("RCPT TO:<b@bücher.test>".encode()) == 250
        assert c.do(b"DATA") == 354
        assert c.do(b"From: a@origin.test\r\n\r\nplain\r\n.") == 250
    m = s.wait()[0]
    assert m.sender == "a@xn--gr-zia.test"
    assert m.recipients == ["b@xn--bcher-kva.test"]
    assert max(m.data) < 127 and b"with UTF8SMTP" in m.data
