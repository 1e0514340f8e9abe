# SPDX-License-Identifier: Apache-2.0
"""Each limit of the listener, and its time in each state of a session."""
import socket
import time

import pytest

from daemon import wait_for
from test_listener import Client


def limited(impeld, server, *lines):
    s = server()
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
ESMTP_Listener {{
  Listen "127.0.0.1:@PORT@" {{ }}
  Relay_Hosts = ( 127.0.0.1 )
  {chr(10).join(lines)}
}}
""", listener=False)
    return d, s


def last_word(c, most):
    """The reply that ends a session, which comes within `most` seconds."""
    begin = time.monotonic()
    reply = c.reply()
    assert c.f.read(1) == b"", "it is closed then"
    assert time.monotonic() - begin < most
    return reply


STATES = {
    "banner": [],
    "ehlo": [b"EHLO client.test"],
    "mail": [b"EHLO client.test", b"MAIL FROM:<a@origin.test>"],
    "rcpt": [b"EHLO client.test", b"MAIL FROM:<a@origin.test>",
             b"RCPT TO:<c@dest.test>"],
    "rset": [b"EHLO client.test", b"MAIL FROM:<a@origin.test>", b"RSET"],
}


@pytest.mark.parametrize("state", STATES)
def test_idle_time_in_each_state(impeld, server, state):
    d, _ = limited(impeld, server, "Idle_Time = 1")
    with Client(d.port) as c:
        for line in STATES[state]:
            assert c.do(line) == 250
        code, lines = last_word(c, 20)
        assert code == 421 and lines[0].startswith(b"421 4.4.2"), lines
    wait_for(lambda: d.summary()["InboundConcurrency"] == 0)


@pytest.mark.parametrize("begin", [b"DATA\r\nSubject: x\r\n\r\nhalf",
                                   b"BDAT 1000 LAST\r\nSubject: x\r\n\r\nhalf",
                                   b"NOO"])
def test_idle_time_in_the_middle(impeld, server, begin):
    """Of a message, of a chunk, of a line: none of it is taken."""
    d, s = limited(impeld, server, "Idle_Time = 1")
    with Client(d.port) as c:
        c.ready()
        c.say(begin)
        if begin.startswith(b"DATA"):
            assert c.reply()[0] == 354
        assert last_word(c, 20)[0] == 421
    wait_for(lambda: d.summary()["InboundConcurrency"] == 0)
    assert not s.messages and d.queued() == 0


@pytest.mark.parametrize("what", ["Body_Time = 1", "Session_Time = 1"])
def test_a_peer_that_drips_meets_the_longer_times(impeld, server, what):
    d, s = limited(impeld, server, what)
    with Client(d.port) as c:
        c.ready()
        assert c.do(b"DATA") == 354
        c.say(b"Subject: x\r\n\r\n")
        c.s.settimeout(0.1)
        begin = time.monotonic()
        got = b""
        while time.monotonic() - begin < 20 and not got:
            try:
                c.say(b"x")
                got = c.s.recv(100)
            except socket.timeout:
                continue
        assert got.startswith(b"421 4.4.2"), got
    assert not s.messages


def test_max_commands_and_max_errors(impeld, server):
    d, _ = limited(impeld, server, "Max_Commands = 8", "Max_Errors = 3")
    with Client(d.port) as c:
        codes = [c.do(b"NOOP") for _ in range(9)]
        assert codes[:8] == [250] * 8 and codes[8] == 421
    with Client(d.port) as c:
        codes = []
        while not codes or codes[-1] != 421:
            codes.append(c.do(b"NONSENSE"))
            assert len(codes) <= 5
        assert codes[0] == 500
        assert c.f.read(1) == b""


def test_max_recipients_per_connection(impeld, server):
    d, _ = limited(impeld, server, "Max_Recipients_Per_Connection = 3")
    with Client(d.port) as c:
        c.do(b"EHLO client.test")
        c.do(b"MAIL FROM:<a@origin.test>")
        codes = [c.do(b"RCPT TO:<r%d@dest.test>" % i) for i in range(4)]
        assert codes == [250, 250, 250, 452]


def test_service_sessions_count_all_listeners(impeld, server):
    s = server()
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
ESMTP_Listener {{
  Service_Sessions = 2
  Listen "127.0.0.1:@PORT@" {{ }}
  Listen "127.0.0.2:@PORT@" {{ }}
}}
""", listener=False)
    with Client(d.port) as a, Client(d.port, "127.0.0.2") as b:
        assert a.do(b"EHLO a.test") == 250 and b.do(b"EHLO b.test") == 250
        with Client(d.port, "127.0.0.2") as c:
            assert c.do(b"EHLO c.test") == 421
    wait_for(lambda: d.summary()["InboundConcurrency"] == 0)


def test_a_peer_stanza_has_limits_of_its_own(impeld, server):
    d, _ = limited(impeld, server, "Listener_Sessions = 9",
                   "Peer 127.0.0.5 { Listener_Sessions = 1 }")

    def client(source):
        k = socket.create_connection(("127.0.0.1", d.port), 20, (source, 0))
        f = k.makefile("rb")
        f.readline()
        k.sendall(b"EHLO client.test\r\n")
        return k, f.readline()
    one = client("127.0.0.5")
    two = client("127.0.0.5")
    other = client("127.0.0.6")
    assert [x[1][:3] for x in (one, two, other)] == [b"250", b"421", b"250"]
    for k, _ in (one, two, other):
        k.close()


def test_long_lines(impeld, server):
    d, s = limited(impeld, server, "RFC2822_Max_Line_Length = pedantic")
    with Client(d.port) as c:
        assert c.do(b"NOOP " + b"x" * 3000) == 500
        assert c.do(b"NOOP") == 250, "the line is passed over as a whole"
        c.ready()
        assert c.do(b"DATA") == 354
        c.say(b"Subject: x\r\n\r\n" + b"y" * 2000 + b"\r\n.\r\n")
        assert c.reply()[0] // 100 == 5
    assert not s.messages
