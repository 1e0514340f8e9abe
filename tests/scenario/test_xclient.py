# SPDX-License-Identifier: Apache-2.0
"""XCLIENT: hosts are told whom a message came from."""
import socket

from peers import send

ATTRIBUTES = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"


def routes(port, xclient):
    return (f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
            f"Retry_Interval = 1\nXClient = {xclient}\n")


def taken(stage, line):
    return "220 server.test ESMTP\r\n" if stage == "XCLI" else None


def said(s):
    return [dict(w.split("=", 1) for w in line.decode().split()[1:])
            for line in s.lines if line.startswith(b"XCLIENT ")]


def hand_in(port, source, name, to):
    """One message from that address; its port."""
    with socket.create_connection(("127.0.0.1", port), 20,
                                  source_address=(source, 0)) as c:
        f = c.makefile("rwb")
        for line in ("", f"EHLO {name}", "MAIL FROM:<a@origin.test>",
                     f"RCPT TO:<{to}>", "DATA", "Subject: x\r\n\r\nx\r\n.",
                     "QUIT"):
            if line:
                f.write(line.encode() + b"\r\n")
                f.flush()
            while (reply := f.readline())[3:4] == b"-":
                pass
            assert reply[:1] in b"23", reply
        return c.getsockname()[1]


def test_each_client_is_named_also_after_a_restart(impeld, server):
    s = server(extensions=("PIPELINING", ATTRIBUTES), answer=taken)
    text = routes(s.port, "required") + "Max_Outbound_Connections = 1\n"
    d = impeld(text + "Suspend_Delivery = true\n")
    want = []
    for i in range(3):
        port = hand_in(d.port, f"127.0.0.{2 + i}", f"c{i}.test",
                       f"r{i}@dest.test")
        want.append((f"127.0.0.{2 + i}", str(port), f"c{i}.test"))
    d.terminate()
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.start()
    s.wait(3)
    got = said(s)
    assert sorted((a["ADDR"], a["PORT"], a["HELO"]) for a in got) == want
    assert all(a["NAME"] == a["LOGIN"] == "[UNAVAILABLE]" and
               a["PROTO"] == "ESMTP" for a in got)
    # each message behind the words for its own client
    at = [line for line in s.lines
          if line.startswith((b"XCLIENT", b"EHLO", b"MAIL"))]
    for i, line in enumerate(at):
        if line.startswith(b"MAIL"):
            assert at[i - 1].startswith(b"EHLO")
            assert at[i - 2].startswith(b"XCLIENT")


def test_required_waits_and_ifavailable_does_not(impeld, server):
    s = server()
    d = impeld(routes(s.port, "required") +
               'Domain "easy.test" { XClient = ifavailable }\n')
    send(d.port, "a@easy.test")
    send(d.port, "b@hard.test")
    s.wait(1)
    t = d.wait_records("T")[0]
    assert "XCLIENT required but not advertised" in "@".join(t)
    assert [m.recipients for m in s.messages] == [["a@easy.test"]]
