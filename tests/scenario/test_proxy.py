# SPDX-License-Identifier: Apache-2.0
"""Listeners behind a load balancer that speaks the PROXY protocol."""
import socket
import struct

from daemon import wait_for

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LISTENER = """
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Proxy_Protocol = true
  Proxy_Protocol_Timeout = %d
  Relay_Hosts = ( "192.0.2.0/24" "2001:db8::/32" )
}
Suspend_Delivery = true
"""


def v2(family, addresses, ports, command=0x21, more=b""):
    body = b"".join(socket.inet_pton(family, a) for a in addresses) + \
        struct.pack("!HH", *ports) + more
    kind = 0x11 if family == socket.AF_INET else 0x21
    return SIGNATURE + struct.pack("!BBH", command, kind, len(body)) + body


def rest(s):
    """What comes until the daemon closes; a reset is a close as well."""
    text = b""
    try:
        while (part := s.recv(4096)):
            text += part
    except ConnectionResetError:
        pass
    return text.decode()


def talk(port, data, pieces=False, source="127.0.0.1"):
    """Send it all and return what comes back until the daemon closes."""
    with socket.create_connection(("127.0.0.1", port), 20,
                                  source_address=(source, 0)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(data), 1 if pieces else len(data)):
            s.sendall(data[i:i + (1 if pieces else len(data))])
        return rest(s)


def dialogue(recipient):
    return (b"EHLO client.test\r\nMAIL FROM:<a@origin.test>\r\n"
            b"RCPT TO:<" + recipient.encode() + b">\r\nDATA\r\n"
            b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n")


def from_address(d, recipient):
    """The address that the reception of that recipient's message names."""
    user, domain = recipient.split("@")
    rows = [r for r in d.records("R") if r[5] == user and r[6] == domain]
    return rows and rows[0][9]


def test_the_address_is_the_one_that_is_named(impeld):
    d = impeld(LISTENER % 20, listener=False)
    for name, header, address in (
            ("v1", b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n", "192.0.2.7"),
            ("six", b"PROXY TCP6 2001:db8::7 2001:db8::25 4711 25\r\n",
             "2001:db8::7"),
            ("v2", v2(socket.AF_INET, ("192.0.2.8", "127.0.0.1"), (4711, 25)),
             "192.0.2.8"),
            ("tlv", v2(socket.AF_INET6, ("2001:db8::8", "2001:db8::25"),
                       (4711, 25), more=b"\x04\0\x03abc"), "2001:db8::8")):
        for pieces in (False, True):
            to = f"{name}{int(pieces)}@dest.test"
            text = talk(d.port, header + dialogue(to), pieces)
            assert text.startswith("220 "), text
            assert "\r\n221 " in text and "\r\n354 " in text, text
            assert wait_for(lambda: from_address(d, to)) == address


def test_relaying_is_judged_by_the_named_address(impeld):
    d = impeld(LISTENER % 20, listener=False)
    text = talk(d.port, b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 25\r\n" +
                dialogue("a@dest.test"))
    assert "\r\n550 5.7.1 " in text, text
    # the balancer's own connections are judged by its own address
    for header in (b"PROXY UNKNOWN\r\n",
                   SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)):
        text = talk(d.port, header + dialogue("b@dest.test"))
        assert text.startswith("220 ") and "\r\n550 5.7.1 " in text, text
    assert not d.records("R")


def test_no_header_no_service(impeld):
    d = impeld(LISTENER % 1, listener=False)
    assert talk(d.port, b"EHLO me\r\n") == ""
    assert talk(d.port, SIGNATURE + b"\x21\x11\xff\xff") == ""
    assert talk(d.port, b"PROXY TCP4 192.0.2.7 ") == ""  # and nothing more
    lines = wait_for(lambda: [x for x in d.log("paniclog") + d.stderr().splitlines()
                              if "proxy-header-refused" in x and
                              "in time" in x])
    assert "127.0.0.1" in lines[0]
    assert "no PROXY header" in "".join(d.log("paniclog")) + d.stderr()


def test_only_peers_that_speak_it_are_asked(impeld):
    """The option in a peer stanza: another peer talks at once."""
    d = impeld("""
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Peer 127.0.0.2 { Proxy_Protocol = true }
}
""", listener=False)
    assert talk(d.port, b"QUIT\r\n").startswith("220 ")
    assert talk(d.port, b"QUIT\r\n", source="127.0.0.2") == ""


def test_those_that_wait_do_not_delay_the_stop(impeld):
    d = impeld(LISTENER % 600, listener=False)
    with socket.create_connection(("127.0.0.1", d.port), 20) as s:
        s.sendall(b"PROXY ")
        wait_for(lambda: d.ask("summary"))
        d.terminate(10)
        assert rest(s) == ""
