# SPDX-License-Identifier: Apache-2.0
"""XCLIENT from trusted peers: the session is that of the client it names."""
import socket
import subprocess

from daemon import wait_for

OFFER = "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
PROXY = "127.0.0.2"
TRUST = """
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Trusted_Peers = ( "127.0.0.2" )
  Relay_Hosts = ( "127.0.0.2", "192.0.2.7" )
  %s
}
"""


class Client:
    def __init__(self, port, source=PROXY, first=""):
        self.s = socket.create_connection(("127.0.0.1", port), 20,
                                          source_address=(source, 0))
        self.s.sendall(first.encode())
        self.f = self.s.makefile("rwb")
        assert self.reply()[0].startswith("220 ")

    def reply(self):
        lines = [self.f.readline().decode().rstrip("\r\n")]
        while lines[-1][3:4] == "-":
            lines.append(self.f.readline().decode().rstrip("\r\n"))
        return lines

    def say(self, line):
        self.f.write(line.encode() + b"\r\n")
        self.f.flush()
        return self.reply()

    def code(self, line):
        return self.say(line)[0][:3]

    def rcpt(self, to="b@dest.test"):
        self.say("EHLO proxy.test")
        self.say("MAIL FROM:<a@origin.test>")
        return self.code(f"RCPT TO:<{to}>")

    def send(self, to="b@dest.test", header="Subject: x"):
        assert self.rcpt(to) == "250"
        assert self.code("DATA") == "354"
        assert self.code(header + "\r\n\r\nx\r\n.") == "250"

    def ended(self):
        self.s.shutdown(socket.SHUT_WR)
        return self.f.readline() == b""


def test_the_named_client_has_its_own_rights(impeld):
    d = impeld(TRUST % "", listener=False)
    c = Client(d.port)
    assert OFFER in c.say("EHLO proxy.test")
    # one without rights has none, whoever speaks for it; nor has an unknown
    for who in ("192.0.2.8", "[UNAVAILABLE]", "IPV6:2001:db8::8"):
        assert c.code(f"XCLIENT ADDR={who}") == "220", who
        assert c.rcpt() == "550", who
        assert c.code("XCLIENT ADDR=192.0.2.7") == "503"
        c.say("RSET")
    assert c.code("XCLIENT ADDR=192.0.2.7") == "220"
    assert c.rcpt() == "250"
    rejected = wait_for(lambda: len(r := [
        line for line in d.log("rejectlog") if "E=550" in line]) == 3 and r)
    assert "192.0.2.8:0" in rejected[0] and "unknown" in rejected[1]
    assert not any("127.0.0.2" in line for line in rejected)


def test_what_is_said_reaches_logs_spool_and_the_next_host(impeld, server):
    s = server(extensions=("PIPELINING", OFFER[4:]), answer=lambda stage, line:
               "220 server.test ESMTP\r\n" if stage == "XCLI" else None)
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "XClient = required\n" + TRUST % "", listener=False)
    c = Client(d.port)
    for line in ("HELO=b+C3+BCcher.test PROTO=SMTP",
                 "NAME=c.test ADDR=192.0.2.7 PORT=4711 LOGIN=me+2Byou"):
        assert c.code("XCLIENT " + line) == "220"
    assert "192.0.2.7:4711 -> " in d.ask("show", "inbound")
    c.send()
    s.wait(1)
    said = [line.decode() for line in s.lines if line.startswith(b"XCLIENT")]
    for word in ("ADDR=192.0.2.7", "PORT=4711", "HELO=b+C3+BCcher.test",
                 "LOGIN=me+2Byou", "PROTO=SMTP"):
        assert word in said[0].split(), word
    assert b"([192.0.2.7])" in s.messages[0].data
    assert b"with SMTP id" in s.messages[0].data
    assert d.wait_records("R")[0][9] == "192.0.2.7"
    named = wait_for(
        lambda: [x for x in d.stderr().splitlines() + d.log("paniclog")
                 if "client-named" in x and "192.0.2.7" in x])
    assert "peer=192.0.2.7:4711 by=127.0.0.2:" in named[-1]


def test_trust_is_that_of_who_has_connected(impeld):
    """Nobody gets it by a name, nobody loses it, nobody is believed by it."""
    d = impeld("Suspend_Delivery = true\nBinding b1 { }\n" +
               TRUST % 'Peer 192.0.2.7 { SMTP_Extensions = ( "SIZE" ) }\n'
               'Peer 127.0.0.4 { Trusted_Peers = ( "127.0.0.4" )\n'
               '  SMTP_Extensions = ( "SIZE" ) }', listener=False)
    c = Client(d.port)
    for who in ("192.0.2.7", "192.0.2.8", "[UNAVAILABLE]"):
        assert c.code(f"XCLIENT ADDR={who}") == "220"
        assert OFFER in c.say("EHLO proxy.test")
        assert c.code("NOOP") == "250"
    # the options of the named one hold otherwise
    c.say("XCLIENT ADDR=192.0.2.7")
    assert [x[4:] for x in c.say("EHLO proxy.test")][1:] == \
        ["SIZE", OFFER[4:], "HELP"]
    # X-Binding is believed of who is trusted himself
    c.send(header="Subject: x\r\nX-Binding: b1")
    assert c.code(f"XCLIENT ADDR={PROXY}") == "220"
    c.send(header="Subject: x\r\nX-Binding: b1")
    bindings = wait_for(lambda: len(r := d.ask_json("mailq")["queues"]) == 2
                        and r)
    assert sorted(q["binding"] for q in bindings) == ["b1", "default"]
    # not for the rest, and not where the stanza of the trusted leaves it out
    for source in ("127.0.0.3", "127.0.0.4"):
        c = Client(d.port, source)
        assert not any("XCLIENT" in x for x in c.say("EHLO x.test"))
        assert c.say(f"XCLIENT ADDR={PROXY}")[0].startswith("500 5.5.2")
        assert c.rcpt() == "550"


def test_behind_a_balancer_the_one_it_names_is_trusted(impeld):
    """Or not: that the balancer itself is in the list helps nobody."""
    d = impeld(TRUST % "Proxy_Protocol = true", listener=False)
    for named, trusted in ((PROXY, True), ("127.0.0.5", False)):
        c = Client(d.port, PROXY,
                   f"PROXY TCP4 {named} 127.0.0.1 4711 25\r\n")
        assert (OFFER in c.say("EHLO proxy.test")) == trusted
        assert c.code("XCLIENT ADDR=192.0.2.7") == \
            ("220" if trusted else "500")
        assert c.rcpt() == ("250" if trusted else "550")


def test_a_reload_takes_trust_away(impeld):
    d = impeld("Suspend_Delivery = true\n" + TRUST % "", listener=False)
    c = Client(d.port)
    assert c.code("XCLIENT ADDR=192.0.2.7") == "220"
    assert c.rcpt() == "250"
    text = d.conf.read_text()
    d.conf.write_text(text.replace('"192.0.2.7"', '"192.0.2.9"'))
    d.ask("config", "reload")
    # the options are those of the reload, from the next name on
    assert c.code("RSET") == "250"
    assert c.rcpt() == "250"
    c.say("RSET")
    assert c.code("XCLIENT ADDR=192.0.2.7") == "220"
    assert c.rcpt() == "550"
    c.say("RSET")
    assert c.code("XCLIENT ADDR=192.0.2.9") == "220"
    assert c.rcpt() == "250"
    c.say("RSET")
    d.conf.write_text(text.replace('( "127.0.0.2" )', '( "127.0.0.9" )'))
    d.ask("config", "reload")
    assert c.say("XCLIENT ADDR=192.0.2.7")[0].startswith("550 5.7.0")
    # what was named stands, and is the last that was
    assert c.rcpt() == "250"
    assert not any("XCLIENT" in x for x in c.say("EHLO x.test"))
    assert c.code("XCLIENT ADDR=192.0.2.7") == "500"


def test_the_named_client_counts_under_its_limits(impeld):
    d = impeld("Suspend_Delivery = true\n" + TRUST %
               "Peer 192.0.2.7 { Listener_Sessions = 1\n Max_Errors = 1 }",
               listener=False)
    one, two, three = (Client(d.port) for _ in range(3))
    assert one.code("XCLIENT ADDR=192.0.2.7") == "220"
    assert two.say("XCLIENT ADDR=192.0.2.7")[0].startswith("421 4.4.5")
    assert two.ended()
    # its place is free when the session goes over to another
    assert one.code("XCLIENT ADDR=192.0.2.9") == "220"
    assert three.code("XCLIENT ADDR=192.0.2.7") == "220"
    assert three.code("NONSENSE") == "500"
    assert three.code("NONSENSE") == "421"
    assert three.ended()
    four = wait_for(lambda: (c := Client(d.port)).code(
        "XCLIENT ADDR=192.0.2.7") == "220" and c, what="a place")
    assert four.rcpt() == "250"


def test_refusals(impeld):
    d = impeld(TRUST % "Max_Errors = 100", listener=False)
    c = Client(d.port)
    for bad in ("", "ADDR", "ADDR=", "ADDR=x", "ADDR=192.0.2.0/24",
                "ADDR=[192.0.2.7]", "ADDR=IPV6:192.0.2.7", "ADDR=::1%lo",
                "PORT=65536", "PORT=1e1", "HELO=a+0Db", "HELO=a+2", "HELO=a+0a",
                "LOGIN=a+00", "PROTO=X", "WHAT=x", "NAME=" + "x" * 256,
                "HELO=a HELO=b", "DESTADDR=x", "DESTPORT=65536"):
        assert c.say("XCLIENT " + bad)[0].startswith("501 5.5.4"), bad
    assert c.code("XCLIENT ADDR=192.0.2.8") == "220"
    assert c.code("MAIL FROM:<a@origin.test>") == "250"
    assert c.say("XCLIENT ADDR=192.0.2.7")[0].startswith("503 5.5.1")
    assert c.code("RCPT TO:<b@dest.test>") == "550"


def test_swaks_names_a_client(impeld):
    d = impeld("Suspend_Delivery = true\n" + TRUST % "", listener=False)
    for client, code in (("192.0.2.7", 0), ("192.0.2.8", 24)):
        p = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{d.port}", "--local-interface",
             PROXY, "--to", "b@dest.test", "--from", "a@origin.test",
             "--xclient-addr", client, "--xclient-name", "c.test",
             "--xclient-helo", "c.test", "--xclient-port", "4711"],
            capture_output=True, text=True, timeout=30)
        assert p.returncode == code, p.stdout + p.stderr
    assert d.wait_records("R")[0][9] == "192.0.2.7"
